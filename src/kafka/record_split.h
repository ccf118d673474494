// One entry of a log as batches that a broker takes from a producer: contiguous offsets,
// record_count == last_offset_delta + 1 (org.apache.kafka.storage.internals.log.LogValidator). For
// what compaction, cuts, the old formats and LogAppendTime leave behind.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "codec/compress.h"
#include "kafka/record.h"

namespace maxbrod::kafka {

// A broker keeps an object per record of a batch while it checks it: no batch needs more fillers.
inline constexpr uint64_t kSplitFillersMax = 100'000;

struct SplitOptions {
  // Only records of these offsets, both included.
  int64_t first_offset = 0;
  int64_t last_offset = std::numeric_limits<int64_t>::max();
  // False: a batch per run of consecutive offsets. True: a record without key and value, at its
  // predecessor's timestamp (before the first record: at that one's), in each hole, and one batch
  // over the whole range: of a v2 batch the offsets of its header that were asked for, of old
  // formats from the first record kept to the last.
  bool fill_holes = false;
  // A hole that would take the entry's fillers beyond this stays open, at the range's ends too: the
  // batch ends before it and another one begins behind it.
  uint64_t fillers_max = kSplitFillersMax;
  int level = kCompressionLevelDefault;
  size_t decompressed_max = kDecompressedBytesMax;
};

// Offsets from base_offset up to next_offset, which is not included. The bytes carry base_offset
// too; for a broker, which gives out its own, PatchBatch it to 0.
struct SplitBatch {
  int64_t base_offset = 0;
  int64_t next_offset = 0;
  uint64_t records = 0;  // the entry's own, without fillers
  Bytes bytes;
};

// Replaces *out by the entry's records in ascending batches of format 2 with the entry's codec, no
// producer, and no attribute but the codec (PatchBatch can set others). Keys, values and headers
// are copied as they are encoded, timestamps are what consumers saw: of LogAppendTime entries the
// append's, of format 0 -1 (which brokers take). *out is empty when no record is left, also with
// fill_holes. Does not check the entry's CRC.
//
// kCorrupt for damage and for more than `decompressed_max` bytes, kUnsupported for an unknown
// codec, kInvalidArgument for a control batch; *out is then empty.
Status SplitEntry(ByteView entry, const SplitOptions& options, std::vector<SplitBatch>* out);

}  // namespace maxbrod::kafka
