// Many small pieces of work by a few threads.
#pragma once

#include <cstddef>
#include <functional>

#include "base/status.h"

namespace maxbrod::engine {

// Calls `work` for 0 to count-1, by at most `threads` threads at once; after the first error no
// further piece is begun, and that error is returned. With one piece no thread is started.
Status ForEachInParallel(size_t count, size_t threads, const std::function<Status(size_t)>& work);

}  // namespace maxbrod::engine
