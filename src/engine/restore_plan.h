// What a restore will do, known in full before anything is touched.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/progress.h"
#include "engine/selection.h"
#include "kafka/cluster.h"
#include "repo/repository.h"

namespace maxbrod::engine {

struct RestoreSelection {
  TopicSelection topics;
  Renames renames;
  bool groups = true;
  std::vector<NamePattern> only_groups;  // empty: all
  int replication_factor = 0;            // 0: as on the source
  bool leave_retention_off = false;  // the restored topics keep everything until somebody decides
};

struct PlannedConfig {
  std::string name;
  std::string value;
  std::string
      reason;  // "set on the source's topic", "the source's broker default (target: 3600000)"
};

struct PlannedPartition {
  int32_t partition = 0;
  int64_t log_start = 0;   // consumers' first offset after the restore
  int64_t end = 0;         // next offset after the restore
  int64_t data_start = 0;  // base offset of the first batch; below it is filler
  int64_t first_end = 0;   // end of the first batch; data_start where there is none
  int64_t first_timestamp = -1;
  uint64_t bytes = 0, records = 0;
  std::vector<repo::BlockUse> blocks;
};

struct PlannedTopic {
  std::string source, target;
  TopicId existing_id;  // the target's topic, when it is there already (empty, or ours)
  bool exists = false;
  int16_t replication_factor = 1;
  uint32_t largest_batch = 0;
  bool log_append_time = false;        // some batches are repacked with their append times
  std::vector<PlannedConfig> configs;  // in force at the end
  std::vector<std::string> configs_left_out;
  std::vector<PlannedPartition> partitions;
  uint64_t filler = 0;  // offsets to pad
  uint64_t bytes = 0, records = 0;
  uint64_t expiring_bytes = 0,
           expiring_records = 0;  // the broker will delete them soon, by retention
  std::string expiring_why;
};

struct PlannedGroup {
  std::string group, type;
  std::vector<kafka::CommittedOffset> offsets;  // with target names
  size_t left_out = 0;                          // offsets of topics that are not restored
};

struct RestorePlan {
  repo::Snapshot snapshot;
  std::string target_cluster_id;
  std::vector<PlannedTopic> topics;
  std::vector<PlannedGroup> groups;
  std::vector<std::string> warnings;
  std::vector<std::string> refusals;  // non-empty: nothing will be touched
  Code refusal_code = Code::kOk;
  std::string refusal_hint;
  uint64_t bytes = 0, records = 0, filler = 0;
  uint64_t disk_bytes = 0;  // over all replicas
  double seconds_estimate = 0;
  int64_t checkpoint_wait_ms = 0;  // until brokers have log starts on disk

  // The refusals as one status, OK when there are none.
  Status Refusal() const;
};

// An earlier run of the same restore: topics it created may hold data.
struct EarlierRestore {
  std::map<std::string, TopicId> topics;  // target name -> id
};

Result<RestorePlan> MakeRestorePlan(repo::Repository& repository,
                                    const format::SnapshotRef& snapshot, kafka::Cluster& target,
                                    const RestoreSelection& selection,
                                    const EarlierRestore* earlier, int64_t now_ms,
                                    const CallContext& context);

}  // namespace maxbrod::engine
