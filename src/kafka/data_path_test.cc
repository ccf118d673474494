#include "kafka/data_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kafka/batch.h"
#include "kafka/errors.h"
#include "kafka/fake_broker_testing.h"
#include "kafka/messages/fetch.h"
#include "kafka/messages/produce.h"

namespace maxbrod::kafka {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class DataPathTest : public testing::TestWithParam<FakeRelease> {
 protected:
  DataPathTest() : fake_({.release = GetParam()}) {
    fake_.With([&](FakeWorld& world) {
      id_ = TopicId{world.AddTopic("t", 3).id};
      other_id_ = TopicId{world.AddTopic("u", 1).id};
    });
    auto connection = Connection::Open(fake_.config(), fake_.address(1), {});
    MB_CHECK(connection.ok());
    connection_ = std::move(connection).value();
  }
  FetchSpec Spec(std::vector<int32_t> partitions, int64_t offset = 0) {
    FetchSpec spec;
    for (int32_t p : partitions) spec.partitions.push_back({"t", id_, p, offset, -1, 1 << 20});
    return spec;
  }
  Result<FetchResponseView> Fetch(const FetchSpec& spec) {
    MB_RETURN_IF_ERROR(SendFetch(*connection_, spec, {}));
    return ReceiveFetch(*connection_, spec, &buffer_, {});
  }
  Result<ProduceResponseView> Produce(const std::vector<ProduceBatch>& batches,
                                      const std::string& id = {}) {
    MB_RETURN_IF_ERROR(SendProduce(*connection_, batches, 1000, {}, id));
    return ReceiveProduce(*connection_, batches, {});
  }

