#include "engine/progress.h"

#include <utility>

namespace maxbrod::engine {

void Progress::Begin(const std::string& phase, uint64_t bytes_total, uint64_t records_total) {
  std::lock_guard lock(mutex_);
  phase_ = phase;
  bytes_total_ = bytes_total;
  records_total_ = records_total;
  bytes_ = 0;
  records_ = 0;
}

void Progress::Note(const std::string& text) {
  std::lock_guard lock(mutex_);
  messages_.push_back({false, text});
}

void Progress::Warn(const std::string& text) {
  std::lock_guard lock(mutex_);
  messages_.push_back({true, text});
  warnings_.push_back(text);
}

Progress::Reading Progress::Read() const {
  std::lock_guard lock(mutex_);
  return {phase_, bytes_, bytes_total_, records_, records_total_};
}

std::vector<Progress::Message> Progress::TakeMessages() {
  std::lock_guard lock(mutex_);
  return std::exchange(messages_, {});
}

std::vector<std::string> Progress::warnings() const {
  std::lock_guard lock(mutex_);
  return warnings_;
}

}  // namespace maxbrod::engine
