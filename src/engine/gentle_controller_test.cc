// The controller on simulated latencies: a step, noise, drift, its own load, silence.
#include "engine/gentle_controller.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

namespace maxbrod::engine {
namespace {

constexpr int64_t kMilli = 1'000'000;
constexpr int64_t kProbeEvery = 100 * kMilli;
constexpr double kFull = 4;

// Probes every 100 ms; latencies come from a function of time and of what is under way.
class GentleControllerTest : public testing::Test {
 protected:
  using Latency = std::function<double(double seconds, double parallelism)>;  // milliseconds

  // Returns the mean parallelism.
  double Run(double seconds, const Latency& latency) {
    double sum = 0;
    int n = 0;
    const int64_t until = now_ + static_cast<int64_t>(seconds * 1e9);
    for (; now_ < until; now_ += kProbeEvery, ++n) {
      double ms = latency(static_cast<double>(now_) / 1e9, controller_.parallelism());
      controller_.OnAnswer(now_, now_ + static_cast<int64_t>(ms * kMilli));
      controller_.Advance(now_ + kProbeEvery, 0);
      EXPECT_GE(controller_.parallelism(), GentleController::kFloor);
      EXPECT_LE(controller_.parallelism(), kFull);
      sum += controller_.parallelism();
    }
    return sum / n;
  }
  double RunSteady(double seconds, double ms) {
    return Run(seconds, [ms](double, double) { return ms; });
  }

  int64_t now_ = 1'000 * kMilli;
  GentleController controller_{kFull, now_};
};

TEST_F(GentleControllerTest, MeasuresTheBaselineBeforeItLoadsTheBroker) {
  EXPECT_TRUE(controller_.resting());
  EXPECT_DOUBLE_EQ(controller_.parallelism(), GentleController::kFloor);
  RunSteady(1.5, 0.7);
  EXPECT_FALSE(controller_.resting());
  EXPECT_EQ(controller_.baseline_nanos(), 700'000);
}

TEST_F(GentleControllerTest, GrowsToTheFullWhereNobodyIsDisturbed) {
  RunSteady(28, 0.5);
  EXPECT_GT(controller_.parallelism(), 0.9 * kFull);
  RunSteady(300, 0.5);
  EXPECT_EQ(controller_.times_reduced(), 0u);
  // Rests cost a few percent.
  EXPECT_GT(controller_.mean_share(now_), 0.85);
}

TEST_F(GentleControllerTest, GivesWayToAStepWithinSecondsAndComesBackSlowly) {
  RunSteady(29, 0.5);
  ASSERT_GT(controller_.parallelism(), 0.9 * kFull);
  RunSteady(5.5, 40);
  EXPECT_LT(controller_.parallelism(), 0.3 * kFull);
  RunSteady(20, 40);
  EXPECT_DOUBLE_EQ(controller_.parallelism(), GentleController::kFloor);
  RunSteady(3, 0.5);
  EXPECT_LT(controller_.parallelism(), 0.2 * kFull);
  RunSteady(30, 0.5);
  EXPECT_GT(controller_.parallelism(), 0.8 * kFull);
}

TEST_F(GentleControllerTest, SinglePausesDoNotCount) {
  std::mt19937 random(7);
  std::lognormal_distribution<double> noise(-0.7, 0.5);  // about 0.5 ms
  int n = 0;
  Run(200, [&](double, double) { return ++n % 25 == 0 ? 60.0 : noise(random); });
  EXPECT_EQ(controller_.times_reduced(), 0u);
  EXPECT_GT(controller_.mean_share(now_), 0.8);
}

// The broker's latency is our own doing: each request under way costs 3 ms of queueing. The rule
// must settle below what the limit allows (2 x 0.8 + 2 = 3.6 ms: about one request), not swing
// between all and nothing.
TEST_F(GentleControllerTest, SettlesWhereItsOwnLoadIsJustNotFelt) {
  auto own = [](double, double parallelism) { return 0.5 + 3 * parallelism; };
  Run(60, own);
  double mean = Run(300, own);
  EXPECT_GT(mean, 0.6);
  EXPECT_LT(mean, 1.05);
  // Its rests keep seeing the true baseline: our load never becomes the normal.
  EXPECT_LT(controller_.baseline_nanos(), 1'000'000);
}

// Others' load that stays becomes the normal once all rests that were kept have seen it.
TEST_F(GentleControllerTest, FollowsADriftThatStays) {
  RunSteady(60, 0.5);
  RunSteady(60, 12);
  EXPECT_LT(controller_.parallelism(), 0.1 * kFull);
  RunSteady(330, 12);
  EXPECT_GT(controller_.baseline_nanos(), 11 * kMilli);
  RunSteady(60, 12);
  EXPECT_GT(controller_.parallelism(), 0.5 * kFull);
  // And down again at once: at the next rest.
  RunSteady(35, 0.5);
  EXPECT_LT(controller_.baseline_nanos(), kMilli);
}

TEST_F(GentleControllerTest, ABrokerThatDoesNotAnswerIsSlow) {
  RunSteady(20, 0.5);
  double before = controller_.parallelism();
  const int64_t sent = now_;
  for (int i = 0; i < 60; ++i) controller_.Advance(now_ += kProbeEvery, sent);
  EXPECT_LT(controller_.parallelism(), before / 8);
  EXPECT_GE(controller_.parallelism(), GentleController::kFloor);
}

TEST_F(GentleControllerTest, AProbeOnItsWayIsNotSlowYet) {
  RunSteady(20, 0.5);
  double before = controller_.parallelism();
  for (int i = 0; i < 50; ++i) {
    controller_.OnAnswer(now_, now_ + kMilli / 2);
    now_ += kProbeEvery;
    controller_.Advance(now_, now_ - kMilli);
  }
  EXPECT_GT(controller_.parallelism(), before);
}

TEST_F(GentleControllerTest, WhatWasNotMeasuredIsNotJudged) {
  for (int i = 0; i < 400; ++i) controller_.Advance(now_ += kProbeEvery, 0);
  EXPECT_EQ(controller_.times_reduced(), 0u);
  EXPECT_EQ(controller_.baseline_nanos(), 0);
  // A rest is lengthened until there are samples of it.
  GentleController late(kFull, now_);
  for (int i = 0; i < 20; ++i) late.Advance(now_ += kProbeEvery, 0);
  EXPECT_TRUE(late.resting());
  late.OnAnswer(now_ - kMilli, now_);
  late.OnAnswer(now_ - kMilli, now_);
  late.Advance(now_ += kProbeEvery, 0);
  EXPECT_FALSE(late.resting());
  EXPECT_EQ(late.baseline_nanos(), kMilli);
}

TEST_F(GentleControllerTest, ALostConnectionIsASlowSecond) {
  RunSteady(20, 0.5);
  double before = controller_.parallelism();
  controller_.OnLost();
  RunSteady(1, 0.5);
  EXPECT_LE(controller_.parallelism(), before * 0.51);
}

}  // namespace
}  // namespace maxbrod::engine
