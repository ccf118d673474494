// What the tests of feeds share: a target that takes their steps, and steps by value.
#pragma once

#include <string>
#include <vector>

#include "engine/log_testing.h"

namespace maxbrod::engine {

inline constexpr int64_t kPlainProducer = 6'000;

// A partition's leader: takes steps as it would take requests, or refuses them by failing the test.
class FeedTarget {
 public:
  explicit FeedTarget(int64_t start = 0) { log_.end_offset = log_.log_start_offset = start; }

  // `markers_landed`: of kMarkers only so many are written, -1: all.
  void Apply(const PreparedStep& step, const std::vector<ProducerIdentity>& slots,
             const AbortedIndex& aborted, int64_t markers_landed = -1);

  int64_t end() const { return log_.end_offset; }
  const kafka::FakePartition& log() const { return log_; }

 private:
  void Marker(int64_t producer_id, bool commit);
  kafka::FakePartition log_;
};

// A step by value.
struct TakenStep {
  StepView view;
  uint64_t records = 0;
  Bytes bytes;  // of batches
};
std::vector<TakenStep> TakeAll(BatchFeed* feed);
// "B[0,3) M[3,4)": B for batches, T for those in a transaction, M for markers, A for an abort.
std::string Text(const std::vector<TakenStep>& steps);

}  // namespace maxbrod::engine
