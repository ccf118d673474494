// Copies blocks out of packs into new ones, each checked on its way; encrypted anew where the
// repository is encrypted.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "repo/pack_writer.h"
#include "repo/reindex.h"

namespace maxbrod::repo {

// Not thread-safe. Memory: one range (16 MiB) or block, and what the store's writer holds.
class PackCopier {
 public:
  PackCopier(store::Store& store, uint64_t pack_bytes, const CallContext& context)
      : store_(store), pack_bytes_(pack_bytes), context_(context) {}

  // Copies these blocks of the pack; kCorrupt or kNotFound where one cannot be read: then none of
  // the pack has moved.
  Status Copy(const format::PackRef& pack, const std::vector<BlockEntry>& entries);
  // Ends the pack that is being written. Call once, last.
  Result<BlockMoves> Finish();
  uint64_t read_bytes() const { return read_bytes_; }
  uint64_t written_bytes() const { return written_bytes_; }

 private:
  Status Seal();

  store::Store& store_;
  const uint64_t pack_bytes_;
  const CallContext& context_;
  std::unique_ptr<PackWriter> writer_;
  std::vector<std::pair<std::string, uint64_t>> order_;  // old places of the writer's blocks
  std::set<std::string> moved_;
  BlockMoves moves_;
  uint64_t read_bytes_ = 0, written_bytes_ = 0;
};

}  // namespace maxbrod::repo
