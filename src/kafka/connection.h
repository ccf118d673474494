// One authenticated connection to one broker. Blocking, with deadlines.
//
// A broker serves one request of a connection at a time and answers in order, so responses need no
// matching beyond the correlation id's check.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <utility>

#include "base/bytes.h"
#include "kafka/client_config.h"
#include "kafka/messages/message.h"
#include "kafka/wire.h"
#include "os/deadline.h"

namespace maxbrod::kafka {

struct VersionRange {
  int16_t min = 0;
  int16_t max = -1;  // less than min: the broker does not have the API
};

// Not thread-safe. Any failure of Send or Receive leaves it closed(): open a new one.
//
// Waiting: besides the context's deadline each wait for the peer is bounded by
// config.request_timeout without progress (a large response may take longer, as long as bytes keep
// coming).
//
// Throttling (KIP-219): a broker that throttles answers at once, names the time, and reads nothing
// more from this connection until it is over. Send waits for that.
//
// Re-authentication (KIP-368): a broker closes a connection on the first request after the
// session's lifetime. From 85 % of it on Send re-authenticates first whenever nothing is in flight;
// whoever keeps requests in flight may look at ReauthenticationDue() and let them drain. From 95 %
// on Send reads the answers in flight itself, keeps them for Receive (one more copy in memory, once
// per lifetime), and re-authenticates.
class Connection {
 public:
  // Connects, TLS, ApiVersions, SASL. Errors name the broker and say whether it was the network
  // (kUnavailable), TLS (kTls), the credentials (kAuthentication) or the protocol (kProtocol).
  static Result<std::unique_ptr<Connection>> Open(const ClientConfig& config,
                                                  const HostPort& address,
                                                  const CallContext& context);
  virtual ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  const HostPort& address() const;
  bool closed() const;
  // The versions of an API this broker serves.
  VersionRange VersionsOf(int16_t api_key) const;
  // What both sides have of an API. kUnsupported naming broker, API and versions when there is none
  // in common.
  Result<int16_t> NegotiateVersion(int16_t api_key, int16_t our_min, int16_t our_max) const;
  Result<int16_t> NegotiateVersion(const ApiInfo& api) const;

  // Writes one request: the pieces are the encoded body after the request header, sent without a
  // copy. The API must be one of kafka/messages.
  Status Send(int16_t api_key, int16_t version, std::span<const ByteView> body,
              const CallContext& context);
  Status Send(const ApiInfo& api, int16_t version, std::span<const ByteView> body,
              const CallContext& context);
  // Reads the next response and sets `body` to what follows the response header, a view into
  // `buffer`. The buffer only grows (fresh memory costs a fill with zeros), so its size() may
  // exceed the response: reuse buffers, read only `body`. kProtocol on a wrong correlation id or a
  // lie about the length.
  Status Receive(Bytes* buffer, ByteView* body, const CallContext& context);
  // The version of the request whose answer Receive returned last.
  int16_t answered_version() const;
  // Requests whose answers Receive has not returned yet.
  size_t in_flight() const;
  // When the last call on it ended (steady clock); brokers close what idles for
  // connections.max.idle.ms.
  int64_t last_used_nanos() const;

  // Send waits until `duration` from now (KIP-219). Call does so itself with what a response says.
  void NoteThrottle(Millis duration);
  bool ReauthenticationDue() const;

  // Send, Receive, decode: for everything off the data path; nothing may be in flight. Records
  // inside the response are views that live until the next Call.
  template <typename Request>
  Result<typename Request::Response> Call(const Request& request, const CallContext& context) {
    MB_ASSIGN_OR_RETURN(int16_t version, NegotiateVersion(Request::kApi));
    return CallVersion(request, version, context);
  }
  template <typename Request>
  Result<typename Request::Response> CallVersion(const Request& request, int16_t version,
                                                 const CallContext& context) {
    WireWriter writer(WireWriter::Payload::kReference);
    MB_RETURN_IF_ERROR(InThisCall(Request::kApi, EncodeMessage(request, version, &writer)));
    ByteView body;
    MB_RETURN_IF_ERROR(RoundTrip(Request::kApi, version, writer, &body, context));
    typename Request::Response response;
    Status decoded = DecodeMessage(body, version, &response);
    if (!decoded.ok()) {
      Close();
      return InThisCall(Request::kApi, std::move(decoded));
    }
    if constexpr (requires { response.throttle_time_ms; })
      NoteThrottle(Millis(response.throttle_time_ms));
    return response;
  }

  // No call succeeds any more. Idempotent.
  void Close();

 private:
  struct Impl;
  explicit Connection(std::unique_ptr<Impl> impl);
  Status RoundTrip(const ApiInfo& api, int16_t version, const WireWriter& writer, ByteView* body,
                   const CallContext& context);
  // Prefixes broker and API to an error.
  Status InThisCall(const ApiInfo& api, Status status) const;
  std::unique_ptr<Impl> impl_;
};

// The API with this key among kafka/messages, or null.
const ApiInfo* FindApi(int16_t api_key);

}  // namespace maxbrod::kafka
