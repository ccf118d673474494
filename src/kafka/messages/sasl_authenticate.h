// SaslAuthenticate (API 36, KIP-152, KIP-368): one step of a SASL exchange. The bytes are secret:
// never log.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct SaslAuthenticateResponse;

struct SaslAuthenticateRequest {
  using Response = SaslAuthenticateResponse;
  static constexpr ApiInfo kApi{"SaslAuthenticate", 36, 0, 2, 2};

  Bytes auth_bytes;

  bool operator==(const SaslAuthenticateRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &SaslAuthenticateRequest::auth_bytes, "auth_bytes");
  }
};

struct SaslAuthenticateResponse {
  static constexpr ApiInfo kApi{"SaslAuthenticate", 36, 0, 2, 2};

  int16_t error_code = 0;
  std::optional<std::string> error_message = "";
  Bytes auth_bytes;
  int64_t session_lifetime_ms = 0;  // 0: for ever

  bool operator==(const SaslAuthenticateResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &SaslAuthenticateResponse::error_code, "error_code");
    v.Field(s, &SaslAuthenticateResponse::error_message, "error_message", Always().Nullable());
    v.Field(s, &SaslAuthenticateResponse::auth_bytes, "auth_bytes");
    v.Field(s, &SaslAuthenticateResponse::session_lifetime_ms, "session_lifetime_ms",
            Since(1).Ignorable());
  }
};

}  // namespace maxbrod::kafka
