#include "repo/pack_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <tuple>

#include "codec/compress.h"
#include "codec/crc32c.h"
#include "codec/hash.h"
#include "repo/frame_cutter.h"
#include "repo/pack_format.h"
#include "repo/vault.h"

namespace maxbrod::repo {
namespace {

// A frame is tried with zstd when this much from its middle shrinks by more than a tenth.
constexpr size_t kSampleBytes = 32 * kKiB;
constexpr int kSampleLevel = 1;
constexpr size_t kCompressBytesMin = 256;

bool Pays(size_t packed, size_t plain) {
  return packed < plain - plain / 10;
}

ByteView Middle(ByteView bytes, size_t size) {
  return bytes.size() <= size ? bytes : bytes.subspan((bytes.size() - size) / 2, size);
}

Status CheckBlock(const BlockOwner& owner, const BlockStats& stats, uint64_t plain_bytes) {
  auto refuse = [&](const std::string& what) {
    return Status(Code::kInternal, fmt::format("block of {}-{} at offset {}: {}", owner.topic,
                                               owner.partition, stats.first_offset, what));
  };
  if (plain_bytes == 0 || plain_bytes > kBlockPlainBytesMax) {
    return refuse(fmt::format("{} bytes are no block", plain_bytes));
  }
  if (owner.partition < 0 || stats.first_offset < 0 || stats.last_offset < stats.first_offset ||
      stats.first_epoch < -1 || stats.last_epoch < stats.first_epoch ||
      stats.max_timestamp < stats.min_timestamp) {
    return refuse("impossible values");
  }
  if (stats.aborted.size() > kBlockAbortedMax) return refuse("too many aborted transactions");
  return Status::Ok();
}

}  // namespace

std::string PackName(PackId id, bool small) {
  std::string hex = id.id.ToHex();
  return (small ? "l0/" : "pack/") + hex.substr(0, 2) + "/" + hex;
}

std::string PackName(const format::PackRef& ref) {
  auto id = PackIdOf(ref);
  // A reference without a proper id names nothing; reading "pack/invalid" is answered with
  // kNotFound.
  return id.ok() ? PackName(*id, ref.small()) : "pack/invalid";
}

bool ParsePackName(const std::string& name, PackId* id, bool* small) {
  size_t hex = name.rfind('/') + 1;
  if (!Uuid::ParseHex(std::string_view(name).substr(hex), &id->id)) return false;
  *small = name.starts_with("l0/");
  return PackName(*id, *small) == name;
}

// The bytes of one block on their way to the store. Frame headers and trailers lie between the
// caller's slices.
struct PackWriter::Impl {
  Impl(store::Store& s, const PackOptions& o, const Salt& new_salt, FrameChecker new_checker)
      : store(s),
        options(o),
        salt(new_salt),
        id{Uuid::FromBytes(salt.data())},
        checker(std::move(new_checker)) {}

  store::Store& store;
  const PackOptions options;
  const Salt salt;
  const PackId id;
  const FrameChecker checker;
  std::string name;
  std::unique_ptr<store::ObjectWriter> object;
  Status broken;  // what went wrong before; the object is then unusable
  uint64_t stored_bytes = 0;
  uint64_t plain_bytes = 0;
  uint32_t frames = 0;
  std::vector<BlockEntry> blocks;

  // Of the block being appended.
  Bytes meta;                    // header frame, then header and trailer of each data frame
  std::vector<ByteView> pieces;  // what goes to the store
  std::deque<Bytes> packed;      // compressed payloads
  Bytes gathered;
  Bytes sealed_frame;  // one encrypted frame: the cache holds it until the store has taken it

