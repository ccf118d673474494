#include "os/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>

#include "base/status.h"

namespace maxbrod {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"trace", "debug", "info",
                                                    "warn",  "error", "off"};
// A line is for people: what is longer is cut.
constexpr size_t kLineBytesMax = 8 * 1024;

LogLevel LevelOfEnvironment() {
  LogLevel level = LogLevel::kWarn;
  const char* name = std::getenv("MAXBROD_LOG");
  if (name != nullptr && *name != '\0' && !ParseLogLevel(name, &level)) {
    std::fprintf(stderr, "maxbrod: MAXBROD_LOG: no level of that name; using warn\n");
  }
  return level;
}

std::atomic<LogLevel>& Level() {
  static std::atomic<LogLevel> level{LevelOfEnvironment()};
  return level;
}

// Guards the pointer; the capture guards its lines.
std::mutex capture_mutex;
LogCapture* capture = nullptr;

spdlog::logger& Logger() {
  // Never destroyed: a thread may still log while the process ends.
  static spdlog::logger* const logger = [] {
    auto* made =
        new spdlog::logger("maxbrod", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%-5l%$ %v", spdlog::pattern_time_type::utc);
    made->set_level(spdlog::level::trace);  // ours decides
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

std::string Escape(std::string_view text) {
  std::string out;
  out.reserve(std::min(text.size(), kLineBytesMax));
  for (char c : text) {
    if (out.size() >= kLineBytesMax) {
      out += "...";
      break;
    }
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out.push_back(c);
    }
  }
  return out;
}

}  // namespace

bool ParseLogLevel(std::string_view name, LogLevel* level) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) {
      *level = static_cast<LogLevel>(i);
      return true;
    }
  }
  return false;
}

void SetLogLevel(LogLevel level) {
  Level().store(level, std::memory_order_relaxed);
}
LogLevel GetLogLevel() {
  return Level().load(std::memory_order_relaxed);
}

void internal::Log(LogLevel level, fmt::string_view format, fmt::format_args args) {
  std::string line;
  try {
    line = Escape(fmt::vformat(format, args));
  } catch (const std::exception&
               e) {  // formats are checked at compile time; a formatter might still throw
    line = std::string("log: ") + e.what();
  }
  {
    std::lock_guard lock(capture_mutex);
    if (capture != nullptr) {
      capture->Add(std::string(kNames[static_cast<size_t>(level)]) + ": " + line);
      return;
    }
  }
  constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::trace, spdlog::level::debug,
                                                   spdlog::level::info,  spdlog::level::warn,
                                                   spdlog::level::err,   spdlog::level::off};
  Logger().log(kLevels[static_cast<size_t>(level)], spdlog::string_view_t(line));
}

LogCapture::LogCapture() : level_before_(GetLogLevel()) {
  SetLogLevel(LogLevel::kTrace);
  std::lock_guard lock(capture_mutex);
  MB_CHECK(capture == nullptr);
  capture = this;
}

LogCapture::~LogCapture() {
  {
    std::lock_guard lock(capture_mutex);
    capture = nullptr;
  }
  SetLogLevel(level_before_);
}

void LogCapture::Add(std::string line) {
  std::lock_guard lock(mutex_);
  lines_.push_back(std::move(line));
}

std::vector<std::string> LogCapture::lines() const {
  std::lock_guard lock(mutex_);
  return lines_;
}

}  // namespace maxbrod
