// Queues of ranges waiting to be read, one for each broker and kind of reading, and which worker
// serves which.
#pragma once

#include <compare>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <stop_token>
#include <vector>

#include "base/ids.h"

namespace maxbrod::engine {

enum class LaneKind : uint8_t {
  kLocal,   // many partitions in one request
  kRemote,  // one partition in one request: the broker reads it from remote storage (KIP-405)
};

struct Lane {
  BrokerId broker{-1};
  LaneKind kind = LaneKind::kLocal;
  bool operator==(const Lane&) const = default;
  bool operator<(const Lane& other) const {
    return broker != other.broker ? broker < other.broker : kind < other.kind;
  }
};

// Thread-safe. A range is in one queue or held by one worker.
class LaneQueues {
 public:
  // So many workers serve a lane at once, at most.
  LaneQueues(size_t local_workers, size_t remote_workers);

  void Expect(size_t ranges);  // before they are pushed
  void Push(const Lane& lane, size_t range);
  // One of the expected is done or given up.
  void Finish();
  bool AnyLeft() const;

  // Waits for a lane with ranges and a free place, the least served first; the worker holds the
  // place until Leave. False when nothing is left or `stop` was requested.
  bool Choose(const std::stop_token& stop, Lane* lane);
  void Leave(const Lane& lane);
  // A worker's fair share of what waits in its lane, `most` at most.
  std::vector<size_t> Take(const Lane& lane, size_t most);

 private:
  size_t PlacesOf(const Lane& lane) const;

  const size_t local_workers_, remote_workers_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::map<Lane, std::deque<size_t>> queues_;
  std::map<Lane, size_t> serving_;
  size_t unfinished_ = 0;
};

}  // namespace maxbrod::engine
