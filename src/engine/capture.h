// What a snapshot records of a cluster besides its data, and the cut itself, in the order that
// makes a cut sound: group offsets first, then last stable offsets (docs/design.md, "The cut").
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/progress.h"
#include "engine/selection.h"
#include "kafka/cluster.h"
#include "registry/registry.h"
#include "repo/format.pb.h"

namespace maxbrod::engine {

struct CapturedPartition {
  kafka::PartitionMetadata metadata;
  int64_t earliest = -1;
  int64_t last_stable = -1;  // the cut
  int64_t high_watermark = -1;
  int32_t last_stable_epoch = -1;
  Status status;  // why its offsets could not be had
};

struct CapturedTopic {
  kafka::TopicMetadata metadata;
  std::vector<kafka::ConfigValue> configs;
  std::vector<CapturedPartition> partitions;
  bool compacted = false;  // cleanup.policy has "compact"
  int64_t delete_retention_ms = -1;

  const kafka::ConfigValue* FindConfig(const std::string& name) const;
};

struct CapturedCluster {
  format::ClusterInfo info;
  std::map<std::string, CapturedTopic> topics;
  std::vector<format::GroupSnapshot> groups;
  format::ClusterMetadata metadata;
  uint64_t open_transactions =
      0;  // partitions whose last stable offset lies below the high watermark
  uint64_t hanging_transactions = 0;  // of these, open for longer than the limit
};

// How a snapshot keeps a config value.
format::ConfigEntry ToConfigEntry(const kafka::ConfigValue& config);

struct CaptureOptions {
  TopicSelection selection;
  bool groups = true;
  bool topics_must_exist = true;  // false: literal topics that do not are none
  // A transaction open for longer is called hanging (transaction.max.timeout.ms is 15 min by
  // default).
  Millis hanging_after{20 * 60 * 1000};
  registry::Registry* registry = nullptr;  // a Schema Registry to read as well
};

// kNotFound names literal topics that do not exist; other errors name broker and API.
Result<CapturedCluster> Capture(kafka::Cluster& cluster, const CaptureOptions& options,
                                Clock& clock, Progress& progress, const CallContext& context);

}  // namespace maxbrod::engine
