// ApiVersions (API 18, KIP-35, KIP-511): which APIs and versions a broker speaks. First call on a
// connection.
//
// A broker that does not know our version answers in the form of version 0 with error 35; decode
// answers with DecodeApiVersionsResponse, which knows that.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct ApiVersionsResponse;

struct ApiVersionsRequest {
  using Response = ApiVersionsResponse;
  static constexpr ApiInfo kApi{"ApiVersions", 18, 0, 4, 3};

  std::string client_software_name;
  std::string client_software_version;

  bool operator==(const ApiVersionsRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &ApiVersionsRequest::client_software_name, "client_software_name",
            Since(3).Ignorable());
    v.Field(s, &ApiVersionsRequest::client_software_version, "client_software_version",
            Since(3).Ignorable());
  }
};

struct ApiVersionsResponse {
  static constexpr ApiInfo kApi{"ApiVersions", 18, 0, 4, 3};

  struct ApiVersion {
    int16_t api_key = 0;
    int16_t min_version = 0;
    int16_t max_version = 0;

    bool operator==(const ApiVersion&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &ApiVersion::api_key, "api_key");
      v.Field(s, &ApiVersion::min_version, "min_version");
      v.Field(s, &ApiVersion::max_version, "max_version");
    }
  };

  struct SupportedFeature {
    std::string name;
    int16_t min_version = 0;
    int16_t max_version = 0;

    bool operator==(const SupportedFeature&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &SupportedFeature::name, "name");
      v.Field(s, &SupportedFeature::min_version, "min_version");
      v.Field(s, &SupportedFeature::max_version, "max_version");
    }
  };

  struct FinalizedFeature {
    std::string name;
    int16_t max_version_level = 0;
    int16_t min_version_level = 0;

    bool operator==(const FinalizedFeature&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &FinalizedFeature::name, "name");
      v.Field(s, &FinalizedFeature::max_version_level, "max_version_level");
      v.Field(s, &FinalizedFeature::min_version_level, "min_version_level");
    }
  };

  int16_t error_code = 0;
  std::vector<ApiVersion> api_keys;  // the versions the broker serves, per API
  int32_t throttle_time_ms = 0;
  std::vector<SupportedFeature> supported_features;
  int64_t finalized_features_epoch = -1;  // -1: unknown
  std::vector<FinalizedFeature> finalized_features;
  bool zk_migration_ready = false;

  bool operator==(const ApiVersionsResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &ApiVersionsResponse::error_code, "error_code");
    v.Field(s, &ApiVersionsResponse::api_keys, "api_keys");
    v.Field(s, &ApiVersionsResponse::throttle_time_ms, "throttle_time_ms", Since(1).Ignorable());
    v.Tagged(0, s, &ApiVersionsResponse::supported_features, "supported_features",
             Since(3).Ignorable());
    v.Tagged(1, s, &ApiVersionsResponse::finalized_features_epoch, "finalized_features_epoch",
             Since(3).Ignorable());
    v.Tagged(2, s, &ApiVersionsResponse::finalized_features, "finalized_features",
             Since(3).Ignorable());
    v.Tagged(3, s, &ApiVersionsResponse::zk_migration_ready, "zk_migration_ready",
             Since(3).Ignorable());
  }
};

// As DecodeMessage, but `*version` becomes 0 when the broker answered that it does not know the
// version asked for (error 35, KIP-511): its answer then lists what it knows, in the oldest form.
Status DecodeApiVersionsResponse(ByteView body, int16_t* version, ApiVersionsResponse* response);

}  // namespace maxbrod::kafka
