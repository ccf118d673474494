#include "engine/verify.h"

#include <gtest/gtest.h>

namespace maxbrod::engine {
namespace {

TEST(Verify, ProblemsNameObjectAndOffsets) {
  EXPECT_EQ((Problem{"pack/ab/cd", "t", 3, 5, 9, "torn"}).ToString(),
            "pack/ab/cd, t-3 offsets 5 to 9: torn");
  EXPECT_EQ((Problem{"pack/ab/cd", "t", 3, 5, 5, "torn"}).Where(), "t-3 offset 5");
  EXPECT_EQ((Problem{"log/1", "", -1, -1, -1, "torn"}).ToString(), "log/1: torn");
}

TEST(Verify, DifferencesNameWhatTheyAreOf) {
  EXPECT_EQ((Difference{DifferenceKind::kChanged, "t", 1, 7, 7, 1, "", "another key"}).ToString(),
            "changed: t-1 offset 7: another key");
  EXPECT_EQ((Difference{DifferenceKind::kConfig, "t", -1, -1, -1, 1, "", "x"}).Where(), "topic t");
  EXPECT_EQ((Difference{DifferenceKind::kGroup, "t", 0, -1, -1, 1, "g", "x"}).Where(),
            "group g, t-0");
  EXPECT_EQ((Difference{DifferenceKind::kGroup, "", -1, -1, -1, 1, "g", "x"}).Where(), "group g");
}

TEST(Verify, ListsAreBoundedAndCountAll) {
  ProblemList problems;
  DifferenceList differences;
  for (int i = 0; i < 3000; ++i) {
    problems.Add({"o", "t", 0, i, i, "w"});
    differences.Add({DifferenceKind::kMissing, "t", 0, i, i, 2, "", "w"});
  }
  differences.Add({DifferenceKind::kConfig, "a", -1, -1, -1, 1, "", "w"});
  EXPECT_EQ(problems.count(), 3000u);
  EXPECT_EQ(problems.listed().size(), kListedMax);
  // Many of one kind do not hide another.
  EXPECT_EQ(differences.listed().size(), kListedMax / 2 + 1);
  EXPECT_EQ(differences.listed().front().kind, DifferenceKind::kConfig);
  EXPECT_EQ(differences.counts()[static_cast<size_t>(DifferenceKind::kMissing)], 3000u);
  EXPECT_EQ(differences.records()[static_cast<size_t>(DifferenceKind::kMissing)], 6000u);
}

TEST(Verify, Percent) {
  EXPECT_DOUBLE_EQ(*ParsePercent("1%"), 0.01);
  EXPECT_DOUBLE_EQ(*ParsePercent("0.5"), 0.005);
  EXPECT_DOUBLE_EQ(*ParsePercent("100%"), 1);
  for (const char* bad : {"", "%", "0%", "-1%", "101%", "1%%", "nan", "inf", "ten"}) {
    EXPECT_EQ(ParsePercent(bad).status().code(), Code::kInvalidArgument) << bad;
  }
}

TEST(Verify, ASampleIsAsLargeAsAskedAndTheSameAgain) {
  uint8_t id[16] = {1, 2, 3};
  Sampler one(0.01, 5), same(0.01, 5), other(0.01, 6);
  int taken = 0, differs = 0;
  for (uint64_t at = 0; at < 100'000; ++at) {
    taken += one.Takes(id, at) ? 1 : 0;
    EXPECT_EQ(one.Takes(id, at), same.Takes(id, at));
    differs += one.Takes(id, at) != other.Takes(id, at) ? 1 : 0;
  }
  EXPECT_GT(taken, 800);
  EXPECT_LT(taken, 1200);
  EXPECT_GT(differs, 500);
  EXPECT_TRUE(Sampler().Takes(id, 1));
}

}  // namespace
}  // namespace maxbrod::engine
