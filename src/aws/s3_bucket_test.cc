#include "aws/s3_bucket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "aws/bucket_server_testing.h"

namespace maxbrod::aws {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kNamespace = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";

class S3BucketTest : public ::testing::Test {
 protected:
  BucketServerForTests server_;
  std::shared_ptr<S3Client> client_ = server_.client();
  S3Bucket bucket_{*client_};
  CallContext context_;
};

TEST_F(S3BucketTest, WhatWasNeverSetIsAnsweredAsSuch) {
  EXPECT_EQ(*bucket_.GetVersioning(context_), Versioning::kNever);
  EXPECT_TRUE(bucket_.GetLifecycle(context_)->rules.empty());
  EXPECT_FALSE(bucket_.GetObjectLock(context_)->enabled);
  EXPECT_EQ(bucket_.GetEncryption(context_)->sse, "");
  EXPECT_FALSE(bucket_.GetPublicAccessBlock(context_)->all());
  server_.documents["versioning"] = "<VersioningConfiguration/>";
  EXPECT_EQ(*bucket_.GetVersioning(context_), Versioning::kNever);
}

TEST_F(S3BucketTest, Versioning) {
  ASSERT_TRUE(bucket_.EnableVersioning(context_).ok());
  EXPECT_EQ(server_.documents["versioning"],
            std::string("<VersioningConfiguration ") + kNamespace +
                "><Status>Enabled</Status></VersioningConfiguration>");
  EXPECT_EQ(server_.headers["x-amz-sdk-checksum-algorithm"], "CRC32C");
  EXPECT_EQ(server_.headers["x-amz-checksum-crc32c"].size(), 8u);
  EXPECT_EQ(*bucket_.GetVersioning(context_), Versioning::kEnabled);
  server_.documents["versioning"] =
      "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
  EXPECT_EQ(*bucket_.GetVersioning(context_), Versioning::kSuspended);
}

TEST_F(S3BucketTest, ObjectLock) {
  ASSERT_TRUE(bucket_.PutObjectLock({true, "COMPLIANCE", 35}, context_).ok());
  auto lock = bucket_.GetObjectLock(context_);
  EXPECT_TRUE(lock->enabled);
  EXPECT_EQ(lock->mode, "COMPLIANCE");
  EXPECT_EQ(lock->days, 35);
  ASSERT_TRUE(bucket_.PutObjectLock({true, "", 0}, context_).ok());
  EXPECT_EQ(bucket_.GetObjectLock(context_)->mode, "");
  EXPECT_THAT(server_.documents["object-lock"], Not(HasSubstr("Rule")));
  server_.documents["object-lock"] =
      "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>"
      "<DefaultRetention><Mode>GOVERNANCE</Mode><Years>2</Years></DefaultRetention></Rule>"
      "</ObjectLockConfiguration>";
  EXPECT_EQ(bucket_.GetObjectLock(context_)->days, 730);
}

TEST_F(S3BucketTest, EncryptionAndPublicAccess) {
  ASSERT_TRUE(bucket_.PutEncryption({"aws:kms", "arn:aws:kms:x", true}, context_).ok());
  auto encryption = bucket_.GetEncryption(context_);
  EXPECT_EQ(encryption->sse, "aws:kms");
  EXPECT_EQ(encryption->kms_key_id, "arn:aws:kms:x");
  EXPECT_TRUE(encryption->bucket_key);
  ASSERT_TRUE(bucket_.PutPublicAccessBlock({true, true, true, true}, context_).ok());
  EXPECT_TRUE(bucket_.GetPublicAccessBlock(context_)->all());
  ASSERT_TRUE(bucket_.PutPublicAccessBlock({true, true, false, true}, context_).ok());
  EXPECT_FALSE(bucket_.GetPublicAccessBlock(context_)->all());
}

TEST_F(S3BucketTest, RegionsByTheirNames) {
  auto region = [&](const char* text) {
    server_.documents["location"] =
        std::string("<LocationConstraint>") + text + "</LocationConstraint>";
    return *bucket_.GetRegion(context_);
  };
  EXPECT_EQ(region(""), "us-east-1");
  EXPECT_EQ(region("EU"), "eu-west-1");
  EXPECT_EQ(region("ap-south-1"), "ap-south-1");
}

TEST_F(S3BucketTest, ForeignRulesGoThroughUnchanged) {
  const std::string foreign =
      "<Rule><ID>theirs &amp; mine</ID><Filter><And><Prefix>a/</Prefix><Tag><Key>k</Key><Value>v"
      "</Value></Tag></And></Filter><Status>Enabled</Status><NoncurrentVersionTransition>"
      "<NewerNoncurrentVersions>3</NewerNoncurrentVersions><NoncurrentDays>9</NoncurrentDays>"
      "<StorageClass>GLACIER_IR</StorageClass></NoncurrentVersionTransition></Rule>";
  server_.documents["lifecycle"] =
      "<LifecycleConfiguration>\n  " + foreign + "\n</LifecycleConfiguration>";
  server_.minimum_size = "varies_by_storage_class";
  auto lifecycle = bucket_.GetLifecycle(context_);
  ASSERT_EQ(lifecycle->rules.size(), 1u);
  LifecycleRule rule = ParseLifecycleRule(lifecycle->rules[0]);
  EXPECT_EQ(rule.id, "theirs & mine");
  EXPECT_EQ(rule.prefix, "a/");
  EXPECT_TRUE(rule.by_tag);
  LifecycleRule ours;
  ours.id = "maxbrod-x";
  ours.prefix = "b/pack/";
  ours.size_greater_than = 131071;
  ours.transitions = {{30, "GLACIER"}};
  lifecycle->rules.push_back(ToXmlElement(ours));
  ASSERT_TRUE(bucket_.PutLifecycle(*lifecycle, context_).ok());
  EXPECT_THAT(server_.documents["lifecycle"], HasSubstr(foreign));
  EXPECT_EQ(server_.headers["x-amz-transition-default-minimum-object-size"],
            "varies_by_storage_class");
  EXPECT_EQ(ParseLifecycleRule(bucket_.GetLifecycle(context_)->rules[1]), ours);
  lifecycle->rules.clear();
  ASSERT_TRUE(bucket_.PutLifecycle(*lifecycle, context_).ok());
  EXPECT_FALSE(server_.documents.contains("lifecycle"));
}

TEST_F(S3BucketTest, OurRulesSurviveTheWayThroughXml) {
  LifecycleRule versions;
  versions.id = "v";
  versions.noncurrent_days = 30;
  versions.removes_delete_markers = true;
  EXPECT_EQ(ParseLifecycleRule(ToXmlElement(versions)), versions);
  LifecycleRule uploads;
  uploads.prefix = "p/";
  uploads.abort_days = 7;
  uploads.enabled = false;
  EXPECT_EQ(ParseLifecycleRule(ToXmlElement(uploads)), uploads);
}

TEST_F(S3BucketTest, ErrorsNameTheActionOrSayThatThereIsNoSuchThing) {
  server_.denied = {"lifecycle", "versioning", "encryption", "object-lock", "publicAccessBlock"};
  auto told = [](const Status& status) {
    EXPECT_EQ(status.code(), Code::kPermission);
    return status.message();
  };
  EXPECT_THAT(told(bucket_.GetLifecycle(context_).status()),
              HasSubstr("s3:GetLifecycleConfiguration is denied"));
  EXPECT_THAT(told(bucket_.PutLifecycle({}, context_)), HasSubstr("s3:PutLifecycleConfiguration"));
  EXPECT_THAT(told(bucket_.GetVersioning(context_).status()), HasSubstr("s3:GetBucketVersioning"));
  EXPECT_THAT(told(bucket_.EnableVersioning(context_)), HasSubstr("s3:PutBucketVersioning"));
  EXPECT_THAT(told(bucket_.GetEncryption(context_).status()),
              HasSubstr("s3:GetEncryptionConfiguration"));
  EXPECT_THAT(told(bucket_.PutEncryption({"AES256", "", false}, context_)),
              HasSubstr("s3:PutEncryptionConfiguration"));
  EXPECT_THAT(told(bucket_.GetObjectLock(context_).status()),
              HasSubstr("s3:GetBucketObjectLockConfiguration"));
  EXPECT_THAT(told(bucket_.PutObjectLock({true, "", 0}, context_)),
              HasSubstr("s3:PutBucketObjectLockConfiguration"));
  EXPECT_THAT(told(bucket_.GetPublicAccessBlock(context_).status()),
              HasSubstr("s3:GetBucketPublicAccessBlock"));
  EXPECT_THAT(told(bucket_.PutPublicAccessBlock({}, context_)),
              HasSubstr("s3:PutBucketPublicAccessBlock"));
  server_.unsupported = {"lifecycle"};
  EXPECT_EQ(bucket_.GetLifecycle(context_).status().code(), Code::kUnsupported);
  server_.denied.clear();
  server_.documents["versioning"] = "<ListBucketResult/>";
  EXPECT_EQ(bucket_.GetVersioning(context_).status().code(), Code::kUnsupported);
  server_.documents["versioning"] = "<SomethingElse/>";
  EXPECT_EQ(bucket_.GetVersioning(context_).status().code(), Code::kProtocol);
}

TEST_F(S3BucketTest, TriesTellAllowedFromDenied) {
  server_.objects["pre/config"] = "bytes";
  auto tried = [&](BucketTry what, const std::string& key) {
    auto result = bucket_.Try(what, key, context_);
    EXPECT_TRUE(result.ok()) << result.status().message();
    return result.ok() ? result->access : Access::kUnclear;
  };
  auto all = [&] {
    return std::vector<Access>{tried(BucketTry::kList, "pre/"),
                               tried(BucketTry::kListVersions, "pre/"),
                               tried(BucketTry::kListUploads, "pre/"),
                               tried(BucketTry::kGet, "pre/config"),
                               tried(BucketTry::kGetVersion, "pre/config"),
                               tried(BucketTry::kGetRetention, "pre/config"),
                               tried(BucketTry::kRestore, "pre/config"),
                               tried(BucketTry::kDelete, "probe/x"),
                               tried(BucketTry::kDeleteVersion, "probe/x"),
                               tried(BucketTry::kAbortUpload, "probe/x")};
  };
  EXPECT_THAT(all(), ::testing::Each(Access::kAllowed));
  server_.denied = {"GET list-type",  "GET max-keys",    "GET max-uploads",
                    "GET pre/config", "POST pre/config", "DELETE probe/x"};
  EXPECT_THAT(all(), ::testing::Each(Access::kDenied));
  EXPECT_EQ(server_.objects["pre/config"], "bytes");
  server_.denied = {"DELETE probe/x?versionId"};
  EXPECT_EQ(tried(BucketTry::kDelete, "probe/x"), Access::kAllowed);
  EXPECT_EQ(tried(BucketTry::kDeleteVersion, "probe/x"), Access::kDenied);
}

}  // namespace
}  // namespace maxbrod::aws
