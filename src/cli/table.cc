// The layout of tables; see output.h.
#include <algorithm>
#include <array>
#include <ostream>
#include <utility>

#include "cli/output.h"

namespace maxbrod::cli {
namespace {

constexpr size_t kGap = 2;              // between columns
constexpr size_t kNameColumnsMin = 12;  // a name is not made shorter as long as others are longer
constexpr size_t kHardColumnsMin = 5;   // "a...z"
constexpr size_t kTextColumnsMin = 30;  // with less, text goes below its row
constexpr size_t kIndent = 4;           // of text below its row

// The code point at the front of UTF-8 text and how many bytes it has. What is no UTF-8 counts
// byte by byte.
std::pair<char32_t, size_t> Front(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  size_t size = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (size > text.size()) return {first, 1};
  char32_t code = size == 1 ? first : first & (0xff >> (size + 1));
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {first, 1};
    code = code << 6 | (byte(i) & 0x3f);
  }
  return {code, size};
}

struct Range {
  char32_t first, last;
};

template <size_t N>
bool In(const std::array<Range, N>& ranges, char32_t code) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [code](const Range& r) { return code >= r.first && code <= r.last; });
}

// The blocks that matter in names and remarks (Unicode's East Asian Width W and F; Mn, Cf).
constexpr std::array kNone = {Range{0x0300, 0x036f}, Range{0x200b, 0x200f}, Range{0x20d0, 0x20ff},
                              Range{0xfe00, 0xfe0f}, Range{0xfe20, 0xfe2f}, Range{0xfeff, 0xfeff}};
constexpr std::array kTwo = {
    Range{0x1100, 0x115f},   Range{0x2e80, 0x303e},   Range{0x3041, 0xa4cf},
    Range{0xac00, 0xd7a3},   Range{0xf900, 0xfaff},   Range{0xfe30, 0xfe6f},
    Range{0xff00, 0xff60},   Range{0xffe0, 0xffe6},   Range{0x1f300, 0x1f64f},
    Range{0x1f680, 0x1f6ff}, Range{0x1f900, 0x1faff}, Range{0x20000, 0x3fffd}};

size_t CodeWidth(char32_t code) {
  return In(kNone, code) ? 0 : In(kTwo, code) ? 2 : 1;
}

// Bytes at the front of `text` that take at most `width` columns.
size_t BytesWithin(std::string_view text, size_t width) {
  size_t bytes = 0, used = 0;
  while (bytes < text.size()) {
    auto [code, size] = Front(text.substr(bytes));
    used += CodeWidth(code);
    if (used > width) break;
    bytes += size;
  }
  return bytes;
}

bool IsTime(std::string_view cell) {
  return cell.size() >= 20 && cell[4] == '-' && cell[7] == '-' && cell[10] == ' ' &&
         cell[13] == ':' && cell.find_first_not_of("0123456789-+:Z ") == cell.npos;
}

// Lines of at most `width` columns, broken at blanks where there are any.
std::vector<std::string> Wrap(std::string_view text, size_t width) {
  std::vector<std::string> lines;
  while (TextWidth(text) > width) {
    size_t fits = std::max<size_t>(BytesWithin(text, width), 1);
    size_t blank = text.rfind(' ', fits);
    bool broken = blank != text.npos && blank > 0;
    lines.emplace_back(text.substr(0, broken ? blank : fits));
    text.remove_prefix(broken ? blank + 1 : fits);
  }
  lines.emplace_back(text);
  return lines;
}

void PrintLine(std::string line, std::ostream& out) {
  while (!line.empty() && line.back() == ' ') line.pop_back();
  out << line << "\n";
}

}  // namespace

size_t TextWidth(std::string_view text) {
  size_t width = 0;
  while (!text.empty()) {
    auto [code, size] = Front(text);
    width += CodeWidth(code);
    text.remove_prefix(size);
  }
  return width;
}

std::string Shorten(std::string_view text, size_t width) {
  const size_t whole = TextWidth(text);
  if (whole <= width) return std::string(text);
  const size_t kept = width - std::min<size_t>(width, 3);
  std::string out(text.substr(0, BytesWithin(text, kept - kept / 2)));
  // The end begins where no more than its share is left.
  size_t from = 0;
  for (size_t left = whole; left > kept / 2;) {
    auto [code, size] = Front(text.substr(from));
    left -= CodeWidth(code);
    from += size;
  }
  return out + "..." + std::string(text.substr(from));
}

std::string OneLine(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    auto [code, size] = Front(text);
    bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    out += control ? std::string("?") : std::string(text.substr(0, size));
    text.remove_prefix(size);
  }
  return out;
}

struct Table::Layout {
  std::vector<size_t> shown;   // indexes of columns
  std::vector<size_t> widths;  // of all columns
  bool text_at_end = false;    // the last shown column may be wrapped
  bool below = false;          // ... and is put below its row
  size_t text = 0;             // that column

