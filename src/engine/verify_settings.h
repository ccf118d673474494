// What a cluster has besides records, against a snapshot: topics' configs, groups' offsets.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/progress.h"
#include "engine/selection.h"
#include "engine/verify.h"
#include "kafka/cluster.h"
#include "repo/repository.h"

namespace maxbrod::engine {

// A topic of the snapshot and the one on the cluster that it is compared with.
struct ComparedTopic {
  const format::TopicSnapshot* source = nullptr;
  std::string target;
  kafka::TopicMetadata metadata;               // as the cluster has it
  std::map<std::string, std::string> configs;  // effective on the cluster; empty: not known
  std::string Config(const std::string& name) const;
  bool compacted() const;
  // Whether the broker may remove old records by itself.
  bool retention_may_remove() const;
};

struct SettingsTotals {
  uint64_t configs = 0, groups = 0, groups_moved_on = 0;
  std::vector<std::string> notes;
};

// Reads the topics' effective configs and compares those that a restore puts in force: what was set
// on the source's topics, and what decides over their data (target_configs.h). Without the right to
// see configs a note is left.
Status CompareConfigs(kafka::Cluster& cluster, std::vector<ComparedTopic>* topics,
                      DifferenceList* differences, SettingsTotals* totals,
                      const CallContext& context);

// A group's offset may have gone on where it has members or where its log has; else it must be the
// snapshot's.
struct GroupComparison {
  const std::vector<format::GroupSnapshot>* groups = nullptr;
  std::vector<NamePattern> only;                // empty: all
  std::map<std::string, std::string> targets;   // source topic -> topic on the cluster
  std::map<TopicPartition, bool> log_moved_on;  // by the cluster's names
};
Status CompareGroups(kafka::Cluster& cluster, const GroupComparison& what,
                     DifferenceList* differences, SettingsTotals* totals,
                     const CallContext& context);

}  // namespace maxbrod::engine
