#include "kafka/marker_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kafka/errors.h"
#include "kafka/fake_broker_testing.h"
#include "kafka/messages/write_txn_markers.h"
#include "kafka/record.h"

namespace maxbrod::kafka {
namespace {

using testing::HasSubstr;

class MarkerPathTest : public testing::TestWithParam<FakeRelease> {
 protected:
  MarkerPathTest() : fake_({.release = GetParam()}) {
    fake_.With([](FakeWorld& world) {
      world.AddTopic("t", 3);
      world.AddTopic("u", 1);
    });
    auto connection = Connection::Open(fake_.config(), fake_.address(1), {});
    MB_CHECK(connection.ok());
    connection_ = std::move(connection).value();
  }
  Result<std::vector<MarkedPartition>> Mark(const std::vector<MarkerRun>& runs) {
    MB_RETURN_IF_ERROR(SendMarkers(*connection_, 77, 3, runs, {}));
    return ReceiveMarkers(*connection_, runs, {});
  }
  int64_t End(const std::string& topic, int32_t partition) {
    int64_t end = 0;
    fake_.With([&](FakeWorld& world) { end = world.At({topic, partition}).end_offset; });
    return end;
  }

  FakeCluster fake_;
  std::unique_ptr<Connection> connection_;
};

INSTANTIATE_TEST_SUITE_P(Releases, MarkerPathTest,
                         testing::Values(FakeRelease::k28, FakeRelease::k39, FakeRelease::k43),
                         [](const auto& test) {
                           return std::string(test.param == FakeRelease::k28   ? "k28"
                                              : test.param == FakeRelease::k39 ? "k39"
                                                                               : "k43");
                         });

TEST_P(MarkerPathTest, EachPartitionGetsItsCount) {
  auto marked = Mark({{"t", 2, 5}, {"u", 0, 1}, {"t", 0, 1000}});
  ASSERT_TRUE(marked.ok()) << marked.status().ToString();
  ASSERT_EQ(marked->size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ((*marked)[i].index, i);
    EXPECT_EQ((*marked)[i].error, 0);
  }
  EXPECT_EQ(End("t", 0), 1000);
  EXPECT_EQ(End("t", 1), 0);
  EXPECT_EQ(End("t", 2), 5);
  EXPECT_EQ(End("u", 0), 1);
  fake_.With([](FakeWorld& world) {
    const Bytes& batch = world.At({"t", 2}).batches.at(4);
    BatchHeader h = *BatchHeader::Parse(batch);
    EXPECT_TRUE(h.is_control());
    EXPECT_EQ(h.producer_id, 77);
    EXPECT_EQ(h.producer_epoch, 3);
    EXPECT_EQ(ControlRecord::ParseBatch(batch)->type, ControlRecord::kCommit);
  });
}

TEST_P(MarkerPathTest, RequestsAreAnsweredInOrder) {
  std::vector<MarkerRun> first = {{"t", 0, 2}}, second = {{"t", 1, 3}, {"t", 0, 1}};
  ASSERT_TRUE(SendMarkers(*connection_, 1, 0, first, {}).ok());
  ASSERT_TRUE(SendMarkers(*connection_, 1, 0, second, {}).ok());
  EXPECT_TRUE(ReceiveMarkers(*connection_, first, {}).ok());
  EXPECT_TRUE(ReceiveMarkers(*connection_, second, {}).ok());
  EXPECT_EQ(End("t", 0), 3);
  EXPECT_EQ(End("t", 1), 3);
}

TEST_P(MarkerPathTest, ErrorsStandWithTheirIndex) {
  fake_.With([](FakeWorld& world) { world.At({"t", 1}).leader = 2; });
  auto marked = Mark({{"t", 0, 2}, {"t", 1, 4}, {"gone", 0, 3}});
  ASSERT_TRUE(marked.ok()) << marked.status().ToString();
  EXPECT_EQ((*marked)[0].error, 0);
  EXPECT_EQ((*marked)[1].error, error::kNotLeaderOrFollower);
  EXPECT_EQ((*marked)[2].error, error::kUnknownTopicOrPartition);
  EXPECT_FALSE(connection_->closed());
}

// A broker that refuses the request answers with the partitions of its last entry.
TEST_P(MarkerPathTest, TheLastEntryNamesAllPartitions) {
  bool seen = false;
  fake_.ControlKey(WriteTxnMarkersRequest::kApi.key, [&](const FakeRequest& in) {
    auto request = in.As<WriteTxnMarkersRequest>();
    EXPECT_EQ(request.markers.size(), 7u);
    EXPECT_EQ(request.markers.front().topics.size(), 1u);
    EXPECT_EQ(request.markers.back().topics.size(), 2u);
    seen = true;
    return std::nullopt;
  });
  EXPECT_TRUE(Mark({{"t", 0, 7}, {"u", 0, 1}}).ok());
  EXPECT_TRUE(seen);
}

TEST_P(MarkerPathTest, TheFirstErrorCountsWhereABrokerTellsSeveral) {
  fake_.Once(WriteTxnMarkersRequest::kApi.key,
             FakeEdit<WriteTxnMarkersResponse>([](WriteTxnMarkersResponse& response) {
               response.markers.push_back(response.markers[0]);
               response.markers.push_back(response.markers[0]);
               response.markers[1].topics[0].partitions[0].error_code = 19;
             }));
  auto marked = Mark({{"t", 0, 3}});
  ASSERT_TRUE(marked.ok());
  ASSERT_EQ(marked->size(), 1u);
  EXPECT_EQ((*marked)[0].error, 19);
}

TEST_P(MarkerPathTest, LiesAreNotTaken) {
  auto lie = [&](std::function<void(WriteTxnMarkersResponse&)> edit) {
    fake_.Once(WriteTxnMarkersRequest::kApi.key, FakeEdit<WriteTxnMarkersResponse>(edit));
    auto marked = Mark({{"t", 0, 1}, {"t", 1, 1}});
    EXPECT_EQ(marked.status().code(), Code::kProtocol);
    EXPECT_TRUE(connection_->closed());
    connection_ = std::move(Connection::Open(fake_.config(), fake_.address(1), {})).value();
    return marked.status().ToString();
  };
  EXPECT_THAT(lie([](auto& r) { r.markers[0].topics[0].partitions.pop_back(); }),
              HasSubstr("leaves out t-1"));
  EXPECT_THAT(lie([](auto& r) { r.markers.clear(); }), HasSubstr("leaves out t-0"));
  EXPECT_THAT(lie([](auto& r) { r.markers[0].topics[0].name = "x"; }), HasSubstr("x-0"));
}

TEST_P(MarkerPathTest, WhatNoBrokerCouldAnswerIsNotSent) {
  std::vector<std::vector<MarkerRun>> all = {
      {},
      {{"t", 0, 0}},
      {{"t", 0, kMarkersPerRunMax + 1}},
      {{"t", 0, 1}, {"t", 1, 1}, {"t", 0, 1}},
  };
  all.emplace_back();
  for (int32_t p = 0; p <= 20; ++p) all.back().push_back({"t", p, kMarkersPerRunMax});
  for (const auto& runs : all)
    EXPECT_EQ(SendMarkers(*connection_, 1, 0, runs, {}).code(), Code::kInvalidArgument);
  EXPECT_EQ(fake_.Seen(WriteTxnMarkersRequest::kApi.key), 0);
}

}  // namespace
}  // namespace maxbrod::kafka
