#include "engine/aborted_index.h"

#include <algorithm>
#include <map>
#include <queue>

namespace maxbrod::engine {

AbortedIndex::AbortedIndex(const std::vector<repo::AbortedTransaction>& listed, int64_t start,
                           int64_t end) {
  std::map<std::pair<int64_t, int64_t>, int64_t> merged;  // (first offset, producer) -> end
  for (const repo::AbortedTransaction& t : listed) {
    int64_t& last = merged.try_emplace({t.first_offset, t.producer_id}, -1).first->second;
    last = std::max(last, t.last_offset);
  }
  for (const auto& [key, last] : merged) {
    const auto& [first, producer] = key;
    if (first >= end || (last >= 0 && last < start)) continue;
    bool ended = last >= 0 && last < end;
    transactions_.push_back({producer, first, ended ? last : PlannedAbort::kOpenAtCut, 0});
    open_at_cut_ += ended ? 0 : 1;
  }
  for (size_t i = 0; i < transactions_.size(); ++i) {
    by_producer_[transactions_[i].producer_id].push_back(i);
  }
  AssignSlots();
}

// The slot that was free first is taken first, so that the same list gives the same slots in every
// run.
void AbortedIndex::AssignSlots() {
  using Busy = std::pair<int64_t, uint32_t>;  // until, slot
  std::priority_queue<Busy, std::vector<Busy>, std::greater<>> busy;
  std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<>> free;
  for (PlannedAbort& t : transactions_) {
    while (!busy.empty() && busy.top().first < t.first_offset) {
      free.push(busy.top().second);
      busy.pop();
    }
    if (free.empty()) {
      t.slot = slots_++;
    } else {
      t.slot = free.top();
      free.pop();
    }
    busy.emplace(t.last_offset, t.slot);
  }
}

std::optional<size_t> AbortedIndex::Find(int64_t producer_id, int64_t offset) const {
  auto found = by_producer_.find(producer_id);
  if (found == by_producer_.end()) return std::nullopt;
  const std::vector<size_t>& list = found->second;
  auto after = std::upper_bound(list.begin(), list.end(), offset, [&](int64_t o, size_t index) {
    return o < transactions_[index].first_offset;
  });
  if (after == list.begin()) return std::nullopt;
  size_t index = *std::prev(after);
  if (offset > transactions_[index].last_offset) return std::nullopt;
  return index;
}

std::optional<size_t> AbortedIndex::EndingAt(int64_t producer_id, int64_t offset) const {
  auto index = Find(producer_id, offset);
  if (index && transactions_[*index].last_offset == offset) return index;
  return std::nullopt;
}

}  // namespace maxbrod::engine
