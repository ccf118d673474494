// Metadata (API 3): brokers, and leaders and replicas of topics. Topic ids since version 10
// (KIP-516).
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct MetadataResponse;

struct MetadataRequest {
  using Response = MetadataResponse;
  static constexpr ApiInfo kApi{"Metadata", 3, 1, 13, 9};

  struct Topic {
    Uuid topic_id;
    std::optional<std::string> name = "";  // null from version 10 on: by id

    bool operator==(const Topic&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Topic::topic_id, "topic_id", Since(10).Ignorable());
      v.Field(s, &Topic::name, "name", Always().NullableSince(10));
    }
  };

  std::optional<std::vector<Topic>> topics = std::vector<Topic>();  // null: all topics
  bool allow_auto_topic_creation = true;
  bool include_cluster_authorized_operations = false;
  bool include_topic_authorized_operations = false;

  bool operator==(const MetadataRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &MetadataRequest::topics, "topics", Always().Nullable());
    v.Field(s, &MetadataRequest::allow_auto_topic_creation, "allow_auto_topic_creation", Since(4));
    v.Field(s, &MetadataRequest::include_cluster_authorized_operations,
            "include_cluster_authorized_operations", Between(8, 10));
    v.Field(s, &MetadataRequest::include_topic_authorized_operations,
            "include_topic_authorized_operations", Since(8));
  }
};

struct MetadataResponse {
  static constexpr ApiInfo kApi{"Metadata", 3, 1, 13, 9};

  struct Broker {
    int32_t node_id = 0;
    std::string host;
    int32_t port = 0;
    std::optional<std::string> rack;

    bool operator==(const Broker&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Broker::node_id, "node_id");
      v.Field(s, &Broker::host, "host");
      v.Field(s, &Broker::port, "port");
      v.Field(s, &Broker::rack, "rack", Always().Nullable());
    }
  };

  struct Partition {
    int16_t error_code = 0;
    int32_t partition_index = 0;
    int32_t leader_id = 0;  // -1: none
    int32_t leader_epoch = -1;
    std::vector<int32_t> replica_nodes;
    std::vector<int32_t> isr_nodes;
    std::vector<int32_t> offline_replicas;

    bool operator==(const Partition&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Partition::error_code, "error_code");
      v.Field(s, &Partition::partition_index, "partition_index");
      v.Field(s, &Partition::leader_id, "leader_id");
      v.Field(s, &Partition::leader_epoch, "leader_epoch", Since(7).Ignorable());
      v.Field(s, &Partition::replica_nodes, "replica_nodes");
      v.Field(s, &Partition::isr_nodes, "isr_nodes");
      v.Field(s, &Partition::offline_replicas, "offline_replicas", Since(5).Ignorable());
    }
  };

  struct Topic {
    int16_t error_code = 0;
    std::optional<std::string> name = "";
    Uuid topic_id;
    bool is_internal = false;
    std::vector<Partition> partitions;
    // bit field, if asked for
    int32_t topic_authorized_operations = std::numeric_limits<int32_t>::min();

    bool operator==(const Topic&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Topic::error_code, "error_code");
      v.Field(s, &Topic::name, "name", Always().NullableSince(12));
      v.Field(s, &Topic::topic_id, "topic_id", Since(10).Ignorable());
      v.Field(s, &Topic::is_internal, "is_internal");
      v.Field(s, &Topic::partitions, "partitions");
      v.Field(s, &Topic::topic_authorized_operations, "topic_authorized_operations", Since(8));
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<Broker> brokers;
  std::optional<std::string> cluster_id;
  int32_t controller_id = -1;  // -1: none
  std::vector<Topic> topics;
  int32_t cluster_authorized_operations = std::numeric_limits<int32_t>::min();
  int16_t error_code = 0;

  bool operator==(const MetadataResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &MetadataResponse::throttle_time_ms, "throttle_time_ms", Since(3).Ignorable());
    v.Field(s, &MetadataResponse::brokers, "brokers");
    v.Field(s, &MetadataResponse::cluster_id, "cluster_id", Since(2).Nullable().Ignorable());
    v.Field(s, &MetadataResponse::controller_id, "controller_id");
    v.Field(s, &MetadataResponse::topics, "topics");
    v.Field(s, &MetadataResponse::cluster_authorized_operations, "cluster_authorized_operations",
            Between(8, 10));
    v.Field(s, &MetadataResponse::error_code, "error_code", Since(13).Ignorable());
  }
};

}  // namespace maxbrod::kafka
