// One pass over the batch headers of fetched bytes: checks every CRC32C and sums up what a block's
// index needs.
#pragma once

#include <cstdint>
#include <functional>

#include "base/bytes.h"
#include "base/status.h"
#include "repo/block.h"

namespace maxbrod::engine {

// A run of whole, sound, consecutive batches.
struct BatchRun {
  ByteView bytes;
  repo::BlockStats stats;
};

// What a scan goes by and leaves behind for the next one.
struct ScanCursor {
  int64_t next_offset =
      0;  // batches wholly below are skipped (a fetch answers with the batch that holds the offset)
  int64_t end_offset = 0;  // batches beyond are left out
  uint64_t missing = 0;    // offsets found missing so far, inside and between batches (control
                           // batches count as there)
  int32_t last_epoch = -1;
};

// Calls `run` with pieces of at most about `run_bytes_max` (never splitting a batch). A batch cut
// off at the end is normal. A batch beyond the end moves the cursor to the end: nothing is left
// before it. kCorrupt names the offset of a batch whose CRC32C is wrong, kProtocol the one whose
// lengths lie, kConflict one that lies across the end.
Status ScanBatches(ByteView records, size_t run_bytes_max, ScanCursor* cursor,
                   const std::function<Status(const BatchRun&)>& run);

}  // namespace maxbrod::engine
