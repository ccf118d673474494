// DescribeClientQuotas, AlterClientQuotas.
#include <algorithm>

#include "kafka/admin_calls.h"
#include "kafka/messages/alter_client_quotas.h"
#include "kafka/messages/describe_client_quotas.h"

namespace maxbrod::kafka {
namespace {

template <typename Wire>
QuotaEntity EntityFrom(const std::vector<Wire>& parts) {
  QuotaEntity out;
  for (const auto& part : parts) out.push_back({part.entity_type, part.entity_name});
  std::sort(out.begin(), out.end());
  return out;
}

std::string Described(const QuotaEntity& entity) {
  std::string out;
  for (const QuotaEntityPart& part : entity) {
    out += (out.empty() ? "" : ", ") + part.type + "=" + part.name.value_or("<default>");
  }
  return out;
}

AlterClientQuotasRequest::Entry EntryFrom(const QuotaAlteration& alteration) {
  AlterClientQuotasRequest::Entry entry;
  for (const QuotaEntityPart& part : alteration.entity) {
    entry.entity.push_back({part.type, part.name});
  }
  for (const auto& [key, value] : alteration.values) {
    entry.ops.push_back({key, value.value_or(0), !value.has_value()});
  }
  return entry;
}

}  // namespace

Result<std::map<QuotaEntity, QuotaValues>> Admin::DescribeClientQuotas(const CallContext& context) {
  DescribeClientQuotasRequest request;
  MB_ASSIGN_OR_RETURN(auto response, CallForWhole(cluster_.impl_.get(), request, context));
  std::map<QuotaEntity, QuotaValues> out;
  if (!response.entries) return out;
  for (const auto& entry : *response.entries) {
    QuotaValues& values = out[EntityFrom(entry.entity)];
    for (const auto& value : entry.values) values[value.key] = value.value;
  }
  return out;
}

// Answers name entities, not positions.
Result<std::vector<Status>> Admin::AlterClientQuotas(
    const std::vector<QuotaAlteration>& alterations, bool validate_only,
    const CallContext& context) {
  auto ask = [&](const std::vector<size_t>& indexes,
                 const CallContext& bounded) -> Result<std::vector<Status>> {
    AlterClientQuotasRequest request;
    request.validate_only = validate_only;
    for (size_t i : indexes) request.entries.push_back(EntryFrom(alterations[i]));
    MB_ASSIGN_OR_RETURN(auto response, cluster_.impl_->CallController(request, bounded));
    std::map<QuotaEntity, Status> by_entity;
    for (const auto& entry : response.entries) {
      QuotaEntity entity = EntityFrom(entry.entity);
      by_entity[entity] =
          CallError(entry.error_code, AlterClientQuotasRequest::kApi, Described(entity),
                    kClusterResource, BrokerId(-1), entry.error_message.value_or(""));
    }
    std::vector<Status> statuses;
    for (size_t i : indexes) {
      QuotaEntity entity = alterations[i].entity;
      std::sort(entity.begin(), entity.end());
      auto found = by_entity.find(entity);
      if (found == by_entity.end()) break;  // CallByIndex says so
      statuses.push_back(found->second);
    }
    return statuses;
  };
  return CallByIndex(cluster_.impl_.get(), AlterClientQuotasRequest::kApi, alterations.size(), ask,
                     context);
}

}  // namespace maxbrod::kafka
