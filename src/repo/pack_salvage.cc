// Repair: packs whose reference or index is lost. The walk needs nothing but the frames themselves:
//   1. From the object header on, take frame after frame; the ordinal is counted along.
//   2. A block header frame begins a block; its data frames follow up to the one marked last.
//   3. A frame whose check fails, but whose header has possible lengths, is stepped over by these.
//   What follows up to the next
//      block header is lost.
//   4. Where that leads nowhere, look byte by byte for something that could be a block header
//   frame; its ordinal is not known,
//      so the ones possible by the bytes skipped are tried.
#include <fmt/format.h>

#include <algorithm>

#include "codec/crc32c.h"
#include "codec/hash.h"
#include "repo/pack_format.h"
#include "repo/pack_reader.h"
#include "repo/pack_writer.h"
#include "repo/vault.h"

namespace maxbrod::repo {
namespace {

constexpr size_t kChunkBytes = 8 * kMiB;
constexpr size_t kFrameBytesMax = kFrameHeaderBytes + kFramePlainBytesMax + kSealedTrailerBytes;
// How many ordinals a lost place in the pack is tried with.
constexpr uint64_t kOrdinalsMax = 1 << 16;
// More than a block header can have: what is longer is not worth trying keys on.
constexpr uint32_t kBlockHeaderBytesMax = 4 * kKiB;

// A window that moves forward over an object.
class Window {
 public:
  Window(store::Store& store, const std::string& name, uint64_t size, const CallContext& context)
      : store_(store), name_(name), size_(size), context_(context) {}

  // The bytes from the current position on: at least one whole frame's, or all that are left.
  Result<ByteView> Front() {
    uint64_t want = std::min<uint64_t>(size_ - at_, kFrameBytesMax);
    if (at_ > base_ + buffer_.size()) {
      buffer_.clear();
      base_ = at_;
    }
    uint64_t have = base_ + buffer_.size() - at_;
    if (have < want) {
      buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<ptrdiff_t>(at_ - base_));
      base_ = at_;
      size_t more = static_cast<size_t>(std::min<uint64_t>(size_ - base_ - have, kChunkBytes));
      size_t old = buffer_.size();
      buffer_.resize(old + more);
      MB_RETURN_IF_ERROR(context_.Check());
      MB_RETURN_IF_ERROR(
          store_.GetRange(name_, base_ + old, MutableByteView(buffer_).subspan(old), context_));
    }
    return ByteView(buffer_).subspan(static_cast<size_t>(at_ - base_));
  }
  void Advance(uint64_t bytes) { at_ += std::min(bytes, size_ - at_); }
  uint64_t at() const { return at_; }
  bool AtEnd() const { return at_ == size_; }

 private:
  store::Store& store_;
  const std::string& name_;
  const uint64_t size_;
  const CallContext& context_;
  Bytes buffer_;
  uint64_t base_ = 0;
  uint64_t at_ = 0;
};

class Salvager {
 public:
  Salvager(Window& window, FrameChecker checker, const BlockCallback& block,
           std::vector<PackDamage>* damage)
      : window_(window),
        checker_(std::move(checker)),
        frame_overhead_(kFrameHeaderBytes + checker_.trailer_bytes()),
        block_(block),
        damage_(damage) {}

  Status Run() {
    window_.Advance(kObjectHeaderBytes);
    while (!window_.AtEnd() && !at_index_) MB_RETURN_IF_ERROR(Step());
    if (!at_index_) Damage("the pack ends without an index");
    return Status::Ok();
  }

 private:
  Status Step() {
    MB_ASSIGN_OR_RETURN(ByteView front, window_.Front());
    ByteView left = front;
    auto frame = TakeFrame(checker_, ordinal_, window_.at(), &left);
    if (!frame.ok()) {
      if (frame.status().code() != Code::kCorrupt) return frame.status();
      Damage(frame.status().message());
      return StepOver(front);
    }
    MB_RETURN_IF_ERROR(Take(*frame));
    ++ordinal_;
    window_.Advance(front.size() - left.size());
    if (in_block_ && (frame->header.flags & kFrameLastOfBlock) != 0) return EndBlock();
    return Status::Ok();
  }

