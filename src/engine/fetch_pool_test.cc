// The fetch pool against fake brokers: limits, quotas, near replicas, remote storage, stalls.
#include "engine/fetch_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

#include "kafka/batch.h"
#include "kafka/call_pace.h"
#include "kafka/errors.h"
#include "kafka/fake_broker_testing.h"
#include "kafka/messages/all.h"

namespace maxbrod::engine {
namespace {

using kafka::FakeRequest;
using kafka::FakeWorld;
using testing::HasSubstr;
namespace error = kafka::error;

constexpr int16_t kFetch = kafka::FetchRequest::kApi.key;
constexpr int32_t kRecords = 10;  // of a batch
constexpr size_t kValueBytes = 1'000;

kafka::FakeAction Delayed(Millis delay) {
  kafka::FakeAction action;
  action.delay = delay;
  return action;
}

// Sees that each range's runs come in order and leave nothing out.
class OrderSink : public RangeSink {
 public:
  Status OnRun(size_t, ReadRange& range, const BatchRun& run,
               const std::vector<std::pair<int64_t, int64_t>>&) override {
    std::lock_guard lock(mutex_);
    auto header = kafka::BatchHeader::Parse(run.bytes);
    MB_CHECK(header.ok());
    EXPECT_EQ(header->base_offset, next_[range.tp()]) << range.tp().ToString();
    next_[range.tp()] += static_cast<int64_t>(run.stats.records);
    return Status::Ok();
  }
  Status OnDone(size_t, ReadRange& range) override {
    std::lock_guard lock(mutex_);
    EXPECT_EQ(next_[range.tp()], range.end_offset) << range.tp().ToString();
    ++done;
    return Status::Ok();
  }
  Status OnWorkerEnd(size_t) override { return Status::Ok(); }
  int done = 0;

 private:
  std::mutex mutex_;
  std::map<TopicPartition, int64_t> next_;
};

class FetchPoolTest : public testing::Test {
 protected:
  FetchPoolTest() : fake_({.brokers = 3}) {
    fake_.With([&](FakeWorld& world) { world_ = &world; });
  }

  // Partitions of topic "t" led by brokers 1, 2, 3 in turn (or by broker 1), so many batches each.
  void Make(int32_t partitions, int batches, int32_t leaders = 3) {
    fake_.With([&](FakeWorld& world) {
      id_ = world.AddTopic("t", partitions, leaders).id;
      Bytes batch = kafka::FakeBatch(kRecords, kValueBytes);
      batch_bytes_ = batch.size();
      for (auto& p : world.topics.at("t").partitions) {
        for (int i = 0; i < batches; ++i) p.Append(batch);
      }
    });
    for (int32_t i = 0; i < partitions; ++i) {
      ReadRange range;
      range.topic = "t";
      range.topic_id = TopicId{id_};
      range.partition = i;
      range.end_offset = range.cursor.end_offset = int64_t{batches} * kRecords;
      ranges_.push_back(range);
    }
    total_bytes_ = batch_bytes_ * static_cast<size_t>(partitions * batches);
  }
  kafka::FakePartition& At(int32_t partition) { return world_->At({"t", partition}); }

  Result<FetchTotals> Run() {
    auto cluster = kafka::Cluster::Connect(fake_.config(), {});
    MB_CHECK(cluster.ok());
    cluster_ = std::move(cluster).value();
    Pace pace(*cluster_, pace_, options_.connections_per_broker, Clock::System());
    const int64_t begun = Clock::System().MonotonicNanos();
    auto totals = ReadRanges(*cluster_, ranges_, sink_, options_, pace, progress_, {});
    seconds_ = static_cast<double>(Clock::System().MonotonicNanos() - begun) / 1e9;
    report_ = pace.Report();
    return totals;
  }
  FetchTotals RunAll() {
    auto totals = Run();
    EXPECT_TRUE(totals.ok()) << totals.status().ToString();
    for (const ReadRange& range : ranges_)
      EXPECT_TRUE(range.done) << range.tp().ToString() << ": " << range.status.ToString();
    EXPECT_EQ(fake_.unused_controls(), 0u);
    return totals.ok() ? *totals : FetchTotals();
  }

