// The envelope of every object in a repository, and the frames inside it (docs/format.md).
//
//   header (80 bytes): magic "MXBR", type, version, crypto mode, 0, key id, 32 random bytes (the
//   salt), key
//                      commitment, CRC32C of the header
//   frames:            12-byte frame header, payload, trailer (plain: CRC32C; encrypted: GCM tag)
//
// A frame's check covers the first half of the salt, the frame's ordinal in the object, the frame
// header and the stored payload: a frame that is moved inside its object, or into another one, is
// noticed.
//
// Small objects (config, commits, checkpoints, manifests, snapshots, offset maps) are a sequence of
// record frames, each one Protobuf message of at most 1 MiB; packs (pack_writer.h) hold blocks.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/status.h"
#include "codec/aead.h"

namespace google::protobuf {
class MessageLite;
}

namespace maxbrod::repo {

class Keyring;
class ObjectCipher;

inline constexpr size_t kObjectHeaderBytes = 80;
inline constexpr size_t kFrameHeaderBytes = 12;
inline constexpr size_t kFrameTrailerBytes = 4;  // plain objects
inline constexpr size_t kSealedTrailerBytes = kAeadTagBytes;
inline constexpr size_t kFramePlainBytesMax = kMiB;
inline constexpr size_t kSmallObjectBytesMax = 64 * kMiB;
inline constexpr uint8_t kFormatVersion = 1;

enum class ObjectType : uint8_t {
  kConfig = 'C',
  kCommit = 'L',
  kCheckpoint = 'K',
  kManifest = 'M',
  kSnapshot = 'S',
  kOffsetMap = 'O',
  kPack = 'P',
  kKeySlot = 'Y',
};

// Fresh random bytes per encoding of an object. The first 16 bytes of a pack's salt are its id.
using Salt = std::array<uint8_t, 32>;
inline constexpr size_t kFrameSaltBytes = 16;  // the part of the salt that goes into frame checks
Salt FreshSalt();

enum class FrameKind : uint8_t { kRecord = 1, kBlockHeader = 2, kData = 3 };
enum class FrameCodec : uint8_t { kNone = 0, kZstd = 1 };
enum FrameFlags : uint8_t {
  kFrameLastOfBlock = 1,
  kFrameLastOfObject = 2,
};

struct FrameHeader {
  uint32_t plain_bytes = 0;
  uint32_t stored_bytes = 0;  // of the payload alone
  FrameKind kind = FrameKind::kRecord;
  FrameCodec codec = FrameCodec::kNone;
  uint8_t flags = 0;
  void Encode(uint8_t* out) const;  // kFrameHeaderBytes
  // kCorrupt on an impossible length, kUnsupported on an unknown kind or codec.
  static Result<FrameHeader> Decode(const uint8_t* in);
};

// What stands behind a frame's payload: the one or the other.
struct FrameCheck {
  uint32_t crc = 0;  // plain objects
  AeadTag tag{};     // encrypted ones
};

// Makes and verifies the frames of one object: with checksums, or sealed by its cipher. A value;
// thread-safe in a plain object, one thread at a time (copies included) in an encrypted one.
class FrameChecker {
 public:
  // Plain. `salt` is at least kFrameSaltBytes long; the first 16 bytes count.
  explicit FrameChecker(ByteView salt);
  explicit FrameChecker(std::shared_ptr<ObjectCipher> cipher) : cipher_(std::move(cipher)) {}
  // Of plain objects. `header` is an encoded frame header; `payload_crc` the CRC32C of the stored
  // payload.
  uint32_t Check(uint32_t ordinal, const uint8_t* header, uint32_t payload_crc,
                 uint32_t payload_bytes) const;
  // Null in a plain object.
  ObjectCipher* cipher() const { return cipher_.get(); }
  size_t trailer_bytes() const { return cipher_ ? kSealedTrailerBytes : kFrameTrailerBytes; }
  // 0 in a plain object.
  uint32_t key_id() const;

