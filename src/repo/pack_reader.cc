#include "repo/pack_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/hash.h"
#include "repo/block_decoder.h"
#include "repo/pack_format.h"
#include "repo/pack_writer.h"
#include "repo/vault.h"

namespace maxbrod::repo {
namespace {

constexpr uint64_t kGapBytesMax = kMiB;
constexpr uint64_t kRangeBytesMax = 16 * kMiB;
// A larger buffer is only allocated after the store said that the object is that long.
constexpr uint64_t kUnprovenBytesMax = 64 * kMiB;

Status Corrupt(std::string message) {
  return Status(Code::kCorrupt, std::move(message));
}

// Reads ranges of one pack; nothing is allocated that the pack cannot hold.
class PackSource {
 public:
  static Result<PackSource> Open(store::Store& store, const format::PackRef& pack,
                                 const CallContext& context) {
    MB_ASSIGN_OR_RETURN(PackId id, PackIdOf(pack));
    MB_ASSIGN_OR_RETURN(FrameChecker checker, PackCheckerOf(PackName(pack), pack, KeysOf(store)));
    if (pack.index_offset() < kObjectHeaderBytes || pack.length() < pack.index_offset() ||
        pack.length() > INT64_MAX) {
      return Corrupt(PackName(pack) + ": the reference to the pack has impossible lengths");
    }
    return PackSource(store, pack, id, std::move(checker), context);
  }

  // Replaces *out by [offset, offset + size).
  Status Read(uint64_t offset, uint64_t size, Bytes* out) {
    if (offset > pack_.length() || size > pack_.length() - offset) {
      return Corrupt(
          fmt::format("{}: bytes {} to {} lie beyond its end", name_, offset, offset + size));
    }
    if (size > kUnprovenBytesMax) {
      MB_ASSIGN_OR_RETURN(store::ObjectInfo info, store_.Stat(name_, context_));
      if (info.size < offset + size) return Corrupt(name_ + ": shorter than its reference says");
    }
    out->resize(static_cast<size_t>(size));
    return store_.GetRange(name_, offset, *out, context_);
  }

  // Whether the entry lies inside the data area. Its own sums were checked when it was decoded.
  Status CheckPlace(const BlockEntry& e) const {
    if (e.place.pack_offset < kObjectHeaderBytes || e.place.pack_offset > pack_.index_offset() ||
        e.place.stored_bytes > pack_.index_offset() - e.place.pack_offset) {
      return Corrupt(fmt::format("{}: block of {}-{} at offset {} lies outside of the pack", name_,
                                 e.owner.topic, e.owner.partition, e.stats.first_offset));
    }
    return Status::Ok();
  }

  const std::string& name() const { return name_; }
  PackId id() const { return id_; }
  const FrameChecker& checker() const { return checker_; }
  uint64_t data_bytes() const { return pack_.index_offset(); }
  Keyring* keys() const { return KeysOf(store_); }
  const CallContext& context() const { return context_; }

 private:
  PackSource(store::Store& store, const format::PackRef& pack, PackId id, FrameChecker checker,
             const CallContext& context)
      : store_(store),
        pack_(pack),
        id_(id),
        checker_(std::move(checker)),
        context_(context),
        name_(PackName(pack)) {}

