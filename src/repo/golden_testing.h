// Builds the repository of tests/golden/repo-v1: a tiny but complete repository of format v1 with
// fixed ids, salts and times.
#pragma once

#include <string>
#include <vector>

#include "repo/pack_testing.h"
#include "store/mem_store.h"

namespace maxbrod::repo {

struct GoldenRepository {
  std::vector<TestBlock> blocks;        // what the committed packs hold
  std::vector<TestBlock> small_blocks;  // of the small pack, compressed with zstd
  std::string small_pack;               // its name: its bytes depend on the zstd library
  format::PackRef pack;
  format::PackRef small_ref;
};

// Writes all objects into `store`.
GoldenRepository BuildGoldenRepository(store::Store& store);

}  // namespace maxbrod::repo
