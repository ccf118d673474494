// What the codecs of compress.cc and zstd.cc share. Not for other layers.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"
#include "codec/compress.h"

namespace maxbrod::internal {

inline Status Damaged(CompressionType type, std::string_view what) {
  return Status(Code::kCorrupt, std::string(NameOf(type)) + " data: " + std::string(what));
}

inline Status TooLarge(CompressionType type, size_t out_max) {
  return Damaged(type, "expands beyond the limit of " + std::to_string(out_max) + " bytes");
}

inline Status BadLevel(CompressionType type, int level) {
  return Status(Code::kInvalidArgument,
                std::string(NameOf(type)) + ": no compression level " + std::to_string(level));
}

// A buffer that doubles while a decoder fills it, up to a maximum. At the maximum the decoder is
// offered one spare byte outside it: a decoder that is not finished shows itself by writing there.
class BoundedOutput {
 public:
  BoundedOutput(Bytes* out, size_t in_size, size_t out_max) : out_(out), out_max_(out_max) {
    size_t guess = in_size > kGuessMax / 4 ? kGuessMax : std::max<size_t>(in_size * 4, 1024);
    out_->clear();
    out_->resize(std::min(guess, out_max_));
  }

  // Never empty.
  MutableByteView Room() {
    if (used_ == out_max_) return MutableByteView(&spare_, 1);
    if (used_ == out_->size()) {
      out_->resize(out_->size() > out_max_ / 2 ? out_max_ : out_->size() * 2);
    }
    return MutableByteView(*out_).subspan(used_);
  }
  // `n` bytes of the room were filled; false when that is beyond the maximum.
  [[nodiscard]] bool Wrote(size_t n) {
    if (used_ == out_max_) return n == 0;
    used_ += n;
    return true;
  }
  void Finish() { out_->resize(used_); }

 private:
  static constexpr size_t kGuessMax = size_t{1} << 20;
  Bytes* out_;
  const size_t out_max_;
  size_t used_ = 0;
  uint8_t spare_ = 0;
};

Status DecompressZstd(ByteView in, size_t out_max, Bytes* out);

}  // namespace maxbrod::internal
