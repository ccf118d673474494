#include "codec/hash.h"

#include <gtest/gtest.h>

#include <set>

namespace maxbrod {
namespace {

Bytes Repeat(uint8_t byte, size_t n) {
  return Bytes(n, byte);
}

// FIPS 180-4 examples.
TEST(Sha, KnownDigests) {
  EXPECT_EQ(ToHex(Sha256(AsBytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(ToHex(Sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(ToHex(Sha512(AsBytes("abc"))),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

TEST(Sha, PiecesMakeTheWholeAndFinishBeginsAnew) {
  Sha256Hasher hasher;
  hasher.Update(AsBytes("a"));
  hasher.Update({});
  hasher.Update(AsBytes("bc"));
  EXPECT_EQ(hasher.Finish(), Sha256(AsBytes("abc")));
  EXPECT_EQ(hasher.Finish(), Sha256({}));
  hasher.Update(Repeat('x', 100000));
  Sha256Hasher moved = std::move(hasher);
  EXPECT_EQ(moved.Finish(), Sha256(Repeat('x', 100000)));
}

// RFC 4231, cases 1, 2 and 6.
TEST(Hmac, KnownDigests) {
  EXPECT_EQ(ToHex(HmacSha256(Repeat(0x0b, 20), AsBytes("Hi There"))),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(ToHex(HmacSha256(AsBytes("Jefe"), AsBytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(ToHex(HmacSha512(AsBytes("Jefe"), AsBytes("what do ya want for nothing?"))),
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
            "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
  EXPECT_EQ(ToHex(HmacSha256(Repeat(0xaa, 131),
                             AsBytes("Test Using Larger Than Block-Size Key - Hash Key First"))),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hmac, AnEmptyKeyIsNotTheOneBefore) {
  auto first = HmacSha256({}, {});
  EXPECT_EQ(ToHex(first), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
  HmacSha256(AsBytes("other"), {});
  EXPECT_EQ(HmacSha256({}, {}), first);
}

TEST(Pbkdf2, KnownKeys) {
  // RFC 7914, section 11.
  EXPECT_EQ(ToHex(Pbkdf2(Prf::kHmacSha256, AsBytes("passwd"), AsBytes("salt"), 1, 64)),
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
            "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783");
  // SaltedPassword of the SCRAM-SHA-256 exchange in RFC 7677, checked through its published proof.
  auto salt = Base64Decode("W22ZaJ0SNY7soEsUEjb6gQ==");
  ASSERT_TRUE(salt.ok());
  Bytes salted = Pbkdf2(Prf::kHmacSha256, AsBytes("pencil"), *salt, 4096, 32);
  Sha256Digest client_key = HmacSha256(salted, AsBytes("Client Key"));
  std::string auth =
      "n=user,r=rOprNGfwEbeRWgbNEkqO,"
      "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
  Sha256Digest proof = HmacSha256(Sha256(client_key), AsBytes(auth));
  for (size_t i = 0; i < proof.size(); ++i) proof[i] ^= client_key[i];
  EXPECT_EQ(Base64Encode(proof), "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  EXPECT_EQ(Pbkdf2(Prf::kHmacSha512, {}, {}, 1, 64).size(), 64u);
}

// RFC 4648, section 10.
TEST(Base64, KnownTexts) {
  const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : vectors) {
    EXPECT_EQ(Base64Encode(AsBytes(plain)), text);
    auto back = Base64Decode(text);
    ASSERT_TRUE(back.ok()) << text;
    EXPECT_EQ(ToString(*back), plain);
  }
  Bytes high = {0xfb, 0xff, 0xfe, 0xff};
  EXPECT_EQ(Base64Encode(high), "+//+/w==");
  EXPECT_EQ(Base64UrlEncode(high), "-__-_w");
  for (const char* text : {"+//+/w==", "-__-_w", "+//+/w"}) {
    auto back = Base64Decode(text);
    ASSERT_TRUE(back.ok()) << text;
    EXPECT_EQ(*back, high);
  }
}

TEST(Base64, RefusesWhatIsNotBase64) {
  for (const char* text : {"A", "AAAAA", "Zg=", "Z===", "====", "Zm9v\n", "Zm 9v",
                           "Zh==", "Zm9=", "Zg==Zg==", "Zm9v="}) {
    EXPECT_EQ(Base64Decode(text).status().code(), Code::kInvalidArgument) << text;
  }
}

TEST(Random, FillsAndDiffers) {
  std::set<Bytes> seen;
  for (int i = 0; i < 100; ++i) {
    Bytes bytes(16);
    ASSERT_TRUE(RandomBytes(bytes).ok());
    EXPECT_TRUE(seen.insert(bytes).second);
  }
  EXPECT_TRUE(RandomBytes({}).ok());
}

TEST(ConstantTime, ComparesAndWipes) {
  EXPECT_TRUE(ConstantTimeEqual({}, {}));
  EXPECT_TRUE(ConstantTimeEqual(AsBytes("abc"), AsBytes("abc")));
  EXPECT_FALSE(ConstantTimeEqual(AsBytes("abc"), AsBytes("abd")));
  EXPECT_FALSE(ConstantTimeEqual(AsBytes("abc"), AsBytes("ab")));
  Bytes secret = Repeat(0x5a, 32);
  WipeSecret(secret);
  EXPECT_EQ(secret, Bytes(32, 0));
}

}  // namespace
}  // namespace maxbrod
