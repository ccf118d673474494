// Fetch (API 1): record batches as the broker stores them. From version 13 on topics go by id
// (KIP-516).
//
// The records of a decoded response are views of the response buffer; the last batch of a partition
// may be cut off (batch.h).
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct FetchResponse;

struct FetchRequest {
  using Response = FetchResponse;
  static constexpr ApiInfo kApi{"Fetch", 1, 4, 17, 12};

  struct ReplicaState {
    int32_t replica_id = -1;
    int64_t replica_epoch = -1;

    bool operator==(const ReplicaState&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &ReplicaState::replica_id, "replica_id");
      v.Field(s, &ReplicaState::replica_epoch, "replica_epoch");
    }
  };

  struct Partition {
    int32_t partition_index = 0;
    int32_t current_leader_epoch = -1;  // -1: do not check
    int64_t fetch_offset = 0;
    int32_t last_fetched_epoch = -1;
    int64_t log_start_offset = -1;
    int32_t partition_max_bytes = 0;
    Uuid replica_directory_id;

    bool operator==(const Partition&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Partition::partition_index, "partition_index");
      v.Field(s, &Partition::current_leader_epoch, "current_leader_epoch", Since(9).Ignorable());
      v.Field(s, &Partition::fetch_offset, "fetch_offset");
      v.Field(s, &Partition::last_fetched_epoch, "last_fetched_epoch", Since(12));
      v.Field(s, &Partition::log_start_offset, "log_start_offset", Since(5).Ignorable());
      v.Field(s, &Partition::partition_max_bytes, "partition_max_bytes");
      v.Tagged(0, s, &Partition::replica_directory_id, "replica_directory_id",
               Since(17).Ignorable());
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

  struct ForgottenTopic {
    std::string name;
    Uuid topic_id;
    std::vector<int32_t> partitions;

    bool operator==(const ForgottenTopic&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &ForgottenTopic::name, "name", Until(12).Ignorable());
      v.Field(s, &ForgottenTopic::topic_id, "topic_id", Since(13).Ignorable());
      v.Field(s, &ForgottenTopic::partitions, "partitions");
    }
  };

  std::optional<std::string> cluster_id;
  int32_t replica_id = -1;  // -1: a consumer
  ReplicaState replica_state;
  int32_t max_wait_ms = 0;
  int32_t min_bytes = 0;
  int32_t max_bytes = std::numeric_limits<int32_t>::max();
  int8_t isolation_level = 0;  // 0 read_uncommitted, 1 read_committed
  int32_t session_id = 0;      // 0 with epoch -1: no fetch session (KIP-227)
  int32_t session_epoch = -1;
  std::vector<Topic> topics;
  std::vector<ForgottenTopic> forgotten_topics;
  std::string rack_id;

  bool operator==(const FetchRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Tagged(0, s, &FetchRequest::cluster_id, "cluster_id", Since(12).Nullable().Ignorable());
    v.Field(s, &FetchRequest::replica_id, "replica_id", Until(14));
    v.Tagged(1, s, &FetchRequest::replica_state, "replica_state", Since(15));
    v.Field(s, &FetchRequest::max_wait_ms, "max_wait_ms");
    v.Field(s, &FetchRequest::min_bytes, "min_bytes");
    v.Field(s, &FetchRequest::max_bytes, "max_bytes");
    v.Field(s, &FetchRequest::isolation_level, "isolation_level");
    v.Field(s, &FetchRequest::session_id, "session_id", Since(7).Ignorable());
    v.Field(s, &FetchRequest::session_epoch, "session_epoch", Since(7).Ignorable());
    v.Field(s, &FetchRequest::topics, "topics");
    v.Field(s, &FetchRequest::forgotten_topics, "forgotten_topics", Since(7));
    v.Field(s, &FetchRequest::rack_id, "rack_id", Since(11).Ignorable());
  }
};

struct FetchResponse {
  static constexpr ApiInfo kApi{"Fetch", 1, 4, 17, 12};

  struct EpochEndOffset {
    int32_t epoch = -1;
    int64_t end_offset = -1;

    bool operator==(const EpochEndOffset&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &EpochEndOffset::epoch, "epoch");
      v.Field(s, &EpochEndOffset::end_offset, "end_offset");
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

  struct SnapshotId {
    int64_t end_offset = -1;
    int32_t epoch = -1;

    bool operator==(const SnapshotId&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &SnapshotId::end_offset, "end_offset");
      v.Field(s, &SnapshotId::epoch, "epoch");
    }
  };

  struct AbortedTransaction {
    int64_t producer_id = 0;
    int64_t first_offset = 0;

    bool operator==(const AbortedTransaction&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &AbortedTransaction::producer_id, "producer_id");
      v.Field(s, &AbortedTransaction::first_offset, "first_offset");
    }
  };

  struct Partition {
    int32_t partition_index = 0;
    int16_t error_code = 0;
    int64_t high_watermark = 0;
    int64_t last_stable_offset = -1;
    int64_t log_start_offset = -1;
    EpochEndOffset diverging_epoch;   // set when the log was truncated under last_fetched_epoch
    LeaderIdAndEpoch current_leader;  // with errors 6 and 74 (KIP-951)
    SnapshotId snapshot_id;
    std::optional<std::vector<AbortedTransaction>> aborted_transactions =
        std::vector<AbortedTransaction>();
    int32_t preferred_read_replica = -1;  // -1: read from the leader
    std::optional<ByteView> records;      // a view of the response

    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Partition::partition_index, "partition_index");
      v.Field(s, &Partition::error_code, "error_code");
      v.Field(s, &Partition::high_watermark, "high_watermark");
      v.Field(s, &Partition::last_stable_offset, "last_stable_offset");
      v.Field(s, &Partition::log_start_offset, "log_start_offset", Since(5).Ignorable());
      v.Tagged(0, s, &Partition::diverging_epoch, "diverging_epoch", Since(12));
      v.Tagged(1, s, &Partition::current_leader, "current_leader", Since(12));
      v.Tagged(2, s, &Partition::snapshot_id, "snapshot_id", Since(12));
      v.Field(s, &Partition::aborted_transactions, "aborted_transactions", Always().Nullable());
      v.Field(s, &Partition::preferred_read_replica, "preferred_read_replica", Since(11));
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

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  int32_t session_id = 0;
  std::vector<Topic> topics;
  std::vector<NodeEndpoint> node_endpoints;

  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &FetchResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &FetchResponse::error_code, "error_code", Since(7).Ignorable());
    v.Field(s, &FetchResponse::session_id, "session_id", Since(7));
    v.Field(s, &FetchResponse::topics, "topics");
    v.Tagged(0, s, &FetchResponse::node_endpoints, "node_endpoints", Since(16));
  }
};

}  // namespace maxbrod::kafka
