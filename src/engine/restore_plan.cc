#include "engine/restore_plan.h"

#include <algorithm>
#include <cstdlib>
#include <set>

#include "engine/plan_partition.h"
#include "engine/target_configs.h"
#include "kafka/errors.h"

namespace maxbrod::engine {
namespace {

// First guesses of what a target takes, for the estimate only.
constexpr double kFillerPerSecond = 3e6;
constexpr double kBytesPerSecond = 150e6;
constexpr double kFillerDiskBytes = 0.6;
// Brokers write log starts to disk every log.flush.start.offset.checkpoint.interval.ms; this much
// is added.
constexpr int64_t kCheckpointMarginMs = 2'000;
constexpr int64_t kCheckpointIntervalDefaultMs = 60'000;

class Planner {
 public:
  Planner(repo::Repository& repository, kafka::Cluster& target, const RestoreSelection& selection,
          const EarlierRestore* earlier, int64_t now_ms, const CallContext& context)
      : repository_(repository),
        target_(target),
        selection_(selection),
        earlier_(earlier),
        now_ms_(now_ms),
        context_(context) {}

  Result<RestorePlan> Run(const format::SnapshotRef& ref) {
    MB_ASSIGN_OR_RETURN(plan_.snapshot, repository_.ReadSnapshot(ref, context_));
    MB_ASSIGN_OR_RETURN(metadata_, target_.Refresh(context_));
    MB_ASSIGN_OR_RETURN(defaults_, ReadTopicDefaults(target_, context_));
    plan_.target_cluster_id = metadata_->cluster_id;
    MB_RETURN_IF_ERROR(PlanTopics());
    MB_RETURN_IF_ERROR(CheckExistingTopics());
    MB_RETURN_IF_ERROR(DecideModes());
    if (selection_.groups) MB_RETURN_IF_ERROR(PlanGroups());
    MB_RETURN_IF_ERROR(Estimate());
    return std::move(plan_);
  }

 private:
  void Refuse(Code code, const std::string& what, const std::string& hint) {
    plan_.refusals.push_back(what);
    if (plan_.refusal_code == Code::kOk) {
      plan_.refusal_code = code;
      plan_.refusal_hint = hint;
    }
  }

  Status PlanTopics() {
    std::vector<std::string> names;
    for (const auto& topic : plan_.snapshot.topics) names.push_back(topic.topic());
    std::vector<std::string> missing = selection_.topics.MissingFrom(names);
    if (!missing.empty()) {
      return Status(Code::kNotFound, "snapshot '" + plan_.snapshot.ref.name() + "' has no topic '" +
                                         missing[0] + "'")
          .WithHint("maxbrod show lists what is in it");
    }
    std::set<std::string> taken;
    for (const auto& source : plan_.snapshot.topics) {
      if (!selection_.topics.Matches(source.topic())) continue;
      PlannedTopic topic;
      topic.source = source.topic();
      topic.target = selection_.renames.Apply(source.topic());
      if (!taken.insert(topic.target).second) {
        Refuse(Code::kInvalidArgument, "two topics would be named '" + topic.target + "'",
               "change --rename");
      }
      PlanReplicas(source, &topic);
      MB_RETURN_IF_ERROR(PlanData(source, &topic));
      PlanConfigs(source, defaults_, selection_.leave_retention_off, &topic, &plan_.warnings);
      ForeseeRetention(&topic);
      plan_.topics.push_back(std::move(topic));
    }
    return Status::Ok();
  }

  void PlanReplicas(const format::TopicSnapshot& source, PlannedTopic* topic) {
    int wanted = selection_.replication_factor > 0 ? selection_.replication_factor
                                                   : source.replication_factor();
    int brokers = static_cast<int>(metadata_->brokers.size());
    topic->replication_factor = static_cast<int16_t>(wanted);
    if (wanted > brokers) {
      Refuse(Code::kInvalidArgument,
             "topic '" + topic->source + "' has replication factor " + std::to_string(wanted) +
                 ", the target has " + std::to_string(brokers) +
                 (brokers == 1 ? " broker" : " brokers"),
             "give --replication-factor " + std::to_string(brokers));
    }
  }

  Status PlanData(const format::TopicSnapshot& source, PlannedTopic* topic) {
    MB_ASSIGN_OR_RETURN(repo::TopicBlocks blocks, repository_.ReadTopicBlocks(source, context_));
    for (const auto& p : source.partitions()) {
      PlannedPartition planned;
      planned.partition = p.partition();
      planned.log_start = p.start_offset();
      planned.end = p.end_offset();
      planned.blocks = std::move(blocks.partitions[p.partition()]);
      std::string impossible = SummarizePartition(topic, &planned);
      if (!impossible.empty())
        Refuse(Code::kUnsupported, impossible, "leave the topic out with --exclude");
      topic->partitions.push_back(std::move(planned));
    }
    std::sort(topic->partitions.begin(), topic->partitions.end(),
              [](const auto& a, const auto& b) { return a.partition < b.partition; });
    for (size_t i = 0; i < topic->partitions.size(); ++i) {
      if (topic->partitions[i].partition != static_cast<int32_t>(i)) {
        Refuse(Code::kUnsupported,
               "topic '" + topic->source + "' lacks partition " + std::to_string(i) +
                   " in the snapshot",
               "leave it out with --exclude");
        break;
      }
    }
    return Status::Ok();
  }

