#include "engine/produce_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "engine/log_testing.h"
#include "kafka/errors.h"
#include "kafka/messages/all.h"

namespace maxbrod::engine {
namespace {

using kafka::FakeEdit;
using kafka::FakeRequest;
using kafka::FakeWorld;
using testing::HasSubstr;
namespace error = kafka::error;

constexpr int64_t kPlainProducer = 6'000;
constexpr int16_t kProduce = kafka::ProduceRequest::kApi.key;
constexpr int16_t kMarkers = kafka::WriteTxnMarkersRequest::kApi.key;
constexpr int16_t kAdd = kafka::AddPartitionsToTxnRequest::kApi.key;
constexpr int16_t kEnd = kafka::EndTxnRequest::kApi.key;
constexpr int16_t kListOffsets = kafka::ListOffsetsRequest::kApi.key;

// Partitions of topic "t" on three fake brokers, each with a log to be made there.
class ProducePoolTest : public testing::Test {
 protected:
  ProducePoolTest() : fake_({.brokers = 3}) {
    fake_.With([&](FakeWorld& world) { world_ = &world; });
    // As a broker does: a transactional batch needs its partition in the transaction.
    fake_.ControlKey(kProduce, [this](const FakeRequest& in) -> std::optional<kafka::FakeAction> {
      CheckTransaction(in.As<kafka::ProduceRequest>(), in.header.api_version);
      return std::nullopt;
    });
    options_.quiet = Millis(20);
    options_.stall_limit = Millis(20'000);
    options_.markers = {kMarkerProducer, 0};
  }

  // Before the first Run.
  void Add(SourceLog log) {
    auto stored = std::make_unique<StoredLog>(log, 0, log.next());
    auto partition = static_cast<int32_t>(works_.size());
    works_.push_back({std::move(log), std::move(stored), nullptr, partition});
    Work& work = works_.back();
    for (const ProducerIdentity& slot : work.stored->Slots()) {
      std::string id = "slot-" + std::to_string(partition) + "-" + std::to_string(slot.id);
      work.slots.push_back({id, slot.id, slot.epoch});
      fake_.With([&](FakeWorld& world) {
        world.transactions[id] = {
            .coordinator = 1 + partition % 3, .producer_id = slot.id, .epoch = slot.epoch};
      });
    }
  }
  void UseEndTxn(int producers) {
    fake_.With([&](FakeWorld& world) {
      world.markers_allowed = false;
      for (int i = 0; i < producers; ++i) {
        std::string id = "markers-" + std::to_string(i);
        world.transactions[id] = {.coordinator = 1 + i % 3, .producer_id = 7'000 + i, .epoch = 0};
        marker_producers_.push_back({id, 7'000 + i, 0});
      }
    });
  }

  // A run from what the target holds, up to `stop_at` of each partition.
  Result<ProduceTotals> Run(int64_t stop_at = INT64_MAX) {
    if (cluster_ == nullptr) {
      fake_.With(
          [&](FakeWorld& world) { world.AddTopic("t", static_cast<int32_t>(works_.size()), 3); });
      auto cluster = kafka::Cluster::Connect(fake_.config(), {});
      MB_CHECK(cluster.ok());
      cluster_ = std::move(cluster).value();
      transactions_ = std::make_unique<kafka::Transactions>(*cluster_);
      MB_RETURN_IF_ERROR(cluster_->Refresh({}).status());
    }
    TransactionSteps steps(*cluster_, *transactions_, Clock::System(), Millis(60'000),
                           marker_producers_);
    options_.transactions = &steps;
    ++plain_producer_;
    tasks_.clear();
    for (size_t i = 0; i < works_.size(); ++i) {
      Work& work = works_[i];
      TopicId id;
      int64_t end = 0;
      fake_.With([&](FakeWorld& world) {
        id = TopicId{world.topics.at("t").id};
        end = world.At(work.tp()).end_offset;
      });
      work.feed = work.stored->Feed(plain_producer_, end, nullptr, steps.by_end_txn() ? 1 : 20);
      work.feed->StopAt(std::min(stop_at, work.stored->plan().log_end()));
      ProduceTask task;
      task.topic = "t";
      task.topic_id = id;
      task.partition = static_cast<int32_t>(i);
      task.feed = work.feed.get();
      task.aborted = &work.stored->plan().aborted;
      task.slots = work.slots;
      tasks_.push_back(std::move(task));
    }
    return ProduceAll(*cluster_, tasks_, options_, progress_, {});
  }
  ProduceTotals RunAll() {
    auto totals = Run();
    EXPECT_TRUE(totals.ok()) << totals.status().ToString();
    return totals.ok() ? *totals : ProduceTotals();
  }

  void ExpectComplete(size_t partition) {
    SCOPED_TRACE("partition " + std::to_string(partition));
    const Status& status = tasks_.at(partition).status;
    ASSERT_TRUE(status.ok()) << status.ToString();
    Work& work = works_.at(partition);
    kafka::FakePartition log;
    fake_.With([&](FakeWorld& world) { log = world.At(work.tp()); });
    EXPECT_EQ(Differences(work.log.Expected(work.stored->plan()),
                          ReadTarget(log, work.stored->plan().aborted)),
              "");
  }
  void ExpectAllComplete() {
    for (size_t i = 0; i < works_.size(); ++i) ExpectComplete(i);
    EXPECT_EQ(fake_.unused_controls(), 0u);
  }
  void ExpectMismatch(size_t partition, const std::string& text) {
    const Status& status = tasks_.at(partition).status;
    EXPECT_EQ(status.code(), Code::kOffsetMismatch) << status.ToString();
    EXPECT_THAT(status.ToString(), HasSubstr(text));
    EXPECT_EQ(fake_.unused_controls(), 0u);
  }

  // Does something to the world when the next request of an API comes, before it is handled; those
  // for which it says no are left alone.
  void Before(int16_t api, std::function<bool(FakeWorld&, const FakeRequest&)> act) {
    fake_.Once(api, [this, act](const FakeRequest& in) -> std::optional<kafka::FakeAction> {
      if (!act(*world_, in)) return std::nullopt;
      return kafka::FakeAction();
    });
  }
  // The next Produce is handled, but its first partition's answer is this error.
  void FailProduce(int16_t code) {
    fake_.Once(kProduce, FakeEdit<kafka::ProduceResponse>([code](kafka::ProduceResponse& r) {
                 r.topics[0].partitions[0].error_code = code;
                 r.topics[0].partitions[0].base_offset = -1;
               }));
  }
  static bool IsTransactional(const FakeRequest& in) {
    return in.As<kafka::ProduceRequest>().transactional_id.has_value();
  }

  struct Work {
    SourceLog log;
    std::unique_ptr<StoredLog> stored;
    std::unique_ptr<BatchFeed> feed;
    int32_t partition = 0;
    std::vector<kafka::TransactionalProducer> slots = {};
    TopicPartition tp() const { return {"t", partition}; }
  };

  kafka::FakeCluster fake_;
  FakeWorld* world_ = nullptr;  // to be used while the fake holds its lock
  std::vector<Work> works_;
  std::vector<kafka::TransactionalProducer> marker_producers_;
  std::unique_ptr<kafka::Cluster> cluster_;
  std::unique_ptr<kafka::Transactions> transactions_;
  std::vector<ProduceTask> tasks_;
  ProduceOptions options_;
  Progress progress_;

 private:
  void CheckTransaction(const kafka::ProduceRequest& request, int16_t) {
    if (!request.transactional_id) return;
    const auto& transaction = world_->transactions.at(*request.transactional_id);
    for (const auto& topic : request.topics) {
      for (const auto& p : topic.partitions) {
        EXPECT_TRUE(transaction.partitions.contains({"t", p.partition_index}))
            << *request.transactional_id << " has no " << p.partition_index;
      }
    }
  }
  int64_t plain_producer_ = kPlainProducer;
};

// Records, holes, a committed and an aborted transaction, records behind them.
SourceLog SomeLog() {
  SourceLog log;
  for (int i = 0; i < 6; ++i) log.Records(3);
  log.Gap(30);
  log.Transactional(100, {.width = 2});
  log.Transactional(101, {.width = 3});
  log.Records(2);
  log.Transactional(101, {.width = 2, .deltas = {0}});
  log.End(100, true);
  log.End(101, false);
  for (int i = 0; i < 3; ++i) log.Records(2);
  log.Transactional(101, {.width = 1});
  log.End(101, false);
  log.Records(1);
  return log;
}

SourceLog Holes() {
  SourceLog log;
  log.Records(3);
  log.Gap(50);
  for (int i = 0; i < 4; ++i) {
    log.Records(2);
    log.Gap(1);
  }
  log.Records(1);
  return log;
}

SourceLog Aborted(int transactions = 3) {
  SourceLog log;
  for (int i = 0; i < transactions; ++i) {
    log.Transactional(100, {.width = 2});
    log.Transactional(100, {.width = 1});
    log.End(100, false);
    log.Records(2);
  }
  return log;
}

TEST_F(ProducePoolTest, ALogWithEverythingInIt) {
  Add(SomeLog());
  ProduceTotals totals = RunAll();
  ExpectAllComplete();
  EXPECT_EQ(totals.parked, 0u);
  EXPECT_EQ(totals.markers, 32u);  // 30 in the gap, one in the batch, one that committed
  EXPECT_EQ(totals.transactions, 2u);
  EXPECT_EQ(progress_.Read().records, 34u);
}

TEST_F(ProducePoolTest, TransactionsOpenAtTheCut) {
  SourceLog log;
  log.Transactional(100, {.width = 2});
  log.Transactional(101, {.width = 2});
  log.AbortBeyond(100, 50);
  log.AbortBeyond(101, 60);
  Add(std::move(log));
  RunAll();
  ExpectAllComplete();
}

TEST_F(ProducePoolTest, MarkersOfWhichOnlySomeWereWritten) {
  Add(Holes());
  options_.in_flight = 1;
  fake_.With([](FakeWorld& world) {
    world.markers_before_errors = 7;
    world.marker_errors = 1'000;
  });
  Before(kListOffsets, [](FakeWorld& world, const FakeRequest&) {  // settling
    world.marker_errors = 0;
    return true;
  });
  EXPECT_EQ(RunAll().parked, 1u);
  ExpectAllComplete();
}

TEST_F(ProducePoolTest, MarkersOfWhichOnlySomeWereWrittenWithABatchBehindThem) {
  Add(Holes());
  fake_.With([](FakeWorld& world) {
    world.markers_before_errors = 7;
    world.marker_errors = 1'000;
  });
  RunAll();
  ExpectMismatch(0, "the broker put it at 10");
}

TEST_F(ProducePoolTest, AMarkerThatIsMissingThoughTheAnswerSaysNothing) {
  Add(Holes());
  // The answer tells the error of a run's last marker only.
  fake_.With([](FakeWorld& world) {
    world.markers_before_errors = 7;
    world.marker_errors = 1;
  });
  RunAll();
  ExpectMismatch(0, "the broker put it at 52");
}

TEST_F(ProducePoolTest, MarkersWrittenButTheAnswerIsAnError) {
  Add(Holes());
  for (int16_t code : {error::kNotEnoughReplicasAfterAppend, error::kNotLeaderOrFollower,
                       error::kUnknownTopicOrPartition, error::kRequestTimedOut}) {
    fake_.Once(kMarkers, FakeEdit<kafka::WriteTxnMarkersResponse>([code](auto& response) {
                 response.markers[0].topics[0].partitions[0].error_code = code;
               }));
  }
  EXPECT_GE(RunAll().parked, 1u);
  ExpectAllComplete();
}

TEST_F(ProducePoolTest, MarkersRefusedForGoodAreTold) {
  Add(Holes());
  Add(Aborted());
  fake_.With([](FakeWorld& world) { world.markers_allowed = false; });
  RunAll();
  EXPECT_EQ(tasks_[0].status.kafka_error(), error::kClusterAuthorizationFailed);
  EXPECT_THAT(tasks_[0].status.message(), HasSubstr("t-0 at offset 3"));
  ExpectComplete(1);
}

TEST_F(ProducePoolTest, ConnectionsCutAfterTheRequestWasTaken) {
  Add(SomeLog());
  Add(Holes());
  fake_.Once(kMarkers, kafka::FakeHangUp());
  fake_.Once(kProduce, kafka::FakeHangUp());
  fake_.Once(kMarkers, kafka::FakeHangUp(5));
  fake_.Once(kProduce, kafka::FakeHangUp(9));
  EXPECT_GE(RunAll().parked, 4u);
  ExpectAllComplete();
}

TEST_F(ProducePoolTest, DoubtfulAnswersAreSettledByTheLog) {
  Add(SomeLog());
  for (int16_t code : {error::kNotEnoughReplicas, error::kNotEnoughReplicasAfterAppend,
                       error::kOutOfOrderSequenceNumber, error::kUnknownProducerId,
                       error::kDuplicateSequenceNumber, error::kNotLeaderOrFollower})
    FailProduce(code);
  EXPECT_GE(RunAll().parked, 2u);
  ExpectAllComplete();
}

TEST_F(ProducePoolTest, ErrorsThatCannotBeWaitedOutEndTheTask) {
  Add(SomeLog());
  Add(Holes());
  fake_.Once(kProduce, FakeEdit<kafka::ProduceResponse>([](kafka::ProduceResponse& r) {
               r.topics[0].partitions[0].error_code = error::kTopicAuthorizationFailed;
             }));
  RunAll();
  size_t failed = tasks_[0].status.ok() ? 1 : 0;
  EXPECT_EQ(tasks_[failed].status.kafka_error(), error::kTopicAuthorizationFailed);
  EXPECT_THAT(tasks_[failed].status.ToString(), HasSubstr("needs Write on Topic 't'"));
  ExpectComplete(1 - failed);
}

TEST_F(ProducePoolTest, ALeaderThatMoves) {
  Add(SomeLog());
  int seen = 0;
  Before(kProduce, [&seen](FakeWorld& world, const FakeRequest&) {
    if (++seen < 3) return false;
    world.At({"t", 0}).leader = 2;
    world.At({"t", 0}).leader_epoch = 7;
    return true;
  });
  Before(kMarkers, [](FakeWorld& world, const FakeRequest&) {
    world.At({"t", 0}).leader = 3;
    world.At({"t", 0}).leader_epoch = 9;
    return true;
  });
  EXPECT_GE(RunAll().parked, 1u);
  ExpectAllComplete();
}

TEST_F(ProducePoolTest, SomebodyElseWrites) {
  Add(SomeLog());
  Add(SomeLog());
  int seen = 0;
  Before(kProduce, [&seen](FakeWorld& world, const FakeRequest& in) {
    if (in.broker != 1 || ++seen < 2) return false;
    world.At({"t", 0}).Append(kafka::FakeBatch(1));
    return true;
  });
  RunAll();
  ExpectMismatch(0, "somebody else writes to this topic");
  ExpectComplete(1);
}

// A foreign batch found while settling.
TEST_F(ProducePoolTest, SomebodyElseWroteWhileAPartitionWasParked) {
  Add(Holes());
  options_.in_flight = 1;
  FailProduce(error::kNotEnoughReplicasAfterAppend);
  Before(kListOffsets, [](FakeWorld& world, const FakeRequest&) {
    kafka::FakePartition& log = world.At({"t", 0});
    while (log.end_offset < 54) log.Append(kafka::FakeBatch(1));
    return true;
  });
  RunAll();
  ExpectMismatch(0, "where no batch of the snapshot begins");
}

TEST_F(ProducePoolTest, CoordinatorsThatMoveOrLoseAnswers) {
  Add(Aborted(6));
  auto move = [](FakeWorld& world, const FakeRequest&) {
    auto& transaction = world.transactions.begin()->second;
    transaction.coordinator = transaction.coordinator % 3 + 1;
    return true;
  };
  Before(kAdd, move);
  Before(kEnd, move);
  fake_.Once(kAdd, kafka::FakeHangUp());
  fake_.Once(kEnd, kafka::FakeHangUp());
  fake_.With([](FakeWorld& world) { world.transactions.begin()->second.busy_after_end = 3; });
  RunAll();
  ExpectAllComplete();
}

// The marker is there, but that could not be seen: the plain producer's sequence goes on all the
// same.
TEST_F(ProducePoolTest, AnAbortWhoseMarkerCouldNotBeSeen) {
  Add(Aborted());
  fake_.Once(kListOffsets, FakeEdit<kafka::ListOffsetsResponse>([](auto& response) {
               response.topics[0].partitions[0].error_code = error::kTopicAuthorizationFailed;
             }));
  ProduceTotals totals = RunAll();
  ExpectAllComplete();
  EXPECT_EQ(totals.parked, 1u);
}

TEST_F(ProducePoolTest, MarkersByEndTxn) {
  Add(SomeLog());
  Add(Holes());
  Add(Aborted());
  Add(Holes());
  UseEndTxn(2);
  ProduceTotals totals = RunAll();
  ExpectAllComplete();
  EXPECT_EQ(totals.markers, 32u + 2 * 54u);
  EXPECT_EQ(fake_.Seen(kMarkers), 0);
}

TEST_F(ProducePoolTest, MarkersByEndTxnWithTroubles) {
  Add(Holes());
  UseEndTxn(1);
  auto move = [](FakeWorld& world, const FakeRequest&) {
    auto& transaction = world.transactions.at("markers-0");
    transaction.coordinator = transaction.coordinator % 3 + 1;
    return true;
  };
  Before(kAdd, move);
  Before(kEnd, move);
  fake_.Once(kAdd, kafka::FakeHangUp());
  fake_.Once(kEnd, kafka::FakeHangUp());
  fake_.Once(kListOffsets, FakeEdit<kafka::ListOffsetsResponse>([](auto& response) {
               response.topics[0].partitions[0].error_code = error::kTopicAuthorizationFailed;
             }));
  RunAll();
  ExpectAllComplete();
}

// What is refused after the partitions were added must not stay open: its end would write a marker
// wherever the log is then.
TEST_F(ProducePoolTest, AMarkerTransactionThatCannotBeEndedIsAbortedAtOnce) {
  Add(Holes());
  UseEndTxn(1);
  fake_.Once(kEnd, FakeEdit<kafka::EndTxnResponse>([](kafka::EndTxnResponse& response) {
               response.error_code = error::kTransactionalIdAuthorizationFailed;
             }));
  RunAll();
  EXPECT_EQ(tasks_[0].status.kafka_error(), error::kTransactionalIdAuthorizationFailed);
  fake_.With([](FakeWorld& world) {
    EXPECT_EQ(world.transactions.at("markers-0").state, "Empty");
    EXPECT_EQ(world.At({"t", 0}).end_offset, 4);
  });
  // Another run goes on behind it.
  marker_producers_[0].epoch = 1;
  RunAll();
  ExpectAllComplete();
}

TEST_F(ProducePoolTest, ATransactionLostBeforeItsNextBatch) {
  Add(Aborted());
  Add(SomeLog());
  Before(kProduce, [](FakeWorld& world, const FakeRequest& in) {
    auto request = in.As<kafka::ProduceRequest>();
    if (!request.transactional_id || request.topics[0].partitions[0].partition_index != 0)
      return false;
    // Timed out: the coordinator raises the epoch and writes a marker.
    auto& transaction = world.transactions.at(*request.transactional_id);
    ++transaction.epoch;
    kafka::ControlRecord abort;
    kafka::FakePartition& log = world.At({"t", 0});
    log.Append(*kafka::BuildControlBatch(log.end_offset, 1, transaction.producer_id,
                                         transaction.epoch, abort));
    return true;
  });
  RunAll();
  ExpectMismatch(0, "");
  ExpectComplete(1);
}

TEST_F(ProducePoolTest, ATransactionWhoseBatchesAreRefused) {
  int16_t codes[] = {error::kInvalidProducerEpoch, error::kProducerFenced, error::kInvalidTxnState,
                     error::kInvalidProducerIdMapping};
  for (int32_t partition = 0; partition < 4; ++partition) {
    Add(Aborted());
    int16_t code = codes[partition];
    fake_.Once(kProduce, [=](const FakeRequest& in) -> std::optional<kafka::FakeAction> {
      auto request = in.As<kafka::ProduceRequest>();
      bool ours =
          request.transactional_id && request.topics[0].partitions[0].partition_index == partition;
      if (!ours) return std::nullopt;
      return FakeEdit<kafka::ProduceResponse>(
          [code](kafka::ProduceResponse& r) { r.topics[0].partitions[0].error_code = code; })(in);
    });
  }
  RunAll();
  for (size_t i = 0; i < 4; ++i) ExpectMismatch(i, "the broker ended the restore's transaction");
}

TEST_F(ProducePoolTest, ATransactionLostBeforeItsEnd) {
  Add(Aborted());
  Add(Holes());
  Before(kEnd, [](FakeWorld& world, const FakeRequest&) {
    ++world.transactions.begin()->second.epoch;
    return true;
  });
  RunAll();
  ExpectMismatch(0, "the broker ended the restore's transaction");
  ExpectComplete(1);
}

// Killed anywhere: the next run has other plain producers and the same transactional ones, and
// nothing in memory.
TEST_F(ProducePoolTest, GoesOnInOpenTransactions) {
  Add(SomeLog());
  Add(Aborted());
  for (int64_t stop_at = 1; stop_at < 80; ++stop_at) {
    auto totals = Run(stop_at);
    ASSERT_TRUE(totals.ok()) << totals.status().ToString();
    for (const ProduceTask& task : tasks_) ASSERT_TRUE(task.status.ok()) << task.status.ToString();
  }
  RunAll();
  ExpectAllComplete();
}

// The end was asked for, the answer did not come, then we were killed: the marker is there.
TEST_F(ProducePoolTest, ATransactionThatAnEarlierRunEnded) {
  Add(Aborted(1));
  ASSERT_TRUE(Run(3).ok());
  kafka::TransactionalProducer slot = works_[0].slots[0];
  ASSERT_TRUE(transactions_->End(slot, false, {}).ok());
  RunAll();
  ExpectAllComplete();
}

TEST_F(ProducePoolTest, AMarkerOfATransactionWithoutRecords) {
  SourceLog log;
  log.Records(1);
  log.End(100, false);
  log.Records(1);
  Add(std::move(log));
  RunAll();
  ExpectAllComplete();
}

TEST_F(ProducePoolTest, AMarkerWhereStatesCannotBeAskedFor) {
  fake_.ControlKey(kafka::ApiVersionsRequest::kApi.key,
                   FakeEdit<kafka::ApiVersionsResponse>([](auto& response) {
                     std::erase_if(response.api_keys, [](const auto& api) {
                       return api.api_key == kafka::DescribeTransactionsRequest::kApi.key;
                     });
                   }));
  SourceLog log;
  log.Records(1);
  log.End(100, false);
  log.Records(1);
  Add(std::move(log));
  RunAll();
  ExpectAllComplete();
  EXPECT_EQ(fake_.Seen(kafka::DescribeTransactionsRequest::kApi.key), 0);
}

TEST_F(ProducePoolTest, LittleMemoryIsEnough) {
  for (int i = 0; i < 9; ++i) Add(SomeLog());
  options_.memory = 1;
  options_.connections_per_broker = 1;
  RunAll();
  ExpectAllComplete();
}

TEST_F(ProducePoolTest, StopsWhenToldTo) {
  Add(SomeLog());
  ASSERT_TRUE(Run(1).ok());
  std::stop_source stop;
  stop.request_stop();
  CallContext context;
  context.stop = stop.get_token();
  works_[0].feed->StopAt(works_[0].stored->plan().log_end());
  auto stopped = ProduceAll(*cluster_, tasks_, options_, progress_, context);
  EXPECT_EQ(stopped.status().code(), Code::kCancelled);
}

class RandomPool : public ProducePoolTest, public testing::WithParamInterface<uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, RandomPool, testing::Range<uint64_t>(1, 13));

// Many partitions at once, brokers that lose answers and move what they lead. Nothing that a broker
// without sequences of its own could do wrong by reordering.
TEST_P(RandomPool, PartitionsInParallelThroughTroubles) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  std::mt19937_64 random(GetParam());
  auto below = [&](uint64_t n) { return random() % n; };
  for (uint64_t i = 0; i < 6 + below(8); ++i) {
    switch (below(3)) {
      case 0:
        Add(SomeLog());
        break;
      case 1:
        Add(Holes());
        break;
      default:
        Add(Aborted(1 + static_cast<int>(below(4))));
    }
  }
  if (below(3) == 0) UseEndTxn(3);
  options_.connections_per_broker = 1 + below(3);
  options_.in_flight = 1 + below(5);
  if (below(2) == 0) options_.request_bytes = 300;
  // Once each: one that moved away and back between two requests of a pipeline would refuse the
  // first and take the second, which only sequences notice.
  std::set<size_t> moved;
  for (uint64_t i = 0; i < 6; ++i) {
    int16_t api = std::array{kProduce, kMarkers, kAdd, kEnd}[below(4)];
    auto skip = std::make_shared<uint64_t>(below(12));
    auto partition = static_cast<size_t>(below(works_.size()));
    int32_t leader = 1 + static_cast<int32_t>(below(3));
    bool hang_up = below(2) == 0;
    if (!hang_up && !moved.insert(partition).second) hang_up = true;
    fake_.Once(api, [=, this](const FakeRequest& in) -> std::optional<kafka::FakeAction> {
      if ((*skip)-- > 0) return std::nullopt;
      if (hang_up) return kafka::FakeHangUp()(in);
      auto& led = world_->topics.at("t").partitions.at(partition);
      led.leader = leader;
      ++led.leader_epoch;
      return kafka::FakeAction();
    });
  }
  RunAll();
  for (size_t i = 0; i < works_.size(); ++i) ExpectComplete(i);
}

// -- pace

SourceLog Plain(int batches) {
  SourceLog log;
  for (int i = 0; i < batches; ++i) log.Records(3);
  return log;
}

// A broker answers at once and reads nothing more for that time (KIP-219): the answers of what was
// sent before need no waiting.
TEST_F(ProducePoolTest, AThrottleIsWaitedForBeforeTheNextRequestOnly) {
  Add(Plain(5));
  for (int i = 0; i < 5; ++i) {
    fake_.Once(kProduce, FakeEdit<kafka::ProduceResponse>(
                             [](auto& response) { response.throttle_time_ms = 200; }));
  }
  ProduceTotals totals = RunAll();
  EXPECT_EQ(totals.requests, 5u);
  EXPECT_LT(totals.seconds, 0.6);
  ExpectAllComplete();
}

TEST_F(ProducePoolTest, ARateLimitIsKept) {
  Add(Plain(30));
  ASSERT_TRUE(Run(0).ok());  // connects
  uint64_t bytes = 0;
  const SourceLog log = Plain(30);
  for (const auto& entry : log.entries()) bytes += entry.bytes.size();
  PaceOptions limited;
  limited.bytes_per_second = bytes;
  Pace pace(*cluster_, limited, 10, Clock::System());
  options_.pace = &pace;
  ProduceTotals totals = RunAll();
  EXPECT_GT(totals.seconds, 0.7);
  EXPECT_LT(totals.seconds, 3);
  ExpectAllComplete();
}

// Places at the broker are held by requests whose answers the same worker has to read.
TEST_F(ProducePoolTest, GentleWaitsForNothingThatItWouldHaveToReadItself) {
  for (int i = 0; i < 4; ++i) Add(SomeLog());
  ASSERT_TRUE(Run(0).ok());
  PaceOptions gentle;
  gentle.gentle = true;
  Pace pace(*cluster_, gentle, 2, Clock::System());
  options_.pace = &pace;
  RunAll();
  ExpectAllComplete();
  EXPECT_GT(pace.Report().mean_share, 0);
}

}  // namespace
}  // namespace maxbrod::engine
