#include "engine/verify_settings.h"

#include <algorithm>
#include <cstdlib>

#include "engine/target_configs.h"

namespace maxbrod::engine {
namespace {

void AddConfigDifference(const std::string& topic, std::string what, DifferenceList* differences) {
  Difference difference;
  difference.kind = DifferenceKind::kConfig;
  difference.topic = topic;
  difference.what = std::move(what);
  differences->Add(std::move(difference));
}

Status ReadConfigs(kafka::Cluster& cluster, std::vector<ComparedTopic>* topics,
                   const CallContext& context) {
  std::vector<std::string> names;
  for (const ComparedTopic& topic : *topics) names.push_back(topic.target);
  if (names.empty()) return Status::Ok();
  MB_ASSIGN_OR_RETURN(auto described, cluster.DescribeTopicConfigs(names, context));
  for (ComparedTopic& topic : *topics) {
    for (const kafka::ConfigValue& config : described[topic.target]) {
      if (config.value) topic.configs[config.name] = *config.value;
    }
  }
  return Status::Ok();
}

void CompareTopicConfigs(const ComparedTopic& topic, const TopicDefaults& defaults,
                         DifferenceList* differences, SettingsTotals* totals) {
  PlannedTopic planned;
  planned.source = topic.source->topic();
  planned.target = topic.target;
  if (!topic.metadata.partitions.empty()) {
    planned.replication_factor =
        static_cast<int16_t>(topic.metadata.partitions.front().replicas.size());
  }
  PlanConfigs(*topic.source, defaults, false, {}, &planned, &totals->notes);
  std::map<std::string, std::string> wanted;
  for (const format::ConfigEntry& config : topic.source->configs()) {
    if (config.has_value() && defaults.count(config.name()) > 0)
      wanted[config.name()] = config.value();
  }
  for (const PlannedConfig& config : planned.configs) wanted[config.name] = config.value;
  for (const auto& [name, value] : wanted) {
    auto live = topic.configs.find(name);
    if (live == topic.configs.end()) {
      totals->notes.push_back("topic '" + topic.target + "': the cluster does not tell config " +
                              name);
      continue;
    }
    ++totals->configs;
    if (live->second == value) continue;
    AddConfigDifference(topic.target,
                        name + " is '" + live->second + "', the snapshot's is '" + value + "'",
                        differences);
  }
}

class GroupComparer {
 public:
  GroupComparer(const GroupComparison& what, DifferenceList* differences, SettingsTotals* totals)
      : what_(what), differences_(*differences), totals_(*totals) {}

  Status Run(kafka::Cluster& cluster, const CallContext& context) {
    std::vector<const format::GroupSnapshot*> wanted = Wanted();
    if (wanted.empty()) return Status::Ok();
    MB_ASSIGN_OR_RETURN(auto listings, cluster.ListGroups(context));
    std::map<std::string, bool> active;
    for (const auto& listing : listings) {
      active[listing.group] =
          !listing.state.empty() && listing.state != "Empty" && listing.state != "Dead";
    }
    std::vector<std::string> names;
    for (const auto* group : wanted) {
      if (active.count(group->group()) > 0) names.push_back(group->group());
    }
    std::map<std::string, Result<std::vector<kafka::CommittedOffset>>> offsets;
    if (!names.empty()) {
      MB_ASSIGN_OR_RETURN(offsets, cluster.FetchGroupOffsets(names, context));
    }
    for (const auto* group : wanted) {
      auto found = offsets.find(group->group());
      if (found == offsets.end()) {
        Tell(group->group(), "", -1, "is not on the cluster");
      } else if (!found->second.ok()) {
        totals_.notes.push_back("group '" + group->group() +
                                "' could not be compared: " + found->second.status().ToString());
      } else {
        CompareOne(*group, *found->second, active[group->group()]);
      }
    }
    return Status::Ok();
  }

 private:
  std::vector<const format::GroupSnapshot*> Wanted() const {
    std::vector<const format::GroupSnapshot*> wanted;
    for (const format::GroupSnapshot& group : *what_.groups) {
      bool chosen = what_.only.empty() ||
                    std::any_of(what_.only.begin(), what_.only.end(),
                                [&](const NamePattern& p) { return p.Matches(group.group()); });
      bool has_offsets =
          std::any_of(group.offsets().begin(), group.offsets().end(),
                      [&](const auto& o) { return what_.targets.count(o.topic()) > 0; });
      if (chosen && has_offsets && group.type() != "share") wanted.push_back(&group);
    }
    return wanted;
  }

