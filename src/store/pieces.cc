#include "store/pieces.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/crc32c.h"

namespace maxbrod::store {
namespace {

// What was damaged on the way must not be taken for another writer's object.
constexpr int kLooks = 2;

Status ReadObject(Store& store, const ObjectInfo& info, const CallContext& context,
                  const std::function<bool(ByteView)>& take) {
  return ReadInChunks(
      info.size,
      [&](uint64_t at, MutableByteView out) { return store.GetRange(info.name, at, out, context); },
      take);
}

}  // namespace

uint64_t TotalBytes(std::span<const ByteView> pieces) {
  uint64_t total = 0;
  for (ByteView piece : pieces) total += piece.size();
  return total;
}

bool PieceCursor::Matches(ByteView chunk) {
  while (!chunk.empty()) {
    while (piece_ < pieces_.size() && offset_ == pieces_[piece_].size()) {
      ++piece_;
      offset_ = 0;
    }
    if (piece_ == pieces_.size()) return false;
    ByteView rest = pieces_[piece_].subspan(offset_);
    size_t common = std::min(rest.size(), chunk.size());
    if (!std::equal(chunk.begin(), chunk.begin() + static_cast<ptrdiff_t>(common), rest.begin())) {
      return false;
    }
    offset_ += common;
    chunk = chunk.subspan(common);
  }
  return true;
}

Status ReadInChunks(uint64_t size, const std::function<Status(uint64_t, MutableByteView)>& read,
                    const std::function<bool(ByteView)>& take) {
  Bytes buffer(static_cast<size_t>(std::min<uint64_t>(size, kMiB)));
  for (uint64_t at = 0; at < size;) {
    MutableByteView chunk(buffer.data(),
                          static_cast<size_t>(std::min<uint64_t>(size - at, buffer.size())));
    MB_RETURN_IF_ERROR(read(at, chunk));
    if (!take(chunk)) break;
    at += chunk.size();
  }
  return Status::Ok();
}

Result<bool> HoldsBytes(Store& store, const ObjectInfo& info, std::span<const ByteView> pieces,
                        const CallContext& context) {
  if (info.size != TotalBytes(pieces)) return false;
  bool same = false;
  for (int look = 1; look <= kLooks && !same; ++look) {
    PieceCursor cursor(pieces);
    same = true;
    MB_RETURN_IF_ERROR(ReadObject(store, info, context,
                                  [&](ByteView chunk) { return same = cursor.Matches(chunk); }));
  }
  return same;
}

Result<bool> HoldsCrc(Store& store, const ObjectInfo& info, uint64_t size, uint32_t crc,
                      const CallContext& context) {
  if (info.size != size) return false;
  uint32_t seen = ~crc;
  for (int look = 1; look <= kLooks && seen != crc; ++look) {
    seen = 0;
    MB_RETURN_IF_ERROR(ReadObject(store, info, context, [&](ByteView chunk) {
      seen = Crc32cExtend(seen, chunk);
      return true;
    }));
  }
  return seen == crc;
}

}  // namespace maxbrod::store
