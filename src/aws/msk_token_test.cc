#include "aws/msk_token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "aws/credentials_fake_testing.h"
#include "aws/credentials_oidc.h"
#include "codec/hash.h"

namespace maxbrod::aws {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const Credentials kKeys{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "", 0, ""};

Credentials WithToken(const std::string& token) {
  Credentials credentials = kKeys;
  credentials.session_token = token;
  return credentials;
}

// What aws-msk-iam-sasl-signer-python 1.0.2 gave for these keys at 2026-11-22T12:34:56Z;
// tests/test_aws_msk_signers.py compares with the packages themselves.
TEST(MskToken, ThoseOfThePythonSigner) {
  MskSigning signing{"eu-west-1", 1'795'350'896'000, "aws-msk-iam-sasl-signer-python/1.0.2"};
  EXPECT_EQ(ToString(*Base64Decode(*MskOAuthToken(kKeys, signing))),
            "https://kafka.eu-west-1.amazonaws.com/?Action=kafka-cluster%3AConnect&X-Amz-Algorithm="
            "AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20261122%2Feu-west-1%2Fkafka-cluster%"
            "2Faws4_request&X-Amz-Date=20261122T123456Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&"
            "X-Amz-Signature=75945aa957540b1b38834d04bbd814855b17f88f0572826880393933f477970c&User-"
            "Agent=aws-msk-iam-sasl-signer-python%2F1.0.2");
  EXPECT_THAT(ToString(*Base64Decode(*MskOAuthToken(WithToken("tok/en+with=special"), signing))),
              HasSubstr("&X-Amz-SignedHeaders=host&X-Amz-Security-Token=tok%2Fen%2Bwith%3Dspecial&"
                        "X-Amz-Signature="
                        "f82d72a9e4ef2a8feee90c0a671261b243c43452a6fb0f114537ef6626c840a5&"));
}

// What aws-msk-iam-auth 2.3.2 gave.
TEST(MskToken, ThatOfTheJavaSigner) {
  MskSigning signing{"us-east-1", 1'795'385'287'000, "x"};
  EXPECT_EQ(
      *MskIamMessage(kKeys, "b-1.x.kafka.us-east-1.amazonaws.com", signing),
      R"({"x-amz-date":"20261122T220807Z","x-amz-signedheaders":"host",)"
      R"("x-amz-signature":"fa2fb14219dfc0f8f6fe27d32c7ec546b010c4153ce2ac2fb0203e059170884a",)"
      R"("host":"b-1.x.kafka.us-east-1.amazonaws.com","action":"kafka-cluster:Connect",)"
      R"("x-amz-expires":"900","version":"2020_10_22","x-amz-algorithm":"AWS4-HMAC-SHA256",)"
      R"("x-amz-credential":"AKIDEXAMPLE/20261122/us-east-1/kafka-cluster/aws4_request",)"
      R"("user-agent":"x"})");
  signing.now_ms += 1000;
  std::string message = *MskIamMessage(WithToken("tok/en+with=sp ecial"),
                                       "b-1.x.kafka.us-east-1.amazonaws.com", signing);
  EXPECT_THAT(message,
              HasSubstr("\"20d90d8dcdb711c30ff410101eefe8de7ac40c8627e0054867a2768ae26b96c2\""));
  EXPECT_THAT(message,
              HasSubstr(R"("900","x-amz-security-token":"tok/en+with=sp ecial","version")"));
}

TEST(MskToken, RegionsInBrokersNames) {
  EXPECT_EQ(RegionOfBroker("b-1.orders.abc.c2.kafka.eu-west-1.amazonaws.com"), "eu-west-1");
  EXPECT_EQ(RegionOfBroker("boot-x.c3.kafka-serverless.us-east-1.amazonaws.com"), "us-east-1");
  EXPECT_EQ(RegionOfBroker("b-1.o.c2.kafka.cn-north-1.amazonaws.com.cn"), "cn-north-1");
  for (const char* host : {"localhost", "", ".amazonaws.com", "x.amazonaws.com",
                           "ec2.eu-west-1.amazonaws.com", "10.0.0.1"})
    EXPECT_EQ(RegionOfBroker(host), "") << host;
}

TEST(MskToken, EachOneIsNew) {
  FakeWorldOfAws world;
  world.environment.variables["AWS_ACCESS_KEY_ID"] = "AK";
  world.environment.variables["AWS_SECRET_ACCESS_KEY"] = "s";
  auto tokens = MakeMskTokens(world.needs, kafka::SaslMechanism::kOAuthBearer, {}, "eu-west-1");
  ASSERT_TRUE(tokens.ok());
  std::string first = (*tokens)->Get({"10.0.0.1", 9098}, {})->text;
  EXPECT_THAT(ToString(*Base64Decode(first)), StartsWith("https://kafka.eu-west-1."));
  world.clock.Advance(Millis(1000));
  EXPECT_NE((*tokens)->Get({"10.0.0.1", 9098}, {})->text, first);
  std::string other = (*tokens)->Get({"b-1.o.c2.kafka.us-east-2.amazonaws.com", 9098}, {})->text;
  EXPECT_THAT(ToString(*Base64Decode(other)), StartsWith("https://kafka.us-east-2."));
}

TEST(MskToken, OptionsOfTheLoginModule) {
  FakeWorldOfAws world;
  world.environment.files["/home/a/.aws/config"] =
      "[profile x]\naws_access_key_id=AKX\naws_secret_access_key=s\n";
  auto tokens = MakeMskTokens(world.needs, kafka::SaslMechanism::kAwsMskIam,
                              {{"awsProfileName", "x"}, {"awsDebugCreds", "true"}}, "eu-west-1");
  ASSERT_TRUE(tokens.ok());
  EXPECT_THAT((*tokens)->Get({"h", 1}, {})->text, HasSubstr("\"AKX/"));
  auto unknown = MakeMskTokens(world.needs, kafka::SaslMechanism::kAwsMskIam, {{"awsSecret", "x"}});
  EXPECT_THAT(unknown.status().message(), HasSubstr("no option awsSecret"));
  // Keys of the module assume its role.
  world.handler = [](const SeenRequest&) {
    return Answer(403, "<Error><Code>AccessDenied</Code></Error>");
  };
  tokens = MakeMskTokens(world.needs, kafka::SaslMechanism::kAwsMskIam,
                         {{"awsRoleArn", "arn:r"},
                          {"awsRoleAccessKeyId", "AKJAAS"},
                          {"awsRoleSecretAccessKey", "topsecret"},
                          {"awsStsRegion", "eu-west-3"}});
  ASSERT_TRUE(tokens.ok());
  Status status = (*tokens)->Get({"h", 1}, {}).status();
  EXPECT_EQ(status.code(), Code::kPermission);
  EXPECT_THAT(status.message() + status.hint(), Not(HasSubstr("topsecret")));
  EXPECT_EQ(world.http.seen()[0].url, "https://sts.eu-west-3.amazonaws.com/");
  EXPECT_THAT(world.http.seen()[0].Header("authorization"), HasSubstr("Credential=AKJAAS/"));
}

kafka::TokenLogin OidcLogin() {
  kafka::TokenLogin login;
  login.kind = kafka::TokenKind::kClientCredentials;
  login.endpoint_url = "https://idp/token";
  login.options = {
      {"clientId", "me"}, {"clientSecret", "s3cret"}, {"scope", "a b"}, {"extension_pool", "p"}};
  return login;
}

TEST(ClientCredentials, KeptForFourFifthsOfTheirLife) {
  FakeWorldOfAws world;
  int calls = 0;
  world.handler = [&](const SeenRequest&) {
    return Answer(200,
                  R"({"access_token":"t)" + std::to_string(++calls) + R"(","expires_in":100})");
  };
  auto tokens = MakeClientCredentialsTokens(world.needs, OidcLogin());
  ASSERT_TRUE(tokens.ok());
  auto token = (*tokens)->Get({}, {});
  EXPECT_EQ(token->text, "t1");
  EXPECT_EQ(token->extensions.at("pool"), "p");
  EXPECT_EQ(world.http.seen()[0].body, "grant_type=client_credentials&scope=a%20b");
  EXPECT_EQ(world.http.seen()[0].Header("authorization"),
            "Basic " + Base64Encode(AsBytes("me:s3cret")));
  world.clock.Advance(Millis(79'999));
  EXPECT_EQ((*tokens)->Get({}, {})->text, "t1");
  world.clock.Advance(Millis(1));
  EXPECT_EQ((*tokens)->Get({}, {})->text, "t2");
}

TEST(ClientCredentials, RefusalsAndWhatIsMissing) {
  FakeWorldOfAws world;
  world.handler = [](const SeenRequest&) {
    return Answer(401, R"({"error":"invalid_client","error_description":"no such client"})");
  };
  auto tokens = MakeClientCredentialsTokens(world.needs, OidcLogin());
  Status status = (*tokens)->Get({}, {}).status();
  EXPECT_EQ(status.code(), Code::kAuthentication);
  EXPECT_THAT(status.message(), HasSubstr("invalid_client, no such client"));
  EXPECT_THAT(status.message() + status.hint(), Not(HasSubstr("s3cret")));
  kafka::TokenLogin login = OidcLogin();
  login.endpoint_url = "http://idp/token";
  EXPECT_THAT(MakeClientCredentialsTokens(world.needs, login).status().message(),
              HasSubstr("https"));
  login = OidcLogin();
  login.options.erase("clientId");
  EXPECT_FALSE(MakeClientCredentialsTokens(world.needs, login).ok());
}

}  // namespace
}  // namespace maxbrod::aws
