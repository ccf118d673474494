#include "engine/parallel.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace maxbrod::engine {

Status ForEachInParallel(size_t count, size_t threads, const std::function<Status(size_t)>& work) {
  if (count == 1) return work(0);
  std::atomic<size_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;
  Status failure;
  {
    std::vector<std::jthread> running;
    size_t wanted = std::min(std::max<size_t>(threads, 1), count);
    for (size_t t = 0; t < wanted; ++t) {
      running.emplace_back([&] {
        for (size_t i = next++; i < count && !failed; i = next++) {
          Status status = work(i);
          if (status.ok()) continue;
          std::lock_guard lock(mutex);
          if (!failed.exchange(true)) failure = std::move(status);
        }
      });
    }
  }
  return failure;
}

}  // namespace maxbrod::engine
