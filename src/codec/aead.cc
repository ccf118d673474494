#include "codec/aead.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <limits>

#include "base/status.h"

namespace maxbrod {
namespace {

const EVP_CIPHER* Method() {
  static EVP_CIPHER* const method = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  MB_CHECK(method != nullptr);
  return method;
}

int Length(ByteView bytes) {
  MB_CHECK(bytes.size() <= static_cast<size_t>(std::numeric_limits<int>::max()));
  return static_cast<int>(bytes.size());
}

}  // namespace

struct Aes256Gcm::State {
  EVP_CIPHER_CTX* seal = EVP_CIPHER_CTX_new();
  EVP_CIPHER_CTX* open = EVP_CIPHER_CTX_new();
  ~State() {
    EVP_CIPHER_CTX_free(seal);
    EVP_CIPHER_CTX_free(open);
  }
};

Aes256Gcm::Aes256Gcm(ByteView key) : state_(std::make_unique<State>()) {
  MB_CHECK(key.size() == kAeadKeyBytes && state_->seal != nullptr && state_->open != nullptr);
  MB_CHECK(EVP_EncryptInit_ex2(state_->seal, Method(), key.data(), nullptr, nullptr) == 1);
  MB_CHECK(EVP_DecryptInit_ex2(state_->open, Method(), key.data(), nullptr, nullptr) == 1);
}
Aes256Gcm::~Aes256Gcm() = default;
Aes256Gcm::Aes256Gcm(Aes256Gcm&&) noexcept = default;
Aes256Gcm& Aes256Gcm::operator=(Aes256Gcm&&) noexcept = default;

AeadTag Aes256Gcm::Seal(const AeadNonce& nonce, ByteView aad, std::span<const ByteView> plain,
                        uint8_t* out) {
  EVP_CIPHER_CTX* c = state_->seal;
  int n = 0;
  MB_CHECK(EVP_EncryptInit_ex2(c, nullptr, nullptr, nonce.data(), nullptr) == 1);
  MB_CHECK(EVP_EncryptUpdate(c, nullptr, &n, aad.data(), Length(aad)) == 1);
  for (ByteView piece : plain) {
    if (piece.empty()) continue;
    MB_CHECK(EVP_EncryptUpdate(c, out, &n, piece.data(), Length(piece)) == 1);
    out += n;
  }
  AeadTag tag;
  MB_CHECK(EVP_EncryptFinal_ex(c, tag.data(), &n) == 1 && n == 0);
  MB_CHECK(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, kAeadTagBytes, tag.data()) == 1);
  return tag;
}

bool Aes256Gcm::Open(const AeadNonce& nonce, ByteView aad, ByteView sealed, const uint8_t* tag,
                     uint8_t* out) {
  EVP_CIPHER_CTX* c = state_->open;
  int n = 0;
  AeadTag copy;
  std::memcpy(copy.data(), tag, copy.size());
  MB_CHECK(EVP_DecryptInit_ex2(c, nullptr, nullptr, nonce.data(), nullptr) == 1);
  MB_CHECK(EVP_DecryptUpdate(c, nullptr, &n, aad.data(), Length(aad)) == 1);
  if (!sealed.empty()) {
    MB_CHECK(EVP_DecryptUpdate(c, out, &n, sealed.data(), Length(sealed)) == 1);
  }
  MB_CHECK(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, kAeadTagBytes, copy.data()) == 1);
  uint8_t none[kAeadTagBytes];
  bool ok = EVP_DecryptFinal_ex(c, none, &n) == 1;
  if (!ok) ERR_clear_error();
  return ok;
}

}  // namespace maxbrod
