#include "repo/block_decoder.h"

#include <fmt/format.h>

#include "codec/compress.h"

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
    if (!place.frame_checks.empty() && frame.check.crc != place.frame_checks[i]) {
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

// As above, but every frame is decrypted right to its place in the block.
Result<ByteView> BlockDecoder::DecodeSealed(const BlockEntry& entry, ByteView stored) {
  const BlockPlace& place = entry.place;
  if (!place.frame_tags.empty() && place.frame_tags.size() != place.frames * kAeadTagBytes) {
    return Corrupt("frame tags and frames differ in number");
  }
  // What it decrypts to is no longer than what is stored, unless it is compressed.
  if (place.plain_bytes > (place.frames - uint64_t{1}) * kFramePlainBytesMax) {
    return Corrupt("has another length");
  }
  if (assembled_.size() < place.plain_bytes) assembled_.resize(place.plain_bytes);
  ByteView left = stored;
  uint64_t done = 0;
  for (uint32_t i = 0; i < place.frames; ++i) {
    uint64_t at = place.pack_offset + (stored.size() - left.size());
    uint32_t ordinal = place.first_frame + i;
    MB_ASSIGN_OR_RETURN(SealedFrame frame, TakeSealedFrame(at, ordinal, &left));
    if (!place.frame_tags.empty() &&
        std::memcmp(frame.tag, place.frame_tags.data() + i * kAeadTagBytes, kAeadTagBytes) != 0) {
      return Corrupt(fmt::format("frame {} is not the one in the index", ordinal));
    }
    bool direct = i > 0 && frame.header.codec == FrameCodec::kNone;
    if (i > 0 && frame.header.plain_bytes > place.plain_bytes - done) {
      return Corrupt("has another length");
    }
    if (!direct && scratch_.size() < frame.sealed.size()) scratch_.resize(frame.sealed.size());
    uint8_t* out = direct ? assembled_.data() + done : scratch_.data();
    MB_RETURN_IF_ERROR(OpenSealedFrame(checker_, frame, ordinal, at, out));
    FrameView view{frame.header, ByteView(out, frame.sealed.size()), {}};
    if (i == 0) {
      Bytes unpacked;
      MB_ASSIGN_OR_RETURN(ByteView plain, PlainBytes(view, &unpacked));
      MB_RETURN_IF_ERROR(CheckIdentity(entry, view, plain));
      continue;
    }
    uint8_t flags = i + 1 == place.frames ? kFrameLastOfBlock : 0;
    if (frame.header.kind != FrameKind::kData || frame.header.flags != flags) {
      return Corrupt(fmt::format("frame {} is not in order", ordinal));
    }
    if (!direct) {
      MB_RETURN_IF_ERROR(ZstdDecompressInto(
          view.payload,
          MutableByteView(assembled_).subspan(static_cast<size_t>(done), view.header.plain_bytes)));
    }
    done += frame.header.plain_bytes;
  }
  if (done != place.plain_bytes || !left.empty()) return Corrupt("has another length");
  return ByteView(assembled_).first(static_cast<size_t>(done));
}

ByteView BlockDecoder::MoveTo(ByteView decoded, Bytes* storage) {
  if (decoded.data() == assembled_.data()) {
    storage->swap(assembled_);
  } else {
    storage->assign(decoded.begin(), decoded.end());
  }
  return ByteView(*storage).first(decoded.size());
}

Result<ByteView> BlockDecoder::Decode(const BlockEntry& entry, ByteView stored) {
  auto plain = checker_.cipher() == nullptr ? DecodeFrames(entry, stored)
                                            : DecodeSealed(entry, stored);
  if (plain.ok()) return plain;
  return plain.status().WithContext(fmt::format("block of {}-{} at offset {}", entry.owner.topic,
                                                entry.owner.partition, entry.stats.first_offset));
}

}  // namespace maxbrod::repo
