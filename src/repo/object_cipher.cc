#include "repo/object_cipher.h"

#include "base/status.h"
#include "repo/object.h"

namespace maxbrod::repo {

static_assert(ObjectCipher::kHeaderBytes == kObjectHeaderBytes);

ObjectCipher::ObjectCipher(ByteView key, ByteView header) : gcm_(key) {
  MB_CHECK(header.size() == kHeaderBytes);
  std::memcpy(aad_.data(), header.data(), header.size());
}

AeadNonce ObjectCipher::Bind(uint32_t ordinal, const uint8_t* frame_header) {
  StoreBig<uint32_t>(aad_.data() + kHeaderBytes, ordinal);
  std::memcpy(aad_.data() + kHeaderBytes + 4, frame_header, kFrameHeaderBytes);
  AeadNonce nonce{};
  StoreBig<uint32_t>(nonce.data() + 7, ordinal);
  nonce[11] = (frame_header[10] & kFrameLastOfObject) != 0 ? 1 : 0;
  return nonce;
}

AeadTag ObjectCipher::Seal(uint32_t ordinal, const uint8_t* frame_header,
                           std::span<const ByteView> pieces, uint8_t* out) {
  AeadNonce nonce = Bind(ordinal, frame_header);
  return gcm_.Seal(nonce, aad_, pieces, out);
}

bool ObjectCipher::Open(uint32_t ordinal, const uint8_t* frame_header, ByteView sealed,
                        const uint8_t* tag, uint8_t* out) {
  AeadNonce nonce = Bind(ordinal, frame_header);
  return gcm_.Open(nonce, aad_, sealed, tag, out);
}

}  // namespace maxbrod::repo
