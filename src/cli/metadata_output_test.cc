#include "cli/metadata_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

namespace maxbrod::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

engine::PlannedMetadata Item(engine::MetadataKind kind, const std::string& name,
                             engine::MetadataAction action) {
  engine::PlannedMetadata item;
  item.kind = kind;
  item.name = name;
  item.action = action;
  item.in_snapshot = std::string(80, 's');
  item.on_target = std::string(80, 't');
  return item;
}

auto Columns(const std::string& line) {
  return std::count_if(line.begin(), line.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
}

std::string Printed(const engine::MetadataPlan& plan) {
  testing::internal::CaptureStdout();
  PrintMetadataPlan(plan);
  return testing::internal::GetCapturedStdout();
}

TEST(MetadataOutputTest, ThePlansTableFitsAndLeavesOutWhatIsTheSame) {
  engine::MetadataPlan plan;
  plan.items = {Item(engine::MetadataKind::kClientMetrics, std::string(240, 'n'),
                     engine::MetadataAction::kOverwrite),
                Item(engine::MetadataKind::kAcls, "Topic:\xc3\xa4\xc3\xb6" + std::string(60, 'x'),
                     engine::MetadataAction::kRefuse),
                Item(engine::MetadataKind::kQuota, "the-same", engine::MetadataAction::kSame),
                Item(engine::MetadataKind::kUser, "u", engine::MetadataAction::kSetAgain)};
  plan.items.back().reason = "set it again";
  plan.notes = {"a note"};
  std::string text = Printed(plan);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(Columns(line), 100) << line;
  EXPECT_THAT(text, Not(HasSubstr("the-same")));
  EXPECT_THAT(text, HasSubstr("metadata: 1 overwrite, 1 same, 1 refuse, 1 set_again"));
  EXPECT_THAT(text, HasSubstr("  set it again\n"));
  EXPECT_THAT(text, HasSubstr("note: a note\n"));
}

TEST(MetadataOutputTest, NothingIsSaidToBeNothing) {
  EXPECT_EQ(Printed({}), "metadata: nothing\n");
}

TEST(MetadataOutputTest, JsonHasAllOfIt) {
  engine::MetadataPlan plan;
  plan.items = {Item(engine::MetadataKind::kAcls, "a", engine::MetadataAction::kRefuse)};
  nlohmann::json out = MetadataPlanJson(plan);
  EXPECT_TRUE(out["refused"].get<bool>());
  EXPECT_EQ(out["items"][0]["in_snapshot"].get<std::string>().size(), 80u);
  EXPECT_EQ(out["counts"]["refuse"], 1);
  EXPECT_EQ(out["counts"]["create"], 0);
}

TEST(MetadataOutputTest, WhatTheTargetRefusedMakesTheRunIncomplete) {
  engine::MetadataReport report;
  EXPECT_TRUE(MetadataOutcome(report).ok());
  report.failed = {"acls Topic:t: no"};
  report.failure = Status(Code::kPermission, "no").WithHint("the user needs Alter on Cluster");
  Status status = MetadataOutcome(report);
  EXPECT_EQ(status.code(), Code::kIncomplete);
  EXPECT_THAT(status.message(), HasSubstr("acls Topic:t"));
  EXPECT_EQ(status.hint(), "the user needs Alter on Cluster");
}

}  // namespace
}  // namespace maxbrod::cli
