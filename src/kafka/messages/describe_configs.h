// DescribeConfigs (API 32): configs of topics, brokers, loggers, with where each value comes from.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

// Kinds of things that have configs (org.apache.kafka.common.config.ConfigResource).
struct ConfigResource {
  static constexpr int8_t kTopic = 2;
  static constexpr int8_t kBroker = 4;
  static constexpr int8_t kBrokerLogger = 8;
};

struct DescribeConfigsResponse;

struct DescribeConfigsRequest {
  using Response = DescribeConfigsResponse;
  static constexpr ApiInfo kApi{"DescribeConfigs", 32, 1, 4, 4};

  struct Resource {
    int8_t resource_type = 0;  // 2 topic, 4 broker, 8 broker logger
    std::string resource_name;
    // null: all
    std::optional<std::vector<std::string>> configuration_keys = std::vector<std::string>();

    bool operator==(const Resource&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Resource::resource_type, "resource_type");
      v.Field(s, &Resource::resource_name, "resource_name");
      v.Field(s, &Resource::configuration_keys, "configuration_keys", Always().Nullable());
    }
  };

  std::vector<Resource> resources;
  bool include_synonyms = false;
  bool include_documentation = false;

  bool operator==(const DescribeConfigsRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DescribeConfigsRequest::resources, "resources");
    v.Field(s, &DescribeConfigsRequest::include_synonyms, "include_synonyms");
    v.Field(s, &DescribeConfigsRequest::include_documentation, "include_documentation", Since(3));
  }
};

struct DescribeConfigsResponse {
  static constexpr ApiInfo kApi{"DescribeConfigs", 32, 1, 4, 4};

  struct Synonym {
    std::string name;
    std::optional<std::string> value = "";
    int8_t source = 0;

    bool operator==(const Synonym&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Synonym::name, "name");
      v.Field(s, &Synonym::value, "value", Always().Nullable());
      v.Field(s, &Synonym::source, "source");
    }
  };

  struct Config {
    std::string name;
    std::optional<std::string> value = "";
    bool read_only = false;
    int8_t config_source = -1;  // see ConfigSource (cluster.h)
    bool is_sensitive = false;
    std::vector<Synonym> synonyms;
    int8_t config_type = 0;
    std::optional<std::string> documentation = "";

    bool operator==(const Config&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Config::name, "name");
      v.Field(s, &Config::value, "value", Always().Nullable());
      v.Field(s, &Config::read_only, "read_only");
      v.Field(s, &Config::config_source, "config_source");
      v.Field(s, &Config::is_sensitive, "is_sensitive");
      v.Field(s, &Config::synonyms, "synonyms");
      v.Field(s, &Config::config_type, "config_type", Since(3).Ignorable());
      v.Field(s, &Config::documentation, "documentation", Since(3).Nullable().Ignorable());
    }
  };

  struct Resource {
    int16_t error_code = 0;
    std::optional<std::string> error_message = "";
    int8_t resource_type = 0;
    std::string resource_name;
    std::vector<Config> configs;

    bool operator==(const Resource&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Resource::error_code, "error_code");
      v.Field(s, &Resource::error_message, "error_message", Always().Nullable());
      v.Field(s, &Resource::resource_type, "resource_type");
      v.Field(s, &Resource::resource_name, "resource_name");
      v.Field(s, &Resource::configs, "configs");
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<Resource> results;

  bool operator==(const DescribeConfigsResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DescribeConfigsResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &DescribeConfigsResponse::results, "results");
  }
};

}  // namespace maxbrod::kafka
