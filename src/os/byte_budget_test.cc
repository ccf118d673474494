#include "os/byte_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

namespace maxbrod {
namespace {

void WaitUntilWaiting(const ByteBudget& budget, size_t n) {
  while (budget.waiting() < n) std::this_thread::yield();
}

TEST(ByteBudget, LeasesAndGivesBack) {
  ByteBudget budget(100);
  {
    auto a = budget.Acquire(60, {});
    ASSERT_TRUE(a.ok());
    EXPECT_EQ(a->bytes(), 60u);
    EXPECT_EQ(budget.used(), 60u);
    EXPECT_FALSE(budget.TryAcquire(41).has_value());
    auto b = budget.TryAcquire(40);
    ASSERT_TRUE(b.has_value());
    EXPECT_EQ(budget.used(), 100u);
    ByteBudget::Lease moved = std::move(a).value();
    EXPECT_EQ(budget.used(), 100u);
    moved.ShrinkTo(10);
    EXPECT_EQ(budget.used(), 50u);
    ByteBudget::Lease part = moved.Split(4);
    EXPECT_EQ(moved.bytes(), 6u);
    EXPECT_EQ(part.bytes(), 4u);
    EXPECT_EQ(budget.used(), 50u);
    moved.Release();
    EXPECT_EQ(budget.used(), 44u);
    part = std::move(*b);
    EXPECT_EQ(budget.used(), 40u);
  }
  EXPECT_EQ(budget.used(), 0u);
  EXPECT_EQ(budget.high_water(), 100u);
}

TEST(ByteBudget, MoreThanTheTotalIsRefusedAtOnce) {
  ByteBudget budget(100);
  auto lease = budget.Acquire(101, {});
  EXPECT_EQ(lease.status().code(), Code::kInvalidArgument);
  EXPECT_EQ(lease.status().hint(), "raise --memory");
  EXPECT_FALSE(budget.TryAcquire(101).has_value());
  EXPECT_TRUE(budget.Acquire(100, {}).ok());
  EXPECT_TRUE(budget.Acquire(0, {}).ok());
}

TEST(ByteBudget, ALargeRequestIsNotStarved) {
  ByteBudget budget(100);
  auto held = budget.TryAcquire(50);
  std::atomic<bool> large_done{false};
  std::jthread large([&] {
    auto lease = budget.Acquire(100, {});
    EXPECT_TRUE(lease.ok());
    large_done = true;
  });
  WaitUntilWaiting(budget, 1);
  // There is room for 10, but somebody was here before.
  EXPECT_FALSE(budget.TryAcquire(10).has_value());
  std::jthread small([&] {
    EXPECT_TRUE(budget.Acquire(10, {}).ok());
    EXPECT_TRUE(large_done);
  });
  WaitUntilWaiting(budget, 2);
  held->Release();
  small.join();
  large.join();
}

TEST(ByteBudget, GivingUpLetsTheNextOneThrough) {
  ByteBudget budget(100);
  auto held = budget.TryAcquire(50);
  std::stop_source source;
  std::jthread large([&] {
    auto lease = budget.Acquire(100, CallContext{{}, source.get_token()});
    EXPECT_EQ(lease.status().code(), Code::kCancelled);
  });
  WaitUntilWaiting(budget, 1);
  std::jthread small([&] { EXPECT_TRUE(budget.Acquire(10, {}).ok()); });
  WaitUntilWaiting(budget, 2);
  source.request_stop();
  small.join();
  large.join();
}

TEST(ByteBudget, TimesOut) {
  ByteBudget budget(10);
  auto held = budget.TryAcquire(10);
  auto lease = budget.Acquire(1, CallContext{Deadline::After(Millis(30)), {}});
  EXPECT_EQ(lease.status().code(), Code::kTimeout);
  EXPECT_TRUE(lease.status().retryable());
  EXPECT_EQ(budget.waiting(), 0u);
}

TEST(ByteBudget, NeverExceededUnderLoad) {
  uint64_t seed = std::random_device{}();
  std::printf("byte_budget_test seed %llu\n", static_cast<unsigned long long>(seed));
  ByteBudget budget(1000);
  std::atomic<uint64_t> held{0};
  {
    std::vector<std::jthread> threads;
    for (uint64_t t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        std::mt19937_64 rng(seed + t);
        for (int i = 0; i < 2000; ++i) {
          uint64_t n = 1 + rng() % 1000;
          auto lease = budget.Acquire(n, {});
          ASSERT_TRUE(lease.ok());
          ASSERT_LE(held.fetch_add(n) + n, 1000u);
          held.fetch_sub(n);
        }
      });
    }
  }
  EXPECT_EQ(budget.used(), 0u);
  EXPECT_LE(budget.high_water(), 1000u);
}

}  // namespace
}  // namespace maxbrod