  kafka::FakeCluster fake_;
  FakeWorld* world_ = nullptr;
  Uuid id_;
  size_t batch_bytes_ = 0, total_bytes_ = 0;
  std::vector<ReadRange> ranges_;
  FetchOptions options_;
  PaceOptions pace_;
  OrderSink sink_;
  Progress progress_;
  std::unique_ptr<kafka::Cluster> cluster_;
  PaceReport report_;
  double seconds_ = 0;
};

TEST_F(FetchPoolTest, ReadsAllAndCountsByBroker) {
  Make(6, 20);
  FetchTotals totals = RunAll();
  EXPECT_EQ(sink_.done, 6);
  EXPECT_EQ(totals.bytes, total_bytes_);
  ASSERT_EQ(totals.bytes_by_broker.size(), 3u);
  for (const auto& [broker, bytes] : totals.bytes_by_broker)
    EXPECT_EQ(bytes, total_bytes_ / 3) << broker;
}

TEST_F(FetchPoolTest, ALowByteLimitMakesSmallAnswersAndAnEvenRate) {
  Make(6, 20);
  pace_.bytes_per_second = total_bytes_;  // about 1.2 MB
  size_t largest = 0;
  fake_.ControlKey(kFetch, [&](const FakeRequest& in) -> std::optional<kafka::FakeAction> {
    largest = std::max(largest, static_cast<size_t>(in.As<kafka::FetchRequest>().max_bytes));
    return std::nullopt;
  });
  RunAll();
  EXPECT_GT(seconds_, 0.6);
  EXPECT_LT(seconds_, 3);
  EXPECT_LE(largest, total_bytes_ / 4);
}

// A broker sends the first batch whole however little was asked for (KIP-74).
TEST_F(FetchPoolTest, AByteLimitCountsBatchesThatAreLargerThanWhatWasAskedFor) {
  Make(1, 12, 1);
  options_.response_bytes_max = options_.run_bytes = batch_bytes_ / 4;
  pace_.bytes_per_second = batch_bytes_ * 10;  // 100 ms an answer
  FetchTotals totals = RunAll();
  EXPECT_EQ(totals.requests, 12u);
  EXPECT_GT(seconds_, 1.0);
}

TEST_F(FetchPoolTest, ARequestRateIsKept) {
  Make(1, 40, 1);
  pace_.requests_per_second = 20;
  options_.response_bytes_max = options_.run_bytes = batch_bytes_;
  FetchTotals totals = RunAll();
  EXPECT_GE(totals.requests, 20u);
  EXPECT_GT(seconds_, static_cast<double>(totals.requests) / 20 * 0.8);
}

// Our own limit's wait and the broker's throttle pass at the same time: neither is waited for after
// the other.
TEST_F(FetchPoolTest, AThrottleIsWaitedForOnce) {
  Make(1, 12, 1);
  options_.response_bytes_max = options_.run_bytes = batch_bytes_;
  pace_.bytes_per_second = batch_bytes_ * 10;  // 100 ms an answer
  fake_.With([](FakeWorld& world) { world.throttle_ms = 100; });
  FetchTotals totals = RunAll();
  ASSERT_EQ(totals.requests, 12u);
  EXPECT_GT(seconds_, 1.0);
  EXPECT_LT(seconds_, 1.8);
  EXPECT_GT(report_.throttled_seconds, 0.9);
  EXPECT_LT(report_.throttled_seconds, seconds_ + 0.01);
}

// With a quota or a limit, a partition may wait longer for its turn than the stall limit is.
TEST_F(FetchPoolTest, WaitingIsNotStalling) {
  Make(8, 4, 1);
  options_.connections_per_broker = 1;
  options_.response_bytes_max = options_.run_bytes = batch_bytes_;
  options_.stall_limit = Millis(300);
  fake_.With([](FakeWorld& world) { world.throttle_ms = 40; });
  RunAll();
  EXPECT_GT(seconds_, 1.0);
}

TEST_F(FetchPoolTest, APartitionThatGivesNothingIsGivenUp) {
  Make(2, 4, 1);
  ranges_[1].end_offset = ranges_[1].cursor.end_offset = 1000;  // the log does not go so far
  options_.stall_limit = Millis(200);
  fake_.ControlKey(kFetch, kafka::FakeDelay(Millis(30)));
  auto totals = Run();
  ASSERT_TRUE(totals.ok()) << totals.status().ToString();
  EXPECT_TRUE(ranges_[0].done);
  EXPECT_EQ(ranges_[1].status.code(), Code::kTimeout);
  EXPECT_THAT(ranges_[1].status.ToString(), HasSubstr("no data at offset 40"));
}

// -- near replicas

class NearReplicaTest : public FetchPoolTest {
 protected:
  void MakeWithFollower(int32_t follower, int64_t high_watermark) {
    Make(2, 30, 1);
    pace_.rack = "b";
    fake_.With([&](FakeWorld& world) {
      for (auto& p : world.topics.at("t").partitions) {
        p.preferred_replica = follower;
        p.followers[follower] = high_watermark;
      }
    });
  }
};

TEST_F(NearReplicaTest, ReadsFromTheReplicaThatTheLeaderNames) {
  MakeWithFollower(2, 300);
  FetchTotals totals = RunAll();
  EXPECT_EQ(totals.bytes_by_broker[1], 0u);
  EXPECT_EQ(totals.bytes_by_broker[2], total_bytes_);
}

TEST_F(NearReplicaTest, WithoutARackTheLeaderIsRead) {
  MakeWithFollower(2, 300);
  pace_.rack.clear();
  EXPECT_EQ(RunAll().bytes_by_broker[1], total_bytes_);
}

TEST_F(NearReplicaTest, TheRackOfTheClientsConfigurationCounts) {
  MakeWithFollower(3, 300);
  pace_.rack.clear();
  auto config = fake_.config();
  config.rack = "b";
  auto cluster = kafka::Cluster::Connect(config, {});
  ASSERT_TRUE(cluster.ok());
  Pace pace(**cluster, pace_, 4, Clock::System());
  auto totals = ReadRanges(**cluster, ranges_, sink_, options_, pace, progress_, {});
  ASSERT_TRUE(totals.ok()) << totals.status().ToString();
  EXPECT_EQ(totals->bytes_by_broker[3], total_bytes_);
}

// Its log ends before the offset asked for: the leader has the rest, and does not send us back.
TEST_F(NearReplicaTest, AReplicaThatIsTooShortIsLeft) {
  MakeWithFollower(2, 300);
  fake_.With([&](FakeWorld& world) {
    for (auto& p : world.topics.at("t").partitions) p.followers[2] = -1;
  });
  FetchTotals totals = RunAll();
  EXPECT_EQ(totals.bytes_by_broker[1], total_bytes_);
  EXPECT_LT(seconds_, 5);
}

// It is a little behind the cut: waited for.
TEST_F(NearReplicaTest, AReplicaThatLagsIsWaitedFor) {
  MakeWithFollower(2, 100);
  std::atomic<int> seen = 0;
  fake_.ControlKey(kFetch, [&](const FakeRequest& in) -> std::optional<kafka::FakeAction> {
    if (in.broker != 2) return std::nullopt;
    if (++seen == 12) {
      for (auto& p : world_->topics.at("t").partitions) p.followers[2] = 300;
    }
    return Delayed(Millis(20));
  });
  FetchTotals totals = RunAll();
  EXPECT_GE(seen, 12);
  EXPECT_EQ(totals.bytes_by_broker[2], total_bytes_);
}

TEST_F(NearReplicaTest, AReplicaThatDiesIsLeft) {
  MakeWithFollower(2, 300);
  options_.response_bytes_max = options_.run_bytes = batch_bytes_;
  std::atomic<int> seen = 0;
  fake_.ControlKey(kFetch, [&](const FakeRequest& in) -> std::optional<kafka::FakeAction> {
    if (in.broker != 2 || ++seen < 10) return std::nullopt;
    kafka::FakeAction action;
    action.hang_up_after = 0;
    return action;
  });
  FetchTotals totals = RunAll();
  EXPECT_GT(totals.bytes_by_broker[1], 0u);
  EXPECT_GT(totals.bytes_by_broker[2], 0u);
  EXPECT_EQ(totals.bytes, total_bytes_);
}

TEST_F(NearReplicaTest, AReplicaThatIsNotAnyMoreIsLeft) {
  MakeWithFollower(2, 300);
  options_.response_bytes_max = options_.run_bytes = batch_bytes_;
  std::atomic<int> seen = 0;
  fake_.ControlKey(kFetch, [&](const FakeRequest& in) -> std::optional<kafka::FakeAction> {
    if (in.broker == 2 && ++seen == 5) {
      for (auto& p : world_->topics.at("t").partitions) p.followers.clear();
    }
    return std::nullopt;
  });
  FetchTotals totals = RunAll();
  EXPECT_GT(totals.bytes_by_broker[1], 0u);
  EXPECT_EQ(totals.bytes, total_bytes_);
}

// A leader may name a broker that has no listener for us.
TEST_F(NearReplicaTest, AReplicaThatIsUnknownIsNotLookedFor) {
  MakeWithFollower(9, 300);
  EXPECT_EQ(RunAll().bytes_by_broker[1], total_bytes_);
}

// -- remote storage

class RemoteStorageTest : public FetchPoolTest {
 protected:
  // The first `remote` of the partitions have their first 100 offsets in remote storage.
  void MakeTiered(int32_t partitions, int32_t remote) {
    Make(partitions, 30, 1);
    for (ReadRange& range : ranges_) range.tiered = true;
    fake_.With([&](FakeWorld& world) {
      for (int32_t i = 0; i < remote; ++i) world.At({"t", i}).local_start = 100;
    });
    options_.response_bytes_max = options_.run_bytes = 2 * batch_bytes_;
    fake_.ControlKey(kFetch, [this](const FakeRequest& in) { return Watch(in); });
  }

