#include "engine/feed_testing.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace maxbrod::engine {

void FeedTarget::Apply(const PreparedStep& step, const std::vector<ProducerIdentity>& slots,
                       const AbortedIndex& aborted, int64_t markers_landed) {
  ASSERT_EQ(step.base_offset, log_.end_offset);
  ASSERT_GT(step.next_offset, step.base_offset);
  if (step.kind == StepKind::kMarkers) {
    int64_t count = step.next_offset - step.base_offset;
    if (markers_landed >= 0) count = std::min(count, markers_landed);
    for (int64_t i = 0; i < count; ++i) Marker(kMarkerProducer, true);
    return;
  }
  if (step.kind == StepKind::kAbort) {
    Marker(slots.at(aborted.transactions().at(step.transaction).slot).id, false);
    return;
  }
  Bytes batch(step.header.begin(), step.header.end());
  Append(batch, step.payload);
  ASSERT_NO_FATAL_FAILURE(ExpectProducible(batch, step.kind == StepKind::kAborted))
      << "at offset " << step.base_offset;
  auto header = kafka::BatchHeader::Parse(batch);
  if (step.kind == StepKind::kAborted) {
    uint32_t slot = aborted.transactions().at(step.transaction).slot;
    ASSERT_EQ(header->producer_id, slots.at(slot).id);
    ASSERT_EQ(header->producer_epoch, slots.at(slot).epoch);
  }
  log_.Append(batch);
  ASSERT_EQ(log_.end_offset, step.next_offset);
}
void FeedTarget::Marker(int64_t producer_id, bool commit) {
  kafka::ControlRecord record;
  record.type = commit ? kafka::ControlRecord::kCommit : kafka::ControlRecord::kAbort;
  log_.Append(*kafka::BuildControlBatch(log_.end_offset, 1, producer_id, 2, record));
}

std::vector<TakenStep> TakeAll(BatchFeed* feed) {
  std::vector<TakenStep> steps;
  while (!feed->AtEnd()) {
    PreparedStep step;
    Status taken = feed->Take(&step, {});
    EXPECT_TRUE(taken.ok()) << taken.ToString();
    if (!taken.ok()) break;
    steps.push_back({step, step.records, {}});
    bool batch = step.kind == StepKind::kBatch || step.kind == StepKind::kAborted;
    if (batch) {
      steps.back().bytes.assign(step.header.begin(), step.header.end());
      Append(steps.back().bytes, step.payload);
    }
  }
  return steps;
}

std::string Text(const std::vector<TakenStep>& steps) {
  std::string text;
  for (const TakenStep& step : steps) {
    text += text.empty() ? "" : " ";
    text += "BTMA"[static_cast<size_t>(step.view.kind)];
    text += "[" + std::to_string(step.view.base_offset) + "," +
            std::to_string(step.view.next_offset) + ")";
  }
  return text;
}

}  // namespace maxbrod::engine
