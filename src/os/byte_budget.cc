#include "os/byte_budget.h"

#include <algorithm>
#include <condition_variable>
#include <string>

namespace maxbrod {

struct ByteBudget::Waiter {
  uint64_t bytes;
  bool served = false;
  std::condition_variable_any wake;
};

void ByteBudget::Lease::Release() {
  if (budget_ != nullptr && bytes_ > 0) budget_->GiveBack(bytes_);
  budget_ = nullptr;
  bytes_ = 0;
}

void ByteBudget::Lease::ShrinkTo(uint64_t bytes) {
  MB_CHECK(bytes <= bytes_);
  if (bytes < bytes_) budget_->GiveBack(bytes_ - bytes);
  bytes_ = bytes;
}

ByteBudget::Lease ByteBudget::Lease::Split(uint64_t bytes) {
  MB_CHECK(bytes <= bytes_);
  bytes_ -= bytes;
  return Lease(budget_, bytes);
}

ByteBudget::~ByteBudget() {
  MB_CHECK(used_ == 0 && waiters_.empty());
}

void ByteBudget::Grant(uint64_t bytes) {
  used_ += bytes;
  high_water_ = std::max(high_water_, used_);
}

// With the mutex held.
void ByteBudget::ServeWaiters() {
  while (!waiters_.empty() && waiters_.front()->bytes <= total_ - used_) {
    Waiter* first = waiters_.front();
    waiters_.pop_front();
    Grant(first->bytes);
    first->served = true;
    first->wake.notify_one();
  }
}

void ByteBudget::GiveBack(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  MB_CHECK(bytes <= used_);
  used_ -= bytes;
  ServeWaiters();
}

Result<ByteBudget::Lease> ByteBudget::Acquire(uint64_t bytes, const CallContext& context) {
  if (bytes > total_) {
    return Status(Code::kInvalidArgument, "one piece of work needs " + std::to_string(bytes) +
                                              " bytes of memory; the budget is " +
                                              std::to_string(total_))
        .WithHint("raise --memory");
  }
  std::unique_lock lock(mutex_);
  if (waiters_.empty() && bytes <= total_ - used_) {
    Grant(bytes);
    return Lease(this, bytes);
  }
  Waiter waiter{bytes, false, {}};
  auto place = waiters_.insert(waiters_.end(), &waiter);
  waiter.wake.wait_for(lock, context.stop, context.deadline.Remaining(),
                       [&] { return waiter.served; });
  if (waiter.served) return Lease(this, bytes);
  waiters_.erase(place);
  ServeWaiters();  // those behind may have waited only for our turn to pass
  lock.unlock();
  Status status = context.Check();
  if (status.ok()) status = Status(Code::kTimeout, "deadline passed").Retryable();
  return std::move(status).WithContext("waiting for " + std::to_string(bytes) + " bytes of memory");
}

std::optional<ByteBudget::Lease> ByteBudget::TryAcquire(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  if (!waiters_.empty() || bytes > total_ - used_) return std::nullopt;
  Grant(bytes);
  return Lease(this, bytes);
}

uint64_t ByteBudget::used() const {
  std::lock_guard lock(mutex_);
  return used_;
}

uint64_t ByteBudget::high_water() const {
  std::lock_guard lock(mutex_);
  return high_water_;
}

size_t ByteBudget::waiting() const {
  std::lock_guard lock(mutex_);
  return waiters_.size();
}

}  // namespace maxbrod
