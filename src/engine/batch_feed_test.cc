#include "engine/batch_feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/feed_testing.h"

namespace maxbrod::engine {
namespace {

using kafka::BatchAttributes;
using testing::ElementsAre;
using testing::HasSubstr;
using Shape = SourceLog::Shape;

// Everything from the start into an empty target, and what the target then holds.
LogView RunAll(StoredLog* stored, const repo::OffsetMap* map = nullptr) {
  FeedTarget target(map != nullptr ? map->target_start() : 0);
  auto feed = stored->Feed(kPlainProducer, target.end(), map);
  while (!feed->AtEnd() && !testing::Test::HasFatalFailure()) {
    PreparedStep step;
    Status taken = feed->Take(&step, {});
    EXPECT_TRUE(taken.ok()) << taken.ToString();
    if (!taken.ok()) break;
    target.Apply(step, stored->Slots(), stored->plan().aborted);
  }
  return ReadTarget(target.log(), stored->plan().aborted);
}

void ExpectRestored(const SourceLog& log, int64_t start, int64_t end) {
  StoredLog stored(log, start, end);
  EXPECT_EQ(Differences(log.Expected(stored.plan()), RunAll(&stored)), "");
}

std::string StepsOf(const SourceLog& log, int64_t start, int64_t end) {
  StoredLog stored(log, start, end);
  return Text(TakeAll(stored.Feed(kPlainProducer).get()));
}

TEST(BatchFeedTest, BatchesStayWhole) {
  SourceLog log;
  log.Records(3);
  log.Batch({.width = 2, .codec = CompressionType::kZstd, .producer_id = 12, .base_sequence = 40});
  log.Batch({.width = 4, .attributes = BatchAttributes::kDeleteHorizon});
  EXPECT_EQ(StepsOf(log, 0, 9), "B[0,3) B[3,5) B[5,9)");
  ExpectRestored(log, 0, 9);
}

TEST(BatchFeedTest, MarkersStandWhereNoRecordIs) {
  SourceLog log(2);  // deleted by the cleaner
  log.Records(1);
  log.Gap(2);
  log.Emptied(3);
  log.Batch({.width = 5, .deltas = {1, 2, 4}});
  EXPECT_EQ(StepsOf(log, 0, 15), "M[0,2) B[2,3) M[3,9) B[9,11) M[11,12) B[12,13) M[13,15)");
  ExpectRestored(log, 0, 15);
}

TEST(BatchFeedTest, CommittedIsPlainAndAbortedIsAbortedAgain) {
  SourceLog log;
  log.Transactional(100, {.width = 2});
  log.Transactional(101, {.width = 3});
  log.Records(1);
  log.Transactional(100, {.width = 1});
  log.End(100, true);
  log.Transactional(101, {.width = 4, .deltas = {0, 3}});
  log.Transactional(100, {.width = 1});
  log.End(101, false);
  log.End(100, true);
  EXPECT_EQ(StepsOf(log, 0, 15),
            "B[0,2) T[2,5) B[5,6) B[6,7) M[7,8) T[8,9) M[9,11) T[11,12) B[12,13) A[13,14) "
            "M[14,15)");
  ExpectRestored(log, 0, 15);
}

TEST(BatchFeedTest, WhatIsOpenAtTheCutIsAbortedBehindIt) {
  SourceLog log;
  log.Transactional(100, {.width = 2});
  log.Transactional(101, {.width = 1});
  log.Transactional(102, {.width = 1});
  log.AbortBeyond(101, 70);
  log.AbortBeyond(100, 80);
  EXPECT_EQ(StepsOf(log, 0, 4), "T[0,2) T[2,3) B[3,4) A[4,5) A[5,6)");
  ExpectRestored(log, 0, 4);
  // With a hole before the cut.
  EXPECT_EQ(StepsOf(log, 0, 6), "T[0,2) T[2,3) B[3,4) M[4,6) A[6,7) A[7,8)");
  // Ended, but not within the cut; the second one began behind it.
  log.End(103, false);
  EXPECT_EQ(StepsOf(log, 0, 2), "T[0,2) A[2,3)");
  // A marker of a transaction whose records are all gone.
  EXPECT_EQ(StepsOf(log, 4, 5), "B[0,4) A[4,5) A[5,6) A[6,7)");
}

TEST(BatchFeedTest, LogAppendTimeIsWrittenIntoTheRecords) {
  SourceLog log;
  log.Batch({.width = 3, .attributes = BatchAttributes::kLogAppendTime});
  log.Batch(
      {.width = 3, .codec = CompressionType::kGzip, .attributes = BatchAttributes::kLogAppendTime});
  EXPECT_EQ(StepsOf(log, 0, 6), "B[0,3) B[3,6)");
  ExpectRestored(log, 0, 6);
}

TEST(BatchFeedTest, OldFormats) {
  for (int8_t magic : {int8_t{0}, int8_t{1}}) {
    SourceLog log(0, -1);
    log.Old(magic, {.width = 2});
    log.Old(magic, {.width = 4, .deltas = {1, 3}});
    EXPECT_EQ(StepsOf(log, 0, 6), "B[0,1) B[1,2) M[2,3) B[3,4) M[4,5) B[5,6)");
    ExpectRestored(log, 0, 6);
  }
}

TEST(BatchFeedTest, CompressedMessagesOfOldFormats) {
  for (int8_t magic : {int8_t{0}, int8_t{1}}) {
    SourceLog log(0, -1);
    log.Old(magic, {.width = 5, .codec = CompressionType::kGzip});
    log.Old(magic, {.width = 5, .deltas = {1, 2, 4}, .codec = CompressionType::kGzip});
    log.Gap(2);
    log.Old(magic, {.width = 2, .codec = CompressionType::kGzip});
    log.Records(1);
    std::string steps = "B[0,5) M[5,6) B[6,8) M[8,9) B[9,10) M[10,12) B[12,14) B[14,15)";
    EXPECT_EQ(StepsOf(log, 0, 15), steps);
    ExpectRestored(log, 0, 15);
    // Each in its block: the index knows the last offset only.
    StoredLog apart(log, {{0, 1}, {1, 2}, {2, 3}, {3, 4}}, 0, 15);
    EXPECT_EQ(Text(TakeAll(apart.Feed(kPlainProducer).get())), steps);
    EXPECT_EQ(Differences(log.Expected(apart.plan()), RunAll(&apart)), "");
    // The log start inside the first one, a cut inside the last.
    ExpectRestored(log, 3, 15);
    ExpectRestored(log, 0, 13);
    EXPECT_EQ(StepsOf(log, 2, 13), "B[0,2) B[2,5) M[5,6) B[6,8) M[8,9) B[9,10) M[10,12) B[12,13)");
  }
}

TEST(BatchFeedTest, SeekIntoOldFormats) {
  SourceLog log(0, -1);
  log.Old(1, {.width = 5, .codec = CompressionType::kGzip});
  log.Old(1, {.width = 5, .deltas = {1, 2, 4}, .codec = CompressionType::kGzip});
  StoredLog stored(log, {{0, 1}, {1, 2}}, 0, 10);
  for (int64_t border : {0, 5, 6, 8, 9}) {
    auto feed = stored.Feed(kPlainProducer, border);
    std::vector<TakenStep> steps = TakeAll(feed.get());
    ASSERT_FALSE(steps.empty());
    EXPECT_EQ(steps.front().view.base_offset, border);
    EXPECT_EQ(steps.back().view.next_offset, 10);
  }
  auto feed = stored.Feed(kPlainProducer);
  for (int64_t inside : {1, 4, 7}) {
    EXPECT_EQ(feed->Seek(inside, {}).code(), Code::kOffsetMismatch) << inside;
  }
}

TEST(BatchFeedTest, TheBatchWithTheLogStartComesWhole) {
  SourceLog log(10);
  log.Records(5);
  log.Records(2);
  StoredLog stored(log, 12, 17);
  auto feed = stored.Feed(kPlainProducer);
  EXPECT_EQ(feed->data_start(), 10);
  EXPECT_EQ(feed->first_step_end(), 15);
  EXPECT_EQ(Text(TakeAll(feed.get())), "B[0,10) B[10,15) B[15,17)");
  ExpectRestored(log, 12, 17);
}

TEST(BatchFeedTest, ABatchThatIsCutUpAnywayBeginsAtTheLogStart) {
  SourceLog log(10);
  log.Batch({.width = 6, .deltas = {0, 1, 3, 5}});
  ExpectRestored(log, 11, 16);
  ExpectRestored(log, 12, 16);
  ExpectRestored(log, 15, 16);
  StoredLog stored(log, 12, 16);
  auto feed = stored.Feed(kPlainProducer);
  EXPECT_EQ(feed->data_start(), 12);
  EXPECT_EQ(feed->first_step_end(), 13);
  EXPECT_EQ(Text(TakeAll(feed.get())), "B[0,12) M[12,13) B[13,14) M[14,15) B[15,16)");
}

TEST(BatchFeedTest, AHoleAtTheLogStart) {
  SourceLog log(20);
  log.Records(2);
  StoredLog stored(log, 15, 25);
  auto feed = stored.Feed(kPlainProducer);
  EXPECT_EQ(feed->data_start(), 15);
  EXPECT_EQ(feed->first_step_end(), 20);
  EXPECT_EQ(Text(TakeAll(feed.get())), "B[0,15) M[15,20) B[20,22) M[22,25)");
  ExpectRestored(log, 15, 25);
}

TEST(BatchFeedTest, NothingButHoles) {
  SourceLog log;
  StoredLog stored(log, StoredLog::Cuts(), 3, 7);
  auto feed = stored.Feed(kPlainProducer);
  EXPECT_EQ(Text(TakeAll(feed.get())), "B[0,3) M[3,7)");
  EXPECT_EQ(Differences(log.Expected(stored.plan()), RunAll(&stored)), "");
  StoredLog empty(log, StoredLog::Cuts(), 3, 3);
  EXPECT_EQ(Text(TakeAll(empty.Feed(kPlainProducer).get())), "B[0,3)");
}

TEST(BatchFeedTest, ACutInsideABatch) {
  SourceLog log;
  log.Records(4);
  log.Transactional(100, {.width = 6, .deltas = {0, 1, 2, 5}});
  log.End(100, false);
  for (int64_t end : {2, 4, 5, 7, 8, 10, 11}) {
    SCOPED_TRACE(end);
    ExpectRestored(log, 0, end);
  }
  EXPECT_EQ(StepsOf(log, 0, 2), "B[0,2)");
  EXPECT_EQ(StepsOf(log, 0, 5), "B[0,4) T[4,5) A[5,6)");
  EXPECT_EQ(StepsOf(log, 0, 9), "B[0,4) T[4,7) M[7,9) A[9,10)");
}

TEST(BatchFeedTest, FillerComesInBatchesThatABrokerCanBear) {
  SourceLog log(250'000);
  log.Records(2);
  StoredLog stored(log, 250'001, 250'002);
  auto feed = stored.Feed(-1);
  std::vector<TakenStep> steps = TakeAll(feed.get());
  EXPECT_EQ(Text(steps), "B[0,100000) B[100000,200000) B[200000,250000) B[250000,250002)");
  EXPECT_EQ(steps[0].records, 0u);
  EXPECT_EQ(steps[3].records, 2u);
  for (const TakenStep& step : steps) {
    ExpectProducible(step.bytes, false);
    // Its neighbours' time at most, never now: retention and lookups by time go by it.
    EXPECT_LE(kafka::BatchHeader::Parse(step.bytes)->max_timestamp,
              kafka::BatchHeader::Parse(steps[3].bytes)->max_timestamp);
    EXPECT_EQ(kafka::BatchHeader::Parse(step.bytes)->producer_id, -1);
  }
  // Anywhere inside it goes on.
  ASSERT_TRUE(feed->Seek(150'000, {}).ok());
  EXPECT_EQ(Text(TakeAll(feed.get())), "B[150000,250000) B[250000,250002)");
}

TEST(BatchFeedTest, HolesBelowAreFilledForTheCleaner) {
  SourceLog log;
  log.Records(1);
  log.Gap(3);
  log.Batch({.width = 5, .deltas = {1, 3}});  // 4..8
  log.End(200, true);
  log.Transactional(100, {.width = 4, .deltas = {0, 3}});  // 10..13
  log.End(100, false);
  log.Gap(4);                                 // 15..18
  log.Batch({.width = 4, .deltas = {0, 3}});  // 19..22
  log.Emptied(3);
  int64_t end = log.next();
  for (int64_t below : {0, 2, 4, 6, 9, 10, 12, 15, 17, 19, 20, 23, 24, 30}) {
    SCOPED_TRACE("fill_below " + std::to_string(below));
    StoredLog stored(log, {{0, 2}, {2, 5}, {5, 7}}, 0, end);
    stored.plan().fill_below = below;
    EXPECT_EQ(Differences(log.Expected(stored.plan()), RunAll(&stored)), "");
  }
  StoredLog stored(log, 0, end);
  stored.plan().fill_below = 17;
  EXPECT_EQ(Text(TakeAll(stored.Feed(kPlainProducer).get())),
            "B[0,1) B[1,4) B[4,9) B[9,10) T[10,11) B[11,13) T[13,14) A[14,15) B[15,17) M[17,19) "
            "B[19,20) M[20,22) B[22,23) M[23,26)");
}

TEST(BatchFeedTest, FillerHasTheTimeOfWhatIsBeforeIt) {
  SourceLog log(0, -1);
  log.Records(2);
  log.Gap(3);
  log.Old(1, {.width = 2, .codec = CompressionType::kGzip});
  log.Gap(3);
  log.Records(1);
  StoredLog stored(log, 0, log.next());
  stored.plan().fill_below = log.next();
  LogView expected = log.Expected(stored.plan());
  // Also in a run that begins there.
  for (int64_t filler : {2, 7}) {
    for (int64_t from : {int64_t{0}, filler}) {
      auto feed = stored.Feed(kPlainProducer, from);
      std::vector<TakenStep> steps = TakeAll(feed.get());
      auto at = std::find_if(steps.begin(), steps.end(), [&](const TakenStep& step) {
        return step.view.base_offset == filler;
      });
      ASSERT_NE(at, steps.end());
      EXPECT_EQ(at->records, 0u);
      EXPECT_EQ(kafka::BatchHeader::Parse(at->bytes)->max_timestamp,
                expected.at(filler - 1).timestamp);
    }
  }
}

// The log start's batch, then the others; what a target held before stays.
TEST(BatchFeedTest, DenseLeavesOutWhatIsNoRecord) {
  SourceLog log(4, -1);
  log.Records(5);
  log.Gap(3);
  log.Transactional(100, {.width = 3, .deltas = {0, 2}});
  log.Transactional(101, {.width = 2});
  log.End(100, true);
  log.End(101, false);
  log.Emptied(2);
  log.Old(1, {.width = 3, .codec = CompressionType::kGzip});
  log.Transactional(102, {.width = 1});
  log.Records(2);
  log.AbortBeyond(102, 900);
  for (int64_t target_start : {0, 1'000}) {
    for (int64_t start : {4, 6, 9}) {
      SCOPED_TRACE(std::to_string(target_start) + " " + std::to_string(start));
      StoredLog stored(log, {{0, 2}, {2, 6}, {6, 7}, {7, 9}}, start, log.next());
      auto map = std::make_shared<repo::OffsetMap>(log.MapFor(stored.plan(), target_start));
      stored.plan().map = map;
      EXPECT_EQ(Differences(log.ExpectedDense(stored.plan()), RunAll(&stored, map.get())), "");
      auto feed = stored.Feed(kPlainProducer, map->end(), map.get());
      EXPECT_TRUE(feed->AtEnd());
      EXPECT_EQ(feed->Seek(map->end() + 1, {}).code(), Code::kOffsetMismatch);
      if (target_start == 0) continue;
      EXPECT_EQ(feed->Seek(target_start - 1, {}).code(), Code::kOffsetMismatch);
    }
  }
}

TEST(BatchFeedTest, SomebodyElsesRecordsAreNoticed) {
  SourceLog log;
  log.Records(4);
  log.Gap(2);
  StoredLog stored(log, 0, 6);
  auto feed = stored.Feed(kPlainProducer);
  Status inside = feed->Seek(2, {});
  EXPECT_EQ(inside.code(), Code::kOffsetMismatch);
  EXPECT_THAT(inside.message(), HasSubstr("offset 2"));
  Status beyond = feed->Seek(7, {});
  EXPECT_EQ(beyond.code(), Code::kOffsetMismatch);
  EXPECT_THAT(beyond.message(), HasSubstr("offset 7"));
  ASSERT_TRUE(feed->Seek(5, {}).ok());
  EXPECT_EQ(Text(TakeAll(feed.get())), "M[5,6)");
  ASSERT_TRUE(feed->Seek(6, {}).ok());
  EXPECT_TRUE(feed->AtEnd());
}

TEST(BatchFeedTest, ControlBatchesThatNobodyMayWriteAreRefused) {
  kafka::ControlRecord leader_change;
  leader_change.type = 2;
  Bytes control = *kafka::BuildControlBatch(1, 1, 5, 0, leader_change);
  TestRepository repository;
  repository.AddPack("t", 0, {Concat({TestBatch(0, 1), control})});
  PlannedPartition plan;
  plan.end = 2;
  plan.blocks = repository.Blocks(repository.Snapshot("one"), "t", 0);
  kafka::FillerBatches fillers;
  BatchFeed feed(repository.repository().store(), plan, {}, fillers);
  ASSERT_TRUE(feed.Open({}).ok());
  ASSERT_TRUE(feed.Seek(0, {}).ok());
  PreparedStep step;
  ASSERT_TRUE(feed.Take(&step, {}).ok());
  StepView next;
  Status refused = feed.Peek(&next, {});
  EXPECT_EQ(refused.code(), Code::kUnsupported);
  EXPECT_THAT(refused.message(), HasSubstr("at offset 1 is of type 2"));
}

TEST(BatchFeedTest, StopsWhereItIsTold) {
  SourceLog log;
  for (int i = 0; i < 4; ++i) log.Records(2);
  StoredLog stored(log, 0, 8);
  auto feed = stored.Feed(kPlainProducer);
  feed->StopAt(4);
  EXPECT_EQ(Text(TakeAll(feed.get())), "B[0,2) B[2,4)");
  feed->StopAt(8);
  EXPECT_EQ(Text(TakeAll(feed.get())), "B[4,6) B[6,8)");
}

TEST(BatchFeedTest, MemoryIsGivenBack) {
  SourceLog log;
  log.Batch({.width = 50, .deltas = {0, 10, 20, 30, 49}});
  log.Records(50);
  StoredLog stored(log, {{0, 1}, {1, 2}}, 0, 100);
  auto feed = stored.Feed(kPlainProducer);
  feed->Unload();
  EXPECT_EQ(feed->loaded_bytes(), 0u);
  EXPECT_EQ(feed->BytesToLoad(), log.entries()[0].bytes.size());
  PreparedStep step;
  while (feed->position() < 50) ASSERT_TRUE(feed->Take(&step, {}).ok());
  feed->Unload();
  EXPECT_EQ(feed->loaded_bytes(), 0u);
  EXPECT_EQ(feed->BytesToLoad(), log.entries()[1].bytes.size());
  // What lies below a place found again is not counted as held.
  ASSERT_TRUE(feed->Seek(30, {}).ok());
  uint64_t block = 0;
  while (feed->position() < 50) {
    block = feed->loaded_bytes();
    ASSERT_TRUE(feed->Take(&step, {}).ok());
  }
  EXPECT_GT(block, log.entries()[0].bytes.size());
  EXPECT_LE(feed->loaded_bytes(), block);
  feed->Unload();
  EXPECT_EQ(feed->loaded_bytes(), 0u);
}

int32_t SequenceOf(const PreparedStep& step) {
  return kafka::BatchHeader::Parse(step.header)->base_sequence;
}

// The broker refuses a sequence that does not follow on the producer's last, whatever lies between.
TEST(BatchFeedTest, SequencesGoOnBehindMarkersThatCameInPieces) {
  SourceLog log;
  log.Records(3);
  log.Gap(10);
  log.Records(2);
  StoredLog stored(log, 0, 15);
  auto feed = stored.Feed(kPlainProducer);
  PreparedStep step;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(feed->Take(&step, {}).ok());
  EXPECT_EQ(SequenceOf(step), 3);
  // Some of the markers were written, nothing behind them.
  for (int64_t end : {7, 5, 12, 13}) {
    ASSERT_TRUE(feed->Seek(end, {}).ok());
    while (!feed->AtEnd()) ASSERT_TRUE(feed->Take(&step, {}).ok());
    EXPECT_EQ(step.base_offset, 13);
    EXPECT_EQ(SequenceOf(step), 3) << "after a stop at " << end;
  }
}

TEST(BatchFeedTest, SequencesGoOnBehindAStepThatWasDoneButNotTaken) {
  SourceLog log;
  log.Transactional(100, {.width = 2});
  log.Records(3);
  log.End(100, false);
  log.Records(2);
  StoredLog stored(log, 0, 8);
  auto feed = stored.Feed(kPlainProducer);
  PreparedStep step;
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(feed->Take(&step, {}).ok());
  EXPECT_EQ(step.kind, StepKind::kBatch);
  int32_t next = SequenceOf(step) + 3;
  StepView abort;
  ASSERT_TRUE(feed->Peek(&abort, {}).ok());
  EXPECT_EQ(abort.kind, StepKind::kAbort);
  ASSERT_TRUE(feed->Seek(6, {}).ok());
  ASSERT_TRUE(feed->Take(&step, {}).ok());
  EXPECT_EQ(SequenceOf(step), next);
}

// Two writers' blocks hold the same batches: what is sent once is counted once.
TEST(BatchFeedTest, SequencesInATransactionGoOnAfterBlocksThatOverlap) {
  SourceLog log;
  for (int i = 0; i < 4; ++i) log.Transactional(100, {.width = 2});
  log.End(100, false);
  StoredLog stored(log, {{0, 3}, {1, 4}, {3, 5}}, 0, 9);
  auto feed = stored.Feed(kPlainProducer, 6);
  PreparedStep step;
  ASSERT_TRUE(feed->Take(&step, {}).ok());
  EXPECT_EQ(step.kind, StepKind::kAborted);
  EXPECT_EQ(SequenceOf(step), 6);
}

TEST(BatchFeedTest, SequencesWrapAround) {
  SourceLog log((int64_t{1} << 31) - 3);
  log.Records(3);
  log.Gap(1);
  log.Records(2);
  StoredLog stored(log, log.entries().front().first, log.next());
  auto feed = stored.Feed(kPlainProducer, log.entries().front().first);
  PreparedStep step;
  ASSERT_TRUE(feed->Take(&step, {}).ok());
  EXPECT_EQ(SequenceOf(step), 0x7ffffffd);
  while (!feed->AtEnd()) ASSERT_TRUE(feed->Take(&step, {}).ok());
  EXPECT_EQ(SequenceOf(step), 0);
}

// A damaged block is told, and the feed can be asked again.
TEST(BatchFeedTest, ABlockThatCannotBeReadIsAnError) {
  SourceLog log;
  log.Records(2);
  StoredLog stored(log, 0, 2);
  auto feed = stored.Feed(kPlainProducer);
  feed->Unload();
  CallContext stopped;
  std::stop_source source;
  source.request_stop();
  stopped.stop = source.get_token();
  StepView next;
  Status failed = feed->Peek(&next, stopped);
  EXPECT_FALSE(failed.ok());
  EXPECT_EQ(Text(TakeAll(feed.get())), "B[0,2)");
}

}  // namespace
}  // namespace maxbrod::engine
