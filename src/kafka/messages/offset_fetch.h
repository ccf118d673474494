// OffsetFetch (API 9): a group's committed offsets. One group up to version 7, several from version
// 8 on (KIP-709).
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct OffsetFetchResponse;

struct OffsetFetchRequest {
  using Response = OffsetFetchResponse;
  static constexpr ApiInfo kApi{"OffsetFetch", 9, 1, 9, 6};

  struct Topic {
    std::string name;
    std::vector<int32_t> partition_indexes;

    bool operator==(const Topic&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Topic::name, "name");
      v.Field(s, &Topic::partition_indexes, "partition_indexes");
    }
  };

  // Versions 8 and later.
  struct GroupTopic {
    std::string name;
    std::vector<int32_t> partition_indexes;

    bool operator==(const GroupTopic&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &GroupTopic::name, "name");
      v.Field(s, &GroupTopic::partition_indexes, "partition_indexes");
    }
  };

  struct Group {
    std::string group_id;
    std::optional<std::string> member_id;
    int32_t member_epoch = -1;
    std::optional<std::vector<GroupTopic>> topics = std::vector<GroupTopic>();  // null: all

    bool operator==(const Group&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Group::group_id, "group_id");
      v.Field(s, &Group::member_id, "member_id", Since(9).Nullable().Ignorable());
      v.Field(s, &Group::member_epoch, "member_epoch", Since(9).Ignorable());
      v.Field(s, &Group::topics, "topics", Always().Nullable());
    }
  };

  std::string group_id;
  // null: all; versions up to 7
  std::optional<std::vector<Topic>> topics = std::vector<Topic>();
  std::vector<Group> groups;
  bool require_stable = false;  // wait for pending transactional commits (KIP-447)

  bool operator==(const OffsetFetchRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &OffsetFetchRequest::group_id, "group_id", Until(7));
    v.Field(s, &OffsetFetchRequest::topics, "topics", Until(7).NullableSince(2));
    v.Field(s, &OffsetFetchRequest::groups, "groups", Since(8));
    v.Field(s, &OffsetFetchRequest::require_stable, "require_stable", Since(7));
  }
};

struct OffsetFetchResponse {
  static constexpr ApiInfo kApi{"OffsetFetch", 9, 1, 9, 6};

  struct Partition {
    int32_t partition_index = 0;
    int64_t committed_offset = 0;  // -1: none
    int32_t committed_leader_epoch = -1;
    std::optional<std::string> metadata = "";
    int16_t error_code = 0;

    bool operator==(const Partition&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Partition::partition_index, "partition_index");
      v.Field(s, &Partition::committed_offset, "committed_offset");
      v.Field(s, &Partition::committed_leader_epoch, "committed_leader_epoch",
              Since(5).Ignorable());
      v.Field(s, &Partition::metadata, "metadata", Always().Nullable());
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

  struct GroupPartition {
    int32_t partition_index = 0;
    int64_t committed_offset = 0;  // -1: none
    int32_t committed_leader_epoch = -1;
    std::optional<std::string> metadata = "";
    int16_t error_code = 0;

    bool operator==(const GroupPartition&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &GroupPartition::partition_index, "partition_index");
      v.Field(s, &GroupPartition::committed_offset, "committed_offset");
      v.Field(s, &GroupPartition::committed_leader_epoch, "committed_leader_epoch");
      v.Field(s, &GroupPartition::metadata, "metadata", Always().Nullable());
      v.Field(s, &GroupPartition::error_code, "error_code");
    }
  };

  struct GroupTopic {
    std::string name;
    std::vector<GroupPartition> partitions;

    bool operator==(const GroupTopic&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &GroupTopic::name, "name");
      v.Field(s, &GroupTopic::partitions, "partitions");
    }
  };

  struct Group {
    std::string group_id;
    std::vector<GroupTopic> topics;
    int16_t error_code = 0;

    bool operator==(const Group&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Group::group_id, "group_id");
      v.Field(s, &Group::topics, "topics");
      v.Field(s, &Group::error_code, "error_code");
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;
  int16_t error_code = 0;
  std::vector<Group> groups;

  bool operator==(const OffsetFetchResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &OffsetFetchResponse::throttle_time_ms, "throttle_time_ms", Since(3).Ignorable());
    v.Field(s, &OffsetFetchResponse::topics, "topics", Until(7));
    v.Field(s, &OffsetFetchResponse::error_code, "error_code", Between(2, 7).Ignorable());
    v.Field(s, &OffsetFetchResponse::groups, "groups", Since(8));
  }
};

}  // namespace maxbrod::kafka
