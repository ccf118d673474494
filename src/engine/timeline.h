// What can be restored, from when to when: branches of each topic's history, what is held of them,
// the snapshots on them, and the commits that the log can still go back to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/selection.h"
#include "repo/repository.h"

namespace maxbrod::engine {

struct TimelineOptions {
  TopicSelection topics;
  // Commits of the log that are read for the times at which data came, the newest ones.
  uint64_t commits_max = 10'000;
};

// A commit that brought data of something.
struct TimelineCommit {
  uint64_t sequence = 0;  // 0: none
  int64_t time_ms = 0;
};

struct TimelineGap {
  int64_t start_offset = 0, end_offset = 0;  // exclusive
  std::string reason;
};

// A snapshot that ends on a branch.
struct TimelineSnapshot {
  std::string name;
  int64_t time_ms = 0;
  int64_t end_offset = 0;
};

struct TimelineBranch {
  uint64_t id = 0;
  std::optional<uint64_t> parent;  // shares its data below fork_offset
  int64_t fork_offset = 0;
  uint32_t generation = 0;  // of a compacted topic: counts reads from the log start
  bool compacted = false;
  bool current = false;  // where the next backup goes on
  std::string reason;    // why it began: "first read", "log truncated at offset 120 (...)"
  int64_t created_ms = 0;
  int64_t read_started_ms = 0, read_ended_ms = 0;  // of the newest read
  int64_t log_start_offset = 0;                    // the source's, when read last
  std::vector<std::pair<int64_t, int64_t>> held;   // [from, to), of the branch itself
  std::vector<TimelineGap> gaps;                   // between those
  TimelineCommit first, last;  // of the commits read; first: not older than those
  std::vector<TimelineSnapshot> snapshots;
  uint64_t offsets() const;
};

struct TimelinePartition {
  int32_t partition = 0;
  std::vector<TimelineBranch> branches;  // in order of creation
};

struct TimelineTopic {
  std::string topic;
  TopicId id;
  bool current = true;  // false: another topic of its name was read later
  std::vector<TimelinePartition> partitions;
  std::vector<std::string> snapshots;  // that hold it, oldest first
};

// A commit that can be restored to, and brought data.
struct TimelinePoint {
  TimelineCommit commit;
  uint64_t topics = 0, partitions = 0;  // that it brought data of
  uint64_t offsets = 0;                 // that it claims
  std::vector<std::string> snapshots;   // that it named
};

struct Timeline {
  // The window of commits: any of them can be restored to, as far as prune has not removed what it
  // held. 0: there is none.
  TimelineCommit first, last;
  uint64_t commits_read_from = 0;  // points and times of commits before it are not told
  std::vector<TimelinePoint> points;
  std::vector<TimelineTopic> topics;           // by name, then in order of their reading
  std::vector<format::SnapshotRef> snapshots;  // all of them, oldest first
};

// Writes nothing. kNotFound for a plain topic name that the repository does not have. A snapshot
// that cannot be read is passed over.
Result<Timeline> MakeTimeline(repo::Repository& repository, const TimelineOptions& options,
                              const CallContext& context);

}  // namespace maxbrod::engine
