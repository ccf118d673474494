#include "engine/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "aws/bucket_server_testing.h"
#include "kafka/fake_broker_testing.h"
#include "repo/crypto_testing.h"
#include "store/s3_store.h"

namespace maxbrod::engine {
namespace {

using ::testing::HasSubstr;

Check Find(const Checks& checks, const std::string& name) {
  for (const Check& check : checks) {
    if (check.name == name) return check;
  }
  ADD_FAILURE() << "no check of " << name;
  return {};
}

format::Config ConfigOf(store::Store& store) {
  auto config = repo::ReadConfig(store, {}, {});
  EXPECT_TRUE(config.ok());
  return config->config;
}

void AddSlot(repo::EncryptedRepository& r, const repo::SlotSecret& secret,
             const std::string& label = "") {
  repo::NewSlot slot;
  slot.label = label;
  slot.cost.memory_kib = repo::kArgon2MemoryKibMin;
  slot.cost.passes = 1;
  auto repository = r.Open();
  ASSERT_TRUE(repository.ok());
  auto added = repo::AddKeySlot(r.raw(), *(*repository)->keys(), secret, slot, {});
  ASSERT_TRUE(added.ok()) << added.status().message();
}

TEST(DoctorTest, TwoKeysOfOneKindAreOneFailureDomain) {
  repo::EncryptedRepository r;
  auto slots = [&] { return Find(CheckKeys(r.raw(), ConfigOf(r.raw()), true, {}), "slots"); };
  EXPECT_EQ(slots().grade, CheckGrade::kFailure);
  AddSlot(r, repo::TestKeyFile(9));
  EXPECT_EQ(slots().grade, CheckGrade::kFailure);
  EXPECT_THAT(slots().what, HasSubstr("2 that open everything: key file"));
  EXPECT_THAT(slots().advice, HasSubstr("maxbrod keys add"));
  AddSlot(r, repo::TestKeyFile(10), "recovery");
  EXPECT_EQ(slots().grade, CheckGrade::kOk);
  EXPECT_THAT(slots().what, HasSubstr("3 that open everything: key file, recovery key"));
}

TEST(DoctorTest, AnotherKindOfKeyIsAnotherFailureDomain) {
  repo::EncryptedRepository r;
  auto slots = [&] { return Find(CheckKeys(r.raw(), ConfigOf(r.raw()), true, {}), "slots"); };
  repo::FakeKms kms;
  repo::SlotSecret secret;
  secret.kms = &kms;
  AddSlot(r, secret);
  EXPECT_EQ(slots().grade, CheckGrade::kOk);
}

TEST(DoctorTest, APlainRepositoryIsWorseInABucket) {
  format::Config config;
  config.set_crypto(format::CRYPTO_PLAIN);
  store::MemStore store;
  EXPECT_EQ(Find(CheckKeys(store, config, true, {}), "encryption").grade, CheckGrade::kWarning);
  EXPECT_EQ(Find(CheckKeys(store, config, false, {}), "encryption").grade, CheckGrade::kNote);
}

class DoctorInBucketTest : public ::testing::Test {
 protected:
  DoctorInBucketTest() { server_.objects["kafka/config"] = "the config"; }
  Checks Rights(std::optional<Role> role, std::string_view config = "the config") {
    auto checks = CheckRights(bucket_, store_, "kafka", AsBytes(config), role, {});
    EXPECT_TRUE(checks.ok()) << checks.status().message();
    return checks.ok() ? *checks : Checks();
  }
  void DenyDeleting() {
    // The names are random.
    server_.denied_prefixes = {"DELETE kafka/probe/"};
  }

