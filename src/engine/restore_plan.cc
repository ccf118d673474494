#include "engine/restore_plan.h"

#include <algorithm>
#include <cstdlib>
#include <set>

#include "engine/dense_map.h"
#include "engine/placement.h"
#include "engine/plan_estimate.h"
#include "engine/plan_existing.h"
#include "engine/plan_groups.h"
#include "engine/plan_heads.h"
#include "engine/plan_limits.h"
#include "engine/plan_partition.h"
#include "engine/restore_thaw.h"
#include "engine/target_configs.h"
#include "kafka/errors.h"
#include "repo/pack_writer.h"

namespace maxbrod::engine {
namespace {

class Planner {
 public:
  Planner(repo::Repository& repository, kafka::Cluster& target, const RestoreSelection& selection,
          const EarlierRestore* earlier, int64_t now_ms, ColdPacks& cold,
          const CallContext& context)
      : repository_(repository),
        target_(target),
        selection_(selection),
        earlier_(earlier),
        now_ms_(now_ms),
        cold_(cold),
        context_(context) {}

  Result<RestorePlan> Run(const format::SnapshotRef& ref) {
    MB_ASSIGN_OR_RETURN(plan_.snapshot, repository_.ReadSnapshot(ref, context_));
    MB_ASSIGN_OR_RETURN(metadata_, target_.Refresh(context_));
    MB_ASSIGN_OR_RETURN(defaults_, ReadTopicDefaults(target_, selection_.limits.get(), context_));
    plan_.target_cluster_id = metadata_->cluster_id;
    plan_.rates = selection_.rates;
    plan_.parts = selection_.parts;
    if (selection_.parts.topics || selection_.parts.data) MB_RETURN_IF_ERROR(PlanTopics());
    MB_RETURN_IF_ERROR(CheckCutsUsed());
    for (PlannedTopic& topic : plan_.topics) PlanPartitionCount(&topic);
    MB_RETURN_IF_ERROR(PlanExistingTopics(target_, *metadata_, selection_, earlier_, &plan_,
                                          &append_at_, context_));
    if (selection_.limits != nullptr)
      CheckMskLimits(*selection_.limits, *metadata_, defaults_, &plan_);
    if (plan_.refusals.empty()) MB_RETURN_IF_ERROR(DropRefusedConfigs(target_, &plan_, context_));
    SetRepartitionedApart();
    if (selection_.parts.data) MB_RETURN_IF_ERROR(DecideModes());
    if (selection_.parts.groups) {
      MB_RETURN_IF_ERROR(PlanGroups(target_, *metadata_, selection_, &plan_, context_));
    }
    MB_RETURN_IF_ERROR(EstimatePlan(target_, &plan_, context_));
    NamePacks({}, cold_, &plan_);
    AddRepartitioned();
    std::sort(plan_.skipped.begin(), plan_.skipped.end(),
              [](const SkippedTopic& a, const SkippedTopic& b) { return a.source < b.source; });
    std::sort(plan_.skipped_groups.begin(), plan_.skipped_groups.end());
    return std::move(plan_);
  }

 private:
  Status PlanTopics() {
    std::vector<std::string> names;
    for (const auto& topic : plan_.snapshot.topics) names.push_back(topic.topic());
    std::vector<std::string> missing = selection_.topics.MissingFrom(names);
    if (!missing.empty()) {
      return Status(Code::kNotFound, "snapshot '" + plan_.snapshot.ref.name() + "' has no topic '" +
                                         missing[0] + "'")
          .WithHint("maxbrod show lists what is in it");
    }
    MB_RETURN_IF_ERROR(ReadBlocks());
    std::set<std::string> taken;
    for (const auto& source : plan_.snapshot.topics) {
      if (!selection_.topics.Matches(source.topic())) continue;
      PlannedTopic topic;
      topic.source = source.topic();
      topic.target = selection_.renames.Apply(source.topic());
      if (!taken.insert(topic.target).second) {
        plan_.Refuse(Code::kInvalidArgument, "two topics would be named '" + topic.target + "'",
                     "change --rename");
      }
      MB_RETURN_IF_ERROR(PlanData(source, &topic));
      PlanPlacement(source, selection_.placement, selection_.limits.get(), *metadata_, &topic,
                    &plan_);
      topic.limits = selection_.limits;
      PlanConfigs(source, defaults_, selection_.leave_retention_off, selection_.config_rules,
                  &topic, &plan_.warnings);
      ForeseeRetention(&topic);
      plan_.topics.push_back(std::move(topic));
    }
    return Status::Ok();
  }