  Status Take(const FrameView& frame) {
    MB_ASSIGN_OR_RETURN(ByteView plain, PlainBytes(frame, &scratch_));
    switch (frame.header.kind) {
      case FrameKind::kRecord:
        if (in_block_) Damage("the block has no end");
        in_block_ = false;
        at_index_ = true;
        return Status::Ok();
      case FrameKind::kBlockHeader:
        if (in_block_) Damage("the block has no end");
        return BeginBlock(plain);
      case FrameKind::kData:
        if (!in_block_) return Status::Ok();  // of a block already reported
        ++entry_.place.frames;
        if (batches_.size() + plain.size() <= entry_.place.plain_bytes) {
          Append(batches_, plain);
        } else {
          Damage("the block is longer than its header says");
          in_block_ = false;
        }
        return Status::Ok();
    }
    return Status(Code::kInternal, "frame kind");
  }

  Status BeginBlock(ByteView plain) {
    in_block_ = false;
    auto header = ParseBlockHeader(plain);
    if (!header.ok()) {
      Damage(header.status().message());
      return Status::Ok();
    }
    entry_ = BlockEntry();
    MB_ASSIGN_OR_RETURN(entry_.owner, OwnerOf(*header));
    entry_.stats.first_offset = header->first_offset();
    entry_.stats.last_offset = header->last_offset();
    entry_.place.pack_offset = window_.at();
    entry_.place.plain_bytes = header->plain_bytes();
    entry_.place.first_frame = ordinal_;
    entry_.place.frames = 1;
    batches_.clear();
    in_block_ = true;
    return Status::Ok();
  }

  Status EndBlock() {
    in_block_ = false;
    if (batches_.size() != entry_.place.plain_bytes) {
      Damage("the block is shorter than its header says");
      return Status::Ok();
    }
    entry_.place.stored_bytes = window_.at() - entry_.place.pack_offset;
    return block_(entry_, batches_);
  }

  // Behind a damaged frame.
  Status StepOver(ByteView front) {
    in_block_ = false;
    if (front.size() < frame_overhead_) {
      window_.Advance(front.size());
      return Status::Ok();
    }
    auto header = FrameHeader::Decode(front.data());
    if (header.ok()) {
      size_t size = header->stored_bytes + frame_overhead_;
      ByteView next = size < front.size() ? front.subspan(size) : ByteView();
      if (TakeFrame(checker_, ordinal_ + 1, window_.at() + size, &next).ok()) {
        window_.Advance(size);
        ++ordinal_;
        return Status::Ok();
      }
    }
    return Search();
  }

  Status Search() {
    uint64_t from = window_.at();
    for (window_.Advance(1); !window_.AtEnd(); window_.Advance(1)) {
      MB_ASSIGN_OR_RETURN(ByteView front, window_.Front());
      if (front.size() < frame_overhead_) break;
      if (front[8] != static_cast<uint8_t>(FrameKind::kBlockHeader) || front[10] != 0) continue;
      auto header = FrameHeader::Decode(front.data());
      if (!header.ok()) continue;
      uint64_t ordinals = (window_.at() - from) / frame_overhead_ + 1;
      if (FindOrdinal(front, *header, std::min(ordinals, kOrdinalsMax))) return Status::Ok();
    }
    MB_ASSIGN_OR_RETURN(ByteView rest, window_.Front());
    window_.Advance(rest.size());
    return Status::Ok();
  }

  bool FindOrdinal(ByteView front, const FrameHeader& header, uint64_t tries) {
    if (header.stored_bytes > front.size() - frame_overhead_) return false;
    if (checker_.cipher() != nullptr) {
      return header.stored_bytes <= kBlockHeaderBytesMax && FindSealedOrdinal(front, tries);
    }
    ByteView payload = front.subspan(kFrameHeaderBytes, header.stored_bytes);
    uint32_t check = LoadBig<uint32_t>(payload.data() + payload.size());
    uint32_t crc = Crc32c(payload);
    for (uint32_t i = 1; i <= tries; ++i) {
      if (checker_.Check(ordinal_ + i, front.data(), crc, header.stored_bytes) == check) {
        ordinal_ += i;
        return true;
      }
    }
    return false;
  }

