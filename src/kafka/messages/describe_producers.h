// DescribeProducers (API 61, KIP-664): producers a partition leader knows, with their open
// transactions.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct DescribeProducersResponse;

struct DescribeProducersRequest {
  using Response = DescribeProducersResponse;
  static constexpr ApiInfo kApi{"DescribeProducers", 61, 0, 0, 0};

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

  std::vector<Topic> topics;

  bool operator==(const DescribeProducersRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DescribeProducersRequest::topics, "topics");
  }
};

struct DescribeProducersResponse {
  static constexpr ApiInfo kApi{"DescribeProducers", 61, 0, 0, 0};

  struct Producer {
    int64_t producer_id = 0;
    int32_t producer_epoch = 0;
    int32_t last_sequence = -1;
    int64_t last_timestamp = -1;
    int32_t coordinator_epoch = 0;
    int64_t current_txn_start_offset = -1;  // -1: none open

    bool operator==(const Producer&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Producer::producer_id, "producer_id");
      v.Field(s, &Producer::producer_epoch, "producer_epoch");
      v.Field(s, &Producer::last_sequence, "last_sequence");
      v.Field(s, &Producer::last_timestamp, "last_timestamp");
      v.Field(s, &Producer::coordinator_epoch, "coordinator_epoch");
      v.Field(s, &Producer::current_txn_start_offset, "current_txn_start_offset");
    }
  };

  struct Partition {
    int32_t partition_index = 0;
    int16_t error_code = 0;
    std::optional<std::string> error_message;
    std::vector<Producer> active_producers;

    bool operator==(const Partition&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Partition::partition_index, "partition_index");
      v.Field(s, &Partition::error_code, "error_code");
      v.Field(s, &Partition::error_message, "error_message", Always().Nullable());
      v.Field(s, &Partition::active_producers, "active_producers");
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

  bool operator==(const DescribeProducersResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DescribeProducersResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &DescribeProducersResponse::topics, "topics");
  }
};

}  // namespace maxbrod::kafka
