#include "aws/kms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "aws/credentials_fake_testing.h"
#include "aws/json_read.h"
#include "aws/secrets.h"
#include "codec/hash.h"

namespace maxbrod::aws {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kKey = "arn:aws:kms:eu-west-1:1:key/k1";

HttpResponse ServiceFailure(int status, const std::string& type, const std::string& message = "") {
  return Answer(status,
                R"({"__type":"com.amazonaws.kms#)" + type + R"(","message":")" + message + "\"}");
}

class Kms : public testing::Test {
 protected:
  Status Failure(const std::string& type, int http_status = 400) {
    world_.handler = [=](const SeenRequest&) {
      return ServiceFailure(http_status, type, "because");
    };
    return kms_.Decrypt(kKey, AsBytes("c"), {}, {}).status();
  }

  FakeWorldOfAws world_;
  std::shared_ptr<CredentialsProvider> credentials_ =
      std::make_shared<StaticCredentials>(Credentials{"AK", "topsecret", "", 0, ""});
  KmsClient kms_{world_.needs, credentials_, "eu-west-1"};
};

TEST_F(Kms, ADataKey) {
  std::string key(32, 'k');
  world_.handler = [&](const SeenRequest&) {
    return Answer(200, R"({"KeyId":"arn","Plaintext":")" + Base64Encode(AsBytes(key)) +
                           R"(","CiphertextBlob":")" + Base64Encode(AsBytes("cipher")) + "\"}");
  };
  auto made = kms_.GenerateDataKey(kKey, {{"repository", "r1"}}, {});
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  EXPECT_EQ(ToString(made->plaintext), key);
  EXPECT_EQ(ToString(made->ciphertext), "cipher");
  auto seen = world_.http.seen();
  EXPECT_EQ(seen[0].url, "https://kms.eu-west-1.amazonaws.com/");
  EXPECT_EQ(seen[0].Header("x-amz-target"), "TrentService.GenerateDataKey");
  EXPECT_EQ(seen[0].Header("content-type"), "application/x-amz-json-1.1");
  EXPECT_THAT(seen[0].Header("authorization"), HasSubstr("/eu-west-1/kms/aws4_request"));
  EXPECT_EQ(
      *ParseJsonObject(seen[0].body, ""),
      (nlohmann::json{
          {"KeyId", kKey}, {"NumberOfBytes", 32}, {"EncryptionContext", {{"repository", "r1"}}}}));
}

TEST_F(Kms, EachFailureIsItsOwn) {
  struct Case {
    const char* type;
    Code code;
    const char* text;
  };
  const Case cases[] = {{"AccessDeniedException", Code::kPermission, "kms:Decrypt"},
                        {"NotFoundException", Code::kNotFound, "no such key"},
                        {"DisabledException", Code::kUnavailable, "disabled"},
                        {"KMSInvalidStateException", Code::kUnavailable, "cancel-key-deletion"},
                        {"InvalidCiphertextException", Code::kCorrupt, "encryption context"},
                        {"IncorrectKeyException", Code::kInvalidArgument, "another key"},
                        {"InvalidKeyUsageException", Code::kInvalidArgument, "symmetric"},
                        {"InvalidSignatureException", Code::kAuthentication, "because"}};
  for (const Case& one : cases) {
    size_t before = world_.http.seen().size();
    Status status = Failure(one.type);
    EXPECT_EQ(status.code(), one.code) << one.type;
    EXPECT_FALSE(status.retryable()) << one.type;
    EXPECT_THAT(status.message() + " " + status.hint(), HasSubstr(one.text)) << one.type;
    EXPECT_THAT(status.message(), HasSubstr("KMS Decrypt"));
    EXPECT_THAT(status.message() + status.hint(), Not(HasSubstr("topsecret")));
    EXPECT_EQ(world_.http.seen().size(), before + 1) << one.type;
  }
}

TEST_F(Kms, WhatMayPassIsTriedAgain) {
  for (const char* type :
       {"ThrottlingException", "KMSInternalException", "KeyUnavailableException"}) {
    size_t before = world_.http.seen().size();
    Status status = Failure(type, std::string(type) == "ThrottlingException" ? 400 : 500);
    EXPECT_EQ(status.code(), Code::kUnavailable);
    EXPECT_TRUE(status.retryable());
    EXPECT_EQ(world_.http.seen().size(), before + 5) << type;
  }
  world_.handler = [](const SeenRequest&) { return NobodyThere(); };
  Status status = kms_.DescribeKey(kKey, {}).status();
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("https://kms.eu-west-1.amazonaws.com"));
  EXPECT_THAT(status.hint(), HasSubstr("AWS_REGION"));
}

