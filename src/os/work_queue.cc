#include "os/work_queue.h"

#include <utility>

namespace maxbrod {

WorkQueue::WorkQueue(size_t threads, const CallContext& context)
    : chained_(context.stop, [this] { stop_.request_stop(); }),
      context_{context.deadline, stop_.get_token()} {
  MB_CHECK(threads > 0);
  threads_.reserve(threads);
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

WorkQueue::~WorkQueue() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    unfinished_ -= waiting_.size();
    waiting_.clear();
    if (unfinished_ > 0) stop_.request_stop();
  }
  changed_.notify_all();
  threads_.clear();
}

Status WorkQueue::Trouble() const {
  return failure_.ok() ? context_.Check() : failure_;
}

bool WorkQueue::WaitFor(std::unique_lock<std::mutex>& lock, const std::function<bool()>& ready) {
  auto done = [&] { return !failure_.ok() || ready(); };
  if (context_.deadline.IsNever()) return changed_.wait(lock, context_.stop, done);
  // A millisecond more than is left, which is rounded down.
  return changed_.wait_for(lock, context_.stop, context_.deadline.Remaining() + Millis(1), done);
}

Status WorkQueue::Submit(Work work) {
  std::unique_lock lock(mutex_);
  WaitFor(lock, [&] { return unfinished_ < threads_.size(); });
  MB_RETURN_IF_ERROR(Trouble());
  ++unfinished_;
  waiting_.push_back(std::move(work));
  lock.unlock();
  changed_.notify_all();
  return Status::Ok();
}

Status WorkQueue::Drain() {
  std::unique_lock lock(mutex_);
  WaitFor(lock, [&] { return unfinished_ == 0; });
  MB_RETURN_IF_ERROR(failure_);
  return unfinished_ == 0 ? Status::Ok() : context_.Check();
}

void WorkQueue::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    Work work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    Status status = context_.Check();
    if (status.ok()) status = work(context_);
    work = nullptr;  // what it holds goes before the next piece may come
    lock.lock();
    --unfinished_;
    if (!status.ok() && failure_.ok()) failure_ = std::move(status);
    changed_.notify_all();
  }
}

}  // namespace maxbrod