  store::Store& store_;
  const format::PackRef& pack_;
  PackId id_;
  FrameChecker checker_;
  const CallContext& context_;
  std::string name_;
};

struct Range {
  uint64_t offset = 0;
  uint64_t end = 0;
  std::span<const BlockEntry* const> entries;
};

// Cuts the entries, ascending by place, into ranges that are read at once.
std::vector<Range> PlanRanges(std::span<const BlockEntry* const> sorted, uint64_t data_bytes) {
  uint64_t wanted = 0;
  for (const BlockEntry* e : sorted) wanted += e->place.stored_bytes;
  uint64_t gap_max = wanted > data_bytes / 4 ? kRangeBytesMax : kGapBytesMax;
  std::vector<Range> ranges;
  for (size_t i = 0; i < sorted.size(); ++i) {
    const BlockPlace& place = sorted[i]->place;
    uint64_t end = place.pack_offset + place.stored_bytes;
    if (!ranges.empty()) {
      Range& last = ranges.back();
      bool near = place.pack_offset <= last.end || place.pack_offset - last.end < gap_max;
      if (near && std::max(last.end, end) - last.offset <= kRangeBytesMax) {
        last.end = std::max(last.end, end);
        last.entries = sorted.subspan(i - last.entries.size(), last.entries.size() + 1);
        continue;
      }
    }
    ranges.push_back({place.pack_offset, end, sorted.subspan(i, 1)});
  }
  return ranges;
}

std::vector<const BlockEntry*> SortedByPlace(std::span<const BlockEntry* const> entries) {
  std::vector<const BlockEntry*> sorted(entries.begin(), entries.end());
  std::sort(sorted.begin(), sorted.end(), [](const BlockEntry* a, const BlockEntry* b) {
    return a->place.pack_offset < b->place.pack_offset;
  });
  return sorted;
}

ByteView StoredBlock(const Bytes& buffer, const Range& range, const BlockEntry& e) {
  return ByteView(buffer).subspan(static_cast<size_t>(e.place.pack_offset - range.offset),
                                  static_cast<size_t>(e.place.stored_bytes));
}

// Reads a range; in its blocks, damage is reported and the rest goes on.
class Scanner {
 public:
  Scanner(PackSource& source, const BlockCallback& block, std::vector<PackDamage>* damage)
      : source_(source), decoder_(source.checker()), block_(block), damage_(damage) {}

  Status Scan(const Range& range) {
    Status read = source_.Read(range.offset, range.end - range.offset, &buffer_);
    if (read.code() == Code::kCorrupt) {
      if (range.entries.size() == 1) {
        Report(*range.entries[0], read);
        return Status::Ok();
      }
      // Cut short: what lies before the end is still good.
      for (const BlockEntry* const& e : range.entries) {
        MB_RETURN_IF_ERROR(
            Scan({e->place.pack_offset, e->place.pack_offset + e->place.stored_bytes, {&e, 1}}));
      }
      return Status::Ok();
    }
    MB_RETURN_IF_ERROR(read);
    for (const BlockEntry* e : range.entries) {
      auto plain = decoder_.Decode(*e, StoredBlock(buffer_, range, *e));
      if (plain.ok()) {
        MB_RETURN_IF_ERROR(block_(*e, *plain));
      } else if (plain.status().code() == Code::kCorrupt) {
        Report(*e, plain.status());
      } else {
        return plain.status().WithContext(source_.name());
      }
    }
    return source_.context().Check();
  }

 private:
  void Report(const BlockEntry& e, const Status& status) {
    damage_->push_back({e.owner, e.stats.first_offset, e.stats.last_offset, status.message()});
  }

