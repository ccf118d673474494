#include "codec/crc32c.h"

#include <array>

#include "base/status.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define MB_CRC32C_X86 1
#endif

namespace maxbrod {
namespace {

// Polynomials are bit-reflected, as everywhere with this checksum: bit 31 is the coefficient of
// x^0.
constexpr uint32_t kPolynomial = 0x82f63b78;
constexpr uint32_t kOne = uint32_t{1} << 31;

constexpr uint32_t MultiplyModP(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (uint32_t bit = kOne; bit != 0; bit >>= 1) {
    if (a & bit) product ^= b;
    b = (b & 1) ? (b >> 1) ^ kPolynomial : b >> 1;
  }
  return product;
}

constexpr uint32_t PowerOfX(uint64_t n) {
  uint32_t result = kOne;
  uint32_t square = kOne >> 1;  // x
  for (; n != 0; n >>= 1) {
    if (n & 1) result = MultiplyModP(result, square);
    square = MultiplyModP(square, square);
  }
  return result;
}

// The polynomial is (x + 1) times a primitive one of degree 31, so powers of x repeat after 2^31
// - 1. As 8 has an inverse modulo that number, so do whole bytes: a length counts only modulo it.
constexpr uint64_t kPeriod = (uint64_t{1} << 31) - 1;
static_assert(PowerOfX(kPeriod) == kOne);

// kBytePowers[digit][d] = x^(8 * d * 16^digit): a shift multiplies one entry per hexadecimal digit.
using BytePowers = std::array<std::array<uint32_t, 16>, 8>;
constexpr BytePowers MakeBytePowers() {
  BytePowers table{};
  uint32_t base = kOne >> 8;
  for (auto& row : table) {
    row[0] = kOne;
    for (size_t d = 1; d < 16; ++d) row[d] = MultiplyModP(row[d - 1], base);
    base = MultiplyModP(row[15], base);
  }
  return table;
}
constexpr BytePowers kBytePowers = MakeBytePowers();

// kSlices[k][b]: byte b followed by k zero bytes ("slicing by 8").
using Slices = std::array<std::array<uint32_t, 256>, 8>;
constexpr Slices MakeSlices() {
  Slices table{};
  for (uint32_t b = 0; b < 256; ++b) {
    uint32_t crc = b;
    for (int i = 0; i < 8; ++i) crc = (crc & 1) ? (crc >> 1) ^ kPolynomial : crc >> 1;
    table[0][b] = crc;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (size_t b = 0; b < 256; ++b) {
      uint32_t before = table[k - 1][b];
      table[k][b] = (before >> 8) ^ table[0][before & 0xff];
    }
  }
  return table;
}
constexpr Slices kSlices = MakeSlices();

uint64_t LoadLittle64(const uint8_t* p) {
  uint64_t v;
  std::memcpy(&v, p, sizeof(v));
  if constexpr (std::endian::native == std::endian::big) v = ByteSwap(v);
  return v;
}

}  // namespace

namespace internal {

uint32_t Crc32cExtendPortable(uint32_t crc, ByteView data) {
  const uint8_t* p = data.data();
  size_t left = data.size();
  crc = ~crc;
  for (; left >= 8; left -= 8, p += 8) {
    uint64_t v = LoadLittle64(p) ^ crc;
    crc = 0;
    for (size_t k = 0; k < 8; ++k) crc ^= kSlices[7 - k][(v >> (8 * k)) & 0xff];
  }
  for (; left > 0; --left, ++p) crc = (crc >> 8) ^ kSlices[0][(crc ^ *p) & 0xff];
  return ~crc;
}

uint32_t Crc32cShiftPortable(uint32_t crc, uint64_t len) {
  len %= kPeriod;
  for (size_t digit = 0; len != 0; ++digit, len >>= 4) {
    if ((len & 15) != 0) crc = MultiplyModP(crc, kBytePowers[digit][len & 15]);
  }
  return crc;
}

#if defined(MB_CRC32C_X86)

bool Crc32cHasHardware() {
  static const bool has = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
  return has;
}

namespace {

#define MB_TARGET __attribute__((target("sse4.2,pclmul")))

// a * b * x^33: the carry-less product of two reflected 32-bit values is a * b * x in 64 bits, and
// the crc instruction multiplies by x^32 while it reduces.
MB_TARGET inline uint32_t MultiplyX33(uint32_t a, uint32_t b) {
  __m128i product = _mm_clmulepi64_si128(_mm_cvtsi32_si128(static_cast<int>(a)),
                                         _mm_cvtsi32_si128(static_cast<int>(b)), 0);
  return static_cast<uint32_t>(_mm_crc32_u64(0, static_cast<uint64_t>(_mm_cvtsi128_si64(product))));
}

// kBytePowers times x^-33, which takes away again what MultiplyX33 adds.
constexpr BytePowers MakeBytePowersLess33() {
  constexpr uint32_t kUndo = PowerOfX(kPeriod - 33);
  static_assert(MultiplyModP(kUndo, PowerOfX(33)) == kOne);
  BytePowers table = kBytePowers;
  for (auto& row : table) {
    for (uint32_t& power : row) power = MultiplyModP(power, kUndo);
  }
  return table;
}
constexpr BytePowers kBytePowersLess33 = MakeBytePowersLess33();

// The crc instruction has a latency of 3 cycles and starts every cycle: three streams side by side
// fill it. Each is kStream bytes; the first two are then shifted over what lies behind them.
template <size_t kStream>
MB_TARGET inline uint32_t ThreeStreams(uint32_t crc, const uint8_t** data, size_t* left) {
  static_assert(kStream % 16 == 0);
  constexpr uint32_t kShiftOne = PowerOfX(8 * kStream - 33);
  constexpr uint32_t kShiftTwo = PowerOfX(16 * kStream - 33);
  const uint8_t* p = *data;
  size_t blocks = *left / (3 * kStream);
  for (size_t n = 0; n < blocks; ++n, p += 3 * kStream) {
    uint64_t a = crc, b = 0, c = 0;
    for (size_t i = 0; i < kStream; i += 16) {
      a = _mm_crc32_u64(a, LoadLittle64(p + i));
      b = _mm_crc32_u64(b, LoadLittle64(p + kStream + i));
      c = _mm_crc32_u64(c, LoadLittle64(p + 2 * kStream + i));
      a = _mm_crc32_u64(a, LoadLittle64(p + i + 8));
      b = _mm_crc32_u64(b, LoadLittle64(p + kStream + i + 8));
      c = _mm_crc32_u64(c, LoadLittle64(p + 2 * kStream + i + 8));
    }
    crc = MultiplyX33(static_cast<uint32_t>(a), kShiftTwo) ^
          MultiplyX33(static_cast<uint32_t>(b), kShiftOne) ^ static_cast<uint32_t>(c);
  }
  *data = p;
  *left -= blocks * 3 * kStream;
  return crc;
}

}  // namespace

MB_TARGET uint32_t Crc32cExtendHardware(uint32_t crc, ByteView data) {
  const uint8_t* p = data.data();
  size_t left = data.size();
  crc = ~crc;
  if (left >= 3 * 2048) crc = ThreeStreams<2048>(crc, &p, &left);
  if (left >= 3 * 128) crc = ThreeStreams<128>(crc, &p, &left);
  uint64_t wide = crc;
  for (; left >= 8; left -= 8, p += 8) wide = _mm_crc32_u64(wide, LoadLittle64(p));
  crc = static_cast<uint32_t>(wide);
  for (; left > 0; --left, ++p) crc = _mm_crc32_u8(crc, *p);
  return ~crc;
}

MB_TARGET uint32_t Crc32cShiftHardware(uint32_t crc, uint64_t len) {
  len %= kPeriod;
  for (size_t digit = 0; len != 0; ++digit, len >>= 4) {
    if ((len & 15) != 0) crc = MultiplyX33(crc, kBytePowersLess33[digit][len & 15]);
  }
  return crc;
}

#undef MB_TARGET

#else

bool Crc32cHasHardware() {
  return false;
}
uint32_t Crc32cExtendHardware(uint32_t, ByteView) {
  MB_CHECK(false);
}
uint32_t Crc32cShiftHardware(uint32_t, uint64_t) {
  MB_CHECK(false);
}

#endif

}  // namespace internal

uint32_t Crc32cExtend(uint32_t crc, ByteView data) {
  return internal::Crc32cHasHardware() ? internal::Crc32cExtendHardware(crc, data)
                                       : internal::Crc32cExtendPortable(crc, data);
}

uint32_t Crc32c(ByteView data) {
  return Crc32cExtend(0, data);
}

uint32_t Crc32cShift(uint32_t crc, uint64_t len) {
  return internal::Crc32cHasHardware() ? internal::Crc32cShiftHardware(crc, len)
                                       : internal::Crc32cShiftPortable(crc, len);
}

uint32_t Crc32cCombine(uint32_t crc_a, uint32_t crc_b, uint64_t len_b) {
  return Crc32cShift(crc_a, len_b) ^ crc_b;
}

uint32_t Crc32cReplace(uint32_t old_total_crc, uint32_t crc_old_prefix, uint32_t crc_new_prefix,
                       uint64_t suffix_len) {
  return old_total_crc ^ Crc32cShift(crc_old_prefix ^ crc_new_prefix, suffix_len);
}

}  // namespace maxbrod
