// The encryption of one object's frames: AES-256-GCM under a key of the object's own. See
// docs/format.md, "Encryption".
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "codec/aead.h"

namespace maxbrod::repo {

// Nonce: 0 [7] | ordinal u32 | 1 for the frame that is the object's last one, else 0.
// Authenticated beside the payload: object header [80] | ordinal u32 | frame header [12].
// Not thread-safe.
class ObjectCipher {
 public:
  static constexpr size_t kHeaderBytes = 80;

  // `key` is the object's, `header` its whole header as it is stored.
  ObjectCipher(ByteView key, ByteView header);

  ByteView header() const { return ByteView(aad_).first(kHeaderBytes); }
  uint32_t key_id() const { return LoadBig<uint32_t>(aad_.data() + 8); }

  // `frame_header` is encoded (12 bytes); `out` takes as many bytes as the pieces have.
  AeadTag Seal(uint32_t ordinal, const uint8_t* frame_header, std::span<const ByteView> pieces,
               uint8_t* out);
  // False when anything of it is not what was sealed; `out` is then worthless.
  [[nodiscard]] bool Open(uint32_t ordinal, const uint8_t* frame_header, ByteView sealed,
                          const uint8_t* tag, uint8_t* out);
  // Memory for who has none: valid until the next call of anybody.
  Bytes& scratch() { return scratch_; }

 private:
  AeadNonce Bind(uint32_t ordinal, const uint8_t* frame_header);

  Aes256Gcm gcm_;
  std::array<uint8_t, kHeaderBytes + 4 + 12> aad_{};
  Bytes scratch_;
};

}  // namespace maxbrod::repo
