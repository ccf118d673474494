// What the repository knows of a block: a run of consecutive batches of one partition, kept
// verbatim. A restore plan is made of these alone, without touching a (perhaps cold) pack.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"
#include "base/status.h"
#include "repo/format.pb.h"

namespace maxbrod::repo {

enum BlockFlags : uint32_t {
  kBlockLogAppendTime = 1u << 0,   // some batch carries the LogAppendTime mark
  kBlockOldMagic = 1u << 1,        // message format 0 or 1
  kBlockTransactional = 1u << 2,   // some batch is transactional
  kBlockIdempotent = 1u << 3,      // some batch has a producer id
  kBlockDeleteHorizon = 1u << 4,   // some batch carries a delete horizon (KIP-534)
  kBlockEmptyBatch = 1u << 5,      // some batch header without records, left by compaction
  kBlockUnknownControl = 1u << 6,  // some control batch that is no transaction marker
};

struct AbortedTransaction {
  int64_t producer_id = 0;
  int64_t first_offset = 0;
  int64_t last_offset = 0;  // the abort marker's offset
  bool operator==(const AbortedTransaction&) const = default;
};

// Offsets are the partition's; timestamps milliseconds since the epoch, -1 where no batch has one.
struct BlockStats {
  int64_t first_offset = 0;
  int64_t last_offset = -1;
  int32_t first_epoch = -1;
  int32_t last_epoch = -1;
  uint32_t batches = 0;
  uint64_t records = 0;
  uint64_t holes_inside = 0;
  uint64_t holes_between = 0;
  uint64_t missing_before = 0;
  uint32_t markers = 0;
  int64_t min_timestamp = -1;
  int64_t max_timestamp = -1;
  uint32_t flags = 0;
  uint32_t largest_batch = 0;
  uint32_t codecs = 0;
  std::vector<AbortedTransaction> aborted;
  bool operator==(const BlockStats&) const = default;
};

// Whose block it is.
struct BlockOwner {
  TopicId topic_id;
  std::string topic;
  int32_t partition = 0;
  uint64_t branch = 0;
  Generation generation;
  bool operator==(const BlockOwner&) const = default;
  auto operator<=>(const BlockOwner&) const = default;
};

// Where it lies. `frame_checks` (plain packs) or `frame_tags` (encrypted ones) is filled when the
// entry comes from a pack's index; from a manifest both are empty.
struct BlockPlace {
  uint64_t pack_offset = 0;   // of the header frame
  uint64_t stored_bytes = 0;  // all its frames
  uint64_t plain_bytes = 0;   // the batches
  uint32_t first_frame = 0;
  uint32_t frames = 0;
  std::vector<uint32_t> frame_checks;
  std::string frame_tags;  // 16 bytes a frame
  void DropChecks();
  bool operator==(const BlockPlace&) const = default;
};

struct BlockEntry {
  BlockOwner owner;
  BlockStats stats;
  BlockPlace place;
  uint32_t pack = 0;    // index into the list of packs it came with
  uint64_t commit = 0;  // sequence of the commit that brought it; 0 while not committed
  bool operator==(const BlockEntry&) const = default;
};

// Limits of format v1, so that every block fits an index record.
inline constexpr size_t kBlockAbortedMax = 16384;  // aborted transactions of one block
inline constexpr uint64_t kBlockPlainBytesMax =
    uint64_t{2} * kGiB + kMiB;  // one batch may have 2 GiB
inline constexpr size_t kRunBlocksMax = 16384;

// The block's identity inside its pack.
format::BlockHeader EncodeBlockHeader(const BlockOwner& owner, const BlockStats& stats,
                                      uint64_t plain_bytes);
// kCorrupt when the bytes are no block header or its values make no sense.
Result<format::BlockHeader> ParseBlockHeader(ByteView record);
// kCorrupt unless a topic id has 16 bytes.
Result<BlockOwner> OwnerOf(const format::BlockHeader& header);

// Which columns a run has: a pack index holds frame checks, a manifest the pack and the commit.
enum class RunUse : uint8_t { kPackIndex, kManifest };

// Packs the entries (all of one owner, ascending by first offset, at most kRunBlocksMax) into
// columns. A column that would hold only zeros is left out.
format::BlockRun EncodeRun(const std::vector<const BlockEntry*>& entries, RunUse use);
// The same for entries of any owners, sorted by (owner, first offset): cut so that each run fits a
// record.
std::vector<format::BlockRun> EncodeRuns(const std::vector<const BlockEntry*>& entries, RunUse use);
// kCorrupt when columns differ in length or values make no sense; appends to `out` (nothing on an
// error).
Status DecodeRun(const format::BlockRun& run, std::vector<BlockEntry>* out);

}  // namespace maxbrod::repo
