#include "repo/block_decoder.h"

#include <fmt/format.h>

namespace maxbrod::repo {
namespace {

Status Corrupt(std::string message) {
  return Status(Code::kCorrupt, std::move(message));
}

Status CheckIdentity(const BlockEntry& entry, const FrameView& frame, ByteView plain) {
  if (frame.header.kind != FrameKind::kBlockHeader || frame.header.flags != 0) {
    return Corrupt("does not begin with a block header");
  }
  MB_ASSIGN_OR_RETURN(format::BlockHeader header, ParseBlockHeader(plain));
  MB_ASSIGN_OR_RETURN(BlockOwner owner, OwnerOf(header));
  if (owner != entry.owner || header.first_offset() != entry.stats.first_offset ||
      header.last_offset() != entry.stats.last_offset ||
      header.plain_bytes() != entry.place.plain_bytes) {
    return Corrupt(fmt::format("another block lies in its place ({}-{}, offsets {} to {})",
                               owner.topic, owner.partition, header.first_offset(),
                               header.last_offset()));
  }
  return Status::Ok();
}

}  // namespace

Result<ByteView> BlockDecoder::DecodeFrames(const BlockEntry& entry, ByteView stored) {
  const BlockPlace& place = entry.place;
  if (!place.frame_checks.empty() && place.frame_checks.size() != place.frames) {
    return Corrupt("frame checks and frames differ in number");
  }
  ByteView left = stored;
  ByteView only;
  assembled_.clear();
  uint64_t plain_bytes = 0;
  for (uint32_t i = 0; i < place.frames; ++i) {
    uint64_t at = place.pack_offset + (stored.size() - left.size());
    MB_ASSIGN_OR_RETURN(FrameView frame, TakeFrame(checker_, place.first_frame + i, at, &left));
    if (!place.frame_checks.empty() && frame.check != place.frame_checks[i]) {
      return Corrupt(fmt::format("frame {} is not the one in the index", place.first_frame + i));
    }
    MB_ASSIGN_OR_RETURN(ByteView plain, PlainBytes(frame, &scratch_));
    if (i == 0) {
      MB_RETURN_IF_ERROR(CheckIdentity(entry, frame, plain));
      continue;
    }
    uint8_t flags = i + 1 == place.frames ? kFrameLastOfBlock : 0;
    if (frame.header.kind != FrameKind::kData || frame.header.flags != flags) {
      return Corrupt(fmt::format("frame {} is not in order", place.first_frame + i));
    }
    plain_bytes += plain.size();
    if (plain_bytes > place.plain_bytes) break;
    only = plain;
    if (place.frames > 2) Append(assembled_, plain);
  }
  if (plain_bytes != place.plain_bytes || !left.empty()) return Corrupt("has another length");
  return place.frames > 2 ? ByteView(assembled_) : only;
}

Result<ByteView> BlockDecoder::Decode(const BlockEntry& entry, ByteView stored) {
  auto plain = DecodeFrames(entry, stored);
  if (plain.ok()) return plain;
  return plain.status().WithContext(fmt::format("block of {}-{} at offset {}", entry.owner.topic,
                                                entry.owner.partition, entry.stats.first_offset));
}

}  // namespace maxbrod::repo
