// Feeds of random logs, interrupted at random.
#include <gtest/gtest.h>

#include <random>

#include "engine/feed_testing.h"

namespace maxbrod::engine {
namespace {

using kafka::BatchAttributes;
using Shape = SourceLog::Shape;

// Carries a restore out with interruptions: of the steps taken some arrive, in order; of markers
// perhaps not all; of a step that is waited for perhaps only the answer is lost.
class Restore {
 public:
  Restore(StoredLog* stored, std::mt19937_64* random, const repo::OffsetMap* map)
      : stored_(*stored),
        random_(*random),
        map_(map),
        target_(map != nullptr ? map->target_start() : 0) {}

  LogView Run() {
    markers_ = Below(3) == 0 ? 1 : 1 + Below(20);
    feed_ = stored_.Feed(producer_, target_.end(), map_, static_cast<int32_t>(markers_));
    while (!feed_->AtEnd() && !testing::Test::HasFailure()) {
      Round();
      Settle();
    }
    return ReadTarget(target_.log(), stored_.plan().aborted);
  }

 private:
  int64_t Below(uint64_t n) { return static_cast<int64_t>(random_() % n); }

  // Up to five steps on their way, of which the first ones arrive.
  void Round() {
    const auto& aborted = stored_.plan().aborted;
    int64_t arrive = Below(6);
    for (int64_t i = 0; i < 5 && !feed_->AtEnd(); ++i) {
      StepView next;
      Status peeked = feed_->Peek(&next, {});
      ASSERT_TRUE(peeked.ok()) << peeked.ToString();
      bool waited_for =
          next.kind == StepKind::kAbort || (next.kind == StepKind::kMarkers && markers_ == 1);
      if (waited_for && i > arrive) return;
      if (waited_for && Below(3) == 0) {
        // Done, but not known to be.
        PreparedStep done;
        static_cast<StepView&>(done) = next;
        if (i <= arrive) target_.Apply(done, stored_.Slots(), aborted);
        return;
      }
      PreparedStep step;
      Status taken = feed_->Take(&step, {});
      ASSERT_TRUE(taken.ok()) << taken.ToString();
      ASSERT_EQ(step.kind, next.kind);
      ASSERT_EQ(step.next_offset, next.next_offset);
      if (i > arrive) continue;
      bool partly = step.kind == StepKind::kMarkers && i == arrive;
      ASSERT_NO_FATAL_FAILURE(
          target_.Apply(step, stored_.Slots(), aborted, partly ? Below(20) : -1));
      if (partly) arrive = -1;
    }
  }

  void Settle() {
    if (testing::Test::HasFailure()) return;
    if (Below(4) == 0) {
      // Another run: a new plain producer, the same transactional ones.
      feed_ = stored_.Feed(++producer_, target_.end(), map_, static_cast<int32_t>(markers_));
    } else if (feed_->position() != target_.end() || Below(2) == 0) {
      Status sought = feed_->Seek(target_.end(), {});
      ASSERT_TRUE(sought.ok()) << sought.ToString();
    }
    if (Below(2) == 0) feed_->Unload();
  }

  StoredLog& stored_;
  std::mt19937_64& random_;
  const repo::OffsetMap* const map_;
  FeedTarget target_;
  std::unique_ptr<BatchFeed> feed_;
  int64_t producer_ = kPlainProducer;
  int64_t markers_ = 1;
};

class RandomFeed : public testing::TestWithParam<uint64_t> {
 protected:
  int64_t Below(uint64_t n) { return static_cast<int64_t>(random_() % n); }

  Shape SomeShape() {
    Shape shape;
    shape.width = 1 + Below(8);
    constexpr CompressionType kCodecs[] = {CompressionType::kNone, CompressionType::kNone,
                                           CompressionType::kGzip, CompressionType::kLz4,
                                           CompressionType::kZstd};
    shape.codec = kCodecs[Below(5)];
    if (Below(3) == 0) {
      for (int64_t d = 0; d < shape.width; ++d) {
        if (Below(2) == 0) shape.deltas.push_back(d);
      }
    }
    return shape;
  }
  Shape SomePlainShape() {
    Shape shape = SomeShape();
    if (Below(6) == 0) shape.attributes |= BatchAttributes::kLogAppendTime;
    if (Below(6) == 0) shape.attributes |= BatchAttributes::kDeleteHorizon;
    if (Below(3) == 0) {
      shape.producer_id = 500 + Below(3);
      shape.base_sequence = static_cast<int32_t>(Below(1000));
    }
    return shape;
  }

  SourceLog SomeLog() {
    bool old_formats = Below(3) == 0;
    bool transactions = Below(4) != 0;
    SourceLog log(Below(2) == 0 ? 0 : Below(300), old_formats ? -1 : 3);
    int64_t steps = 3 + Below(40);
    for (int64_t i = 0; i < steps; ++i) {
      int64_t what = Below(12);
      std::vector<int64_t> open = log.OpenProducers();
      if (what < 4) {
        log.Batch(SomePlainShape());
      } else if (what < 7 && transactions) {
        log.Transactional(100 + Below(4), SomeShape());
      } else if (what < 9 && transactions) {
        // Sometimes of a transaction without records.
        int64_t producer = open.empty() || Below(8) == 0
                               ? 100 + Below(4)
                               : open[static_cast<size_t>(Below(open.size()))];
        log.End(producer, Below(2) == 0);
      } else if (what == 9) {
        log.Gap(1 + Below(Below(4) == 0 ? 700 : 5));
      } else if (what == 10) {
        log.Emptied(1 + Below(4));
      } else if (old_formats) {
        Shape shape = SomeShape();
        if (Below(2) == 0) shape.codec = CompressionType::kNone;
        if (shape.codec != CompressionType::kNone) shape.codec = CompressionType::kGzip;
        log.Old(static_cast<int8_t>(Below(2)), shape);
      }
    }
    log.Records(1);
    for (int64_t producer : log.OpenProducers()) {
      if (Below(2) == 0) log.AbortBeyond(producer, log.next() + 100 + Below(50));
    }
    if (Below(3) == 0) log.Gap(1 + Below(10));
    return log;
  }

