// ShareGroupDescribe (API 77, KIP-932): state and members of share groups.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct ShareGroupDescribeResponse;

struct ShareGroupDescribeRequest {
  using Response = ShareGroupDescribeResponse;
  static constexpr ApiInfo kApi{"ShareGroupDescribe", 77, 1, 1, 0};

  std::vector<std::string> group_ids;
  bool include_authorized_operations = false;

  bool operator==(const ShareGroupDescribeRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &ShareGroupDescribeRequest::group_ids, "group_ids");
    v.Field(s, &ShareGroupDescribeRequest::include_authorized_operations,
            "include_authorized_operations");
  }
};

struct ShareGroupDescribeResponse {
  static constexpr ApiInfo kApi{"ShareGroupDescribe", 77, 1, 1, 0};

  struct TopicPartitions {
    Uuid topic_id;
    std::string topic_name;
    std::vector<int32_t> partitions;

    bool operator==(const TopicPartitions&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &TopicPartitions::topic_id, "topic_id");
      v.Field(s, &TopicPartitions::topic_name, "topic_name");
      v.Field(s, &TopicPartitions::partitions, "partitions");
    }
  };

  struct Assignment {
    std::vector<TopicPartitions> topic_partitions;

    bool operator==(const Assignment&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Assignment::topic_partitions, "topic_partitions");
    }
  };

  struct Member {
    std::string member_id;
    std::optional<std::string> rack_id;
    int32_t member_epoch = 0;
    std::string client_id;
    std::string client_host;
    std::vector<std::string> subscribed_topic_names;
    Assignment assignment;

    bool operator==(const Member&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Member::member_id, "member_id");
      v.Field(s, &Member::rack_id, "rack_id", Always().Nullable());
      v.Field(s, &Member::member_epoch, "member_epoch");
      v.Field(s, &Member::client_id, "client_id");
      v.Field(s, &Member::client_host, "client_host");
      v.Field(s, &Member::subscribed_topic_names, "subscribed_topic_names");
      v.Field(s, &Member::assignment, "assignment");
    }
  };

  struct Group {
    int16_t error_code = 0;
    std::optional<std::string> error_message;
    std::string group_id;
    std::string group_state;
    int32_t group_epoch = 0;
    int32_t assignment_epoch = 0;
    std::string assignor_name;
    std::vector<Member> members;
    int32_t authorized_operations = std::numeric_limits<int32_t>::min();

    bool operator==(const Group&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Group::error_code, "error_code");
      v.Field(s, &Group::error_message, "error_message", Always().Nullable());
      v.Field(s, &Group::group_id, "group_id");
      v.Field(s, &Group::group_state, "group_state");
      v.Field(s, &Group::group_epoch, "group_epoch");
      v.Field(s, &Group::assignment_epoch, "assignment_epoch");
      v.Field(s, &Group::assignor_name, "assignor_name");
      v.Field(s, &Group::members, "members");
      v.Field(s, &Group::authorized_operations, "authorized_operations");
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<Group> groups;

  bool operator==(const ShareGroupDescribeResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &ShareGroupDescribeResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &ShareGroupDescribeResponse::groups, "groups");
  }
};

}  // namespace maxbrod::kafka
