// DeleteAcls (API 31, KIP-140): removes what each filter matches.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct DeleteAclsResponse;

struct DeleteAclsRequest {
  using Response = DeleteAclsResponse;
  static constexpr ApiInfo kApi{"DeleteAcls", 31, 1, 3, 2};

  struct Filter {
    int8_t resource_type_filter = 1;
    std::optional<std::string> resource_name_filter;
    int8_t pattern_type_filter = 3;
    std::optional<std::string> principal_filter;
    std::optional<std::string> host_filter;
    int8_t operation = 1;
    int8_t permission_type = 1;

    bool operator==(const Filter&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Filter::resource_type_filter, "resource_type_filter");
      v.Field(s, &Filter::resource_name_filter, "resource_name_filter", Always().Nullable());
      v.Field(s, &Filter::pattern_type_filter, "pattern_type_filter");
      v.Field(s, &Filter::principal_filter, "principal_filter", Always().Nullable());
      v.Field(s, &Filter::host_filter, "host_filter", Always().Nullable());
      v.Field(s, &Filter::operation, "operation");
      v.Field(s, &Filter::permission_type, "permission_type");
    }
  };

  std::vector<Filter> filters;

  bool operator==(const DeleteAclsRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DeleteAclsRequest::filters, "filters");
  }
};

struct DeleteAclsResponse {
  static constexpr ApiInfo kApi{"DeleteAcls", 31, 1, 3, 2};

  struct Acl {
    int16_t error_code = 0;
    std::optional<std::string> error_message;
    int8_t resource_type = 0;
    std::string resource_name;
    int8_t pattern_type = 3;
    std::string principal;
    std::string host;
    int8_t operation = 0;
    int8_t permission_type = 0;

    bool operator==(const Acl&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Acl::error_code, "error_code");
      v.Field(s, &Acl::error_message, "error_message", Always().Nullable());
      v.Field(s, &Acl::resource_type, "resource_type");
      v.Field(s, &Acl::resource_name, "resource_name");
      v.Field(s, &Acl::pattern_type, "pattern_type");
      v.Field(s, &Acl::principal, "principal");
      v.Field(s, &Acl::host, "host");
      v.Field(s, &Acl::operation, "operation");
      v.Field(s, &Acl::permission_type, "permission_type");
    }
  };

  struct FilterResult {
    int16_t error_code = 0;
    std::optional<std::string> error_message;
    std::vector<Acl> matching_acls;

    bool operator==(const FilterResult&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &FilterResult::error_code, "error_code");
      v.Field(s, &FilterResult::error_message, "error_message", Always().Nullable());
      v.Field(s, &FilterResult::matching_acls, "matching_acls");
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<FilterResult> filter_results;  // in the order of the request

  bool operator==(const DeleteAclsResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DeleteAclsResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &DeleteAclsResponse::filter_results, "filter_results");
  }
};

}  // namespace maxbrod::kafka