  // A remote read is slow; counts how many partitions are read remotely at once.
  std::optional<kafka::FakeAction> Watch(const FakeRequest& in) {
    auto request = in.As<kafka::FetchRequest>();
    size_t partitions = 0, remote = 0;
    for (const auto& topic : request.topics) {
      for (const auto& p : topic.partitions) {
        ++partitions;
        if (p.fetch_offset < At(p.partition_index).local_start) ++remote;
      }
    }
    std::lock_guard lock(mutex_);
    if (remote == 0) {
      if (remote_requests_ < 20) ++local_requests_early_;
      return std::nullopt;
    }
    ++remote_requests_;
    mixed_ = mixed_ || partitions > 1;
    return Delayed(Millis(15));
  }

  std::mutex mutex_;
  int remote_requests_ = 0, local_requests_early_ = 0;
  bool mixed_ = false;
};

TEST_F(RemoteStorageTest, RemotePartitionsGoAloneAndLeaveTheOthersTheirWay) {
  MakeTiered(8, 6);
  FetchTotals totals = RunAll();
  EXPECT_FALSE(mixed_);
  EXPECT_EQ(totals.remote_requests, static_cast<uint64_t>(remote_requests_));
  EXPECT_GE(remote_requests_, 30);      // 6 x 10 batches, two at a time
  EXPECT_GE(local_requests_early_, 4);  // the local ones did not wait for them
  EXPECT_EQ(totals.bytes, total_bytes_);
}

TEST_F(RemoteStorageTest, SoManyAtOnceAsIsAllowed) {
  MakeTiered(6, 6);
  options_.remote_reads = 1;
  RunAll();
  double one = seconds_;
  EXPECT_GT(one, 30 * 0.015);
}

TEST_F(RemoteStorageTest, TopicsThatAreNotTieredAreNotAskedFor) {
  Make(4, 10);
  EXPECT_EQ(RunAll().remote_requests, 0u);
  EXPECT_EQ(fake_.Seen(kafka::ListOffsetsRequest::kApi.key), 0);
}

TEST(OldBrokersTest, WithoutTheQuestionEverythingIsTakenForLocal) {
  kafka::FakeCluster fake({.brokers = 1, .release = kafka::FakeRelease::k28});
  auto cluster = kafka::Cluster::Connect(fake.config(), {});
  ASSERT_TRUE(cluster.ok());
  kafka::PerPartition<int64_t> ask{{{"t", 0}, kafka::ListOffsetsTime::kEarliestLocal}};
  fake.With([](FakeWorld& world) { world.AddTopic("t", 1); });
  ASSERT_TRUE((*cluster)->Refresh({}).ok());
  auto listed = (*cluster)->ListOffsets(ask, kafka::Isolation::kReadUncommitted, {});
  EXPECT_EQ(listed.status().code(), Code::kUnsupported) << listed.status().ToString();
}

// -- giving way

TEST_F(FetchPoolTest, GentleGivesWayAndFinishes) {
  Make(3, 120);
  pace_.gentle = true;
  options_.stall_limit = Millis(500);
  options_.response_bytes_max = options_.run_bytes = 2 * batch_bytes_;
  // After the rest that measures the baseline, probes are slow while fetches are under way.
  std::atomic<int> probes = 0;
  fake_.ControlKey(kafka::ApiVersionsRequest::kApi.key,
                   [&](const FakeRequest&) -> std::optional<kafka::FakeAction> {
                     if (++probes < 45) return std::nullopt;
                     return Delayed(Millis(40));
                   });
  fake_.ControlKey(kFetch, kafka::FakeDelay(Millis(25)));
  FetchTotals totals = RunAll();
  EXPECT_EQ(totals.bytes, total_bytes_);
  EXPECT_TRUE(report_.gentle);
  EXPECT_GT(report_.times_reduced, 0u);
  EXPECT_LT(report_.mean_share, 0.7);
  EXPECT_FALSE(report_.Notes(seconds_).empty());
}

}  // namespace
}  // namespace maxbrod::engine
