// FindCoordinator (API 10, KIP-699): the broker responsible for a group or transactional id. From
// version 4 on several keys per request.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct FindCoordinatorResponse;

struct FindCoordinatorRequest {
  using Response = FindCoordinatorResponse;
  static constexpr ApiInfo kApi{"FindCoordinator", 10, 0, 6, 3};

  std::string key;                            // up to version 3
  int8_t key_type = 0;                        // 0 group, 1 transaction, 2 share
  std::vector<std::string> coordinator_keys;  // from version 4 on

  bool operator==(const FindCoordinatorRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &FindCoordinatorRequest::key, "key", Until(3));
    v.Field(s, &FindCoordinatorRequest::key_type, "key_type", Since(1));
    v.Field(s, &FindCoordinatorRequest::coordinator_keys, "coordinator_keys", Since(4));
  }
};

struct FindCoordinatorResponse {
  static constexpr ApiInfo kApi{"FindCoordinator", 10, 0, 6, 3};

  struct Coordinator {
    std::string key;
    int32_t node_id = 0;
    std::string host;
    int32_t port = 0;
    int16_t error_code = 0;
    std::optional<std::string> error_message = "";

    bool operator==(const Coordinator&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Coordinator::key, "key");
      v.Field(s, &Coordinator::node_id, "node_id");
      v.Field(s, &Coordinator::host, "host");
      v.Field(s, &Coordinator::port, "port");
      v.Field(s, &Coordinator::error_code, "error_code");
      v.Field(s, &Coordinator::error_message, "error_message", Always().Nullable());
    }
  };

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::optional<std::string> error_message = "";
  int32_t node_id = 0;
  std::string host;
  int32_t port = 0;
  std::vector<Coordinator> coordinators;  // from version 4 on

  bool operator==(const FindCoordinatorResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &FindCoordinatorResponse::throttle_time_ms, "throttle_time_ms",
            Since(1).Ignorable());
    v.Field(s, &FindCoordinatorResponse::error_code, "error_code", Until(3));
    v.Field(s, &FindCoordinatorResponse::error_message, "error_message",
            Between(1, 3).Nullable().Ignorable());
    v.Field(s, &FindCoordinatorResponse::node_id, "node_id", Until(3));
    v.Field(s, &FindCoordinatorResponse::host, "host", Until(3));
    v.Field(s, &FindCoordinatorResponse::port, "port", Until(3));
    v.Field(s, &FindCoordinatorResponse::coordinators, "coordinators", Since(4));
  }
};

}  // namespace maxbrod::kafka
