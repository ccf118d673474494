#include "repo/pack_format.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/crc32c.h"
#include "repo/keyring.h"

namespace maxbrod::repo {
namespace {

constexpr uint8_t kTrailerMagic[4] = {'M', 'X', 'B', 'E'};

Status Corrupt(std::string message) {
  return Status(Code::kCorrupt, std::move(message));
}

uint32_t TrailerCrc(PackId id, const uint8_t* trailer) {
  return Crc32cExtend(Crc32c(id.id.view()), ByteView(trailer, 16));
}

// Collects what the records of an index say.
struct IndexReader {
  const std::string& name;
  format::PackIndexHeader header;
  bool has_header = false;
  std::vector<BlockEntry> blocks;

  Status Add(ByteView bytes) {
    format::PackIndexRecord record;
    if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return Corrupt(name + ": a record of the index does not parse");
    }
    switch (record.record_case()) {
      case format::PackIndexRecord::kHeader:
        if (has_header) return Corrupt(name + ": the index has two headers");
        has_header = true;
        header = record.header();
        return Status::Ok();
      case format::PackIndexRecord::kRun: {
        if (!has_header) return Corrupt(name + ": the index does not begin with its header");
        Status status = DecodeRun(record.run(), &blocks);
        return status.ok() ? status : std::move(status).WithContext(name);
      }
      case format::PackIndexRecord::RECORD_NOT_SET:
        break;
    }
    return Status(Code::kUnsupported, name + ": an index record of an unknown kind")
        .WithHint("a newer maxbrod wrote this repository: use that version or a later one");
  }

  Status CheckHeader(PackId id, const FrameChecker& checker, const PackTrailer& trailer) const {
    if (!has_header) return Corrupt(name + ": the index has no header");
    if (header.key_id() != checker.key_id()) return Corrupt(name + ": the index names another key");
    if (AsText(id.id.view()) != header.pack_id())
      return Corrupt(name + ": the index is another pack's");
    if (header.data_bytes() != trailer.index_offset || header.frames() != trailer.first_frame ||
        header.blocks() != blocks.size()) {
      return Corrupt(name + ": the index contradicts itself");
    }
    return Status::Ok();
  }

  Status CheckTiling(const FrameChecker& checker, const PackTrailer& trailer) const {
    std::vector<const BlockPlace*> places;
    places.reserve(blocks.size());
    for (const BlockEntry& e : blocks) {
      bool checked = checker.cipher() ? !e.place.frame_tags.empty() : !e.place.frame_checks.empty();
      if (!checked) return Corrupt(name + ": a block without frame checks");
      places.push_back(&e.place);
    }
    std::sort(places.begin(), places.end(), [](const BlockPlace* a, const BlockPlace* b) {
      return a->pack_offset < b->pack_offset;
    });
    uint64_t at = kObjectHeaderBytes;
    uint64_t frame = 0;
    for (const BlockPlace* p : places) {
      if (p->pack_offset != at || p->first_frame != frame) {
        return Corrupt(
            fmt::format("{}: blocks of the index overlap or leave a gap at byte {}", name, at));
      }
      at += p->stored_bytes;
      frame += p->frames;
    }
    if (at != trailer.index_offset || frame != trailer.first_frame) {
      return Corrupt(name + ": blocks of the index do not end where it begins");
    }
    return Status::Ok();
  }
};

}  // namespace

void PackTrailer::Encode(PackId id, uint8_t* out) const {
  StoreBig<uint64_t>(out, index_offset);
  StoreBig<uint32_t>(out + 8, first_frame);
  StoreBig<uint32_t>(out + 12, frames);
  StoreBig<uint32_t>(out + 16, TrailerCrc(id, out));
  std::memcpy(out + 20, kTrailerMagic, sizeof(kTrailerMagic));
}

Result<PackTrailer> PackTrailer::Decode(PackId id, const uint8_t* in) {
  if (std::memcmp(in + 20, kTrailerMagic, sizeof(kTrailerMagic)) != 0) {
    return Corrupt("does not end with the trailer of a pack");
  }
  if (LoadBig<uint32_t>(in + 16) != TrailerCrc(id, in)) {
    return Corrupt("the trailer is damaged (CRC32C)");
  }
  PackTrailer trailer;
  trailer.index_offset = LoadBig<uint64_t>(in);
  trailer.first_frame = LoadBig<uint32_t>(in + 8);
  trailer.frames = LoadBig<uint32_t>(in + 12);
  return trailer;
}

