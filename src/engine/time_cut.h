// Where a restore ends that goes no further than a point in time, or an offset.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "os/deadline.h"
#include "repo/block_resolve.h"
#include "store/store.h"

namespace maxbrod::engine {

// Offsets below `offset` are kept, it and all behind it are cut off.
struct TimeCut {
  int64_t offset = 0;
  bool at_end = false;  // no record is later: nothing is cut off
  // The newest time among what is kept, -1 when nothing has one. Where a block or batch lies only
  // in part below the cut or above the start, it may be that of the other part (never beyond the
  // time asked for).
  int64_t timestamp_of_last = -1;
  // The block that holds the cut could not be read: the cut lies in it, at `offset` at the latest.
  bool bound = false;
};

// Whether a block cannot be read now; empty: all can.
using BlockIsCold = std::function<bool(const repo::BlockUse&)>;

// Cuts the partition's records at offsets [start, end) at the first one, in the order of offsets,
// whose timestamp is after `time_ms`, be it in the middle of a batch. Under CreateTime producers
// set the times, which then need not ascend: records behind the cut may be older than `time_ms`
// (they are cut off all the same), none before it is newer.
//
// LogAppendTime batches count by their append time. Control batches are passed over (a marker that
// a restore wrote carries the time of the restore), and so are records without a time (format 0).
// Records of aborted transactions count as others do.
//
// `blocks` as a plan has them, ascending. Reads only blocks that hold something newer, which is one
// in all but odd cases (such as a batch whose newest record was compacted away), and decodes one
// batch of it; `max_timestamp` of blocks and batches is believed, as the broker's own time index
// believes it. A block that is `cold` is not read but bounds the cut. Memory: one block and one
// decompressed batch. kCorrupt, or what the store says.
Result<TimeCut> FindTimeCut(store::Store& store, const std::vector<repo::BlockUse>& blocks,
                            int64_t start, int64_t end, int64_t time_ms, const CallContext& context,
                            const BlockIsCold& cold = {});

// "orders:3:12345", as --to-offset takes it: of this partition, offsets below 12345 are kept.
struct OffsetCut {
  std::string topic;
  int32_t partition = 0;
  int64_t offset = 0;
  bool operator==(const OffsetCut&) const = default;
};
// kInvalidArgument with a hint. Topic names hold no colon.
Result<OffsetCut> ParseToOffset(std::string_view text);

}  // namespace maxbrod::engine
