// Produce (API 0): appends record batches. The records of a request are the caller's bytes: encode
// the frame with a referencing WireWriter and they are never copied, only their lengths are written
// (the restore path). From version 13 on topics go by id (KIP-516).
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct ProduceResponse;

struct ProduceRequest {
  using Response = ProduceResponse;
  static constexpr ApiInfo kApi{"Produce", 0, 3, 13, 9};

  struct Partition {
    int32_t partition_index = 0;
    std::optional<RecordPieces> records;  // exactly one batch, the caller's bytes

    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Partition::partition_index, "partition_index");
      v.Field(s, &Partition::records, "records", Always().Nullable());
    }
  };

  struct Topic {
    std::string name;  // up to version 12
    Uuid topic_id;     // from version 13 on
    std::vector<Partition> partitions;

    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Topic::name, "name", Until(12).Ignorable());
      v.Field(s, &Topic::topic_id, "topic_id", Since(13).Ignorable());
      v.Field(s, &Topic::partitions, "partitions");
    }
  };

  std::optional<std::string> transactional_id;
  int16_t acks = 0;  // -1: all in-sync replicas
  int32_t timeout_ms = 0;
  std::vector<Topic> topics;

  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &ProduceRequest::transactional_id, "transactional_id", Always().Nullable());
    v.Field(s, &ProduceRequest::acks, "acks");
    v.Field(s, &ProduceRequest::timeout_ms, "timeout_ms");
    v.Field(s, &ProduceRequest::topics, "topics");
  }
};

struct ProduceResponse {
  static constexpr ApiInfo kApi{"Produce", 0, 3, 13, 9};

  struct RecordError {
    int32_t batch_index = 0;
    std::optional<std::string> batch_index_error_message;

    bool operator==(const RecordError&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &RecordError::batch_index, "batch_index");
      v.Field(s, &RecordError::batch_index_error_message, "batch_index_error_message",
              Always().Nullable());
    }
  };

  struct LeaderIdAndEpoch {
    int32_t leader_id = -1;
    int32_t leader_epoch = -1;

    bool operator==(const LeaderIdAndEpoch&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &LeaderIdAndEpoch::leader_id, "leader_id");
      v.Field(s, &LeaderIdAndEpoch::leader_epoch, "leader_epoch");
    }
  };

  struct Partition {
    int32_t partition_index = 0;
    int16_t error_code = 0;
    int64_t base_offset = 0;          // -1 on errors
    int64_t log_append_time_ms = -1;  // -1: the topic has CreateTime
    int64_t log_start_offset = -1;
    std::vector<RecordError> record_errors;
    std::optional<std::string> error_message;
    LeaderIdAndEpoch current_leader;

    bool operator==(const Partition&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Partition::partition_index, "partition_index");
      v.Field(s, &Partition::error_code, "error_code");
      v.Field(s, &Partition::base_offset, "base_offset");
      v.Field(s, &Partition::log_append_time_ms, "log_append_time_ms");
      v.Field(s, &Partition::log_start_offset, "log_start_offset", Since(5).Ignorable());
      v.Field(s, &Partition::record_errors, "record_errors", Since(8).Ignorable());
      v.Field(s, &Partition::error_message, "error_message", Since(8).Nullable().Ignorable());
      v.Tagged(0, s, &Partition::current_leader, "current_leader", Since(10));
    }
  };

  struct Topic {
    std::string name;  // up to version 12
    Uuid topic_id;     // from version 13 on
    std::vector<Partition> partitions;

    bool operator==(const Topic&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Topic::name, "name", Until(12).Ignorable());
      v.Field(s, &Topic::topic_id, "topic_id", Since(13).Ignorable());
      v.Field(s, &Topic::partitions, "partitions");
    }
  };

  struct NodeEndpoint {
    int32_t node_id = 0;
    std::string host;
    int32_t port = 0;
    std::optional<std::string> rack;

    bool operator==(const NodeEndpoint&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &NodeEndpoint::node_id, "node_id");
      v.Field(s, &NodeEndpoint::host, "host");
      v.Field(s, &NodeEndpoint::port, "port");
      v.Field(s, &NodeEndpoint::rack, "rack", Always().Nullable());
    }
  };

  std::vector<Topic> topics;
  int32_t throttle_time_ms = 0;
  std::vector<NodeEndpoint> node_endpoints;

  bool operator==(const ProduceResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &ProduceResponse::topics, "topics");
    v.Field(s, &ProduceResponse::throttle_time_ms, "throttle_time_ms");
    v.Tagged(0, s, &ProduceResponse::node_endpoints, "node_endpoints", Since(10));
  }
};

}  // namespace maxbrod::kafka
