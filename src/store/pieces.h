// Comparing bytes held as pieces, or as a checksum, with what a store holds.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "store/store.h"

namespace maxbrod::store {

uint64_t TotalBytes(std::span<const ByteView> pieces);

// Walks pieces as if they were one run of bytes. The pieces must outlive it. Not thread-safe.
class PieceCursor {
 public:
  explicit PieceCursor(std::span<const ByteView> pieces) : pieces_(pieces) {}
  // Whether `chunk` is what comes next; moves past it when it is. More than is left: false.
  bool Matches(ByteView chunk);

 private:
  std::span<const ByteView> pieces_;
  size_t piece_ = 0;
  size_t offset_ = 0;
};

// Reads `size` bytes in chunks of at most 1 MiB: `read(offset, out)` fills out. `take` may end it
// early by answering false.
Status ReadInChunks(uint64_t size, const std::function<Status(uint64_t, MutableByteView)>& read,
                    const std::function<bool(ByteView)>& take);

// Whether the object consists of exactly these bytes; kNotFound when there is none. "No" was seen
// twice.
Result<bool> HoldsBytes(Store& store, const ObjectInfo& info, std::span<const ByteView> pieces,
                        const CallContext& context);

// The same by length and CRC-32C: for streamed objects, whose bytes are gone. Good against
// accidents and under names that nobody else writes.
Result<bool> HoldsCrc(Store& store, const ObjectInfo& info, uint64_t size, uint32_t crc,
                      const CallContext& context);

}  // namespace maxbrod::store
