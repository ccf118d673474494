#include "cli/output.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <random>
#include <sstream>

namespace maxbrod::cli {
namespace {

std::vector<std::string> Lines(const Table& table, bool wide = false) {
  std::ostringstream out;
  table.Print(out, wide);
  std::vector<std::string> lines;
  std::istringstream in(out.str());
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(Output, Sizes) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(1024), "1.0 KiB");
  EXPECT_EQ(FormatBytes(1024 * 1024 - 1), "1.0 MiB");
  EXPECT_EQ(FormatBytes(1536 * 1024), "1.5 MiB");
  EXPECT_EQ(FormatBytes(UINT64_MAX), "16.0 EiB");
  EXPECT_EQ(FormatDuration(59.96), "0 m 59 s");
  EXPECT_EQ(FormatDuration(271), "4 m 31 s");
}

TEST(Output, TimesFollowTheZone) {
  Result<TimeZone> zone = TimeZone::FromRule("CET-1CEST,M3.5.0,M10.5.0/3");
  ASSERT_TRUE(zone.ok());
  EXPECT_EQ(FormatTime(1'795'356'451'000), "2026-11-22 14:07:31Z");
  SetDisplay({*zone, false});
  EXPECT_EQ(FormatTime(1'795'356'451'000), "2026-11-22 15:07:31+01:00");
  SetDisplay({});
}

TEST(Output, WidthCountsColumnsNotBytes) {
  EXPECT_EQ(TextWidth("plain"), 5u);
  EXPECT_EQ(TextWidth("gr\xc3\xbc\xc3\x9f"), 4u);
  EXPECT_EQ(TextWidth("\xe6\x9d\xb1\xe4\xba\xac"), 4u);  // two ideographs
  EXPECT_EQ(TextWidth("e\xcc\x81"), 1u);                 // a combining accent
  EXPECT_EQ(TextWidth("\xf0\x9f\x98\x80"), 2u);          // an emoji
  EXPECT_EQ(TextWidth("\xff\xfe"), 2u);                  // no UTF-8
  EXPECT_EQ(Shorten("a-very-long-name", 9), "a-v...ame");
  EXPECT_EQ(Shorten("fits", 4), "fits");
  EXPECT_EQ(TextWidth(Shorten("\xe6\x9d\xb1\xe4\xba\xac\xe6\x9d\xb1\xe4\xba\xac", 7)), 7u);
  EXPECT_EQ(OneLine("a\nb\tc\x1b[2J"), "a?b?c?[2J");
}

TEST(Table, AlignsAndLeavesOutWhatIsEmpty) {
  Table table({"NAME", ">COUNT", "NOTE", "?"});
  table.Row({"a", "1,000"});
  table.Row({"longer", "7"});
  EXPECT_EQ(Lines(table),
            (std::vector<std::string>{"NAME    COUNT", "a       1,000", "longer      7"}));
}

TEST(Table, ShortensNamesButNeitherNumbersNorTimes) {
  const std::string topic = "t" + std::string(198, 'x') + "z", time = "2026-11-22 15:07:31+01:00";
  Table table({"TOPIC", "TIME", ">OFFSET"});
  table.Row({topic, time, "9,223,372,036,854,775,807"});
  const auto lines = Lines(table);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(TextWidth(lines[1]), kColumnsMax);
  EXPECT_TRUE(lines[1].starts_with("txx"));
  EXPECT_NE(lines[1].find("xxx...xxx"), std::string::npos);
  EXPECT_NE(lines[1].find("z  " + time + "  9,223,372,036,854,775,807"), std::string::npos);
  EXPECT_NE(Lines(table, /*wide=*/true)[1].find(topic), std::string::npos);
}

TEST(Table, SparesColumnsBeforeItShortens) {
  const std::string name(70, 'n');
  Table table({"NAME", "?>FIRST", "?>SECOND", ">KEPT"});
  table.Row({name, "1,234,567", "1,234,567", "1,234,567"});
  EXPECT_EQ(Lines(table)[0].find("SECOND"), std::string::npos);
  EXPECT_NE(Lines(table)[0].find("FIRST"), std::string::npos);
  EXPECT_NE(Lines(table)[1].find(name), std::string::npos);
  EXPECT_NE(Lines(table, true)[0].find("SECOND"), std::string::npos);
}

TEST(Table, WrapsTextAtTheEnd) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "word" + std::to_string(i) + " ";
  text += "end";
  Table beside({"OBJECT", "PROBLEM"}), below({"A", ">N", ">M", "PROBLEM"});
  beside.Row({"pack/1", text});
  const std::string digits(26, '7');
  below.Row({std::string(40, 'a'), digits, digits, text});
  for (const Table* table : {&beside, &below}) {
    std::string all;
    for (const std::string& line : Lines(*table)) {
      EXPECT_LE(TextWidth(line), kColumnsMax);
      all += line + "\n";
    }
    for (int i = 0; i < 40; ++i) {
      EXPECT_NE(all.find("word" + std::to_string(i)), std::string::npos) << all;
    }
  }
}

std::string RandomCell(std::mt19937& random, bool number) {
  auto below = [&](uint32_t n) { return static_cast<size_t>(random() % n); };
  if (number) return FormatCount(random() >> below(32));
  static const char* const kPieces[] = {"a", "-",  "orders",          "\xc3\xa9", "\xe4\xba\xac",
                                        "_", ".x", "\xf0\x9f\x98\x80"};
  std::string out;
  const size_t pieces = below(4) == 0 ? below(250) : below(20);
  for (size_t i = 0; i < pieces; ++i) out += kPieces[below(std::size(kPieces))];
  return out;
}

// Whatever is in it: no line is too wide, none ends with a blank, no number is touched.
TEST(Table, AlwaysFits) {
  const uint32_t seed = std::random_device{}();
  std::mt19937 random(seed);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> headings;
    std::vector<bool> numbers;
    const size_t columns = 1 + random() % 7;
    for (size_t c = 0; c < columns; ++c) {
      // As many numbers as fit beside the shortest names.
      numbers.push_back(random() % 2 == 0 && std::count(numbers.begin(), numbers.end(), true) < 4);
      headings.push_back(std::string(numbers.back() ? ">" : "") + "H" + std::to_string(c));
    }
    Table table(headings);
    std::vector<std::string> kept;
    for (size_t r = 0; r < 1 + random() % 5; ++r) {
      std::vector<std::string> cells;
      for (size_t c = 0; c < columns; ++c) {
        std::string cell = RandomCell(random, numbers[c]);
        if (!numbers[c] && random() % 4 == 0) cell += " some words " + RandomCell(random, false);
        if (numbers[c]) kept.push_back(cell);
        cells.push_back(std::move(cell));
      }
      table.Row(std::move(cells));
    }
    std::string all;
    for (const std::string& line : Lines(table)) {
      ASSERT_LE(TextWidth(line), kColumnsMax) << "seed " << seed << "\n" << line;
      ASSERT_FALSE(line.ends_with(' ')) << "seed " << seed << "\n" << line;
      all += line + "\n";
    }
    for (const std::string& number : kept) {
      ASSERT_NE(all.find(number), std::string::npos) << "seed " << seed << "\n" << all;
    }
  }
}

}  // namespace
}  // namespace maxbrod::cli
