// The client's side of SASL: PLAIN (RFC 4616), SCRAM-SHA-256 and -512 (RFC 5802, RFC 7677). No I/O.
// The mechanisms that take tokens are in oauthbearer.h.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"
#include "kafka/client_config.h"

namespace maxbrod::kafka {

// "SCRAM-SHA-512", as SaslHandshake wants it.
std::string_view MechanismName(SaslMechanism mechanism);
// OAUTHBEARER and AWS_MSK_IAM: what is shown to the broker comes from a TokenSource.
bool UsesToken(SaslMechanism mechanism);

// Kafka's client and broker refuse less (ScramMechanism.minIterations).
inline constexpr uint32_t kScramIterationsMin = 4096;

// SaltedPassword of RFC 5802, section 3 (PBKDF2 with the mechanism's HMAC): what brokers store in
// another form. Secret. kInvalidArgument for a mechanism that is not SCRAM, an empty password or
// fewer iterations than kScramIterationsMin.
Result<Bytes> ScramSaltedPassword(SaslMechanism mechanism, std::string_view password, ByteView salt,
                                  uint32_t iterations);

// One exchange. What it returns is secret: never log. Not thread-safe.
class SaslClient {
 public:
  virtual ~SaslClient() = default;
  // The next message to the server after its last one; the first call takes nothing. Errors:
  // kAuthentication when the server refuses or does not prove that it knows the password, kProtocol
  // when it breaks the rules. No error carries the password or anything computed from it.
  virtual Result<Bytes> Step(ByteView challenge) = 0;
  // True when the server has nothing more to say and, for SCRAM, has proved itself.
  virtual bool complete() const = 0;

  // kInvalidArgument for an empty user name, or a zero byte in what PLAIN separates with zero
  // bytes.
  static Result<std::unique_ptr<SaslClient>> Create(SaslMechanism mechanism,
                                                    const std::string& username,
                                                    const std::string& password);
  // With a nonce of the caller's, for the RFCs' examples. SCRAM only.
  static Result<std::unique_ptr<SaslClient>> CreateScram(SaslMechanism mechanism,
                                                         const std::string& username,
                                                         const std::string& password,
                                                         const std::string& nonce);
};

}  // namespace maxbrod::kafka