Result<Bytes> EncodePackTail(PackId id, const FrameChecker& checker, uint64_t data_bytes,
                             uint32_t frames, const std::vector<BlockEntry>& blocks) {
  std::vector<const BlockEntry*> pointers;
  pointers.reserve(blocks.size());
  for (const BlockEntry& e : blocks) pointers.push_back(&e);
  std::vector<format::PackIndexRecord> records(1);
  format::PackIndexHeader* header = records[0].mutable_header();
  header->set_pack_id(ToString(id.id.view()));
  header->set_key_id(checker.key_id());
  header->set_frames(frames);
  header->set_blocks(blocks.size());
  header->set_data_bytes(data_bytes);
  for (format::BlockRun& run : EncodeRuns(pointers, RunUse::kPackIndex)) {
    *records.emplace_back().mutable_run() = std::move(run);
  }

  PackTrailer trailer{data_bytes, frames, static_cast<uint32_t>(records.size())};
  Bytes tail;
  for (size_t i = 0; i < records.size(); ++i) {
    MB_ASSIGN_OR_RETURN(FramePayload payload, ObjectBuilder::Encode(records[i]));
    AppendFrame(checker, frames + static_cast<uint32_t>(i), FrameKind::kRecord,
                i + 1 == records.size() ? kFrameLastOfObject : 0, payload, &tail);
  }
  size_t at = tail.size();
  tail.resize(at + kPackTrailerBytes);
  trailer.Encode(id, tail.data() + at);
  if (tail.size() > kPackIndexBytesMax) {
    return Status(Code::kInternal, "the index of the pack is larger than an index may be");
  }
  return tail;
}

Result<std::vector<BlockEntry>> DecodePackTail(const std::string& name, PackId id,
                                               const FrameChecker& checker, uint64_t index_offset,
                                               ByteView tail) {
  if (tail.size() < kPackTrailerBytes) return Corrupt(name + ": too short for an index");
  auto trailer = PackTrailer::Decode(id, tail.data() + tail.size() - kPackTrailerBytes);
  if (!trailer.ok()) return trailer.status().WithContext(name);
  if (trailer->index_offset != index_offset) {
    return Corrupt(fmt::format("{}: the index begins at byte {}, expected {}", name,
                               trailer->index_offset, index_offset));
  }
  ByteView left = tail.first(tail.size() - kPackTrailerBytes);
  size_t frames_bytes = left.size();
  IndexReader reader{name, {}, false, {}};
  Bytes scratch;
  for (uint32_t i = 0; i < trailer->frames; ++i) {
    auto frame = TakeFrame(checker, trailer->first_frame + i,
                           index_offset + (frames_bytes - left.size()), &left);
    if (!frame.ok()) return frame.status().WithContext(name + ": index");
    bool last = (frame->header.flags & kFrameLastOfObject) != 0;
    if (frame->header.kind != FrameKind::kRecord || last != (i + 1 == trailer->frames)) {
      return Corrupt(name + ": the index's frames are not in order");
    }
    auto plain = PlainBytes(*frame, &scratch);
    if (!plain.ok()) return plain.status().WithContext(name + ": index");
    MB_RETURN_IF_ERROR(reader.Add(*plain));
  }
  if (!left.empty()) return Corrupt(name + ": bytes between index and trailer");
  MB_RETURN_IF_ERROR(reader.CheckHeader(id, checker, *trailer));
  MB_RETURN_IF_ERROR(reader.CheckTiling(checker, *trailer));
  return std::move(reader.blocks);
}

Result<PackId> PackIdOf(const format::PackRef& ref) {
  if (ref.id().size() != 16) return Corrupt("a reference to a pack without an id of 16 bytes");
  return PackId{Uuid::FromBytes(AsBytes(ref.id()).data())};
}

Result<FrameChecker> PackCheckerOf(const std::string& name, const format::PackRef& ref,
                                   const Keyring* keys) {
  MB_ASSIGN_OR_RETURN(PackId id, PackIdOf(ref));
  if (keys == nullptr) {
    if (ref.key_id() == 0) return FrameChecker(id.id.view());
    return Status(Code::kUnsupported, name + ": encrypted, and no key was given")
        .WithHint("give the repository's key: --passphrase-file, --key-file, ...");
  }
  Salt salt;
  if (ref.salt().size() != salt.size() || ref.salt().compare(0, ref.id().size(), ref.id()) != 0) {
    return Corrupt(name + ": the reference to the pack has no salt, or another pack's");
  }
  std::memcpy(salt.data(), ref.salt().data(), salt.size());
  MB_ASSIGN_OR_RETURN(auto cipher, keys->OpenPack(name, ref.key_id(), salt));
  return FrameChecker(std::move(cipher));
}

}  // namespace maxbrod::repo
