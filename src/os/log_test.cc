#include "os/log.h"

#include <gtest/gtest.h>

namespace maxbrod {
namespace {

TEST(Log, FormatsAndCaptures) {
  LogCapture capture;
  LogInfo("topic {} has {} partitions", "orders", 3);
  LogDebug("x");
  LogWarn("{:>3}", 7);
  LogError("bad");
  EXPECT_EQ(capture.lines(), (std::vector<std::string>{"info: topic orders has 3 partitions",
                                                       "debug: x", "warn:   7", "error: bad"}));
}

TEST(Log, ANameCannotForgeALine) {
  LogCapture capture;
  LogInfo("topic {}", "a\nerror: all is lost\x1b[2J");
  EXPECT_EQ(capture.lines().front(), "info: topic a\\x0aerror: all is lost\\x1b[2J");
  LogInfo("{}", std::string(100'000, 'x'));
  EXPECT_LT(capture.lines().back().size(), 9000u);
  LogInfo("{}", "größer");
  EXPECT_EQ(capture.lines().back(), "info: größer");
}

TEST(Log, LevelsDecide) {
  LogLevel before = GetLogLevel();
  {
    LogCapture capture;
    SetLogLevel(LogLevel::kError);
    LogWarn("not said");
    LogError("said");
    EXPECT_EQ(capture.lines(), std::vector<std::string>{"error: said"});
    SetLogLevel(LogLevel::kOff);
    LogError("not said");
    EXPECT_EQ(capture.lines().size(), 1u);
  }
  EXPECT_EQ(GetLogLevel(), before);
  LogLevel level = LogLevel::kOff;
  EXPECT_TRUE(ParseLogLevel("debug", &level));
  EXPECT_EQ(level, LogLevel::kDebug);
  EXPECT_FALSE(ParseLogLevel("loud", &level));
}

TEST(Log, GoesToStderr) {
  SetLogLevel(LogLevel::kInfo);
  testing::internal::CaptureStderr();
  LogInfo("hello {}", 1);
  std::string text = testing::internal::GetCapturedStderr();
  SetLogLevel(LogLevel::kWarn);
  EXPECT_NE(text.find("info  hello 1\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace maxbrod
