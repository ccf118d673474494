// Reads blocks and indexes of packs back, checking every frame.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "repo/block.h"
#include "repo/object.h"
#include "store/store.h"

namespace maxbrod::repo {

// The block's batches, as they were on the broker. Verifies each frame's check, the block header's
// identity against `entry`, and the length; kCorrupt names the pack, the owner and the offset.
// Entries that come from a manifest carry no frame checks and are verified by the checks in the
// frames alone. Thread-safe as far as the store is.
Status ReadBlock(store::Store& store, const format::PackRef& pack, const BlockEntry& entry,
                 Bytes* out, const CallContext& context);
// The same without a copy where the block is one frame: `batches` points into `storage`, whose
// memory is used again by the next call.
Status ReadBlock(store::Store& store, const format::PackRef& pack, const BlockEntry& entry,
                 Bytes* storage, ByteView* batches, const CallContext& context);

// Reads many blocks of one pack with few requests: neighbours whose distance is less than 1 MiB
// come with one GetRange of at most 16 MiB (a larger block alone), and gaps do not count when more
// than a quarter of the pack is wanted. Calls `block` for each entry in the order of their places
// in the pack; `batches` is valid during the call. Stops at the first error. Memory: one range and
// one block.
using BlockCallback = std::function<Status(const BlockEntry& entry, ByteView batches)>;
Status ReadBlocks(store::Store& store, const format::PackRef& pack,
                  std::span<const BlockEntry* const> entries, const BlockCallback& block,
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
// Reads the whole pack in order, compares frames with the index and calls `block` for each sound
// block; damage goes to `damage`. A non-OK status means that reading stopped (store failed, index
// unusable, callback error).
Status ScanPack(store::Store& store, const format::PackRef& pack, const BlockCallback& block,
                std::vector<PackDamage>* damage, const CallContext& context);

// For repair: the reference of a pack that no commit names, made from its trailer and index. The
// SHA-256 is that of what is stored, so it proves nothing about who wrote it.
Result<format::PackRef> RecoverPackRef(store::Store& store, PackId id, bool small,
                                       const CallContext& context);
// For repair without an index: walks over the frames from the object header on and calls `block`
// for each sound block, as far as it gets; entries hold owner, offsets and place, but no
// statistics. After damage it goes on at the next block that it can find. Ends at the index or at
// the end of the object.
Status SalvagePack(store::Store& store, PackId id, bool small, const BlockCallback& block,
                   std::vector<PackDamage>* damage, const CallContext& context);

}  // namespace maxbrod::repo
