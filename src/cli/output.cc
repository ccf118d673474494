#include "cli/output.h"

#include <cstdio>
#include <utility>

namespace maxbrod::cli {
namespace {

Display& MutableDisplay() {
  static Display display;
  return display;
}

}  // namespace

void SetDisplay(Display display) {
  MutableDisplay() = std::move(display);
}

const Display& CurrentDisplay() {
  return MutableDisplay();
}

std::string FormatBytes(uint64_t bytes) {
  static const char* const kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  // 1023.95 would show as 1024.0 of the smaller unit.
  while (value >= (unit == 0 ? 1024 : 1023.95) && unit < 6) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof(text), unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string FormatCount(uint64_t count) {
  std::string digits = std::to_string(count);
  for (size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string FormatTime(int64_t wall_millis) {
  return FormatCivilTime(wall_millis, CurrentDisplay().zone);
}

std::string FormatDuration(double seconds) {
  char text[40];
  // 59.95 would show as 60.0 s.
  if (seconds < 59.95) {
    std::snprintf(text, sizeof(text), "%.1f s", seconds);
  } else if (seconds < 3600) {
    std::snprintf(text, sizeof(text), "%d m %02d s", static_cast<int>(seconds) / 60,
                  static_cast<int>(seconds) % 60);
  } else {
    std::snprintf(text, sizeof(text), "%d h %02d m", static_cast<int>(seconds) / 3600,
                  static_cast<int>(seconds) / 60 % 60);
  }
  return text;
}

}  // namespace maxbrod::cli
