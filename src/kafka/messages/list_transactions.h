// ListTransactions (API 66, KIP-664, KIP-994): transactional ids one broker coordinates.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct ListTransactionsResponse;

struct ListTransactionsRequest {
  using Response = ListTransactionsResponse;
  static constexpr ApiInfo kApi{"ListTransactions", 66, 0, 1, 0};

  std::vector<std::string> state_filters;
  std::vector<int64_t> producer_id_filters;
  int64_t duration_filter = -1;  // only those open for longer, ms; -1: all

  bool operator==(const ListTransactionsRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &ListTransactionsRequest::state_filters, "state_filters");
    v.Field(s, &ListTransactionsRequest::producer_id_filters, "producer_id_filters");
    v.Field(s, &ListTransactionsRequest::duration_filter, "duration_filter", Since(1));
  }
};

struct ListTransactionsResponse {
  static constexpr ApiInfo kApi{"ListTransactions", 66, 0, 1, 0};

  struct Transaction {
    std::string transactional_id;
    int64_t producer_id = 0;
    std::string transaction_state;

    bool operator==(const Transaction&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Transaction::transactional_id, "transactional_id");
      v.Field(s, &Transaction::producer_id, "producer_id");
      v.Field(s, &Transaction::transaction_state, "transaction_state");
    }
  };

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::vector<std::string> unknown_state_filters;
  std::vector<Transaction> transaction_states;

  bool operator==(const ListTransactionsResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &ListTransactionsResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &ListTransactionsResponse::error_code, "error_code");
    v.Field(s, &ListTransactionsResponse::unknown_state_filters, "unknown_state_filters");
    v.Field(s, &ListTransactionsResponse::transaction_states, "transaction_states");
  }
};

}  // namespace maxbrod::kafka
