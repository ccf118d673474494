#include "kafka/connection.h"

#include <algorithm>
#include <limits>

#include "base/limits.h"
#include "kafka/call_pace.h"
#include "kafka/connection_impl.h"

namespace maxbrod::kafka {
namespace {

constexpr int64_t kNanosPerMilli = 1'000'000;
// Shares of a session's lifetime (KIP-368; the Java client takes a random point between the same
// two).
constexpr double kReauthenticateFrom = 0.85;
constexpr double kReauthenticateMust = 0.95;
// Before the handshake is done nothing is large; a larger "length" is some other protocol's text.
constexpr size_t kHandshakeResponseBytesMax = kMiB;

int64_t NowNanos() {
  return Clock::System().MonotonicNanos();
}

}  // namespace

Connection::Connection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Connection::~Connection() = default;
const HostPort& Connection::address() const {
  return impl_->address;
}
bool Connection::closed() const {
  return impl_->closed;
}
size_t Connection::in_flight() const {
  return impl_->pending.size() + impl_->parked.size();
}
int16_t Connection::answered_version() const {
  return impl_->answered_version;
}
int64_t Connection::last_used_nanos() const {
  return impl_->last_used_nanos;
}

void Connection::Close() {
  impl_->closed = true;
  impl_->transport.reset();
  impl_->pending.clear();  // their answers will never come
}

VersionRange Connection::VersionsOf(int16_t api_key) const {
  auto it = impl_->versions.find(api_key);
  return it == impl_->versions.end() ? VersionRange() : it->second;
}

Result<int16_t> Connection::NegotiateVersion(int16_t api_key, int16_t our_min,
                                             int16_t our_max) const {
  VersionRange theirs = VersionsOf(api_key);
  int16_t version = std::min(our_max, theirs.max);
  if (version >= our_min && version >= theirs.min) return version;
  const ApiInfo* api = FindApi(api_key);
  std::string name = api != nullptr ? api->name : "API " + std::to_string(api_key);
  if (theirs.max < theirs.min) {
    return Status(Code::kUnsupported, impl_->Name() + " does not have " + name);
  }
  return Status(Code::kUnsupported,
                impl_->Name() + ": " + name + " in versions " + std::to_string(theirs.min) +
                    " to " + std::to_string(theirs.max) + ", of which we have none (" +
                    std::to_string(our_min) + " to " + std::to_string(our_max) + ")")
      .WithHint("maxbrod works with brokers from 2.8 on");
}

Result<int16_t> Connection::NegotiateVersion(const ApiInfo& api) const {
  return NegotiateVersion(api.key, api.version_min, api.version_max);
}

Status Connection::Send(int16_t api_key, int16_t version, std::span<const ByteView> body,
                        const CallContext& context) {
  const ApiInfo* api = FindApi(api_key);
  MB_CHECK(api != nullptr);
  return Send(*api, version, body, context);
}

Status Connection::Send(const ApiInfo& api, int16_t version, std::span<const ByteView> body,
                        const CallContext& context) {
  if (impl_->closed)
    return Status(Code::kUnavailable, impl_->Name() + ": connection is closed").Retryable();
  Status status = impl_->WaitOutThrottle(context);
  if (status.ok() && impl_->config.pace != nullptr)
    status = impl_->config.pace->BeforeRequest(context);
  if (status.ok()) status = impl_->ReauthenticateIfDue(context);
  if (status.ok()) status = impl_->Write(api, version, body, context);
  if (!status.ok()) Close();
  return InThisCall(api, std::move(status));
}

Status Connection::Receive(Bytes* buffer, ByteView* body, const CallContext& context) {
  *body = {};
  if (!impl_->parked.empty()) {
    Impl::Parked parked = std::move(impl_->parked.front());
    impl_->parked.pop_front();
    impl_->answered_version = parked.version;
    *buffer = std::move(parked.buffer);
    *body = ByteView(*buffer).subspan(parked.body_from, parked.body_size);
    return Status::Ok();
  }
  if (impl_->closed)
    return Status(Code::kUnavailable, impl_->Name() + ": connection is closed").Retryable();
  MB_CHECK(!impl_->pending.empty());
  const ApiInfo& api = *impl_->pending.front().api;
  Status status = impl_->Read(buffer, body, context);
  if (!status.ok()) Close();
  return InThisCall(api, impl_->ExplainHangUp(std::move(status)));
}

Status Connection::RoundTrip(const ApiInfo& api, int16_t version, const WireWriter& writer,
                             ByteView* body, const CallContext& context) {
  MB_CHECK(in_flight() == 0);
  MB_RETURN_IF_ERROR(Send(api, version, writer.Pieces(), context));
  return Receive(&impl_->scratch, body, context);
}

Status Connection::InThisCall(const ApiInfo& api, Status status) const {
  if (status.ok()) return status;
  return std::move(status).WithContext(impl_->Name() + ": " + api.name);
}

void Connection::NoteThrottle(Millis duration) {
  if (duration <= Millis(0)) return;
  if (impl_->config.pace != nullptr) impl_->config.pace->OnThrottled(duration);
  impl_->throttled_until_nanos =
      std::max(impl_->throttled_until_nanos, NowNanos() + duration.count() * kNanosPerMilli);
}

// A listener that wants SASL answers ApiVersions to anybody and hangs up at the first other
// request.
Status Connection::Impl::ExplainHangUp(Status status) const {
  bool uses_sasl = config.security_protocol == SecurityProtocol::kSaslPlaintext ||
                   config.security_protocol == SecurityProtocol::kSaslSsl;
  if (status.code() != Code::kUnavailable || answered || uses_sasl || !status.hint().empty())
    return status;
  return std::move(status).WithHint(
      "the broker hung up at the first request: does this listener want SASL (security.protocol)?");
}

bool Connection::ReauthenticationDue() const {
  return impl_->SessionUsed() >= kReauthenticateFrom;
}

double Connection::Impl::SessionUsed() const {
  if (session_nanos <= 0) return 0;
  return static_cast<double>(NowNanos() - authenticated_at_nanos) /
         static_cast<double>(session_nanos);
}

Status Connection::Impl::WaitOutThrottle(const CallContext& context) {
  int64_t left_nanos = throttled_until_nanos - NowNanos();
  if (left_nanos <= 0) return Status::Ok();
  Millis wait((left_nanos + kNanosPerMilli - 1) / kNanosPerMilli);
  if (context.deadline.Remaining() <= wait) {
    return Status(Code::kTimeout, "the broker throttles us for " + std::to_string(wait.count()) +
                                      " ms, which is beyond the deadline")
        .Retryable()
        .WithHint("see the quotas of this user and client id on the brokers");
  }
  if (!Clock::System().Sleep(wait, context.stop)) return Status(Code::kCancelled, "stopped");
  return Status::Ok();
}

Status Connection::Impl::ReauthenticateIfDue(const CallContext& context) {
  double used = SessionUsed();
  if (used < kReauthenticateFrom || (used < kReauthenticateMust && !pending.empty()))
    return Status::Ok();
  while (!pending.empty()) {
    Parked next;
    ByteView body;
    MB_RETURN_IF_ERROR(Read(&next.buffer, &body, context));
    next.body_from = static_cast<size_t>(body.data() - next.buffer.data());
    next.body_size = body.size();
    next.version = answered_version;
    parked.push_back(std::move(next));
  }
  return Authenticate(context).WithContext("re-authentication");
}

Status Connection::Impl::Write(const ApiInfo& api, int16_t version, std::span<const ByteView> body,
                               const CallContext& context) {
  WireWriter header;
  int32_t correlation_id = next_correlation_id;
  BeginRequestFrame(api, version, correlation_id, config.client_id, &header);
  size_t size = header.size() - sizeof(int32_t);
  for (ByteView piece : body) size += piece.size();
  if (size > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return Status(Code::kInvalidArgument, "a request of " + std::to_string(size) + " bytes");
  }
  header.PatchInt32(0, static_cast<int32_t>(size));
  std::vector<ByteView> pieces;
  pieces.reserve(body.size() + 1);
  pieces.emplace_back(header.buffer());
  pieces.insert(pieces.end(), body.begin(), body.end());
  MB_RETURN_IF_ERROR(transport->WriteAll(pieces, context.Within(config.request_timeout)));
  next_correlation_id =
      correlation_id == std::numeric_limits<int32_t>::max() ? 1 : correlation_id + 1;
  pending.push_back({&api, version, correlation_id});
  last_used_nanos = NowNanos();
  return Status::Ok();
}

Status Connection::Impl::ReadFully(MutableByteView into, const CallContext& context) {
  // A broker that throttles leaves the requests that follow unread for a while.
  Millis throttle(std::max<int64_t>(0, (throttled_until_nanos - NowNanos()) / kNanosPerMilli));
  // Each read gets its own time: a large answer may take long as long as it keeps coming.
  while (!into.empty()) {
    MB_ASSIGN_OR_RETURN(
        size_t got, transport->ReadSome(into, context.Within(config.request_timeout + throttle)));
    into = into.subspan(got);
  }
  return Status::Ok();
}

Status Connection::Impl::CheckLength(const uint8_t* prefix, size_t* length) const {
  int32_t announced = LoadBig<int32_t>(prefix);
  if (!ready && prefix[0] == 0x15 && prefix[1] == 0x03) {
    return Status(Code::kTls, "the broker answers with a TLS alert to a connection without TLS")
        .WithHint("this port speaks TLS: set security.protocol=SSL (or SASL_SSL)");
  }
  *length = static_cast<size_t>(announced);
  if (announced < 4 || *length > (ready ? kResponseBytesMax : kHandshakeResponseBytesMax)) {
    Status status(Code::kProtocol, "the answer announces " + std::to_string(announced) + " bytes");
    if (ready) return status;
    return std::move(status).WithHint(
        "is this the port of a Kafka broker, and is security.protocol right for it?");
  }
  return Status::Ok();
}

Status Connection::Impl::Read(Bytes* buffer, ByteView* body, const CallContext& context) {
  uint8_t prefix[sizeof(int32_t)];
  MB_RETURN_IF_ERROR(ReadFully(prefix, context));
  size_t length = 0;
  MB_RETURN_IF_ERROR(CheckLength(prefix, &length));
  if (buffer->size() < length) {
    buffer->clear();  // else growing would copy what is there
    buffer->resize(length);
  }
  MB_RETURN_IF_ERROR(ReadFully(MutableByteView(*buffer).first(length), context));
  Pending request = pending.front();
  pending.pop_front();
  MB_ASSIGN_OR_RETURN(*body, ResponseBody(*request.api, request.version, request.correlation_id,
                                          ByteView(*buffer).first(length)));
  answered = answered || ready;
  answered_version = request.version;
  last_used_nanos = NowNanos();
  return Status::Ok();
}

}  // namespace maxbrod::kafka
