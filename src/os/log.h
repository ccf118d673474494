// Lines for people on stderr. Never a payload, a key, a password: say names, counts, offsets,
// codes.
//
//   LogInfo("topic {} has {} partitions", topic, count);
//
// The level comes from the environment variable MAXBROD_LOG (trace, debug, info, warn, error, off),
// "warn" by default. Control characters are escaped, so that a name from outside cannot forge a
// line. Thread-safe.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace maxbrod {

enum class LogLevel : uint8_t { kTrace, kDebug, kInfo, kWarn, kError, kOff };

// False for an unknown name.
bool ParseLogLevel(std::string_view name, LogLevel* level);
void SetLogLevel(LogLevel level);
LogLevel GetLogLevel();

namespace internal {
void Log(LogLevel level, fmt::string_view format, fmt::format_args args);
}  // namespace internal

inline bool LogEnabled(LogLevel level) {
  return level >= GetLogLevel();
}

template <typename... Args>
void LogAt(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  if (LogEnabled(level)) internal::Log(level, format, fmt::make_format_args(args...));
}
template <typename... Args>
void LogDebug(fmt::format_string<Args...> format, Args&&... args) {
  LogAt(LogLevel::kDebug, format, std::forward<Args>(args)...);
}
template <typename... Args>
void LogInfo(fmt::format_string<Args...> format, Args&&... args) {
  LogAt(LogLevel::kInfo, format, std::forward<Args>(args)...);
}
template <typename... Args>
void LogWarn(fmt::format_string<Args...> format, Args&&... args) {
  LogAt(LogLevel::kWarn, format, std::forward<Args>(args)...);
}
template <typename... Args>
void LogError(fmt::format_string<Args...> format, Args&&... args) {
  LogAt(LogLevel::kError, format, std::forward<Args>(args)...);
}

// While it lives, lines go here instead of to stderr, at every level. For tests; one at a time.
class LogCapture {
 public:
  LogCapture();
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;
  // "info: the text"
  std::vector<std::string> lines() const;

 private:
  friend void internal::Log(LogLevel, fmt::string_view, fmt::format_args);
  void Add(std::string line);

  LogLevel level_before_;
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

}  // namespace maxbrod