  // Offsets and the order of a key's records live in a partition: more of them is another topic.
  void PlanPartitionCount(PlannedTopic* topic) {
    const auto there = static_cast<int32_t>(topic->partitions.size());
    int32_t wanted = there;
    for (const auto& [pattern, count] : selection_.partitions) {
      if (pattern.Matches(topic->source)) wanted = count;
    }
    const std::string what = "topic '" + topic->source + "' has " + std::to_string(there) +
                             " partitions in the snapshot, " + std::to_string(wanted) +
                             " are wanted: ";
    if (wanted == there) return;
    if (wanted < there) {
      plan_.Refuse(Code::kUnsupported,
                   what +
                       "Kafka has no way to fewer partitions, and two logs cannot keep the offsets "
                       "of one",
                   "leave --partitions out");
      return;
    }
    const bool dense = selection_.offsets.For(topic->source) == OffsetsMode::kDense;
    if (!dense || !selection_.default_partitioner || !selection_.parts.data) {
      plan_.Refuse(
          Code::kUnsupported,
          what +
              "with the same offsets new records of a key would go to another partition "
              "than its old ones",
          "leave --partitions out; or give records out anew, with other offsets: --offsets '" +
              topic->source + "=dense' --partitioner default");
      return;
    }
    topic->repartition = wanted;
    topic->mode = OffsetsMode::kDense;
    topic->mode_why = "other partitions (--partitions)";
    for (PlannedPartition& p : topic->partitions) p.replicas.clear();
    plan_.warnings.push_back(
        what +
        "its records get other partitions and offsets; groups go on at the first "
        "record that they had not read, and read some again");
  }

  // To the sums.
  void AddRepartitioned() {
    constexpr double kBytesPerSecond = 40e6;  // records are decoded, and built anew
    for (PlannedTopic& topic : plan_.repartitioned) {
      topic.filler = topic.markers = topic.transactions = 0;
      topic.seconds_estimate = static_cast<double>(topic.bytes) / kBytesPerSecond;
      topic.disk_bytes = topic.bytes * static_cast<uint64_t>(topic.replication_factor);
      plan_.bytes += topic.bytes;
      plan_.records += topic.records;
      plan_.disk_bytes += topic.disk_bytes;
      plan_.seconds_estimate += topic.seconds_estimate;
    }
  }

  void SetRepartitionedApart() {
    auto apart = std::stable_partition(plan_.topics.begin(), plan_.topics.end(),
                                       [](const PlannedTopic& t) { return t.repartition == 0; });
    std::move(apart, plan_.topics.end(), std::back_inserter(plan_.repartitioned));
    plan_.topics.erase(apart, plan_.topics.end());
  }

  // All block indexes first: where their packs lie is asked for together.
  Status ReadBlocks() {
    std::map<std::string, uint64_t> packs;
    if (!selection_.parts.data) return Status::Ok();
    for (const auto& source : plan_.snapshot.topics) {
      if (!selection_.topics.Matches(source.topic())) continue;
      MB_ASSIGN_OR_RETURN(repo::TopicBlocks blocks, repository_.ReadTopicBlocks(source, context_));
      for (const auto& [partition, uses] : blocks.partitions) {
        for (const repo::BlockUse& use : uses) packs[repo::PackName(use.pack)] = use.pack.length();
      }
      blocks_[source.topic()] = std::move(blocks);
    }
    std::vector<PackToRead> all;
    for (const auto& [name, bytes] : packs) all.push_back({name, bytes});
    return cold_.Look(all, context_);
  }

