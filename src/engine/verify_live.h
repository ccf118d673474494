// Compares a cluster with a snapshot: log start and end offsets, every record, groups' offsets,
// configs, partitions.
//
// Data goes in step: brokers' fetches on one side, the repository's blocks on the other. What the
// cluster has gained since the snapshot is not a difference, nor what its retention has removed;
// both are counted.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/limits.h"
#include "engine/compare_partition.h"
#include "engine/fetch_pool.h"
#include "engine/selection.h"
#include "engine/thaw_gate.h"

namespace maxbrod::engine {

struct LiveVerifyOptions {
  TopicSelection topics;
  Renames renames;  // as given to the restore
  bool groups = true;
  std::vector<NamePattern> only_groups;  // empty: all
  Sampler sampler;  // of the snapshot's blocks; offsets, groups and configs are compared in full
  size_t read_ahead = 0;  // as RestoreOptions::read_ahead
  size_t memory = 512 * kMiB;
  size_t connections_per_broker = 2;
  PaceOptions pace;
  Millis stall_limit{120'000};
  ColdPolicy cold;
  Clock* clock = &Clock::System();
};

struct RemovedRange {
  TopicPartition partition;
  int64_t first_offset = 0, last_offset = 0;
};
struct UnreadPartition {
  TopicPartition partition;
  Status status;
};

struct LiveVerifyReport {
  std::string snapshot;
  uint64_t topics = 0, partitions = 0, groups = 0, configs = 0;  // compared
  CompareTotals data;
  FetchTotals fetch;
  PaceReport pace;
  std::array<uint64_t, kDifferenceKinds> difference_counts{}, difference_records{};
  std::vector<Difference> differences;  // listed ones
  uint64_t problem_count = 0;           // damage in the repository
  std::vector<Problem> problems;
  std::vector<RemovedRange> removed_by_retention;
  std::vector<UnreadPartition> unread;
  uint64_t partitions_moved_on = 0;  // their logs go on beyond the snapshot's end
  // Packs in cold storage that were left out by choice, with the records in them.
  uint64_t cold_packs = 0, cold_bytes = 0;
  uint64_t groups_moved_on = 0;  // their offsets have gone on, as consumers do
  std::vector<std::string> notes;
  Sampler sampler;
  double seconds = 0;
  uint64_t difference_count() const;
  // kCorrupt for damage in the repository, else kDifferent, else why partitions could not be read,
  // else OK.
  Status Outcome() const;
};

// Differences stand in the report. A non-OK result means that comparing itself could not go on.
// Packs in cold storage: as VerifyRepository.
Result<LiveVerifyReport> VerifyCluster(repo::Repository& repository,
                                       const format::SnapshotRef& snapshot, kafka::Cluster& cluster,
                                       const LiveVerifyOptions& options, Progress& progress,
                                       const CallContext& context);

}  // namespace maxbrod::engine
