#include "engine/restore_rest.h"

#include <algorithm>

#include "engine/capture_metadata.h"
#include "engine/plan_groups.h"

namespace maxbrod::engine {
namespace {

bool HasShareGroups(const repo::Snapshot& snapshot) {
  return std::any_of(snapshot.groups.begin(), snapshot.groups.end(),
                     [](const format::GroupSnapshot& g) { return IsShareGroup(g.type()); });
}

const PlannedTopic* FindBySource(const RestorePlan& plan, const std::string& source) {
  for (const PlannedTopic& topic : plan.topics) {
    if (topic.source == source) return &topic;
  }
  return nullptr;
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
  wanted.schemas = parts.schemas;
  wanted.registry = selection.registry;
  wanted.broker_configs = selection.broker_configs;
  if (!parts.metadata() && wanted.broker_configs == BrokerConfigs::kNone)
    return std::shared_ptr<const MetadataPlan>();
  wanted.policies = selection.if_exists;
  wanted.passwords = selection.passwords;
  wanted.topic_name = [&](const std::string& name) {
    return selection.topics.Matches(name) ? selection.renames.Apply(name) : std::string();
  };
  wanted.group_name = [&](const std::string& name) {
    return WantsGroup(selection, name) ? name : std::string();
  };
  MB_ASSIGN_OR_RETURN(MetadataPlan rest, PlanMetadata(plan->snapshot, target, wanted, context));
  plan->warnings.insert(plan->warnings.end(), rest.warnings.begin(), rest.warnings.end());
  if (Status refusal = rest.Refusal(); !refusal.ok())
    plan->Refuse(refusal.code(), refusal.message(), refusal.hint());
  return std::make_shared<const MetadataPlan>(std::move(rest));
}

Status RestoreShareOffsets(const RestoreSelection& selection, kafka::Cluster& target,
                           const RestorePlan& plan, Progress& progress,
                           std::optional<MetadataReport>* report, const CallContext& context) {
  if (!selection.parts.groups || !selection.parts.data || !HasShareGroups(plan.snapshot))
    return Status::Ok();
  MetadataSelection wanted;
  wanted.acls = wanted.quotas = wanted.users = wanted.configs = false;
  wanted.share_offsets = true;
  wanted.policies.configs = selection.if_exists.groups;
  wanted.policies.groups = selection.if_exists.groups;
  wanted.topic_name = [&](const std::string& name) {
    const PlannedTopic* planned = FindBySource(plan, name);
    return planned == nullptr ? std::string() : planned->target;
  };
  wanted.group_name = [&](const std::string& name) {
    return WantsGroup(selection, name) ? name : std::string();
  };
  wanted.share_offset = [&](const std::string& topic, int32_t partition,
                            int64_t offset) -> std::optional<int64_t> {
    const PlannedTopic* planned = FindBySource(plan, topic);
    if (planned == nullptr || static_cast<size_t>(partition) >= planned->partitions.size())
      return std::nullopt;
    return planned->partitions[static_cast<size_t>(partition)].Translate(offset);
  };
  MB_ASSIGN_OR_RETURN(MetadataPlan shares, PlanMetadata(plan.snapshot, target, wanted, context));
  for (const std::string& warning : shares.warnings) progress.Warn(warning);
  MB_ASSIGN_OR_RETURN(MetadataReport done, ApplyMetadata(target, shares, progress, context));
  if (!*report) {
    *report = std::move(done);
    return Status::Ok();
  }
  MetadataReport& sum = **report;
  sum.created += done.created;
  sum.overwritten += done.overwritten;
  sum.same += done.same;
  sum.skipped += done.skipped;
  sum.left_out += done.left_out;
  sum.warnings.insert(sum.warnings.end(), done.warnings.begin(), done.warnings.end());
  sum.failed.insert(sum.failed.end(), done.failed.begin(), done.failed.end());
  if (sum.failure.ok()) sum.failure = done.failure;
  return Status::Ok();
}

}  // namespace maxbrod::engine