  Status PlanData(const format::TopicSnapshot& source, PlannedTopic* topic) {
    repo::TopicBlocks& blocks = blocks_[source.topic()];
    for (const auto& p : source.partitions()) {
      PlannedPartition planned;
      planned.partition = p.partition();
      if (!selection_.parts.data) {
        topic->partitions.push_back(std::move(planned));
        continue;
      }
      planned.log_start = p.start_offset();
      planned.end = p.end_offset();
      planned.blocks = std::move(blocks.partitions[p.partition()]);
      MB_RETURN_IF_ERROR(ApplyCuts(source.topic(), &planned));
      std::string impossible = SummarizePartition(topic, &planned);
      if (!impossible.empty())
        plan_.Refuse(Code::kUnsupported, impossible, "leave the topic out with --exclude");
      topic->partitions.push_back(std::move(planned));
    }
    std::sort(topic->partitions.begin(), topic->partitions.end(),
              [](const auto& a, const auto& b) { return a.partition < b.partition; });
    for (size_t i = 0; i < topic->partitions.size(); ++i) {
      if (topic->partitions[i].partition != static_cast<int32_t>(i)) {
        plan_.Refuse(Code::kUnsupported,
                     "topic '" + topic->source + "' lacks partition " + std::to_string(i) +
                         " in the snapshot",
                     "leave it out with --exclude");
        break;
      }
    }
    return Status::Ok();
  }

  // What the user wants no further than.
  Status ApplyCuts(const std::string& topic, PlannedPartition* p) {
    TimeCut cut{p->end, true, -1};
    if (selection_.at_ms) {
      auto cold = [this](const repo::BlockUse& use) { return cold_.Has(use.pack); };
      MB_ASSIGN_OR_RETURN(cut, FindTimeCut(repository_.store(), p->blocks, p->log_start, p->end,
                                           *selection_.at_ms, context_, cold));
      if (cut.bound) plan_.thaw.AddUnknown("where --at cuts topic '" + topic + "'");
    }
    for (const OffsetCut& wanted : selection_.to_offsets) {
      if (wanted.topic != topic || wanted.partition != p->partition) continue;
      cuts_used_.insert(topic + ":" + std::to_string(p->partition));
      if (wanted.offset < p->log_start || wanted.offset > p->end) {
        return Status(Code::kInvalidArgument,
                      "--to-offset " + std::to_string(wanted.offset) + " of " + topic + "-" +
                          std::to_string(p->partition) + ": the snapshot holds offsets " +
                          std::to_string(p->log_start) + " to " + std::to_string(p->end));
      }
      cut.offset = wanted.offset;
      cut.at_end = cut.offset == p->end;
    }
    if (!selection_.at_ms && cut.at_end) return Status::Ok();
    p->cut = cut;
    p->end = cut.offset;
    while (!p->blocks.empty() && p->blocks.back().use_from >= p->end) p->blocks.pop_back();
    if (!p->blocks.empty()) p->blocks.back().use_to = std::min(p->blocks.back().use_to, p->end);
    return Status::Ok();
  }

  Status CheckCutsUsed() {
    for (const OffsetCut& wanted : selection_.to_offsets) {
      std::string name = wanted.topic + ":" + std::to_string(wanted.partition);
      if (cuts_used_.count(name) > 0) continue;
      return Status(Code::kNotFound, "--to-offset " + name + ": no such partition is restored");
    }
    return Status::Ok();
  }

  static bool StartsLater(const PlannedTopic& topic) {
    return std::any_of(topic.partitions.begin(), topic.partitions.end(),
                       [](const PlannedPartition& p) { return p.log_start > 0; });
  }

