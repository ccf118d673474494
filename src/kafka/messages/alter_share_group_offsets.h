// AlterShareGroupOffsets (API 91, KIP-932): sets where share-partitions of a group without members
// begin.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct AlterShareGroupOffsetsResponse;

struct AlterShareGroupOffsetsRequest {
  using Response = AlterShareGroupOffsetsResponse;
  static constexpr ApiInfo kApi{"AlterShareGroupOffsets", 91, 0, 0, 0};

  struct Partition {
    int32_t partition_index = 0;
    int64_t start_offset = 0;

    bool operator==(const Partition&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Partition::partition_index, "partition_index");
      v.Field(s, &Partition::start_offset, "start_offset");
    }
  };

  struct Topic {
    std::string topic_name;
    std::vector<Partition> partitions;

    bool operator==(const Topic&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Topic::topic_name, "topic_name");
      v.Field(s, &Topic::partitions, "partitions");
    }
  };

  std::string group_id;
  std::vector<Topic> topics;

  bool operator==(const AlterShareGroupOffsetsRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &AlterShareGroupOffsetsRequest::group_id, "group_id");
    v.Field(s, &AlterShareGroupOffsetsRequest::topics, "topics");
  }
};

struct AlterShareGroupOffsetsResponse {
  static constexpr ApiInfo kApi{"AlterShareGroupOffsets", 91, 0, 0, 0};

  struct Partition {
    int32_t partition_index = 0;
    int16_t error_code = 0;
    std::optional<std::string> error_message;

    bool operator==(const Partition&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Partition::partition_index, "partition_index");
      v.Field(s, &Partition::error_code, "error_code");
      v.Field(s, &Partition::error_message, "error_message", Always().Nullable());
    }
  };

  struct Topic {
    std::string topic_name;
    Uuid topic_id;
    std::vector<Partition> partitions;

    bool operator==(const Topic&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Topic::topic_name, "topic_name");
      v.Field(s, &Topic::topic_id, "topic_id");
      v.Field(s, &Topic::partitions, "partitions");
    }
  };

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::optional<std::string> error_message;
  std::vector<Topic> responses;

  bool operator==(const AlterShareGroupOffsetsResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &AlterShareGroupOffsetsResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &AlterShareGroupOffsetsResponse::error_code, "error_code");
    v.Field(s, &AlterShareGroupOffsetsResponse::error_message, "error_message",
            Always().Nullable());
    v.Field(s, &AlterShareGroupOffsetsResponse::responses, "responses");
  }
};

}  // namespace maxbrod::kafka
