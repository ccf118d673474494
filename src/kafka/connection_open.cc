// The beginning of a connection: TCP, TLS, ApiVersions, SASL; and what the ways it can fail mean.
#include "codec/hash.h"
#include "kafka/connection_impl.h"
#include "kafka/errors.h"
#include "kafka/messages/api_versions.h"
#include "kafka/messages/sasl_authenticate.h"
#include "kafka/messages/sasl_handshake.h"
#include "kafka/oauthbearer.h"
#include "kafka/sasl.h"

namespace maxbrod::kafka {
namespace {

constexpr int16_t kApiVersionsFirst = 3;  // the one all brokers from 2.4 on speak
constexpr int16_t kErrorUnsupportedMechanism = 33;

bool UsesSasl(SecurityProtocol protocol) {
  return protocol == SecurityProtocol::kSaslPlaintext || protocol == SecurityProtocol::kSaslSsl;
}

Result<std::unique_ptr<SaslClient>> MakeSasl(const ClientConfig& config, const HostPort& address,
                                             const CallContext& context) {
  if (!UsesToken(config.sasl_mechanism)) {
    return SaslClient::Create(config.sasl_mechanism, config.sasl_username, config.sasl_password);
  }
  if (config.token_source == nullptr)
    return Status(Code::kInternal, "SASL: nobody here can make the token");
  MB_ASSIGN_OR_RETURN(SaslToken token, config.token_source->Get(address, context));
  return config.sasl_mechanism == SaslMechanism::kOAuthBearer ? MakeOAuthBearerClient(token)
                                                              : MakeMskIamClient(token);
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::Open(const ClientConfig& config,
                                                     const HostPort& address,
                                                     const CallContext& context) {
  auto impl = std::make_unique<Impl>();
  impl->config = config;
  impl->address = address;
  Status status = impl->Connect(context);
  if (status.ok()) status = impl->ExplainSilence(impl->FetchVersions(context));
  if (status.ok() && UsesSasl(config.security_protocol)) status = impl->Authenticate(context);
  if (!status.ok()) return std::move(status).WithContext(impl->Name());
  impl->ready = true;
  return std::unique_ptr<Connection>(new Connection(std::move(impl)));
}

Status Connection::Impl::ExplainSilence(Status status) const {
  if (status.ok() || !status.hint().empty() ||
      (status.code() != Code::kUnavailable && status.code() != Code::kTimeout &&
       status.code() != Code::kIo)) {
    return status;
  }
  bool tls = config.security_protocol == SecurityProtocol::kSsl ||
             config.security_protocol == SecurityProtocol::kSaslSsl;
  return std::move(status).WithHint(
      tls ? "if the port is right: does it speak TLS (security.protocol)?"
          : "if the port is right: does it want TLS (security.protocol=SSL)?");
}

Status Connection::Impl::FetchVersions(const CallContext& context) {
  ApiVersionsRequest request;
  request.client_software_name = "maxbrod";
  request.client_software_version = "0.1";
  ApiVersionsResponse response;
  ByteView body;
  int16_t version = kApiVersionsFirst;
  MB_RETURN_IF_ERROR(Exchange(request, version, &body, context));
  MB_RETURN_IF_ERROR(DecodeApiVersionsResponse(body, &version, &response));
  if (response.error_code == error::kUnsupportedVersion) {
    version = 0;
    MB_RETURN_IF_ERROR(Exchange(request, version, &body, context));
    MB_RETURN_IF_ERROR(DecodeApiVersionsResponse(body, &version, &response));
  }
  if (response.error_code != 0) {
    return ErrorStatus(response.error_code, "ApiVersions");
  }
  for (const auto& api : response.api_keys)
    versions[api.api_key] = {api.min_version, api.max_version};
  return Status::Ok();
}

Status Connection::Impl::Authenticate(const CallContext& context) {
  std::string mechanism(MechanismName(config.sasl_mechanism));
  std::string who = "user " + config.sasl_username + " with " + mechanism;
  bool by_token = UsesToken(config.sasl_mechanism);
  if (by_token) who = "the token (" + mechanism + ")";
  SaslHandshakeRequest handshake;
  handshake.mechanism = mechanism;
  ByteView body;
  MB_RETURN_IF_ERROR(Exchange(handshake, 1, &body, context).WithContext("SaslHandshake"));
  SaslHandshakeResponse offered;
  MB_RETURN_IF_ERROR(DecodeMessage(body, 1, &offered));
  if (offered.error_code == kErrorUnsupportedMechanism) {
    std::string list;
    for (const std::string& name : offered.mechanisms) list += (list.empty() ? "" : ", ") + name;
    return Status(Code::kAuthentication,
                  "this listener does not take " + mechanism + ", but " + list)
        .WithKafkaError(offered.error_code)
        .WithHint("set sasl.mechanism to one of these");
  }
  if (offered.error_code != 0) {
    return Status(Code::kAuthentication, "SaslHandshake: " + ErrorName(offered.error_code))
        .WithKafkaError(offered.error_code)
        .WithHint("does this listener want SASL (security.protocol)?");
  }
  MB_ASSIGN_OR_RETURN(auto sasl, MakeSasl(config, address, context));
  auto range = versions.find(SaslAuthenticateRequest::kApi.key);
  int16_t version = range == versions.end() ? int16_t{0} : std::min<int16_t>(range->second.max, 2);
  SaslAuthenticateRequest request;
  SaslAuthenticateResponse answer;
  int64_t started_nanos = Clock::System().MonotonicNanos();
  while (true) {
    auto message = sasl->Step(answer.auth_bytes);
    if (!message.ok()) return message.status().WithContext(who);
    if (message->empty()) break;  // SCRAM's last step only verifies
    request.auth_bytes = std::move(message).value();
    Status sent = Exchange(request, version, &body, context);
    WipeSecret(request.auth_bytes);
    if (!sent.ok()) return std::move(sent).WithContext("SaslAuthenticate of " + who);
    MB_RETURN_IF_ERROR(DecodeMessage(body, version, &answer));
    if (answer.error_code != 0) {
      std::string why = answer.error_message.value_or("");
      return Status(Code::kAuthentication, "the broker refused " + who + ": " +
                                               (why.empty() ? ErrorName(answer.error_code) : why))
          .WithKafkaError(answer.error_code)
          .WithHint(by_token ? "check who the token names, its audience and its rights"
                             : "check user name, password and mechanism (sasl.jaas.config, "
                               "sasl.mechanism)");
    }
    if (sasl->complete()) break;
  }
  authenticated_at_nanos = started_nanos;
  session_nanos = answer.session_lifetime_ms * 1'000'000;
  return Status::Ok();
}

}  // namespace maxbrod::kafka