  // How each topic's offsets come about: by the policy, what the target allows, and what it takes.
  Status DecideModes() {
    NeededAbilities needed;
    for (PlannedTopic& topic : plan_.topics) {
      bool dense = MustBeDense(&topic);
      needed.log_starts = needed.log_starts || (!dense && StartsLater(topic));
      needed.markers = needed.markers || (!dense && topic.markers > 0);
      needed.transactions = needed.transactions || (!dense && topic.transactions > 0);
    }
    if (needed.markers || needed.transactions) {
      MB_RETURN_IF_ERROR(PlanHeads(repository_, target_, HolesByMeans(), defaults_, earlier_,
                                   now_ms_, cold_, &plan_, context_));
    }
    MB_ASSIGN_OR_RETURN(plan_.abilities,
                        ProbeTarget(target_, needed, selection_.offsets.markers, context_));
    for (PlannedTopic& topic : plan_.topics) {
      if (topic.mode == OffsetsMode::kExact) DecideMode(&topic);
      if (topic.mode == OffsetsMode::kDense) {
        MB_RETURN_IF_ERROR(MakeDense(&topic));
      } else if (topic.markers > 0) {
        plan_.warnings.push_back("topic '" + topic.target + "': " + std::to_string(topic.markers) +
                                 " offsets become transaction markers, which carry the time of the "
                                 "restore: lookups by time find them first, and retention by time "
                                 "begins anew for their segments");
      }
    }
    return Status::Ok();
  }

  // The cleaner only comes soon to a head whose segments are made short.
  HoleMeans HolesByMeans() {
    const HoleMeans wanted = selection_.offsets.holes;
    if (selection_.limits == nullptr) return wanted;
    std::string why = selection_.limits->WhyNotConfig("segment.ms", "1", true);
    if (why.empty()) return wanted;
    if (wanted == HoleMeans::kCleaner)
      plan_.Refuse(Code::kUnsupported, "--holes cleaner: " + why, "leave it out");
    return HoleMeans::kMarkers;
  }

  bool MustBeDense(PlannedTopic* topic) {
    bool wanted = selection_.offsets.For(topic->source) == OffsetsMode::kDense;
    if (wanted) topic->mode_why = "--offsets";
    if (topic->append) topic->mode_why = "the topic is not empty (--append)";
    if (earlier_ != nullptr && IsOurs(*topic)) {
      bool before = earlier_->dense.count(topic->target) > 0;
      if (before && topic->mode_why.empty()) topic->mode_why = "as the run before";
      if (before) topic->mode = OffsetsMode::kDense;
      return before;
    }
    if (!topic->mode_why.empty()) topic->mode = OffsetsMode::kDense;
    return topic->mode == OffsetsMode::kDense;
  }

  void DecideMode(PlannedTopic* topic) {
    OffsetsMode wanted = selection_.offsets.For(topic->source);
    std::string lacking, hint;
    if (StartsLater(*topic) && !plan_.abilities.log_starts) {
      lacking = "the target cannot move log starts (" + plan_.abilities.why_no_log_starts + ")";
      hint = "--offsets auto or dense";
    }
    std::string unmarked;
    if (topic->markers > 0 && plan_.abilities.markers == MarkerMeans::kNone)
      unmarked = "the target takes no transaction markers from us";
    if (topic->transactions > 0 && !plan_.abilities.transactions)
      unmarked = "the target has no transaction coordinator for us";
    if (lacking.empty() && !unmarked.empty()) {
      lacking = unmarked + " (" + plan_.abilities.why_not + ")";
      hint =
          "WriteTxnMarkers needs Alter on the cluster (brokers before 3.8: ClusterAction), "
          "transactions need Write on TransactionalId 'maxbrod-*'; or --offsets auto or dense";
    }
    if (!lacking.empty() && wanted == OffsetsMode::kExact)
      plan_.Refuse(Code::kUnsupported, "topic '" + topic->source + "': " + lacking, hint);
    if (wanted != OffsetsMode::kAuto || (earlier_ != nullptr && IsOurs(*topic))) return;
    if (lacking.empty()) lacking = BeyondPadLimit(*topic);
    if (lacking.empty()) return;
    topic->mode = OffsetsMode::kDense;
    topic->mode_why = lacking;
  }

