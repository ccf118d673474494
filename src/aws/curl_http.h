// HTTP/1.1 over libcurl.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "aws/http.h"

namespace maxbrod::aws {

struct CurlHttpOptions {
  // What a server's certificate must lead to; both empty: the system's roots. Certificates are
  // always checked.
  std::string ca_file;
  std::string ca_dir;  // as c_rehash makes it
  // What this client shows a server that asks: a PEM file with certificates and key, or PKCS12.
  std::string client_certificate;
  bool client_certificate_is_pkcs12 = false;
  std::string client_key_password;  // never logged
  // No value: http_proxy, https_proxy, all_proxy and no_proxy of the environment. Empty: none, e.g.
  // for link-local addresses. Else the proxy's URL.
  std::optional<std::string> proxy;
  Millis connect_timeout{10'000};
  // Longest time without a single byte in either direction before the peer is given up (kTimeout):
  // a server that accepts and drops must not hold a call without a deadline for ever.
  Millis stall_timeout{60'000};
  size_t idle_connections_max = 64;  // kept for later requests
  std::string user_agent = "maxbrod";
};

// Connections are kept and used again, one request on each at a time; as many as there are requests
// at once. Thread-safe.
//
// Besides what HttpClient says: kUnavailable is "not a byte of the request was sent", so that it
// was certainly not applied. kTls (not retryable) is a certificate or handshake that will not
// do. kProtocol that is not retryable is an answer longer than `body_max` or `into`, known before
// anything of that size was allocated.
class CurlHttpClient : public HttpClient {
 public:
  explicit CurlHttpClient(CurlHttpOptions options = {});
  // No request may be in flight.
  ~CurlHttpClient() override;

  Result<HttpResponse> Send(const HttpRequest& request, const CallContext& context) override;

  // TCP connections made so far (a kept one counts once).
  uint64_t connections_made() const;

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace maxbrod::aws
