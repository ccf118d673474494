// InitProducerId (API 22, KIP-98, KIP-360): a producer id, or the fencing of an older holder of a
// transactional id. Note that it aborts that id's open transaction.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct InitProducerIdResponse;

struct InitProducerIdRequest {
  using Response = InitProducerIdResponse;
  static constexpr ApiInfo kApi{"InitProducerId", 22, 0, 5, 2};

  std::optional<std::string> transactional_id = "";  // null: idempotence only
  int32_t transaction_timeout_ms = 0;
  int64_t producer_id = -1;  // -1, or the id held so far (KIP-360)
  int16_t producer_epoch = -1;

  bool operator==(const InitProducerIdRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &InitProducerIdRequest::transactional_id, "transactional_id", Always().Nullable());
    v.Field(s, &InitProducerIdRequest::transaction_timeout_ms, "transaction_timeout_ms");
    v.Field(s, &InitProducerIdRequest::producer_id, "producer_id", Since(3));
    v.Field(s, &InitProducerIdRequest::producer_epoch, "producer_epoch", Since(3));
  }
};

struct InitProducerIdResponse {
  static constexpr ApiInfo kApi{"InitProducerId", 22, 0, 5, 2};

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  int64_t producer_id = -1;
  int16_t producer_epoch = 0;

  bool operator==(const InitProducerIdResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &InitProducerIdResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &InitProducerIdResponse::error_code, "error_code");
    v.Field(s, &InitProducerIdResponse::producer_id, "producer_id");
    v.Field(s, &InitProducerIdResponse::producer_epoch, "producer_epoch");
  }
};

}  // namespace maxbrod::kafka
