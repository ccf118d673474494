// Kafka's variable-length integers: base-128 groups, least significant first, the high bit saying
// "more follow"; signed ones zig-zag (org.apache.kafka.common.utils.ByteUtils is the truth).
//
// Readers take bytes from the front of a view. On success the view has moved past the number; on
// failure (bytes ran out, or a group too many) they return false and change nothing. As in the
// broker's reader, the bits of the last allowed group that do not fit are dropped, so what a broker
// accepts is accepted here.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace maxbrod {

inline constexpr size_t kVarintBytesMax = 5;
inline constexpr size_t kVarlongBytesMax = 10;

constexpr uint32_t ZigZagEncode(int32_t v) {
  return (static_cast<uint32_t>(v) << 1) ^ static_cast<uint32_t>(v >> 31);
}
constexpr uint64_t ZigZagEncode(int64_t v) {
  return (static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63);
}
constexpr int32_t ZigZagDecode(uint32_t v) {
  return static_cast<int32_t>((v >> 1) ^ (~(v & 1) + 1));
}
constexpr int64_t ZigZagDecode(uint64_t v) {
  return static_cast<int64_t>((v >> 1) ^ (~(v & 1) + 1));
}

namespace internal {

template <typename U, size_t kBytesMax>
bool ReadGroups(ByteView* in, U* out) {
  U value = 0;
  size_t available = in->size() < kBytesMax ? in->size() : kBytesMax;
  for (size_t i = 0; i < available; ++i) {
    uint8_t b = (*in)[i];
    value |= static_cast<U>(static_cast<U>(b & 0x7f) << (7 * i));
    if ((b & 0x80) == 0) {
      *in = in->subspan(i + 1);
      *out = value;
      return true;
    }
  }
  return false;
}

template <typename U>
size_t WriteGroups(uint8_t* out, U value) {
  size_t n = 0;
  for (; value >= 0x80; value >>= 7) out[n++] = static_cast<uint8_t>(value | 0x80);
  out[n++] = static_cast<uint8_t>(value);
  return n;
}

template <typename U>
constexpr size_t GroupCount(U value) {
  size_t n = 1;
  for (; value >= 0x80; value >>= 7) ++n;
  return n;
}

}  // namespace internal

// --- reading ---
[[nodiscard]] inline bool ReadUnsignedVarint(ByteView* in, uint32_t* out) {
  return internal::ReadGroups<uint32_t, kVarintBytesMax>(in, out);
}
[[nodiscard]] inline bool ReadUnsignedVarlong(ByteView* in, uint64_t* out) {
  return internal::ReadGroups<uint64_t, kVarlongBytesMax>(in, out);
}
[[nodiscard]] inline bool ReadVarint(ByteView* in, int32_t* out) {
  uint32_t raw;
  if (!ReadUnsignedVarint(in, &raw)) return false;
  *out = ZigZagDecode(raw);
  return true;
}
[[nodiscard]] inline bool ReadVarlong(ByteView* in, int64_t* out) {
  uint64_t raw;
  if (!ReadUnsignedVarlong(in, &raw)) return false;
  *out = ZigZagDecode(raw);
  return true;
}

// --- writing: the number of bytes written; the caller guarantees room (kVarintBytesMax,
// kVarlongBytesMax) ---
inline size_t WriteUnsignedVarint(uint8_t* out, uint32_t v) {
  return internal::WriteGroups(out, v);
}
inline size_t WriteUnsignedVarlong(uint8_t* out, uint64_t v) {
  return internal::WriteGroups(out, v);
}
inline size_t WriteVarint(uint8_t* out, int32_t v) {
  return WriteUnsignedVarint(out, ZigZagEncode(v));
}
inline size_t WriteVarlong(uint8_t* out, int64_t v) {
  return WriteUnsignedVarlong(out, ZigZagEncode(v));
}

inline void AppendUnsignedVarint(Bytes& out, uint32_t v) {
  uint8_t buffer[kVarintBytesMax];
  out.insert(out.end(), buffer, buffer + WriteUnsignedVarint(buffer, v));
}
inline void AppendUnsignedVarlong(Bytes& out, uint64_t v) {
  uint8_t buffer[kVarlongBytesMax];
  out.insert(out.end(), buffer, buffer + WriteUnsignedVarlong(buffer, v));
}
inline void AppendVarint(Bytes& out, int32_t v) {
  AppendUnsignedVarint(out, ZigZagEncode(v));
}
inline void AppendVarlong(Bytes& out, int64_t v) {
  AppendUnsignedVarlong(out, ZigZagEncode(v));
}

// --- sizes in bytes ---
constexpr size_t SizeOfUnsignedVarint(uint32_t v) {
  return internal::GroupCount(v);
}
constexpr size_t SizeOfUnsignedVarlong(uint64_t v) {
  return internal::GroupCount(v);
}
constexpr size_t SizeOfVarint(int32_t v) {
  return internal::GroupCount(ZigZagEncode(v));
}
constexpr size_t SizeOfVarlong(int64_t v) {
  return internal::GroupCount(ZigZagEncode(v));
}

}  // namespace maxbrod
