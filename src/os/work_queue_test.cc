#include "os/work_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

namespace maxbrod {
namespace {

TEST(WorkQueue, DoesAllThatWasSubmitted) {
  std::atomic<int> sum{0};
  WorkQueue queue(3, {});
  for (int i = 1; i <= 100; ++i) {
    ASSERT_TRUE(queue
                    .Submit([&sum, i](const CallContext&) {
                      sum += i;
                      return Status::Ok();
                    })
                    .ok());
  }
  EXPECT_TRUE(queue.Drain().ok());
  EXPECT_EQ(sum, 5050);
}

TEST(WorkQueue, WhoBringsMoreThanThereAreThreadsWaits) {
  std::latch go(1);
  std::atomic<int> taken{0};
  WorkQueue queue(2, {});
  auto work = [&](const CallContext&) {
    go.wait();
    return Status::Ok();
  };
  ASSERT_TRUE(queue.Submit(work).ok());
  ASSERT_TRUE(queue.Submit(work).ok());
  taken = 2;
  std::jthread third([&] {
    ASSERT_TRUE(queue.Submit(work).ok());
    taken = 3;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_EQ(taken, 2);
  go.count_down();
  third.join();
  EXPECT_EQ(taken, 3);
  EXPECT_TRUE(queue.Drain().ok());
}

TEST(WorkQueue, TheFirstErrorIsWhatAllLaterCallsSay) {
  WorkQueue queue(1, {});
  ASSERT_TRUE(
      queue.Submit([](const CallContext&) { return Status(Code::kOutOfSpace, "full"); }).ok());
  EXPECT_EQ(queue.Drain().code(), Code::kOutOfSpace);
  EXPECT_EQ(queue.Submit([](const CallContext&) { return Status::Ok(); }).code(),
            Code::kOutOfSpace);
}

TEST(WorkQueue, AStopReachesWhatRunsAndWhoWaits) {
  std::stop_source stop;
  WorkQueue queue(1, CallContext{Deadline::Never(), stop.get_token()});
  ASSERT_TRUE(queue
                  .Submit([](const CallContext& context) {
                    while (context.Check().ok()) std::this_thread::yield();
                    return context.Check();
                  })
                  .ok());
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_EQ(queue.Submit([](const CallContext&) { return Status::Ok(); }).code(), Code::kCancelled);
  EXPECT_EQ(queue.Drain().code(), Code::kCancelled);
}

TEST(WorkQueue, DestroyedItStopsWhatRuns) {
  std::atomic<bool> stopped{false};
  std::latch begun(1);
  {
    WorkQueue queue(1, {});
    ASSERT_TRUE(queue
                    .Submit([&](const CallContext& context) {
                      begun.count_down();
                      while (context.Check().ok()) std::this_thread::yield();
                      stopped = true;
                      return context.Check();
                    })
                    .ok());
    begun.wait();
  }
  EXPECT_TRUE(stopped);
}

TEST(WorkQueue, ADeadlineEndsTheWait) {
  std::latch go(1);
  WorkQueue queue(1, CallContext{Deadline::After(Millis(30)), {}});
  ASSERT_TRUE(queue
                  .Submit([&](const CallContext&) {
                    go.wait();
                    return Status::Ok();
                  })
                  .ok());
  EXPECT_EQ(queue.Drain().code(), Code::kTimeout);
  go.count_down();
}

}  // namespace
}  // namespace maxbrod
