// Any bytes, each codec: no crash, never more than the limit, and what comes out survives a round
// trip.
#include <cstdint>
#include <cstdlib>

#include "codec/compress.h"

using maxbrod::Bytes;
using maxbrod::ByteView;
using maxbrod::CompressionType;
using maxbrod::Status;

namespace {

constexpr size_t kOutMax = 1 << 20;

void Require(bool condition) {
  if (!condition) std::abort();
}

void Codec(CompressionType type, ByteView in) {
  Bytes out;
  Status status = maxbrod::Decompress(type, in, kOutMax, &out);
  Require(out.size() <= kOutMax);
  Require(status.ok() || out.empty());
  if (!status.ok()) return;

  Bytes tight;
  Require(maxbrod::Decompress(type, in, out.size(), &tight).ok() && tight == out);
  if (!out.empty()) Require(!maxbrod::Decompress(type, in, out.size() - 1, &tight).ok());

  Bytes packed;
  int level = type == CompressionType::kNone || type == CompressionType::kSnappy
                  ? maxbrod::kCompressionLevelDefault
                  : 1;
  Require(maxbrod::Compress(type, level, out, &packed).ok());
  Require(maxbrod::Decompress(type, packed, out.size(), &tight).ok() && tight == out);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  ByteView in(data + 3, size - 3);
  switch (data[0] % 6) {
    case 5: {
      Bytes out;
      size_t exact = maxbrod::LoadBig<uint16_t>(data + 1);
      Status status = maxbrod::ZstdDecompress(in, exact, &out);
      Require(out.size() == (status.ok() ? exact : 0));
      break;
    }
    default:
      Codec(static_cast<CompressionType>(data[0] % 6), in);
  }
  return 0;
}