 private:
  uint32_t salt_crc_ = 0;
  std::shared_ptr<ObjectCipher> cipher_;
};

// A frame where it lies in memory, its check already verified.
struct FrameView {
  FrameHeader header;
  ByteView payload;  // as stored, but decrypted; perhaps compressed
  FrameCheck check;
};
// Takes the frame number `ordinal` from the front of `bytes`. kCorrupt when it is cut short or its
// check differs. The message says where in its object (`base` is the position of bytes->data()
// there) but not in which one. A plain payload points into `bytes`; one that was encrypted into
// `opened`, or, where that is null, into memory of the checker that the next call uses again.
Result<FrameView> TakeFrame(const FrameChecker& checker, uint32_t ordinal, uint64_t base,
                            ByteView* bytes, Bytes* opened = nullptr);
// The same in two steps, for who decrypts to a place of his own.
struct SealedFrame {
  FrameHeader header;
  const uint8_t* encoded_header = nullptr;
  ByteView sealed;
  const uint8_t* tag = nullptr;
};
Result<SealedFrame> TakeSealedFrame(uint64_t base, uint32_t ordinal, ByteView* bytes);
// `out` takes header.stored_bytes. kCorrupt as above.
Status OpenSealedFrame(const FrameChecker& checker, const SealedFrame& frame, uint32_t ordinal,
                       uint64_t base, uint8_t* out);
// The frame's plain bytes: the payload itself, or `scratch` when it had to be decompressed.
Result<ByteView> PlainBytes(const FrameView& frame, Bytes* scratch);
// A frame's payload as it will be stored.
struct FramePayload {
  FrameCodec codec = FrameCodec::kNone;
  uint32_t plain_bytes = 0;
  Bytes stored;
};
// Takes over at most kFramePlainBytesMax plain bytes; zstd is used where it saves more than a
// tenth.
FramePayload EncodePayload(Bytes plain);
// Appends a whole frame; returns its check.
FrameCheck AppendFrame(const FrameChecker& checker, uint32_t ordinal, FrameKind kind, uint8_t flags,
                       const FramePayload& payload, Bytes* out);

// Builds a small object in memory. Not thread-safe.
class ObjectBuilder {
 public:
  explicit ObjectBuilder(ObjectType type);
  // With a given salt: only for tests and golden files, a salt is never used for two contents.
  ObjectBuilder(ObjectType type, const Salt& salt);
  // Encrypted, unless `keys` is null. `name` is the one that the object will have (what of it is
  // the object's own hash does not matter). Not for packs.
  ObjectBuilder(ObjectType type, const Keyring* keys, const std::string& name);
  ObjectBuilder(ObjectType type, const Keyring* keys, const std::string& name, const Salt& salt);
  // kInternal when the message is larger than a frame may be.
  Status Add(const google::protobuf::MessageLite& record);
  // The same in two steps, for who must know the stored length before deciding where a record goes.
  static Result<FramePayload> Encode(const google::protobuf::MessageLite& record);
  void Add(FramePayload record);
  // Call once, last, after at least one Add: closes the object and returns its bytes.
  Bytes Finish();
  // Bytes so far, without the record added last.
  size_t size() const { return bytes_.size(); }

 private:
  FrameChecker checker_;
  Bytes bytes_;
  FramePayload pending_;
  bool has_pending_ = false;
  uint32_t frames_ = 0;
  void Flush(bool last);
};

// Calls `record` with the plain bytes of each record frame, in order. Every length and check of the
// object is verified before the first call; a missing last frame is kCorrupt (truncation), and so
// are bytes after it. `name` is for messages, and part of what binds an encrypted object to its
// place. With `keys` the object must be encrypted with them, without it must be plain.
Status ReadObject(ObjectType type, const std::string& name, ByteView bytes,
                  const std::function<Status(ByteView record)>& record,
                  const Keyring* keys = nullptr);

// Checks an object's header: kCorrupt (magic, type, CRC; with keys: not encrypted, or with others),
// kUnsupported (newer version, with a hint; encrypted and no keys). Configs and key slots are plain
// in any repository.
Status CheckObjectHeader(ObjectType type, const std::string& name, ByteView bytes,
                         const Keyring* keys = nullptr);
// How the frames of the object that begins with `bytes` are checked; errors as above.
Result<FrameChecker> CheckerOf(ObjectType type, const std::string& name, ByteView bytes,
                               const Keyring* keys);
// The type of the object that begins with `bytes`; kCorrupt when it is no object of a repository.
Result<ObjectType> PeekObjectType(const std::string& name, ByteView bytes);
// Writes an 80-byte header with a fresh salt, or a given one.
void EncodeObjectHeader(ObjectType type, uint8_t* out);
void EncodeObjectHeader(ObjectType type, const Salt& salt, uint8_t* out);
// The header of an encrypted object. `commitment` has 32 bytes.
void EncodeSealedHeader(ObjectType type, uint32_t key_id, const Salt& salt, ByteView commitment,
                        uint8_t* out);
// Whether an intact header (at least kObjectHeaderBytes) is that of an encrypted object.
bool IsSealedHeader(ByteView header);
uint32_t HeaderKeyId(ByteView header);
// The salt inside an encoded header (at least kObjectHeaderBytes).
Salt HeaderSalt(ByteView header);

// "commit", "pack", ...
const char* ObjectTypeName(ObjectType type);

}  // namespace maxbrod::repo
