// What all messages share: the version rules of a field, the request header, encoding and decoding.
//
// Each header beside this one holds one API: its request and response as plain structs. A struct
// names its fields once, in Visit, with the versions each exists in; the encoder and the decoder
// (message_codec.h) are both visitors of it. Field order in Visit is the order on the wire. The
// rules follow Kafka's own message generator: a field that is set but does not exist in the version
// to be written is an error unless it is ignorable.
//
// Null on the wire is std::nullopt; a member that is not optional refuses null. Records are views:
// of the response's buffer when decoded, of the caller's bytes when encoded.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "kafka/wire.h"

namespace maxbrod::kafka {

inline constexpr int16_t kNoVersion = std::numeric_limits<int16_t>::max();

// In which versions of a message a field exists and may be null.
struct FieldVersions {
  int16_t since = 0;
  int16_t until = kNoVersion;
  int16_t nullable_since = kNoVersion;
  bool ignorable = false;

  constexpr bool Has(int16_t version) const { return version >= since && version <= until; }
  constexpr bool NullableIn(int16_t version) const { return version >= nullable_since; }
  // May be dropped silently when writing a version without it.
  constexpr FieldVersions Ignorable() const {
    FieldVersions copy = *this;
    copy.ignorable = true;
    return copy;
  }
  constexpr FieldVersions NullableSince(int16_t version) const {
    FieldVersions copy = *this;
    copy.nullable_since = version;
    return copy;
  }
  constexpr FieldVersions Nullable() const { return NullableSince(0); }
};
constexpr FieldVersions Always() {
  return {};
}
constexpr FieldVersions Since(int16_t version) {
  return {.since = version};
}
constexpr FieldVersions Until(int16_t version) {
  return {.until = version};
}
constexpr FieldVersions Between(int16_t since, int16_t until) {
  return {.since = since, .until = until};
}

// Record bytes to be sent, in one or more pieces that stay where they are (a patched batch header
// and the batch's body, say). A decoded one is a single view.
struct RecordPieces {
  RecordPieces() = default;
  RecordPieces(ByteView whole) : pieces{whole} {}  // NOLINT: implicit by design
  explicit RecordPieces(std::span<const ByteView> parts) : pieces(parts.begin(), parts.end()) {}

  std::vector<ByteView> pieces;
};

// Everything fixed about a request or response type; each has one as kApi.
struct ApiInfo {
  const char* name;        // as Kafka calls it, e.g. "ListOffsets"
  int16_t key;             // of the protocol
  int16_t version_min;     // what we can write and read
  int16_t version_max;     //
  int16_t flexible_since;  // first version with compact lengths and tagged fields, or kNoVersion

  constexpr bool Supports(int16_t version) const {
    return version >= version_min && version <= version_max;
  }
  constexpr bool Flexible(int16_t version) const { return version >= flexible_since; }
};

inline constexpr int16_t kApiVersionsKey = 18;

// Header version 1 or 2 (the flexible one, with tagged fields); the client id keeps its old form in
// both.
struct RequestHeader {
  int16_t api_key = 0;
  int16_t api_version = 0;
  int32_t correlation_id = 0;
  std::optional<std::string> client_id;
};
void EncodeRequestHeader(const RequestHeader& header, bool flexible, WireWriter* out);
// Leaves the reader at the body. `flexible` depends on the API, which a server knows only after the
// first four bytes: see PeekRequest.
void DecodeRequestHeader(WireReader* in, bool flexible, RequestHeader* header);
// API key and version of a request frame (without its size); kProtocol when it is too short.
Result<RequestHeader> PeekRequest(ByteView frame);

// The body only. kUnsupported for a version we do not know; kInvalidArgument for a field that
// cannot be expressed in this version or does not fit. Instantiated for all messages in
// message_codec_*.cc.
template <class Message>
Status EncodeMessage(const Message& message, int16_t version, WireWriter* out);
// `body` must be read to its end. kProtocol says which field broke the rules. Views inside
// `*message` point into `body`.
template <class Message>
Status DecodeMessage(ByteView body, int16_t version, Message* message);

// A whole request or response frame: size, header, body. Non-template parts of the functions below.
void BeginRequestFrame(const ApiInfo& api, int16_t version, int32_t correlation_id,
                       const std::string& client_id, WireWriter* out);
void BeginResponseFrame(const ApiInfo& api, int16_t version, int32_t correlation_id,
                        WireWriter* out);
Status FinishFrame(WireWriter* out);
// Checks the correlation id (kProtocol) and returns the body of a response frame given without its
// size.
Result<ByteView> ResponseBody(const ApiInfo& api, int16_t version, int32_t correlation_id,
                              ByteView frame);

// Clears `*out` and writes the frame with its size into it. With a referencing writer the records
// of a ProduceRequest stay where they are: send out->Pieces().
template <class Request>
Status EncodeRequestFrame(const Request& request, int16_t version, int32_t correlation_id,
                          const std::string& client_id, WireWriter* out) {
  BeginRequestFrame(Request::kApi, version, correlation_id, client_id, out);
  MB_RETURN_IF_ERROR(EncodeMessage(request, version, out));
  return FinishFrame(out);
}

template <class Response>
Status EncodeResponseFrame(const Response& response, int16_t version, int32_t correlation_id,
                           WireWriter* out) {
  BeginResponseFrame(Response::kApi, version, correlation_id, out);
  MB_RETURN_IF_ERROR(EncodeMessage(response, version, out));
  return FinishFrame(out);
}

// `frame` is what followed the size on the wire. Views in `*response` point into it.
template <class Response>
Status DecodeResponseFrame(ByteView frame, int16_t version, int32_t correlation_id,
                           Response* response) {
  MB_ASSIGN_OR_RETURN(ByteView body, ResponseBody(Response::kApi, version, correlation_id, frame));
  return DecodeMessage(body, version, response);
}

// For servers: the header and body of a request frame given without its size.
template <class Request>
Status DecodeRequestFrame(ByteView frame, RequestHeader* header, Request* request) {
  MB_ASSIGN_OR_RETURN(RequestHeader peeked, PeekRequest(frame));
  WireReader reader(frame);
  DecodeRequestHeader(&reader, Request::kApi.Flexible(peeked.api_version), header);
  MB_RETURN_IF_ERROR(reader.status());
  return DecodeMessage(frame.subspan(reader.position()), header->api_version, request);
}

}  // namespace maxbrod::kafka
