// IncrementalAlterConfigs (API 44, KIP-339): sets or deletes single configs.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct IncrementalAlterConfigsResponse;

struct IncrementalAlterConfigsRequest {
  using Response = IncrementalAlterConfigsResponse;
  static constexpr ApiInfo kApi{"IncrementalAlterConfigs", 44, 0, 1, 1};

  struct Config {
    std::string name;
    int8_t config_operation = 0;  // 0 set, 1 delete, 2 append, 3 subtract
    std::optional<std::string> value = "";

    bool operator==(const Config&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Config::name, "name");
      v.Field(s, &Config::config_operation, "config_operation");
      v.Field(s, &Config::value, "value", Always().Nullable());
    }
  };

  struct Resource {
    int8_t resource_type = 0;
    std::string resource_name;
    std::vector<Config> configs;

    bool operator==(const Resource&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Resource::resource_type, "resource_type");
      v.Field(s, &Resource::resource_name, "resource_name");
      v.Field(s, &Resource::configs, "configs");
    }
  };

  std::vector<Resource> resources;
  bool validate_only = false;

  bool operator==(const IncrementalAlterConfigsRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &IncrementalAlterConfigsRequest::resources, "resources");
    v.Field(s, &IncrementalAlterConfigsRequest::validate_only, "validate_only");
  }
};

struct IncrementalAlterConfigsResponse {
  static constexpr ApiInfo kApi{"IncrementalAlterConfigs", 44, 0, 1, 1};

  struct Resource {
    int16_t error_code = 0;
    std::optional<std::string> error_message = "";
    int8_t resource_type = 0;
    std::string resource_name;

    bool operator==(const Resource&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Resource::error_code, "error_code");
      v.Field(s, &Resource::error_message, "error_message", Always().Nullable());
      v.Field(s, &Resource::resource_type, "resource_type");
      v.Field(s, &Resource::resource_name, "resource_name");
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<Resource> responses;

  bool operator==(const IncrementalAlterConfigsResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &IncrementalAlterConfigsResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &IncrementalAlterConfigsResponse::responses, "responses");
  }
};

}  // namespace maxbrod::kafka
