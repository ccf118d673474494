// Byte views and big-endian loads and stores. All multi-byte integers of Kafka's protocol and of
// the repository format are big-endian.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace maxbrod {

using ByteView = std::span<const uint8_t>;
using MutableByteView = std::span<uint8_t>;
using Bytes = std::vector<uint8_t>;

inline ByteView AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline std::string_view AsText(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline std::string ToString(ByteView bytes) {
  return std::string(AsText(bytes));
}

inline uint16_t ByteSwap(uint16_t v) {
  return __builtin_bswap16(v);
}
inline uint32_t ByteSwap(uint32_t v) {
  return __builtin_bswap32(v);
}
inline uint64_t ByteSwap(uint64_t v) {
  return __builtin_bswap64(v);
}

// The caller guarantees sizeof(T) readable bytes at `p`.
template <typename T>
T LoadBig(const uint8_t* p) {
  using U = std::make_unsigned_t<T>;
  U raw;
  std::memcpy(&raw, p, sizeof(raw));
  if constexpr (sizeof(T) == 1) {
    return static_cast<T>(raw);
  } else {
    return static_cast<T>(ByteSwap(raw));
  }
}

// The caller guarantees sizeof(T) writable bytes at `p`.
template <typename T>
void StoreBig(uint8_t* p, T value) {
  using U = std::make_unsigned_t<T>;
  U raw = static_cast<U>(value);
  if constexpr (sizeof(T) > 1) raw = ByteSwap(raw);
  std::memcpy(p, &raw, sizeof(raw));
}

template <typename T>
void AppendBig(Bytes& out, T value) {
  size_t at = out.size();
  out.resize(at + sizeof(T));
  StoreBig<T>(out.data() + at, value);
}

inline void Append(Bytes& out, ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

// Lower-case hexadecimal.
std::string ToHex(ByteView bytes);
// False when `text` is not an even number of hexadecimal digits.
bool FromHex(std::string_view text, Bytes* out);

}  // namespace maxbrod
