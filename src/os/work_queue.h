// A few threads that do pieces of work for somebody who goes on meanwhile.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/status.h"
#include "os/deadline.h"

namespace maxbrod {

// Thread-safe. At most as many pieces are taken as there are threads: who brings more waits, so
// that what they hold is bounded. The first error stops everything and is what all later calls
// return. Destroyed before Drain, it stops what runs (by the pieces' stop token) and waits for it.
class WorkQueue {
 public:
  using Work = std::function<Status(const CallContext&)>;

  // `context` bounds each piece of work and each wait.
  WorkQueue(size_t threads, const CallContext& context);
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;
  ~WorkQueue();

  // Returns when a thread has the work, or one is about to take it; it is dropped after an error.
  Status Submit(Work work);
  // Waits until all that was submitted is done.
  Status Drain();

 private:
  void Run();
  // Caller holds mutex_.
  Status Trouble() const;
  bool WaitFor(std::unique_lock<std::mutex>& lock, const std::function<bool()>& ready);

  std::stop_source stop_;
  const std::stop_callback<std::function<void()>> chained_;  // the caller's stop is ours
  const CallContext context_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Work> waiting_;
  size_t unfinished_ = 0;  // waiting or running
  bool closed_ = false;
  Status failure_;
  std::vector<std::jthread> threads_;
};

}  // namespace maxbrod
