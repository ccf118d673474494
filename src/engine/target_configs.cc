#include "engine/target_configs.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "kafka/errors.h"

namespace maxbrod::engine {
namespace {

// Where the source lived on its brokers' defaults and the target's differ, these decide what
// becomes of the data: they are pinned on the topic. The broker config each topic config falls back
// to is LogConfig's (Kafka's ServerTopicConfigSynonyms).
struct PinnedConfig {
  const char* topic_name;
  const char* broker_name;
  const char* fallback;  // Kafka's own default
};
constexpr PinnedConfig kPinned[] = {
    {"cleanup.policy", "log.cleanup.policy", "delete"},
    {"retention.ms", "log.retention.ms", "604800000"},
    {"retention.bytes", "log.retention.bytes", "-1"},
    {"min.insync.replicas", "min.insync.replicas", "1"},
    {"max.message.bytes", "message.max.bytes", "1048588"},
    {"message.timestamp.type", "log.message.timestamp.type", "CreateTime"},
    {"delete.retention.ms", "log.cleaner.delete.retention.ms", "86400000"},
};

const char* const kNeverCopied[] = {"leader.replication.throttled.replicas",
                                    "follower.replication.throttled.replicas",
                                    "message.format.version"};

bool NeverCopied(const std::string& name) {
  return std::any_of(std::begin(kNeverCopied), std::end(kNeverCopied),
                     [&](const char* n) { return name == n; });
}

std::string Value(const std::vector<kafka::ConfigValue>& configs, const std::string& name) {
  for (const auto& config : configs) {
    if (config.name == name && config.value) return *config.value;
  }
  return std::string();
}

// log.retention.ms, else .minutes, else .hours (KafkaConfig.logRetentionTimeMillis).
std::string RetentionMs(const std::vector<kafka::ConfigValue>& configs) {
  std::string ms = Value(configs, "log.retention.ms");
  if (!ms.empty()) return ms;
  struct Unit {
    const char* name;
    int64_t factor;
  };
  for (Unit unit :
       {Unit{"log.retention.minutes", 60'000}, Unit{"log.retention.hours", 3'600'000}}) {
    std::string text = Value(configs, unit.name);
    if (text.empty()) continue;
    int64_t number = std::strtoll(text.c_str(), nullptr, 10);
    return std::to_string(number < 0 ? -1 : number * unit.factor);
  }
  return std::string();
}

constexpr const char* kForever = "9223372036854775807";
// 100 years: Long.MAX overflows in some brokers' sums.
constexpr const char* kSegmentMsMax = "3153600000000";

struct Working {
  const char* name;
  std::string value;
};

// What the target does not take (Amazon MSK): not asked for. The rest is as it would be.
bool Takes(const PlannedTopic& topic, const std::string& name, const std::string& value,
           bool at_creation) {
  return topic.limits == nullptr || topic.limits->WhyNotConfig(name, value, at_creation).empty();
}

std::vector<Working> WorkingConfigs(const PlannedTopic& topic) {
  // Batches made anew (holes, append times, old formats) may be larger than the source's.
  constexpr uint64_t kRoom = 4 * 1024 * 1024;
  std::string largest =
      std::to_string(std::min<uint64_t>(topic.largest_batch * 2ull + kRoom, INT32_MAX));
  if (topic.limits != nullptr) largest = topic.limits->Nearest("max.message.bytes", largest);
  return {
      {"cleanup.policy", "delete"},     {"retention.ms", "-1"},
      {"retention.bytes", "-1"},        {"segment.ms", kSegmentMsMax},
      {"compression.type", "producer"}, {"message.timestamp.type", "CreateTime"},
      {"max.message.bytes", largest},
  };
}

// Names that only some versions know.
std::vector<Working> VersionedWorkingConfigs(const std::set<std::string>& known) {
  std::vector<Working> configs;
  if (known.count("message.timestamp.after.max.ms") > 0) {
    configs.push_back({"message.timestamp.before.max.ms", kForever});
    configs.push_back({"message.timestamp.after.max.ms", kForever});
  } else if (known.count("message.timestamp.difference.max.ms") > 0) {
    configs.push_back({"message.timestamp.difference.max.ms", kForever});
  }
  return configs;
}

// What is beyond the target's bound becomes that bound; what it does not take at all is left out.
void LeaveOutRefused(PlannedTopic* topic, std::vector<std::string>* warnings) {
  if (topic->limits == nullptr) return;
  std::vector<PlannedConfig> kept;
  for (PlannedConfig& config : topic->configs) {
    std::string why = topic->limits->WhyNotConfig(config.name, config.value, true);
    if (why.empty()) {
      kept.push_back(std::move(config));
      continue;
    }
    std::string bound = topic->limits->Nearest(config.name, config.value);
    bool bounded = topic->limits->WhyNotConfig(config.name, bound, true).empty();
    warnings->push_back("topic '" + topic->target + "': " + why +
                        (bounded ? "; that is set" : "; its default applies"));
    if (bounded) {
      config.value = bound;
      kept.push_back(std::move(config));
    } else {
      topic->configs_left_out.push_back(config.name);
    }
  }
  topic->configs = std::move(kept);
  auto policy = EffectiveConfig(*topic, {}, "cleanup.policy");
  if (topic->limits->creation_only_configs.contains("cleanup.policy") && policy &&
      policy->find("compact") != std::string::npos) {
    warnings->push_back("topic '" + topic->target +
                        "': it is compacted from its creation on, so that superseded records may "
                        "go while it is restored; the latest of each key stay");
  }
}

// In place of the source's, if it has one.
void Override(PlannedConfig config, PlannedTopic* topic) {
  auto found = std::find_if(topic->configs.begin(), topic->configs.end(),
                            [&](const PlannedConfig& c) { return c.name == config.name; });
  if (found == topic->configs.end()) {
    topic->configs.push_back(std::move(config));
    return;
  }
  config.reason += " (source's: " + found->value + ")";
  *found = std::move(config);
}

void ApplyRules(const ConfigRules& rules, PlannedTopic* topic) {
  for (auto& [name, value] : rules.SetOn(topic->source))
    Override({name, value, "--config", true}, topic);
  std::erase_if(topic->configs, [&](const PlannedConfig& config) {
    const ConfigRule* rule = rules.Find(topic->source, config.name);
    if (rule == nullptr || rule->value) return false;
    topic->configs_left_out.push_back(config.name);
    return true;
  });
}

}  // namespace

bool HidesBrokerConfigs(const Status& status) {
  return status.code() == Code::kPermission || status.code() == Code::kUnsupported ||
         status.code() == Code::kInvalidArgument;
}

Result<TopicDefaults> ReadTopicDefaults(kafka::Cluster& target, const aws::MskLimits* limits,
                                        const CallContext& context) {
  auto metadata = target.metadata();
  if (metadata->brokers.empty())
    return Status(Code::kUnavailable, "the target cluster shows no broker");
  TopicDefaults defaults;
  if (limits != nullptr) defaults = limits->topic_defaults;
  auto described = target.DescribeBrokerConfigs(metadata->brokers.begin()->first, context);
  bool hidden = HidesBrokerConfigs(described.status()) && !defaults.empty();
  if (!described.ok() && !hidden) return described.status();
  std::vector<kafka::ConfigValue> configs;
  if (described.ok()) configs = std::move(described).value();
  for (const PinnedConfig& pinned : kPinned) {
    std::string value = std::string(pinned.topic_name) == "retention.ms"
                            ? RetentionMs(configs)
                            : Value(configs, pinned.broker_name);
    if (!value.empty()) defaults[pinned.topic_name] = value;
    defaults.try_emplace(pinned.topic_name, pinned.fallback);
  }
  return defaults;
}

void PlanConfigs(const format::TopicSnapshot& source, const TopicDefaults& defaults,
                 bool leave_retention_off, const ConfigRules& rules, PlannedTopic* topic,
                 std::vector<std::string>* warnings) {
  for (const format::ConfigEntry& config : source.configs()) {
    bool on_topic = config.source() == static_cast<int32_t>(kafka::ConfigSource::kTopic);
    auto fallback = defaults.find(config.name());
    bool differs = fallback != defaults.end() && fallback->second != config.value();
    if (!config.has_value() || (!on_topic && !differs)) continue;
    if (NeverCopied(config.name())) {
      if (on_topic) topic->configs_left_out.push_back(config.name());
      continue;
    }
    PlannedConfig planned{config.name(), config.value(), "set on the source's topic"};
    if (!on_topic)
      planned.reason = "default of the source's brokers (target's: " + fallback->second + ")";
    if (config.name() == "min.insync.replicas" &&
        std::strtoll(config.value().c_str(), nullptr, 10) > topic->replication_factor) {
      planned.value = std::to_string(topic->replication_factor);
      warnings->push_back("topic '" + topic->target + "': min.insync.replicas=" + config.value() +
                          " is more than its replicas here; " + planned.value + " is set instead");
    }
    topic->configs.push_back(std::move(planned));
  }
  if (leave_retention_off) {
    for (const char* name : {"retention.ms", "retention.bytes"})
      Override({name, "-1", "--leave-retention-off"}, topic);
  }
  ApplyRules(rules, topic);
  LeaveOutRefused(topic, warnings);
}

namespace {

// The config that the broker's message names; the longest, since names may begin alike.
std::vector<PlannedConfig>::iterator NamedIn(const std::string& message, PlannedTopic* topic) {
  auto best = topic->configs.end();
  for (auto it = topic->configs.begin(); it != topic->configs.end(); ++it) {
    if (message.find(it->name) == std::string::npos) continue;
    if (best == topic->configs.end() || it->name.size() > best->name.size()) best = it;
  }
  return best;
}

// False when the message names none of the topic's configs.
bool DropRefused(const std::string& message, PlannedTopic* topic, RestorePlan* plan) {
  auto refused = NamedIn(message, topic);
  if (refused == topic->configs.end()) return false;
  const std::string what =
      "topic '" + topic->target + "': the target refuses " + refused->name + "=" + refused->value;
  if (refused->asked) {
    plan->Refuse(Code::kInvalidArgument, what + " (--config): " + message,
                 "give another value, or leave the --config out");
  } else {
    plan->warnings.push_back(what + ", its default applies: " + message);
  }
  topic->configs_left_out.push_back(refused->name);
  topic->configs.erase(refused);
  return true;
}

}  // namespace

Status DropRefusedConfigs(kafka::Cluster& target, RestorePlan* plan, const CallContext& context) {
  constexpr size_t kTopicsPerCall = 200;
  std::vector<PlannedTopic*> asked;
  for (PlannedTopic& topic : plan->topics) {
    // What would be replaced is there still.
    if (topic.action == TopicAction::kCreate && !topic.configs.empty()) asked.push_back(&topic);
  }
  while (!asked.empty()) {
    std::vector<PlannedTopic*> again;
    size_t count = std::min(asked.size(), kTopicsPerCall);
    std::vector<kafka::NewTopic> fresh;
    for (size_t i = 0; i < count; ++i) {
      kafka::NewTopic& topic = fresh.emplace_back();
      topic.name = asked[i]->target;
      topic.partitions = static_cast<int32_t>(asked[i]->partitions.size());
      topic.replication_factor = asked[i]->replication_factor;
      for (const PlannedConfig& config : asked[i]->configs)
        topic.configs.emplace_back(config.name, config.value);
    }
    auto answers = target.CreateTopics(fresh, true, context);
    if (!answers.ok())
      return answers.status().code() == Code::kPermission ? Status::Ok() : answers.status();
    for (size_t i = 0; i < count; ++i) {
      auto answer = answers->find(asked[i]->target);
      if (answer == answers->end() ||
          answer->second.status.kafka_error() != kafka::error::kInvalidConfig)
        continue;
      if (DropRefused(answer->second.status.message(), asked[i], plan)) again.push_back(asked[i]);
    }
    asked.erase(asked.begin(), asked.begin() + static_cast<ptrdiff_t>(count));
    asked.insert(asked.end(), again.begin(), again.end());
  }
  return Status::Ok();
}

std::optional<std::string> EffectiveConfig(const PlannedTopic& topic, const TopicDefaults& defaults,
                                           const std::string& name) {
  for (const PlannedConfig& config : topic.configs) {
    if (config.name == name) return config.value;
  }
  auto found = defaults.find(name);
  if (found == defaults.end()) return std::nullopt;
  return found->second;
}

std::vector<std::pair<std::string, std::string>> CreationConfigs(const PlannedTopic& topic,
                                                                 bool roll) {
  std::vector<std::pair<std::string, std::string>> configs;
  for (Working& w : WorkingConfigs(topic)) {
    if (!Takes(topic, w.name, w.value, true)) continue;
    // What can only be set now is set for good.
    if (!Takes(topic, w.name, w.value, false)) {
      w.value = EffectiveConfig(topic, {}, w.name).value_or(w.value);
    }
    bool is_segment_ms = std::string(w.name) == "segment.ms";
    configs.emplace_back(w.name, roll && is_segment_ms ? std::to_string(kRollSegmentMs) : w.value);
  }
  return configs;
}

std::vector<kafka::ConfigChange> WorkingChanges(const PlannedTopic& topic,
                                                const std::set<std::string>& known) {
  std::vector<kafka::ConfigChange> changes;
  for (Working& w : WorkingConfigs(topic)) changes.push_back({w.name, w.value});
  for (Working& w : VersionedWorkingConfigs(known)) changes.push_back({w.name, w.value});
  std::erase_if(changes, [&](const kafka::ConfigChange& change) {
    return !Takes(topic, change.name, change.value.value_or(""), false);
  });
  return changes;
}

std::vector<kafka::ConfigChange> FinalChanges(const PlannedTopic& topic,
                                              const std::set<std::string>& known,
                                              std::vector<std::string>* unknown) {
  std::vector<kafka::ConfigChange> changes;
  std::set<std::string> set;
  for (const PlannedConfig& config : topic.configs) {
    if (known.count(config.name) == 0) {
      unknown->push_back(config.name);
      continue;
    }
    set.insert(config.name);
    if (!Takes(topic, config.name, config.value, false)) continue;  // set at the creation
    changes.push_back({config.name, config.value});
  }
  std::vector<Working> working = WorkingConfigs(topic);
  for (Working& w : VersionedWorkingConfigs(known)) working.push_back(std::move(w));
  for (const Working& w : working) {
    if (set.count(w.name) == 0 && Takes(topic, w.name, w.value, false))
      changes.push_back({w.name, std::nullopt});
  }
  return changes;
}

}  // namespace maxbrod::engine
