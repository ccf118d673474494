#include "engine/plan_existing.h"

#include <algorithm>
#include <utility>

#include "engine/forget.h"
#include "kafka/errors.h"

namespace maxbrod::engine {
namespace {

constexpr const char* kExistsHint =
    "delete it, leave it out with --exclude, restore under another name with --rename FROM=TO, add "
    "to it with --append (other offsets), or say --if-exists skip or overwrite";

class ExistingTopics {
 public:
  ExistingTopics(kafka::Cluster& target, const kafka::ClusterMetadata& metadata,
                 const RestoreSelection& selection, const EarlierRestore* earlier,
                 RestorePlan* plan, std::map<TopicPartition, int64_t>* append_at,
                 const CallContext& context)
      : target_(target),
        metadata_(metadata),
        selection_(selection),
        earlier_(earlier),
        plan_(*plan),
        append_at_(*append_at),
        context_(context) {}

  Status Run() {
    Find();
    MB_RETURN_IF_ERROR(Look());
    std::vector<PlannedTopic> kept;
    for (PlannedTopic& topic : plan_.topics) Decide(std::move(topic), &kept);
    plan_.topics = std::move(kept);
    CheckDeletes();
    return Status::Ok();
  }

 private:
  bool IsOurs(const PlannedTopic& topic) const {
    return earlier_ != nullptr && earlier_->Made(topic);
  }

  void Find() {
    for (PlannedTopic& topic : plan_.topics) {
      auto found = metadata_.topics.find(topic.target);
      topic.exists = found != metadata_.topics.end() &&
                     found->second.error != kafka::error::kUnknownTopicOrPartition;
      if (!topic.exists) continue;
      topic.existing_id = found->second.id;
      TargetTopic now;
      now.partitions = static_cast<int32_t>(found->second.partitions.size());
      if (now.partitions > 0) {
        now.replication_factor =
            static_cast<int32_t>(found->second.partitions.front().replicas.size());
      }
      topic.target_now = std::move(now);
    }
  }

  // How much they hold, and the configs set on them.
  Status Look() {
    kafka::PerPartition<int64_t> latest_ask, earliest_ask;
    std::vector<std::string> names;
    for (const PlannedTopic& topic : plan_.topics) {
      if (!topic.exists) continue;
      names.push_back(topic.target);
      for (int32_t p = 0; p < topic.target_now->partitions; ++p) {
        latest_ask[{topic.target, p}] = kafka::kLatest;
        earliest_ask[{topic.target, p}] = kafka::kEarliest;
      }
    }
    if (names.empty()) return Status::Ok();
    constexpr auto kAll = kafka::Isolation::kReadUncommitted;
    MB_ASSIGN_OR_RETURN(ends_, target_.ListOffsets(latest_ask, kAll, context_));
    MB_ASSIGN_OR_RETURN(auto starts, target_.ListOffsets(earliest_ask, kAll, context_));
    MB_ASSIGN_OR_RETURN(auto configs, target_.DescribeTopicConfigs(names, context_));
    for (PlannedTopic& topic : plan_.topics) {
      if (!topic.exists) continue;
      for (int32_t p = 0; p < topic.target_now->partitions; ++p) {
        TopicPartition tp{topic.target, p};
        const kafka::ListedOffset& end = ends_[tp];
        if (end.error == kafka::error::kUnknownTopicOrPartition) {
          // Deleted a moment ago: brokers still list it.
          topic.exists = false;
          break;
        }
        if (end.error != 0)
          return kafka::ErrorStatus(end.error,
                                    "ListOffsets of " + tp.ToString() + " on the target");
        topic.target_now->end_offsets += end.offset;
        topic.target_now->held += std::max<int64_t>(end.offset - starts[tp].offset, 0);
      }
      if (!topic.exists) {
        topic.existing_id = TopicId();
        topic.target_now.reset();
        continue;
      }
      for (kafka::ConfigValue& config : configs[topic.target]) {
        if (config.source == kafka::ConfigSource::kTopic && config.value)
          topic.target_now->configs[config.name] = *config.value;
      }
    }
    return Status::Ok();
  }

  void Decide(PlannedTopic topic, std::vector<PlannedTopic>* kept) {
    if (!topic.exists) {
      topic.action = TopicAction::kCreate;
      if (!selection_.parts.topics) {
        plan_.Refuse(
            Code::kNotFound,
            "topic '" + topic.target + "' is not on the target, and topics are not restored",
            "add topics to --parts, or create it first");
      }
      kept->push_back(std::move(topic));
      return;
    }
    const int32_t wanted =
        topic.repartition > 0 ? topic.repartition : static_cast<int32_t>(topic.partitions.size());
    const int32_t there = topic.target_now->partitions;
    const bool empty = topic.target_now->end_offsets == 0;
    topic.action = TopicAction::kFill;
    if (!selection_.parts.topics) KeepConfigs(&topic);
    if (topic.repartition > 0 && IsOurs(topic)) {
      Replace(&topic);  // where its run ended is not known: it is made anew
    } else if (IsOurs(topic)) {
      if (there != wanted && !(selection_.offsets.append && there > wanted)) RefuseCount(topic);
    } else if (!empty && selection_.offsets.append && there >= wanted && topic.repartition == 0) {
      Append(&topic);
    } else if (empty && (there == wanted || (selection_.offsets.append && there > wanted))) {
      topic.action = TopicAction::kFill;
    } else if (!selection_.parts.data) {
      DecideConfigs(std::move(topic));
      return;
    } else if (!Meet(&topic)) {
      return;
    }
    kept->push_back(std::move(topic));
  }