TEST_F(Kms, AWrongClockIsCorrectedByTheServices) {
  world_.handler = [&](const SeenRequest& request) {
    if (request.Header("x-amz-date") == "20230101T000000Z")
      return Answer(200, R"({"KeyMetadata":{"Arn":"a","KeyState":"Disabled"}})");
    HttpResponse response =
        ServiceFailure(400, "InvalidSignatureException", "Signature expired: ...");
    response.headers = {{"date", "Sun, 01 Jan 2023 00:00:00 GMT"}};
    return response;
  };
  auto info = kms_.DescribeKey(kKey, {});
  ASSERT_TRUE(info.ok()) << info.status().ToString();
  EXPECT_FALSE(info->enabled);
  EXPECT_EQ(world_.http.seen().size(), 2u);
}

// Gives other keys once those it gave were refused.
class Renewing : public CredentialsProvider {
 public:
  Result<Credentials> Get(const CallContext&) override {
    return Credentials{"AK" + std::to_string(number_), "s", "", 0, ""};
  }
  void Refused(const Credentials&) override { ++number_; }

 private:
  int number_ = 1;
};

TEST_F(Kms, ExpiredCredentialsAreRenewedOnce) {
  KmsClient kms(world_.needs, std::make_shared<Renewing>(), "eu-west-1");
  world_.handler = [&](const SeenRequest& request) {
    if (request.Header("authorization").find("=AK2/") != std::string::npos)
      return Answer(200, R"({"KeyMetadata":{"Arn":"a","KeyState":"Enabled"}})");
    return ServiceFailure(400, "ExpiredTokenException");
  };
  EXPECT_TRUE(kms.DescribeKey(kKey, {}).ok());
  world_.handler = [&](const SeenRequest&) { return ServiceFailure(400, "ExpiredTokenException"); };
  size_t before = world_.http.seen().size();
  EXPECT_EQ(kms.DescribeKey(kKey, {}).status().code(), Code::kAuthentication);
  EXPECT_EQ(world_.http.seen().size(), before + 2);
}

TEST_F(Kms, AnswersThatAreNoneAreNotBelieved) {
  for (const char* body : {"", "[]", "{}", R"({"Plaintext":1})", R"({"Plaintext":"%"})", "\xff"}) {
    world_.handler = [=](const SeenRequest&) { return Answer(200, body); };
    EXPECT_EQ(kms_.Decrypt(kKey, AsBytes("c"), {}, {}).status().code(), Code::kProtocol) << body;
  }
}

TEST(KmsRegions, OfTheKey) {
  EXPECT_EQ(RegionOfArn(kKey), "eu-west-1");
  for (const char* text :
       {"", "alias/x", "arn:", "arn:aws:kms", "arn:aws:kms::1:key/x", "arn:aws:kms:a/b:1"})
    EXPECT_EQ(RegionOfArn(text), "") << text;
}

TEST_F(Kms, UsersInSecrets) {
  constexpr const char* kSecret = "arn:aws:secretsmanager:eu-west-1:1:secret:AmazonMSK_x";
  world_.handler = [](const SeenRequest&) {
    return Answer(200, R"({"SecretString":"{\"username\":\"alice\",\"password\":\"p\\\"w\"}"})");
  };
  auto user = ReadUserSecret(world_.needs, credentials_, kSecret, {});
  ASSERT_TRUE(user.ok()) << user.status().ToString();
  EXPECT_EQ(user->username, "alice");
  EXPECT_EQ(user->password, "p\"w");
  EXPECT_EQ(world_.http.seen()[0].Header("x-amz-target"), "secretsmanager.GetSecretValue");
  world_.handler = [](const SeenRequest&) { return Answer(200, R"({"SecretString":"hidden"})"); };
  Status status = ReadUserSecret(world_.needs, credentials_, kSecret, {}).status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(status.message(), Not(HasSubstr("hidden")));
  world_.handler = [](const SeenRequest&) { return ServiceFailure(400, "AccessDeniedException"); };
  EXPECT_THAT(ReadUserSecret(world_.needs, credentials_, kSecret, {}).status().hint(),
              HasSubstr("secretsmanager:GetSecretValue"));
}

}  // namespace
}  // namespace maxbrod::aws
