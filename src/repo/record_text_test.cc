#include "repo/record_text.h"

#include <gtest/gtest.h>

#include "repo/format.pb.h"

namespace maxbrod::repo {
namespace {

TEST(JsonString, EscapesWhatJsonAsksFor) {
  EXPECT_EQ(JsonString(""), "\"\"");
  EXPECT_EQ(JsonString("a\"b\\c"), "\"a\\\"b\\\\c\"");
  EXPECT_EQ(JsonString(std::string_view("\n\0\x1f", 3)), "\"\\u000a\\u0000\\u001f\"");
  EXPECT_EQ(JsonString("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"),
            "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\"");
}

TEST(JsonString, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(JsonString("a\xff"), "\"a\\ufffd\"");
  EXPECT_EQ(JsonString("\xc0\x80"), "\"\\ufffd\\ufffd\"") << "overlong";
  EXPECT_EQ(JsonString("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"") << "surrogate";
  EXPECT_EQ(JsonString("\xe2\x82"), "\"\\ufffd\\ufffd\"") << "cut off";
  EXPECT_EQ(JsonString("\xf4\x90\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"") << "too large";
}

TEST(RecordJson, BytesAreHexAndIntegersNumbers) {
  format::PackRef ref;
  ref.set_id("\x01\xff");
  ref.set_length(UINT64_MAX);
  ref.set_small(true);
  EXPECT_EQ(RecordJson(ref), R"({"id":"01ff","length":18446744073709551615,"small":true})");
}

TEST(RecordJson, RepeatedNestedAndEnumFields) {
  format::RestoreRecord restore;
  restore.set_state(format::RestoreRecord::DONE);
  restore.add_topics()->set_source("a");
  restore.add_topics()->set_partitions(-1);
  EXPECT_EQ(RecordJson(restore), R"({"state":"DONE","topics":[{"source":"a"},{"partitions":-1}]})");
  format::BlockRun run;
  run.add_first_offset_delta(-5);
  run.add_first_offset_delta(7);
  EXPECT_EQ(RecordJson(run), R"({"first_offset_delta":[-5,7]})");
}

TEST(RecordText, BytesAreHex) {
  format::PackRef ref;
  ref.set_id("\x01\xff");
  EXPECT_EQ(RecordText(ref), "  id: 01ff\n");
  format::ConfigEntry entry;
  entry.set_value("gr\xc3\xbc\xc3\x9f\n");
  EXPECT_EQ(RecordText(entry), "  value: \"gr\xc3\xbc\xc3\x9f\\u000a\"\n");
}

}  // namespace
}  // namespace maxbrod::repo