  // What the target's topic keeps. An earlier run has changed them already, and noted them.
  void KeepConfigs(PlannedTopic* topic) {
    topic->configs.clear();
    if (IsOurs(*topic)) {
      auto before = earlier_->configs.find(topic->target);
      if (before != earlier_->configs.end()) topic->configs = before->second;
      return;
    }
    for (const auto& [name, value] : topic->target_now->configs)
      topic->configs.push_back({name, value, "the target's own"});
  }

  static void Replace(PlannedTopic* topic) {
    topic->action = TopicAction::kReplace;
    topic->exists = false;
    topic->replaces = std::exchange(topic->existing_id, TopicId());
  }

  void Append(PlannedTopic* topic) {
    topic->action = TopicAction::kAppend;
    topic->append = true;
    for (int32_t p = 0; p < topic->target_now->partitions; ++p) {
      TopicPartition tp{topic->target, p};
      if (ends_[tp].offset > 0) append_at_[tp] = ends_[tp].offset;
    }
  }

  void RefuseCount(const PlannedTopic& topic) {
    plan_.Refuse(
        Code::kAlreadyExists,
        "topic '" + topic.target + "' exists with " + std::to_string(topic.target_now->partitions) +
            " partitions (the snapshot has " + std::to_string(topic.partitions.size()) + ")",
        kExistsHint);
  }

  // False when the topic is left alone.
  bool Meet(PlannedTopic* topic) {
    switch (selection_.if_exists.topics) {
      case MergePolicy::kSkip:
        Skip(std::move(*topic), "it is on the target already (--if-exists skip)");
        return false;
      case MergePolicy::kOverwrite:
        Replace(topic);
        ++deletes_;
        return true;
      case MergePolicy::kFail:
        break;
    }
    if (topic->target_now->partitions != static_cast<int32_t>(topic->partitions.size())) {
      RefuseCount(*topic);
      return true;
    }
    for (int32_t p = 0; p < topic->target_now->partitions; ++p) {
      const int64_t end = ends_[{topic->target, p}].offset;
      if (end == 0) continue;
      plan_.Refuse(Code::kAlreadyExists,
                   "topic '" + topic->target + "' exists and is not empty (partition " +
                       std::to_string(p) + " ends at offset " + std::to_string(end) + ")",
                   kExistsHint);
      break;
    }
    return true;
  }

  // Topics without their data, where there is one with data, or with other partitions.
  void DecideConfigs(PlannedTopic topic) {
    std::map<std::string, std::string> wanted;
    for (const PlannedConfig& config : topic.configs) wanted[config.name] = config.value;
    if (wanted == topic.target_now->configs) {
      Skip(std::move(topic), "its configs are the same already");
      return;
    }
    switch (selection_.if_exists.topics) {
      case MergePolicy::kSkip:
        Skip(std::move(topic), "it is on the target already (--if-exists skip)");
        return;
      case MergePolicy::kOverwrite:
        topic.action = TopicAction::kConfigs;
        plan_.configs_only.push_back(std::move(topic));
        return;
      case MergePolicy::kFail:
        plan_.Refuse(
            Code::kAlreadyExists,
            "topic '" + topic.target + "' is on the target, with other configs",
            "--if-exists topics=skip leaves it alone, topics=overwrite sets its configs as "
            "in the snapshot (its data stays)");
        plan_.configs_only.push_back(std::move(topic));
    }
  }

  void Skip(PlannedTopic topic, std::string why) {
    plan_.skipped.push_back(
        {topic.source, topic.target, std::move(why), topic.partitions.size(), *topic.target_now});
  }

  // What is lost has to be said aloud. A run that goes on may have deleted some of it already.
  void CheckDeletes() {
    const std::optional<uint64_t> said = selection_.yes_delete;
    if (deletes_ == 0 || (earlier_ != nullptr && said && *said > deletes_)) return;
    Status status = CheckSaidAloud(
        std::to_string(deletes_) + (deletes_ == 1
                                        ? " topic of the target would be deleted with its data"
                                        : " topics of the target would be deleted with their data"),
        deletes_, said);
    if (!status.ok()) plan_.Refuse(status.code(), status.message(), status.hint());
  }

  kafka::Cluster& target_;
  const kafka::ClusterMetadata& metadata_;
  const RestoreSelection& selection_;
  const EarlierRestore* earlier_;
  RestorePlan& plan_;
  std::map<TopicPartition, int64_t>& append_at_;
  const CallContext& context_;
  kafka::PerPartition<kafka::ListedOffset> ends_;
  uint64_t deletes_ = 0;  // topics of somebody else's that are replaced
};

}  // namespace

Status PlanExistingTopics(kafka::Cluster& target, const kafka::ClusterMetadata& metadata,
                          const RestoreSelection& selection, const EarlierRestore* earlier,
                          RestorePlan* plan, std::map<TopicPartition, int64_t>* append_at,
                          const CallContext& context) {
  return ExistingTopics(target, metadata, selection, earlier, plan, append_at, context).Run();
}

}  // namespace maxbrod::engine
