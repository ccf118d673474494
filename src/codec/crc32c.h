// CRC-32C (Castagnoli, RFC 3720 B.4; the checksum of Kafka's RecordBatch v2) and its arithmetic.
//
// A checksum here is always the finished one (initial value and final inversion applied), as Kafka
// stores it. The operations below are linear algebra over GF(2): they cost about 20 ns whatever the
// lengths. Everything is pure and thread-safe.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace maxbrod {

// The checksum of `data`.
uint32_t Crc32c(ByteView data);

// The checksum of A + `data`, where `crc` is that of A. Crc32cExtend(0, data) == Crc32c(data).
uint32_t Crc32cExtend(uint32_t crc, ByteView data);

// crc * x^(8 * len) modulo the polynomial: what `crc`, taken as a difference of two checksums,
// becomes when `len` equal bytes follow on both sides.
uint32_t Crc32cShift(uint32_t crc, uint64_t len);

// The checksum of A + B from those of A and B, B being `len_b` bytes long.
uint32_t Crc32cCombine(uint32_t crc_a, uint32_t crc_b, uint64_t len_b);

// The checksum of a message whose prefix was replaced by another of the same length, without a pass
// over the `suffix_len` bytes after it. This is how the header of a record batch is patched.
uint32_t Crc32cReplace(uint32_t old_total_crc, uint32_t crc_old_prefix, uint32_t crc_new_prefix,
                       uint64_t suffix_len);

namespace internal {
// Both ways of computing, for tests and benchmarks. The hardware one may only be called where
// Crc32cHasHardware().
bool Crc32cHasHardware();
uint32_t Crc32cExtendPortable(uint32_t crc, ByteView data);
uint32_t Crc32cExtendHardware(uint32_t crc, ByteView data);
uint32_t Crc32cShiftPortable(uint32_t crc, uint64_t len);
uint32_t Crc32cShiftHardware(uint32_t crc, uint64_t len);
}  // namespace internal

}  // namespace maxbrod
