// PlanMetadata, and what its parts share.
#include <algorithm>
#include <tuple>

#include "engine/capture_metadata.h"
#include "engine/metadata_planning.h"
#include "kafka/errors.h"

namespace maxbrod::engine {
namespace {

constexpr const char* kUserPrefix = "User:";

// What of the snapshot's missing parts concerns this selection.
bool Concerns(const MetadataSelection& selection, const std::string& name) {
  if (name == part::kAcls) return selection.acls;
  if (name == part::kQuotas) return selection.quotas;
  if (name == part::kScramUsers) return selection.users;
  if (name == part::kGroupConfigs || name == part::kClientMetrics) return selection.configs;
  if (name == part::kBrokerConfigs) return selection.broker_configs != BrokerConfigs::kNone;
  if (name == part::kShareGroups) return selection.share_offsets;
  if (name == part::kSchemas) return selection.schemas;
  return false;
}

}  // namespace

const char* MetadataKindName(MetadataKind kind) {
  switch (kind) {
    case MetadataKind::kAcls:
      return "acls";
    case MetadataKind::kQuota:
      return "quota";
    case MetadataKind::kUser:
      return "user";
    case MetadataKind::kGroupConfigs:
      return "group_configs";
    case MetadataKind::kClientMetrics:
      return "client_metrics";
    case MetadataKind::kBrokerConfigs:
      return "broker_configs";
    case MetadataKind::kShareOffsets:
      return "share_offsets";
    case MetadataKind::kSchemas:
      return "schemas";
  }
  return "?";
}

const char* MetadataActionName(MetadataAction action) {
  switch (action) {
    case MetadataAction::kCreate:
      return "create";
    case MetadataAction::kSame:
      return "same";
    case MetadataAction::kSkip:
      return "skip";
    case MetadataAction::kOverwrite:
      return "overwrite";
    case MetadataAction::kRefuse:
      return "refuse";
    case MetadataAction::kLeftOut:
      return "left_out";
    case MetadataAction::kSetAgain:
      return "set_again";
  }
  return "?";
}

size_t MetadataPlan::Count(MetadataAction action) const {
  return static_cast<size_t>(std::count_if(
      items.begin(), items.end(), [&](const PlannedMetadata& i) { return i.action == action; }));
}

Status MetadataPlan::Refusal() const {
  constexpr size_t kNamedMax = 5;
  size_t count = Count(MetadataAction::kRefuse);
  if (count == 0) return Status::Ok();
  std::string named;
  size_t shown = 0;
  for (const PlannedMetadata& item : items) {
    if (item.action != MetadataAction::kRefuse || ++shown > kNamedMax) continue;
    named +=
        (named.empty() ? "" : "; ") + std::string(MetadataKindName(item.kind)) + " " + item.name;
    if (!item.reason.empty()) named += " (" + item.reason + ")";
  }
  if (count > kNamedMax) named += "; and " + std::to_string(count - kNamedMax) + " more";
  return Status(Code::kAlreadyExists, "the target has other metadata than the snapshot: " + named)
      .WithHint("--if-exists KIND=skip or KIND=overwrite, after a look at --dry-run");
}

PlannedMetadata& MetadataPlanning::Add(MetadataKind kind, std::string name, std::string in_snapshot,
                                       std::string on_target) {
  PlannedMetadata& item = plan->items.emplace_back();
  item.kind = kind;
  item.name = std::move(name);
  item.in_snapshot = std::move(in_snapshot);
  item.on_target = std::move(on_target);
  return item;
}

std::string Mapped(const NameMap& map, const std::string& name) {
  return map ? map(name) : name;
}

std::string MappedUser(const MetadataSelection& selection, const std::string& user) {
  std::string principal = Mapped(selection.principal_name, kUserPrefix + user);
  if (!principal.starts_with(kUserPrefix)) return "";
  return principal.substr(std::string_view(kUserPrefix).size());
}

bool TargetLacks(const Status& status) {
  return status.code() != Code::kUnavailable && status.code() != Code::kTimeout &&
         status.code() != Code::kCancelled && status.code() != Code::kAuthentication;
}

std::string WithHintText(const Status& status) {
  return status.ToString() + (status.hint().empty() ? "" : "; " + status.hint());
}

MetadataAction ActionFor(bool on_target, bool same, MergePolicy policy) {
  if (same) return MetadataAction::kSame;
  if (!on_target) return MetadataAction::kCreate;
  switch (policy) {
    case MergePolicy::kSkip:
      return MetadataAction::kSkip;
    case MergePolicy::kOverwrite:
      return MetadataAction::kOverwrite;
    case MergePolicy::kFail:
      break;
  }
  return MetadataAction::kRefuse;
}

void LeaveOut(const std::string& reason, PlannedMetadata* item) {
  item->action = MetadataAction::kLeftOut;
  item->reason = reason;
  item->change = std::monostate();
}

Status CompareFeatures(MetadataPlanning& planning) {
  auto there = planning.admin.DescribeFeatures(planning.context);
  if (!there.ok()) return TargetLacks(there.status()) ? Status::Ok() : there.status();
  for (const format::Feature& feature : planning.snapshot.metadata.features()) {
    auto found = there->find(feature.name());
    int32_t level = found == there->end() ? 0 : found->second.finalized;
    if (level == feature.finalized()) continue;
    planning.plan->notes.push_back("feature " + feature.name() + ": level " +
                                   std::to_string(feature.finalized()) + " on the source, " +
                                   std::to_string(level) + " on the target (not changed)");
  }
  return Status::Ok();
}

Result<MetadataPlan> PlanMetadata(const repo::Snapshot& snapshot, kafka::Cluster& target,
                                  const MetadataSelection& selection, const CallContext& context) {
  MetadataPlan plan;
  plan.passwords = selection.passwords;
  plan.registry = selection.registry;
  if (!snapshot.metadata.captured()) {
    plan.warnings.push_back(
        "the snapshot has no ACLs, quotas, users and configs: its program recorded none");
    return plan;
  }
  MetadataPlanning planning{snapshot, target, kafka::Admin(target), selection, context, &plan};
  for (const format::MissingPart& missing : snapshot.metadata.missing()) {
    if (!Concerns(selection, missing.part())) continue;
    plan.notes.push_back("the snapshot has no " + missing.part() + ": " + missing.reason());
  }
  if (selection.users) MB_RETURN_IF_ERROR(PlanUsers(planning));
  if (selection.quotas) MB_RETURN_IF_ERROR(PlanQuotas(planning));
  if (selection.configs) MB_RETURN_IF_ERROR(PlanResourceConfigs(planning));
  if (selection.broker_configs != BrokerConfigs::kNone)
    MB_RETURN_IF_ERROR(PlanBrokerConfigs(planning));
  if (selection.acls) MB_RETURN_IF_ERROR(PlanAcls(planning));
  if (selection.share_offsets) MB_RETURN_IF_ERROR(PlanShareOffsets(planning));
  if (selection.schemas) MB_RETURN_IF_ERROR(PlanSchemas(planning));
  MB_RETURN_IF_ERROR(CompareFeatures(planning));
  std::stable_sort(plan.items.begin(), plan.items.end(),
                   [](const PlannedMetadata& a, const PlannedMetadata& b) {
                     return std::tie(a.kind, a.name) < std::tie(b.kind, b.name);
                   });
  return plan;
}

}  // namespace maxbrod::engine
