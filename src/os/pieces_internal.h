// Feeds a list of byte pieces to writev-like calls that may take only a part. Not for other layers.
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <span>

#include "base/bytes.h"

namespace maxbrod::internal {

// The pieces and their bytes must outlive the cursor.
class PieceCursor {
 public:
  // Below IOV_MAX (1024 on Linux), and enough that one more system call does not matter.
  static constexpr size_t kPiecesMax = 256;
  // Linux moves at most 0x7ffff000 bytes per call.
  static constexpr size_t kBytesMax = size_t{1} << 30;

  explicit PieceCursor(std::span<const ByteView> pieces) : pieces_(pieces) { SkipDone(); }

  bool done() const { return piece_ == pieces_.size(); }

  // The next pieces, at most kPiecesMax and kBytesMax; `iov` has room for kPiecesMax. Returns how
  // many.
  size_t Fill(iovec* iov) const {
    size_t count = 0, bytes = 0;
    for (size_t i = piece_; i < pieces_.size() && count < kPiecesMax && bytes < kBytesMax; ++i) {
      ByteView rest = pieces_[i].subspan(i == piece_ ? within_ : 0);
      if (rest.empty()) continue;
      rest = rest.first(std::min(rest.size(), kBytesMax - bytes));
      iov[count].iov_base = const_cast<uint8_t*>(rest.data());
      iov[count++].iov_len = rest.size();
      bytes += rest.size();
    }
    return count;
  }

  // `n` bytes were taken, no more than Fill offered.
  void Advance(size_t n) {
    within_ += n;
    SkipDone();
  }

 private:
  void SkipDone() {
    while (piece_ < pieces_.size() && within_ >= pieces_[piece_].size()) {
      within_ -= pieces_[piece_++].size();
    }
  }

  std::span<const ByteView> pieces_;
  size_t piece_ = 0;
  size_t within_ = 0;
};

}  // namespace maxbrod::internal
