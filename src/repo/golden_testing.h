// Builds the repository of tests/golden/repo-v1: a tiny but complete repository of format v1 with
// fixed ids, salts and times.
#pragma once

#include <string>
#include <vector>

#include "repo/key_slot.h"
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

// Writes all objects into `store`; encrypted ones if it is a Vault with GoldenKeys.
GoldenRepository BuildGoldenRepository(store::Store& store);

// The keys of tests/golden/repo-v1-sealed: its master key is 40 41 42 .. 5f. Its two slots open
// with the passphrase "correct horse battery staple" and with the key file a0 a1 a2 .. bf.
std::shared_ptr<Keyring> GoldenKeys();
inline constexpr char kGoldenPassphrase[] = "correct horse battery staple";
SlotSecret GoldenKeyFile();

}  // namespace maxbrod::repo
