#include "kafka/message_codec.h"

#include <limits>

namespace maxbrod::kafka {
namespace internal {

void Encoder::Keep(uint32_t tag, const WireWriter& content) {
  Status status = content.status();
  if (!status.ok() && status_.ok()) status_ = status;
  pending_.push_back({tag, content.buffer()});
}

void Encoder::FlushTagged() {
  std::sort(pending_.begin(), pending_.end(),
            [](const Pending& a, const Pending& b) { return a.tag < b.tag; });
  std::vector<TaggedField> fields;
  for (const Pending& pending : pending_) fields.push_back({pending.tag, pending.content});
  out_->TaggedFields(fields);
}

void Encoder::FailAbsent(const char* name) {
  if (!status_.ok()) return;
  status_ = Status(Code::kInvalidArgument,
                   std::string("field '") + name + "' is set, but this version does not have it");
}

void Encoder::FailNull(const char* name) {
  if (!status_.ok()) return;
  status_ = Status(Code::kInvalidArgument,
                   std::string("field '") + name + "' is null, which this version does not allow");
}

void Decoder::AddToPath(const char* name) {
  path_ = path_.empty() ? std::string(name) : std::string(name) + "." + path_;
}

Status Decoder::Finish() {
  if (!in_.ok()) return in_.status().WithContext("field '" + path_ + "'");
  if (in_.left() != 0) {
    return Status(Code::kProtocol,
                  std::to_string(in_.left()) + " bytes are left over after the last field");
  }
  return Status::Ok();
}

namespace {
std::string Named(const ApiInfo& api, int16_t version) {
  return std::string(api.name) + " version " + std::to_string(version);
}
}  // namespace

Status UnsupportedVersion(const ApiInfo& api, int16_t version) {
  return Status(Code::kUnsupported, Named(api, version) + " is not among the versions " +
                                        std::to_string(api.version_min) + " to " +
                                        std::to_string(api.version_max) + " we know");
}

Status DecodeFailed(const ApiInfo& api, int16_t version, Status status) {
  return std::move(status).WithContext("cannot decode " + Named(api, version));
}

Status EncodeFailed(const ApiInfo& api, int16_t version, Status status) {
  return std::move(status).WithContext("cannot encode " + Named(api, version));
}

}  // namespace internal

void EncodeRequestHeader(const RequestHeader& header, bool flexible, WireWriter* out) {
  out->Int16(header.api_key);
  out->Int16(header.api_version);
  out->Int32(header.correlation_id);
  out->NullableString(header.client_id, /*compact=*/false);
  if (flexible) out->TaggedFields({});
}

void DecodeRequestHeader(WireReader* in, bool flexible, RequestHeader* header) {
  header->api_key = in->Int16();
  header->api_version = in->Int16();
  header->correlation_id = in->Int32();
  header->client_id = in->NullableString(/*compact=*/false);
  if (flexible) in->SkipTaggedFields();
}

Result<RequestHeader> PeekRequest(ByteView frame) {
  WireReader reader(frame);
  RequestHeader header;
  header.api_key = reader.Int16();
  header.api_version = reader.Int16();
  header.correlation_id = reader.Int32();
  MB_RETURN_IF_ERROR(reader.status().WithContext("request header"));
  return header;
}

void BeginRequestFrame(const ApiInfo& api, int16_t version, int32_t correlation_id,
                       const std::string& client_id, WireWriter* out) {
  out->Clear();
  out->Int32(0);  // the size, known to FinishFrame
  EncodeRequestHeader({api.key, version, correlation_id, client_id}, api.Flexible(version), out);
}

// A response to ApiVersions keeps the old header in all versions: the client cannot know yet which
// one the broker speaks (KIP-511).
static bool HasFlexibleResponseHeader(const ApiInfo& api, int16_t version) {
  return api.Flexible(version) && api.key != kApiVersionsKey;
}

void BeginResponseFrame(const ApiInfo& api, int16_t version, int32_t correlation_id,
                        WireWriter* out) {
  out->Clear();
  out->Int32(0);
  out->Int32(correlation_id);
  if (HasFlexibleResponseHeader(api, version)) out->TaggedFields({});
}

Status FinishFrame(WireWriter* out) {
  MB_RETURN_IF_ERROR(out->status());
  size_t size = out->size() - sizeof(int32_t);
  if (size > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return Status(Code::kInvalidArgument, "a message of " + std::to_string(size) +
                                              " bytes does not fit the protocol's 2 GiB");
  }
  out->PatchInt32(0, static_cast<int32_t>(size));
  return Status::Ok();
}

Result<ByteView> ResponseBody(const ApiInfo& api, int16_t version, int32_t correlation_id,
                              ByteView frame) {
  WireReader reader(frame);
  int32_t answered = reader.Int32();
  if (HasFlexibleResponseHeader(api, version)) reader.SkipTaggedFields();
  if (!reader.ok()) {
    return reader.status().WithContext(std::string(api.name) + " response header");
  }
  if (answered != correlation_id) {
    return Status(Code::kProtocol, std::string(api.name) + " response has correlation id " +
                                       std::to_string(answered) + " instead of " +
                                       std::to_string(correlation_id));
  }
  return frame.subspan(reader.position());
}

}  // namespace maxbrod::kafka
