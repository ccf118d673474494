#include "codec/secret.h"

#include <sys/mman.h>
#include <unistd.h>

#include <utility>

#include "base/status.h"
#include "codec/hash.h"

namespace maxbrod {
namespace {

size_t RoundToPages(size_t size) {
  auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return (size + page - 1) / page * page;
}

}  // namespace

SecretBytes::SecretBytes(size_t size) : size_(size) {
  if (size == 0) return;
  mapped_ = RoundToPages(size);
  void* at = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  MB_CHECK(at != MAP_FAILED);
  data_ = static_cast<uint8_t*>(at);
  // Best effort: a small RLIMIT_MEMLOCK or an old kernel must not keep anybody from a restore.
  (void)mlock(data_, mapped_);
  (void)madvise(data_, mapped_, MADV_DONTDUMP);
}

SecretBytes::SecretBytes(ByteView bytes) : SecretBytes(bytes.size()) {
  if (!bytes.empty()) std::memcpy(data_, bytes.data(), bytes.size());
}

SecretBytes::~SecretBytes() {
  Release();
}

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      mapped_(std::exchange(other.mapped_, 0)) {}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  if (this == &other) return *this;
  Release();
  data_ = std::exchange(other.data_, nullptr);
  size_ = std::exchange(other.size_, 0);
  mapped_ = std::exchange(other.mapped_, 0);
  return *this;
}

void SecretBytes::Release() {
  if (data_ == nullptr) return;
  WipeSecret(data());
  (void)munmap(data_, mapped_);
  data_ = nullptr;
  size_ = 0;
}

SecretBytes SecretBytes::Random(size_t size) {
  SecretBytes out(size);
  MB_CHECK(RandomBytes(out.data()).ok());
  return out;
}

bool SecretBytes::Equals(ByteView other) const {
  return ConstantTimeEqual(view(), other);
}

}  // namespace maxbrod
