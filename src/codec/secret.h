// Memory for keys and passphrases: overwritten when it goes, kept out of swap and of core dumps
// where the system lets us.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace maxbrod {

// Owns a fixed number of secret bytes on pages of their own. Move-only, so that copies are made on
// purpose (Clone). There is no way to print one. A moved-from or default one is empty. Not
// thread-safe for writing; a const one may be read from everywhere.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(size_t size);  // zeros
  explicit SecretBytes(ByteView bytes);
  ~SecretBytes();
  SecretBytes(SecretBytes&& other) noexcept;
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;

  // Fresh random bytes; aborts when the system has none.
  static SecretBytes Random(size_t size);
  SecretBytes Clone() const { return SecretBytes(view()); }

  ByteView view() const { return {data_, size_}; }
  MutableByteView data() { return {data_, size_}; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // In a time that depends on the lengths only.
  bool Equals(ByteView other) const;

 private:
  void Release();

  uint8_t* data_ = nullptr;
  size_t size_ = 0;
  size_t mapped_ = 0;  // bytes of the mapping
};

}  // namespace maxbrod
