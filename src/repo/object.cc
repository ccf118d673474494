#include "repo/object.h"

#include <fmt/format.h>
#include <google/protobuf/message_lite.h>

#include <deque>

#include "codec/compress.h"
#include "codec/crc32c.h"
#include "codec/hash.h"
#include "repo/keyring.h"
#include "repo/object_cipher.h"

namespace maxbrod::repo {
namespace {

constexpr uint8_t kMagic[4] = {'M', 'X', 'B', 'R'};
constexpr uint8_t kCryptoPlain = 0;
constexpr uint8_t kCryptoAes256Gcm = 1;

// Positions in the object header (docs/format.md, "Object header").
constexpr size_t kTypeAt = 4;
constexpr size_t kVersionAt = 5;
constexpr size_t kCryptoAt = 6;
constexpr size_t kReservedAt = 7;
constexpr size_t kKeyIdAt = 8;
constexpr size_t kSaltAt = 12;
constexpr size_t kCommitmentAt = 44;
constexpr size_t kHeaderCrcAt = 76;
static_assert(kHeaderCrcAt + 4 == kObjectHeaderBytes);

// Below this, a frame is not worth a try with zstd.
constexpr size_t kCompressBytesMin = 512;
constexpr int kRecordZstdLevel = 3;

Status Corrupt(std::string message) {
  return Status(Code::kCorrupt, std::move(message));
}

bool AllZero(ByteView bytes) {
  for (uint8_t b : bytes) {
    if (b != 0) return false;
  }
  return true;
}

bool KnownType(uint8_t type) {
  switch (static_cast<ObjectType>(type)) {
    case ObjectType::kConfig:
    case ObjectType::kCommit:
    case ObjectType::kCheckpoint:
    case ObjectType::kManifest:
    case ObjectType::kSnapshot:
    case ObjectType::kOffsetMap:
    case ObjectType::kPack:
    case ObjectType::kKeySlot:
      return true;
  }
  return false;
}

// What CheckObjectHeader says about a header whose CRC holds: nobody's accident, but perhaps a
// newer program.
Status CheckHeaderFields(const std::string& name, const uint8_t* h) {
  if (h[kVersionAt] == 0) return Corrupt(name + ": format version 0 does not exist");
  if (h[kVersionAt] > kFormatVersion) {
    return Status(Code::kUnsupported,
                  fmt::format("{}: format version {}, this program reads up to {}", name,
                              h[kVersionAt], kFormatVersion))
        .WithHint("a newer maxbrod wrote this repository: use that version or a later one");
  }
  if (h[kCryptoAt] > kCryptoAes256Gcm || h[kReservedAt] != 0) {
    return Status(Code::kUnsupported,
                  fmt::format("{}: unknown crypto mode {}/{}", name, h[kCryptoAt], h[kReservedAt]))
        .WithHint("a newer maxbrod wrote this repository: use that version or a later one");
  }
  if (h[kCryptoAt] == kCryptoAes256Gcm) return Status::Ok();
  if (LoadBig<uint32_t>(h + kKeyIdAt) != 0 ||
      !AllZero(ByteView(h + kCommitmentAt, kHeaderCrcAt - kCommitmentAt))) {
    return Corrupt(name + ": a plain object that names a key");
  }
  return Status::Ok();
}

// What is read before there are keys.
bool IsPublic(ObjectType type) {
  return type == ObjectType::kConfig || type == ObjectType::kKeySlot;
}

Status CheckMode(ObjectType type, const std::string& name, bool sealed, bool has_keys) {
  if (IsPublic(type)) {
    if (!sealed) return Status::Ok();
    return Status(Code::kUnsupported,
                  fmt::format("{}: an encrypted {}", name, ObjectTypeName(type)))
        .WithHint("a newer maxbrod wrote this repository: use that version or a later one");
  }
  if (sealed && !has_keys) {
    return Status(Code::kUnsupported, name + ": encrypted, and no key was given")
        .WithHint("give the repository's key: --passphrase-file, --key-file, ...");
  }
  if (!sealed && has_keys) {
    return Corrupt(name + ": is not encrypted, but the repository is")
        .WithHint("somebody without the key put it there; nothing of it was used");
  }
  return Status::Ok();
}

}  // namespace

Salt FreshSalt() {
  Salt salt;
  // Without random numbers nothing may be written: a salt used twice would break encryption.
  MB_CHECK(RandomBytes(salt).ok());
  return salt;
}

const char* ObjectTypeName(ObjectType type) {
  switch (type) {
    case ObjectType::kConfig:
      return "config";
    case ObjectType::kCommit:
      return "commit";
    case ObjectType::kCheckpoint:
      return "checkpoint";
    case ObjectType::kManifest:
      return "manifest";
    case ObjectType::kSnapshot:
      return "snapshot";
    case ObjectType::kOffsetMap:
      return "offset-map";
    case ObjectType::kPack:
      return "pack";
    case ObjectType::kKeySlot:
      return "key-slot";
  }
  return "unknown";
}

// ---- Object header
// --------------------------------------------------------------------------------

void EncodeObjectHeader(ObjectType type, uint8_t* out) {
  EncodeObjectHeader(type, FreshSalt(), out);
}

void EncodeObjectHeader(ObjectType type, const Salt& salt, uint8_t* out) {
  std::memset(out, 0, kObjectHeaderBytes);
  std::memcpy(out, kMagic, sizeof(kMagic));
  out[kTypeAt] = static_cast<uint8_t>(type);
  out[kVersionAt] = kFormatVersion;
  out[kCryptoAt] = kCryptoPlain;
  std::memcpy(out + kSaltAt, salt.data(), salt.size());
  StoreBig<uint32_t>(out + kHeaderCrcAt, Crc32c(ByteView(out, kHeaderCrcAt)));
}

void EncodeSealedHeader(ObjectType type, uint32_t key_id, const Salt& salt, ByteView commitment,
                        uint8_t* out) {
  MB_CHECK(commitment.size() == kHeaderCrcAt - kCommitmentAt);
  EncodeObjectHeader(type, salt, out);
  out[kCryptoAt] = kCryptoAes256Gcm;
  StoreBig<uint32_t>(out + kKeyIdAt, key_id);
  std::memcpy(out + kCommitmentAt, commitment.data(), commitment.size());
  StoreBig<uint32_t>(out + kHeaderCrcAt, Crc32c(ByteView(out, kHeaderCrcAt)));
}

bool IsSealedHeader(ByteView header) {
  return header.size() >= kObjectHeaderBytes && header[kCryptoAt] == kCryptoAes256Gcm &&
         std::memcmp(header.data(), kMagic, sizeof(kMagic)) == 0;
}

uint32_t HeaderKeyId(ByteView header) {
  MB_CHECK(header.size() >= kObjectHeaderBytes);
  return LoadBig<uint32_t>(header.data() + kKeyIdAt);
}

Salt HeaderSalt(ByteView header) {
  MB_CHECK(header.size() >= kObjectHeaderBytes);
  Salt salt;
  std::memcpy(salt.data(), header.data() + kSaltAt, salt.size());
  return salt;
}

Result<ObjectType> PeekObjectType(const std::string& name, ByteView bytes) {
  if (bytes.size() < kObjectHeaderBytes) {
    return Corrupt(fmt::format("{}: {} bytes are too few for an object", name, bytes.size()));
  }
  const uint8_t* h = bytes.data();
  if (std::memcmp(h, kMagic, sizeof(kMagic)) != 0) {
    return Corrupt(name + ": not an object of a maxbrod repository (magic)");
  }
  if (LoadBig<uint32_t>(h + kHeaderCrcAt) != Crc32c(bytes.first(kHeaderCrcAt))) {
    return Corrupt(name + ": object header is damaged (CRC32C)");
  }
  if (!KnownType(h[kTypeAt])) {
    return Status(Code::kUnsupported, fmt::format("{}: unknown object type {}", name, h[kTypeAt]))
        .WithHint("a newer maxbrod wrote this repository: use that version or a later one");
  }
  return static_cast<ObjectType>(h[kTypeAt]);
}

Status CheckObjectHeader(ObjectType type, const std::string& name, ByteView bytes,
                         const Keyring* keys) {
  return CheckerOf(type, name, bytes, keys).status();
}

Result<FrameChecker> CheckerOf(ObjectType type, const std::string& name, ByteView bytes,
                               const Keyring* keys) {
  MB_ASSIGN_OR_RETURN(ObjectType found, PeekObjectType(name, bytes));
  MB_RETURN_IF_ERROR(CheckHeaderFields(name, bytes.data()));
  if (found != type) {
    return Corrupt(fmt::format("{}: is a {}, expected a {}", name, ObjectTypeName(found),
                               ObjectTypeName(type)));
  }
  bool sealed = IsSealedHeader(bytes);
  MB_RETURN_IF_ERROR(CheckMode(type, name, sealed, keys != nullptr));
  if (!sealed) return FrameChecker(HeaderSalt(bytes));
  MB_ASSIGN_OR_RETURN(auto cipher, keys->Open(type, name, bytes.first(kObjectHeaderBytes)));
  return FrameChecker(std::move(cipher));
}

// ---- Frames
// ---------------------------------------------------------------------------------------

void FrameHeader::Encode(uint8_t* out) const {
  StoreBig<uint32_t>(out, plain_bytes);
  StoreBig<uint32_t>(out + 4, stored_bytes);
  out[8] = static_cast<uint8_t>(kind);
  out[9] = static_cast<uint8_t>(codec);
  out[10] = flags;
  out[11] = 0;
}

Result<FrameHeader> FrameHeader::Decode(const uint8_t* in) {
  FrameHeader h;
  h.plain_bytes = LoadBig<uint32_t>(in);
  h.stored_bytes = LoadBig<uint32_t>(in + 4);
  h.flags = in[10];
  if (h.plain_bytes > kFramePlainBytesMax || h.stored_bytes > h.plain_bytes) {
    return Corrupt(
        fmt::format("impossible frame lengths {} and {}", h.plain_bytes, h.stored_bytes));
  }
  if (in[8] < 1 || in[8] > 3 || in[9] > 1 || in[11] != 0 ||
      (h.flags & ~(kFrameLastOfBlock | kFrameLastOfObject)) != 0) {
    return Status(Code::kUnsupported, fmt::format("unknown frame kind {}, codec {}, flags {} or {}",
                                                  in[8], in[9], in[10], in[11]));
  }
  h.kind = static_cast<FrameKind>(in[8]);
  h.codec = static_cast<FrameCodec>(in[9]);
  if (h.codec == FrameCodec::kNone && h.stored_bytes != h.plain_bytes) {
    return Corrupt("lengths of an uncompressed frame differ");
  }
  return h;
}

FrameChecker::FrameChecker(ByteView salt) {
  MB_CHECK(salt.size() >= kFrameSaltBytes);
  salt_crc_ = Crc32c(salt.first(kFrameSaltBytes));
}

uint32_t FrameChecker::key_id() const {
  return cipher_ ? cipher_->key_id() : 0;
}

uint32_t FrameChecker::Check(uint32_t ordinal, const uint8_t* header, uint32_t payload_crc,
                             uint32_t payload_bytes) const {
  MB_CHECK(cipher_ == nullptr);
  uint8_t position[4];
  StoreBig<uint32_t>(position, ordinal);
  uint32_t crc = Crc32cExtend(salt_crc_, position);
  crc = Crc32cExtend(crc, ByteView(header, kFrameHeaderBytes));
  return Crc32cCombine(crc, payload_crc, payload_bytes);
}

namespace {

std::string FrameText(uint32_t ordinal, uint64_t base) {
  return fmt::format("frame {} at byte {}", ordinal, base);
}

// The parts of a frame, nothing of them proven.
struct RawFrame {
  const uint8_t* header;
  ByteView payload;
  const uint8_t* trailer;
};

Result<RawFrame> SplitFrame(size_t trailer_bytes, uint32_t ordinal, uint64_t base,
                            ByteView* bytes) {
  if (bytes->size() < kFrameHeaderBytes + trailer_bytes) {
    return Corrupt(FrameText(ordinal, base) + ": cut short");
  }
  const uint8_t* p = bytes->data();
  auto header = FrameHeader::Decode(p);
  // An unknown kind is believed only when the check holds; else it is damage.
  if (!header.ok() && header.status().code() != Code::kUnsupported) {
    return header.status().WithContext(FrameText(ordinal, base));
  }
  uint32_t stored = LoadBig<uint32_t>(p + 4);
  if (stored > bytes->size() - kFrameHeaderBytes - trailer_bytes) {
    return Corrupt(FrameText(ordinal, base) + ": cut short");
  }
  RawFrame frame{p, bytes->subspan(kFrameHeaderBytes, stored), p + kFrameHeaderBytes + stored};
  *bytes = bytes->subspan(kFrameHeaderBytes + stored + trailer_bytes);
  return frame;
}

Status CheckKnown(const Result<FrameHeader>& header, uint32_t ordinal, uint64_t base) {
  if (header.ok()) return Status::Ok();
  return header.status()
      .WithContext(FrameText(ordinal, base))
      .WithHint("a newer maxbrod wrote this object: use that version or a later one");
}

}  // namespace

Result<SealedFrame> TakeSealedFrame(uint64_t base, uint32_t ordinal, ByteView* bytes) {
  MB_ASSIGN_OR_RETURN(RawFrame raw, SplitFrame(kSealedTrailerBytes, ordinal, base, bytes));
  auto header = FrameHeader::Decode(raw.header);
  return SealedFrame{header.ok() ? *header : FrameHeader(), raw.header, raw.payload, raw.trailer};
}

Status OpenSealedFrame(const FrameChecker& checker, const SealedFrame& frame, uint32_t ordinal,
                       uint64_t base, uint8_t* out) {
  if (!checker.cipher()->Open(ordinal, frame.encoded_header, frame.sealed, frame.tag, out)) {
    return Corrupt(FrameText(ordinal, base) + ": damaged or forged (AES-GCM)");
  }
  return CheckKnown(FrameHeader::Decode(frame.encoded_header), ordinal, base);
}

Result<FrameView> TakeFrame(const FrameChecker& checker, uint32_t ordinal, uint64_t base,
                            ByteView* bytes, Bytes* opened) {
  ByteView left = *bytes;
  FrameView frame;
  if (ObjectCipher* cipher = checker.cipher()) {
    MB_ASSIGN_OR_RETURN(SealedFrame sealed, TakeSealedFrame(base, ordinal, &left));
    if (opened == nullptr) opened = &cipher->scratch();
    if (opened->size() < sealed.sealed.size()) opened->resize(sealed.sealed.size());
    MB_RETURN_IF_ERROR(OpenSealedFrame(checker, sealed, ordinal, base, opened->data()));
    frame.header = sealed.header;
    frame.payload = ByteView(*opened).first(sealed.sealed.size());
    std::memcpy(frame.check.tag.data(), sealed.tag, frame.check.tag.size());
  } else {
    MB_ASSIGN_OR_RETURN(RawFrame raw, SplitFrame(kFrameTrailerBytes, ordinal, base, &left));
    auto size = static_cast<uint32_t>(raw.payload.size());
    frame.payload = raw.payload;
    frame.check.crc = LoadBig<uint32_t>(raw.trailer);
    if (checker.Check(ordinal, raw.header, Crc32c(raw.payload), size) != frame.check.crc) {
      return Corrupt(FrameText(ordinal, base) + ": damaged (CRC32C)");
    }
    auto header = FrameHeader::Decode(raw.header);
    MB_RETURN_IF_ERROR(CheckKnown(header, ordinal, base));
    frame.header = *header;
  }
  *bytes = left;
  return frame;
}

Result<ByteView> PlainBytes(const FrameView& frame, Bytes* scratch) {
  if (frame.header.codec == FrameCodec::kNone) return frame.payload;
  scratch->resize(frame.header.plain_bytes);
  MB_RETURN_IF_ERROR(ZstdDecompressInto(frame.payload, *scratch));
  return ByteView(*scratch);
}

FramePayload EncodePayload(Bytes plain) {
  MB_CHECK(plain.size() <= kFramePlainBytesMax);
  FramePayload payload;
  payload.plain_bytes = static_cast<uint32_t>(plain.size());
  if (plain.size() >= kCompressBytesMin &&
      ZstdCompress(kRecordZstdLevel, plain, &payload.stored).ok() &&
      payload.stored.size() < plain.size() - plain.size() / 10) {
    payload.codec = FrameCodec::kZstd;
  } else {
    payload.stored = std::move(plain);
  }
  return payload;
}

FrameCheck AppendFrame(const FrameChecker& checker, uint32_t ordinal, FrameKind kind, uint8_t flags,
                       const FramePayload& payload, Bytes* out) {
  FrameHeader header;
  header.plain_bytes = payload.plain_bytes;
  header.stored_bytes = static_cast<uint32_t>(payload.stored.size());
  header.kind = kind;
  header.codec = payload.codec;
  header.flags = flags;
  uint8_t encoded[kFrameHeaderBytes];
  header.Encode(encoded);
  Append(*out, encoded);
  FrameCheck check;
  if (ObjectCipher* cipher = checker.cipher()) {
    size_t at = out->size();
    out->resize(at + payload.stored.size());
    ByteView piece = payload.stored;
    check.tag = cipher->Seal(ordinal, encoded, {&piece, 1}, out->data() + at);
    Append(*out, check.tag);
    return check;
  }
  Append(*out, payload.stored);
  check.crc = checker.Check(ordinal, encoded, Crc32c(payload.stored), header.stored_bytes);
  AppendBig<uint32_t>(*out, check.crc);
  return check;
}

// ---- Small objects
// --------------------------------------------------------------------------------

ObjectBuilder::ObjectBuilder(ObjectType type) : ObjectBuilder(type, FreshSalt()) {}

ObjectBuilder::ObjectBuilder(ObjectType type, const Salt& salt) : checker_(salt) {
  bytes_.resize(kObjectHeaderBytes);
  EncodeObjectHeader(type, salt, bytes_.data());
}

ObjectBuilder::ObjectBuilder(ObjectType type, const Keyring* keys, const std::string& name)
    : ObjectBuilder(type, keys, name, FreshSalt()) {}

ObjectBuilder::ObjectBuilder(ObjectType type, const Keyring* keys, const std::string& name,
                             const Salt& salt)
    : ObjectBuilder(type, salt) {
  if (keys == nullptr || IsPublic(type)) return;
  MB_CHECK(type != ObjectType::kPack);
  auto cipher = keys->Seal(type, name, salt);
  MB_CHECK(cipher.ok());  // every ring has the meta key
  checker_ = FrameChecker(*cipher);
  bytes_.assign((*cipher)->header().begin(), (*cipher)->header().end());
}

Result<FramePayload> ObjectBuilder::Encode(const google::protobuf::MessageLite& record) {
  size_t size = record.ByteSizeLong();
  if (size > kFramePlainBytesMax) {
    return Status(Code::kInternal, fmt::format("a {} of {} bytes is larger than a record may be",
                                               record.GetTypeName(), size));
  }
  Bytes plain(size);
  record.SerializeWithCachedSizesToArray(plain.data());
  return EncodePayload(std::move(plain));
}

Status ObjectBuilder::Add(const google::protobuf::MessageLite& record) {
  MB_ASSIGN_OR_RETURN(FramePayload payload, Encode(record));
  Add(std::move(payload));
  return Status::Ok();
}

void ObjectBuilder::Add(FramePayload record) {
  Flush(false);
  pending_ = std::move(record);
  has_pending_ = true;
}

void ObjectBuilder::Flush(bool last) {
  if (!has_pending_) return;
  AppendFrame(checker_, frames_++, FrameKind::kRecord, last ? kFrameLastOfObject : 0, pending_,
              &bytes_);
  has_pending_ = false;
}

Bytes ObjectBuilder::Finish() {
  MB_CHECK(has_pending_);
  Flush(true);
  return std::move(bytes_);
}

Status ReadObject(ObjectType type, const std::string& name, ByteView bytes,
                  const std::function<Status(ByteView record)>& record, const Keyring* keys) {
  MB_ASSIGN_OR_RETURN(FrameChecker checker, CheckerOf(type, name, bytes, keys));
  std::vector<FrameView> frames;
  std::deque<Bytes> opened;  // what was decrypted; the views of `frames` point here
  ByteView left = bytes.subspan(kObjectHeaderBytes);
  for (bool last = false; !last;) {
    if (left.empty()) return Corrupt(name + ": ends before its last frame");
    auto frame =
        TakeFrame(checker, static_cast<uint32_t>(frames.size()), bytes.size() - left.size(), &left,
                  checker.cipher() == nullptr ? nullptr : &opened.emplace_back());
    if (!frame.ok()) return frame.status().WithContext(name);
    if (frame->header.kind != FrameKind::kRecord) {
      return Corrupt(fmt::format("{}: frame {} is not a record", name, frames.size()));
    }
    last = (frame->header.flags & kFrameLastOfObject) != 0;
    frames.push_back(*frame);
  }
  if (!left.empty()) {
    return Corrupt(fmt::format("{}: {} bytes after the last frame", name, left.size()));
  }
  Bytes scratch;
  for (const FrameView& frame : frames) {
    auto plain = PlainBytes(frame, &scratch);
    if (!plain.ok()) return plain.status().WithContext(name);
    MB_RETURN_IF_ERROR(record(*plain));
  }
  return Status::Ok();
}

}  // namespace maxbrod::repo
