// The bytes of an object on their way up, in chunks: growing copies nothing.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/limits.h"
#include "codec/crc32c.h"

namespace maxbrod::store {

// Not thread-safe. Clear keeps the chunks for the next part.
class S3Buffer {
 public:
  static constexpr size_t kChunkBytes = kMiB;

  void Append(ByteView bytes) {
    crc_ = Crc32cExtend(crc_, bytes);
    while (!bytes.empty()) {
      size_t at = size_ % kChunkBytes;
      if (at == 0 && size_ / kChunkBytes == chunks_.size()) {
        chunks_.push_back(std::make_unique_for_overwrite<uint8_t[]>(kChunkBytes));
      }
      size_t now = std::min(bytes.size(), kChunkBytes - at);
      std::memcpy(chunks_[size_ / kChunkBytes].get() + at, bytes.data(), now);
      size_ += now;
      bytes = bytes.subspan(now);
    }
  }
  void Clear() {
    size_ = 0;
    crc_ = 0;
  }
  void Free() {
    Clear();
    chunks_.clear();
    chunks_.shrink_to_fit();
  }
  // Valid until the next change.
  std::vector<ByteView> Pieces() const {
    std::vector<ByteView> pieces;
    for (size_t at = 0; at < size_; at += kChunkBytes) {
      pieces.emplace_back(chunks_[at / kChunkBytes].get(), std::min(kChunkBytes, size_ - at));
    }
    return pieces;
  }
  size_t size() const { return size_; }
  uint32_t crc() const { return crc_; }

 private:
  std::vector<std::unique_ptr<uint8_t[]>> chunks_;
  size_t size_ = 0;
  uint32_t crc_ = 0;
};

}  // namespace maxbrod::store
