#include "kafka/oauthbearer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/hash.h"
#include "kafka/connection.h"
#include "kafka/fake_broker_testing.h"
#include "kafka/messages/sasl_authenticate.h"
#include "kafka/messages/sasl_handshake.h"

namespace maxbrod::kafka {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string Say(SaslClient& client, std::string_view challenge) {
  auto message = client.Step(AsBytes(challenge));
  return message.ok() ? ToString(*message) : "error: " + message.status().ToString();
}

// RFC 7628, section 4.1, without the parts that Kafka leaves out.
TEST(OAuthBearer, TheFirstMessage) {
  auto client = MakeOAuthBearerClient({"vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", {}});
  ASSERT_TRUE(client.ok());
  EXPECT_EQ(Say(**client, ""),
            "n,,\x01"
            "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01");
  EXPECT_FALSE((*client)->complete());
  EXPECT_EQ(Say(**client, ""), "");
  EXPECT_TRUE((*client)->complete());
}

TEST(OAuthBearer, ExtensionsFollowTheToken) {
  auto client = MakeOAuthBearerClient({"t", {{"logicalCluster", "lkc 1"}, {"a", "b"}}});
  ASSERT_TRUE(client.ok());
  EXPECT_EQ(Say(**client, ""),
            "n,,\x01"
            "auth=Bearer t\x01"
            "a=b\x01logicalCluster=lkc 1\x01\x01");
}

TEST(OAuthBearer, ARefusalIsAnsweredAndTold) {
  auto client = MakeOAuthBearerClient({"t", {}});
  ASSERT_TRUE(client.ok());
  Say(**client, "");
  EXPECT_EQ(Say(**client, R"({"status":"invalid_token"})"), "\x01");
  EXPECT_FALSE((*client)->complete());
  EXPECT_THAT(Say(**client, R"({"status":"invalid_token"})"),
              HasSubstr("error: the broker refused"));
}

TEST(OAuthBearer, WhatTheMessageCannotCarryIsRefusedUnseen) {
  const SaslToken cases[] = {{"", {}},
                             {"to\x01ken", {}},
                             {"to ken", {}},
                             {"t", {{"auth", "x"}}},
                             {"t", {{"a1", "x"}}},
                             {"t", {{"a", "x\x01y"}}}};
  for (const SaslToken& token : cases) {
    auto client = MakeOAuthBearerClient(token);
    ASSERT_FALSE(client.ok());
    EXPECT_THAT(client.status().message(), Not(HasSubstr("ken\x01")));
  }
}

TEST(MskIam, OneMessageAndAnAnswerOfTheRightVersion) {
  auto client = MakeMskIamClient({"{payload}", {}});
  ASSERT_TRUE(client.ok());
  EXPECT_EQ(Say(**client, ""), "{payload}");
  EXPECT_EQ(Say(**client, R"({"version":"2020_10_22","request-id":"x"})"), "");
  EXPECT_TRUE((*client)->complete());
  for (const char* answer : {"", "{}", R"({"version":"2021"})"}) {
    auto other = MakeMskIamClient({"{payload}", {}});
    Say(**other, "");
    EXPECT_THAT(Say(**other, answer), HasSubstr("error: "));
    EXPECT_FALSE((*other)->complete());
  }
}

std::string Claims(const std::string& token) {
  size_t first = token.find('.'), second = token.find('.', first + 1);
  EXPECT_EQ(second, token.size() - 1);
  EXPECT_EQ(ToString(*Base64Decode(token.substr(0, first))), R"({"alg":"none"})");
  return ToString(*Base64Decode(token.substr(first + 1, second - first - 1)));
}

TEST(UnsecuredTokens, ClaimsOfEachKind) {
  FakeClock clock(1'700'000'000'123);
  auto tokens = MakeUnsecuredTokens({{"unsecuredLoginStringClaim_sub", "al\"ice\n"},
                                     {"unsecuredLoginNumberClaim_n", "-1.5"},
                                     {"unsecuredLoginListClaim_scope", "|a|b"},
                                     {"unsecuredLoginLifetimeSeconds", "60"},
                                     {"unsecuredLoginExtension_traceId", "123"},
                                     {"refreshTicket", "x"}},
                                    clock);
  ASSERT_TRUE(tokens.ok()) << tokens.status().ToString();
  auto token = (*tokens)->Get({}, {});
  ASSERT_TRUE(token.ok());
  EXPECT_EQ(
      Claims(token->text),
      R"({"exp":1700000060.123,"iat":1700000000.123,"scope":["a","b"],"n":-1.5,"sub":"al\"ice\u000a"})");
  EXPECT_EQ(token->extensions.at("traceId"), "123");
  clock.Advance(Millis(1000));
  EXPECT_THAT(Claims((*tokens)->Get({}, {})->text), HasSubstr("\"iat\":1700000001.123"));
}

