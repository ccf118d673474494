// DescribeAcls (API 29, KIP-140): the ACLs that a filter matches, by resource pattern.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct DescribeAclsResponse;

struct DescribeAclsRequest {
  using Response = DescribeAclsResponse;
  static constexpr ApiInfo kApi{"DescribeAcls", 29, 1, 3, 2};

  int8_t resource_type_filter = 1;                  // 1: any
  std::optional<std::string> resource_name_filter;  // null: any
  int8_t pattern_type_filter = 3;  // 1: any, 2: what matches, 3: literal, 4: prefixed
  std::optional<std::string> principal_filter;
  std::optional<std::string> host_filter;
  int8_t operation = 1;        // 1: any
  int8_t permission_type = 1;  // 1: any

  bool operator==(const DescribeAclsRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DescribeAclsRequest::resource_type_filter, "resource_type_filter");
    v.Field(s, &DescribeAclsRequest::resource_name_filter, "resource_name_filter",
            Always().Nullable());
    v.Field(s, &DescribeAclsRequest::pattern_type_filter, "pattern_type_filter");
    v.Field(s, &DescribeAclsRequest::principal_filter, "principal_filter", Always().Nullable());
    v.Field(s, &DescribeAclsRequest::host_filter, "host_filter", Always().Nullable());
    v.Field(s, &DescribeAclsRequest::operation, "operation");
    v.Field(s, &DescribeAclsRequest::permission_type, "permission_type");
  }
};

struct DescribeAclsResponse {
  static constexpr ApiInfo kApi{"DescribeAcls", 29, 1, 3, 2};

  struct Acl {
    std::string principal;
    std::string host;
    int8_t operation = 0;
    int8_t permission_type = 0;

    bool operator==(const Acl&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Acl::principal, "principal");
      v.Field(s, &Acl::host, "host");
      v.Field(s, &Acl::operation, "operation");
      v.Field(s, &Acl::permission_type, "permission_type");
    }
  };

  struct Resource {
    int8_t resource_type = 0;
    std::string resource_name;
    int8_t pattern_type = 3;
    std::vector<Acl> acls;

    bool operator==(const Resource&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Resource::resource_type, "resource_type");
      v.Field(s, &Resource::resource_name, "resource_name");
      v.Field(s, &Resource::pattern_type, "pattern_type");
      v.Field(s, &Resource::acls, "acls");
    }
  };

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::optional<std::string> error_message;
  std::vector<Resource> resources;

  bool operator==(const DescribeAclsResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DescribeAclsResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &DescribeAclsResponse::error_code, "error_code");
    v.Field(s, &DescribeAclsResponse::error_message, "error_message", Always().Nullable());
    v.Field(s, &DescribeAclsResponse::resources, "resources");
  }
};

}  // namespace maxbrod::kafka
