// Where two snapshots differ, or a snapshot and a cluster described as one (describe_live.h). Pure:
// everything is in the two values; no data is read.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/selection.h"
#include "repo/repository.h"

namespace maxbrod::engine {

enum class DiffArea : uint8_t {
  kTopics,   // there or not, made anew, partitions, replication factor, placement
  kConfigs,  // of topics
  kData,     // offset ranges, gaps, history
  kGroups,   // type, configs, committed offsets
  kAcls,
  kQuotas,
  kUsers,    // SCRAM users: mechanisms and iterations
  kCluster,  // dynamic configs that belong to no single broker, features
  kSchemas,  // of a Schema Registry
};
inline constexpr size_t kDiffAreas = 9;
const char* NameOf(DiffArea area);  // "topics", "configs", ...
// A list of names. kInvalidArgument with the names there are.
Result<std::vector<DiffArea>> ParseDiffAreas(const std::vector<std::string>& names);

enum class DiffChange : uint8_t { kAdded, kRemoved, kChanged };  // from the first to the second
inline constexpr size_t kDiffChanges = 3;
const char* NameOf(DiffChange change);  // "added", "removed", "changed"

struct DiffEntry {
  DiffArea area = DiffArea::kTopics;
  DiffChange change = DiffChange::kChanged;
  std::string object;         // "orders", "orders-3", "group billing", by the second side's names
  std::string what;           // "retention.ms", "end offset"; empty: the object itself
  std::string before, after;  // as text; empty on the side that lacks it
  std::string note;           // "+1,204 offsets since"
};

struct DiffOptions {
  TopicSelection topics;            // of the first side's names, and of those only the second has
  Renames renames;                  // from the first side's names to the second's
  std::vector<NamePattern> groups;  // empty: all
  std::vector<DiffArea> only;       // empty: all
  bool placement = false;           // which brokers hold which replicas
  bool strict = false;              // also at which level a config is set
};

struct DiffSide {
  std::string name;  // of the snapshot, or "the cluster"
  std::string id;    // hex; empty: not a snapshot
  int64_t time_ms = 0;
  std::string cluster_id;
  std::vector<std::string> brokers;  // "1 host:9092 rack a"
  uint64_t topics = 0, groups = 0;   // compared
};

struct DiffReport {
  DiffSide a, b;
  std::vector<DiffEntry> entries;  // by area, then object, then what
  std::vector<std::string> notes;  // what was not compared, and why
  std::array<std::array<uint64_t, kDiffChanges>, kDiffAreas> counts{};
  uint64_t count() const { return entries.size(); }
  // kDifferent when there is an entry.
  Status Outcome() const;
};

// kNotFound for a plain topic name that neither side has.
Status CheckTopicNames(const repo::Snapshot& a, const repo::Snapshot& b,
                       const TopicSelection& topics);

// Broker ids, hosts and cluster ids are told, and never are a difference. Of two clusters topic ids
// are not compared. `b_is_live`: only for texts.
DiffReport DiffSnapshots(const repo::Snapshot& a, const repo::Snapshot& b, bool b_is_live,
                         const DiffOptions& options);

}  // namespace maxbrod::engine
