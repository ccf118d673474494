// EndTxn (API 26, KIP-98, KIP-890): commits or aborts. It answers before the markers are in the
// logs.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct EndTxnResponse;

struct EndTxnRequest {
  using Response = EndTxnResponse;
  static constexpr ApiInfo kApi{"EndTxn", 26, 0, 5, 3};

  std::string transactional_id;
  int64_t producer_id = 0;
  int16_t producer_epoch = 0;
  bool committed = false;  // true: commit, false: abort

  bool operator==(const EndTxnRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &EndTxnRequest::transactional_id, "transactional_id");
    v.Field(s, &EndTxnRequest::producer_id, "producer_id");
    v.Field(s, &EndTxnRequest::producer_epoch, "producer_epoch");
    v.Field(s, &EndTxnRequest::committed, "committed");
  }
};

struct EndTxnResponse {
  static constexpr ApiInfo kApi{"EndTxn", 26, 0, 5, 3};

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;

  bool operator==(const EndTxnResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &EndTxnResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &EndTxnResponse::error_code, "error_code");
    v.Field(s, &EndTxnResponse::producer_id, "producer_id", Since(5).Ignorable());
    v.Field(s, &EndTxnResponse::producer_epoch, "producer_epoch", Since(5).Ignorable());
  }
};

}  // namespace maxbrod::kafka