  // How each topic's offsets come about, by what the target allows.
  Status DecideModes() {
    NeededAbilities needed;
    for (const PlannedTopic& topic : plan_.topics) {
      needed.markers = needed.markers || topic.markers > 0;
      needed.transactions = needed.transactions || topic.transactions > 0;
    }
    if (!needed.markers && !needed.transactions) return Status::Ok();
    MB_ASSIGN_OR_RETURN(plan_.abilities, ProbeTarget(target_, needed, context_));
    for (PlannedTopic& topic : plan_.topics) {
      std::string lacking;
      if (topic.markers > 0 && plan_.abilities.markers == MarkerMeans::kNone)
        lacking = "the target takes no transaction markers from us";
      if (topic.transactions > 0 && !plan_.abilities.transactions)
        lacking = "the target has no transaction coordinator for us";
      if (lacking.empty()) continue;
      Refuse(Code::kUnsupported,
             "topic '" + topic.source + "': " + lacking + " (" + plan_.abilities.why_not + ")",
             "WriteTxnMarkers needs Alter on the cluster (brokers before 3.8: ClusterAction), "
             "transactions need Write on TransactionalId 'maxbrod-'");
    }
    return Status::Ok();
  }

  void ForeseeRetention(PlannedTopic* topic) {
    auto policy = EffectiveConfig(*topic, defaults_, "cleanup.policy");
    if (policy && policy->find("delete") == std::string::npos) return;
    auto retention = EffectiveConfig(*topic, defaults_, "retention.ms");
    int64_t retention_ms = retention ? std::strtoll(retention->c_str(), nullptr, 10) : -1;
    if (retention_ms < 0) return;
    for (const PlannedPartition& p : topic->partitions) {
      for (const repo::BlockUse& use : p.blocks) {
        if (use.entry.stats.max_timestamp >= now_ms_ - retention_ms) continue;
        topic->expiring_bytes += use.entry.place.plain_bytes;
        topic->expiring_records += use.entry.stats.records;
      }
    }
    if (topic->expiring_records > 0) {
      topic->expiring_why = "older than retention.ms=" + std::to_string(retention_ms);
      plan_.warnings.push_back("topic '" + topic->target +
                               "': " + std::to_string(topic->expiring_records) + " records are " +
                               topic->expiring_why +
                               "; the brokers will delete them soon after the restore (keep them: "
                               "--leave-retention-off)");
    }
  }

  Status CheckExistingTopics() {
    kafka::PerPartition<int64_t> ask;
    for (PlannedTopic& topic : plan_.topics) {
      auto found = metadata_->topics.find(topic.target);
      if (found == metadata_->topics.end() ||
          found->second.error == kafka::error::kUnknownTopicOrPartition)
        continue;
      topic.exists = true;
      topic.existing_id = found->second.id;
      if (found->second.partitions.size() != topic.partitions.size()) {
        Refuse(Code::kAlreadyExists,
               "topic '" + topic.target + "' exists with " +
                   std::to_string(found->second.partitions.size()) +
                   " partitions (the snapshot has " + std::to_string(topic.partitions.size()) + ")",
               kExistsHint);
        continue;
      }
      if (IsOurs(topic)) continue;
      for (const auto& p : found->second.partitions)
        ask[{topic.target, p.partition}] = kafka::kLatest;
    }
    if (ask.empty()) return Status::Ok();
    MB_ASSIGN_OR_RETURN(auto ends,
                        target_.ListOffsets(ask, kafka::Isolation::kReadUncommitted, context_));
    std::set<std::string> named;
    for (const auto& [tp, end] : ends) {
      if (end.error != 0)
        return kafka::ErrorStatus(end.error, "ListOffsets of " + tp.ToString() + " on the target");
      if (end.offset == 0 || !named.insert(tp.topic).second) continue;
      Refuse(Code::kAlreadyExists,
             "topic '" + tp.topic + "' exists and is not empty (partition " +
                 std::to_string(tp.partition) + " ends at offset " + std::to_string(end.offset) +
                 ")",
             kExistsHint);
    }
    return Status::Ok();
  }

  bool IsOurs(const PlannedTopic& topic) const {
    if (earlier_ == nullptr) return false;
    auto found = earlier_->topics.find(topic.target);
    return found != earlier_->topics.end() && found->second == topic.existing_id &&
           !topic.existing_id.id.IsZero();
  }

