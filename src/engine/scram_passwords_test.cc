#include "engine/scram_passwords.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <fstream>

namespace maxbrod::engine {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Found(const ScramPasswords& passwords, const std::string& user, int32_t mechanism) {
  const std::string* password = passwords.Find(user, mechanism);
  return password == nullptr ? "(none)" : *password;
}

TEST(ScramPasswordsTest, AMechanismsLineComesBeforeTheUsers) {
  auto parsed = ScramPasswords::Parse(
      "# users\n\na:any\na:SCRAM-SHA-512:five\r\nb:co:lons: \nc:SCRAM-SHA-1:x\n");
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  EXPECT_EQ(parsed->size(), 4u);
  EXPECT_EQ(Found(*parsed, "a", kScramSha256), "any");
  EXPECT_EQ(Found(*parsed, "a", kScramSha512), "five");
  EXPECT_EQ(Found(*parsed, "b", kScramSha256), "co:lons: ");
  EXPECT_EQ(Found(*parsed, "c", kScramSha256), "SCRAM-SHA-1:x");
  EXPECT_EQ(Found(*parsed, "d", kScramSha256), "(none)");
}

TEST(ScramPasswordsTest, ABrokenLineIsNamedByItsNumberOnly) {
  for (const char* text :
       {"secret", ":secret", "secret:", "secret:SCRAM-SHA-256:", "x:secret\nx:secret"}) {
    auto parsed = ScramPasswords::Parse(text);
    ASSERT_EQ(parsed.status().code(), Code::kInvalidArgument) << text;
    EXPECT_THAT(parsed.status().message(), HasSubstr("line "));
    EXPECT_THAT(parsed.status().message() + parsed.status().hint(), Not(HasSubstr("secret")));
  }
}

TEST(ScramPasswordsTest, AFileThatOthersMayReadIsRefused) {
  std::string path = testing::TempDir() + "/scram_passwords";
  std::ofstream(path) << "a:secret\n";
  for (mode_t mode : {0640U, 0604U, 0620U}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    Status status = ScramPasswords::Read(FileSystem::Posix(), path).status();
    EXPECT_EQ(status.code(), Code::kPermission);
    EXPECT_THAT(status.hint(), HasSubstr("chmod 600"));
  }
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  auto read = ScramPasswords::Read(FileSystem::Posix(), path);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(Found(*read, "a", kScramSha256), "secret");
  std::remove(path.c_str());
  EXPECT_EQ(ScramPasswords::Read(FileSystem::Posix(), path).status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace maxbrod::engine
