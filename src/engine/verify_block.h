// One block against what the index says of it: every batch's CRC32C, and all statistics recomputed.
#pragma once

#include <string>
#include <vector>

#include "engine/verify.h"
#include "repo/block.h"

namespace maxbrod::engine {

// What is wrong with it, named by offset and `object`; empty when nothing is. Thread-safe.
std::vector<Problem> CheckBlock(const std::string& object, const repo::BlockEntry& entry,
                                ByteView batches);

// Of all that a pack's index and a manifest both say of a block.
uint64_t DigestOf(const repo::BlockEntry& entry);

}  // namespace maxbrod::engine