  FakeCluster fake_;
  TopicId id_, other_id_;
  std::unique_ptr<Connection> connection_;
  Bytes buffer_;
};

INSTANTIATE_TEST_SUITE_P(Releases, DataPathTest,
                         testing::Values(FakeRelease::k28, FakeRelease::k43), [](const auto& test) {
                           return test.param == FakeRelease::k28 ? "k28" : "k43";
                         });

TEST_P(DataPathTest, BatchesGoInPiecesAndComeBackAsStored) {
  Bytes batch = FakeBatch(10, 300);
  ByteView all(batch);
  std::vector<ByteView> pieces = {all.first(61), all.subspan(61, 600), all.subspan(661)};
  std::vector<ByteView> whole = {all};
  std::vector<ProduceBatch> batches = {
      {"t", id_, 2, pieces}, {"u", other_id_, 0, whole}, {"t", id_, 0, whole}};
  auto produced = Produce(batches);
  ASSERT_TRUE(produced.ok()) << produced.status().ToString();
  ASSERT_THAT(produced->partitions, SizeIs(3));
  for (const auto& p : produced->partitions) {
    EXPECT_EQ(p.error, 0);
    EXPECT_EQ(p.base_offset, 0);
  }
  auto fetched = Fetch(Spec({0, 1, 2}));
  ASSERT_TRUE(fetched.ok()) << fetched.status().ToString();
  ASSERT_THAT(fetched->partitions, SizeIs(3));
  for (const FetchedPartition& p : fetched->partitions) {
    EXPECT_EQ(p.error, 0);
    if (p.index == 1) {
      EXPECT_EQ(p.records.size(), 0u);
      continue;
    }
    EXPECT_EQ(p.high_watermark, 10);
    EXPECT_EQ(p.last_stable_offset, 10);
    ASSERT_EQ(p.records.size(), batch.size());
    EXPECT_TRUE(CheckBatchCrc(p.records).ok());
    EXPECT_TRUE(std::equal(p.records.begin() + 21, p.records.end(), batch.begin() + 21));
    EXPECT_GE(p.records.data(), buffer_.data());  // a view, not a copy
    EXPECT_LE(p.records.data() + p.records.size(), buffer_.data() + buffer_.size());
  }
}

TEST_P(DataPathTest, IdsAreUsedWhereBothSidesHaveThem) {
  ASSERT_TRUE(Fetch(Spec({0})).ok());
  EXPECT_EQ(connection_->answered_version(), GetParam() == FakeRelease::k28 ? 12 : 17);
  FetchSpec by_name = Spec({0});
  by_name.partitions[0].topic_id = TopicId();
  ASSERT_TRUE(Fetch(by_name).ok());
  EXPECT_EQ(connection_->answered_version(), 12);
  Bytes batch = FakeBatch(1);
  std::vector<ByteView> whole = {ByteView(batch)};
  ASSERT_TRUE(Produce({{"t", id_, 0, whole}}).ok());
  EXPECT_EQ(connection_->answered_version(), GetParam() == FakeRelease::k28 ? 9 : 13);
  ASSERT_TRUE(Produce({{"t", id_, 0, whole}}, "tx").ok());
  EXPECT_EQ(connection_->answered_version(), GetParam() == FakeRelease::k28 ? 9 : 11);
}

TEST_P(DataPathTest, ARecreatedTopicIsNotMistakenForTheOldOne) {
  // 2.8 knows topics by name only in Fetch and Produce: there it is up to the metadata to tell.
  int16_t expected = GetParam() == FakeRelease::k28 ? error::kNone : error::kUnknownTopicId;
  fake_.With([](FakeWorld& world) { world.AddTopic("t", 3); });
  auto fetched = Fetch(Spec({0}));
  ASSERT_TRUE(fetched.ok());
  EXPECT_EQ(fetched->partitions[0].error, expected);
  Bytes batch = FakeBatch(1);
  std::vector<ByteView> whole = {ByteView(batch)};
  auto produced = Produce({{"t", id_, 0, whole}});
  ASSERT_TRUE(produced.ok());
  EXPECT_EQ(produced->partitions[0].error, expected);
}

TEST_P(DataPathTest, ErrorsStandWithTheirIndex) {
  fake_.With([](FakeWorld& world) {
    world.At({"t", 1}).leader = 2;
    world.At({"t", 2}).leader_epoch = 5;
  });
  FetchSpec spec = Spec({0, 1, 2});
  spec.partitions[0].fetch_offset = 77;
  spec.partitions[2].current_leader_epoch = 4;
  auto fetched = Fetch(spec);
  ASSERT_TRUE(fetched.ok());
  std::map<size_t, int16_t> errors;
  for (const auto& p : fetched->partitions) errors[p.index] = p.error;
  EXPECT_EQ(errors[0], error::kOffsetOutOfRange);
  EXPECT_EQ(errors[1], error::kNotLeaderOrFollower);
  EXPECT_EQ(errors[2], error::kFencedLeaderEpoch);
}

TEST_P(DataPathTest, AbortedTransactionsAndTheLastStableOffset) {
  fake_.With([](FakeWorld& world) {
    FakePartition& p = world.At({"t", 0});
    p.Append(FakeBatch(4));
    p.Append(FakeBatch(4));
    p.aborted = {{9, 2}};
    p.last_stable_offset = 4;
  });
  auto fetched = Fetch(Spec({0}));
  ASSERT_TRUE(fetched.ok());
  const FetchedPartition& p = fetched->partitions[0];
  EXPECT_EQ(p.last_stable_offset, 4);
  EXPECT_EQ(p.high_watermark, 8);
  ASSERT_THAT(p.aborted, SizeIs(1));
  EXPECT_EQ(p.aborted[0].producer_id, 9);
  EXPECT_EQ(p.aborted[0].first_offset, 2);
  EXPECT_EQ(p.records.size(), FakeBatch(4).size());
}

TEST_P(DataPathTest, SeveralRequestsInFlight) {
  fake_.With([](FakeWorld& world) {
    for (int i = 0; i < 3; ++i) world.At({"t", 0}).Append(FakeBatch(10));
  });
  std::vector<FetchSpec> specs = {Spec({0}, 0), Spec({0}, 10), Spec({0}, 20)};
  for (const FetchSpec& spec : specs) ASSERT_TRUE(SendFetch(*connection_, spec, {}).ok());
  EXPECT_EQ(connection_->in_flight(), 3u);
  size_t batch = FakeBatch(10).size();
  for (size_t i = 0; i < specs.size(); ++i) {
    auto fetched = ReceiveFetch(*connection_, specs[i], &buffer_, {});
    ASSERT_TRUE(fetched.ok());
    EXPECT_EQ(fetched->partitions[0].records.size(), batch * (3 - i));
  }
}

TEST_P(DataPathTest, LiesAboutPartitionsAreRefused) {
  using Edit = std::function<void(FetchResponse&)>;
  const Edit kLies[] = {
      [](FetchResponse& r) { r.topics[0].partitions[0].partition_index = 5; },
      [](FetchResponse& r) { r.topics.push_back(r.topics[0]); },
      [](FetchResponse& r) { r.topics[0].partitions[0].high_watermark = -7; },
      [](FetchResponse& r) {
        r.topics[0].name = "other";
        r.topics[0].topic_id = Uuid();
      },
  };
  for (const Edit& lie : kLies) {
    auto connection = Connection::Open(fake_.config(), fake_.address(1), {});
    ASSERT_TRUE(connection.ok());
    connection_ = std::move(connection).value();
    fake_.Once(FetchRequest::kApi.key, FakeEdit<FetchResponse>(lie));
    Status status = Fetch(Spec({0})).status();
    EXPECT_EQ(status.code(), Code::kProtocol) << status.ToString();
    EXPECT_TRUE(connection_->closed());
  }
}

TEST_P(DataPathTest, AProducedPartitionLeftOutIsALie) {
  fake_.Once(ProduceRequest::kApi.key, FakeEdit<ProduceResponse>([](auto& response) {
               response.topics[0].partitions.clear();
             }));
  Bytes batch = FakeBatch(1);
  std::vector<ByteView> whole = {ByteView(batch)};
  Status status = Produce({{"t", id_, 0, whole}}).status();
  EXPECT_EQ(status.code(), Code::kProtocol);
  EXPECT_THAT(status.message(), HasSubstr("leaves out"));
}

TEST_P(DataPathTest, TwoBatchesForOnePartitionAreRefusedUnsent) {
  Bytes batch = FakeBatch(1);
  std::vector<ByteView> whole = {ByteView(batch)};
  Status status = Produce({{"t", id_, 0, whole}, {"t", id_, 0, whole}}).status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_EQ(fake_.Seen(ProduceRequest::kApi.key), 0);
  EXPECT_FALSE(connection_->closed());
}

TEST_P(DataPathTest, MessagesOfRefusedBatchesArePassedOn) {
  fake_.Once(ProduceRequest::kApi.key, FakeEdit<ProduceResponse>([](auto& response) {
               auto& p = response.topics[0].partitions[0];
               p.error_code = error::kInvalidRecord;
               p.error_message = "one or more records have been rejected";
               p.record_errors.push_back({3, "too old"});
             }));
  Bytes batch = FakeBatch(1);
  std::vector<ByteView> whole = {ByteView(batch)};
  auto produced = Produce({{"t", id_, 0, whole}});
  ASSERT_TRUE(produced.ok());
  EXPECT_EQ(produced->partitions[0].error, error::kInvalidRecord);
  EXPECT_EQ(produced->partitions[0].message, "one or more records have been rejected; too old");
}

TEST_P(DataPathTest, ThrottlingIsReportedAndWaitedOut) {
  fake_.With([](FakeWorld& world) { world.throttle_ms = 150; });
  auto fetched = Fetch(Spec({0}));
  ASSERT_TRUE(fetched.ok());
  EXPECT_EQ(fetched->throttle_ms, 150);
  int64_t before = Clock::System().MonotonicNanos();
  ASSERT_TRUE(Fetch(Spec({0})).ok());
  EXPECT_GE(Clock::System().MonotonicNanos() - before, 140'000'000);
}

}  // namespace
}  // namespace maxbrod::kafka
