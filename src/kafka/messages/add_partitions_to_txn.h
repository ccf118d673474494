// AddPartitionsToTxn (API 24, KIP-98): versions for clients; from version 4 on it is for brokers
// only.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct AddPartitionsToTxnResponse;

struct AddPartitionsToTxnRequest {
  using Response = AddPartitionsToTxnResponse;
  static constexpr ApiInfo kApi{"AddPartitionsToTxn", 24, 0, 3, 3};

  struct Topic {
    std::string name;
    std::vector<int32_t> partitions;

    bool operator==(const Topic&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Topic::name, "name");
      v.Field(s, &Topic::partitions, "partitions");
    }
  };

  std::string transactional_id;
  int64_t producer_id = 0;
  int16_t producer_epoch = 0;
  std::vector<Topic> topics;

  bool operator==(const AddPartitionsToTxnRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &AddPartitionsToTxnRequest::transactional_id, "transactional_id");
    v.Field(s, &AddPartitionsToTxnRequest::producer_id, "producer_id");
    v.Field(s, &AddPartitionsToTxnRequest::producer_epoch, "producer_epoch");
    v.Field(s, &AddPartitionsToTxnRequest::topics, "topics");
  }
};

struct AddPartitionsToTxnResponse {
  static constexpr ApiInfo kApi{"AddPartitionsToTxn", 24, 0, 3, 3};

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

  int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  bool operator==(const AddPartitionsToTxnResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &AddPartitionsToTxnResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &AddPartitionsToTxnResponse::topics, "topics");
  }
};

}  // namespace maxbrod::kafka
