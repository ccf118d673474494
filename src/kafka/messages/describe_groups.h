// DescribeGroups (API 15): state and members of classic groups.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct DescribeGroupsResponse;

struct DescribeGroupsRequest {
  using Response = DescribeGroupsResponse;
  static constexpr ApiInfo kApi{"DescribeGroups", 15, 0, 6, 5};

  std::vector<std::string> groups;
  bool include_authorized_operations = false;

  bool operator==(const DescribeGroupsRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DescribeGroupsRequest::groups, "groups");
    v.Field(s, &DescribeGroupsRequest::include_authorized_operations,
            "include_authorized_operations", Since(3));
  }
};

struct DescribeGroupsResponse {
  static constexpr ApiInfo kApi{"DescribeGroups", 15, 0, 6, 5};

  struct Member {
    std::string member_id;
    std::optional<std::string> group_instance_id;
    std::string client_id;
    std::string client_host;
    Bytes member_metadata;
    Bytes member_assignment;

    bool operator==(const Member&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Member::member_id, "member_id");
      v.Field(s, &Member::group_instance_id, "group_instance_id", Since(4).Nullable().Ignorable());
      v.Field(s, &Member::client_id, "client_id");
      v.Field(s, &Member::client_host, "client_host");
      v.Field(s, &Member::member_metadata, "member_metadata");
      v.Field(s, &Member::member_assignment, "member_assignment");
    }
  };

  struct Group {
    int16_t error_code = 0;
    std::optional<std::string> error_message;
    std::string group_id;
    std::string group_state;
    std::string protocol_type;
    std::string protocol_data;
    std::vector<Member> members;
    int32_t authorized_operations = std::numeric_limits<int32_t>::min();

    bool operator==(const Group&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Group::error_code, "error_code");
      v.Field(s, &Group::error_message, "error_message", Since(6).Nullable());
      v.Field(s, &Group::group_id, "group_id");
      v.Field(s, &Group::group_state, "group_state");
      v.Field(s, &Group::protocol_type, "protocol_type");
      v.Field(s, &Group::protocol_data, "protocol_data");
      v.Field(s, &Group::members, "members");
      v.Field(s, &Group::authorized_operations, "authorized_operations", Since(3));
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<Group> groups;

  bool operator==(const DescribeGroupsResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DescribeGroupsResponse::throttle_time_ms, "throttle_time_ms", Since(1).Ignorable());
    v.Field(s, &DescribeGroupsResponse::groups, "groups");
  }
};

}  // namespace maxbrod::kafka
