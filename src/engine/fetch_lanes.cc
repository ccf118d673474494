#include "engine/fetch_lanes.h"

#include <algorithm>

namespace maxbrod::engine {

LaneQueues::LaneQueues(size_t local_workers, size_t remote_workers)
    : local_workers_(std::max<size_t>(local_workers, 1)),
      remote_workers_(std::max<size_t>(remote_workers, 1)) {}

size_t LaneQueues::PlacesOf(const Lane& lane) const {
  return lane.kind == LaneKind::kRemote ? remote_workers_ : local_workers_;
}

void LaneQueues::Expect(size_t ranges) {
  std::lock_guard lock(mutex_);
  unfinished_ += ranges;
}

void LaneQueues::Push(const Lane& lane, size_t range) {
  std::lock_guard lock(mutex_);
  queues_[lane].push_back(range);
  wake_.notify_all();
}

void LaneQueues::Finish() {
  std::lock_guard lock(mutex_);
  if (--unfinished_ == 0) wake_.notify_all();
}

bool LaneQueues::AnyLeft() const {
  std::lock_guard lock(mutex_);
  return unfinished_ > 0;
}

bool LaneQueues::Choose(const std::stop_token& stop, Lane* lane) {
  std::unique_lock lock(mutex_);
  while (true) {
    if (stop.stop_requested() || unfinished_ == 0) return false;
    const std::deque<size_t>* best = nullptr;
    for (const auto& [candidate, queue] : queues_) {
      const size_t serving = serving_[candidate];
      if (queue.empty() || serving >= PlacesOf(candidate)) continue;
      bool better = best == nullptr || serving < serving_[*lane] ||
                    (serving == serving_[*lane] && queue.size() > best->size());
      if (!better) continue;
      best = &queue;
      *lane = candidate;
    }
    if (best != nullptr) {
      ++serving_[*lane];
      return true;
    }
    wake_.wait_for(lock, stop, std::chrono::milliseconds(200), [] { return false; });
  }
}

void LaneQueues::Leave(const Lane& lane) {
  std::lock_guard lock(mutex_);
  --serving_[lane];
  wake_.notify_all();
}

std::vector<size_t> LaneQueues::Take(const Lane& lane, size_t most) {
  std::lock_guard lock(mutex_);
  std::deque<size_t>& queue = queues_[lane];
  const size_t sharers = PlacesOf(lane);
  const size_t share = std::min((queue.size() + sharers - 1) / sharers, most);
  std::vector<size_t> taken(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(share));
  queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(share));
  return taken;
}

}  // namespace maxbrod::engine
