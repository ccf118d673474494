// DescribeCluster (API 60, KIP-700): cluster id, controller and brokers.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct DescribeClusterResponse;

struct DescribeClusterRequest {
  using Response = DescribeClusterResponse;
  static constexpr ApiInfo kApi{"DescribeCluster", 60, 0, 2, 0};

  bool include_cluster_authorized_operations = false;
  int8_t endpoint_type = 1;  // 1 brokers, 2 controllers
  bool include_fenced_brokers = false;

  bool operator==(const DescribeClusterRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DescribeClusterRequest::include_cluster_authorized_operations,
            "include_cluster_authorized_operations");
    v.Field(s, &DescribeClusterRequest::endpoint_type, "endpoint_type", Since(1));
    v.Field(s, &DescribeClusterRequest::include_fenced_brokers, "include_fenced_brokers", Since(2));
  }
};

struct DescribeClusterResponse {
  static constexpr ApiInfo kApi{"DescribeCluster", 60, 0, 2, 0};

  struct Broker {
    int32_t broker_id = 0;
    std::string host;
    int32_t port = 0;
    std::optional<std::string> rack;
    bool is_fenced = false;

    bool operator==(const Broker&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Broker::broker_id, "broker_id");
      v.Field(s, &Broker::host, "host");
      v.Field(s, &Broker::port, "port");
      v.Field(s, &Broker::rack, "rack", Always().Nullable());
      v.Field(s, &Broker::is_fenced, "is_fenced", Since(2));
    }
  };

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::optional<std::string> error_message;
  int8_t endpoint_type = 1;
  std::string cluster_id;
  int32_t controller_id = -1;
  std::vector<Broker> brokers;
  int32_t cluster_authorized_operations = std::numeric_limits<int32_t>::min();

  bool operator==(const DescribeClusterResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DescribeClusterResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &DescribeClusterResponse::error_code, "error_code");
    v.Field(s, &DescribeClusterResponse::error_message, "error_message", Always().Nullable());
    v.Field(s, &DescribeClusterResponse::endpoint_type, "endpoint_type", Since(1));
    v.Field(s, &DescribeClusterResponse::cluster_id, "cluster_id");
    v.Field(s, &DescribeClusterResponse::controller_id, "controller_id");
    v.Field(s, &DescribeClusterResponse::brokers, "brokers");
    v.Field(s, &DescribeClusterResponse::cluster_authorized_operations,
            "cluster_authorized_operations");
  }
};

}  // namespace maxbrod::kafka
