// Cuts the pieces of a block into frames and sums them up. Nothing is copied.
#pragma once

#include <span>
#include <vector>

#include "base/bytes.h"

namespace maxbrod::repo {

// One data frame to be: its plain bytes lie where the caller has them.
struct CutFrame {
  std::vector<ByteView> slices;
  uint32_t plain_bytes = 0;
  uint32_t crc = 0;  // CRC32C of the plain bytes; not computed when the cutter was told so
};

enum class CutSums : uint8_t {
  kNone,     // do not compute crc (the frame will be compressed)
  kBytes,    // from the bytes
  kBatches,  // composed from the checksums that RecordBatch v2 headers carry, where they do
};

// Frames of at most kFramePlainBytesMax; with kBatches a frame ends on a batch border unless one
// batch is larger than a frame.
std::vector<CutFrame> CutFrames(std::span<const ByteView> pieces, CutSums sums);

}  // namespace maxbrod::repo
