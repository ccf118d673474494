// Which snapshots are let go, by name. Their data goes with the next prunes.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "repo/repository.h"

namespace maxbrod::engine {

struct ForgetOptions {
  std::vector<std::string> snapshots;  // names, or the first digits of ids
  // How many are meant to go; needed where some topic would be left without any snapshot.
  std::optional<uint64_t> yes_delete;
  std::string reason;  // kept in the log
  bool dry_run = false;
};

struct ForgetReport {
  std::vector<format::SnapshotRef> forgotten;
  std::vector<std::string> last_of;  // topics that no other snapshot has, ascending
  bool none_left = false;            // no snapshot is left at all
  repo::Receipt head;
};

// kConflict when one is held; kInvalidArgument when the number was needed and is another one;
// kNotFound. All are forgotten, or none.
Result<ForgetReport> ForgetSnapshots(repo::Repository& repository, const ForgetOptions& options,
                                     const CallContext& context);

// Names of the topics that only the snapshots with these ids have, ascending. Reads every snapshot.
Result<std::vector<std::string>> TopicsOnlyIn(repo::Repository& repository,
                                              const std::set<std::string>& going,
                                              const CallContext& context);

// kInvalidArgument, with the number to say, unless `said` is it. `what` tells what would be lost.
Status CheckSaidAloud(const std::string& what, uint64_t number, std::optional<uint64_t> said);

}  // namespace maxbrod::engine
