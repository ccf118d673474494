// From a block's stored frames to its batches.
#pragma once

#include "repo/block.h"
#include "repo/object.h"

namespace maxbrod::repo {

// Checks and decodes blocks of one pack, reusing its buffers. Not thread-safe.
class BlockDecoder {
 public:
  explicit BlockDecoder(FrameChecker checker) : checker_(std::move(checker)) {}

  // `stored` is exactly the block's frames. The view returned points into `stored` or into this
  // decoder and is valid until the next call. kCorrupt says what is wrong, naming owner and offset
  // but not the pack.
  Result<ByteView> Decode(const BlockEntry& entry, ByteView stored);
  // The same, but bytes that are encrypted and not compressed are decrypted where they lie: the
  // view points into `stored`, which does not hold the frames any more afterwards.
  Result<ByteView> DecodeInPlace(const BlockEntry& entry, MutableByteView stored);
  // Makes `storage` the memory of a view that Decode returned from this decoder, without a copy of
  // the bytes.
  ByteView MoveTo(ByteView decoded, Bytes* storage);

 private:
  Result<ByteView> DecodeFrames(const BlockEntry& entry, ByteView stored);
  Result<ByteView> DecodeSealed(const BlockEntry& entry, ByteView stored, uint8_t* in_place);
  Status OpenIdentity(const BlockEntry& entry, const SealedFrame& frame, uint64_t at);

  FrameChecker checker_;
  Bytes assembled_;
  Bytes scratch_;
};

}  // namespace maxbrod::repo
