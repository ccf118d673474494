// Writes one pack: blocks of many partitions, then their index. See docs/format.md, "Packs".
#pragma once

#include <memory>
#include <span>

#include "repo/block.h"
#include "repo/object.h"
#include "store/store.h"

namespace maxbrod::repo {

struct PackOptions {
  bool small = false;          // name it under l0/ (continuous commits), else under pack/
  int zstd_level = 0;          // 0: store batches as they are; else compress frames where a sample says it pays
  bool verify_writes = true;   // decode the index again before it is stored
};

// A finished pack, stored but not yet named by a commit.
struct SealedPack {
  format::PackRef ref;
  std::vector<BlockEntry> blocks;  // with frame checks
};

// Name of a pack's object: pack/<2 hex>/<32 hex> or l0/<2 hex>/<32 hex>.
std::string PackName(const format::PackRef& ref);
std::string PackName(PackId id, bool small);

// Not thread-safe (one per worker); must not outlive the store. Destroyed without Seal: nothing is stored.
class PackWriter {
 public:
  static Result<std::unique_ptr<PackWriter>> Create(store::Store& store, const PackOptions& options,
                                                    const CallContext& context);
  ~PackWriter();

  // Appends a block made of the pieces (whole batches, concatenated they are the block's bytes). The bytes are
  // handed to the store's writer without a copy of ours when they are not compressed.
  Status AddBlock(const BlockOwner& owner, const BlockStats& stats, std::span<const ByteView> pieces);
  // Bytes of batches taken so far, and bytes stored.
  uint64_t plain_bytes() const;
  uint64_t stored_bytes() const;
  size_t blocks() const;
  // Writes the index and makes the pack visible and durable. Call once.
  Result<SealedPack> Seal(const CallContext& context);

 private:
  struct Impl;
  explicit PackWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace maxbrod::repo