  size_t Total() const {
    size_t total = 0;
    for (size_t column : shown) total += widths[column] + kGap;
    return total < kGap ? 0 : total - kGap;
  }
};

Table::Table(std::vector<std::string> headings) {
  for (const std::string& heading : headings) {
    Column column;
    std::string_view rest = heading;
    column.spare = rest.starts_with('?');
    if (column.spare) rest.remove_prefix(1);
    column.right = rest.starts_with('>');
    if (column.right) rest.remove_prefix(1);
    column.heading = rest;
    columns_.push_back(std::move(column));
  }
}

void Table::Row(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  for (std::string& cell : cells) cell = OneLine(cell);
  rows_.push_back(std::move(cells));
}

Table::Layout Table::Arrange(bool wide) const {
  Layout layout;
  for (size_t c = 0; c < columns_.size(); ++c) {
    size_t width = 0;
    for (const auto& row : rows_) width = std::max(width, TextWidth(row[c]));
    if (width > 0 || rows_.empty()) layout.shown.push_back(c);
    layout.widths.push_back(std::max(width, TextWidth(columns_[c].heading)));
  }
  if (wide) return layout;
  for (size_t i = layout.shown.size(); i-- > 0 && layout.Total() > kColumnsMax;) {
    if (columns_[layout.shown[i]].spare)
      layout.shown.erase(layout.shown.begin() + static_cast<ptrdiff_t>(i));
  }
  if (layout.Total() > kColumnsMax) Shrink(&layout, kColumnsMax);
  return layout;
}

void Table::Shrink(Layout* layout, size_t room) const {
  const size_t last = layout->shown.back();
  auto any = [&](size_t column, auto what) {
    return std::any_of(rows_.begin(), rows_.end(),
                       [&](const auto& row) { return what(row[column]); });
  };
  layout->text_at_end = !columns_[last].right && any(last, [](const std::string& cell) {
    return cell.find(' ') != cell.npos && !IsTime(cell);
  });
  if (layout->text_at_end) {
    const size_t others = layout->Total() - layout->widths[last];
    const size_t wanted = std::min(layout->widths[last], kTextColumnsMin);
    layout->widths[last] = others + wanted <= room ? room - others : wanted;
  }
  std::vector<bool> fixed;  // no names: numbers and times
  for (size_t column = 0; column < columns_.size(); ++column) {
    fixed.push_back(columns_[column].right || (layout->text_at_end && column == last) ||
                    any(column, [](const std::string& cell) { return IsTime(cell); }));
  }
  auto cut = [&](size_t width_min) {
    while (layout->Total() > room) {
      size_t widest = columns_.size();
      for (size_t column : layout->shown) {
        if (fixed[column] || layout->widths[column] <= width_min) continue;
        if (widest == columns_.size() || layout->widths[column] > layout->widths[widest])
          widest = column;
      }
      if (widest == columns_.size()) return;
      --layout->widths[widest];
    }
  };
  cut(kNameColumnsMin);
  if (layout->text_at_end && layout->Total() > room) {
    // Beside what cannot be shortened there is no room for text.
    layout->below = true;
    layout->text = last;
    layout->shown.pop_back();
  }
  cut(kHardColumnsMin);
}

void Table::Print(std::ostream& out) const {
  Print(out, CurrentDisplay().wide);
}

void Table::Print(std::ostream& out, bool wide) const {
  const Layout layout = Arrange(wide);
  auto pad = [&](size_t column, const std::string& cell) {
    const size_t width = layout.widths[column], used = TextWidth(cell);
    std::string blanks(width > used ? width - used : 0, ' ');
    return columns_[column].right ? blanks + cell : cell + blanks;
  };
  auto print = [&](const auto& cell_of) {
    std::string line;
    std::vector<std::string> more;
    for (size_t column : layout.shown) {
      if (column != layout.shown.front()) line.append(kGap, ' ');
      const std::string& cell = cell_of(column);
      bool wraps = layout.text_at_end && !layout.below && column == layout.shown.back();
      if (!wraps) {
        line += pad(column, columns_[column].right ? cell : Shorten(cell, layout.widths[column]));
        continue;
      }
      more = Wrap(cell, layout.widths[column]);
      const std::string margin(TextWidth(line), ' ');
      line += more.front();
      for (size_t i = 1; i < more.size(); ++i) more[i].insert(0, margin);
    }
    PrintLine(std::move(line), out);
    for (size_t i = 1; i < more.size(); ++i) PrintLine(std::move(more[i]), out);
  };
  print([&](size_t column) -> const std::string& { return columns_[column].heading; });
  for (const auto& row : rows_) {
    print([&](size_t column) -> const std::string& { return row[column]; });
    if (!layout.below || row[layout.text].empty()) continue;
    for (const std::string& line : Wrap(row[layout.text], kColumnsMax - kIndent)) {
      PrintLine(std::string(kIndent, ' ') + line, out);
    }
  }
}

}  // namespace maxbrod::cli
