// CreateAcls (API 30, KIP-140): adds ACLs; one that is there already is no error.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct CreateAclsResponse;

struct CreateAclsRequest {
  using Response = CreateAclsResponse;
  static constexpr ApiInfo kApi{"CreateAcls", 30, 1, 3, 2};

  struct Creation {
    int8_t resource_type = 0;
    std::string resource_name;
    int8_t resource_pattern_type = 3;
    std::string principal;
    std::string host;
    int8_t operation = 0;
    int8_t permission_type = 0;

    bool operator==(const Creation&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Creation::resource_type, "resource_type");
      v.Field(s, &Creation::resource_name, "resource_name");
      v.Field(s, &Creation::resource_pattern_type, "resource_pattern_type");
      v.Field(s, &Creation::principal, "principal");
      v.Field(s, &Creation::host, "host");
      v.Field(s, &Creation::operation, "operation");
      v.Field(s, &Creation::permission_type, "permission_type");
    }
  };

  std::vector<Creation> creations;

  bool operator==(const CreateAclsRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &CreateAclsRequest::creations, "creations");
  }
};

struct CreateAclsResponse {
  static constexpr ApiInfo kApi{"CreateAcls", 30, 1, 3, 2};

  struct Result {
    int16_t error_code = 0;
    std::optional<std::string> error_message;

    bool operator==(const Result&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Result::error_code, "error_code");
      v.Field(s, &Result::error_message, "error_message", Always().Nullable());
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<Result> results;  // in the order of the request

  bool operator==(const CreateAclsResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &CreateAclsResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &CreateAclsResponse::results, "results");
  }
};

}  // namespace maxbrod::kafka