  aws::BucketServerForTests server_;
  std::shared_ptr<aws::S3Client> client_ = server_.client();
  aws::S3Bucket bucket_{*client_};
  store::S3Store store_{client_, [] {
                          store::S3StoreOptions options;
                          options.prefix = "kafka";
                          return options;
                        }()};
};

TEST_F(DoctorInBucketTest, WhoMayDeleteIsNoBackup) {
  Checks checks = Rights(Role::kBackup);
  EXPECT_EQ(Find(checks, "s3:PutObject").grade, CheckGrade::kOk);
  EXPECT_EQ(Find(checks, "s3:DeleteObject").grade, CheckGrade::kWarning);
  EXPECT_THAT(Find(checks, "s3:DeleteObject").advice, HasSubstr("bucket policy backup"));
  EXPECT_EQ(Find(Rights(Role::kPrune), "s3:DeleteObject").grade, CheckGrade::kOk);
  EXPECT_EQ(Find(Rights({}), "s3:DeleteObjectVersion").grade, CheckGrade::kWarning);
  DenyDeleting();
  EXPECT_EQ(Find(Rights(Role::kBackup), "s3:DeleteObject").grade, CheckGrade::kOk);
  EXPECT_EQ(Find(Rights(Role::kPrune), "s3:DeleteObject").grade, CheckGrade::kFailure);
}

TEST_F(DoctorInBucketTest, WhatARoleNeedsIsAFailureWithoutIt) {
  server_.denied = {"PUT kafka/config", "POST kafka/config"};
  Checks backup = Rights(Role::kBackup);
  EXPECT_EQ(Find(backup, "s3:PutObject").grade, CheckGrade::kFailure);
  EXPECT_EQ(Find(backup, "s3:RestoreObject").grade, CheckGrade::kOk);
  EXPECT_EQ(Find(Rights(Role::kRestore), "s3:RestoreObject").grade, CheckGrade::kNote);
}

TEST_F(DoctorInBucketTest, LookingChangesNothing) {
  const auto before = server_.objects;
  Rights(Role::kPrune);
  EXPECT_EQ(server_.objects, before);
  EXPECT_EQ(Find(Rights(Role::kPrune, ""), "s3:PutObject").grade, CheckGrade::kNote);
  EXPECT_EQ(server_.objects, before);
}

TEST_F(DoctorInBucketTest, SettingsThatMayNotBeReadAreAFaultOfTheirKeeperOnly) {
  std::vector<store::BucketFinding> findings = {
      {"versioning", store::BucketGrade::kUnknown, true, "denied", "on", "why"},
      {"public-access", store::BucketGrade::kMissing, true, "not blocked", "blocked", "why"},
      {"cold-packs", store::BucketGrade::kUnsupported, false, "none", "", ""},
      {"lifecycle-rules", store::BucketGrade::kDanger, true, "rule 'x'", "", ""}};
  auto grade = [&](const char* name, std::optional<Role> role) {
    return Find(CheckBucketSettings(findings, role), name).grade;
  };
  EXPECT_EQ(grade("versioning", Role::kBackup), CheckGrade::kNote);
  EXPECT_EQ(grade("versioning", {}), CheckGrade::kWarning);
  EXPECT_EQ(grade("versioning", Role::kSetup), CheckGrade::kFailure);
  EXPECT_EQ(Find(CheckBucketSettings(findings, {}), "versioning").advice, "denied");
  EXPECT_EQ(grade("public-access", {}), CheckGrade::kFailure);
  EXPECT_EQ(grade("cold-packs", {}), CheckGrade::kNote);
  EXPECT_EQ(grade("lifecycle-rules", Role::kBackup), CheckGrade::kFailure);
}

TEST(DoctorTest, ClocksThatDiffer) {
  FakeClock theirs(1'800'000'000'000), ours(1'800'000'000'000);
  store::MemStore store(store::MemStoreOptions{&theirs});
  EXPECT_EQ(CheckClock(store, ours, {})[0].grade, CheckGrade::kOk);
  ours.Sleep(Millis(90'000));
  EXPECT_EQ(CheckClock(store, ours, {})[0].grade, CheckGrade::kWarning);
  ours.Sleep(Millis(300'000));
  EXPECT_EQ(CheckClock(store, ours, {})[0].grade, CheckGrade::kFailure);
  EXPECT_THAT(CheckClock(store, ours, {})[0].what, HasSubstr("390 s ahead of"));
}

TEST(DoctorTest, FoldersThatAreOpenToOthers) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(::testing::TempDir()) / "maxbrod-doctor";
  fs::create_directories(folder);
  auto mode = [&](unsigned bits, bool encrypted) {
    fs::permissions(folder, static_cast<fs::perms>(bits));
    return Find(CheckFolder(folder, encrypted), "mode").grade;
  };
  EXPECT_EQ(mode(0700, false), CheckGrade::kOk);
  EXPECT_EQ(mode(0750, false), CheckGrade::kWarning);
  EXPECT_EQ(mode(0755, true), CheckGrade::kNote);
  EXPECT_EQ(mode(0770, true), CheckGrade::kFailure);
  EXPECT_THAT(Find(CheckFolder(folder, true), "free-space").what, HasSubstr("MiB free"));
  fs::remove(folder);
}

TEST(DoctorTest, PartitionsThatABackupCannotRead) {
  kafka::FakeCluster fake({.brokers = 1});
  fake.With([](kafka::FakeWorld& world) { world.AddTopic("orders", 2); });
  auto cluster = kafka::Cluster::Connect(fake.config(), {});
  ASSERT_TRUE(cluster.ok());
  auto checks = CheckCluster(**cluster, {});
  ASSERT_TRUE(checks.ok());
  EXPECT_EQ(Find(*checks, "leaderless-partitions").grade, CheckGrade::kOk);
  fake.With([](kafka::FakeWorld& world) { world.topics["orders"].partitions[1].leader = -1; });
  checks = CheckCluster(**cluster, {});
  ASSERT_TRUE(checks.ok());
  EXPECT_EQ(Find(*checks, "leaderless-partitions").grade, CheckGrade::kFailure);
  EXPECT_EQ(Find(*checks, "leaderless-partitions").what, "1: orders-1");
}

}  // namespace
}  // namespace maxbrod::engine
