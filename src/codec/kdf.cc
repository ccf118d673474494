#include "codec/kdf.h"

#include <argon2.h>

#include <algorithm>
#include <limits>

namespace maxbrod {
namespace {

constexpr size_t kHashBytes = 32;

// libargon2 takes what it does not change by pointers to non-const.
uint8_t* Unconst(ByteView bytes) {
  return const_cast<uint8_t*>(bytes.data());
}

}  // namespace

SecretBytes HkdfExtract(ByteView salt, ByteView key) {
  Sha256Digest digest = HmacSha256(salt, key);
  SecretBytes out{ByteView(digest)};
  WipeSecret(digest);
  return out;
}

void HkdfExpand(const SecretBytes& extracted, std::span<const ByteView> info, MutableByteView out) {
  MB_CHECK(out.size() <= 255 * kHashBytes);
  Bytes text(kHashBytes);  // T(n-1) | info | n; the first round has no T
  for (ByteView piece : info) Append(text, piece);
  text.push_back(0);
  for (uint8_t n = 1; !out.empty(); ++n) {
    text.back() = n;
    Sha256Digest block =
        HmacSha256(extracted.view(), n == 1 ? ByteView(text).subspan(kHashBytes) : ByteView(text));
    size_t size = std::min(out.size(), block.size());
    std::memcpy(out.data(), block.data(), size);
    std::memcpy(text.data(), block.data(), block.size());
    WipeSecret(block);
    out = out.subspan(size);
  }
  WipeSecret(text);
}

SecretBytes Hkdf(ByteView key, ByteView salt, std::span<const ByteView> info, size_t size) {
  SecretBytes out(size);
  HkdfExpand(HkdfExtract(salt, key), info, out.data());
  return out;
}

Result<SecretBytes> Argon2id(const Argon2Cost& cost, ByteView password, ByteView salt, size_t size,
                             ByteView key, ByteView data) {
  constexpr size_t kMax = std::numeric_limits<uint32_t>::max();
  MB_CHECK(password.size() <= kMax && salt.size() <= kMax && size <= kMax && key.size() <= kMax &&
           data.size() <= kMax);
  SecretBytes out(size);
  argon2_context context{};
  context.out = out.data().data();
  context.outlen = static_cast<uint32_t>(size);
  context.pwd = Unconst(password);
  context.pwdlen = static_cast<uint32_t>(password.size());
  context.salt = Unconst(salt);
  context.saltlen = static_cast<uint32_t>(salt.size());
  context.secret = key.empty() ? nullptr : Unconst(key);
  context.secretlen = static_cast<uint32_t>(key.size());
  context.ad = data.empty() ? nullptr : Unconst(data);
  context.adlen = static_cast<uint32_t>(data.size());
  context.t_cost = cost.passes;
  context.m_cost = cost.memory_kib;
  context.lanes = cost.lanes;
  context.threads = cost.lanes;
  context.version = ARGON2_VERSION_13;
  context.flags = ARGON2_DEFAULT_FLAGS;
  int code = argon2id_ctx(&context);
  if (code == ARGON2_OK) return out;
  std::string what = argon2_error_message(code);
  if (code == ARGON2_MEMORY_ALLOCATION_ERROR || code == ARGON2_THREAD_FAIL) {
    return Status(Code::kIo,
                  "Argon2id with " + std::to_string(cost.memory_kib / 1024) + " MiB: " + what)
        .WithHint("free some memory; what a passphrase slot costs is fixed when it is made");
  }
  return Status(Code::kInvalidArgument, "Argon2id: " + what);
}

}  // namespace maxbrod
