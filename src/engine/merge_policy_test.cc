#include "engine/merge_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace maxbrod::engine {
namespace {

using ::testing::HasSubstr;

TEST(MergePolicyTest, OneWordIsForAllKinds) {
  MergePolicies policies;
  ASSERT_TRUE(policies.Parse("overwrite").ok());
  EXPECT_EQ(policies.Text(),
            "topics=overwrite groups=overwrite acls=overwrite quotas=overwrite users=overwrite "
            "configs=overwrite schemas=overwrite");
}

TEST(MergePolicyTest, AKindLeavesTheOthersAndTheLastCounts) {
  MergePolicies policies;
  std::string before = policies.Text();
  ASSERT_TRUE(policies.Parse("acls=fail").ok());
  ASSERT_TRUE(policies.Parse("acls=overwrite").ok());
  EXPECT_EQ(policies.acls, MergePolicy::kOverwrite);
  policies.acls = MergePolicy::kSkip;
  EXPECT_EQ(policies.Text(), before);
}

TEST(MergePolicyTest, NonsenseIsRefusedAndChangesNothing) {
  MergePolicies policies;
  std::string before = policies.Text();
  for (const char* text : {"", "merge", "acls", "acls=", "=skip=", "acl=skip", "acls=Skip"}) {
    Status status = policies.Parse(text);
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << text;
    EXPECT_THAT(status.hint(), HasSubstr("KIND=POLICY"));
  }
  EXPECT_EQ(policies.Text(), before);
}

}  // namespace
}  // namespace maxbrod::engine
