// DescribeShareGroupOffsets (API 90, KIP-932): where the share-partitions of share groups begin.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct DescribeShareGroupOffsetsResponse;

struct DescribeShareGroupOffsetsRequest {
  using Response = DescribeShareGroupOffsetsResponse;
  static constexpr ApiInfo kApi{"DescribeShareGroupOffsets", 90, 0, 1, 0};

  struct Topic {
    std::string topic_name;
    std::vector<int32_t> partitions;

    bool operator==(const Topic&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Topic::topic_name, "topic_name");
      v.Field(s, &Topic::partitions, "partitions");
    }
  };

  struct Group {
    std::string group_id;
    std::optional<std::vector<Topic>> topics;  // null: all

    bool operator==(const Group&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Group::group_id, "group_id");
      v.Field(s, &Group::topics, "topics", Always().Nullable());
    }
  };

  std::vector<Group> groups;

  bool operator==(const DescribeShareGroupOffsetsRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DescribeShareGroupOffsetsRequest::groups, "groups");
  }
};

struct DescribeShareGroupOffsetsResponse {
  static constexpr ApiInfo kApi{"DescribeShareGroupOffsets", 90, 0, 1, 0};

  struct Partition {
    int32_t partition_index = 0;
    int64_t start_offset = 0;  // -1: none
    int32_t leader_epoch = 0;
    int64_t lag = -1;
    int16_t error_code = 0;
    std::optional<std::string> error_message;

    bool operator==(const Partition&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Partition::partition_index, "partition_index");
      v.Field(s, &Partition::start_offset, "start_offset");
      v.Field(s, &Partition::leader_epoch, "leader_epoch");
      v.Field(s, &Partition::lag, "lag", Since(1).Ignorable());
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

  struct Group {
    std::string group_id;
    std::vector<Topic> topics;
    int16_t error_code = 0;
    std::optional<std::string> error_message;

    bool operator==(const Group&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Group::group_id, "group_id");
      v.Field(s, &Group::topics, "topics");
      v.Field(s, &Group::error_code, "error_code");
      v.Field(s, &Group::error_message, "error_message", Always().Nullable());
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<Group> groups;

  bool operator==(const DescribeShareGroupOffsetsResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DescribeShareGroupOffsetsResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &DescribeShareGroupOffsetsResponse::groups, "groups");
  }
};

}  // namespace maxbrod::kafka
