#include "kafka/sasl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/hash.h"

namespace maxbrod::kafka {
namespace {

using testing::HasSubstr;
using testing::Not;

std::unique_ptr<SaslClient> Scram(SaslMechanism mechanism, const std::string& user,
                                  const std::string& password, const std::string& nonce) {
  auto client = SaslClient::CreateScram(mechanism, user, password, nonce);
  EXPECT_TRUE(client.ok()) << client.status().ToString();
  return std::move(client).value();
}

std::string Say(SaslClient& client, std::string_view challenge) {
  auto message = client.Step(AsBytes(challenge));
  return message.ok() ? ToString(*message) : "error: " + message.status().ToString();
}

TEST(Sasl, PlainIsOneMessage) {
  auto client = SaslClient::Create(SaslMechanism::kPlain, "tim", "tanstaaftanstaaf");
  ASSERT_TRUE(client.ok());
  EXPECT_FALSE((*client)->complete());
  auto message = (*client)->Step({});
  ASSERT_TRUE(message.ok());
  EXPECT_EQ(ToString(*message), std::string("\0tim\0tanstaaftanstaaf", 21));
  EXPECT_TRUE((*client)->complete());
  EXPECT_EQ((*client)->Step({}).status().code(), Code::kProtocol);
}

TEST(Sasl, WhatPlainCannotCarryIsRefused) {
  EXPECT_FALSE(SaslClient::Create(SaslMechanism::kPlain, "", "x").ok());
  EXPECT_FALSE(SaslClient::Create(SaslMechanism::kPlain, std::string("a\0b", 3), "x").ok());
  EXPECT_FALSE(SaslClient::Create(SaslMechanism::kScramSha256, "", "x").ok());
}

// RFC 7677, section 3.
TEST(Scram, ExampleOfRfc7677) {
  auto client = Scram(SaslMechanism::kScramSha256, "user", "pencil", "rOprNGfwEbeRWgbNEkqO");
  EXPECT_EQ(Say(*client, ""), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  EXPECT_EQ(
      Say(*client,
          "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
      "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  EXPECT_FALSE(client->complete());
  EXPECT_EQ(Say(*client, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), "");
  EXPECT_TRUE(client->complete());
}

TEST(Scram, NamesAreEscaped) {
  auto client = Scram(SaslMechanism::kScramSha512, "a=b,c", "pencil", "N");
  EXPECT_EQ(Say(*client, ""), "n,,n=a=3Db=2Cc,r=N");
}

// An independent computation of the server's side, to see that SHA-512 fits together.
TEST(Scram, Sha512ProofAndServerSignature) {
  auto client = Scram(SaslMechanism::kScramSha512, "user", "pencil", "abc");
  std::string first = Say(*client, "").substr(3);
  std::string server_first = "r=abcdef,s=" + Base64Encode(AsBytes("salt")) + ",i=4097";
  std::string final = Say(*client, server_first);
  ASSERT_THAT(final, HasSubstr("c=biws,r=abcdef,p="));
  Bytes salted = Pbkdf2(Prf::kHmacSha512, AsBytes("pencil"), AsBytes("salt"), 4097, 64);
  std::string message = first + "," + server_first + ",c=biws,r=abcdef";
  Sha512Digest client_key = HmacSha512(salted, AsBytes("Client Key"));
  Sha512Digest signature = HmacSha512(Sha512(client_key), AsBytes(message));
  auto proof = Base64Decode(final.substr(final.find(",p=") + 3));
  ASSERT_TRUE(proof.ok());
  ASSERT_EQ(proof->size(), signature.size());
  for (size_t i = 0; i < signature.size(); ++i) (*proof)[i] ^= signature[i];
  EXPECT_TRUE(ConstantTimeEqual(*proof, client_key));
  Sha512Digest server = HmacSha512(HmacSha512(salted, AsBytes("Server Key")), AsBytes(message));
  EXPECT_EQ(Say(*client, "v=" + Base64Encode(server)), "");
  EXPECT_TRUE(client->complete());
}

TEST(Scram, AServerThatDoesNotKnowThePasswordIsRefused) {
  auto client = Scram(SaslMechanism::kScramSha256, "user", "pencil", "rOprNGfwEbeRWgbNEkqO");
  Say(*client, "");
  Say(*client,
      "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
  std::string forged = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=";
  auto result = client->Step(AsBytes(Base64Encode(Sha256(AsBytes(forged)))));
  EXPECT_EQ(result.status().code(), Code::kProtocol);  // no "v=" at all
  result = client->Step(AsBytes("v=" + Base64Encode(Sha256(AsBytes(forged)))));
  EXPECT_EQ(result.status().code(), Code::kAuthentication);
  EXPECT_THAT(result.status().message(), Not(HasSubstr("pencil")));
  EXPECT_FALSE(client->complete());
}

TEST(Scram, ServerErrorsAreReported) {
  auto client = Scram(SaslMechanism::kScramSha256, "user", "pencil", "abc");
  Say(*client, "");
  EXPECT_EQ(client->Step(AsBytes("e=unknown-user")).status().code(), Code::kAuthentication);
}

TEST(Scram, BadFirstMessagesAreRefused) {
  const char* kBad[] = {
      "",
      "r=abc,s=c2FsdA==,i=4096",          // nothing added to our nonce
      "r=xyzabc,s=c2FsdA==,i=4096",       // somebody else's nonce
      "r=abcd,s=c2FsdA==,i=4095",         // too few
      "r=abcd,s=c2FsdA==,i=1000001",      // too many
      "r=abcd,s=c2FsdA==,i=99999999999",  // does not fit
      "r=abcd,s=c2FsdA==,i=4096x",
      "r=abcd,s=c2FsdA==,i=",
      "r=abcd,s=,i=4096",
      "r=abcd,s=!!,i=4096",
      "s=c2FsdA==,r=abcd,i=4096",  // the order is fixed
      "m=ext,r=abcd,s=c2FsdA==,i=4096",
  };
  for (const char* bad : kBad) {
    auto client = Scram(SaslMechanism::kScramSha256, "user", "pencil", "abc");
    Say(*client, "");
    EXPECT_EQ(client->Step(AsBytes(bad)).status().code(), Code::kProtocol) << bad;
    EXPECT_FALSE(client->complete());
  }
}

// Salt and iterations of RFC 7677's example.
TEST(Scram, SaltedPassword) {
  auto salt = Base64Decode("W22ZaJ0SNY7soEsUEjb6gQ==");
  ASSERT_TRUE(salt.ok());
  auto salted = ScramSaltedPassword(SaslMechanism::kScramSha256, "pencil", *salt, 4096);
  ASSERT_TRUE(salted.ok());
  EXPECT_EQ(ToHex(*salted), "c4a49510323ab4f952cac1fa99441939e78ea74d6be81ddf7096e87513dc615d");
  auto code = [&](SaslMechanism mechanism, std::string_view password, uint32_t iterations) {
    return ScramSaltedPassword(mechanism, password, *salt, iterations).status().code();
  };
  EXPECT_EQ(code(SaslMechanism::kPlain, "pencil", 4096), Code::kInvalidArgument);
  EXPECT_EQ(code(SaslMechanism::kScramSha512, "", 4096), Code::kInvalidArgument);
  EXPECT_EQ(code(SaslMechanism::kScramSha512, "pencil", 4095), Code::kInvalidArgument);
  EXPECT_EQ(code(SaslMechanism::kScramSha512, "pencil", 4096), Code::kOk);
}

TEST(Scram, NoncesDiffer) {
  auto one = SaslClient::Create(SaslMechanism::kScramSha256, "u", "p");
  auto two = SaslClient::Create(SaslMechanism::kScramSha256, "u", "p");
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_NE(Say(**one, ""), Say(**two, ""));
}

}  // namespace
}  // namespace maxbrod::kafka
