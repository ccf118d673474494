// Digests, message authentication, key derivation and random bytes, all through OpenSSL 3 (EVP).
//
// A failure of a digest inside OpenSSL can only be a broken installation, so these functions return
// values, not statuses (they abort). Free functions are thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"

namespace maxbrod {

using Sha256Digest = std::array<uint8_t, 32>;
using Sha512Digest = std::array<uint8_t, 64>;

Sha256Digest Sha256(ByteView data);
Sha512Digest Sha512(ByteView data);

// SHA-256 of bytes that come in pieces. Not thread-safe.
class Sha256Hasher {
 public:
  Sha256Hasher();
  ~Sha256Hasher();
  Sha256Hasher(Sha256Hasher&&) noexcept;
  Sha256Hasher& operator=(Sha256Hasher&&) noexcept;

  void Update(ByteView data);
  // The digest of all since construction or the last Finish; the hasher begins anew.
  Sha256Digest Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// RFC 2104.
Sha256Digest HmacSha256(ByteView key, ByteView data);
Sha512Digest HmacSha512(ByteView key, ByteView data);

// PBKDF2 (RFC 8018) with HMAC-SHA-256 or -512; Hi() of SCRAM (RFC 5802) is its first block.
// `iterations` must be positive; bounding what a peer asks for is the caller's duty.
enum class Prf : uint8_t { kHmacSha256, kHmacSha512 };
Bytes Pbkdf2(Prf prf, ByteView password, ByteView salt, uint32_t iterations, size_t size);

// RFC 4648, section 4 with padding, or section 5 (URL-safe) without.
std::string Base64Encode(ByteView data);
std::string Base64UrlEncode(ByteView data);
// Accepts both alphabets, with or without padding; anything else (white space too, bits that do not
// belong to a byte) is kInvalidArgument.
Result<Bytes> Base64Decode(std::string_view text);

// Fills `out` from the system's cryptographic generator.
Status RandomBytes(MutableByteView out);

// Compares in a time that depends on the lengths only.
bool ConstantTimeEqual(ByteView a, ByteView b);

// Overwrites a secret in a way the compiler may not remove.
void WipeSecret(MutableByteView secret);

}  // namespace maxbrod
