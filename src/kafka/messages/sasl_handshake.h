// SaslHandshake (API 17, KIP-43, KIP-152): chooses a SASL mechanism.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct SaslHandshakeResponse;

struct SaslHandshakeRequest {
  using Response = SaslHandshakeResponse;
  static constexpr ApiInfo kApi{"SaslHandshake", 17, 0, 1, kNoVersion};

  std::string mechanism;

  bool operator==(const SaslHandshakeRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &SaslHandshakeRequest::mechanism, "mechanism");
  }
};

struct SaslHandshakeResponse {
  static constexpr ApiInfo kApi{"SaslHandshake", 17, 0, 1, kNoVersion};

  int16_t error_code = 0;
  std::vector<std::string> mechanisms;

  bool operator==(const SaslHandshakeResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &SaslHandshakeResponse::error_code, "error_code");
    v.Field(s, &SaslHandshakeResponse::mechanisms, "mechanisms");
  }
};

}  // namespace maxbrod::kafka
