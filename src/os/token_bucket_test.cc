#include "os/token_bucket.h"

#include <gtest/gtest.h>

namespace maxbrod {
namespace {

class TokenBucketTest : public testing::Test {
 protected:
  double Seconds() { return static_cast<double>(clock_.MonotonicNanos()) / 1e9; }
  FakeClock clock_;
};

TEST_F(TokenBucketTest, KeepsTheRateEvenly) {
  TokenBucket bucket(1000, clock_);
  double last = 0, longest = 0;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(bucket.Take(100, {}).ok());
    longest = std::max(longest, Seconds() - last);
    last = Seconds();
  }
  EXPECT_NEAR(Seconds(), 10, 0.3);
  EXPECT_LT(longest, 0.11);
}

TEST_F(TokenBucketTest, SavesUpNoMoreThanAMoment) {
  TokenBucket bucket(1000, clock_);
  ASSERT_TRUE(bucket.Take(1, {}).ok());
  clock_.Advance(Millis(60'000));
  double before = Seconds();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(bucket.Take(100, {}).ok());
  EXPECT_GT(Seconds() - before, 0.75);
}

TEST_F(TokenBucketTest, WhatIsGivenBackCostsNothing) {
  TokenBucket bucket(1000, clock_);
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(bucket.Take(1000, {}).ok());
    bucket.Settle(1000, 0);
  }
  EXPECT_LT(Seconds(), 0.1);
}

TEST_F(TokenBucketTest, WhatCameOnTopIsPaidByTheNext) {
  TokenBucket bucket(1000, clock_);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(bucket.Take(100, {}).ok());
    bucket.Settle(100, 1000);
  }
  EXPECT_NEAR(Seconds(), 4, 0.2);
}

TEST_F(TokenBucketTest, ARateOfZeroIsNone) {
  TokenBucket bucket(0, clock_);
  ASSERT_TRUE(bucket.Take(1e15, {}).ok());
  ASSERT_TRUE(bucket.Take(1e15, {}).ok());
  EXPECT_EQ(Seconds(), 0);
  bucket.SetRate(1);
  ASSERT_TRUE(bucket.Take(1, {}).ok());
  ASSERT_TRUE(bucket.Take(1, {}).ok());
  EXPECT_GT(Seconds(), 0.5);
}

TEST_F(TokenBucketTest, APlaceBeyondTheDeadlineIsNotTaken) {
  TokenBucket bucket(1, clock_);
  ASSERT_TRUE(bucket.Take(30, {}).ok());
  Status status = bucket.Take(1, CallContext().Within(Millis(1'000)));
  EXPECT_EQ(status.code(), Code::kTimeout);
  EXPECT_TRUE(status.retryable());
  EXPECT_EQ(Seconds(), 0);
}

TEST_F(TokenBucketTest, AStopEndsTheWaiting) {
  TokenBucket bucket(1, clock_);
  std::stop_source stop;
  ASSERT_TRUE(bucket.Take(30, {}).ok());
  stop.request_stop();
  EXPECT_EQ(bucket.Take(1, {Deadline::Never(), stop.get_token()}).code(), Code::kCancelled);
}

}  // namespace
}  // namespace maxbrod
