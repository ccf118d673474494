// Lets go of the snapshots that a retention policy (retention.h) does not keep.
#pragma once

#include <string>
#include <vector>

#include "engine/retention.h"
#include "repo/repository.h"

namespace maxbrod::engine {

struct PolicyOptions {
  RetentionPolicy policy;
  GroupBy group_by;
  TimeZone zone;
  std::vector<std::string> tags;  // only snapshots that have all of these; the others stay
  std::string cluster;            // only those of this cluster id; empty: of any
  std::string reason;             // kept in the log
  bool dry_run = false;
};

struct PolicyReport {
  struct Line {
    format::SnapshotRef snapshot;
    bool keep = false;
    std::vector<std::string> reasons;
  };
  struct Group {
    std::string text;         // "cluster xyz, tags a b"; may be empty
    std::vector<Line> lines;  // newest first
  };
  std::vector<Group> groups;
  uint64_t kept = 0, forgotten = 0;  // of those that were looked at
  uint64_t others = 0;               // not looked at: other tags, other clusters
  std::vector<std::string> warnings;
  std::vector<std::string> last_of;  // topics that no snapshot has then, ascending
  repo::Receipt head;
};

// Decides upon the very state that the commit follows: a hold or a tag that comes meanwhile counts.
// All that go, go in one commit. At least one snapshot of each group stays, whatever the policy
// says (kInvalidArgument). kNotFound where no snapshot has the tags, or is of the cluster.
Result<PolicyReport> ForgetByPolicy(repo::Repository& repository, const PolicyOptions& options,
                                    const CallContext& context);

}  // namespace maxbrod::engine
