// What the state of a repository tells a snapshot about its partitions.
#pragma once

#include <vector>

#include "repo/state.h"

namespace maxbrod::repo {

// Why offsets inside a snapshot are missing, where nobody said.
inline constexpr char kNeverRead[] =
    "not in the repository: gone from the source before it was read";

// Generation and gaps of `partition` (its branch, start and end are given; reasons of gaps that it
// has are kept), and the branches from its own up to its root, which go to `topic`. `info` is null
// for a partition that the state does not know. kInvalidArgument for offsets or a branch that
// cannot be, kCorrupt when a branch's parent is missing.
Status FillPartition(const PartitionInfo* info, format::PartitionSnapshot* partition,
                     format::TopicSnapshot* topic);

// Sums topics and groups up in the header's statistics.
void FillStats(const std::vector<format::TopicSnapshot>& topics, size_t groups,
               format::SnapshotHeader* header);

}  // namespace maxbrod::repo
