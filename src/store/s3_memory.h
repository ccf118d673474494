// How a process shares its memory between the objects that S3 writers hold and everything else.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/limits.h"

namespace maxbrod::store {

struct S3Memory {
  uint64_t part_bytes = 64 * kMiB;  // of objects, or parts of larger ones, that go up at once
  uint64_t parts = 2;               // held at once, those being filled and those on their way
  uint64_t rest = 0;                // for everything else
  uint64_t held() const { return part_bytes * parts; }
};

// Five eighths of `total` for at least two parts of 64 MiB: a part of less where that is too much,
// down to 8 MiB (S3 wants 5); then `rest` may be nothing.
inline S3Memory ShareS3Memory(uint64_t total) {
  constexpr uint64_t kPartMin = 8 * kMiB;
  constexpr uint64_t kPartsMax = 8;
  const uint64_t share = total / 8 * 5;
  S3Memory memory;
  memory.part_bytes = std::clamp(share / 2 / kMiB * kMiB, kPartMin, 64 * kMiB);
  memory.parts = std::clamp<uint64_t>(share / memory.part_bytes, 2, kPartsMax);
  memory.rest = total - std::min(total, memory.held());
  return memory;
}

}  // namespace maxbrod::store
