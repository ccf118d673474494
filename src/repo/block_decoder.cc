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

Status Named(const BlockEntry& entry, const Status& status) {
  return status.WithContext(fmt::format("block of {}-{} at offset {}", entry.owner.topic,
                                        entry.owner.partition, entry.stats.first_offset));
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

namespace {

// Whether every data frame holds the batches as they are. What the headers say is proven later.
bool IsUncompressed(const BlockEntry& entry, ByteView stored) {
  for (uint32_t i = 0; i < entry.place.frames; ++i) {
    auto frame = TakeSealedFrame(0, i, &stored);
    if (!frame.ok() || (i > 0 && frame->header.codec != FrameCodec::kNone)) return false;
  }
  return true;
}

}  // namespace

// As above, but every frame is decrypted right to its place in the block: in `assembled_`, or, with
// `in_place`, over its own ciphertext and then moved up to the frame before it.
Result<ByteView> BlockDecoder::DecodeSealed(const BlockEntry& entry, ByteView stored,
                                            uint8_t* in_place) {
  const BlockPlace& place = entry.place;
  if (!place.frame_tags.empty() && place.frame_tags.size() != place.frames * kAeadTagBytes) {
    return Corrupt("frame tags and frames differ in number");
  }
  constexpr uint64_t kFrameBytesMin = kFrameHeaderBytes + kSealedTrailerBytes;
  if (!place.frame_checks.empty()) return Corrupt("checksums of a plain pack for an encrypted one");
  if (place.frames == 0 || place.frames * kFrameBytesMin > stored.size() ||
      place.plain_bytes > (place.frames - uint64_t{1}) * kFramePlainBytesMax) {
    return Corrupt("has another length");
  }
  if (in_place == nullptr && assembled_.size() < place.plain_bytes) {
    assembled_.resize(place.plain_bytes);
  }
  uint8_t* block = in_place == nullptr ? assembled_.data() : nullptr;
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
    if (i == 0) {
      MB_RETURN_IF_ERROR(OpenIdentity(entry, frame, at));
      continue;
    }
    uint8_t flags = i + 1 == place.frames ? kFrameLastOfBlock : 0;
    if (frame.header.kind != FrameKind::kData || frame.header.flags != flags) {
      // Of an unknown kind, or simply wrong: the tag tells first.
      if (scratch_.size() < frame.sealed.size()) scratch_.resize(frame.sealed.size());
      MB_RETURN_IF_ERROR(OpenSealedFrame(checker_, frame, ordinal, at, scratch_.data()));
      return Corrupt(fmt::format("frame {} is not in order", ordinal));
    }
    if (frame.header.plain_bytes > place.plain_bytes - done) return Corrupt("has another length");
    if (in_place != nullptr) {
      uint8_t* payload = in_place + (frame.sealed.data() - stored.data());
      MB_RETURN_IF_ERROR(OpenSealedFrame(checker_, frame, ordinal, at, payload));
      if (block == nullptr) block = payload;
      if (block + done != payload) std::memmove(block + done, payload, frame.sealed.size());
    } else if (frame.header.codec == FrameCodec::kNone) {
      MB_RETURN_IF_ERROR(OpenSealedFrame(checker_, frame, ordinal, at, block + done));
    } else {
      if (scratch_.size() < frame.sealed.size()) scratch_.resize(frame.sealed.size());
      MB_RETURN_IF_ERROR(OpenSealedFrame(checker_, frame, ordinal, at, scratch_.data()));
      MB_RETURN_IF_ERROR(
          ZstdDecompressInto(ByteView(scratch_).first(frame.sealed.size()),
                             MutableByteView(block + done, frame.header.plain_bytes)));
    }
    done += frame.header.plain_bytes;
  }
  if (done != place.plain_bytes || !left.empty()) return Corrupt("has another length");
  return ByteView(block, static_cast<size_t>(done));
}

Status BlockDecoder::OpenIdentity(const BlockEntry& entry, const SealedFrame& frame, uint64_t at) {
  if (scratch_.size() < frame.sealed.size()) scratch_.resize(frame.sealed.size());
  MB_RETURN_IF_ERROR(
      OpenSealedFrame(checker_, frame, entry.place.first_frame, at, scratch_.data()));
  FrameView view{frame.header, ByteView(scratch_).first(frame.sealed.size()), {}};
  Bytes unpacked;
  MB_ASSIGN_OR_RETURN(ByteView plain, PlainBytes(view, &unpacked));
  return CheckIdentity(entry, view, plain);
}

Result<ByteView> BlockDecoder::DecodeInPlace(const BlockEntry& entry, MutableByteView stored) {
  if (checker_.cipher() == nullptr || !IsUncompressed(entry, stored)) return Decode(entry, stored);
  auto plain = DecodeSealed(entry, stored, stored.data());
  return plain.ok() ? plain : Named(entry, plain.status());
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
                                            : DecodeSealed(entry, stored, nullptr);
  return plain.ok() ? plain : Named(entry, plain.status());
}

}  // namespace maxbrod::repo
