// DescribeTransactions (API 65, KIP-664): state of transactional ids, from their coordinator.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct DescribeTransactionsResponse;

struct DescribeTransactionsRequest {
  using Response = DescribeTransactionsResponse;
  static constexpr ApiInfo kApi{"DescribeTransactions", 65, 0, 0, 0};

  std::vector<std::string> transactional_ids;

  bool operator==(const DescribeTransactionsRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DescribeTransactionsRequest::transactional_ids, "transactional_ids");
  }
};

struct DescribeTransactionsResponse {
  static constexpr ApiInfo kApi{"DescribeTransactions", 65, 0, 0, 0};

  struct Topic {
    std::string topic;
    std::vector<int32_t> partitions;

    bool operator==(const Topic&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Topic::topic, "topic");
      v.Field(s, &Topic::partitions, "partitions");
    }
  };

  struct Transaction {
    int16_t error_code = 0;
    std::string transactional_id;
    std::string transaction_state;
    int32_t transaction_timeout_ms = 0;
    int64_t transaction_start_time_ms = 0;  // -1: none open
    int64_t producer_id = 0;
    int16_t producer_epoch = 0;
    std::vector<Topic> topics;

    bool operator==(const Transaction&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Transaction::error_code, "error_code");
      v.Field(s, &Transaction::transactional_id, "transactional_id");
      v.Field(s, &Transaction::transaction_state, "transaction_state");
      v.Field(s, &Transaction::transaction_timeout_ms, "transaction_timeout_ms");
      v.Field(s, &Transaction::transaction_start_time_ms, "transaction_start_time_ms");
      v.Field(s, &Transaction::producer_id, "producer_id");
      v.Field(s, &Transaction::producer_epoch, "producer_epoch");
      v.Field(s, &Transaction::topics, "topics");
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<Transaction> transaction_states;

  bool operator==(const DescribeTransactionsResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DescribeTransactionsResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &DescribeTransactionsResponse::transaction_states, "transaction_states");
  }
};

}  // namespace maxbrod::kafka
