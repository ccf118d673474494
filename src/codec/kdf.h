// Keys from keys (HKDF) and keys from passphrases (Argon2id).
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/status.h"
#include "codec/hash.h"
#include "codec/secret.h"

namespace maxbrod {

// HKDF with SHA-256 (RFC 5869), in its two steps: one extraction may serve several expansions.
SecretBytes HkdfExtract(ByteView salt, ByteView key);
// At most 255 * 32 bytes. `info` is the concatenation of the pieces.
void HkdfExpand(const SecretBytes& extracted, std::span<const ByteView> info, MutableByteView out);
SecretBytes Hkdf(ByteView key, ByteView salt, std::span<const ByteView> info, size_t size);

// Argon2id, version 0x13 (RFC 9106).
struct Argon2Cost {
  uint32_t passes = 3;
  uint32_t memory_kib = 256 * 1024;
  uint32_t lanes = 4;
  bool operator==(const Argon2Cost&) const = default;
};
// kIo when the memory cannot be had, kInvalidArgument for impossible costs; bounding what a file
// asks for is the caller's duty. `key` and `data` are Argon2's optional secret and associated data.
Result<SecretBytes> Argon2id(const Argon2Cost& cost, ByteView password, ByteView salt, size_t size,
                             ByteView key = {}, ByteView data = {});

}  // namespace maxbrod
