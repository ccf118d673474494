#include <zstd.h>

#include <memory>
#include <string>

#include "codec/compress.h"
#include "codec/compress_internal.h"

namespace maxbrod {

using internal::BadLevel;
using internal::BoundedOutput;
using internal::Damaged;
using internal::TooLarge;

namespace {

constexpr auto kType = CompressionType::kZstd;

// A context costs some hundred KiB and microseconds to make; each thread keeps its own.
ZSTD_DCtx* ThreadDecompressor() {
  thread_local std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(),
                                                                            &ZSTD_freeDCtx);
  return context.get();
}

ZSTD_CCtx* ThreadCompressor() {
  thread_local std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(),
                                                                            &ZSTD_freeCCtx);
  return context.get();
}

Status CheckContentSize(ByteView in, size_t exact_size) {
  unsigned long long claimed = ZSTD_getFrameContentSize(in.data(), in.size());
  bool known = claimed != ZSTD_CONTENTSIZE_UNKNOWN && claimed != ZSTD_CONTENTSIZE_ERROR;
  if (known && claimed == exact_size) return Status::Ok();
  return Damaged(kType, "the frame does not hold " + std::to_string(exact_size) + " bytes");
}

}  // namespace

Status internal::DecompressZstd(ByteView in, size_t out_max, Bytes* out) {
  ZSTD_DCtx* context = ThreadDecompressor();
  if (context == nullptr) return Status(Code::kInternal, "ZSTD_createDCtx failed");
  ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
  BoundedOutput sink(out, in.size(), out_max);
  ZSTD_inBuffer source{in.data(), in.size(), 0};
  for (;;) {
    MutableByteView room = sink.Room();
    ZSTD_outBuffer target{room.data(), room.size(), 0};
    size_t before = source.pos;
    size_t left = ZSTD_decompressStream(context, &target, &source);
    if (ZSTD_isError(left)) return Damaged(kType, ZSTD_getErrorName(left));
    if (!sink.Wrote(target.pos)) return TooLarge(kType, out_max);
    if (left == 0 && source.pos == source.size) break;
    if (source.pos == before && target.pos == 0) return Damaged(kType, "cut short");
  }
  sink.Finish();
  return Status::Ok();
}

Status ZstdCompress(int level, ByteView in, Bytes* out) {
  if (level == kCompressionLevelDefault) level = ZSTD_CLEVEL_DEFAULT;
  if (level < ZSTD_minCLevel() || level > ZSTD_maxCLevel()) return BadLevel(kType, level);
  ZSTD_CCtx* context = ThreadCompressor();
  if (context == nullptr) return Status(Code::kInternal, "ZSTD_createCCtx failed");
  out->resize(ZSTD_compressBound(in.size()));
  size_t size = ZSTD_compressCCtx(context, out->data(), out->size(), in.data(), in.size(), level);
  if (ZSTD_isError(size)) return Status(Code::kInternal, ZSTD_getErrorName(size));
  out->resize(size);
  return Status::Ok();
}

Status ZstdDecompressInto(ByteView in, MutableByteView out) {
  MB_RETURN_IF_ERROR(CheckContentSize(in, out.size()));
  ZSTD_DCtx* context = ThreadDecompressor();
  if (context == nullptr) return Status(Code::kInternal, "ZSTD_createDCtx failed");
  size_t size = ZSTD_decompressDCtx(context, out.data(), out.size(), in.data(), in.size());
  if (ZSTD_isError(size)) return Damaged(kType, ZSTD_getErrorName(size));
  if (size != out.size()) return Damaged(kType, "the frame ends early");
  return Status::Ok();
}

Status ZstdDecompress(ByteView in, size_t exact_size, Bytes* out) {
  out->clear();
  MB_RETURN_IF_ERROR(CheckContentSize(in, exact_size));
  out->resize(exact_size);
  Status status = ZstdDecompressInto(in, *out);
  if (!status.ok()) out->clear();
  return status;
}

}  // namespace maxbrod
