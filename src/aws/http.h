// HTTP/1.1 requests as AWS's services want them, and the seam behind which tests put a service of
// their own. RFC 9110.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "os/deadline.h"

namespace maxbrod::aws {

struct HttpHeader {
  std::string name;
  std::string value;
};

struct HttpRequest {
  std::string method;  // "GET"
  std::string url;     // absolute, percent-encoded
  std::vector<HttpHeader> headers;
  std::vector<ByteView> body;  // one after another; must outlive Send
  MutableByteView into;        // when not empty, a 2xx body is written here instead of to `body`
  size_t body_max = size_t{8} << 20;  // a longer answer is kProtocol
};

struct HttpResponse {
  int status = 0;
  std::vector<HttpHeader> headers;  // names in lower case, in the order of arrival
  Bytes body;                       // empty when `into` took it
  size_t into_bytes = 0;            // how much of `into` was filled

  // The first header of that (lower case) name; empty when there is none.
  std::string_view Header(std::string_view name) const;
  bool ok() const { return status >= 200 && status < 300; }
};

// Implementations may be used by many threads at once.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // One request, no retries, no redirects followed. Whatever the server answers is a response; a
  // status that is not OK means that no whole answer came: kUnavailable, kTimeout or kProtocol
  // (retryable, the request may have been applied), kCancelled, or what the configuration makes
  // impossible (TLS material, proxy).
  virtual Result<HttpResponse> Send(const HttpRequest& request, const CallContext& context) = 0;
};

}  // namespace maxbrod::aws
