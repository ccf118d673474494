// AlterUserScramCredentials (API 51, KIP-554): sets and removes SCRAM credentials. The password
// itself is not sent, only what is salted with it.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct AlterUserScramCredentialsResponse;

struct AlterUserScramCredentialsRequest {
  using Response = AlterUserScramCredentialsResponse;
  static constexpr ApiInfo kApi{"AlterUserScramCredentials", 51, 0, 0, 0};

  struct Deletion {
    std::string name;
    int8_t mechanism = 0;

    bool operator==(const Deletion&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Deletion::name, "name");
      v.Field(s, &Deletion::mechanism, "mechanism");
    }
  };

  struct Upsertion {
    std::string name;
    int8_t mechanism = 0;
    int32_t iterations = 0;
    Bytes salt;
    Bytes salted_password;  // secret

    bool operator==(const Upsertion&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Upsertion::name, "name");
      v.Field(s, &Upsertion::mechanism, "mechanism");
      v.Field(s, &Upsertion::iterations, "iterations");
      v.Field(s, &Upsertion::salt, "salt");
      v.Field(s, &Upsertion::salted_password, "salted_password");
    }
  };

  std::vector<Deletion> deletions;
  std::vector<Upsertion> upsertions;

  bool operator==(const AlterUserScramCredentialsRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &AlterUserScramCredentialsRequest::deletions, "deletions");
    v.Field(s, &AlterUserScramCredentialsRequest::upsertions, "upsertions");
  }
};

struct AlterUserScramCredentialsResponse {
  static constexpr ApiInfo kApi{"AlterUserScramCredentials", 51, 0, 0, 0};

  struct Result {
    std::string user;
    int16_t error_code = 0;
    std::optional<std::string> error_message;

    bool operator==(const Result&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Result::user, "user");
      v.Field(s, &Result::error_code, "error_code");
      v.Field(s, &Result::error_message, "error_message", Always().Nullable());
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<Result> results;

  bool operator==(const AlterUserScramCredentialsResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &AlterUserScramCredentialsResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &AlterUserScramCredentialsResponse::results, "results");
  }
};

}  // namespace maxbrod::kafka