  // Consecutive blocks, some of which hold again what the one before holds.
  StoredLog::Cuts SomeCuts(const SourceLog& log) {
    StoredLog::Cuts cuts;
    size_t all = log.entries().size();
    for (size_t at = 0; at < all;) {
      size_t to = std::min(all, at + 1 + static_cast<size_t>(Below(12)));
      size_t again = cuts.empty() || Below(3) != 0 ? 0 : static_cast<size_t>(Below(4));
      cuts.emplace_back(
          std::max(cuts.empty() ? 0 : cuts.back().first + 1, at - std::min(at, again)), to);
      at = to;
    }
    return cuts;
  }

  std::mt19937_64 random_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Seeds, RandomFeed, testing::Range<uint64_t>(1, 201));

TEST_P(RandomFeed, ComesToTheSameLogHoweverItIsInterrupted) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  SourceLog log = SomeLog();
  int64_t first = log.entries().front().first;
  int64_t start = Below(2) == 0 ? 0 : Below(static_cast<uint64_t>(log.next()));
  if (start < first && Below(2) == 0) start = first;
  int64_t end = log.next();
  if (Below(3) == 0) end = start + 1 + Below(static_cast<uint64_t>(end - start));
  StoredLog stored(log, SomeCuts(log), start, end);
  if (Below(3) == 0) stored.plan().fill_below = Below(static_cast<uint64_t>(end + 1));
  EXPECT_EQ(Differences(log.Expected(stored.plan()), Restore(&stored, &random_, nullptr).Run()),
            "");
}

TEST_P(RandomFeed, DenseToo) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  SourceLog log = SomeLog();
  int64_t start = Below(2) == 0 ? 0 : Below(static_cast<uint64_t>(log.next()));
  int64_t end = start + 1 + Below(static_cast<uint64_t>(log.next() - start));
  StoredLog stored(log, SomeCuts(log), start, end);
  auto map = std::make_shared<repo::OffsetMap>(log.MapFor(stored.plan(), Below(3) * 77));
  stored.plan().map = map;
  EXPECT_EQ(
      Differences(log.ExpectedDense(stored.plan()), Restore(&stored, &random_, map.get()).Run()),
      "");
}

TEST_P(RandomFeed, GoesOnAtEachBorderAndNowhereElse) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  SourceLog log = SomeLog();
  int64_t end = log.next();
  int64_t start = Below(2) == 0 ? 0 : Below(static_cast<uint64_t>(end));
  StoredLog stored(log, SomeCuts(log), start, end);
  std::shared_ptr<repo::OffsetMap> map;
  if (Below(3) == 0) map = std::make_shared<repo::OffsetMap>(log.MapFor(stored.plan(), Below(50)));
  stored.plan().map = map;
  if (!map && Below(3) == 0) stored.plan().fill_below = Below(static_cast<uint64_t>(end + 1));
  int64_t from = map ? map->target_start() : 0;
  // Without producer ids, so that the bytes are the same from everywhere.
  std::vector<TakenStep> all = TakeAll(stored.Feed(-1, from, map.get()).get());
  auto sought = stored.Feed(-1, from, map.get());
  for (size_t i = 0; i < all.size(); ++i) {
    const StepView& view = all[i].view;
    Status status = sought->Seek(view.base_offset, {});
    ASSERT_TRUE(status.ok()) << status.ToString();
    if (Below(2) == 0) sought->Unload();
    std::vector<TakenStep> rest = TakeAll(sought.get());
    ASSERT_EQ(rest.size(), all.size() - i) << "from " << view.base_offset;
    for (size_t k = 0; k < rest.size(); ++k) {
      const TakenStep& expected = all[i + k];
      ASSERT_EQ(Text({rest[k]}), Text({expected}));
      ASSERT_EQ(rest[k].view.transaction, expected.view.transaction);
      ASSERT_EQ(rest[k].records, expected.records);
      bool filler = expected.view.kind == StepKind::kBatch && expected.records == 0;
      if (filler) continue;  // its time goes by what was read before it
      ASSERT_EQ(rest[k].bytes, expected.bytes) << "at " << expected.view.base_offset;
    }
    bool batch =
        view.kind == StepKind::kAborted || (view.kind == StepKind::kBatch && all[i].records > 0);
    for (int64_t o = view.base_offset + 1; o < view.next_offset; o += 1 + Below(100)) {
      EXPECT_EQ(sought->Seek(o, {}).code(), batch ? Code::kOffsetMismatch : Code::kOk)
          << "into " << Text({all[i]}) << " at " << o;
    }
  }
}

}  // namespace
}  // namespace maxbrod::engine
