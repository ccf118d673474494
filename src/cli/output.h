// Text for people: tables that fit 100 columns, binary units, times in UTC.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace maxbrod::cli {

std::string FormatBytes(uint64_t bytes);      // "1.2 GiB"
std::string FormatCount(uint64_t count);      // "1,234,567"
std::string FormatTime(int64_t wall_millis);  // "2026-11-22 14:07:31Z"
std::string FormatDuration(double seconds);   // "1.2 s", "4 m 31 s"

// A table whose columns are as wide as their widest cell. Cells of columns marked right-aligned
// are.
class Table {
 public:
  // A heading that begins with '>' is right-aligned (the sign is not shown).
  explicit Table(std::vector<std::string> headings);
  void Row(std::vector<std::string> cells);
  void Print(std::ostream& out) const;
  bool empty() const { return rows_.empty(); }

 private:
  std::vector<std::string> headings_;
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace maxbrod::cli
