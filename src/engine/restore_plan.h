// What a restore will do, known in full before anything is touched.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "aws/msk_cluster.h"
#include "engine/aborted_index.h"
#include "engine/cold_packs.h"
#include "engine/config_rules.h"
#include "engine/merge_policy.h"
#include "engine/placement_rule.h"
#include "engine/progress.h"
#include "engine/restore_metadata.h"
#include "engine/restore_parts.h"
#include "engine/selection.h"
#include "engine/target_abilities.h"
#include "engine/thaw.h"
#include "engine/time_cut.h"
#include "kafka/cluster.h"
#include "repo/offset_map.h"
#include "repo/repository.h"

namespace maxbrod::engine {

enum class OffsetsMode : uint8_t { kAuto, kExact, kDense };
const char* OffsetsModeName(OffsetsMode mode);

// How the holes of a compacted log come about.
enum class HoleMeans : uint8_t {
  kAuto,     // by cost
  kMarkers,  // transaction markers
  kCleaner,  // records without a key, which the brokers' cleaner removes
};

// Same offsets, or records one after another with a map from old to new offsets.
struct OffsetsPolicy {
  OffsetsMode mode = OffsetsMode::kAuto;
  std::vector<std::pair<NamePattern, OffsetsMode>> topics;  // the first that matches decides
  // kAuto: what padding and markers of a topic may take before it is restored dense. 0: no limit.
  uint64_t pad_limit_offsets = 0;
  double pad_limit_seconds = 3600;
  MarkerMeans markers = MarkerMeans::kNone;  // kNone: what the target allows
  HoleMeans holes = HoleMeans::kAuto;
  bool append = false;  // topics that are not empty are appended to, dense

  // "auto", "exact", "dense", or TOPIC=MODE with a pattern. kInvalidArgument with a hint.
  Status ParseMode(const std::string& text);
  // An amount of offsets ("5000000") or a time ("90s", "30m", "2h").
  Status ParsePadLimit(const std::string& text);
  OffsetsMode For(const std::string& topic) const;
  // All of it that shapes a restore's result, as text.
  std::string Text() const;
};

// What a target takes a second: guesses, unless measured on it.
struct TargetRates {
  double bytes = 150e6;
  double filler = 3e6;
  double markers = 15e3;
  double end_txns = 300;
  double cleaner_bytes = 100e6;  // read by one broker's cleaner
  bool measured = false;
};

struct RestoreSelection {
  TopicSelection topics;
  Renames renames;
  RestoreParts parts;
  MergePolicies if_exists;
  std::optional<uint64_t> yes_delete;  // topics of the target that are meant to be deleted
  ConfigRules config_rules;
  BrokerConfigs broker_configs = BrokerConfigs::kNone;
  std::shared_ptr<const ScramPasswords> passwords;  // of users that are made; null: none are
  std::shared_ptr<registry::Registry> registry;     // for schemas; null: none was named
  std::vector<NamePattern> only_groups;             // empty: all
  OffsetsPolicy offsets;
  std::optional<int64_t> at_ms;       // no records newer than this
  std::vector<OffsetCut> to_offsets;  // nor these partitions' from these offsets on
  PlacementRule placement;
  // Other numbers of partitions, by the source's names; the last that matches counts.
  std::vector<std::pair<NamePattern, int32_t>> partitions;
  bool default_partitioner = false;  // records may be given out anew, by their keys
  TargetRates rates;                 // for estimates
  bool leave_retention_off = false;  // the restored topics keep everything until somebody decides
  // What the target, a cluster of Amazon MSK, does not take; null: nothing is known of that.
  std::shared_ptr<const aws::MskLimits> limits = nullptr;
};

struct PlannedConfig {
  std::string name;
  std::string value;
  std::string
      reason;  // "set on the source's topic", "the source's broker default (target: 3600000)"
  bool asked = false;  // by --config: the target must take it
};

// A topic that the target has, before the restore.
struct TargetTopic {
  int32_t partitions = 0;
  int32_t replication_factor = 0;
  int64_t end_offsets = 0;                     // the sum over its partitions
  int64_t held = 0;                            // offsets between log starts and log ends, the sum
  std::map<std::string, std::string> configs;  // set on the topic
};

enum class TopicAction : uint8_t {
  kCreate,
  kFill,     // there, and empty
  kAppend,   // there, and not empty
  kReplace,  // there: deleted, and created anew
  kConfigs,  // there: only its configs change
};
const char* TopicActionName(TopicAction action);  // "create", "fill", ...

struct PlannedPartition {
  int32_t partition = 0;
  int64_t log_start = 0;   // consumers' first offset after the restore
  int64_t end = 0;         // next offset after the snapshot's last
  int64_t data_start = 0;  // base offset of the first batch; below it is filler
  int64_t first_end = 0;   // end of the first batch; data_start where there is none
  int64_t first_timestamp = -1;
  uint64_t bytes = 0, records = 0;
  uint64_t markers = 0;  // control batches of the source
  uint64_t holes = 0;    // other offsets without a record
  AbortedIndex aborted;
  // Holes below are filled with records that the target's cleaner removes, those above with
  // markers.
  int64_t fill_below = 0;
  std::shared_ptr<const repo::OffsetMap> map;  // dense topics: where each record goes
  std::vector<repo::BlockUse> blocks;
  std::optional<TimeCut> cut;     // `end` lies before the snapshot's
  std::vector<int32_t> replicas;  // empty: the brokers choose

