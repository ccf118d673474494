// WriteTxnMarkers (API 27, KIP-98, KIP-1228): writes control records straight into partitions; with
// Alter on the cluster since KIP-1037, ClusterAction before. Not idempotent.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct WriteTxnMarkersResponse;

struct WriteTxnMarkersRequest {
  using Response = WriteTxnMarkersResponse;
  static constexpr ApiInfo kApi{"WriteTxnMarkers", 27, 0, 2, 1};

  struct Topic {
    std::string name;
    std::vector<int32_t> partition_indexes;

    bool operator==(const Topic&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Topic::name, "name");
      v.Field(s, &Topic::partition_indexes, "partition_indexes");
    }
  };

  struct Marker {
    int64_t producer_id = 0;
    int16_t producer_epoch = 0;
    bool transaction_result = false;  // true: commit, false: abort
    std::vector<Topic> topics;
    int32_t coordinator_epoch = 0;
    int8_t transaction_version = 0;  // 0 or 1 before KIP-890, 2 after

    bool operator==(const Marker&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Marker::producer_id, "producer_id");
      v.Field(s, &Marker::producer_epoch, "producer_epoch");
      v.Field(s, &Marker::transaction_result, "transaction_result");
      v.Field(s, &Marker::topics, "topics");
      v.Field(s, &Marker::coordinator_epoch, "coordinator_epoch");
      v.Field(s, &Marker::transaction_version, "transaction_version", Since(2).Ignorable());
    }
  };

  std::vector<Marker> markers;

  bool operator==(const WriteTxnMarkersRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &WriteTxnMarkersRequest::markers, "markers");
  }
};

struct WriteTxnMarkersResponse {
  static constexpr ApiInfo kApi{"WriteTxnMarkers", 27, 0, 2, 1};

  struct Partition {
    int32_t partition_index = 0;
    int16_t error_code = 0;

    bool operator==(const Partition&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Partition::partition_index, "partition_index");
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

  struct Marker {
    int64_t producer_id = 0;
    std::vector<Topic> topics;

    bool operator==(const Marker&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Marker::producer_id, "producer_id");
      v.Field(s, &Marker::topics, "topics");
    }
  };

  std::vector<Marker> markers;

  bool operator==(const WriteTxnMarkersResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &WriteTxnMarkersResponse::markers, "markers");
  }
};

}  // namespace maxbrod::kafka
