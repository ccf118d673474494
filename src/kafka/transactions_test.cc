#include "kafka/transactions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "kafka/errors.h"
#include "kafka/fake_broker_testing.h"
#include "kafka/messages/add_partitions_to_txn.h"
#include "kafka/messages/describe_configs.h"
#include "kafka/messages/describe_transactions.h"
#include "kafka/messages/end_txn.h"
#include "kafka/messages/find_coordinator.h"
#include "kafka/messages/init_producer_id.h"
#include "kafka/record.h"

namespace maxbrod::kafka {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr Millis kTimeout{60'000};

class TransactionsTest : public testing::TestWithParam<FakeRelease> {
 protected:
  TransactionsTest() : fake_({.brokers = 3, .release = GetParam()}) {
    fake_.With([](FakeWorld& world) {
      world.AddTopic("t", 4, 3);
      world.AddTopic("u", 1, 3);
      world.transactions["tx"] = {.coordinator = 2, .producer_id = 7, .epoch = 3};
    });
    auto cluster = Cluster::Connect(fake_.config(), {});
    MB_CHECK(cluster.ok());
    cluster_ = std::move(cluster).value();
    transactions_ = std::make_unique<Transactions>(*cluster_);
  }
  TransactionalProducer Init(const std::string& id = "tx") {
    auto producer = transactions_->Init(id, kTimeout, {});
    EXPECT_TRUE(producer.ok()) << producer.status().ToString();
    return producer.ok() ? *producer : TransactionalProducer{};
  }
  FakeTransaction State(const std::string& id = "tx") {
    FakeTransaction state;
    fake_.With([&](FakeWorld& world) { state = world.transactions.at(id); });
    return state;
  }
  int64_t End(const std::string& topic, int32_t partition) {
    int64_t end = 0;
    fake_.With([&](FakeWorld& world) { end = world.At({topic, partition}).end_offset; });
    return end;
  }

