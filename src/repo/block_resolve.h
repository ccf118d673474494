// Which blocks a snapshot's partition is read from: each offset from exactly one block.
#pragma once

#include <map>
#include <vector>

#include "repo/block.h"
#include "repo/manifest.h"
#include "repo/state.h"

namespace maxbrod::repo {

// A block to read for a snapshot's partition, and which part of it: offsets in [use_from, use_to).
// Both ends lie on batch borders, except the snapshot's own start (inside the first batch) and its
// end.
struct BlockUse {
  BlockEntry entry;
  format::PackRef pack;
  int64_t use_from = 0;
  int64_t use_to = 0;
};

// The block index of one topic at one snapshot: everything a plan needs.
struct TopicBlocks {
  std::map<int32_t, std::vector<BlockUse>> partitions;  // ascending by offset
};

// Walks each partition's branch up its parents and trims overlaps: blocks are taken in order of
// (first offset, commit), what an earlier one has given is left out of a later one. That is right
// because writers that claim the same range of a branch hold the same batches (of a compacted
// one: the same batches less those compacted away), so borders fall on batch borders. Blocks beyond
// the end or wholly below the start are left out. kCorrupt when a branch's parent is missing.
Result<TopicBlocks> ResolveBlocks(const format::TopicSnapshot& topic,
                                  const std::vector<std::shared_ptr<const TopicManifest>>& shards);

// Sums over the parts used. Exact for whole blocks and for blocks without holes; of a block that is
// used in part, bytes (and records, if it has holes) count in proportion to the offsets.
struct UseTotals {
  uint64_t records = 0;
  uint64_t bytes = 0;
  int64_t max_timestamp = -1;
};
UseTotals SumUses(const std::vector<BlockUse>& uses);

}  // namespace maxbrod::repo
