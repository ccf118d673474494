#include "aws/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace maxbrod::aws {
namespace {

using testing::HasSubstr;
using testing::Not;

ProfileFiles Parsed(std::string_view config, std::string_view credentials = "") {
  auto files = ProfileFiles::Parse(config, credentials);
  EXPECT_TRUE(files.ok()) << files.status().ToString();
  return std::move(files).value();
}

TEST(Profile, SectionsOfBothFiles) {
  auto files = Parsed(
      "# comment\n[default]\nregion = eu-west-1\n\n[profile dev]\nRegion=us-east-1 ; why\n"
      "s3 =\n  addressing_style = path\nrole_arn = arn:aws:iam::1:role/x#y\n"
      "[sso-session work]\nregion = nowhere\n[dev2]\nregion = not a profile here\n",
      "[dev]\r\naws_access_key_id = AKID\r\naws_secret_access_key = a=b/c+d\r\n[only]\nregion=x\n");
  EXPECT_EQ(files.Find("default")->Get("region"), "eu-west-1");
  const Profile* dev = files.Find("dev");
  ASSERT_NE(dev, nullptr);
  EXPECT_EQ(dev->Get("region"), "us-east-1");
  EXPECT_EQ(dev->Get("role_arn"), "arn:aws:iam::1:role/x#y");
  EXPECT_EQ(dev->Get("aws_access_key_id"), "AKID");
  EXPECT_EQ(dev->Get("aws_secret_access_key"), "a=b/c+d");
  EXPECT_EQ(dev->Get("addressing_style"), "");
  EXPECT_NE(files.Find("only"), nullptr);
  EXPECT_EQ(files.Find("work"), nullptr);
  EXPECT_EQ(files.Find("dev2"), nullptr);
}

TEST(Profile, PrefixedDefaultWinsInAnyOrder) {
  EXPECT_EQ(
      Parsed("[default]\nregion=a\n[profile default]\nregion=b").Find("default")->Get("region"),
      "b");
  EXPECT_EQ(
      Parsed("[profile default]\nregion=b\n[default]\nregion=a").Find("default")->Get("region"),
      "b");
}

TEST(Profile, TheCredentialsFileIsRight) {
  auto files = Parsed("[profile x]\nregion=a\nrole_arn=r\n", "[x]\nregion=b\n");
  EXPECT_EQ(files.Find("x")->Get("region"), "b");
  EXPECT_EQ(files.Find("x")->Get("role_arn"), "r");
}

TEST(Profile, WhatCannotBeReadIsNamedByLineNotByText) {
  for (const char* text :
       {"[default]\nSECRET", "SECRET=1\n", "[default\nSECRET=1", "[a]\n=SECRET"}) {
    auto files = ProfileFiles::Parse("", text);
    ASSERT_FALSE(files.ok()) << text;
    EXPECT_EQ(files.status().code(), Code::kInvalidArgument);
    EXPECT_THAT(files.status().message(), HasSubstr("line "));
    EXPECT_THAT(files.status().message(), Not(HasSubstr("SECRET")));
  }
}

TEST(Profile, FilesAreFound) {
  FakeEnvironment environment;
  environment.variables = {{"HOME", "/home/a"}};
  environment.files = {{"/home/a/.aws/config", "[profile x]\nregion=a"},
                       {"/home/a/other", "[x]\nregion=b"}};
  EXPECT_EQ(ProfileFiles::Read(environment)->Find("x")->Get("region"), "a");
  environment.variables["AWS_SHARED_CREDENTIALS_FILE"] = "~/other";
  EXPECT_EQ(ProfileFiles::Read(environment)->Find("x")->Get("region"), "b");
  environment.variables["AWS_CONFIG_FILE"] = "/nowhere";
  EXPECT_EQ(ProfileFiles::Read(environment)->Find("x")->Get("region"), "b");
}

}  // namespace
}  // namespace maxbrod::aws