  // The target's log end. With the same offsets: one marker more for each transaction that was
  // aborted beyond the cut.
  int64_t log_end() const {
    return map ? map->end() : end + static_cast<int64_t>(aborted.open_at_cut());
  }
  int64_t target_log_start() const { return map ? 0 : log_start; }
  // For a committed offset: the next record to read is the same one.
  int64_t Translate(int64_t offset) const {
    return map ? map->Translate(offset) : std::min(offset, end);
  }
};

struct PlannedTopic {
  std::string source, target;
  TopicId existing_id;  // the target's topic, when it is there already (empty, or ours)
  bool exists = false;
  TopicAction action = TopicAction::kCreate;
  std::optional<TargetTopic> target_now;
  TopicId replaces;         // of kReplace
  int32_t repartition = 0;  // so many partitions instead of the source's; 0: as many
  int16_t replication_factor = 1;
  uint32_t largest_batch = 0;
  bool log_append_time = false;        // some batches are repacked with their append times
  std::vector<PlannedConfig> configs;  // in force at the end
  std::vector<std::string> configs_left_out;
  std::shared_ptr<const aws::MskLimits> limits = nullptr;  // of the target
  std::vector<PlannedPartition> partitions;
  OffsetsMode mode = OffsetsMode::kExact;  // kExact or kDense
  std::string mode_why;                    // why dense
  bool append = false;                     // there, and not empty: its configs stay
  uint64_t filler = 0;                     // offsets to pad below the log starts
  uint64_t markers = 0;                    // markers to write
  uint64_t filled = 0;                     // offsets that the cleaner will empty
  uint64_t transactions = 0;               // aborted ones, done again for real
  bool old_formats = false;                // some batches are of message format 0 or 1: converted
  uint64_t bytes = 0, records = 0;
  uint64_t expiring_bytes = 0,
           expiring_records = 0;  // the broker will delete them soon, by retention
  std::string expiring_why;
  double seconds_estimate = 0;
  uint64_t disk_bytes = 0;      // over all replicas, with what is there for a while only
  uint64_t disk_temporary = 0;  // of them, filler: gone when log starts are cut, or heads cleaned
};

enum class GroupAction : uint8_t { kCreate, kSame, kOverwrite, kSkip };
const char* GroupActionName(GroupAction action);  // "create", "same", ...

struct PlannedGroup {
  std::string group, type;
  std::vector<kafka::CommittedOffset> offsets;  // with target names
  size_t left_out = 0;                          // offsets of topics that are not restored
  size_t later = 0;  // offsets of repartitioned topics: known when their records are written
  GroupAction action = GroupAction::kCreate;
  size_t target_offsets = 0;  // committed on the target before the restore
  size_t changes = 0;         // of `offsets`, where the group stands elsewhere
};

struct SkippedTopic {
  std::string source, target, why;
  size_t partitions = 0;  // in the snapshot
  TargetTopic target_now;
};

struct RestorePlan {
  repo::Snapshot snapshot;
  std::string target_cluster_id;
  std::vector<PlannedTopic> topics;
  std::vector<PlannedGroup> groups;
  std::vector<PlannedTopic>
      repartitioned;                       // with more partitions than the source's (repartition.h)
  std::vector<PlannedTopic> configs_only;  // on the target; only their configs change
  std::vector<SkippedTopic> skipped;
  std::vector<std::string> skipped_groups;
  RestoreParts parts;
  std::shared_ptr<const MetadataPlan> metadata;  // ACLs, quotas, ...; null: none of that
  std::vector<std::string> warnings;
  std::vector<std::string> refusals;  // non-empty: nothing will be touched
  Code refusal_code = Code::kOk;
  std::string refusal_hint;
  TargetAbilities abilities;
  TargetRates rates;
  uint64_t bytes = 0, records = 0, filler = 0, markers = 0, transactions = 0;
  uint64_t disk_bytes = 0;  // over all replicas
  double seconds_estimate = 0;
  double cleaner_backoff_seconds = 15;  // of the brokers' cleaner, the longest
  int64_t checkpoint_wait_ms = 0;       // until brokers have log starts on disk
  // Packs in cold storage. While it names something unknown, the plan is good for estimates only.
  ThawNeed thaw;

  // One refusal more; the first one's code and hint stay.
  void Refuse(Code code, const std::string& what, const std::string& hint);
  // The refusals as one status, OK when there are none.
  Status Refusal() const;
};

// An earlier run of the same restore: topics it created may hold data.
struct EarlierRestore {
  std::map<std::string, TopicId> topics;     // target name -> id
  std::set<std::string> dense;               // target names
  std::set<std::string> filled;              // whose holes are filled and cleaned
  std::map<TopicPartition, int64_t> starts;  // where dense partitions of the target began
  // What topics of the target had set before, where they keep it.
  std::map<std::string, std::vector<PlannedConfig>> configs;

  // Whether the topic that stands there is that run's.
  bool Made(const PlannedTopic& topic) const;
};

// Reads no pack that `cold` finds to be in cold storage: what only its data would tell is
// estimated, and named in thaw.unknown.
Result<RestorePlan> MakeRestorePlan(repo::Repository& repository,
                                    const format::SnapshotRef& snapshot, kafka::Cluster& target,
                                    const RestoreSelection& selection,
                                    const EarlierRestore* earlier, int64_t now_ms, ColdPacks& cold,
                                    const CallContext& context);

}  // namespace maxbrod::engine
