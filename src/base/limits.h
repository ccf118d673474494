// Bounds that several layers share. Each queue, buffer and count elsewhere names its own bound.
#pragma once

#include <cstddef>
#include <cstdint>

namespace maxbrod {

inline constexpr size_t kKiB = size_t{1} << 10;
inline constexpr size_t kMiB = size_t{1} << 20;
inline constexpr size_t kGiB = size_t{1} << 30;

// Largest response a broker may announce before we call it a lie (socket.request.max.bytes is 100
// MiB by default; a fetch may exceed its max_bytes by one oversized batch).
inline constexpr size_t kResponseBytesMax = size_t{1} << 30;

}  // namespace maxbrod
