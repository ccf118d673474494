// CreatePartitions (API 37): raises a topic's number of partitions.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct CreatePartitionsResponse;

struct CreatePartitionsRequest {
  using Response = CreatePartitionsResponse;
  static constexpr ApiInfo kApi{"CreatePartitions", 37, 0, 3, 2};

  struct Assignment {
    std::vector<int32_t> broker_ids;

    bool operator==(const Assignment&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Assignment::broker_ids, "broker_ids");
    }
  };

  struct Topic {
    std::string name;
    int32_t count = 0;  // the new total
    std::optional<std::vector<Assignment>> assignments = std::vector<Assignment>();

    bool operator==(const Topic&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Topic::name, "name");
      v.Field(s, &Topic::count, "count");
      v.Field(s, &Topic::assignments, "assignments", Always().Nullable());
    }
  };

  std::vector<Topic> topics;
  int32_t timeout_ms = 0;
  bool validate_only = false;

  bool operator==(const CreatePartitionsRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &CreatePartitionsRequest::topics, "topics");
    v.Field(s, &CreatePartitionsRequest::timeout_ms, "timeout_ms");
    v.Field(s, &CreatePartitionsRequest::validate_only, "validate_only");
  }
};

struct CreatePartitionsResponse {
  static constexpr ApiInfo kApi{"CreatePartitions", 37, 0, 3, 2};

  struct Topic {
    std::string name;
    int16_t error_code = 0;
    std::optional<std::string> error_message;

    bool operator==(const Topic&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Topic::name, "name");
      v.Field(s, &Topic::error_code, "error_code");
      v.Field(s, &Topic::error_message, "error_message", Always().Nullable());
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<Topic> results;

  bool operator==(const CreatePartitionsResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &CreatePartitionsResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &CreatePartitionsResponse::results, "results");
  }
};

}  // namespace maxbrod::kafka
