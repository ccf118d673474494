// TLS over a socket, through OpenSSL 3. Accepts the stores a Java client is configured with, except
// JKS.
//
// Certificate trouble is kTls with the reason and a hint; a peer that demands or refuses *our*
// certificate is kAuthentication. Neither is retryable. Network failures are as in Transport.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "os/deadline.h"
#include "os/socket.h"
#include "os/transport.h"

namespace maxbrod {

// Certificates or a key: inline PEM, or a file that is PEM or PKCS12 (told apart by its content;
// JKS is kUnsupported). `pem` wins over `file`.
struct TlsMaterial {
  std::string pem;
  std::string file;
  std::string password;  // of the PKCS12 store, or of an encrypted PEM key
  bool empty() const { return pem.empty() && file.empty(); }
};

enum class TlsVersion : uint8_t { kTls12, kTls13 };

// Our side of connections. Comments name the properties of a Java client.
struct TlsConfig {
  // The authorities to believe (ssl.truststore.*); empty: the system's.
  TlsMaterial trust;
  // Our certificate, leaf first, then its chain; may hold the key as well (ssl.keystore.location,
  // or ssl.keystore.certificate.chain).
  TlsMaterial identity;
  // The private key where `identity` does not hold it (ssl.keystore.key).
  TlsMaterial key;
  // Whether the certificate must be for the host we connect to
  // (ssl.endpoint.identification.algorithm).
  bool verify_hostname = true;
  TlsVersion version_min = TlsVersion::kTls12;
  TlsVersion version_max = TlsVersion::kTls13;
};

enum class ClientCertificate : uint8_t { kNotAsked, kRequired };

// Configuration read once, used by many connections. Immutable and thread-safe; connections keep
// what they need of it alive.
class TlsContext {
 public:
  // Reads and checks the files. kNotFound, kPermission, kInvalidArgument (no certificate inside,
  // wrong password, key of another certificate), kUnsupported.
  static Result<std::shared_ptr<const TlsContext>> Client(const TlsConfig& config);
  // The server's side needs an identity; `trust` judges client certificates.
  static Result<std::shared_ptr<const TlsContext>> Server(const TlsConfig& config,
                                                          ClientCertificate client_certificate);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // Shakes hands as a client. `host` is the name (or address) the certificate must be for, and is
  // sent as SNI.
  Result<std::unique_ptr<Transport>> Connect(std::unique_ptr<Socket> socket,
                                             const std::string& host,
                                             const CallContext& context) const;
  // Shakes hands as a server.
  Result<std::unique_ptr<Transport>> Accept(std::unique_ptr<Socket> socket,
                                            const CallContext& context) const;

 private:
  struct State;
  explicit TlsContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace maxbrod
