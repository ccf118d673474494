#include "os/tls.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>

#include "base/limits.h"
#include "os/tls_internal.h"

namespace maxbrod {

using internal::SslContextPtr;
using internal::TlsLink;
using internal::TlsTransport;

namespace {

// With read-ahead, one system call fetches several records.
constexpr size_t kReadAheadSize = 256 * kKiB;

int OnVerify(int accepted, X509_STORE_CTX* store) {
  auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  if (!accepted && ssl != nullptr) {
    internal::NoteVerifyFailure(store, &static_cast<TlsLink*>(SSL_get_app_data(ssl))->notes);
  }
  return accepted;
}

// Called when the peer asks for our certificate.
int OnCertificateAsked(SSL* ssl, void*) {
  static_cast<TlsLink*>(SSL_get_app_data(ssl))->notes.certificate_asked = true;
  return 1;
}

bool IsAddress(const std::string& host) {
  in6_addr address;
  return inet_pton(AF_INET, host.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

Status OpensslFailure(const char* what) {
  return Status(Code::kTls, std::string(what) + ": " + internal::TakeOpensslReason());
}

Status UseTrust(SSL_CTX* context, const TlsMaterial& trust) {
  if (trust.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) == 1) return Status::Ok();
    return OpensslFailure("the system's certificate authorities cannot be read");
  }
  MB_ASSIGN_OR_RETURN(internal::LoadedMaterial loaded,
                      internal::LoadTlsMaterial(trust, "truststore"));
  if (loaded.certificates.empty()) {
    return Status(Code::kInvalidArgument, "truststore: no certificate inside");
  }
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  // As in Java, every certificate in the store is an anchor, be it a root or not.
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  for (const auto& certificate : loaded.certificates) {
    if (X509_STORE_add_cert(store, certificate.get()) != 1) return OpensslFailure("truststore");
  }
  return Status::Ok();
}

Status UseIdentity(SSL_CTX* context, const TlsMaterial& identity, const TlsMaterial& key) {
  MB_ASSIGN_OR_RETURN(internal::LoadedMaterial loaded,
                      internal::LoadTlsMaterial(identity, "keystore"));
  if (!key.empty()) {
    MB_ASSIGN_OR_RETURN(internal::LoadedMaterial apart, internal::LoadTlsMaterial(key, "key"));
    loaded.key = std::move(apart.key);
  }
  if (loaded.certificates.empty()) {
    return Status(Code::kInvalidArgument, "keystore: no certificate inside");
  }
  if (!loaded.key) {
    return Status(Code::kInvalidArgument, "keystore: no private key inside")
        .WithHint("give it as ssl.keystore.key, or in the same file as the certificate");
  }
  if (X509_check_private_key(loaded.certificates.front().get(), loaded.key.get()) != 1) {
    internal::TakeOpensslReason();
    return Status(Code::kInvalidArgument,
                  "keystore: the private key does not belong to the first certificate");
  }
  if (SSL_CTX_use_certificate(context, loaded.certificates.front().get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, loaded.key.get()) != 1) {
    return OpensslFailure("keystore");
  }
  for (size_t i = 1; i < loaded.certificates.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, loaded.certificates[i].get()) != 1) {
      return OpensslFailure("keystore");
    }
  }
  return Status::Ok();
}

int ProtocolOf(TlsVersion version) {
  return version == TlsVersion::kTls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

Result<SslContextPtr> MakeContext(const SSL_METHOD* method, const TlsConfig& config) {
  ERR_clear_error();
  SslContextPtr context(SSL_CTX_new(method));
  if (!context) return OpensslFailure("SSL_CTX_new");
  if (SSL_CTX_set_min_proto_version(context.get(), ProtocolOf(config.version_min)) != 1 ||
      SSL_CTX_set_max_proto_version(context.get(), ProtocolOf(config.version_max)) != 1) {
    return OpensslFailure("TLS versions");
  }
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_default_read_buffer_len(context.get(), kReadAheadSize);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  if (!config.identity.empty()) {
    MB_RETURN_IF_ERROR(UseIdentity(context.get(), config.identity, config.key));
  }
  return context;
}

}  // namespace

struct TlsContext::State {
  SslContextPtr context;
  bool verify_hostname = true;
  bool have_certificate = false;
};

TlsContext::TlsContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<const TlsContext>> TlsContext::Client(const TlsConfig& config) {
  MB_ASSIGN_OR_RETURN(SslContextPtr context, MakeContext(TLS_client_method(), config));
  MB_RETURN_IF_ERROR(UseTrust(context.get(), config.trust));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, OnVerify);
  SSL_CTX_set_cert_cb(context.get(), OnCertificateAsked, nullptr);
  auto state = std::make_unique<State>();
  state->context = std::move(context);
  state->verify_hostname = config.verify_hostname;
  state->have_certificate = !config.identity.empty();
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(state)));
}

Result<std::shared_ptr<const TlsContext>> TlsContext::Server(const TlsConfig& config,
                                                             ClientCertificate client_certificate) {
  if (config.identity.empty()) {
    return Status(Code::kInvalidArgument, "a TLS server needs a certificate");
  }
  MB_ASSIGN_OR_RETURN(SslContextPtr context, MakeContext(TLS_server_method(), config));
  SSL_CTX_set_num_tickets(context.get(), 0);  // sessions are not resumed
  if (client_certificate == ClientCertificate::kRequired) {
    MB_RETURN_IF_ERROR(UseTrust(context.get(), config.trust));
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, OnVerify);
  }
  auto state = std::make_unique<State>();
  state->context = std::move(context);
  state->have_certificate = true;
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(state)));
}

Result<std::unique_ptr<Transport>> TlsContext::Connect(std::unique_ptr<Socket> socket,
                                                       const std::string& host,
                                                       const CallContext& context) const {
  MB_ASSIGN_OR_RETURN(
      auto transport,
      TlsTransport::Make(state_->context.get(), state_->have_certificate, std::move(socket)));
  SSL* ssl = transport->ssl();
  // A name may be written with the root's dot; certificates and SNI go without it.
  std::string name = host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
  bool address = IsAddress(name);
  bool set = address || SSL_set_tlsext_host_name(ssl, name.c_str()) == 1;
  if (set && state_->verify_hostname) {
    X509_VERIFY_PARAM* param = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    set = address ? X509_VERIFY_PARAM_set1_ip_asc(param, name.c_str()) == 1
                  : X509_VERIFY_PARAM_set1_host(param, name.data(), name.size()) == 1;
  }
  if (!set || name.empty())
    return Status(Code::kInvalidArgument, "TLS: bad host name '" + host + "'");
  SSL_set_connect_state(ssl);
  MB_RETURN_IF_ERROR(transport->Handshake(context));
  return std::unique_ptr<Transport>(std::move(transport));
}

Result<std::unique_ptr<Transport>> TlsContext::Accept(std::unique_ptr<Socket> socket,
                                                      const CallContext& context) const {
  MB_ASSIGN_OR_RETURN(
      auto transport,
      TlsTransport::Make(state_->context.get(), state_->have_certificate, std::move(socket)));
  SSL_set_accept_state(transport->ssl());
  MB_RETURN_IF_ERROR(transport->Handshake(context));
  return std::unique_ptr<Transport>(std::move(transport));
}

}  // namespace maxbrod