  PackSource& source_;
  BlockDecoder decoder_;
  const BlockCallback& block_;
  std::vector<PackDamage>* damage_;
  Bytes buffer_;
};

// The object header is needed by nobody who has the reference, but by who has lost it.
void ScanHeader(PackSource& source, std::vector<PackDamage>* damage) {
  Bytes header;
  Status status = source.Read(0, kObjectHeaderBytes, &header);
  if (status.ok())
    status = CheckObjectHeader(ObjectType::kPack, source.name(), header, source.keys());
  if (status.ok()) {
    Salt salt = HeaderSalt(header);
    if (!std::equal(salt.begin(), salt.begin() + 16, source.id().id.bytes().begin())) {
      status = Corrupt(source.name() + ": the header is another pack's");
    }
  }
  if (!status.ok()) damage->push_back({{}, 0, 0, status.message()});
}

}  // namespace

Status ReadBlocks(store::Store& store, const format::PackRef& pack,
                  std::span<const BlockEntry* const> entries, const BlockCallback& block,
                  const CallContext& context) {
  MB_ASSIGN_OR_RETURN(PackSource source, PackSource::Open(store, pack, context));
  for (const BlockEntry* e : entries) MB_RETURN_IF_ERROR(source.CheckPlace(*e));
  std::vector<const BlockEntry*> sorted = SortedByPlace(entries);
  BlockDecoder decoder(source.checker());
  Bytes buffer;
  for (const Range& range : PlanRanges(sorted, source.data_bytes())) {
    MB_RETURN_IF_ERROR(context.Check());
    MB_RETURN_IF_ERROR(source.Read(range.offset, range.end - range.offset, &buffer));
    for (const BlockEntry* e : range.entries) {
      auto plain = decoder.Decode(*e, StoredBlock(buffer, range, *e));
      if (!plain.ok()) return plain.status().WithContext(source.name());
      MB_RETURN_IF_ERROR(block(*e, *plain));
    }
  }
  return Status::Ok();
}

Status ReadBlock(store::Store& store, const format::PackRef& pack, const BlockEntry& entry,
                 Bytes* storage, ByteView* batches, const CallContext& context) {
  MB_ASSIGN_OR_RETURN(PackSource source, PackSource::Open(store, pack, context));
  MB_RETURN_IF_ERROR(source.CheckPlace(entry));
  MB_RETURN_IF_ERROR(source.Read(entry.place.pack_offset, entry.place.stored_bytes, storage));
  BlockDecoder decoder(source.checker());
  auto plain = decoder.DecodeInPlace(entry, *storage);
  if (!plain.ok()) return plain.status().WithContext(source.name());
  *batches = *plain;
  bool inside = plain->data() >= storage->data() &&
                plain->data() + plain->size() <= storage->data() + storage->size();
  if (!inside) *batches = decoder.MoveTo(*plain, storage);
  return Status::Ok();
}

Status ReadBlock(store::Store& store, const format::PackRef& pack, const BlockEntry& entry,
                 Bytes* out, const CallContext& context) {
  Bytes storage;
  ByteView batches;
  MB_RETURN_IF_ERROR(ReadBlock(store, pack, entry, &storage, &batches, context));
  out->assign(batches.begin(), batches.end());
  return Status::Ok();
}

Result<std::vector<BlockEntry>> ReadPackIndex(store::Store& store, const format::PackRef& pack,
                                              const CallContext& context) {
  MB_ASSIGN_OR_RETURN(PackSource source, PackSource::Open(store, pack, context));
  uint64_t size = pack.length() - pack.index_offset();
  if (size > kPackIndexBytesMax) return Corrupt(source.name() + ": impossible length of the index");
  Bytes tail;
  MB_RETURN_IF_ERROR(source.Read(pack.index_offset(), size, &tail));
  if (AsText(Sha256(tail)) != pack.index_sha256()) {
    return Corrupt(source.name() + ": the index is not the one that was committed (SHA-256)");
  }
  return DecodePackTail(source.name(), source.id(), source.checker(), pack.index_offset(), tail);
}

Status ScanPack(store::Store& store, const format::PackRef& pack, const BlockCallback& block,
                std::vector<PackDamage>* damage, const CallContext& context) {
  MB_ASSIGN_OR_RETURN(PackSource source, PackSource::Open(store, pack, context));
  MB_ASSIGN_OR_RETURN(std::vector<BlockEntry> entries, ReadPackIndex(store, pack, context));
  MB_ASSIGN_OR_RETURN(store::ObjectInfo info, store.Stat(source.name(), context));
  if (info.size != pack.length()) {
    damage->push_back({{},
                       0,
                       0,
                       fmt::format("{}: {} bytes long, committed were {}", source.name(), info.size,
                                   pack.length())});
  }
  ScanHeader(source, damage);
  std::vector<const BlockEntry*> pointers;
  pointers.reserve(entries.size());
  for (const BlockEntry& e : entries) pointers.push_back(&e);
  std::vector<const BlockEntry*> sorted = SortedByPlace(pointers);
  Scanner scanner(source, block, damage);
  for (const Range& range : PlanRanges(sorted, source.data_bytes())) {
    MB_RETURN_IF_ERROR(scanner.Scan(range));
  }
  return Status::Ok();
}

}  // namespace maxbrod::repo
