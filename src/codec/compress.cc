#include "codec/compress.h"

#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "codec/compress_internal.h"

namespace maxbrod {

using internal::BadLevel;
using internal::BoundedOutput;
using internal::Damaged;
using internal::TooLarge;

namespace {

constexpr std::array<std::string_view, 5> kNames = {"none", "gzip", "snappy", "lz4", "zstd"};

// ---------------------------------------------------------------- gzip

struct Inflater {
  z_stream stream{};
  bool ready = false;
  Inflater() { ready = inflateInit2(&stream, 15 + 16) == Z_OK; }  // + 16: gzip header and trailer
  ~Inflater() {
    if (ready) inflateEnd(&stream);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
};

bool StartsGzipMember(ByteView in) {
  return in.size() >= 2 && in[0] == 0x1f && in[1] == 0x8b;
}

// One member; *in moves past it.
Status InflateMember(Inflater& inflater, ByteView* in, BoundedOutput& sink, size_t out_max) {
  z_stream& z = inflater.stream;
  if (inflateReset(&z) != Z_OK) return Status(Code::kInternal, "inflateReset failed");
  for (;;) {
    MutableByteView room = sink.Room();
    auto in_now = static_cast<uInt>(std::min<size_t>(in->size(), 1u << 30));
    auto out_now = static_cast<uInt>(std::min<size_t>(room.size(), 1u << 30));
    z.next_in = const_cast<Bytef*>(in->data());
    z.avail_in = in_now;
    z.next_out = room.data();
    z.avail_out = out_now;
    int code = inflate(&z, Z_NO_FLUSH);
    size_t consumed = in_now - z.avail_in, produced = out_now - z.avail_out;
    *in = in->subspan(consumed);
    if (!sink.Wrote(produced)) return TooLarge(CompressionType::kGzip, out_max);
    if (code == Z_STREAM_END) return Status::Ok();
    if (code != Z_OK && code != Z_BUF_ERROR) {
      return Damaged(CompressionType::kGzip, z.msg != nullptr ? z.msg : "damaged");
    }
    if (consumed == 0 && produced == 0) return Damaged(CompressionType::kGzip, "cut short");
  }
}

Status DecompressGzip(ByteView in, size_t out_max, Bytes* out) {
  Inflater inflater;
  if (!inflater.ready) return Status(Code::kInternal, "inflateInit failed");
  if (!StartsGzipMember(in)) return Damaged(CompressionType::kGzip, "no gzip header");
  BoundedOutput sink(out, in.size(), out_max);
  while (StartsGzipMember(in)) {
    MB_RETURN_IF_ERROR(InflateMember(inflater, &in, sink, out_max));
  }
  sink.Finish();
  return Status::Ok();
}

Status CompressGzip(int level, ByteView in, Bytes* out) {
  if (level == kCompressionLevelDefault) level = Z_DEFAULT_COMPRESSION;
  if (level != Z_DEFAULT_COMPRESSION && (level < 1 || level > 9)) {
    return BadLevel(CompressionType::kGzip, level);
  }
  if (in.size() >= (size_t{1} << 31)) {
    return Status(Code::kInvalidArgument, "gzip: more than 2 GiB in one batch");
  }
  z_stream z{};
  if (deflateInit2(&z, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return Status(Code::kInternal, "deflateInit failed");
  }
  out->resize(deflateBound(&z, static_cast<uLong>(in.size())));
  z.next_in = const_cast<Bytef*>(in.data());
  z.avail_in = static_cast<uInt>(in.size());
  z.next_out = out->data();
  z.avail_out = static_cast<uInt>(out->size());
  int code = deflate(&z, Z_FINISH);
  out->resize(out->size() - z.avail_out);
  deflateEnd(&z);
  if (code != Z_STREAM_END) return Status(Code::kInternal, "deflate failed");
  return Status::Ok();
}

// ---------------------------------------------------------------- snappy

// snappy-java's stream: magic, version and lowest compatible version, then chunks of a big-endian
// length and raw snappy. A further header may stand where a chunk length is expected (streams
// written one after another).
constexpr std::array<uint8_t, 8> kXerialMagic = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
constexpr size_t kXerialHeaderSize = 16;
constexpr int32_t kXerialVersion = 1;
constexpr size_t kXerialChunk = 32 * 1024;  // what SnappyOutputStream uses

bool StartsXerial(ByteView in) {
  return in.size() >= kXerialMagic.size() &&
         std::equal(kXerialMagic.begin(), kXerialMagic.end(), in.begin());
}

// Appends one raw snappy block to *out.
Status AppendSnappyBlock(ByteView block, size_t out_max, Bytes* out) {
  constexpr auto kType = CompressionType::kSnappy;
  const char* data = reinterpret_cast<const char*>(block.data());
  size_t size = 0;
  if (!snappy::GetUncompressedLength(data, block.size(), &size)) {
    return Damaged(kType, "no length");
  }
  if (size > out_max - out->size()) return TooLarge(kType, out_max);
  // A snappy element yields at most 64 bytes and takes at least two (a copy) or one per byte (a
  // literal): a claim beyond that is a lie, and is refused before memory is taken for it.
  if (size / 64 > block.size()) return Damaged(kType, "claims more than its bytes can hold");
  size_t at = out->size();
  out->resize(at + size);
  if (!snappy::RawUncompress(data, block.size(), reinterpret_cast<char*>(out->data() + at))) {
    return Damaged(kType, "damaged block");
  }
  return Status::Ok();
}

Status DecompressSnappy(ByteView in, size_t out_max, Bytes* out) {
  constexpr auto kType = CompressionType::kSnappy;
  out->clear();
  if (!StartsXerial(in)) return AppendSnappyBlock(in, out_max, out);
  while (!in.empty()) {
    if (StartsXerial(in)) {
      if (in.size() < kXerialHeaderSize) return Damaged(kType, "cut short in the header");
      int32_t version = LoadBig<int32_t>(in.data() + 8);
      if (version < kXerialVersion) {
        return Status(Code::kUnsupported, "snappy: framing version " + std::to_string(version));
      }
      in = in.subspan(kXerialHeaderSize);
      continue;
    }
    if (in.size() < 4) return Damaged(kType, "cut short in a chunk length");
    auto length = LoadBig<uint32_t>(in.data());
    in = in.subspan(4);
    if (length > in.size()) return Damaged(kType, "a chunk is longer than what is left");
    MB_RETURN_IF_ERROR(AppendSnappyBlock(in.first(length), out_max, out));
    in = in.subspan(length);
  }
  return Status::Ok();
}

Status CompressSnappy(int level, ByteView in, Bytes* out) {
  if (level != kCompressionLevelDefault) return BadLevel(CompressionType::kSnappy, level);
  out->clear();
  out->reserve(kXerialHeaderSize + in.size() / 2);
  Append(*out, kXerialMagic);
  AppendBig<int32_t>(*out, kXerialVersion);
  AppendBig<int32_t>(*out, kXerialVersion);
  while (!in.empty()) {
    ByteView chunk = in.first(std::min(in.size(), kXerialChunk));
    in = in.subspan(chunk.size());
    size_t at = out->size(), size = 0;
    out->resize(at + 4 + snappy::MaxCompressedLength(chunk.size()));
    snappy::RawCompress(reinterpret_cast<const char*>(chunk.data()), chunk.size(),
                        reinterpret_cast<char*>(out->data() + at + 4), &size);
    StoreBig<uint32_t>(out->data() + at, static_cast<uint32_t>(size));
    out->resize(at + 4 + size);
  }
  return Status::Ok();
}

// ---------------------------------------------------------------- lz4

constexpr std::array<uint8_t, 4> kLz4Magic = {0x04, 0x22, 0x4d, 0x18};

Status DecompressLz4(ByteView in, size_t out_max, Bytes* out) {
  constexpr auto kType = CompressionType::kLz4;
  if (in.size() < kLz4Magic.size() || !std::equal(kLz4Magic.begin(), kLz4Magic.end(), in.begin())) {
    return Damaged(kType, "no frame header");
  }
  LZ4F_dctx* raw = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&raw, LZ4F_VERSION))) {
    return Status(Code::kInternal, "LZ4F_createDecompressionContext failed");
  }
  std::unique_ptr<LZ4F_dctx, decltype(&LZ4F_freeDecompressionContext)> context(
      raw, &LZ4F_freeDecompressionContext);
  BoundedOutput sink(out, in.size(), out_max);
  for (;;) {
    MutableByteView room = sink.Room();
    size_t consumed = in.size(), produced = room.size();
    size_t left =
        LZ4F_decompress(context.get(), room.data(), &produced, in.data(), &consumed, nullptr);
    if (LZ4F_isError(left)) return Damaged(kType, LZ4F_getErrorName(left));
    in = in.subspan(consumed);
    if (!sink.Wrote(produced)) return TooLarge(kType, out_max);
    if (left == 0) break;
    if (consumed == 0 && produced == 0) return Damaged(kType, "cut short");
  }
  sink.Finish();
  return Status::Ok();
}

Status CompressLz4(int level, ByteView in, Bytes* out) {
  LZ4F_preferences_t preferences{};
  // KafkaLZ4BlockInputStream takes independent blocks only.
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;
  if (level == kCompressionLevelDefault) {
    preferences.compressionLevel = 0;
  } else if (level < 1 || level > 17) {
    return BadLevel(CompressionType::kLz4, level);
  } else {
    preferences.compressionLevel = std::min(level, LZ4F_compressionLevel_max());
  }
  out->resize(LZ4F_compressFrameBound(in.size(), &preferences));
  size_t size = LZ4F_compressFrame(out->data(), out->size(), in.data(), in.size(), &preferences);
  if (LZ4F_isError(size)) return Status(Code::kInternal, LZ4F_getErrorName(size));
  out->resize(size);
  return Status::Ok();
}

}  // namespace

