// OffsetCommit (API 8). Only versions 2 to 4 carry a retention time of their own.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct OffsetCommitResponse;

struct OffsetCommitRequest {
  using Response = OffsetCommitResponse;
  static constexpr ApiInfo kApi{"OffsetCommit", 8, 2, 9, 8};

  struct Partition {
    int32_t partition_index = 0;
    int64_t committed_offset = 0;
    int32_t committed_leader_epoch = -1;
    std::optional<std::string> committed_metadata = "";

    bool operator==(const Partition&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Partition::partition_index, "partition_index");
      v.Field(s, &Partition::committed_offset, "committed_offset");
      v.Field(s, &Partition::committed_leader_epoch, "committed_leader_epoch",
              Since(6).Ignorable());
      v.Field(s, &Partition::committed_metadata, "committed_metadata", Always().Nullable());
    }
  };

  struct Topic {
    std::string name;
    std::vector<Partition> partitions;

    bool operator==(const Topic&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Topic::name, "name");
      v.Field(s, &Topic::partitions, "partitions");
    }
  };

  std::string group_id;
  int32_t generation_id_or_member_epoch = -1;  // -1: no group membership
  std::string member_id;
  std::optional<std::string> group_instance_id;
  int64_t retention_time_ms = -1;  // -1: the broker's default
  std::vector<Topic> topics;

  bool operator==(const OffsetCommitRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &OffsetCommitRequest::group_id, "group_id");
    v.Field(s, &OffsetCommitRequest::generation_id_or_member_epoch,
            "generation_id_or_member_epoch");
    v.Field(s, &OffsetCommitRequest::member_id, "member_id");
    v.Field(s, &OffsetCommitRequest::group_instance_id, "group_instance_id", Since(7).Nullable());
    v.Field(s, &OffsetCommitRequest::retention_time_ms, "retention_time_ms", Until(4).Ignorable());
    v.Field(s, &OffsetCommitRequest::topics, "topics");
  }
};

struct OffsetCommitResponse {
  static constexpr ApiInfo kApi{"OffsetCommit", 8, 2, 9, 8};

  struct Partition {
    int32_t partition_index = 0;
    int16_t error_code = 0;

    bool operator==(const Partition&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Partition::partition_index, "partition_index");
      v.Field(s, &Partition::error_code, "error_code");
    }
  };

  struct Topic {
    std::string name;
    std::vector<Partition> partitions;

    bool operator==(const Topic&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Topic::name, "name");
      v.Field(s, &Topic::partitions, "partitions");
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  bool operator==(const OffsetCommitResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &OffsetCommitResponse::throttle_time_ms, "throttle_time_ms", Since(3).Ignorable());
    v.Field(s, &OffsetCommitResponse::topics, "topics");
  }
};

}  // namespace maxbrod::kafka
