// The parts of PlanMetadata (restore_metadata.h), one function a kind. Not for others.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/restore_metadata.h"

namespace maxbrod::engine {

struct MetadataPlanning {
  const repo::Snapshot& snapshot;
  kafka::Cluster& cluster;
  kafka::Admin admin;
  const MetadataSelection& selection;
  const CallContext& context;
  MetadataPlan* plan;

  PlannedMetadata& Add(MetadataKind kind, std::string name, std::string in_snapshot,
                       std::string on_target);
  void Warn(std::string text) { plan->warnings.push_back(std::move(text)); }
};

// Of `Map`: the name there, "" for what is not restored.
std::string Mapped(const NameMap& map, const std::string& name);
// "User:alice" -> "User:bob", by the selection.
std::string MappedUser(const MetadataSelection& selection, const std::string& user);

// Whether a part of the target that answered with this is to be left out with a warning. Otherwise
// (lost connections, cancelled) planning fails.
bool TargetLacks(const Status& status);
std::string WithHintText(const Status& status);

// kCreate when the target has nothing, kSame, or what the policy says of a difference.
MetadataAction ActionFor(bool on_target, bool same, MergePolicy policy);
// Sets the action; the change only where something is to be done.
template <typename Change>
void Decide(bool on_target, bool same, MergePolicy policy, Change change, PlannedMetadata* item) {
  item->action = ActionFor(on_target, same, policy);
  bool acts = item->action == MetadataAction::kCreate || item->action == MetadataAction::kOverwrite;
  if (acts) item->change = std::move(change);
}
void LeaveOut(const std::string& reason, PlannedMetadata* item);

// Whether a config's values are worth nothing, or harm, on another cluster: listeners and their
// stores, ids, disks, throttles of reassignments. The reason; empty when it may be restored.
std::string WhyNotBrokerConfig(const std::string& name);

Status PlanAcls(MetadataPlanning& planning);
Status PlanQuotas(MetadataPlanning& planning);
Status PlanUsers(MetadataPlanning& planning);
// Of groups and client metrics.
Status PlanResourceConfigs(MetadataPlanning& planning);
Status PlanBrokerConfigs(MetadataPlanning& planning);
Status PlanShareOffsets(MetadataPlanning& planning);
Status PlanSchemas(MetadataPlanning& planning);
// Differing levels become notes.
Status CompareFeatures(MetadataPlanning& planning);

}  // namespace maxbrod::engine
