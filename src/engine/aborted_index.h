// The aborted transactions of one partition as a restore sees them: which batches belong to one,
// and which real transaction of the target stands in for it.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <unordered_map>
#include <vector>

#include "repo/block.h"

namespace maxbrod::engine {

// One aborted transaction of the source. `last_offset` is its marker's; kOpenAtCut where that lies
// beyond the cut.
struct PlannedAbort {
  int64_t producer_id = 0;
  int64_t first_offset = 0;
  int64_t last_offset = 0;
  // Transactions that are open at the same time have different slots: each slot is one
  // transactional id on the target.
  uint32_t slot = 0;
  static constexpr int64_t kOpenAtCut = std::numeric_limits<int64_t>::max();
  bool operator==(const PlannedAbort&) const = default;
};

// Immutable once built; thread-safe.
class AbortedIndex {
 public:
  AbortedIndex() = default;
  // From the lists of a partition's blocks: one transaction may stand in several, with and without
  // its end. Those that end below `start` are left out; those that end at or after `end` count as
  // open at the cut.
  AbortedIndex(const std::vector<repo::AbortedTransaction>& listed, int64_t start, int64_t end);

  bool empty() const { return transactions_.empty(); }
  // By first offset.
  const std::vector<PlannedAbort>& transactions() const { return transactions_; }
  uint32_t slots() const { return slots_; }
  // How many markers must follow the partition's last offset, because a transaction was aborted
  // only beyond the cut.
  size_t open_at_cut() const { return open_at_cut_; }

  // The index of the transaction that a transactional batch belongs to; none when it was committed.
  std::optional<size_t> Find(int64_t producer_id, int64_t offset) const;
  // The index of the transaction whose marker stands at `offset`.
  std::optional<size_t> EndingAt(int64_t producer_id, int64_t offset) const;

 private:
  void AssignSlots();

  std::vector<PlannedAbort> transactions_;
  std::unordered_map<int64_t, std::vector<size_t>> by_producer_;  // ascending
  uint32_t slots_ = 0;
  size_t open_at_cut_ = 0;
};

}  // namespace maxbrod::engine
