// DescribeQuorum (API 55, KIP-595, KIP-836, KIP-853): voters and observers of the controllers' log.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct DescribeQuorumResponse;

struct DescribeQuorumRequest {
  using Response = DescribeQuorumResponse;
  static constexpr ApiInfo kApi{"DescribeQuorum", 55, 0, 2, 0};

  struct Partition {
    int32_t partition_index = 0;

    bool operator==(const Partition&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Partition::partition_index, "partition_index");
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

  std::vector<Topic> topics;

  bool operator==(const DescribeQuorumRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DescribeQuorumRequest::topics, "topics");
  }
};

struct DescribeQuorumResponse {
  static constexpr ApiInfo kApi{"DescribeQuorum", 55, 0, 2, 0};

  struct Replica {
    int32_t replica_id = 0;
    Uuid replica_directory_id;
    int64_t log_end_offset = 0;
    int64_t last_fetch_timestamp = -1;
    int64_t last_caught_up_timestamp = -1;

    bool operator==(const Replica&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Replica::replica_id, "replica_id");
      v.Field(s, &Replica::replica_directory_id, "replica_directory_id", Since(2).Ignorable());
      v.Field(s, &Replica::log_end_offset, "log_end_offset");
      v.Field(s, &Replica::last_fetch_timestamp, "last_fetch_timestamp", Since(1).Ignorable());
      v.Field(s, &Replica::last_caught_up_timestamp, "last_caught_up_timestamp",
              Since(1).Ignorable());
    }
  };

  struct Partition {
    int32_t partition_index = 0;
    int16_t error_code = 0;
    std::optional<std::string> error_message;
    int32_t leader_id = 0;
    int32_t leader_epoch = 0;
    int64_t high_watermark = 0;
    std::vector<Replica> current_voters;
    std::vector<Replica> observers;

    bool operator==(const Partition&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Partition::partition_index, "partition_index");
      v.Field(s, &Partition::error_code, "error_code");
      v.Field(s, &Partition::error_message, "error_message", Since(2).Nullable().Ignorable());
      v.Field(s, &Partition::leader_id, "leader_id");
      v.Field(s, &Partition::leader_epoch, "leader_epoch");
      v.Field(s, &Partition::high_watermark, "high_watermark");
      v.Field(s, &Partition::current_voters, "current_voters");
      v.Field(s, &Partition::observers, "observers");
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

  struct Listener {
    std::string name;
    std::string host;
    uint16_t port = 0;

    bool operator==(const Listener&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Listener::name, "name");
      v.Field(s, &Listener::host, "host");
      v.Field(s, &Listener::port, "port");
    }
  };

  struct Node {
    int32_t node_id = 0;
    std::vector<Listener> listeners;

    bool operator==(const Node&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Node::node_id, "node_id");
      v.Field(s, &Node::listeners, "listeners");
    }
  };

  int16_t error_code = 0;
  std::optional<std::string> error_message;
  std::vector<Topic> topics;
  std::vector<Node> nodes;

  bool operator==(const DescribeQuorumResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DescribeQuorumResponse::error_code, "error_code");
    v.Field(s, &DescribeQuorumResponse::error_message, "error_message",
            Since(2).Nullable().Ignorable());
    v.Field(s, &DescribeQuorumResponse::topics, "topics");
    v.Field(s, &DescribeQuorumResponse::nodes, "nodes", Since(2));
  }
};

}  // namespace maxbrod::kafka