TEST(UnsecuredTokens, BadOptionsAreNamed) {
  const std::pair<std::string, std::string> cases[] = {
      {"unsecuredLoginNumberClaim_n", "x"},     {"unsecuredLoginNumberClaim_n", "inf"},
      {"unsecuredLoginLifetimeSeconds", "1h"},  {"unsecuredLoginStringClaim_exp", "1"},
      {"unsecuredLoginExtension_auth", "x"},    {"unsecuredLoginWhatever", "x"},
      {"unsecuredLoginPrincipalClaimName", "u"}};
  for (const auto& option : cases) {
    auto tokens = MakeUnsecuredTokens({option, {"unsecuredLoginStringClaim_sub", "a"}});
    EXPECT_EQ(tokens.status().code(), Code::kInvalidArgument) << option.first;
  }
  EXPECT_THAT(MakeUnsecuredTokens({}).status().message(), HasSubstr("StringClaim_sub"));
}

// A listener of MSK: what arrives is kept, and answered as MSK's brokers do.
class Tokens : public TokenSource {
 public:
  Result<SaslToken> Get(const HostPort& broker, const CallContext&) override {
    return SaslToken{"signed for " + broker.host, {}};
  }
};

TEST(MskIam, TheHandshakeOnAConnection) {
  FakeCluster fake({.username = "unused", .password = "unused"});
  fake.Once(SaslHandshakeRequest::kApi.key,
            FakeEdit<SaslHandshakeResponse>([](auto& response) { response.error_code = 0; }));
  std::string seen;
  fake.Once(SaslAuthenticateRequest::kApi.key, [&](const FakeRequest& request) {
    seen = ToString(request.As<SaslAuthenticateRequest>().auth_bytes);
    return FakeEdit<SaslAuthenticateResponse>([](auto& response) {
      std::string answer = R"({"version":"2020_10_22","request-id":"1"})";
      response.error_code = 0;
      response.auth_bytes.assign(answer.begin(), answer.end());
    })(request);
  });
  ClientConfig config = fake.config();
  config.sasl_mechanism = SaslMechanism::kAwsMskIam;
  config.token_source = std::make_shared<Tokens>();
  auto connection = Connection::Open(config, fake.address(1), {});
  EXPECT_TRUE(connection.ok()) << connection.status().ToString();
  EXPECT_EQ(seen, "signed for " + fake.address(1).host);
}

TEST(OAuthBearer, ARefusalOnAConnectionHidesTheToken) {
  FakeCluster fake({.username = "unused", .password = "unused"});
  fake.Once(SaslHandshakeRequest::kApi.key,
            FakeEdit<SaslHandshakeResponse>([](auto& response) { response.error_code = 0; }));
  ClientConfig config = fake.config();
  config.sasl_mechanism = SaslMechanism::kOAuthBearer;
  auto tokens = MakeUnsecuredTokens({{"unsecuredLoginStringClaim_sub", "alice"}});
  ASSERT_TRUE(tokens.ok());
  config.token_source = *tokens;
  Status status = Connection::Open(config, fake.address(1), {}).status();
  EXPECT_EQ(status.code(), Code::kAuthentication);
  EXPECT_THAT(status.message(), HasSubstr("the token (OAUTHBEARER)"));
  EXPECT_THAT(status.message(), Not(HasSubstr("eyJ")));
}

}  // namespace
}  // namespace maxbrod::kafka
