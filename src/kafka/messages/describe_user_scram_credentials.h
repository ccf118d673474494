// DescribeUserScramCredentials (API 50, KIP-554): who has SCRAM credentials. Salts and keys are
// never told.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct DescribeUserScramCredentialsResponse;

struct DescribeUserScramCredentialsRequest {
  using Response = DescribeUserScramCredentialsResponse;
  static constexpr ApiInfo kApi{"DescribeUserScramCredentials", 50, 0, 0, 0};

  struct User {
    std::string name;

    bool operator==(const User&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &User::name, "name");
    }
  };

  std::optional<std::vector<User>> users;  // null or empty: all

  bool operator==(const DescribeUserScramCredentialsRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DescribeUserScramCredentialsRequest::users, "users", Always().Nullable());
  }
};

struct DescribeUserScramCredentialsResponse {
  static constexpr ApiInfo kApi{"DescribeUserScramCredentials", 50, 0, 0, 0};

  struct Credential {
    int8_t mechanism = 0;  // 1 SCRAM-SHA-256, 2 SCRAM-SHA-512
    int32_t iterations = 0;

    bool operator==(const Credential&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Credential::mechanism, "mechanism");
      v.Field(s, &Credential::iterations, "iterations");
    }
  };

  struct Result {
    std::string user;
    int16_t error_code = 0;
    std::optional<std::string> error_message;
    std::vector<Credential> credential_infos;

    bool operator==(const Result&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Result::user, "user");
      v.Field(s, &Result::error_code, "error_code");
      v.Field(s, &Result::error_message, "error_message", Always().Nullable());
      v.Field(s, &Result::credential_infos, "credential_infos");
    }
  };

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::optional<std::string> error_message;
  std::vector<Result> results;

  bool operator==(const DescribeUserScramCredentialsResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DescribeUserScramCredentialsResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &DescribeUserScramCredentialsResponse::error_code, "error_code");
    v.Field(s, &DescribeUserScramCredentialsResponse::error_message, "error_message",
            Always().Nullable());
    v.Field(s, &DescribeUserScramCredentialsResponse::results, "results");
  }
};

}  // namespace maxbrod::kafka
