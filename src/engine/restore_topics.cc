#include "engine/restore_topics.h"

#include <algorithm>

#include "engine/target_configs.h"
#include "kafka/errors.h"
#include "os/crash_point.h"
#include "os/log.h"

namespace maxbrod::engine {
namespace {

constexpr size_t kTopicsPerCall = 200;
constexpr Millis kVisibleLimit{60'000};
constexpr Millis kOneBrokerLimit{10'000};  // for one answer
constexpr Millis kPollLongest{200};
// Serverless clusters of MSK make 250 partitions in five minutes.
constexpr Millis kQuotaLimit{3'600'000};
constexpr Millis kQuotaWait{15'000};

// The first config that a broker does not show as wanted; empty when all are.
std::string FirstNotShown(const ConfigChanges& changes,
                          const std::map<std::string, std::vector<kafka::ConfigValue>>& shown) {
  for (const auto& [name, list] : changes) {
    auto topic = shown.find(name);
    if (topic == shown.end()) return name;
    for (const kafka::ConfigChange& change : list) {
      for (const kafka::ConfigValue& value : topic->second) {
        if (value.name != change.name || value.sensitive) continue;
        bool on_topic = value.source == kafka::ConfigSource::kTopic;
        bool as_wanted = change.value ? on_topic && value.value == change.value : !on_topic;
        if (!as_wanted) return change.name + " of topic " + name;
      }
    }
  }
  return std::string();
}

}  // namespace

Status Poll::Wait() {
  Millis now = next_;
  next_ = std::min(next_ * 2, kPollLongest);
  if (clock_.Sleep(now, context_.stop)) return Status::Ok();
  return Status(Code::kCancelled, "stopped");
}

Status TopicSetup::Create(const RestorePlan& plan, const std::set<std::string>& todo) {
  MB_ASSIGN_OR_RETURN(auto metadata, target_.Refresh(context_));
  std::vector<kafka::NewTopic> missing;
  for (const PlannedTopic& topic : plan.topics) {
    auto found = metadata->topics.find(topic.target);
    bool there = found != metadata->topics.end() && found->second.error == 0;
    if (todo.count(topic.target) == 0 || there) continue;
    kafka::NewTopic fresh;
    fresh.name = topic.target;
    fresh.partitions = static_cast<int32_t>(topic.partitions.size());
    fresh.replication_factor = topic.replication_factor;
    for (const PlannedPartition& p : topic.partitions) {
      if (!p.replicas.empty()) fresh.assignments.push_back(p.replicas);
    }
    fresh.configs = CreationConfigs(topic, NeedsRoll(topic));
    missing.push_back(std::move(fresh));
  }
  for (size_t i = 0; i < missing.size(); i += kTopicsPerCall) {
    std::vector<kafka::NewTopic> some(
        missing.begin() + static_cast<ptrdiff_t>(i),
        missing.begin() + static_cast<ptrdiff_t>(std::min(i + kTopicsPerCall, missing.size())));
    MB_RETURN_IF_ERROR(CreateSome(std::move(some)));
    CrashPoint("restore.after_create");
  }
  return Await(plan, todo);
}

Status TopicSetup::CreateSome(std::vector<kafka::NewTopic> topics) {
  CallContext limited = context_.Within(kQuotaLimit);
  while (true) {
    MB_ASSIGN_OR_RETURN(auto created, target_.CreateTopics(topics, false, context_));
    std::set<std::string> throttled;
    for (const auto& [name, result] : created) {
      // A lost answer, asked again: emptiness is checked by the first base offset.
      if (result.status.kafka_error() == kafka::error::kTopicAlreadyExists) continue;
      if (result.status.kafka_error() == kafka::error::kThrottlingQuotaExceeded &&
          limited.Check().ok()) {
        throttled.insert(name);
        continue;
      }
      MB_RETURN_IF_ERROR(result.status.WithContext("creating topic '" + name + "'"));
    }
    if (throttled.empty()) return Status::Ok();
    LogInfo("the target's quota lets {} topics wait", throttled.size());
    std::erase_if(topics, [&](const kafka::NewTopic& t) { return !throttled.contains(t.name); });
    if (!clock_.Sleep(kQuotaWait, context_.stop)) return Status(Code::kCancelled, "stopped");
  }
}

Status TopicSetup::Await(const RestorePlan& plan, const std::set<std::string>& todo) {
  CallContext limited = context_.Within(kVisibleLimit);
  Poll poll(clock_, context_);
  while (true) {
    MB_ASSIGN_OR_RETURN(auto metadata, target_.Refresh(context_));
    std::string waiting;
    for (const PlannedTopic& topic : plan.topics) {
      if (todo.count(topic.target) == 0) continue;
      auto found = metadata->topics.find(topic.target);
      bool ready = found != metadata->topics.end() && found->second.error == 0 &&
                   found->second.partitions.size() >= topic.partitions.size();
      for (size_t i = 0; ready && i < topic.partitions.size(); ++i) {
        ready = found->second.partitions[i].leader.value() >= 0;
      }
      if (!ready) {
        waiting = topic.target;
      } else {
        ids_[topic.target] = found->second.id;
      }
    }
    if (waiting.empty()) return Status::Ok();
    Status left = limited.Check();
    if (!left.ok())
      return left.WithContext("topic '" + waiting + "' has partitions without a leader");
    MB_RETURN_IF_ERROR(poll.Wait());
  }
}

Status TopicSetup::LearnConfigs(const std::string& topic) {
  if (!known_configs_.empty()) return Status::Ok();
  MB_ASSIGN_OR_RETURN(auto described, target_.DescribeTopicConfigs({topic}, context_));
  for (const auto& config : described[topic]) known_configs_.insert(config.name);
  return Status::Ok();
}

Status TopicSetup::PutWorkingConfigs(const std::vector<const PlannedTopic*>& topics) {
  ConfigChanges changes;
  for (const PlannedTopic* topic : topics) {
    MB_RETURN_IF_ERROR(LearnConfigs(topic->target));
    auto& list = changes[topic->target];
    list = WorkingChanges(*topic, known_configs_);
    for (kafka::ConfigChange& change : list) {
      if (NeedsRoll(*topic) && change.name == "segment.ms")
        change.value = std::to_string(kRollSegmentMs);
    }
  }
  return Alter(changes);
}

Status TopicSetup::StopRolling(const std::vector<const PlannedTopic*>& topics) {
  ConfigChanges changes;
  for (const PlannedTopic* topic : topics) {
    if (!NeedsRoll(*topic)) continue;
    for (kafka::ConfigChange& change : WorkingChanges(*topic, known_configs_)) {
      if (change.name == "segment.ms") changes[topic->target].push_back(std::move(change));
    }
  }
  return Alter(changes);
}

Status TopicSetup::PutRealConfigs(RestorePlan* plan) {
  CrashPoint("restore.before_configs");
  ConfigChanges changes;
  for (PlannedTopic& topic : plan->topics) {
    if (topic.append) continue;
    MB_RETURN_IF_ERROR(LearnConfigs(topic.target));
    std::vector<std::string> unknown;
    changes[topic.target] = FinalChanges(topic, known_configs_, &unknown);
    for (const std::string& name : unknown) {
      topic.configs_left_out.push_back(name);
      progress_.Warn("topic '" + topic.target + "': the target does not know config " + name +
                     "; it is left out");
    }
  }
  MB_RETURN_IF_ERROR(Alter(changes));
  CrashPoint("restore.after_configs");
  return Status::Ok();
}

Status TopicSetup::PutConfigsOnly(const RestorePlan& plan) {
  ConfigChanges changes;
  for (const PlannedTopic& topic : plan.configs_only) {
    MB_RETURN_IF_ERROR(LearnConfigs(topic.target));
    auto& list = changes[topic.target];
    std::set<std::string> wanted;
    for (const PlannedConfig& config : topic.configs) {
      if (!known_configs_.contains(config.name)) {
        progress_.Warn("topic '" + topic.target + "': the target does not know config " +
                       config.name + "; it is left out");
        continue;
      }
      wanted.insert(config.name);
      list.push_back({config.name, config.value});
    }
    for (const auto& [name, value] : topic.target_now->configs) {
      if (!wanted.contains(name)) list.push_back({name, std::nullopt});
    }
  }
  return Alter(changes);
}

Status TopicSetup::Alter(const ConfigChanges& changes) {
  if (changes.empty()) return Status::Ok();
  auto next = changes.begin();
  while (next != changes.end()) {
    ConfigChanges some;
    for (; next != changes.end() && some.size() < kTopicsPerCall; ++next) some.insert(*next);
    MB_ASSIGN_OR_RETURN(auto results, target_.AlterTopicConfigs(some, false, context_));
    for (const auto& [name, status] : results) {
      MB_RETURN_IF_ERROR(status.WithContext("configs of topic '" + name + "'"));
    }
  }
  return AwaitShown(changes);
}

Status TopicSetup::AwaitShown(const ConfigChanges& changes) {
  std::vector<std::string> names;
  for (const auto& [name, list] : changes) names.push_back(name);
  CallContext limited = context_.Within(kVisibleLimit);
  auto metadata = target_.metadata();
  for (const auto& [broker, info] : metadata->brokers) {
    Poll poll(clock_, context_);
    while (true) {
      auto shown = target_.DescribeTopicConfigsOn(broker, names, context_.Within(kOneBrokerLimit));
      if (!shown.ok()) {
        MB_RETURN_IF_ERROR(context_.Check());
        MB_ASSIGN_OR_RETURN(auto now, target_.Refresh(context_));
        // Before it serves anybody again it will have read the configs.
        if (!now->brokers.contains(broker)) break;
        if (!shown.status().retryable() || !limited.Check().ok()) return shown.status();
        continue;
      }
      std::string waiting = FirstNotShown(changes, *shown);
      if (waiting.empty()) break;
      Status left = limited.Check();
      if (!left.ok()) {
        return left.WithContext("broker " + std::to_string(broker.value()) +
                                " does not show config " + waiting);
      }
      MB_RETURN_IF_ERROR(poll.Wait());
    }
  }
  return Status::Ok();
}

Status TopicSetup::Delete(const std::set<std::string>& topics) {
  MB_ASSIGN_OR_RETURN(auto deleted, target_.DeleteTopics({topics.begin(), topics.end()}, context_));
  for (const auto& [name, status] : deleted) {
    if (status.kafka_error() == kafka::error::kUnknownTopicOrPartition) continue;
    MB_RETURN_IF_ERROR(status.WithContext("deleting topic '" + name + "'"));
  }
  CallContext limited = context_.Within(kVisibleLimit);
  Poll poll(clock_, context_);
  while (true) {
    MB_ASSIGN_OR_RETURN(auto metadata, target_.Refresh(context_));
    bool gone = std::none_of(topics.begin(), topics.end(), [&](const std::string& name) {
      auto found = metadata->topics.find(name);
      return found != metadata->topics.end() && found->second.error == 0;
    });
    if (gone) return Status::Ok();
    MB_RETURN_IF_ERROR(limited.Check());
    MB_RETURN_IF_ERROR(poll.Wait());
  }
}

}  // namespace maxbrod::engine
