#include "engine/restore_rest.h"

#include <algorithm>

namespace maxbrod::engine {
namespace {

bool HasShareGroups(const repo::Snapshot& snapshot) {
  return std::any_of(snapshot.groups.begin(), snapshot.groups.end(),
                     [](const format::GroupSnapshot& g) { return g.type() == "share"; });
}

const PlannedTopic* FindBySource(const RestorePlan& plan, const std::string& source) {
  for (const PlannedTopic& topic : plan.topics) {
    if (topic.source == source) return &topic;
  }
  return nullptr;
}

bool WantsGroup(const RestoreSelection& selection, const std::string& name) {
  return selection.only_groups.empty() ||
         std::any_of(selection.only_groups.begin(), selection.only_groups.end(),
                     [&](const NamePattern& pattern) { return pattern.Matches(name); });
}

}  // namespace

Result<std::shared_ptr<const MetadataPlan>> PlanRest(const RestoreSelection& selection,
                                                     kafka::Cluster& target, RestorePlan* plan,
                                                     const CallContext& context) {
  const RestoreParts& parts = selection.parts;
  MetadataSelection wanted;
  wanted.acls = parts.acls;
  wanted.quotas = parts.quotas;
  wanted.users = parts.users;
  wanted.configs = parts.configs;
  wanted.broker_configs = selection.broker_configs;
  wanted.share_offsets = parts.groups && parts.data && HasShareGroups(plan->snapshot);
  if (!parts.metadata() && !wanted.share_offsets && wanted.broker_configs == BrokerConfigs::kNone)
    return std::shared_ptr<const MetadataPlan>();
  wanted.policies = selection.if_exists;
  wanted.passwords = selection.passwords;
  wanted.topic_name = [&](const std::string& name) {
    return selection.topics.Matches(name) ? selection.renames.Apply(name) : std::string();
  };
  wanted.group_name = [&](const std::string& name) {
    return WantsGroup(selection, name) ? name : std::string();
  };
  wanted.share_offset = [&](const std::string& topic, int32_t partition,
                            int64_t offset) -> std::optional<int64_t> {
    const PlannedTopic* planned = FindBySource(*plan, topic);
    if (planned == nullptr || static_cast<size_t>(partition) >= planned->partitions.size())
      return std::nullopt;
    return planned->partitions[static_cast<size_t>(partition)].Translate(offset);
  };
  MB_ASSIGN_OR_RETURN(MetadataPlan rest, PlanMetadata(plan->snapshot, target, wanted, context));
  plan->warnings.insert(plan->warnings.end(), rest.warnings.begin(), rest.warnings.end());
  if (Status refusal = rest.Refusal(); !refusal.ok())
    plan->Refuse(refusal.code(), refusal.message(), refusal.hint());
  return std::make_shared<const MetadataPlan>(std::move(rest));
}

}  // namespace maxbrod::engine