  void CompareOne(const format::GroupSnapshot& group,
                  const std::vector<kafka::CommittedOffset>& live, bool active) {
    std::map<TopicPartition, const kafka::CommittedOffset*> committed;
    for (const auto& o : live) {
      if (o.error == 0 && o.offset >= 0) committed[{o.topic, o.partition}] = &o;
    }
    ++totals_.groups;
    bool moved_on = false;
    for (const format::GroupOffset& o : group.offsets()) {
      auto target = what_.targets.find(o.topic());
      if (target == what_.targets.end()) continue;
      TopicPartition tp{target->second, o.partition()};
      auto found = committed.find(tp);
      if (found == committed.end()) {
        Tell(group.group(), tp.topic, tp.partition,
             "no offset, the snapshot's is " + std::to_string(o.offset()));
        continue;
      }
      int64_t offset = found->second->offset;
      // The source itself keeps what the snapshot had to clip.
      bool same = offset == o.offset() || offset == o.offset_before_clip();
      auto log = what_.log_moved_on.find(tp);
      bool may_go_on = active || (log != what_.log_moved_on.end() && log->second);
      if (!same && offset > o.offset() && may_go_on) {
        moved_on = true;
      } else if (!same) {
        Tell(group.group(), tp.topic, tp.partition,
             "stands at offset " + std::to_string(offset) + ", the snapshot's is " +
                 std::to_string(o.offset()));
      } else if (found->second->metadata != o.metadata()) {
        Tell(group.group(), tp.topic, tp.partition,
             "other metadata with its offset than the snapshot");
      }
    }
    if (moved_on) ++totals_.groups_moved_on;
  }

  void Tell(const std::string& group, const std::string& topic, int32_t partition,
            std::string what) {
    Difference difference;
    difference.kind = DifferenceKind::kGroup;
    difference.group = group;
    difference.topic = topic;
    difference.partition = partition;
    difference.what = std::move(what);
    differences_.Add(std::move(difference));
  }

  const GroupComparison& what_;
  DifferenceList& differences_;
  SettingsTotals& totals_;
};

}  // namespace

std::string ComparedTopic::Config(const std::string& name) const {
  auto found = configs.find(name);
  if (found != configs.end()) return found->second;
  for (const format::ConfigEntry& config : source->configs()) {
    if (config.name() == name && config.has_value()) return config.value();
  }
  return std::string();
}

bool ComparedTopic::compacted() const {
  return Config("cleanup.policy").find("compact") != std::string::npos;
}

bool ComparedTopic::retention_may_remove() const {
  std::string policy = Config("cleanup.policy");
  if (!policy.empty() && policy.find("delete") == std::string::npos) return false;
  auto limited = [&](const char* name) {
    std::string value = Config(name);
    return !value.empty() && std::strtoll(value.c_str(), nullptr, 10) >= 0;
  };
  return policy.empty() || limited("retention.ms") || limited("retention.bytes");
}

Status CompareConfigs(kafka::Cluster& cluster, std::vector<ComparedTopic>* topics,
                      DifferenceList* differences, SettingsTotals* totals,
                      const CallContext& context) {
  Status read = ReadConfigs(cluster, topics, context);
  if (read.code() == Code::kPermission) {
    totals->notes.push_back("configs were not compared: " + read.ToString());
    return Status::Ok();
  }
  MB_RETURN_IF_ERROR(read);
  auto defaults = ReadTopicDefaults(cluster, nullptr, context);
  if (!defaults.ok() && !HidesBrokerConfigs(defaults.status())) return defaults.status();
  if (!defaults.ok())
    totals->notes.push_back("brokers' defaults were not compared: " + defaults.status().ToString());
  for (const ComparedTopic& topic : *topics) {
    CompareTopicConfigs(topic, defaults.ok() ? *defaults : TopicDefaults(), differences, totals);
  }
  return Status::Ok();
}

Status CompareGroups(kafka::Cluster& cluster, const GroupComparison& what,
                     DifferenceList* differences, SettingsTotals* totals,
                     const CallContext& context) {
  return GroupComparer(what, differences, totals).Run(cluster, context);
}

}  // namespace maxbrod::engine
