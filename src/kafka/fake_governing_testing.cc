// What brokers answer about ACLs, quotas, SCRAM users, resources with configs, and the quorum.
#include <algorithm>

#include "kafka/errors.h"
#include "kafka/fake_handlers_testing.h"
#include "kafka/messages/all.h"

namespace maxbrod::kafka {
namespace {

constexpr int16_t kDuplicateResource = 92;

int16_t Refusal(const FakeCall& call, const ApiInfo& api) {
  auto found = call.world->refusals.find(api.key);
  return found == call.world->refusals.end() ? error::kNone : found->second;
}

DescribeAclsResponse HandleDescribeAcls(const DescribeAclsRequest&, FakeCall* call) {
  DescribeAclsResponse response;
  response.error_code = Refusal(*call, DescribeAclsRequest::kApi);
  if (response.error_code != 0) return response;
  for (const Acl& acl : call->world->acls) {
    auto& resource = response.resources.emplace_back();
    resource.resource_type = acl.resource_type;
    resource.resource_name = acl.resource_name;
    resource.pattern_type = acl.pattern_type;
    resource.acls.push_back({acl.principal, acl.host, acl.operation, acl.permission});
  }
  return response;
}

CreateAclsResponse HandleCreateAcls(const CreateAclsRequest& request, FakeCall* call) {
  CreateAclsResponse response;
  for (const auto& c : request.creations) {
    auto& result = response.results.emplace_back();
    result.error_code = Refusal(*call, CreateAclsRequest::kApi);
    if (result.error_code != 0) continue;
    call->world->acls.insert({c.resource_type, c.resource_name, c.resource_pattern_type,
                              c.principal, c.host, c.operation, c.permission_type});
  }
  return response;
}

DeleteAclsResponse HandleDeleteAcls(const DeleteAclsRequest& request, FakeCall* call) {
  DeleteAclsResponse response;
  for (const auto& f : request.filters) {
    auto& result = response.filter_results.emplace_back();
    result.error_code = Refusal(*call, DeleteAclsRequest::kApi);
    if (result.error_code != 0) continue;
    Acl acl{f.resource_type_filter,     f.resource_name_filter.value_or(""),
            f.pattern_type_filter,      f.principal_filter.value_or(""),
            f.host_filter.value_or(""), f.operation,
            f.permission_type};
    if (call->world->acls.erase(acl) == 0) continue;
    auto& match = result.matching_acls.emplace_back();
    match.resource_name = acl.resource_name;
  }
  return response;
}

DescribeClientQuotasResponse HandleDescribeQuotas(const DescribeClientQuotasRequest&,
                                                  FakeCall* call) {
  DescribeClientQuotasResponse response;
  response.error_code = Refusal(*call, DescribeClientQuotasRequest::kApi);
  if (response.error_code != 0) return response;
  response.entries.emplace();
  for (const auto& [entity, values] : call->world->quotas) {
    auto& entry = response.entries->emplace_back();
    for (const auto& part : entity) entry.entity.push_back({part.type, part.name});
    for (const auto& [key, value] : values) entry.values.push_back({key, value});
  }
  return response;
}

// In the reverse order: clients must go by the entities.
AlterClientQuotasResponse HandleAlterQuotas(const AlterClientQuotasRequest& request,
                                            FakeCall* call) {
  AlterClientQuotasResponse response;
  for (const auto& entry : request.entries) {
    auto& result = response.entries.emplace_back();
    result.error_code = Refusal(*call, AlterClientQuotasRequest::kApi);
    QuotaEntity entity;
    for (const auto& part : entry.entity) {
      entity.push_back({part.entity_type, part.entity_name});
      result.entity.push_back({part.entity_type, part.entity_name});
    }
    if (result.error_code != 0 || request.validate_only) continue;
    QuotaValues& values = call->world->quotas[entity];
    for (const auto& op : entry.ops) {
      if (op.remove) {
        values.erase(op.key);
      } else {
        values[op.key] = op.value;
      }
    }
  }
  std::reverse(response.entries.begin(), response.entries.end());
  return response;
}

DescribeUserScramCredentialsResponse HandleDescribeScram(const DescribeUserScramCredentialsRequest&,
                                                         FakeCall* call) {
  DescribeUserScramCredentialsResponse response;
  response.error_code = Refusal(*call, DescribeUserScramCredentialsRequest::kApi);
  if (response.error_code != 0) return response;
  for (const auto& [user, credentials] : call->world->scram_users) {
    auto& result = response.results.emplace_back();
    result.user = user;
    for (const auto& c : credentials)
      result.credential_infos.push_back({c.mechanism, c.iterations});
  }
  return response;
}

AlterUserScramCredentialsResponse HandleAlterScram(const AlterUserScramCredentialsRequest& request,
                                                   FakeCall* call) {
  AlterUserScramCredentialsResponse response;
  std::map<std::string, int> changes;
  for (const auto& d : request.deletions) ++changes[d.name];
  for (const auto& u : request.upsertions) ++changes[u.name];
  for (const auto& [user, count] : changes) {
    auto& result = response.results.emplace_back();
    result.user = user;
    result.error_code = Refusal(*call, AlterUserScramCredentialsRequest::kApi);
    if (count > 1) result.error_code = kDuplicateResource;
  }
  auto drop = [&](const std::string& user, int8_t mechanism) {
    std::erase_if(call->world->scram_users[user],
                  [&](const auto& c) { return c.mechanism == mechanism; });
  };
  for (const auto& d : request.deletions) drop(d.name, d.mechanism);
  for (const auto& u : request.upsertions) {
    drop(u.name, u.mechanism);
    call->world->scram_users[u.name].push_back({u.mechanism, u.iterations});
  }
  return response;
}

DescribeQuorumResponse HandleQuorum(const DescribeQuorumRequest& request, FakeCall* call) {
  DescribeQuorumResponse response;
  response.error_code = Refusal(*call, DescribeQuorumRequest::kApi);
  if (response.error_code != 0) return response;
  auto& topic = response.topics.emplace_back();
  topic.topic_name = request.topics.at(0).topic_name;
  auto& partition = topic.partitions.emplace_back();
  partition.leader_id = call->world->controller;
  partition.leader_epoch = 5;
  for (const auto& [id, address] : call->brokers) {
    auto& voter = partition.current_voters.emplace_back();
    voter.replica_id = id;
    voter.log_end_offset = 100;
  }
  return response;
}

ListConfigResourcesResponse HandleListResources(const ListConfigResourcesRequest& request,
                                                FakeCall* call) {
  ListConfigResourcesResponse response;
  response.error_code = Refusal(*call, ListConfigResourcesRequest::kApi);
  if (response.error_code != 0) return response;
  std::vector<int8_t> types = request.resource_types;
  if (call->version == 0) types = {static_cast<int8_t>(ConfigResourceType::kClientMetrics)};
  for (const auto& [key, configs] : call->world->resource_configs) {
    if (std::find(types.begin(), types.end(), key.first) == types.end()) continue;
    auto& resource = response.config_resources.emplace_back();
    resource.resource_name = key.second;
    if (call->version > 0) resource.resource_type = key.first;
  }
  return response;
}

}  // namespace

void AddFakeGoverningHandlers(FakeHandlers* handlers) {
  (*handlers)[DescribeAclsRequest::kApi.key] =
      MakeFakeHandler<DescribeAclsRequest>(&HandleDescribeAcls);
  (*handlers)[CreateAclsRequest::kApi.key] = MakeFakeHandler<CreateAclsRequest>(&HandleCreateAcls);
  (*handlers)[DeleteAclsRequest::kApi.key] = MakeFakeHandler<DeleteAclsRequest>(&HandleDeleteAcls);
  (*handlers)[DescribeClientQuotasRequest::kApi.key] =
      MakeFakeHandler<DescribeClientQuotasRequest>(&HandleDescribeQuotas);
  (*handlers)[AlterClientQuotasRequest::kApi.key] =
      MakeFakeHandler<AlterClientQuotasRequest>(&HandleAlterQuotas);
  (*handlers)[DescribeUserScramCredentialsRequest::kApi.key] =
      MakeFakeHandler<DescribeUserScramCredentialsRequest>(&HandleDescribeScram);
  (*handlers)[AlterUserScramCredentialsRequest::kApi.key] =
      MakeFakeHandler<AlterUserScramCredentialsRequest>(&HandleAlterScram);
  (*handlers)[DescribeQuorumRequest::kApi.key] =
      MakeFakeHandler<DescribeQuorumRequest>(&HandleQuorum);
  (*handlers)[ListConfigResourcesRequest::kApi.key] =
      MakeFakeHandler<ListConfigResourcesRequest>(&HandleListResources);
}

}  // namespace maxbrod::kafka