  Status AppendBlock(const BlockOwner& owner, const BlockStats& stats,
                     std::span<const ByteView> batches, uint64_t size, BatchChecks checks);
  // The frame's payload as it will be stored; sets stored length, codec and CRC32C.
  ByteView Compress(const CutFrame& frame, FrameHeader* header, uint32_t* crc);
  void AddDataFrame(const CutFrame& frame, bool last, BlockPlace* place);
  Status AppendSealedFrames(const std::vector<CutFrame>& cut, BlockPlace* place);
  Result<SealedPack> Seal(const CallContext& context);
  Status Commit(const format::PackRef& ref, const CallContext& context);
};

ByteView PackWriter::Impl::Compress(const CutFrame& frame, FrameHeader* header, uint32_t* crc) {
  ByteView plain = frame.slices.front();
  if (frame.slices.size() > 1) {
    gathered.clear();
    for (ByteView slice : frame.slices) Append(gathered, slice);
    plain = gathered;
  }
  if (plain.size() >= kCompressBytesMin) {
    ByteView sample = Middle(plain, kSampleBytes);
    Bytes out;
    if (ZstdCompress(kSampleLevel, sample, &out).ok() && Pays(out.size(), sample.size()) &&
        ZstdCompress(options.zstd_level, plain, &out).ok() && Pays(out.size(), plain.size())) {
      header->codec = FrameCodec::kZstd;
      header->stored_bytes = static_cast<uint32_t>(out.size());
      if (crc != nullptr) *crc = Crc32c(out);
      packed.push_back(std::move(out));
      return packed.back();
    }
  }
  if (crc == nullptr) return {};
  *crc = 0;
  for (ByteView slice : frame.slices) *crc = Crc32cExtend(*crc, slice);
  return {};
}

void PackWriter::Impl::AddDataFrame(const CutFrame& frame, bool last, BlockPlace* place) {
  FrameHeader header;
  header.kind = FrameKind::kData;
  header.plain_bytes = header.stored_bytes = frame.plain_bytes;
  header.flags = last ? kFrameLastOfBlock : 0;
  uint32_t crc = frame.crc;
  ByteView payload;
  if (options.zstd_level != 0) payload = Compress(frame, &header, &crc);

  // `meta` has its full capacity already, so views of it stay valid.
  size_t at = meta.size();
  meta.resize(at + kFrameHeaderBytes);
  header.Encode(meta.data() + at);
  pieces.push_back(ByteView(meta).subspan(at, kFrameHeaderBytes));
  if (payload.empty()) {
    pieces.insert(pieces.end(), frame.slices.begin(), frame.slices.end());
  } else {
    pieces.push_back(payload);
  }
  uint32_t check = checker.Check(frames, meta.data() + at, crc, header.stored_bytes);
  at = meta.size();
  AppendBig<uint32_t>(meta, check);
  pieces.push_back(ByteView(meta).subspan(at, kFrameTrailerBytes));
  place->frame_checks.push_back(check);
  place->stored_bytes += kFrameHeaderBytes + header.stored_bytes + kFrameTrailerBytes;
  ++frames;
}

// The header frame, which `meta` holds, and the data frames: sealed one by one from the caller's
// slices into a buffer that stays in the CPU's cache, and given to the store from there.
Status PackWriter::Impl::AppendSealedFrames(const std::vector<CutFrame>& cut, BlockPlace* place) {
  MB_RETURN_IF_ERROR(object->Append(ByteView(meta)));
  sealed_frame.resize(kFrameHeaderBytes + kFramePlainBytesMax + kSealedTrailerBytes);
  for (size_t i = 0; i < cut.size(); ++i) {
    FrameHeader header;
    header.kind = FrameKind::kData;
    header.plain_bytes = header.stored_bytes = cut[i].plain_bytes;
    header.flags = i + 1 == cut.size() ? kFrameLastOfBlock : 0;
    ByteView payload;
    if (options.zstd_level != 0) payload = Compress(cut[i], &header, nullptr);
    std::span<const ByteView> plain = cut[i].slices;
    if (!payload.empty()) plain = {&payload, 1};
    header.Encode(sealed_frame.data());
    AeadTag tag = checker.cipher()->Seal(frames++, sealed_frame.data(), plain,
                                         sealed_frame.data() + kFrameHeaderBytes);
    size_t size = kFrameHeaderBytes + header.stored_bytes;
    std::memcpy(sealed_frame.data() + size, tag.data(), tag.size());
    size += tag.size();
    MB_RETURN_IF_ERROR(object->Append(ByteView(sealed_frame).first(size)));
    place->frame_tags.append(AsText(tag));
    place->stored_bytes += size;
    packed.clear();
  }
  return Status::Ok();
}

Status PackWriter::Impl::AppendBlock(const BlockOwner& owner, const BlockStats& stats,
                                     std::span<const ByteView> batches, uint64_t size,
                                     BatchChecks checks) {
  const bool encrypted = checker.cipher() != nullptr;
  CutSums sums = options.zstd_level != 0 || encrypted ? CutSums::kNone
                 : checks == BatchChecks::kVerified   ? CutSums::kBatches
                                                      : CutSums::kBytes;
  std::vector<CutFrame> cut = CutFrames(batches, sums);
  if (cut.size() + 1 > UINT32_MAX / 2 - frames) {
    return Status(Code::kInternal, name + ": more frames than a pack may have");
  }
  BlockEntry entry;
  entry.owner = owner;
  entry.stats = stats;
  entry.place.pack_offset = stored_bytes;
  entry.place.plain_bytes = size;
  entry.place.first_frame = frames;
  entry.place.frames = static_cast<uint32_t>(cut.size() + 1);
  if (!encrypted) entry.place.frame_checks.reserve(entry.place.frames);

  MB_ASSIGN_OR_RETURN(FramePayload identity,
                      ObjectBuilder::Encode(EncodeBlockHeader(owner, stats, size)));
  meta.clear();
  pieces.clear();
  packed.clear();
  const size_t overhead = kFrameHeaderBytes + checker.trailer_bytes();
  meta.reserve(identity.stored.size() + overhead * (encrypted ? 1 : cut.size() + 1));
  FrameCheck check = AppendFrame(checker, frames++, FrameKind::kBlockHeader, 0, identity, &meta);
  entry.place.stored_bytes = meta.size();
  if (encrypted) {
    entry.place.frame_tags = AsText(check.tag);
    MB_RETURN_IF_ERROR(AppendSealedFrames(cut, &entry.place));
  } else {
    entry.place.frame_checks.push_back(check.crc);
    pieces.push_back(meta);
    for (size_t i = 0; i < cut.size(); ++i) {
      AddDataFrame(cut[i], i + 1 == cut.size(), &entry.place);
    }
    MB_RETURN_IF_ERROR(object->Append(pieces));
  }
  stored_bytes += entry.place.stored_bytes;
  plain_bytes += size;
  blocks.push_back(std::move(entry));
  return Status::Ok();
}

Status PackWriter::Impl::Commit(const format::PackRef& ref, const CallContext& context) {
  MB_ASSIGN_OR_RETURN(store::PutResult put, object->Commit(context));
  switch (put.outcome) {
    case store::PutOutcome::kCreated:
    case store::PutOutcome::kExistsSame:
      return Status::Ok();
    case store::PutOutcome::kExistsOther:
      return Status(Code::kInternal, name + ": another object has this random name");
    case store::PutOutcome::kUnknown:
      break;
  }
  // The pack is whole if it is there at all, and its name is ours alone: its index tells.
  auto lost = [&](const Status& why) {
    return Status(Code::kUnavailable, fmt::format("{}: the store did not confirm the pack ({}; {})",
                                                  name, put.reason, why.message()))
        .WithHint("run the command again: nothing that was committed needs this pack")
        .Retryable();
  };
  auto info = store.Stat(name, context);
  if (!info.ok()) return lost(info.status());
  Bytes tail(static_cast<size_t>(ref.length() - ref.index_offset()));
  Status read = store.GetRange(name, ref.index_offset(), tail, context);
  if (!read.ok()) return lost(read);
  if (info->size != ref.length() || AsText(Sha256(tail)) != ref.index_sha256()) {
    return Status(Code::kCorrupt, name + ": the store holds other bytes than were written");
  }
  return Status::Ok();
}

Result<SealedPack> PackWriter::Impl::Seal(const CallContext& context) {
  if (blocks.empty()) return Status(Code::kInternal, name + ": a pack without blocks");
  std::sort(blocks.begin(), blocks.end(), [](const BlockEntry& a, const BlockEntry& b) {
    auto order = a.owner <=> b.owner;
    if (order != 0) return order < 0;
    return std::tie(a.stats.first_offset, a.place.pack_offset) <
           std::tie(b.stats.first_offset, b.place.pack_offset);
  });
  MB_ASSIGN_OR_RETURN(Bytes tail, EncodePackTail(id, checker, stored_bytes, frames, blocks));
  if (options.verify_writes) {
    auto again = DecodePackTail(name, id, checker, stored_bytes, tail);
    if (!again.ok() || *again != blocks) {
      return Status(Code::kInternal, name + ": the index does not read back as it was written")
          .WithHint("nothing was stored; suspect this machine's memory or a bug");
    }
  }
  SealedPack sealed;
  format::PackRef& ref = sealed.ref;
  ref.set_id(ToString(id.id.view()));
  ref.set_length(stored_bytes + tail.size());
  ref.set_index_offset(stored_bytes);
  ref.set_index_sha256(ToString(Sha256(tail)));
  ref.set_small(options.small);
  ref.set_plain_bytes(plain_bytes);
  ref.set_blocks(blocks.size());
  if (checker.cipher() != nullptr) {
    ref.set_key_id(checker.key_id());
    ref.set_salt(ToString(salt));
  }
  MB_RETURN_IF_ERROR(object->Append(ByteView(tail)));
  MB_RETURN_IF_ERROR(Commit(ref, context));
  stored_bytes += tail.size();
  sealed.blocks = std::move(blocks);
  return sealed;
}

PackWriter::PackWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PackWriter::~PackWriter() = default;

Result<std::unique_ptr<PackWriter>> PackWriter::Create(store::Store& store,
                                                       const PackOptions& options,
                                                       const CallContext& context) {
  Salt salt = options.salt ? *options.salt : FreshSalt();
  std::string name = PackName(PackId{Uuid::FromBytes(salt.data())}, options.small);
  FrameChecker checker(salt);
  if (const Keyring* keys = KeysOf(store)) {
    MB_ASSIGN_OR_RETURN(auto cipher, keys->Seal(ObjectType::kPack, name, salt));
    checker = FrameChecker(std::move(cipher));
  }
  auto impl = std::make_unique<Impl>(store, options, salt, std::move(checker));
  impl->name = std::move(name);
  MB_ASSIGN_OR_RETURN(impl->object, store.Create(impl->name, context));
  uint8_t plain_header[kObjectHeaderBytes];
  EncodeObjectHeader(ObjectType::kPack, salt, plain_header);
  ByteView header = plain_header;
  if (ObjectCipher* cipher = impl->checker.cipher()) header = cipher->header();
  MB_RETURN_IF_ERROR(impl->object->Append(header));
  impl->stored_bytes = kObjectHeaderBytes;
  return std::unique_ptr<PackWriter>(new PackWriter(std::move(impl)));
}

Status PackWriter::AddBlock(const BlockOwner& owner, const BlockStats& stats,
                            std::span<const ByteView> pieces, BatchChecks checks) {
  MB_RETURN_IF_ERROR(impl_->broken);
  uint64_t size = 0;
  for (ByteView piece : pieces) size += piece.size();
  MB_RETURN_IF_ERROR(CheckBlock(owner, stats, size));
  Status status = impl_->AppendBlock(owner, stats, pieces, size, checks);
  if (!status.ok()) impl_->broken = status;
  return status;
}

Result<SealedPack> PackWriter::Seal(const CallContext& context) {
  MB_RETURN_IF_ERROR(impl_->broken);
  impl_->broken = Status(Code::kInternal, impl_->name + ": sealed already");
  return impl_->Seal(context);
}

PackId PackWriter::id() const {
  return impl_->id;
}
uint64_t PackWriter::plain_bytes() const {
  return impl_->plain_bytes;
}
uint64_t PackWriter::stored_bytes() const {
  return impl_->stored_bytes;
}
size_t PackWriter::blocks() const {
  return impl_->blocks.size();
}

}  // namespace maxbrod::repo
