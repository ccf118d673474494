// Reads blocks and indexes of packs back, checking every frame.
#pragma once

#include <vector>

#include "repo/block.h"
#include "repo/object.h"
#include "store/store.h"

namespace maxbrod::repo {

// The block's batches, as they were on the broker. Verifies each frame's check, the block header's identity
// against `entry`, and the length. Thread-safe as far as the store is.
Status ReadBlock(store::Store& store, const format::PackRef& pack, const BlockEntry& entry, Bytes* out,
                 const CallContext& context);

// The pack's index, its SHA-256 compared with the reference. Entries carry frame checks.
Result<std::vector<BlockEntry>> ReadPackIndex(store::Store& store, const format::PackRef& pack,
                                              const CallContext& context);

// Where and how a pack is damaged.
struct PackDamage {
  BlockOwner owner;
  int64_t first_offset = 0;
  int64_t last_offset = 0;
  std::string what;
};
// Reads the whole pack in order, compares frames with the index and calls `block` for each sound block; damage
// goes to `damage`. A non-OK status means that reading stopped (store failed, index unusable, callback error).
Status ScanPack(store::Store& store, const format::PackRef& pack,
                const std::function<Status(const BlockEntry&, ByteView batches)>& block,
                std::vector<PackDamage>* damage, const CallContext& context);

}  // namespace maxbrod::repo
