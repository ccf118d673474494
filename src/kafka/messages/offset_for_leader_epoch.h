// OffsetForLeaderEpoch (API 23, KIP-320): where a leader epoch ended, which shows truncation.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct OffsetForLeaderEpochResponse;

struct OffsetForLeaderEpochRequest {
  using Response = OffsetForLeaderEpochResponse;
  static constexpr ApiInfo kApi{"OffsetForLeaderEpoch", 23, 2, 4, 4};

  struct Partition {
    int32_t partition_index = 0;
    int32_t current_leader_epoch = -1;
    int32_t leader_epoch = 0;

    bool operator==(const Partition&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Partition::partition_index, "partition_index");
      v.Field(s, &Partition::current_leader_epoch, "current_leader_epoch");
      v.Field(s, &Partition::leader_epoch, "leader_epoch");
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

  int32_t replica_id = -2;
  std::vector<Topic> topics;

  bool operator==(const OffsetForLeaderEpochRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &OffsetForLeaderEpochRequest::replica_id, "replica_id", Since(3).Ignorable());
    v.Field(s, &OffsetForLeaderEpochRequest::topics, "topics");
  }
};

struct OffsetForLeaderEpochResponse {
  static constexpr ApiInfo kApi{"OffsetForLeaderEpoch", 23, 2, 4, 4};

  struct Partition {
    int16_t error_code = 0;
    int32_t partition_index = 0;
    int32_t leader_epoch = -1;
    int64_t end_offset = -1;

    bool operator==(const Partition&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Partition::error_code, "error_code");
      v.Field(s, &Partition::partition_index, "partition_index");
      v.Field(s, &Partition::leader_epoch, "leader_epoch");
      v.Field(s, &Partition::end_offset, "end_offset");
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

  int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  bool operator==(const OffsetForLeaderEpochResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &OffsetForLeaderEpochResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &OffsetForLeaderEpochResponse::topics, "topics");
  }
};

}  // namespace maxbrod::kafka
