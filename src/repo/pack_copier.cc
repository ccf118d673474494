#include "repo/pack_copier.h"

#include <algorithm>

#include "os/crash_point.h"
#include "repo/pack_reader.h"

namespace maxbrod::repo {
namespace {

constexpr int kZstdLevel = 3;

// Blocks that were compressed once are again.
bool WasCompressed(const std::vector<BlockEntry>& entries) {
  uint64_t plain = 0, stored = 0;
  for (const BlockEntry& entry : entries) {
    plain += entry.place.plain_bytes;
    stored += entry.place.stored_bytes;
  }
  return stored < plain - plain / 8;
}

}  // namespace

Status PackCopier::Copy(const format::PackRef& pack, const std::vector<BlockEntry>& entries) {
  std::vector<const BlockEntry*> pointers;
  for (const BlockEntry& entry : entries) pointers.push_back(&entry);
  // A pack that cannot be read whole must not leave half of itself behind.
  auto check = [](const BlockEntry&, ByteView) { return Status::Ok(); };
  MB_RETURN_IF_ERROR(ReadBlocks(store_, pack, pointers, check, context_));
  moved_.insert(pack.id());
  moves_.emptied[pack.id()];
  const int level = WasCompressed(entries) ? kZstdLevel : 0;
  auto take = [&](const BlockEntry& entry, ByteView batches) -> Status {
    if (writer_ == nullptr) {
      PackOptions options;
      options.zstd_level = level;
      MB_ASSIGN_OR_RETURN(writer_, PackWriter::Create(store_, options, context_));
    }
    MB_RETURN_IF_ERROR(writer_->AddBlock(entry.owner, entry.stats, {&batches, 1}));
    order_.emplace_back(pack.id(), entry.place.pack_offset);
    read_bytes_ += entry.place.stored_bytes;
    return writer_->stored_bytes() >= pack_bytes_ ? Seal() : Status::Ok();
  };
  return ReadBlocks(store_, pack, pointers, take, context_);
}

Status PackCopier::Seal() {
  MB_ASSIGN_OR_RETURN(SealedPack sealed, writer_->Seal(context_));
  writer_.reset();
  CrashPoint("rewrite.pack");
  const auto number = static_cast<uint32_t>(moves_.packs.size());
  std::sort(sealed.blocks.begin(), sealed.blocks.end(),
            [](const auto& a, const auto& b) { return a.place.pack_offset < b.place.pack_offset; });
  MB_CHECK(sealed.blocks.size() == order_.size());
  for (size_t i = 0; i < order_.size(); ++i) {
    sealed.blocks[i].place.DropChecks();
    moves_.emptied[order_[i].first][order_[i].second] = {number, sealed.blocks[i].place};
  }
  order_.clear();
  written_bytes_ += sealed.ref.length();
  moves_.packs.push_back(std::move(sealed.ref));
  return Status::Ok();
}

Result<BlockMoves> PackCopier::Finish() {
  if (writer_ != nullptr) MB_RETURN_IF_ERROR(Seal());
  return std::move(moves_);
}

}  // namespace maxbrod::repo
