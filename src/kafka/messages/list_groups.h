// ListGroups (API 16, KIP-518, KIP-848): the groups one broker coordinates.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct ListGroupsResponse;

struct ListGroupsRequest {
  using Response = ListGroupsResponse;
  static constexpr ApiInfo kApi{"ListGroups", 16, 0, 5, 3};

  std::vector<std::string> states_filter;  // empty: all
  std::vector<std::string> types_filter;   // empty: all

  bool operator==(const ListGroupsRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &ListGroupsRequest::states_filter, "states_filter", Since(4));
    v.Field(s, &ListGroupsRequest::types_filter, "types_filter", Since(5));
  }
};

struct ListGroupsResponse {
  static constexpr ApiInfo kApi{"ListGroups", 16, 0, 5, 3};

  struct Group {
    std::string group_id;
    std::string protocol_type;
    std::string group_state;
    std::string group_type;

    bool operator==(const Group&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Group::group_id, "group_id");
      v.Field(s, &Group::protocol_type, "protocol_type");
      v.Field(s, &Group::group_state, "group_state", Since(4).Ignorable());
      v.Field(s, &Group::group_type, "group_type", Since(5).Ignorable());
    }
  };

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::vector<Group> groups;

  bool operator==(const ListGroupsResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &ListGroupsResponse::throttle_time_ms, "throttle_time_ms", Since(1).Ignorable());
    v.Field(s, &ListGroupsResponse::error_code, "error_code");
    v.Field(s, &ListGroupsResponse::groups, "groups");
  }
};

}  // namespace maxbrod::kafka
