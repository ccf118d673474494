// The repository's store for readers that go over blocks of a snapshot partition by partition:
// where each request costs, what they will ask for is fetched before, in large pieces.
#pragma once

#include <memory>
#include <vector>

#include "base/clock.h"
#include "repo/block_resolve.h"
#include "store/read_ahead_store.h"

namespace maxbrod::engine {

// Thread-safe after Start. The store it is given must outlive it.
class ReadAhead {
 public:
  // `memory` bounds what is held; 0: nothing is read ahead, store() is the one given.
  ReadAhead(store::Store& store, uint64_t memory, Clock& clock);

  // One partition's blocks, in their order, without those that end at or below offset `from`.
  void Expect(const std::vector<repo::BlockUse>& blocks, int64_t from);
  void Start();
  store::Store& store() { return *store_; }

 private:
  std::shared_ptr<store::ReadAheadStore> ahead_;  // null: none
  std::shared_ptr<store::Store> store_;
};

}  // namespace maxbrod::engine
