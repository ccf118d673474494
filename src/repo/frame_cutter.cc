#include "repo/frame_cutter.h"

#include <algorithm>

#include "codec/crc32c.h"
#include "kafka/batch.h"
#include "repo/object.h"

namespace maxbrod::repo {
namespace {

constexpr size_t kLengthAt = 8;
constexpr size_t kMagicAt = 16;
constexpr size_t kCrcAt = 17;
// Composing costs about 100 ns a batch: for smaller ones a pass over the bytes is cheaper.
constexpr size_t kComposeBytesMin = 2048;

// Bytes of the v2 batch at the front of `bytes`; 0 when there is none or it is not whole. (Its CRC
// was compared by the caller, so only its length matters here.)
size_t WholeBatch(ByteView bytes) {
  if (bytes.size() < kafka::kBatchHeaderBytes || bytes[kMagicAt] != kafka::kMagicV2) return 0;
  size_t size = kafka::kLogOverheadBytes + size_t{LoadBig<uint32_t>(bytes.data() + kLengthAt)};
  return size < kafka::kBatchHeaderBytes || size > bytes.size() ? 0 : size;
}

class Cutter {
 public:
  explicit Cutter(CutSums sums) : sums_(sums) {}

  void AddPiece(ByteView piece) {
    if (sums_ != CutSums::kBatches) return AddBytes(piece);
    while (!piece.empty()) {
      size_t size = WholeBatch(piece);
      if (size == 0) return AddBytes(piece);
      if (size > kFramePlainBytesMax) {
        AddBytes(piece.first(size));
      } else if (size >= kComposeBytesMin) {
        AddBatch(piece.first(size));
      } else {
        size = SmallBatches(piece);
        if (size > Room()) Close();
        AddBytes(piece.first(size));
      }
      piece = piece.subspan(size);
    }
  }

  std::vector<CutFrame> Finish() {
    Close();
    return std::move(frames_);
  }

 private:
  // Bytes of the run of small batches at the front of `piece`: at least one, and no more than fit
  // the frame.
  size_t SmallBatches(ByteView piece) const {
    size_t run = 0;
    while (size_t size = WholeBatch(piece.subspan(run))) {
      if (size >= kComposeBytesMin || (run > 0 && run + size > Room())) break;
      run += size;
      if (run == piece.size() || run > Room()) break;
    }
    return run;
  }

  size_t Room() const { return kFramePlainBytesMax - frame_.plain_bytes; }

  void AddBatch(ByteView batch) {
    if (batch.size() > Room()) Close();
    uint32_t crc = Crc32c(batch.first(kafka::kBatchCrcFrom));
    crc = Crc32cCombine(crc, LoadBig<uint32_t>(batch.data() + kCrcAt),
                        batch.size() - kafka::kBatchCrcFrom);
    frame_.crc = Crc32cCombine(frame_.crc, crc, batch.size());
    AddSlice(batch);
  }

  void AddBytes(ByteView bytes) {
    while (!bytes.empty()) {
      if (Room() == 0) Close();
      ByteView part = bytes.first(std::min(bytes.size(), Room()));
      if (sums_ != CutSums::kNone) frame_.crc = Crc32cExtend(frame_.crc, part);
      AddSlice(part);
      bytes = bytes.subspan(part.size());
    }
  }

  void AddSlice(ByteView bytes) {
    frame_.plain_bytes += static_cast<uint32_t>(bytes.size());
    if (!frame_.slices.empty()) {
      ByteView& last = frame_.slices.back();
      if (last.data() + last.size() == bytes.data()) {
        last = ByteView(last.data(), last.size() + bytes.size());
        return;
      }
    }
    frame_.slices.push_back(bytes);
  }

  void Close() {
    if (frame_.plain_bytes == 0) return;
    frames_.push_back(std::move(frame_));
    frame_ = CutFrame();
  }

  const CutSums sums_;
  CutFrame frame_;
  std::vector<CutFrame> frames_;
};

}  // namespace

std::vector<CutFrame> CutFrames(std::span<const ByteView> pieces, CutSums sums) {
  Cutter cutter(sums);
  for (ByteView piece : pieces) cutter.AddPiece(piece);
  return cutter.Finish();
}

}  // namespace maxbrod::repo
