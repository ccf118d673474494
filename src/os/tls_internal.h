// OpenSSL types with owners, and what the tls*.cc files share. Not for other layers.
#pragma once

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/status.h"
#include "os/tls.h"

namespace maxbrod::internal {

template <auto kFree>
struct Freer {
  template <typename T>
  void operator()(T* p) const {
    kFree(p);
  }
};
using BioPtr = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, Freer<X509_free>>;
using Pkcs12Ptr = std::unique_ptr<PKCS12, Freer<PKCS12_free>>;
using SslContextPtr = std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, Freer<SSL_free>>;

// What a TlsMaterial holds. Certificates keep their order; the one of the key comes first.
struct LoadedMaterial {
  KeyPtr key;
  std::vector<CertificatePtr> certificates;
};
// `what` names the setting in errors ("truststore").
Result<LoadedMaterial> LoadTlsMaterial(const TlsMaterial& material, const std::string& what);

// What a connection remembers of its handshake, for the words of an error.
struct HandshakeNotes {
  int verify_error = X509_V_OK;
  std::string certificate;  // the certificate that failed: subject, issuer, dates, names
  std::string issuer;
  std::string valid_until;
  std::string valid_from;
  std::string names;               // DNS names and addresses of the leaf
  bool certificate_asked = false;  // the peer asked for ours
  bool have_certificate = false;   // we have one
  bool bytes_received = false;
};
// Writes down what is wrong with the certificate that OpenSSL just refused.
void NoteVerifyFailure(X509_STORE_CTX* store, HandshakeNotes* notes);

// The Status for OpenSSL's error queue (which it empties) after a failed operation.
Status TlsStatus(const HandshakeNotes& notes, const std::string& operation,
                 const std::string& peer);

// The first reason in OpenSSL's error queue, which it empties.
std::string TakeOpensslReason();

// What OpenSSL's callbacks may touch (SSL_get_app_data). Lives as long as the connection.
struct TlsLink {
  int fd = -1;
  int error = 0;       // errno of the last call that failed for good
  bool ended = false;  // the peer closed the stream
  HandshakeNotes notes;
};

class TlsTransport : public Transport {
 public:
  static Result<std::unique_ptr<TlsTransport>> Make(SSL_CTX* context, bool have_certificate,
                                                    std::unique_ptr<Socket> socket);
  ~TlsTransport() override { Close(); }

  // For settings before the handshake.
  SSL* ssl() { return ssl_.get(); }
  Status Handshake(const CallContext& context);

  Result<size_t> ReadSome(MutableByteView out, const CallContext& context) override;
  using Transport::WriteAll;
  Status WriteAll(std::span<const ByteView> pieces, const CallContext& context) override;
  void Close() override;
  const std::string& peer() const override { return socket_->peer(); }

 private:
  TlsTransport(std::unique_ptr<Socket> socket, std::unique_ptr<TlsLink> link, SslPtr ssl)
      : socket_(std::move(socket)), link_(std::move(link)), ssl_(std::move(ssl)) {}
  Status WriteRecords(ByteView bytes, const CallContext& context);
  template <typename Step>
  Status Drive(const char* operation, const CallContext& context, Step step);
  Status Failure(const std::string& operation, int wanted);
  Status Ended(const std::string& operation, bool silent);

  const std::unique_ptr<Socket> socket_;
  const std::unique_ptr<TlsLink> link_;
  std::mutex mutex_;  // guards what ssl_ and link_ point to, failed_, closed_
  const SslPtr ssl_;
  bool failed_ = false;
  bool closed_ = false;
  Bytes gathered_;  // the writer's
};

}  // namespace maxbrod::internal
