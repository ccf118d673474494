#include "codec/aead.h"

#include <gtest/gtest.h>

#include "codec/kdf.h"
#include "codec/secret.h"

namespace maxbrod {
namespace {

Bytes Hex(std::string_view text) {
  Bytes out;
  EXPECT_TRUE(FromHex(text, &out)) << text;
  return out;
}

struct Vector {
  const char *key, *nonce, *plain, *aad, *sealed, *tag;
};

// "The Galois/Counter Mode of Operation" (McGrew, Viega), test cases 13, 14 and 16.
constexpr Vector kVectors[] = {
    {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000",
     "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000",
     "00000000000000000000000000000000", "", "cea7403d4d606b6e074ec5d3baf39d18",
     "d0d1c8a799996bf0265b98b5d48ab919"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b"
     "525"
     "b16aedf5aa0de657ba637b39",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828"
     "838"
     "c5f61e6393ba7a0abcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

AeadNonce NonceOf(const char* hex) {
  AeadNonce nonce;
  Bytes bytes = Hex(hex);
  std::copy(bytes.begin(), bytes.end(), nonce.begin());
  return nonce;
}

TEST(Aead, KnownVectors) {
  for (const Vector& v : kVectors) {
    Aes256Gcm gcm(Hex(v.key));
    Bytes plain = Hex(v.plain), out(plain.size()), back(plain.size());
    ByteView piece = plain;
    AeadTag tag = gcm.Seal(NonceOf(v.nonce), Hex(v.aad), {&piece, 1}, out.data());
    EXPECT_EQ(ToHex(out), v.sealed);
    EXPECT_EQ(ToHex(tag), v.tag);
    EXPECT_TRUE(gcm.Open(NonceOf(v.nonce), Hex(v.aad), out, tag.data(), back.data()));
    EXPECT_EQ(back, plain);
  }
}

TEST(Aead, PiecesMakeTheWholeAndContextsServeAgain) {
  const Vector& v = kVectors[2];
  Aes256Gcm gcm(Hex(v.key));
  Bytes plain = Hex(v.plain), out(plain.size());
  for (size_t cut = 0; cut <= plain.size(); ++cut) {
    std::vector<ByteView> pieces = {ByteView(plain).first(cut), {}, ByteView(plain).subspan(cut)};
    AeadTag tag = gcm.Seal(NonceOf(v.nonce), Hex(v.aad), pieces, out.data());
    EXPECT_EQ(ToHex(tag), v.tag) << cut;
    EXPECT_EQ(ToHex(out), v.sealed) << cut;
  }
  // In place.
  Bytes there = plain;
  ByteView piece = there;
  AeadTag tag = gcm.Seal(NonceOf(v.nonce), Hex(v.aad), {&piece, 1}, there.data());
  EXPECT_EQ(ToHex(there), v.sealed);
  EXPECT_TRUE(gcm.Open(NonceOf(v.nonce), Hex(v.aad), there, tag.data(), there.data()));
  EXPECT_EQ(there, plain);
}

TEST(Aead, EveryFlippedBitIsNoticedAndTheContextGoesOn) {
  const Vector& v = kVectors[2];
  Aes256Gcm gcm(Hex(v.key));
  const Bytes sealed = Hex(v.sealed), tag = Hex(v.tag), aad = Hex(v.aad);
  Bytes out(sealed.size());
  auto opens = [&](ByteView s, ByteView t, ByteView a, const AeadNonce& n) {
    return gcm.Open(n, a, s, t.data(), out.data());
  };
  auto flipped = [](Bytes bytes, size_t bit) {
    bytes[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
    return bytes;
  };
  for (size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    EXPECT_FALSE(opens(flipped(sealed, bit), tag, aad, NonceOf(v.nonce)));
  }
  for (size_t bit = 0; bit < tag.size() * 8; ++bit) {
    EXPECT_FALSE(opens(sealed, flipped(tag, bit), aad, NonceOf(v.nonce)));
  }
  for (size_t bit = 0; bit < aad.size() * 8; ++bit) {
    EXPECT_FALSE(opens(sealed, tag, flipped(aad, bit), NonceOf(v.nonce)));
  }
  AeadNonce other = NonceOf(v.nonce);
  other[11] ^= 1;
  EXPECT_FALSE(opens(sealed, tag, aad, other));
  EXPECT_FALSE(opens(ByteView(sealed).first(sealed.size() - 1), tag, aad, NonceOf(v.nonce)));
  EXPECT_TRUE(opens(sealed, tag, aad, NonceOf(v.nonce)));
}

// RFC 5869, appendix A.1 and A.3.
TEST(Kdf, HkdfVectors) {
  Bytes key(22, 0x0b), salt = Hex("000102030405060708090a0b0c"), info = Hex("f0f1f2f3f4f5f6f7f8f9");
  EXPECT_EQ(ToHex(HkdfExtract(salt, key).view()),
            "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
  std::vector<ByteView> pieces = {ByteView(info).first(3), ByteView(info).subspan(3)};
  EXPECT_EQ(ToHex(Hkdf(key, salt, pieces, 42).view()),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  EXPECT_EQ(ToHex(Hkdf(key, {}, {}, 42).view()),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(Kdf, Argon2idVectors) {
  // RFC 9106, section 5.3.
  auto tag = Argon2id({3, 32, 4}, Bytes(32, 1), Bytes(16, 2), 32, Bytes(8, 3), Bytes(12, 4));
  ASSERT_TRUE(tag.ok()) << tag.status().ToString();
  EXPECT_EQ(ToHex(tag->view()), "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659");
  // The reference implementation's own test.
  tag = Argon2id({2, 65536, 1}, AsBytes("password"), AsBytes("somesalt"), 32);
  ASSERT_TRUE(tag.ok()) << tag.status().ToString();
  EXPECT_EQ(ToHex(tag->view()), "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7");
  EXPECT_EQ(Argon2id({0, 65536, 1}, {}, AsBytes("somesalt"), 32).status().code(),
            Code::kInvalidArgument);
}

TEST(Secret, MovesAndClones) {
  SecretBytes a = SecretBytes::Random(32);
  SecretBytes b = a.Clone();
  EXPECT_TRUE(a.Equals(b.view()));
  EXPECT_FALSE(a.Equals(SecretBytes::Random(32).view()));
  EXPECT_FALSE(a.Equals(b.view().first(31)));
  SecretBytes c = std::move(a);
  EXPECT_TRUE(a.empty());  // NOLINT: what a move leaves behind is defined
  EXPECT_TRUE(c.Equals(b.view()));
  c = std::move(b);
  EXPECT_EQ(c.size(), 32u);
  c = SecretBytes();
  EXPECT_TRUE(c.empty());
  EXPECT_TRUE(SecretBytes(size_t{0}).Equals({}));
}

}  // namespace
}  // namespace maxbrod
