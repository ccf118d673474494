#include "os/signals.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <thread>

namespace maxbrod {
namespace {

bool StopsSoon(const std::stop_token& token) {
  for (int i = 0; i < 3000 && !token.stop_requested(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return token.stop_requested();
}

TEST(ProcessSignals, TheFirstSignalRequestsAStop) {
  for (int signal : {SIGINT, SIGTERM}) {
    auto signals = ProcessSignals::Install();
    ASSERT_TRUE(signals.ok());
    EXPECT_FALSE((*signals)->token().stop_requested());
    ASSERT_EQ(::raise(signal), 0);
    EXPECT_TRUE(StopsSoon((*signals)->token()));
  }
}

TEST(ProcessSignals, NoSignalNoStop) {
  std::stop_token token;
  {
    auto signals = ProcessSignals::Install();
    ASSERT_TRUE(signals.ok());
    token = (*signals)->token();
    EXPECT_EQ(::raise(SIGPIPE), 0);  // ignored
  }
  EXPECT_FALSE(token.stop_requested());
  auto again = ProcessSignals::Install();
  ASSERT_TRUE(again.ok());
  (*again)->RequestStop();
  EXPECT_TRUE((*again)->token().stop_requested());
}

TEST(ProcessSignalsDeathTest, TheSecondSignalEndsTheProcess) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        auto signals = ProcessSignals::Install();
        ::raise(SIGINT);
        if (!signals.ok() || !StopsSoon((*signals)->token())) ::_exit(1);
        ::raise(SIGTERM);
        ::_exit(2);
      },
      testing::ExitedWithCode(130), "");
}

}  // namespace
}  // namespace maxbrod
