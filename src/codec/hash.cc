#include "codec/hash.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <limits>

namespace maxbrod {
namespace {

// Fetched once: OpenSSL 3 looks an algorithm up anew on every use otherwise.
const EVP_MD* Sha256Method() {
  static EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  MB_CHECK(method != nullptr);
  return method;
}

const EVP_MD* Sha512Method() {
  static EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA512", nullptr);
  MB_CHECK(method != nullptr);
  return method;
}

const EVP_MD* MethodOf(Prf prf) {
  return prf == Prf::kHmacSha256 ? Sha256Method() : Sha512Method();
}

template <typename Digest>
Digest DigestOf(const EVP_MD* method, ByteView data) {
  Digest digest;
  unsigned int size = 0;
  MB_CHECK(EVP_Digest(data.data(), data.size(), digest.data(), &size, method, nullptr) == 1);
  MB_CHECK(size == digest.size());
  return digest;
}

template <typename Digest>
Digest HmacOf(const EVP_MD* method, ByteView key, ByteView data) {
  MB_CHECK(key.size() <= static_cast<size_t>(std::numeric_limits<int>::max()));
  Digest digest;
  unsigned int size = 0;
  // A null key of length 0 would mean "the key of the call before".
  static constexpr uint8_t kNoKey = 0;
  const uint8_t* key_data = key.empty() ? &kNoKey : key.data();
  MB_CHECK(HMAC(method, key_data, static_cast<int>(key.size()), data.data(), data.size(),
                digest.data(), &size) != nullptr);
  MB_CHECK(size == digest.size());
  return digest;
}

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrlAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string Encode(ByteView data, std::string_view alphabet, bool pad) {
  std::string text;
  text.reserve((data.size() + 2) / 3 * 4);
  for (size_t i = 0; i < data.size(); i += 3) {
    size_t n = std::min<size_t>(3, data.size() - i);
    uint32_t group = uint32_t{data[i]} << 16;
    if (n > 1) group |= uint32_t{data[i + 1]} << 8;
    if (n > 2) group |= data[i + 2];
    for (size_t k = 0; k <= n; ++k) text.push_back(alphabet[(group >> (18 - 6 * k)) & 63]);
    if (pad) text.append(3 - n, '=');
  }
  return text;
}

// -1 for a character of neither alphabet.
int ValueOf(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

}  // namespace

Sha256Digest Sha256(ByteView data) {
  return DigestOf<Sha256Digest>(Sha256Method(), data);
}
Sha512Digest Sha512(ByteView data) {
  return DigestOf<Sha512Digest>(Sha512Method(), data);
}

struct Sha256Hasher::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
  void Begin() { MB_CHECK(EVP_DigestInit_ex(context, Sha256Method(), nullptr) == 1); }
};

Sha256Hasher::Sha256Hasher() : state_(std::make_unique<State>()) {
  MB_CHECK(state_->context != nullptr);
  state_->Begin();
}
Sha256Hasher::~Sha256Hasher() = default;
Sha256Hasher::Sha256Hasher(Sha256Hasher&&) noexcept = default;
Sha256Hasher& Sha256Hasher::operator=(Sha256Hasher&&) noexcept = default;

void Sha256Hasher::Update(ByteView data) {
  MB_CHECK(EVP_DigestUpdate(state_->context, data.data(), data.size()) == 1);
}

Sha256Digest Sha256Hasher::Finish() {
  Sha256Digest digest;
  unsigned int size = 0;
  MB_CHECK(EVP_DigestFinal_ex(state_->context, digest.data(), &size) == 1);
  state_->Begin();
  return digest;
}

Sha256Digest HmacSha256(ByteView key, ByteView data) {
  return HmacOf<Sha256Digest>(Sha256Method(), key, data);
}
Sha512Digest HmacSha512(ByteView key, ByteView data) {
  return HmacOf<Sha512Digest>(Sha512Method(), key, data);
}

Bytes Pbkdf2(Prf prf, ByteView password, ByteView salt, uint32_t iterations, size_t size) {
  constexpr auto kIntMax = static_cast<size_t>(std::numeric_limits<int>::max());
  MB_CHECK(iterations > 0 && iterations <= kIntMax && size <= kIntMax);
  MB_CHECK(password.size() <= kIntMax && salt.size() <= kIntMax);
  Bytes key(size);
  const char* text = password.empty() ? "" : reinterpret_cast<const char*>(password.data());
  MB_CHECK(PKCS5_PBKDF2_HMAC(text, static_cast<int>(password.size()), salt.data(),
                             static_cast<int>(salt.size()), static_cast<int>(iterations),
                             MethodOf(prf), static_cast<int>(size), key.data()) == 1);
  return key;
}

std::string Base64Encode(ByteView data) {
  return Encode(data, kAlphabet, true);
}
std::string Base64UrlEncode(ByteView data) {
  return Encode(data, kUrlAlphabet, false);
}

Result<Bytes> Base64Decode(std::string_view text) {
  const Status bad(Code::kInvalidArgument, "not base64");
  if (text.size() % 4 == 0) {
    for (int i = 0; i < 2 && !text.empty() && text.back() == '='; ++i) text.remove_suffix(1);
  }
  if (text.size() % 4 == 1) return bad;
  Bytes bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  uint32_t group = 0;
  int bits = 0;
  for (char c : text) {
    int value = ValueOf(c);
    if (value < 0) return bad;
    group = (group << 6) | static_cast<uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes.push_back(static_cast<uint8_t>(group >> bits));
    }
  }
  if ((group & ((uint32_t{1} << bits) - 1)) != 0) return bad;
  return bytes;
}

Status RandomBytes(MutableByteView out) {
  while (!out.empty()) {
    size_t n = std::min(out.size(), size_t{1} << 30);
    if (RAND_bytes(out.data(), static_cast<int>(n)) != 1) {
      ERR_clear_error();
      return Status(Code::kIo, "the system's random generator does not answer");
    }
    out = out.subspan(n);
  }
  return Status::Ok();
}

bool ConstantTimeEqual(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

void WipeSecret(MutableByteView secret) {
  if (!secret.empty()) OPENSSL_cleanse(secret.data(), secret.size());
}

}  // namespace maxbrod
