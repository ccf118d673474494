// How to reach a cluster: what a Java client's client.properties says, in our types.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "os/socket.h"

namespace maxbrod {
class TlsContext;
}

namespace maxbrod::kafka {

using maxbrod::HostPort;
class CallPace;

enum class SecurityProtocol : uint8_t { kPlaintext, kSsl, kSaslPlaintext, kSaslSsl };
enum class SaslMechanism : uint8_t { kPlain, kScramSha256, kScramSha512, kOAuthBearer, kAwsMskIam };
class TokenSource;
struct TokenLogin;

// Fields named as their Kafka property. PEM text or files; PKCS12 stores; JKS is refused with a
// hint.
struct SslConfig {
  std::string truststore_location, truststore_type, truststore_password, truststore_certificates;
  std::string keystore_location, keystore_type, keystore_password;
  std::string keystore_certificate_chain, keystore_key, key_password;
  bool verify_hostname = true;  // ssl.endpoint.identification.algorithm, empty: off
};

struct ClientConfig {
  std::vector<HostPort> bootstrap;
  std::string client_id = "maxbrod";
  std::string rack;  // client.rack: where this client is, for reading from near replicas (KIP-392)
  SecurityProtocol security_protocol = SecurityProtocol::kPlaintext;
  SslConfig ssl;
  // What `ssl` says, read once: Cluster::Connect sets it, so that its connections share it.
  std::shared_ptr<const TlsContext> tls;
  SaslMechanism sasl_mechanism = SaslMechanism::kPlain;
  std::string sasl_username, sasl_password;  // never logged
  // OAUTHBEARER and AWS_MSK_IAM: how the token is to be had, and what gets it. Whoever has HTTP
  // makes `token_source` of `token_login`; only that of unsecured tokens is set from properties.
  std::shared_ptr<const TokenLogin> token_login;
  std::shared_ptr<TokenSource> token_source;
  // Paces the requests of all connections made with this and hears of throttling (call_pace.h);
  // Cluster::Connect sets it where it is null.
  std::shared_ptr<CallPace> pace;
  Millis connect_timeout{10'000};   // socket.connection.setup.timeout.ms
  Millis request_timeout{30'000};   // request.timeout.ms
  Millis api_timeout{60'000};       // default.api.timeout.ms: one operation with all its retries
  Millis retry_backoff{100};        // retry.backoff.ms, doubled up to retry_backoff_max, jittered
  Millis retry_backoff_max{2'000};  // retry.backoff.max.ms
};

// "h1:9092,h2" -> list; port 9092 where none is given. kInvalidArgument.
Result<std::vector<HostPort>> ParseBootstrap(const std::string& text);

// Java's .properties syntax (comments, continuation lines, escapes). kInvalidArgument names the
// line.
Result<std::map<std::string, std::string>> ParseProperties(const std::string& text);

// From a client.properties' content; properties that do not concern us are accepted and listed in
// `ignored`. Understands bootstrap.servers, security.protocol, sasl.mechanism, sasl.jaas.config
// (PlainLoginModule, ScramLoginModule, OAuthBearerLoginModule, IAMLoginModule),
// sasl.login.callback.handler.class, sasl.oauthbearer.*, ssl.*, client.id, client.rack, and the
// timeouts above.
Result<ClientConfig> ConfigFromProperties(const std::map<std::string, std::string>& properties,
                                          std::vector<std::string>* ignored);

}  // namespace maxbrod::kafka
