// One authenticated connection to one broker. Blocking, with deadlines.
//
// A broker serves one request of a connection at a time and answers in order, so responses need no
// matching beyond the correlation id's check.
#pragma once

#include <deque>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "kafka/client_config.h"
#include "os/deadline.h"

namespace maxbrod::kafka {

struct VersionRange {
  int16_t min = 0;
  int16_t max = -1;  // less than min: the broker does not have the API
};

// Not thread-safe. Any failure of Send or Receive leaves it closed(): open a new one.
class Connection {
 public:
  // Connects, TLS, ApiVersions, SASL. Errors name the broker and say whether it was the network
  // (kUnavailable), TLS (kTls), the credentials (kAuthentication) or the protocol (kProtocol).
  static Result<std::unique_ptr<Connection>> Open(const ClientConfig& config,
                                                  const HostPort& address,
                                                  const CallContext& context);
  virtual ~Connection();

  const HostPort& address() const;
  bool closed() const;
  // What both sides have of an API. kUnsupported naming broker, API and versions when there is none
  // in common.
  Result<int16_t> NegotiateVersion(int16_t api_key, int16_t our_min, int16_t our_max) const;

  // Writes one request: the pieces are the encoded body after the request header, sent without a
  // copy. Re-authenticates first when the session's lifetime (KIP-368) is nearly over and nothing
  // is in flight.
  Status Send(int16_t api_key, int16_t version, std::span<const ByteView> body,
              const CallContext& context);
  // Reads the next response into `buffer` (its capacity is reused) and sets `body` to what follows
  // the response header. kProtocol on a wrong correlation id or a lie about the length.
  Status Receive(Bytes* buffer, ByteView* body, const CallContext& context);
  size_t in_flight() const;
  // When the last call on it ended (steady clock); brokers close what idles for
  // connections.max.idle.ms.
  int64_t last_used_nanos() const;

  // Send, Receive, decode: for everything off the data path. Needs messages' codec functions.
  template <typename Request>
  Result<typename Request::Response> Call(const Request& request, const CallContext& context);

 private:
  struct Impl;
  explicit Connection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace maxbrod::kafka
