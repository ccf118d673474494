#include "cli/progress_printer.h"

#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/output.h"

namespace maxbrod::cli {
namespace {

constexpr Millis kTerminalPeriod{200};
constexpr Millis kLinePeriod{10'000};

}  // namespace

ProgressPrinter::ProgressPrinter(engine::Progress& progress, const Globals& globals)
    : progress_(progress), globals_(globals), terminal_(isatty(STDERR_FILENO) == 1) {
  thread_ = std::jthread([this](std::stop_token stop) { Loop(stop); });
}

ProgressPrinter::~ProgressPrinter() {
  thread_.request_stop();
  thread_.join();
  if (bar_shown_) std::cerr << "\r\033[K";
  PrintMessages();
}

void ProgressPrinter::Loop(std::stop_token stop) {
  Clock& clock = Clock::System();
  int64_t last_line = clock.MonotonicNanos();
  while (clock.Sleep(kTerminalPeriod, stop)) {
    PrintMessages();
    if (globals_.quiet) continue;
    int64_t now = clock.MonotonicNanos();
    engine::Progress::Reading reading = progress_.Read();
    if (reading.phase != last_phase_) {
      last_phase_ = reading.phase;
      phase_began_nanos_ = now;
    }
    bool bar = terminal_ && !globals_.json;
    if (!bar && now - last_line < kLinePeriod.count() * 1'000'000) continue;
    last_line = now;
    PrintState(static_cast<double>(now - phase_began_nanos_) / 1e9);
  }
}

void ProgressPrinter::PrintMessages() {
  for (const auto& message : progress_.TakeMessages()) {
    if (globals_.quiet && !message.warning) continue;
    if (bar_shown_) std::cerr << "\r\033[K";
    bar_shown_ = false;
    if (globals_.json) {
      nlohmann::json line = {{message.warning ? "warning" : "note", message.text}};
      std::cout << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << std::endl;
    } else {
      std::cerr << (message.warning ? "warning: " : "") << message.text << "\n";
    }
  }
}

void ProgressPrinter::PrintState(double seconds) {
  engine::Progress::Reading r = progress_.Read();
  double rate = seconds > 0.5 ? static_cast<double>(r.bytes) / seconds : 0;
  double done = 0;
  if (r.bytes_total > 0) {
    done = static_cast<double>(r.bytes) / static_cast<double>(r.bytes_total);
  } else if (r.records_total > 0) {
    done = static_cast<double>(r.records) / static_cast<double>(r.records_total);
  }
  if (done > 1) done = 1;
  double left = done > 0.01 && seconds > 1 ? seconds / done - seconds : 0;
  if (globals_.json) {
    nlohmann::json line = {{"progress",
                            {{"phase", r.phase},
                             {"bytes", r.bytes},
                             {"bytes_total", r.bytes_total},
                             {"records", r.records},
                             {"records_total", r.records_total},
                             {"bytes_per_second", static_cast<uint64_t>(rate)}}}};
    std::cout << line.dump() << std::endl;
    return;
  }
  std::string text = r.phase;
  // Where no records are counted, the phase itself tells how far it is.
  if (r.bytes > 0 && r.records > 0) {
    char percent[16];
    std::snprintf(percent, sizeof(percent), "%3.0f %%", done * 100);
    if (done > 0) text += std::string("  ") + percent;
    text += "  " + FormatBytes(r.bytes) + ", " + FormatCount(r.records) + " records, " +
            FormatBytes(static_cast<uint64_t>(rate)) + "/s";
    if (left > 0) text += ", " + FormatDuration(left) + " left";
  }
  if (terminal_) {
    std::cerr << "\r\033[K" << text << std::flush;
    bar_shown_ = true;
  } else {
    std::cerr << text << "\n";
  }
}

}  // namespace maxbrod::cli
