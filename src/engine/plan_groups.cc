#include "engine/plan_groups.h"

#include <algorithm>
#include <set>

#include "engine/capture_metadata.h"
#include "kafka/errors.h"

namespace maxbrod::engine {
namespace {

// Where a source topic's offsets point on the target.
struct GroupTopic {
  std::string target;
  const PlannedTopic* planned = nullptr;  // null: it is there already, and is not restored
};

class Groups {
 public:
  Groups(kafka::Cluster& target, const kafka::ClusterMetadata& metadata,
         const RestoreSelection& selection, RestorePlan* plan, const CallContext& context)
      : target_(target),
        metadata_(metadata),
        selection_(selection),
        plan_(*plan),
        context_(context) {}

  Status Run() {
    FindTopics();
    for (const format::GroupSnapshot& source : plan_.snapshot.groups) {
      if (WantsGroup(selection_, source.group())) Add(source);
    }
    if (!selection_.parts.data) MB_RETURN_IF_ERROR(CheckAgainstLogs());
    std::erase_if(plan_.groups,
                  [](const PlannedGroup& g) { return g.offsets.empty() && g.later == 0; });
    return MeetExisting();
  }

 private:
  void FindTopics() {
    for (const PlannedTopic& topic : plan_.topics) topics_[topic.source] = {topic.target, &topic};
    for (const PlannedTopic& topic : plan_.repartitioned) repartitioned_.insert(topic.source);
    if (selection_.parts.data) return;
    for (const format::TopicSnapshot& topic : plan_.snapshot.topics) {
      if (!selection_.topics.Matches(topic.topic())) continue;
      std::string target = selection_.renames.Apply(topic.topic());
      if (metadata_.topics.contains(target)) topics_[topic.topic()] = {target, nullptr};
    }
  }

  void Add(const format::GroupSnapshot& source) {
    if (IsShareGroup(source.type())) return;  // restore_rest.h
    PlannedGroup group;
    group.group = source.group();
    group.type = source.type();
    for (const format::GroupOffset& o : source.offsets()) {
      auto target = topics_.find(o.topic());
      if (repartitioned_.contains(o.topic())) {
        ++group.later;
        continue;
      }
      if (target == topics_.end()) {
        ++group.left_out;
        continue;
      }
      kafka::CommittedOffset offset;
      offset.topic = target->second.target;
      offset.partition = o.partition();
      offset.offset = o.offset();
      const PlannedTopic* planned = target->second.planned;
      if (planned != nullptr && static_cast<size_t>(o.partition()) < planned->partitions.size()) {
        offset.offset =
            planned->partitions[static_cast<size_t>(o.partition())].Translate(o.offset());
      }
      offset.metadata = o.metadata();
      group.offsets.push_back(std::move(offset));
    }
    plan_.groups.push_back(std::move(group));
  }

  // Groups alone: an offset that the target's log does not hold would let a consumer begin where
  // its auto.offset.reset says.
  Status CheckAgainstLogs() {
    kafka::PerPartition<int64_t> ask;
    for (const PlannedGroup& group : plan_.groups) {
      for (const auto& o : group.offsets) {
        auto topic = metadata_.topics.find(o.topic);
        if (o.partition < static_cast<int32_t>(topic->second.partitions.size()))
          ask[{o.topic, o.partition}] = kafka::kEarliest;
      }
    }
    constexpr auto kAll = kafka::Isolation::kReadUncommitted;
    MB_ASSIGN_OR_RETURN(auto starts, target_.ListOffsets(ask, kAll, context_));
    for (auto& [tp, what] : ask) what = kafka::kLatest;
    MB_ASSIGN_OR_RETURN(auto ends, target_.ListOffsets(ask, kAll, context_));
    for (PlannedGroup& group : plan_.groups) {
      const size_t before = group.offsets.size();
      std::erase_if(group.offsets, [&](const kafka::CommittedOffset& o) {
        auto start = starts.find({o.topic, o.partition});
        auto end = ends.find({o.topic, o.partition});
        bool held = start != starts.end() && start->second.error == 0 && end != ends.end() &&
                    end->second.error == 0 && o.offset >= start->second.offset &&
                    o.offset <= end->second.offset;
        return !held;
      });
      const size_t gone = before - group.offsets.size();
      if (gone == 0) continue;
      group.left_out += gone;
      plan_.warnings.push_back("group '" + group.group + "': " + std::to_string(gone) +
                               " offsets are not set, the target's logs do not hold them");
    }
    return Status::Ok();
  }