  bool FindSealedOrdinal(ByteView front, uint64_t tries) {
    for (uint32_t i = 1; i <= tries; ++i) {
      ByteView left = front;
      if (!TakeFrame(checker_, ordinal_ + i, window_.at(), &left).ok()) continue;
      ordinal_ += i;
      return true;
    }
    return false;
  }

  void Damage(const std::string& what) {
    PackDamage d;
    if (in_block_) {
      d.owner = entry_.owner;
      d.first_offset = entry_.stats.first_offset;
      d.last_offset = entry_.stats.last_offset;
    }
    d.what = what;
    damage_->push_back(std::move(d));
  }

  Window& window_;
  FrameChecker checker_;
  const size_t frame_overhead_;  // header and trailer
  const BlockCallback& block_;
  std::vector<PackDamage>* damage_;
  uint32_t ordinal_ = 0;
  bool in_block_ = false;
  bool at_index_ = false;
  BlockEntry entry_;
  Bytes batches_;
  Bytes scratch_;
};

// From the pack's own header: no reference is at hand.
Result<FrameChecker> StoredPackChecker(store::Store& store, const std::string& name, PackId id,
                                       Salt* salt, const CallContext& context) {
  const Keyring* keys = KeysOf(store);
  if (keys == nullptr) return FrameChecker(id.id.view());
  uint8_t header[kObjectHeaderBytes];
  MB_RETURN_IF_ERROR(store.GetRange(name, 0, header, context));
  MB_ASSIGN_OR_RETURN(FrameChecker checker, CheckerOf(ObjectType::kPack, name, header, keys));
  *salt = HeaderSalt(header);
  return checker;
}

}  // namespace

Result<format::PackRef> RecoverPackRef(store::Store& store, PackId id, bool small,
                                       const CallContext& context) {
  std::string name = PackName(id, small);
  MB_ASSIGN_OR_RETURN(store::ObjectInfo info, store.Stat(name, context));
  if (info.size < kObjectHeaderBytes + kPackTrailerBytes) {
    return Status(Code::kCorrupt, name + ": too short for a pack");
  }
  uint8_t end[kPackTrailerBytes];
  MB_RETURN_IF_ERROR(store.GetRange(name, info.size - kPackTrailerBytes, end, context));
  auto trailer = PackTrailer::Decode(id, end);
  if (!trailer.ok()) return trailer.status().WithContext(name);
  if (trailer->index_offset < kObjectHeaderBytes || trailer->index_offset > info.size ||
      info.size - trailer->index_offset > kPackIndexBytesMax) {
    return Status(Code::kCorrupt, name + ": the trailer names an impossible index");
  }
  Bytes tail(static_cast<size_t>(info.size - trailer->index_offset));
  MB_RETURN_IF_ERROR(store.GetRange(name, trailer->index_offset, tail, context));
  Salt salt{};
  MB_ASSIGN_OR_RETURN(FrameChecker checker, StoredPackChecker(store, name, id, &salt, context));
  MB_ASSIGN_OR_RETURN(std::vector<BlockEntry> blocks,
                      DecodePackTail(name, id, checker, trailer->index_offset, tail));
  format::PackRef ref;
  ref.set_id(ToString(id.id.view()));
  ref.set_length(info.size);
  ref.set_index_offset(trailer->index_offset);
  ref.set_index_sha256(ToString(Sha256(tail)));
  ref.set_small(small);
  if (checker.cipher() != nullptr) {
    ref.set_key_id(checker.key_id());
    ref.set_salt(ToString(salt));
  }
  ref.set_blocks(blocks.size());
  uint64_t plain_bytes = 0;
  for (const BlockEntry& e : blocks) plain_bytes += e.place.plain_bytes;
  ref.set_plain_bytes(plain_bytes);
  return ref;
}

Status SalvagePack(store::Store& store, PackId id, bool small, const BlockCallback& block,
                   std::vector<PackDamage>* damage, const CallContext& context) {
  std::string name = PackName(id, small);
  MB_ASSIGN_OR_RETURN(store::ObjectInfo info, store.Stat(name, context));
  Salt salt{};
  MB_ASSIGN_OR_RETURN(FrameChecker checker, StoredPackChecker(store, name, id, &salt, context));
  Window window(store, name, info.size, context);
  return Salvager(window, std::move(checker), block, damage).Run();
}

}  // namespace maxbrod::repo
