// Text for people: tables that fit 100 columns, binary units, times of a zone of one's choice.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "base/time_zone.h"

namespace maxbrod::cli {

inline constexpr size_t kColumnsMax = 100;

// How text looks, from the flags of all verbs. Set once, before the verb runs and threads begin;
// read by what follows. JSON does not depend on it.
struct Display {
  TimeZone zone;      // --time-zone
  bool wide = false;  // --wide: tables are as wide as they are
};
void SetDisplay(Display display);
const Display& CurrentDisplay();

std::string FormatBytes(uint64_t bytes);     // "1.2 GiB"
std::string FormatCount(uint64_t count);     // "1,234,567"
std::string FormatDuration(double seconds);  // "1.2 s", "4 m 31 s"
// "2026-11-22 14:07:31Z", or "2026-11-22 15:07:31+01:00" with --time-zone.
std::string FormatTime(int64_t wall_millis);

// Columns of a terminal that UTF-8 text takes: two for the wide characters of East Asia and emoji,
// none for combining marks.
size_t TextWidth(std::string_view text);
// At most `width` columns (3 or more): "beginning...end" where the text is longer.
std::string Shorten(std::string_view text, size_t width);
// On one line and harmless to a terminal: control characters become '?'.
std::string OneLine(std::string_view text);

// A table whose columns are as wide as their widest cell, but at most 100 columns in all unless
// --wide: then columns that can be spared go, text at the end is wrapped (or put below its row
// where too little room is left beside), and names are shortened in their middle, the longest
// first. Numbers and times never are. Columns without any content are not shown.
class Table {
 public:
  // A heading that begins with '>' is right-aligned, one with '?' can be spared ("?>PARTS"): the
  // last of these goes first.
  explicit Table(std::vector<std::string> headings);
  void Row(std::vector<std::string> cells);
  void Print(std::ostream& out) const;
  // For tests: as Print does with or without --wide.
  void Print(std::ostream& out, bool wide) const;
  bool empty() const { return rows_.empty(); }

 private:
  struct Column {
    std::string heading;
    bool right = false, spare = false;
  };
  struct Layout;
  Layout Arrange(bool wide) const;
  void Shrink(Layout* layout, size_t room) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace maxbrod::cli