std::string_view NameOf(CompressionType type) {
  return kNames[static_cast<size_t>(type)];
}

Result<CompressionType> ParseCompressionType(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<CompressionType>(i);
  }
  return Status(Code::kInvalidArgument, "no compression type '" + std::string(name) + "'")
      .WithHint("one of none, gzip, snappy, lz4, zstd");
}

Result<CompressionType> CompressionTypeFromId(int id) {
  if (id < 0 || id > kCompressionTypeMax) {
    return Status(Code::kUnsupported, "unknown compression id " + std::to_string(id));
  }
  return static_cast<CompressionType>(id);
}

Status Decompress(CompressionType type, ByteView in, size_t out_max, Bytes* out) {
  Status status;
  switch (type) {
    case CompressionType::kNone:
      if (in.size() > out_max) {
        status = TooLarge(type, out_max);
      } else {
        out->assign(in.begin(), in.end());
      }
      break;
    case CompressionType::kGzip:
      status = DecompressGzip(in, out_max, out);
      break;
    case CompressionType::kSnappy:
      status = DecompressSnappy(in, out_max, out);
      break;
    case CompressionType::kLz4:
      status = DecompressLz4(in, out_max, out);
      break;
    case CompressionType::kZstd:
      status = internal::DecompressZstd(in, out_max, out);
      break;
  }
  if (!status.ok()) out->clear();
  return status;
}

Status Compress(CompressionType type, int level, ByteView in, Bytes* out) {
  switch (type) {
    case CompressionType::kNone:
      out->assign(in.begin(), in.end());
      return Status::Ok();
    case CompressionType::kGzip:
      return CompressGzip(level, in, out);
    case CompressionType::kSnappy:
      return CompressSnappy(level, in, out);
    case CompressionType::kLz4:
      return CompressLz4(level, in, out);
    case CompressionType::kZstd:
      return ZstdCompress(level, in, out);
  }
  return Status(Code::kInternal, "unknown compression type");
}

}  // namespace maxbrod