  FakeCluster fake_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<Transactions> transactions_;
};

INSTANTIATE_TEST_SUITE_P(Releases, TransactionsTest,
                         testing::Values(FakeRelease::k28, FakeRelease::k39, FakeRelease::k43),
                         [](const auto& test) {
                           return std::string(test.param == FakeRelease::k28   ? "k28"
                                              : test.param == FakeRelease::k39 ? "k39"
                                                                               : "k43");
                         });

TEST_P(TransactionsTest, OneAfterTheOtherAtOneEpoch) {
  TransactionalProducer producer = Init();
  EXPECT_EQ(producer.producer_id, 7);
  EXPECT_EQ(producer.epoch, 4);
  for (bool commit : {false, true}) {
    ASSERT_TRUE(transactions_->AddPartitions(producer, {{"t", 1}, {"u", 0}, {"t", 3}}, {}).ok());
    EXPECT_EQ(State().state, "Ongoing");
    ASSERT_TRUE(transactions_->End(producer, commit, {}).ok());
    EXPECT_EQ(State().state, commit ? "CompleteCommit" : "CompleteAbort");
    EXPECT_TRUE(transactions_->End(producer, commit, {}).ok());  // the same again is no harm
    EXPECT_EQ(transactions_->End(producer, !commit, {}).kafka_error(), error::kInvalidTxnState);
  }
  EXPECT_EQ(State().epoch, 4);
  EXPECT_EQ(End("t", 1), 2);
  EXPECT_EQ(End("u", 0), 2);
  EXPECT_EQ(End("t", 0), 0);
  fake_.With([](FakeWorld& world) {
    auto& batches = world.At({"t", 3}).batches;
    EXPECT_EQ(ControlRecord::ParseBatch(batches.at(0))->type, ControlRecord::kAbort);
    EXPECT_EQ(ControlRecord::ParseBatch(batches.at(1))->type, ControlRecord::kCommit);
    EXPECT_EQ(BatchHeader::Parse(batches.at(1))->producer_epoch, 4);
  });
  EXPECT_EQ(fake_.Seen(FindCoordinatorRequest::kApi.key), 1);  // remembered
}

TEST_P(TransactionsTest, VersionsStayBelowTransactionVersion2) {
  std::map<int16_t, int16_t> versions;
  for (int16_t key : {InitProducerIdRequest::kApi.key, AddPartitionsToTxnRequest::kApi.key,
                      EndTxnRequest::kApi.key}) {
    fake_.ControlKey(key, [&](const FakeRequest& in) {
      versions[in.header.api_key] = in.header.api_version;
      return std::nullopt;
    });
  }
  TransactionalProducer producer = Init();
  ASSERT_TRUE(transactions_->AddPartitions(producer, {{"t", 0}}, {}).ok());
  ASSERT_TRUE(transactions_->End(producer, false, {}).ok());
  EXPECT_EQ(versions.at(InitProducerIdRequest::kApi.key), 4);
  EXPECT_EQ(versions.at(AddPartitionsToTxnRequest::kApi.key), 3);
  EXPECT_EQ(versions.at(EndTxnRequest::kApi.key), GetParam() == FakeRelease::k28 ? 3 : 4);
}

TEST_P(TransactionsTest, InitAbortsWhatIsOpenAndWaits) {
  TransactionalProducer old = Init();
  ASSERT_TRUE(transactions_->AddPartitions(old, {{"t", 2}}, {}).ok());
  fake_.With([](FakeWorld& world) { world.transactions.at("tx").busy_after_end = 5; });
  TransactionalProducer fresh = Init();
  EXPECT_EQ(End("t", 2), 1);
  EXPECT_EQ(State().state, "Empty");
  EXPECT_GT(fresh.epoch, old.epoch);
  Status fenced = transactions_->AddPartitions(old, {{"t", 2}}, {});
  EXPECT_EQ(fenced.kafka_error(), error::kProducerFenced);
  EXPECT_THAT(fenced.message(), HasSubstr("AddPartitionsToTxn of transactional id tx"));
  EXPECT_EQ(transactions_->End(old, false, {}).kafka_error(), error::kProducerFenced);
}

TEST_P(TransactionsTest, ABusyCoordinatorIsAskedAgainSoon) {
  TransactionalProducer producer = Init();
  fake_.With([](FakeWorld& world) { world.transactions.at("tx").busy_after_end = 3; });
  ASSERT_TRUE(transactions_->AddPartitions(producer, {{"t", 0}}, {}).ok());
  ASSERT_TRUE(transactions_->End(producer, true, {}).ok());
  ASSERT_TRUE(transactions_->AddPartitions(producer, {{"t", 0}}, {}).ok());
  EXPECT_EQ(fake_.Seen(AddPartitionsToTxnRequest::kApi.key), 5);
  EXPECT_EQ(fake_.Seen(FindCoordinatorRequest::kApi.key), 1);
}

TEST_P(TransactionsTest, ACoordinatorThatStaysBusyIsGivenUp) {
  Init();
  fake_.With([](FakeWorld& world) { world.transactions.at("tx").busy_left = 1'000'000; });
  auto producer = transactions_->Init("tx", kTimeout, {Deadline::After(Millis(200)), {}});
  EXPECT_EQ(producer.status().kafka_error(), error::kConcurrentTransactions);
  EXPECT_THAT(producer.status().message(), HasSubstr("gave up"));
  fake_.With([](FakeWorld& world) { world.transactions.at("tx").busy_left = 0; });
}

TEST_P(TransactionsTest, ACoordinatorMayMove) {
  TransactionalProducer producer = Init();
  fake_.With([](FakeWorld& world) { world.transactions.at("tx").coordinator = 3; });
  ASSERT_TRUE(transactions_->AddPartitions(producer, {{"t", 0}}, {}).ok());
  EXPECT_EQ(fake_.Seen(AddPartitionsToTxnRequest::kApi.key, 2), 1);
  EXPECT_EQ(fake_.Seen(AddPartitionsToTxnRequest::kApi.key, 3), 1);
  fake_.Stop(3);
  fake_.With([](FakeWorld& world) { world.transactions.at("tx").coordinator = 1; });
  ASSERT_TRUE(transactions_->End(producer, false, {}).ok());
  EXPECT_EQ(End("t", 0), 1);
}

TEST_P(TransactionsTest, LostAnswersAreAskedForAgain) {
  TransactionalProducer producer = Init();
  fake_.Once(AddPartitionsToTxnRequest::kApi.key, FakeHangUp());
  ASSERT_TRUE(transactions_->AddPartitions(producer, {{"t", 0}}, {}).ok());
  fake_.Once(EndTxnRequest::kApi.key, FakeHangUp());
  ASSERT_TRUE(transactions_->End(producer, false, {}).ok());
  EXPECT_EQ(fake_.unused_controls(), 0u);
  EXPECT_EQ(End("t", 0), 1);
}

TEST_P(TransactionsTest, ATimeoutTooLongIsTold) {
  fake_.With([](FakeWorld& world) { world.transaction_timeout_max_ms = 5'000; });
  auto producer = transactions_->Init("tx", Millis(5'001), {});
  EXPECT_EQ(producer.status().kafka_error(), error::kInvalidTransactionTimeout);
  EXPECT_EQ(producer.status().code(), Code::kInvalidArgument);
  EXPECT_TRUE(transactions_->Init("tx", Millis(5'000), {}).ok());
  EXPECT_EQ(State().timeout_ms, 5'000);
}

TEST_P(TransactionsTest, ErrorsNameThePartitionThatCausedThem) {
  TransactionalProducer producer = Init();
  fake_.Once(AddPartitionsToTxnRequest::kApi.key,
             FakeEdit<AddPartitionsToTxnResponse>([](AddPartitionsToTxnResponse& response) {
               response.topics[0].partitions[0].error_code = error::kOperationNotAttempted;
               response.topics[1].partitions[0].error_code = error::kTopicAuthorizationFailed;
             }));
  Status refused = transactions_->AddPartitions(producer, {{"t", 0}, {"u", 0}}, {});
  EXPECT_EQ(refused.kafka_error(), error::kTopicAuthorizationFailed);
  EXPECT_THAT(refused.message(), HasSubstr("u-0"));
  EXPECT_THAT(refused.hint(), HasSubstr("Write on Topic u"));
  fake_.Once(AddPartitionsToTxnRequest::kApi.key,
             FakeEdit<AddPartitionsToTxnResponse>(
                 [](AddPartitionsToTxnResponse& response) { response.topics.pop_back(); }));
  Status lie = transactions_->AddPartitions(producer, {{"t", 0}, {"u", 0}}, {});
  EXPECT_EQ(lie.code(), Code::kProtocol);
}

TEST_P(TransactionsTest, ATopicUnknownYetIsAskedForAgain) {
  TransactionalProducer producer = Init();
  std::jthread later([&] {
    while (fake_.Seen(AddPartitionsToTxnRequest::kApi.key) == 0)
      std::this_thread::sleep_for(Millis(1));
    fake_.With([](FakeWorld& world) { world.AddTopic("new", 1, 3); });
  });
  EXPECT_TRUE(transactions_->AddPartitions(producer, {{"new", 0}}, {}).ok());
}

TEST_P(TransactionsTest, States) {
  if (GetParam() == FakeRelease::k28) {
    EXPECT_EQ(transactions_->Describe({"tx"}, {}).status().code(), Code::kUnsupported);
    return;
  }
  TransactionalProducer producer = Init();
  TransactionalProducer other = Init("other");
  ASSERT_TRUE(transactions_->AddPartitions(producer, {{"t", 1}, {"u", 0}, {"t", 0}}, {}).ok());
  auto states = transactions_->Describe({"tx", "other", "none"}, {});
  ASSERT_TRUE(states.ok()) << states.status().ToString();
  ASSERT_EQ(states->size(), 3u);
  ASSERT_TRUE(states->at("tx").ok());
  EXPECT_EQ(states->at("tx")->state, "Ongoing");
  EXPECT_EQ(states->at("tx")->producer_id, 7);
  EXPECT_EQ(states->at("tx")->epoch, producer.epoch);
  EXPECT_EQ(states->at("tx")->timeout, kTimeout);
  EXPECT_THAT(states->at("tx")->partitions,
              ElementsAre(TopicPartition{"t", 0}, TopicPartition{"t", 1}, TopicPartition{"u", 0}));
  EXPECT_EQ(states->at("other")->state, "Empty");
  EXPECT_EQ(states->at("other")->producer_id, other.producer_id);
  EXPECT_EQ(states->at("none").status().code(), Code::kNotFound);
}

TEST_P(TransactionsTest, IdsDoNotWaitForEachOther) {
  std::vector<std::jthread> threads;
  std::atomic<int> done{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      TransactionalProducer producer = Init("id-" + std::to_string(i));
      for (int round = 0; round < 20; ++round) {
        if (!transactions_->AddPartitions(producer, {{"t", i}}, {}).ok()) return;
        if (!transactions_->End(producer, false, {}).ok()) return;
      }
      ++done;
    });
  }
  threads.clear();
  EXPECT_EQ(done, 4);
  for (int32_t i = 0; i < 4; ++i) EXPECT_EQ(End("t", i), 20);
}

TEST_P(TransactionsTest, TheLongestTimeout) {
  EXPECT_EQ(*TransactionTimeoutMax(*cluster_, {}), kTransactionTimeoutMax);
  auto edit = [&](std::function<void(DescribeConfigsResponse::Resource&)> change) {
    fake_.Once(DescribeConfigsRequest::kApi.key,
               FakeEdit<DescribeConfigsResponse>(
                   [change](DescribeConfigsResponse& r) { change(r.results[0]); }));
    return TransactionTimeoutMax(*cluster_, {});
  };
  auto value = [](const char* text) {
    return [text](DescribeConfigsResponse::Resource& r) {
      r.configs.emplace_back().name = "transaction.max.timeout.ms";
      r.configs.back().value = text;
    };
  };
  EXPECT_EQ(edit(value("1234"))->count(), 1234);
  EXPECT_EQ(*edit(value("12x")), kTransactionTimeoutMax);
  EXPECT_EQ(*edit([](auto& r) { r.error_code = error::kClusterAuthorizationFailed; }),
            kTransactionTimeoutMax);
}

}  // namespace
}  // namespace maxbrod::kafka
