// What connection*.cc share. Not for others.
#pragma once

#include <deque>

#include "kafka/connection.h"
#include "os/transport.h"

namespace maxbrod::kafka {

// Reads the stores. kNotFound, kInvalidArgument, kUnsupported as TlsContext::Client.
Result<std::shared_ptr<const TlsContext>> MakeTlsContext(const SslConfig& ssl);

struct Connection::Impl {
  // A request whose answer has not been read from the socket.
  struct Pending {
    const ApiInfo* api = nullptr;
    int16_t version = 0;
    int32_t correlation_id = 0;
  };
  // An answer read before Receive asked for it, because of a re-authentication.
  struct Parked {
    Bytes buffer;
    size_t body_from = 0, body_size = 0;
    int16_t version = 0;
  };

  ClientConfig config;
  HostPort address;
  std::unique_ptr<Transport> transport;
  std::map<int16_t, VersionRange> versions;
  std::deque<Pending> pending;
  std::deque<Parked> parked;
  int32_t next_correlation_id = 1;
  int16_t answered_version = 0;
  bool closed = false;
  bool ready = false;     // handshake done
  bool answered = false;  // some request after the handshake was answered
  Bytes scratch;          // of Call
  int64_t last_used_nanos = 0;
  int64_t throttled_until_nanos = 0;
  int64_t authenticated_at_nanos = 0;
  int64_t session_nanos = 0;  // 0: no end

  // connection.cc
  std::string Name() const { return "broker " + address.ToString(); }
  Status ExplainHangUp(Status status) const;
  Status Write(const ApiInfo& api, int16_t version, std::span<const ByteView> body,
               const CallContext& context);
  Status Read(Bytes* buffer, ByteView* body, const CallContext& context);
  Status ReadFully(MutableByteView into, const CallContext& context);
  Status CheckLength(const uint8_t* prefix, size_t* length) const;
  Status WaitOutThrottle(const CallContext& context);
  Status ReauthenticateIfDue(const CallContext& context);
  double SessionUsed() const;

  // connection_tls.cc
  Status Connect(const CallContext& context);
  // connection_open.cc
  // The peer went away or said nothing although it took the connection: most often a wrong
  // security.protocol.
  Status ExplainSilence(Status status) const;
  Status FetchVersions(const CallContext& context);
  Status Authenticate(const CallContext& context);

  // A call of the handshake's: no throttle, no re-authentication, nothing in flight.
  template <typename Request>
  Status Exchange(const Request& request, int16_t version, ByteView* body,
                  const CallContext& context) {
    WireWriter writer;
    MB_RETURN_IF_ERROR(EncodeMessage(request, version, &writer));
    MB_RETURN_IF_ERROR(Write(Request::kApi, version, writer.Pieces(), context));
    return Read(&scratch, body, context);
  }
};

}  // namespace maxbrod::kafka
