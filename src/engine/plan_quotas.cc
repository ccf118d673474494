// Quotas: compared and restored by entity.
#include <algorithm>
#include <cstdio>

#include "engine/metadata_planning.h"

namespace maxbrod::engine {
namespace {

std::string Text(const kafka::QuotaEntity& entity) {
  std::string text;
  for (const kafka::QuotaEntityPart& part : entity) {
    text += (text.empty() ? "" : ", ") + part.type + "=" + part.name.value_or("<default>");
  }
  return text;
}

std::string Text(const kafka::QuotaValues& values) {
  std::string text;
  for (const auto& [key, value] : values) {
    char number[40];
    std::snprintf(number, sizeof number, "%.15g", value);
    text += (text.empty() ? "" : ", ") + key + "=" + number;
  }
  return text;
}

// Empty when the entity's user is not restored.
kafka::QuotaEntity MapEntity(const MetadataSelection& selection, const format::ClientQuota& quota) {
  kafka::QuotaEntity out;
  for (const auto& entity : quota.entities()) {
    kafka::QuotaEntityPart part{entity.type(), std::nullopt};
    if (!entity.is_default()) {
      bool user = entity.type() == "user";
      part.name = user ? MappedUser(selection, entity.name()) : entity.name();
      if (user && part.name->empty()) return {};
    }
    out.push_back(std::move(part));
  }
  std::sort(out.begin(), out.end());
  return out;
}

QuotaChange ChangeTo(const kafka::QuotaEntity& entity, const kafka::QuotaValues& values,
                     const kafka::QuotaValues& has) {
  QuotaChange change;
  change.alteration.entity = entity;
  for (const auto& [key, value] : has) change.alteration.values[key] = std::nullopt;
  for (const auto& [key, value] : values) change.alteration.values[key] = value;
  return change;
}

// What the target would not take is left out now. (Older ones lack a kind of quota.)
Status LeaveOutRefused(MetadataPlanning& planning) {
  std::vector<PlannedMetadata*> items;
  std::vector<kafka::QuotaAlteration> alterations;
  for (PlannedMetadata& item : planning.plan->items) {
    auto* change = std::get_if<QuotaChange>(&item.change);
    if (change == nullptr) continue;
    items.push_back(&item);
    alterations.push_back(change->alteration);
  }
  if (items.empty()) return Status::Ok();
  auto answers =
      planning.admin.AlterClientQuotas(alterations, /*validate_only=*/true, planning.context);
  if (!answers.ok() && !TargetLacks(answers.status())) return answers.status();
  size_t refused = 0;
  std::string why;
  for (size_t i = 0; i < items.size(); ++i) {
    Status status = answers.ok() ? (*answers)[i] : answers.status();
    if (status.ok()) continue;
    if (refused++ == 0) why = WithHintText(status);
    LeaveOut(WithHintText(status), items[i]);
  }
  if (refused > 0) planning.Warn(std::to_string(refused) + " quotas are not restored: " + why);
  return Status::Ok();
}

}  // namespace

Status PlanQuotas(MetadataPlanning& planning) {
  const auto& quotas = planning.snapshot.metadata.quotas();
  if (quotas.empty()) return Status::Ok();
  auto there = planning.admin.DescribeClientQuotas(planning.context);
  if (!there.ok() && !TargetLacks(there.status())) return there.status();
  for (const format::ClientQuota& quota : quotas) {
    kafka::QuotaValues values;
    for (const auto& value : quota.values()) values[value.key()] = value.value();
    kafka::QuotaEntity entity = MapEntity(planning.selection, quota);
    if (entity.empty()) {
      kafka::QuotaEntity source = MapEntity(MetadataSelection(), quota);
      LeaveOut("its user is not restored",
               &planning.Add(MetadataKind::kQuota, Text(source), Text(values), ""));
      continue;
    }
    kafka::QuotaValues has;
    if (there.ok()) {
      if (auto found = there->find(entity); found != there->end()) has = found->second;
    }
    PlannedMetadata& item =
        planning.Add(MetadataKind::kQuota, Text(entity), Text(values), Text(has));
    if (!there.ok()) {
      LeaveOut(WithHintText(there.status()), &item);
      continue;
    }
    Decide(!has.empty(), has == values, planning.selection.policies.quotas,
           ChangeTo(entity, values, has), &item);
  }
  if (!there.ok()) {
    planning.Warn(std::to_string(quotas.size()) +
                  " quotas are not restored: " + WithHintText(there.status()));
    return Status::Ok();
  }
  return LeaveOutRefused(planning);
}

}  // namespace maxbrod::engine
