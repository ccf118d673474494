// DeleteTopics (API 20): by name, from version 6 on by name or id.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct DeleteTopicsResponse;

struct DeleteTopicsRequest {
  using Response = DeleteTopicsResponse;
  static constexpr ApiInfo kApi{"DeleteTopics", 20, 1, 6, 4};

  struct Topic {
    std::optional<std::string> name;
    Uuid topic_id;

    bool operator==(const Topic&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Topic::name, "name", Always().Nullable());
      v.Field(s, &Topic::topic_id, "topic_id");
    }
  };

  std::vector<Topic> topics;
  std::vector<std::string> topic_names;
  int32_t timeout_ms = 0;

  bool operator==(const DeleteTopicsRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DeleteTopicsRequest::topics, "topics", Since(6));
    v.Field(s, &DeleteTopicsRequest::topic_names, "topic_names", Until(5).Ignorable());
    v.Field(s, &DeleteTopicsRequest::timeout_ms, "timeout_ms");
  }
};

struct DeleteTopicsResponse {
  static constexpr ApiInfo kApi{"DeleteTopics", 20, 1, 6, 4};

  struct Topic {
    std::optional<std::string> name = "";
    Uuid topic_id;
    int16_t error_code = 0;
    std::optional<std::string> error_message;

    bool operator==(const Topic&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Topic::name, "name", Always().NullableSince(6));
      v.Field(s, &Topic::topic_id, "topic_id", Since(6).Ignorable());
      v.Field(s, &Topic::error_code, "error_code");
      v.Field(s, &Topic::error_message, "error_message", Since(5).Nullable().Ignorable());
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<Topic> responses;

  bool operator==(const DeleteTopicsResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DeleteTopicsResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &DeleteTopicsResponse::responses, "responses");
  }
};

}  // namespace maxbrod::kafka
