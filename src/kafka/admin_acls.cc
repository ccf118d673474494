// DescribeAcls, CreateAcls, DeleteAcls.
#include <algorithm>

#include "kafka/admin_calls.h"
#include "kafka/messages/create_acls.h"
#include "kafka/messages/delete_acls.h"
#include "kafka/messages/describe_acls.h"

namespace maxbrod::kafka {
namespace {

constexpr int8_t kAny = 1;

std::string NameIn(const char* const* names, int32_t count, int32_t number) {
  bool known = number >= 0 && number < count && names[number][0] != '\0';
  return known ? names[number] : std::to_string(number);
}

std::string Described(const Acl& acl) {
  return AclPermissionName(acl.permission) + " " + AclOperationName(acl.operation) + " on " +
         AclResourceTypeName(acl.resource_type) + " " + acl.resource_name + " for " + acl.principal;
}

}  // namespace

std::string AclResourceTypeName(int32_t type) {
  static constexpr const char* kNames[] = {
      "", "", "Topic", "Group", "Cluster", "TransactionalId", "DelegationToken", "User"};
  return NameIn(kNames, std::size(kNames), type);
}

std::string AclOperationName(int32_t operation) {
  static constexpr const char* kNames[] = {"",
                                           "",
                                           "All",
                                           "Read",
                                           "Write",
                                           "Create",
                                           "Delete",
                                           "Alter",
                                           "Describe",
                                           "ClusterAction",
                                           "DescribeConfigs",
                                           "AlterConfigs",
                                           "IdempotentWrite",
                                           "CreateTokens",
                                           "DescribeTokens",
                                           "TwoPhaseCommit"};
  return NameIn(kNames, std::size(kNames), operation);
}

std::string AclPermissionName(int32_t permission) {
  static constexpr const char* kNames[] = {"", "", "Deny", "Allow"};
  return NameIn(kNames, std::size(kNames), permission);
}

std::string AclPatternTypeName(int32_t type) {
  static constexpr const char* kNames[] = {"", "", "", "literal", "prefixed"};
  return NameIn(kNames, std::size(kNames), type);
}

Result<std::vector<Acl>> Admin::DescribeAcls(const CallContext& context) {
  DescribeAclsRequest request;
  request.pattern_type_filter = kAny;
  MB_ASSIGN_OR_RETURN(auto response, CallForWhole(cluster_.impl_.get(), request, context));
  std::vector<Acl> out;
  for (const auto& resource : response.resources) {
    for (const auto& acl : resource.acls) {
      out.push_back({resource.resource_type, resource.resource_name, resource.pattern_type,
                     acl.principal, acl.host, acl.operation, acl.permission_type});
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

Result<std::vector<Status>> Admin::CreateAcls(const std::vector<Acl>& acls,
                                              const CallContext& context) {
  auto ask = [&](const std::vector<size_t>& indexes,
                 const CallContext& bounded) -> Result<std::vector<Status>> {
    CreateAclsRequest request;
    for (size_t i : indexes) {
      const Acl& acl = acls[i];
      request.creations.push_back({acl.resource_type, acl.resource_name, acl.pattern_type,
                                   acl.principal, acl.host, acl.operation, acl.permission});
    }
    MB_ASSIGN_OR_RETURN(auto response, cluster_.impl_->CallController(request, bounded));
    std::vector<Status> statuses;
    for (size_t k = 0; k < response.results.size() && k < indexes.size(); ++k) {
      const auto& result = response.results[k];
      statuses.push_back(CallError(result.error_code, CreateAclsRequest::kApi,
                                   Described(acls[indexes[k]]), kClusterResource, BrokerId(-1),
                                   result.error_message.value_or("")));
    }
    return statuses;
  };
  return CallByIndex(cluster_.impl_.get(), CreateAclsRequest::kApi, acls.size(), ask, context);
}

Result<std::vector<Status>> Admin::DeleteAcls(const std::vector<Acl>& acls,
                                              const CallContext& context) {
  auto ask = [&](const std::vector<size_t>& indexes,
                 const CallContext& bounded) -> Result<std::vector<Status>> {
    DeleteAclsRequest request;
    for (size_t i : indexes) {
      const Acl& acl = acls[i];
      request.filters.push_back({acl.resource_type, acl.resource_name, acl.pattern_type,
                                 acl.principal, acl.host, acl.operation, acl.permission});
    }
    MB_ASSIGN_OR_RETURN(auto response, cluster_.impl_->CallController(request, bounded));
    std::vector<Status> statuses;
    for (size_t k = 0; k < response.filter_results.size() && k < indexes.size(); ++k) {
      const auto& result = response.filter_results[k];
      int16_t code = result.error_code;
      std::string message = result.error_message.value_or("");
      for (const auto& match : result.matching_acls) {
        if (code != 0 || match.error_code == 0) continue;
        code = match.error_code;
        message = match.error_message.value_or("");
      }
      statuses.push_back(CallError(code, DeleteAclsRequest::kApi, Described(acls[indexes[k]]),
                                   kClusterResource, BrokerId(-1), message));
    }
    return statuses;
  };
  return CallByIndex(cluster_.impl_.get(), DeleteAclsRequest::kApi, acls.size(), ask, context);
}

}  // namespace maxbrod::kafka
