#include "aws/credentials_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <latch>
#include <thread>
#include <vector>

#include "os/log.h"

namespace maxbrod::aws {
namespace {

using testing::HasSubstr;

constexpr int64_t kMinute = 60'000;

class FunctionSource : public CredentialsSource {
 public:
  using Function = std::function<Result<std::optional<Credentials>>()>;
  explicit FunctionSource(Function function) : function_(std::move(function)) {}
  std::string name() const override { return "function"; }
  Result<std::optional<Credentials>> Fetch(const CallContext&, std::string* why_not) override {
    *why_not = "not here";
    return function_();
  }

 private:
  Function function_;
};

class Cache : public testing::Test {
 protected:
  // Credentials number `fetched_` that live for that long.
  Result<std::optional<Credentials>> Make() {
    ++fetched_;
    if (!failure_.ok()) return failure_;
    int64_t expires = lifetime_ms_ == 0 ? 0 : clock_.WallMillis() + lifetime_ms_;
    return std::optional<Credentials>(
        Credentials{"AK" + std::to_string(fetched_.load()), "s", "t", expires, "x"});
  }
  std::string Key() {
    auto got = cache_.Get({});
    return got.ok() ? got->access_key_id : got.status().ToString();
  }

  FakeClock clock_;
  std::atomic<int> fetched_{0};
  int64_t lifetime_ms_ = 60 * kMinute;
  Status failure_;
  CachingCredentials cache_{std::make_unique<FunctionSource>([this] { return Make(); }), clock_};
};

TEST_F(Cache, RenewedInTheLastFiveMinutes) {
  EXPECT_EQ(Key(), "AK1");
  clock_.Advance(std::chrono::minutes(54));
  EXPECT_EQ(Key(), "AK1");
  clock_.Advance(std::chrono::seconds(121));
  EXPECT_EQ(Key(), "AK2");
}

TEST_F(Cache, ThoseThatNeverExpireAreFetchedOnce) {
  lifetime_ms_ = 0;
  EXPECT_EQ(Key(), "AK1");
  clock_.Advance(std::chrono::hours(1000));
  EXPECT_EQ(Key(), "AK1");
}

TEST_F(Cache, ShortLivedOnesAreNotFetchedAllTheTime) {
  lifetime_ms_ = 3 * kMinute;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Key(), "AK1");
  clock_.Advance(std::chrono::seconds(130));
  EXPECT_EQ(Key(), "AK2");
}

TEST_F(Cache, OldOnesServeWhileNewOnesCannotBeHad) {
  EXPECT_EQ(Key(), "AK1");
  clock_.Advance(std::chrono::minutes(58));
  failure_ = Status(Code::kUnavailable, "STS is down").Retryable();
  LogCapture log;
  EXPECT_EQ(Key(), "AK1");
  EXPECT_EQ(Key(), "AK1");
  EXPECT_EQ(fetched_, 2) << "asked again at once";
  ASSERT_EQ(log.lines().size(), 1u);
  EXPECT_THAT(log.lines()[0], HasSubstr("STS is down"));
  clock_.Advance(std::chrono::seconds(31));
  EXPECT_EQ(Key(), "AK1");
  EXPECT_EQ(fetched_, 3);
  clock_.Advance(std::chrono::minutes(2));
  EXPECT_EQ(Key(), "STS is down");
  failure_ = Status();
  EXPECT_EQ(Key(), "AK5");
}

TEST_F(Cache, RefusedOnesAreNotUsedAgain) {
  auto first = cache_.Get({});
  cache_.Refused(*first);
  EXPECT_EQ(Key(), "AK2");
  cache_.Refused(*first);  // somebody who was slow
  EXPECT_EQ(Key(), "AK2");
  cache_.Refused(*cache_.Get({}));
  failure_ = Status(Code::kAuthentication, "no");
  EXPECT_EQ(Key(), "no");
}

TEST_F(Cache, ExpiredOnesFromTheSourceAreAnError) {
  lifetime_ms_ = -kMinute;
  EXPECT_THAT(Key(), HasSubstr("have expired"));
}

TEST(CacheThreads, OneFetchesAndTheOthersWait) {
  FakeClock clock;
  std::atomic<int> fetched{0};
  std::latch go(1);
  CachingCredentials cache(
      std::make_unique<FunctionSource>([&] {
        go.wait();
        ++fetched;
        return Result<std::optional<Credentials>>(Credentials{"AK", "s", "", 0, ""});
      }),
      clock);
  std::atomic<int> good{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { good += cache.Get({}).ok() ? 1 : 0; });
  }
  go.count_down();
  threads.clear();
  EXPECT_EQ(good, 8);
  EXPECT_EQ(fetched, 1);
}

TEST(CacheThreads, WhoeverWaitsKeepsItsOwnDeadline) {
  FakeClock clock;
  std::latch go(1), begun(1);
  CachingCredentials cache(
      std::make_unique<FunctionSource>([&] {
        begun.count_down();
        go.wait();
        return Result<std::optional<Credentials>>(Credentials{"AK", "s", "", 0, ""});
      }),
      clock);
  std::jthread fetching([&] { EXPECT_TRUE(cache.Get({}).ok()); });
  begun.wait();
  EXPECT_EQ(cache.Get(CallContext{}.Within(Millis(50))).status().code(), Code::kTimeout);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(cache.Get({Deadline::Never(), stop.get_token()}).status().code(), Code::kCancelled);
  go.count_down();
}

TEST(CacheThreads, TheStopOfOneIsNotTheEndOfTheOthers) {
  FakeClock clock;
  std::latch go(1), begun(1);
  std::atomic<int> calls{0};
  CachingCredentials cache(
      std::make_unique<FunctionSource>([&]() -> Result<std::optional<Credentials>> {
        if (++calls > 1) return std::optional<Credentials>(Credentials{"AK", "s", "", 0, ""});
        begun.count_down();
        go.wait();
        return Status(Code::kCancelled, "stopped");
      }),
      clock);
  std::jthread first([&] { EXPECT_EQ(cache.Get({}).status().code(), Code::kCancelled); });
  begun.wait();
  std::jthread second([&] { EXPECT_TRUE(cache.Get({}).ok()); });
  std::this_thread::sleep_for(Millis(50));
  go.count_down();
}

}  // namespace
}  // namespace maxbrod::aws
