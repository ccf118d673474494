// Writes one pack: blocks of many partitions, then their index. See docs/format.md, "Packs".
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "repo/block.h"
#include "repo/object.h"
#include "store/store.h"

namespace maxbrod::repo {

// What is known about the CRC32C that each batch carries (RecordBatch v2).
enum class BatchChecks : uint8_t {
  kUnknown,   // nobody compared it: frame checks are computed from the bytes
  kVerified,  // the caller found it right: frame checks are composed from it, without another pass
              // over the bytes
};

struct PackOptions {
  bool small = false;  // name it under l0/ (continuous commits), else under pack/
  int zstd_level =
      0;  // 0: store batches as they are; else compress frames where a sample says it pays
  bool verify_writes = true;  // decode the index again before it is stored
  std::optional<Salt>
      salt;  // only for tests and golden files: a fixed salt, and with it the pack's id
};

// A finished pack, stored but not yet named by a commit.
struct SealedPack {
  format::PackRef ref;
  std::vector<BlockEntry> blocks;  // with frame checks
};

// Name of a pack's object: pack/<2 hex>/<32 hex> or l0/<2 hex>/<32 hex>.
std::string PackName(const format::PackRef& ref);
std::string PackName(PackId id, bool small);
// False when `name` is not the name of a pack.
bool ParsePackName(const std::string& name, PackId* id, bool* small);

// Not thread-safe (one per worker); must not outlive the store. Destroyed without Seal: nothing is
// stored.
class PackWriter {
 public:
  static Result<std::unique_ptr<PackWriter>> Create(store::Store& store, const PackOptions& options,
                                                    const CallContext& context);
  ~PackWriter();

  // Appends a block made of the pieces (concatenated they are the block's batches). The bytes are
  // handed to the store's writer without a copy of ours when they are not compressed, and are no
  // longer needed when it returns. With kVerified each piece must begin with a batch; a batch of an
  // old message format, or one that runs on into the next piece, is summed up from its bytes all
  // the same. At most kBlockPlainBytesMax bytes and kBlockAbortedMax aborted transactions. After an
  // error the writer can only be destroyed.
  Status AddBlock(const BlockOwner& owner, const BlockStats& stats,
                  std::span<const ByteView> pieces, BatchChecks checks = BatchChecks::kUnknown);
  PackId id() const;
  // Bytes of batches taken so far, and bytes stored.
  uint64_t plain_bytes() const;
  uint64_t stored_bytes() const;
  size_t blocks() const;
  // Writes the index and makes the pack visible and durable. Call once, after at least one block. A
  // lost reply is settled by reading the index back; kUnavailable (retryable, with a new writer)
  // when it did not arrive.
  Result<SealedPack> Seal(const CallContext& context);

 private:
  struct Impl;
  explicit PackWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace maxbrod::repo
