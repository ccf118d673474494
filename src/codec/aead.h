// AES-256-GCM (NIST SP 800-38D) through OpenSSL, with contexts that are used again: a new one per
// message costs more than sealing a small message.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.h"

namespace maxbrod {

inline constexpr size_t kAeadKeyBytes = 32;
inline constexpr size_t kAeadNonceBytes = 12;
inline constexpr size_t kAeadTagBytes = 16;
using AeadNonce = std::array<uint8_t, kAeadNonceBytes>;
using AeadTag = std::array<uint8_t, kAeadTagBytes>;

// One key. The caller never seals two messages with one nonce. Not thread-safe. OpenSSL wipes the
// key schedule when it goes.
class Aes256Gcm {
 public:
  explicit Aes256Gcm(ByteView key);  // kAeadKeyBytes
  ~Aes256Gcm();
  Aes256Gcm(Aes256Gcm&&) noexcept;
  Aes256Gcm& operator=(Aes256Gcm&&) noexcept;

  // Encrypts the pieces, one after the other, to `out` (as many bytes as they have together; a
  // single piece may be `out` itself). `aad` is authenticated only.
  AeadTag Seal(const AeadNonce& nonce, ByteView aad, std::span<const ByteView> plain, uint8_t* out);
  // Decrypts to `out` (as many bytes; may be `sealed` itself). False when the tag does not fit:
  // then what lies in `out` is worthless and must not be used.
  [[nodiscard]] bool Open(const AeadNonce& nonce, ByteView aad, ByteView sealed, const uint8_t* tag,
                          uint8_t* out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace maxbrod
