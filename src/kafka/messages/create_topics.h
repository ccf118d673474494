// CreateTopics (API 19).
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct CreateTopicsResponse;

struct CreateTopicsRequest {
  using Response = CreateTopicsResponse;
  static constexpr ApiInfo kApi{"CreateTopics", 19, 2, 7, 5};

  struct Assignment {
    int32_t partition_index = 0;
    std::vector<int32_t> broker_ids;

    bool operator==(const Assignment&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Assignment::partition_index, "partition_index");
      v.Field(s, &Assignment::broker_ids, "broker_ids");
    }
  };

  struct Config {
    std::string name;
    std::optional<std::string> value = "";

    bool operator==(const Config&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Config::name, "name");
      v.Field(s, &Config::value, "value", Always().Nullable());
    }
  };

  struct Topic {
    std::string name;
    int32_t num_partitions = 0;      // -1: the broker's default, or the assignments'
    int16_t replication_factor = 0;  // -1: as num_partitions
    std::vector<Assignment> assignments;
    std::vector<Config> configs;

    bool operator==(const Topic&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Topic::name, "name");
      v.Field(s, &Topic::num_partitions, "num_partitions");
      v.Field(s, &Topic::replication_factor, "replication_factor");
      v.Field(s, &Topic::assignments, "assignments");
      v.Field(s, &Topic::configs, "configs");
    }
  };

  std::vector<Topic> topics;
  int32_t timeout_ms = 60000;
  bool validate_only = false;

  bool operator==(const CreateTopicsRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &CreateTopicsRequest::topics, "topics");
    v.Field(s, &CreateTopicsRequest::timeout_ms, "timeout_ms");
    v.Field(s, &CreateTopicsRequest::validate_only, "validate_only");
  }
};

struct CreateTopicsResponse {
  static constexpr ApiInfo kApi{"CreateTopics", 19, 2, 7, 5};

  struct Config {
    std::string name;
    std::optional<std::string> value = "";
    bool read_only = false;
    int8_t config_source = -1;
    bool is_sensitive = false;

    bool operator==(const Config&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Config::name, "name");
      v.Field(s, &Config::value, "value", Always().Nullable());
      v.Field(s, &Config::read_only, "read_only");
      v.Field(s, &Config::config_source, "config_source");
      v.Field(s, &Config::is_sensitive, "is_sensitive");
    }
  };

  struct Topic {
    std::string name;
    Uuid topic_id;
    int16_t error_code = 0;
    std::optional<std::string> error_message = "";
    int16_t topic_config_error_code = 0;  // why configs are missing
    int32_t num_partitions = -1;
    int16_t replication_factor = -1;
    std::optional<std::vector<Config>> configs = std::vector<Config>();

    bool operator==(const Topic&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Topic::name, "name");
      v.Field(s, &Topic::topic_id, "topic_id", Since(7).Ignorable());
      v.Field(s, &Topic::error_code, "error_code");
      v.Field(s, &Topic::error_message, "error_message", Always().Nullable());
      v.Tagged(0, s, &Topic::topic_config_error_code, "topic_config_error_code",
               Since(5).Ignorable());
      v.Field(s, &Topic::num_partitions, "num_partitions", Since(5).Ignorable());
      v.Field(s, &Topic::replication_factor, "replication_factor", Since(5).Ignorable());
      v.Field(s, &Topic::configs, "configs", Since(5).Nullable().Ignorable());
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  bool operator==(const CreateTopicsResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &CreateTopicsResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &CreateTopicsResponse::topics, "topics");
  }
};

}  // namespace maxbrod::kafka