  Status MeetExisting() {
    MB_ASSIGN_OR_RETURN(auto listings, target_.ListGroups(context_));
    std::vector<kafka::GroupListing> ours;
    std::vector<std::string> names;
    for (const auto& listing : listings) {
      bool planned = std::any_of(plan_.groups.begin(), plan_.groups.end(),
                                 [&](const PlannedGroup& g) { return g.group == listing.group; });
      if (!planned) continue;
      ours.push_back(listing);
      names.push_back(listing.group);
    }
    if (ours.empty()) return Status::Ok();
    MB_ASSIGN_OR_RETURN(auto committed, target_.FetchGroupOffsets(names, context_));
    for (PlannedGroup& group : plan_.groups) {
      auto found = committed.find(group.group);
      if (found == committed.end()) continue;
      MB_RETURN_IF_ERROR(found->second.status());
      Meet(*found->second, &group);
    }
    std::erase_if(plan_.groups,
                  [](const PlannedGroup& g) { return g.action == GroupAction::kSkip; });
    return RefuseBusy(ours);
  }

  // By policy. Standing where it would be put is no difference.
  void Meet(const std::vector<kafka::CommittedOffset>& committed, PlannedGroup* group) {
    std::map<TopicPartition, int64_t> now;
    for (const auto& o : committed) {
      if (o.error == 0 && o.offset >= 0) now[{o.topic, o.partition}] = o.offset;
    }
    group->target_offsets = now.size();
    if (now.empty()) return;
    for (const auto& o : group->offsets) {
      auto there = now.find({o.topic, o.partition});
      if (there == now.end() || there->second != o.offset) ++group->changes;
    }
    group->action = group->changes == 0 ? GroupAction::kSame : GroupAction::kOverwrite;
    if (group->changes == 0) return;
    switch (selection_.if_exists.groups) {
      case MergePolicy::kOverwrite:
        return;
      case MergePolicy::kSkip:
        plan_.skipped_groups.push_back(group->group);
        group->action = GroupAction::kSkip;
        return;
      case MergePolicy::kFail:
        plan_.Refuse(Code::kAlreadyExists,
                     "group '" + group->group + "' has offsets on the target, " +
                         std::to_string(group->changes) + " of them others than in the snapshot",
                     "--if-exists groups=skip leaves it alone, groups=overwrite moves it");
    }
  }

  Status RefuseBusy(const std::vector<kafka::GroupListing>& listings) {
    MB_ASSIGN_OR_RETURN(auto described, target_.DescribeGroups(listings, context_));
    for (const auto& group : described) {
      bool moved = std::any_of(plan_.groups.begin(), plan_.groups.end(),
                               [&](const PlannedGroup& g) { return g.group == group.group; });
      if (group.members.empty() || !moved) continue;
      std::string members;
      for (size_t i = 0; i < group.members.size() && i < 5; ++i)
        members += (i ? ", " : "") + group.members[i];
      plan_.Refuse(Code::kConflict,
                   "group '" + group.group + "' has members on the target: " + members,
                   "stop them, or leave groups out with --no-groups");
    }
    return Status::Ok();
  }

  kafka::Cluster& target_;
  const kafka::ClusterMetadata& metadata_;
  const RestoreSelection& selection_;
  RestorePlan& plan_;
  const CallContext& context_;
  std::map<std::string, GroupTopic> topics_;  // by the source's name
  std::set<std::string> repartitioned_;       // the source's names
};

}  // namespace

bool WantsGroup(const RestoreSelection& selection, const std::string& group) {
  return selection.only_groups.empty() ||
         std::any_of(selection.only_groups.begin(), selection.only_groups.end(),
                     [&](const NamePattern& pattern) { return pattern.Matches(group); });
}

Status PlanGroups(kafka::Cluster& target, const kafka::ClusterMetadata& metadata,
                  const RestoreSelection& selection, RestorePlan* plan,
                  const CallContext& context) {
  return Groups(target, metadata, selection, plan, context).Run();
}

}  // namespace maxbrod::engine
