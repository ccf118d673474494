// Puts a damaged repository into a state that verifies again, as far as its own bytes allow.
//
//   config, config.copy      one from the other
//   checkpoints, old commits a checkpoint of the head, written anew
//   manifests                rebuilt from the packs' own indexes
//   packs                    what can still be read is copied into new ones
//   what is lost             claims are released, so that the next backup reads it again where the
//                            source still has it; snapshots note it as gaps, with the reason
//
// Snapshot objects, key slots and offset maps cannot be made from anything else: they are named,
// with what may be done. Nothing that anybody could need is removed; only a config that is proven
// to be wrong is put right in its place.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/progress.h"
#include "repo/reindex.h"
#include "repo/repository.h"

namespace maxbrod::engine {

struct RepairOptions {
  bool dry_run = false;
  bool read_data = false;  // read every block; else only what is missing or cut short is found
  std::optional<uint64_t> yes_lose;  // how many ranges of offsets are given up
};

struct RepairItem {
  std::string object;
  std::string what;
  std::string cure;  // what is done, or what a person may do
  bool curable = true;
};

struct RepairReport {
  std::vector<RepairItem> items;
  std::vector<repo::LostRange> lost;         // merged, of topics and snapshots
  std::vector<std::string> lossy_snapshots;  // names of those that get gaps or other manifests
  uint64_t copied_bytes = 0;                 // of damaged packs, that could be saved
  uint64_t incurable = 0;
  bool changed = false;
  repo::Receipt head;
};

// kInvalidArgument, before anything is changed, when ranges would be lost and their number was not
// given. Other errors: the store's. Safe to stop and to run again; beside other writers it plans
// again.
Result<RepairReport> RunRepair(repo::Repository& repository, const RepairOptions& options,
                               Progress& progress, const CallContext& context);

}  // namespace maxbrod::engine