  Status PlanGroups() {
    std::map<std::string, std::string> targets;
    for (const PlannedTopic& topic : plan_.topics) targets[topic.source] = topic.target;
    for (const format::GroupSnapshot& source : plan_.snapshot.groups) {
      const auto& only = selection_.only_groups;
      bool wanted = only.empty() ||
                    std::any_of(only.begin(), only.end(),
                                [&](const NamePattern& p) { return p.Matches(source.group()); });
      if (!wanted) continue;
      PlannedGroup group;
      group.group = source.group();
      group.type = source.type();
      for (const format::GroupOffset& o : source.offsets()) {
        auto target = targets.find(o.topic());
        if (target == targets.end()) {
          ++group.left_out;
          continue;
        }
        kafka::CommittedOffset offset;
        offset.topic = target->second;
        offset.partition = o.partition();
        offset.offset = o.offset();
        offset.metadata = o.metadata();
        group.offsets.push_back(std::move(offset));
      }
      if (group.type == "share") {
        plan_.warnings.push_back("share group '" + group.group + "' is not restored");
        continue;
      }
      if (!group.offsets.empty()) plan_.groups.push_back(std::move(group));
    }
    return RefuseBusyGroups();
  }

  Status RefuseBusyGroups() {
    MB_ASSIGN_OR_RETURN(auto listings, target_.ListGroups(context_));
    std::vector<kafka::GroupListing> ours;
    for (const auto& listing : listings) {
      for (const PlannedGroup& group : plan_.groups) {
        if (group.group == listing.group) ours.push_back(listing);
      }
    }
    if (ours.empty()) return Status::Ok();
    MB_ASSIGN_OR_RETURN(auto described, target_.DescribeGroups(ours, context_));
    for (const auto& group : described) {
      if (group.members.empty()) continue;
      std::string members;
      for (size_t i = 0; i < group.members.size() && i < 5; ++i)
        members += (i ? ", " : "") + group.members[i];
      Refuse(Code::kConflict, "group '" + group.group + "' has members on the target: " + members,
             "stop them, or leave groups out with --no-groups");
    }
    return Status::Ok();
  }

  Status Estimate() {
    bool pads = false;
    for (const PlannedTopic& topic : plan_.topics) {
      plan_.bytes += topic.bytes;
      plan_.records += topic.records;
      plan_.filler += topic.filler;
      plan_.markers += topic.markers;
      plan_.transactions += topic.transactions;
      pads = pads || topic.filler > 0;
      plan_.disk_bytes += (topic.bytes + static_cast<uint64_t>(static_cast<double>(topic.filler) *
                                                               kFillerDiskBytes)) *
                          static_cast<uint64_t>(topic.replication_factor);
    }
    plan_.seconds_estimate = static_cast<double>(plan_.bytes) / kBytesPerSecond +
                             static_cast<double>(plan_.filler) / kFillerPerSecond;
    if (pads) {
      MB_ASSIGN_OR_RETURN(plan_.checkpoint_wait_ms, CheckpointWait());
      plan_.seconds_estimate += static_cast<double>(plan_.checkpoint_wait_ms) / 1000;
    }
    return Status::Ok();
  }

  Result<int64_t> CheckpointWait() {
    int64_t longest = 0;
    for (const auto& [id, broker] : metadata_->brokers) {
      int64_t interval = kCheckpointIntervalDefaultMs;
      MB_ASSIGN_OR_RETURN(auto configs, target_.DescribeBrokerConfigs(id, context_));
      for (const auto& config : configs) {
        if (config.name == "log.flush.start.offset.checkpoint.interval.ms" && config.value) {
          interval = std::strtoll(config.value->c_str(), nullptr, 10);
        }
      }
      longest = std::max(longest, interval);
    }
    return longest + kCheckpointMarginMs;
  }

  static constexpr const char* kExistsHint =
      "delete it, leave it out with --exclude, or restore under another name with --rename FROM=TO";

  repo::Repository& repository_;
  kafka::Cluster& target_;
  const RestoreSelection& selection_;
  const EarlierRestore* earlier_;
  const int64_t now_ms_;
  const CallContext& context_;
  std::shared_ptr<const kafka::ClusterMetadata> metadata_;
  TopicDefaults defaults_;
  RestorePlan plan_;
};

}  // namespace

Status RestorePlan::Refusal() const {
  if (refusals.empty()) return Status::Ok();
  std::string text = "the restore is refused, nothing was touched:";
  for (const std::string& refusal : refusals) text += "\n  " + refusal;
  return Status(refusal_code, text).WithHint(refusal_hint);
}

Result<RestorePlan> MakeRestorePlan(repo::Repository& repository,
                                    const format::SnapshotRef& snapshot, kafka::Cluster& target,
                                    const RestoreSelection& selection,
                                    const EarlierRestore* earlier, int64_t now_ms,
                                    const CallContext& context) {
  return Planner(repository, target, selection, earlier, now_ms, context).Run(snapshot);
}

}  // namespace maxbrod::engine