  std::string BeyondPadLimit(const PlannedTopic& topic) const {
    const OffsetsPolicy& policy = selection_.offsets;
    uint64_t offsets = topic.filler + topic.markers;
    double seconds = PaddingSeconds(topic, plan_);
    if (policy.pad_limit_offsets > 0 && offsets > policy.pad_limit_offsets) {
      return std::to_string(offsets) + " offsets to pad are more than --pad-limit " +
             std::to_string(policy.pad_limit_offsets);
    }
    if (policy.pad_limit_seconds > 0 && seconds > policy.pad_limit_seconds) {
      return "padding would take about " + std::to_string(static_cast<int64_t>(seconds)) +
             " s, more than --pad-limit";
    }
    return {};
  }

  Status MakeDense(PlannedTopic* topic) {
    topic->filler = topic->markers = topic->transactions = 0;
    topic->records = 0;
    for (PlannedPartition& p : topic->partitions) {
      TopicPartition tp{topic->target, p.partition};
      int64_t start = 0;
      auto found = append_at_.find(tp);
      if (found != append_at_.end()) start = found->second;
      if (earlier_ != nullptr && IsOurs(*topic)) {
        auto before = earlier_->starts.find(tp);
        if (before != earlier_->starts.end()) start = before->second;
      }
      bool guessed = false;
      MB_ASSIGN_OR_RETURN(p.map, BuildOffsetMap(repository_, p, start, cold_, &guessed, context_));
      if (guessed) {
        plan_.thaw.AddUnknown("how many records of topic '" + topic->source +
                              "' are restored, and where");
      }
      p.records = static_cast<uint64_t>(p.map->records());
      topic->records += p.records;
    }
    plan_.warnings.push_back("topic '" + topic->target +
                             "' is restored dense, with other offsets: " + topic->mode_why +
                             "; 'maxbrod offsets' translates, groups are translated");
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

  bool IsOurs(const PlannedTopic& topic) const {
    return earlier_ != nullptr && earlier_->Made(topic);
  }

  repo::Repository& repository_;
  kafka::Cluster& target_;
  const RestoreSelection& selection_;
  const EarlierRestore* earlier_;
  const int64_t now_ms_;
  ColdPacks& cold_;
  const CallContext& context_;
  std::map<std::string, repo::TopicBlocks> blocks_;
  std::shared_ptr<const kafka::ClusterMetadata> metadata_;
  TopicDefaults defaults_;
  std::map<TopicPartition, int64_t> append_at_;
  std::set<std::string> cuts_used_;
  RestorePlan plan_;
};

}  // namespace

const char* TopicActionName(TopicAction action) {
  switch (action) {
    case TopicAction::kCreate:
      return "create";
    case TopicAction::kFill:
      return "fill";
    case TopicAction::kAppend:
      return "append";
    case TopicAction::kReplace:
      return "replace";
    case TopicAction::kConfigs:
      return "configs";
  }
  return "?";
}

const char* GroupActionName(GroupAction action) {
  switch (action) {
    case GroupAction::kCreate:
      return "create";
    case GroupAction::kSame:
      return "same";
    case GroupAction::kOverwrite:
      return "overwrite";
    case GroupAction::kSkip:
      return "skip";
  }
  return "?";
}

void RestorePlan::Refuse(Code code, const std::string& what, const std::string& hint) {
  refusals.push_back(what);
  if (refusal_code != Code::kOk) return;
  refusal_code = code;
  refusal_hint = hint;
}

Status RestorePlan::Refusal() const {
  if (refusals.empty()) return Status::Ok();
  std::string text = "the restore is refused, nothing was touched:";
  for (const std::string& refusal : refusals) text += "\n  " + refusal;
  return Status(refusal_code, text).WithHint(refusal_hint);
}

bool EarlierRestore::Made(const PlannedTopic& topic) const {
  auto found = topics.find(topic.target);
  return found != topics.end() && found->second == topic.existing_id &&
         !topic.existing_id.id.IsZero();
}

Result<RestorePlan> MakeRestorePlan(repo::Repository& repository,
                                    const format::SnapshotRef& snapshot, kafka::Cluster& target,
                                    const RestoreSelection& selection,
                                    const EarlierRestore* earlier, int64_t now_ms, ColdPacks& cold,
                                    const CallContext& context) {
  return Planner(repository, target, selection, earlier, now_ms, cold, context).Run(snapshot);
}

}  // namespace maxbrod::engine
