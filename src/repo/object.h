// The envelope of every object in a repository, and the frames inside it (docs/format.md).
//
//   header (80 bytes): magic "MXBR", type, version, crypto mode, 0, key id, 32 random bytes, key commitment,
//                      CRC32C of the header
//   frames:            12-byte frame header, payload, trailer (plain: CRC32C; encrypted: GCM tag)
//
// Small objects (config, commits, checkpoints, manifests, snapshots) are a sequence of record frames, each one
// Protobuf message of at most 1 MiB; packs (pack_writer.h) hold blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/status.h"

namespace google::protobuf {
class MessageLite;
}

namespace maxbrod::repo {

inline constexpr size_t kObjectHeaderBytes = 80;
inline constexpr size_t kFrameHeaderBytes = 12;
inline constexpr size_t kFrameTrailerBytes = 4;     // plain repositories
inline constexpr size_t kFramePlainBytesMax = kMiB;
inline constexpr size_t kSmallObjectBytesMax = 64 * kMiB;
inline constexpr uint8_t kFormatVersion = 1;

enum class ObjectType : uint8_t {
  kConfig = 'C',
  kCommit = 'L',
  kCheckpoint = 'K',
  kManifest = 'M',
  kSnapshot = 'S',
  kPack = 'P',
};

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

// Builds a small object in memory. Not thread-safe.
class ObjectBuilder {
 public:
  explicit ObjectBuilder(ObjectType type);
  // kInternal when the message is larger than a frame may be.
  Status Add(const google::protobuf::MessageLite& record);
  // Call once, last: closes the object and returns its bytes.
  Bytes Finish();

 private:
  Bytes bytes_;
  Bytes pending_;
  bool has_pending_ = false;
  void Flush(bool last);
};

// Calls `record` with the plain bytes of each record frame, in order. Every length and check is verified first;
// a missing last frame is kCorrupt (truncation). `name` is for messages.
Status ReadObject(ObjectType type, const std::string& name, ByteView bytes,
                  const std::function<Status(ByteView record)>& record);

// Checks an object's header: kCorrupt (magic, type, CRC), kUnsupported (newer version, with a hint; encrypted).
Status CheckObjectHeader(ObjectType type, const std::string& name, ByteView bytes);
// Writes an 80-byte header with a fresh salt.
void EncodeObjectHeader(ObjectType type, uint8_t* out);

}  // namespace maxbrod::repo
