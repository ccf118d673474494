#include "kafka/call_pace.h"

#include <gtest/gtest.h>

#include "kafka/fake_broker_testing.h"

namespace maxbrod::kafka {
namespace {

TEST(CallPaceTest, ThrottledTimeIsTheUnionOfWhatConnectionsWereTold) {
  FakeClock clock;
  CallPace pace(clock);
  pace.OnThrottled(Millis(1'000));
  pace.OnThrottled(Millis(600));  // another connection, in the same time
  EXPECT_DOUBLE_EQ(pace.throttled_seconds(), 0);
  clock.Advance(Millis(400));
  EXPECT_DOUBLE_EQ(pace.throttled_seconds(), 0.4);
  pace.OnThrottled(Millis(1'000));  // 400 ms longer than the first
  clock.Advance(Millis(10'000));
  EXPECT_DOUBLE_EQ(pace.throttled_seconds(), 1.4);
}

TEST(CallPaceTest, RequestsOfAllConnectionsAreCountedTogether) {
  FakeCluster fake;
  auto cluster = Cluster::Connect(fake.config(), {});
  ASSERT_TRUE(cluster.ok());
  (*cluster)->config().pace->SetRequestRate(50);
  const int64_t begun = Clock::System().MonotonicNanos();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE((*cluster)->Refresh({}).ok());
  const double seconds = static_cast<double>(Clock::System().MonotonicNanos() - begun) / 1e9;
  EXPECT_GT(seconds, 0.25);  // 20 at 50 a second, less what may be saved up
}

TEST(CallPaceTest, AdministrationCallsAreHeldBackByQuotasAndSaySo) {
  FakeCluster fake;
  auto cluster = Cluster::Connect(fake.config(), {});
  ASSERT_TRUE(cluster.ok());
  fake.With([](FakeWorld& world) { world.throttle_ms = 120; });
  for (int i = 0; i < 4; ++i) ASSERT_TRUE((*cluster)->Refresh({}).ok());
  EXPECT_GT((*cluster)->config().pace->throttled_seconds(), 0.3);
}

}  // namespace
}  // namespace maxbrod::kafka
