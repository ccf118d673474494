// From ssl.* to TLS.
#include "kafka/connection_impl.h"
#include "kafka/pem.h"
#include "os/socket.h"
#include "os/tls.h"

namespace maxbrod::kafka {

Result<std::shared_ptr<const TlsContext>> MakeTlsContext(const SslConfig& ssl) {
  TlsConfig config;
  config.trust = {NormalizePem(ssl.truststore_certificates), ssl.truststore_location,
                  ssl.truststore_password};
  // A store has one password; a PEM file has none, but its key may have one.
  bool pem = ssl.keystore_type == "PEM" || ssl.keystore_password.empty();
  config.identity = {NormalizePem(ssl.keystore_certificate_chain), ssl.keystore_location,
                     pem ? ssl.key_password : ssl.keystore_password};
  config.key = {NormalizePem(ssl.keystore_key), "", ssl.key_password};
  config.verify_hostname = ssl.verify_hostname;
  return TlsContext::Client(config);
}

Status Connection::Impl::Connect(const CallContext& context) {
  SocketOptions options;
  options.connect_timeout_per_address = config.connect_timeout;
  MB_ASSIGN_OR_RETURN(auto socket, Socket::Connect(address, options, context));
  if (config.security_protocol != SecurityProtocol::kSsl &&
      config.security_protocol != SecurityProtocol::kSaslSsl) {
    transport = std::move(socket);
    return Status::Ok();
  }
  std::shared_ptr<const TlsContext> tls = config.tls;
  if (tls == nullptr) {
    MB_ASSIGN_OR_RETURN(tls, MakeTlsContext(config.ssl));
  }
  auto secured =
      tls->Connect(std::move(socket), address.host, context.Within(config.request_timeout));
  if (!secured.ok()) return ExplainSilence(secured.status());
  transport = std::move(secured).value();
  return Status::Ok();
}

}  // namespace maxbrod::kafka
