#include "repo/snapshot_codec.h"

#include <gtest/gtest.h>

namespace maxbrod::repo {
namespace {

SnapshotContents Empty() {
  SnapshotContents contents;
  contents.header.set_name("one");
  return contents;
}

// Each list far beyond the megabyte that a record may have.
SnapshotContents Large() {
  SnapshotContents contents = Empty();
  format::ClusterMetadata& metadata = contents.metadata;
  metadata.set_captured(true);
  metadata.set_quorum_leader(3);
  metadata.add_quorum()->set_id(3);
  metadata.add_features()->set_name("metadata.version");
  metadata.add_missing()->set_part("quotas");
  for (int i = 0; i < 40'000; ++i) {
    std::string name = "name-" + std::to_string(i) + std::string(60, 'x');
    format::Acl* acl = metadata.add_acls();
    acl->set_resource_name(name);
    acl->set_principal("User:" + name);
    metadata.add_quotas()->add_entities()->set_name(name);
    metadata.add_scram_users()->set_user(name);
    metadata.add_log_dirs()->set_path("/" + name);
    format::ConfigResource* configs = metadata.add_configs();
    configs->set_name(name);
    configs->add_configs()->set_value("v");
    metadata.add_registry_subjects()->set_subject(name);
  }
  return contents;
}

TEST(SnapshotCodecTest, LargeListsGoOverSeveralRecordsAndComeBack) {
  SnapshotContents contents = Large();
  contents.groups.emplace_back().set_group("g");
  auto stored = EncodeSnapshot(contents);
  ASSERT_TRUE(stored.ok()) << stored.status().ToString();
  ASSERT_GT(contents.metadata.ByteSizeLong(), 10u << 20);
  auto decoded = DecodeSnapshot("one", *stored);
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_EQ(contents.metadata.SerializeAsString(), decoded->metadata.SerializeAsString());
  ASSERT_EQ(decoded->groups.size(), 1u);
}

TEST(SnapshotCodecTest, ASubjectWithManySchemasGoesOverSeveralRecords) {
  SnapshotContents contents = Empty();
  for (const char* name : {"a", "b", "c"}) {
    auto* subject = contents.metadata.add_registry_subjects();
    subject->set_subject(name);
    subject->set_mode("READONLY");
    for (int i = 1; i <= 40; ++i) {
      auto* version = subject->add_versions();
      version->set_version(i);
      version->set_schema(std::string(static_cast<size_t>(i) * 3'000, 's'));
    }
  }
  auto stored = EncodeSnapshot(contents);
  ASSERT_TRUE(stored.ok()) << stored.status().ToString();
  auto decoded = DecodeSnapshot("one", *stored);
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_EQ(decoded->metadata.registry_subjects_size(), 3);
  EXPECT_EQ(contents.metadata.SerializeAsString(), decoded->metadata.SerializeAsString());
}

TEST(SnapshotCodecTest, AListThatEndsAtARecordsEndIsWhole) {
  SnapshotContents contents = Empty();
  contents.metadata.set_captured(true);
  for (int i = 0; i < 3; ++i) {
    contents.metadata.add_acls()->set_resource_name(std::string(400'000, 'a'));
    contents.metadata.add_quotas()->add_entities()->set_name(std::string(500'000, 'q'));
  }
  auto stored = EncodeSnapshot(contents);
  ASSERT_TRUE(stored.ok()) << stored.status().ToString();
  auto decoded = DecodeSnapshot("one", *stored);
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_EQ(contents.metadata.SerializeAsString(), decoded->metadata.SerializeAsString());
}

TEST(SnapshotCodecTest, WithoutMetadataNothingIsWritten) {
  auto plain = EncodeSnapshot(Empty());
  ASSERT_TRUE(plain.ok());
  auto decoded = DecodeSnapshot("one", *plain);
  ASSERT_TRUE(decoded.ok());
  EXPECT_FALSE(decoded->metadata.captured());
  SnapshotContents with = Empty();
  with.metadata.set_captured(true);
  EXPECT_GT(EncodeSnapshot(with)->size(), plain->size());
}

// One element may not be larger than a record.
TEST(SnapshotCodecTest, AnElementThatCannotBeCutIsRefused) {
  SnapshotContents contents = Empty();
  contents.metadata.add_acls()->set_principal(std::string(3 << 20, 'x'));
  EXPECT_EQ(EncodeSnapshot(contents).status().code(), Code::kInternal);
}

}  // namespace
}  // namespace maxbrod::repo
