// SASL by tokens: OAUTHBEARER (RFC 7628, KIP-255) and AWS_MSK_IAM (the mechanism of Amazon MSK's
// aws-msk-iam-auth). Where tokens come from is behind an interface: this layer has no HTTP.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "kafka/sasl.h"
#include "os/deadline.h"
#include "os/socket.h"

namespace maxbrod::kafka {

// Secret: never logged.
struct SaslToken {
  // OAUTHBEARER: the bearer token. AWS_MSK_IAM: the whole signed message.
  std::string text;
  std::map<std::string, std::string> extensions;  // OAUTHBEARER's (KIP-342)
};

// Thread-safe: every connection asks, at its beginning and at each re-authentication (KIP-368).
class TokenSource {
 public:
  virtual ~TokenSource() = default;
  // One that the broker will take for some minutes at least. Errors say what is missing
  // (kAuthentication, kNotFound, kInvalidArgument) or out of reach (kUnavailable, retryable); none
  // carries a token.
  virtual Result<SaslToken> Get(const HostPort& broker, const CallContext& context) = 0;
};

// kInvalidArgument for a token or extension that the message cannot carry.
Result<std::unique_ptr<SaslClient>> MakeOAuthBearerClient(const SaslToken& token);
Result<std::unique_ptr<SaslClient>> MakeMskIamClient(const SaslToken& token);

// Tokens that nobody signed, of the options that Kafka's OAuthBearerUnsecuredLoginCallbackHandler
// takes (unsecuredLoginStringClaim_sub, ...NumberClaim_, ...ListClaim_, ...Extension_,
// ...LifetimeSeconds, ...PrincipalClaimName). For test clusters. kInvalidArgument. The clock must
// outlive it.
Result<std::shared_ptr<TokenSource>> MakeUnsecuredTokens(
    const std::map<std::string, std::string>& options, Clock& clock = Clock::System());

// How sasl.jaas.config and its companions want the token to be had.
enum class TokenKind : uint8_t {
  kNone,               // a user name and a password
  kUnsecured,          // see above
  kClientCredentials,  // OAuth 2.0's grant (RFC 6749, 4.4), KIP-768
  kAwsIam,             // AWS credentials, for MSK
};
struct TokenLogin {
  TokenKind kind = TokenKind::kNone;
  std::map<std::string, std::string> options;  // of the login module; some are secret
  std::string endpoint_url;                    // kClientCredentials
};

}  // namespace maxbrod::kafka
