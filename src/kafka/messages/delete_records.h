// DeleteRecords (API 21, KIP-107): moves a partition's log start offset forward.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct DeleteRecordsResponse;

struct DeleteRecordsRequest {
  using Response = DeleteRecordsResponse;
  static constexpr ApiInfo kApi{"DeleteRecords", 21, 0, 2, 2};

  struct Partition {
    int32_t partition_index = 0;
    int64_t offset = 0;  // -1: the high watermark

    bool operator==(const Partition&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Partition::partition_index, "partition_index");
      v.Field(s, &Partition::offset, "offset");
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

  std::vector<Topic> topics;
  int32_t timeout_ms = 0;

  bool operator==(const DeleteRecordsRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DeleteRecordsRequest::topics, "topics");
    v.Field(s, &DeleteRecordsRequest::timeout_ms, "timeout_ms");
  }
};

struct DeleteRecordsResponse {
  static constexpr ApiInfo kApi{"DeleteRecords", 21, 0, 2, 2};

  struct Partition {
    int32_t partition_index = 0;
    int64_t low_watermark = 0;  // the new log start offset
    int16_t error_code = 0;

    bool operator==(const Partition&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Partition::partition_index, "partition_index");
      v.Field(s, &Partition::low_watermark, "low_watermark");
      v.Field(s, &Partition::error_code, "error_code");
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

  bool operator==(const DeleteRecordsResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DeleteRecordsResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &DeleteRecordsResponse::topics, "topics");
  }
};

}  // namespace maxbrod::kafka
