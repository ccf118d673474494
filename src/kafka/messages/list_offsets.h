// ListOffsets (API 2): the offset at a time, or at one of the special times below.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

// Special values of a request's timestamp.
struct ListOffsetsTime {
  static constexpr int64_t kLatest = -1;    // end offset; the last stable one for read_committed
  static constexpr int64_t kEarliest = -2;  // log start offset
  static constexpr int64_t kMaxTimestamp = -3;   // from version 7 on (KIP-734)
  static constexpr int64_t kEarliestLocal = -4;  // from version 8 on (KIP-405)
  static constexpr int64_t kLatestTiered = -5;   // from version 9 on (KIP-1005)
};

struct ListOffsetsResponse;

struct ListOffsetsRequest {
  using Response = ListOffsetsResponse;
  static constexpr ApiInfo kApi{"ListOffsets", 2, 1, 10, 6};

  struct Partition {
    int32_t partition_index = 0;
    int32_t current_leader_epoch = -1;
    int64_t timestamp = 0;  // milliseconds, or a ListOffsetsTime

    bool operator==(const Partition&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Partition::partition_index, "partition_index");
      v.Field(s, &Partition::current_leader_epoch, "current_leader_epoch", Since(4).Ignorable());
      v.Field(s, &Partition::timestamp, "timestamp");
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

  int32_t replica_id = 0;  // -1: a consumer
  int8_t isolation_level = 0;
  std::vector<Topic> topics;
  int32_t timeout_ms = 0;

  bool operator==(const ListOffsetsRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &ListOffsetsRequest::replica_id, "replica_id");
    v.Field(s, &ListOffsetsRequest::isolation_level, "isolation_level", Since(2));
    v.Field(s, &ListOffsetsRequest::topics, "topics");
    v.Field(s, &ListOffsetsRequest::timeout_ms, "timeout_ms", Since(10).Ignorable());
  }
};

struct ListOffsetsResponse {
  static constexpr ApiInfo kApi{"ListOffsets", 2, 1, 10, 6};

  struct Partition {
    int32_t partition_index = 0;
    int16_t error_code = 0;
    int64_t timestamp = -1;
    int64_t offset = -1;  // -1: no such record
    int32_t leader_epoch = -1;

    bool operator==(const Partition&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Partition::partition_index, "partition_index");
      v.Field(s, &Partition::error_code, "error_code");
      v.Field(s, &Partition::timestamp, "timestamp");
      v.Field(s, &Partition::offset, "offset");
      v.Field(s, &Partition::leader_epoch, "leader_epoch", Since(4));
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

  bool operator==(const ListOffsetsResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &ListOffsetsResponse::throttle_time_ms, "throttle_time_ms", Since(2).Ignorable());
    v.Field(s, &ListOffsetsResponse::topics, "topics");
  }
};

}  // namespace maxbrod::kafka
