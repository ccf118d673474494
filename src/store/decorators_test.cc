// MetricsStore, ThrottleStore and ReadOnlyStore beyond the contract.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "store/fault_store.h"
#include "store/mem_store.h"
#include "store/metrics_store.h"
#include "store/read_only_store.h"
#include "store/throttle_store.h"

namespace maxbrod::store {
namespace {

using ::testing::HasSubstr;

Result<PutResult> Put(Store& store, const std::string& name, std::string_view bytes,
                      const CallContext& context = {}) {
  return store.PutIfAbsent(name, AsBytes(bytes), context);
}

TEST(MetricsStoreTest, CountsByMethodAndOutcome) {
  FakeClock clock;
  auto faults = std::make_shared<FaultStore>(std::make_shared<MemStore>(), clock);
  MetricsStore store(faults, clock);
  const CallContext context;
  ASSERT_TRUE(Put(store, "a", "12345").ok());
  ASSERT_TRUE(Put(store, "a", "12345").ok());
  ASSERT_TRUE(Put(store, "a", "1234567").ok());
  faults->On(StoreMethod::kPutIfAbsent).ErrorAfter();
  ASSERT_TRUE(Put(store, "b", "1").ok());
  faults->On(StoreMethod::kPutIfAbsent).ErrorInstead(Status(Code::kIo, "planned"));
  ASSERT_FALSE(Put(store, "c", "1234567890").ok());
  auto writer = std::move(*store.Create("d", context));
  ASSERT_TRUE(writer->Append(AsBytes("123")).ok());
  ASSERT_TRUE(writer->Append(AsBytes("45")).ok());
  ASSERT_TRUE(writer->Commit(context).ok());

  faults->On(StoreMethod::kGet).SleepFor(Millis(30));
  faults->On(StoreMethod::kGet).SleepFor(Millis(10));
  ASSERT_TRUE(store.Get("a", 10, context).ok());
  ASSERT_FALSE(store.Get("absent", 10, context).ok());
  Bytes out(4);
  ASSERT_TRUE(store.GetRange("a", 0, out, context).ok());
  ASSERT_FALSE(store.GetRange("a", 3, out, context).ok());
  ASSERT_TRUE(store.Stat("a", context).ok());
  ASSERT_TRUE(store.List("", "", 10, context).ok());
  ASSERT_TRUE(store.Remove("a", context).ok());
  ASSERT_TRUE(store.NowMillis(context).ok());

  StoreMetrics seen = store.Snapshot();
  EXPECT_EQ(seen.Of(StoreMethod::kPutIfAbsent).calls, 5u);
  EXPECT_EQ(seen.Of(StoreMethod::kPutIfAbsent).errors, 2u);
  EXPECT_EQ(seen.Of(StoreMethod::kPutIfAbsent).bytes_up, 5u + 5u + 7u + 1u);
  EXPECT_EQ(seen.Of(StoreMethod::kAppend).calls, 2u);
  EXPECT_EQ(seen.Of(StoreMethod::kAppend).bytes_up, 5u);
  EXPECT_EQ(seen.created, 2u);
  EXPECT_EQ(seen.exists_same, 1u);
  EXPECT_EQ(seen.exists_other, 1u);
  EXPECT_EQ(seen.unknown, 1u);
  EXPECT_EQ(seen.Of(StoreMethod::kGet).calls, 2u);
  EXPECT_EQ(seen.Of(StoreMethod::kGet).not_found, 1u);
  EXPECT_EQ(seen.Of(StoreMethod::kGet).errors, 0u);
  EXPECT_EQ(seen.Of(StoreMethod::kGet).bytes_down, 5u);
  EXPECT_EQ(seen.Of(StoreMethod::kGet).nanos_total, 40'000'000u);
  EXPECT_EQ(seen.Of(StoreMethod::kGet).nanos_max, 30'000'000u);
  EXPECT_EQ(seen.Of(StoreMethod::kGetRange).errors, 1u);
  for (StoreMethod method : {StoreMethod::kCreate, StoreMethod::kCommit, StoreMethod::kStat,
                             StoreMethod::kList, StoreMethod::kRemove, StoreMethod::kNowMillis}) {
    EXPECT_EQ(seen.Of(method).calls, 1u) << NameOf(method);
    EXPECT_EQ(seen.Of(method).errors, 0u) << NameOf(method);
  }
  EXPECT_EQ(seen.bytes_up(), 23u);
  EXPECT_EQ(seen.bytes_down(), 9u);
}

TEST(MetricsStoreTest, LosesNoCountAmongThreads) {
  MetricsStore store(std::make_shared<MemStore>());
  ASSERT_TRUE(Put(store, "a", "12345").ok());
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 2'000; ++i) static_cast<void>(store.Get("a", 5, CallContext{}));
      });
    }
  }
  EXPECT_EQ(store.Snapshot().Of(StoreMethod::kGet).calls, 8'000u);
  EXPECT_EQ(store.Snapshot().bytes_down(), 40'000u);
}

class TokenBucketTest : public ::testing::Test {
 protected:
  // Milliseconds that taking so many bytes waited.
  int64_t Take(TokenBucket& bucket, uint64_t bytes) {
    int64_t began = clock_.MonotonicNanos();
    EXPECT_TRUE(bucket.Take(bytes, CallContext{}).ok());
    return (clock_.MonotonicNanos() - began) / 1'000'000;
  }
  FakeClock clock_;
};

TEST_F(TokenBucketTest, HoldsTheRateAfterTheBurst) {
  TokenBucket bucket(1'000'000, 500'000, clock_);
  EXPECT_EQ(Take(bucket, 500'000), 0);
  EXPECT_EQ(Take(bucket, 100'000), 100);
  EXPECT_EQ(Take(bucket, 250'000), 250);
  clock_.Advance(Millis(200));
  EXPECT_EQ(Take(bucket, 300'000), 100);
  clock_.Advance(Millis(3'600'000));  // does not save up more than the burst
  EXPECT_EQ(Take(bucket, 500'000), 0);
  EXPECT_EQ(Take(bucket, 1'000), 1);
}

TEST_F(TokenBucketTest, LargeRequestLeavesADebt) {
  TokenBucket bucket(1'000'000, 500'000, clock_);
  EXPECT_EQ(Take(bucket, 10'000'000), 0);
  EXPECT_EQ(Take(bucket, 100'000), 9'600);
}

TEST_F(TokenBucketTest, ChargeMakesTheNextOneWait) {
  TokenBucket bucket(1'000'000, 500'000, clock_);
  bucket.Charge(2'500'000);
  EXPECT_EQ(Take(bucket, 0), 2'000);
  EXPECT_EQ(Take(bucket, 1'000), 1);
}

TEST_F(TokenBucketTest, NoRateNoLimit) {
  TokenBucket bucket(0, 1, clock_);
  bucket.Charge(1'000'000'000);
  EXPECT_EQ(Take(bucket, 1'000'000'000), 0);
}

TEST_F(TokenBucketTest, GivesTokensBackWhenNotWaitingForThem) {
  TokenBucket bucket(1'000, 1'000, clock_);
  EXPECT_EQ(Take(bucket, 1'000), 0);
  CallContext soon;
  soon.deadline = Deadline::After(Millis(60'000));
  EXPECT_EQ(bucket.Take(1'000'000, soon).code(), Code::kOk);  // 1 s for the burst, then debt
  EXPECT_EQ(bucket.Take(1'000, soon).code(), Code::kTimeout);
  EXPECT_EQ(bucket.Take(1'000, soon).code(), Code::kTimeout);
  EXPECT_EQ(Take(bucket, 1'000), 1'000'000);
}

TEST(ThrottleStoreTest, LimitsEachDirection) {
  FakeClock clock;
  ThrottleOptions options;
  options.clock = &clock;
  options.upload_bytes_per_second = 1'000;
  options.download_bytes_per_second = 10'000;
  options.burst_bytes = 1;
  ThrottleStore store(std::make_shared<MemStore>(), options);
  const CallContext context;
  auto seconds = [&, began = clock.MonotonicNanos()]() mutable {
    int64_t now = clock.MonotonicNanos();
    return static_cast<double>(now - std::exchange(began, now)) / 1e9;
  };
  const std::string bytes(10'000, 'x');
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(Put(store, fmt::format("{}", i), bytes).ok());
  }
  EXPECT_NEAR(seconds(), 90, 0.1);  // the last one's debt is not waited for
  auto writer = std::move(*store.Create("streamed", context));
  ASSERT_TRUE(writer->Append(AsBytes(bytes)).ok());
  EXPECT_NEAR(seconds(), 10, 0.1);
  ASSERT_TRUE(writer->Append(AsBytes(bytes)).ok());
  EXPECT_NEAR(seconds(), 10, 0.1);
  ASSERT_TRUE(writer->Commit(context).ok());
  ASSERT_TRUE(store.Get("0", bytes.size(), context).ok());
  EXPECT_NEAR(seconds(), 0, 0.1);
  ASSERT_TRUE(store.Get("0", bytes.size(), context).ok());
  EXPECT_NEAR(seconds(), 1, 0.1);
  Bytes out(5'000);
  ASSERT_TRUE(store.GetRange("0", 0, out, context).ok());
  EXPECT_NEAR(seconds(), 1, 0.1);
  ASSERT_TRUE(store.GetRange("0", 0, out, context).ok());
  EXPECT_NEAR(seconds(), 0.5, 0.1);
}

TEST(ReadOnlyStoreTest, ReadsAndRefusesWrites) {
  auto memory = std::make_shared<MemStore>();
  ASSERT_TRUE(Put(*memory, "a", "x").ok());
  ReadOnlyStore store(memory);
  const CallContext context;
  EXPECT_EQ(ToString(*store.Get("a", 10, context)), "x");
  EXPECT_EQ(store.List("", "", 10, context)->objects.size(), 1u);
  Status put = Put(store, "b", "x").status();
  EXPECT_EQ(put.code(), Code::kReadOnly);
  EXPECT_THAT(put.message(), HasSubstr("object 'b'"));
  EXPECT_FALSE(put.hint().empty());
  EXPECT_EQ(store.Create("b", context).status().code(), Code::kReadOnly);
  EXPECT_EQ(store.Remove("a", context).code(), Code::kReadOnly);
  EXPECT_EQ(memory->List("", "", 10, context)->objects.size(), 1u);
}

TEST(MemStoreTest, CapacityBoundsFinishedAndGrowingObjects) {
  MemStoreOptions options;
  options.capacity_bytes = 10;
  MemStore store(options);
  const CallContext context;
  EXPECT_TRUE(Put(store, "a", "12345").ok());
  EXPECT_EQ(Put(store, "b", "123456").status().code(), Code::kOutOfSpace);
  EXPECT_EQ(Put(store, "a", "123456")->outcome, PutOutcome::kExistsOther);
  {
    auto writer = std::move(*store.Create("c", context));
    EXPECT_TRUE(writer->Append(AsBytes("1234")).ok());
    EXPECT_EQ(writer->Append(AsBytes("56")).code(), Code::kOutOfSpace);
    EXPECT_EQ(Put(store, "b", "12").status().code(), Code::kOutOfSpace);
    EXPECT_EQ(store.used_bytes(), 9u);
  }
  EXPECT_EQ(store.used_bytes(), 5u);
  auto writer = std::move(*store.Create("c", context));
  EXPECT_TRUE(writer->Append(AsBytes("12345")).ok());
  EXPECT_EQ(writer->Commit(context)->outcome, PutOutcome::kCreated);
  EXPECT_EQ(writer->Commit(context).status().code(), Code::kInternal);
  EXPECT_EQ(store.used_bytes(), 10u);
  EXPECT_TRUE(store.Remove("a", context).ok());
  EXPECT_TRUE(Put(store, "b", "12345").ok());
}

TEST(MemStoreTest, TimeIsTheClocks) {
  FakeClock clock(1'700'000'000'123);
  MemStoreOptions options;
  options.clock = &clock;
  MemStore store(options);
  EXPECT_EQ(Put(store, "a", "x")->store_time_ms, 1'700'000'000'123);
  clock.Advance(Millis(1'000));
  EXPECT_EQ(*store.NowMillis(CallContext{}), 1'700'000'001'123);
  EXPECT_EQ(store.Stat("a", CallContext{})->modified_ms, 1'700'000'000'123);
}

TEST(MemStoreTest, OverwriteIsForTestsOfDamage) {
  MemStore store;
  EXPECT_FALSE(store.Overwrite("a", Bytes{1}));
  ASSERT_TRUE(Put(store, "a", "x").ok());
  EXPECT_TRUE(store.Overwrite("a", Bytes{'y', 'z'}));
  EXPECT_EQ(ToString(*store.Get("a", 10, CallContext{})), "yz");
  EXPECT_EQ(store.used_bytes(), 2u);
}

}  // namespace
}  // namespace maxbrod::store
