// Topic configs across clusters: which overrides a restored topic needs so that its effective
// configs are the source's.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/restore_plan.h"
#include "kafka/cluster.h"
#include "repo/format.pb.h"

namespace maxbrod::engine {

// The target's defaults for topics, read from its brokers' configs, by topic config name. Where the
// brokers do not show theirs (serverless clusters of MSK), those of the limits, if it has some;
// null: none.
using TopicDefaults = std::map<std::string, std::string>;
Result<TopicDefaults> ReadTopicDefaults(kafka::Cluster& target, const aws::MskLimits* limits,
                                        const CallContext& context);
// Whether DescribeConfigs of a broker failed for good: by the user's rights, or since the cluster
// has no such thing.
bool HidesBrokerConfigs(const Status& status);

// Fills `configs` and `configs_left_out` of the planned topic. The user's rules are the last word.
void PlanConfigs(const format::TopicSnapshot& source, const TopicDefaults& defaults,
                 bool leave_retention_off, const ConfigRules& rules, PlannedTopic* topic,
                 std::vector<std::string>* warnings);

// Asks the target whether it would take the configs (CreateTopics, validate only), for topics that
// are not there yet. What it refuses, an unknown name or a value out of its bounds, moves to
// `configs_left_out` with a warning; where the user asked for it, the restore is refused. Other
// trouble is left to the creation.
Status DropRefusedConfigs(kafka::Cluster& target, RestorePlan* plan, const CallContext& context);

// The value that will be in force: the planned override, else the target's default.
std::optional<std::string> EffectiveConfig(const PlannedTopic& topic, const TopicDefaults& defaults,
                                           const std::string& name);

// What a topic is created with: only names that every broker since 2.8 knows.
std::vector<std::pair<std::string, std::string>> CreationConfigs(const PlannedTopic& topic,
                                                                 bool roll);
// What is set right after, as far as `known` has the names.
std::vector<kafka::ConfigChange> WorkingChanges(const PlannedTopic& topic,
                                                const std::set<std::string>& known);
// From working to real configs. Unknown names are left out and listed.
std::vector<kafka::ConfigChange> FinalChanges(const PlannedTopic& topic,
                                              const std::set<std::string>& known,
                                              std::vector<std::string>* unknown);

// While log starts are padded, segments roll when time (by the records' stamps) moves on by so
// much: the filler's stamp lies just further than that before the first batch's, so that the first
// batch opens a segment of its own.
inline constexpr int64_t kRollSegmentMs = 10'000;

}  // namespace maxbrod::engine
