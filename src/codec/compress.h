// The compressions of Kafka's record batches (attributes, bits 0 to 2) and zstd for repository
// blocks.
//
// Output is always bounded: what would grow beyond the given maximum is refused as kCorrupt (a
// decompression bomb), and memory grows with what was really decoded, never with what a header
// claims. Everything is thread-safe; zstd contexts are kept per thread.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"

namespace maxbrod {

// The ids are the wire's (org.apache.kafka.common.record.CompressionType).
enum class CompressionType : uint8_t { kNone = 0, kGzip = 1, kSnappy = 2, kLz4 = 3, kZstd = 4 };

inline constexpr uint8_t kCompressionTypeMax = 4;
// Stands for each codec's own default, as Kafka's compression.*.level do.
inline constexpr int kCompressionLevelDefault = std::numeric_limits<int>::min();

// "none", "gzip", "snappy", "lz4", "zstd", as in compression.type.
std::string_view NameOf(CompressionType type);
Result<CompressionType> ParseCompressionType(std::string_view name);
// The codec of a batch's attributes; kUnsupported for the ids nobody has given out.
Result<CompressionType> CompressionTypeFromId(int id);

// Replaces *out by the decompressed `in`, at most `out_max` bytes; more, or damaged input, is
// kCorrupt
// (*out is then empty).
//  gzip    RFC 1952, several members one after the other; bytes behind the last one are ignored, as
//  Java does snappy  the framing of snappy-java (which Java clients write) or raw (librdkafka) lz4
//  the LZ4 frame format; one frame, as in KafkaLZ4BlockInputStream zstd    RFC 8878, several frames
//  one after the other
Status Decompress(CompressionType type, ByteView in, size_t out_max, Bytes* out);

// Replaces *out by the compressed `in`, readable by every broker and Java client. Levels:
// gzip 1..9, lz4 1..17, zstd -131072..22, none for snappy; others are kInvalidArgument.
Status Compress(CompressionType type, int level, ByteView in, Bytes* out);

// One zstd frame that carries its content size. For blocks of a repository.
Status ZstdCompress(int level, ByteView in, Bytes* out);
// The inverse: the frame must hold exactly `exact_size` bytes, and say so, else kCorrupt. Nothing
// is allocated before the frame's own claim was compared with `exact_size`.
Status ZstdDecompress(ByteView in, size_t exact_size, Bytes* out);
Status ZstdDecompressInto(ByteView in, MutableByteView out);

}  // namespace maxbrod
