// The tail of a pack: its index and the trailer by which the index is found (docs/format.md,
// "Packs").
#pragma once

#include <string>
#include <vector>

#include "repo/block.h"
#include "repo/object.h"

namespace maxbrod::repo {

// Last bytes of a pack. Big-endian:
//   index offset (8), ordinal of the index's first frame (4), frames of the index (4),
//   CRC32C of the salt's first half and the 16 bytes above (4), magic "MXBE" (4)
inline constexpr size_t kPackTrailerBytes = 24;
inline constexpr uint64_t kPackIndexBytesMax = 256 * kMiB;

struct PackTrailer {
  uint64_t index_offset = 0;
  uint32_t first_frame = 0;
  uint32_t frames = 0;
  void Encode(PackId id, uint8_t* out) const;
  // `in` holds kPackTrailerBytes. kCorrupt when it is not the trailer of this pack.
  static Result<PackTrailer> Decode(PackId id, const uint8_t* in);
};

// The tail (index and trailer) of a pack. `blocks` are sorted by (owner, first offset) and carry
// frame checks; `data_bytes` is where the index will begin and `frames` the number of frames before
// it. `checker` is the pack's.
Result<Bytes> EncodePackTail(PackId id, const FrameChecker& checker, uint64_t data_bytes,
                             uint32_t frames, const std::vector<BlockEntry>& blocks);
// The blocks of a tail that begins at `index_offset` of its pack. kCorrupt unless they tile the
// data area, from the object header to the index, without a gap.
Result<std::vector<BlockEntry>> DecodePackTail(const std::string& name, PackId id,
                                               const FrameChecker& checker, uint64_t index_offset,
                                               ByteView tail);

// The id inside a reference; kCorrupt unless it has 16 bytes.
Result<PackId> PackIdOf(const format::PackRef& ref);
// How its frames are checked, from what the reference tells alone. `keys` is null for a plain
// repository. kCorrupt when reference and repository are not of one kind; kUnsupported without
// keys.
Result<FrameChecker> PackCheckerOf(const std::string& name, const format::PackRef& ref,
                                   const Keyring* keys);

}  // namespace maxbrod::repo
