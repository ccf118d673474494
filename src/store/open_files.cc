#include "store/open_files.h"

#include <utility>

namespace maxbrod::store {

void OpenFiles::EvictIdle(int64_t now_nanos) {
  constexpr int64_t kIdleNanos = kIdleMax.count() * 1'000'000;
  while (!entries_.empty() && now_nanos - entries_.back().used_nanos > kIdleNanos) {
    by_path_.erase(entries_.back().path);
    entries_.pop_back();
  }
}

std::shared_ptr<File> OpenFiles::Find(const std::string& path) {
  std::lock_guard lock(mutex_);
  int64_t now = clock_.MonotonicNanos();
  EvictIdle(now);
  auto found = by_path_.find(path);
  if (found == by_path_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  found->second->used_nanos = now;
  return found->second->file;
}

Result<std::shared_ptr<File>> OpenFiles::Open(const std::string& path) {
  if (std::shared_ptr<File> file = Find(path)) {
    Result<FileStat> stat = file->Stat();
    if (stat.ok() && stat->links > 0) return file;
    Forget(path);
  }
  MB_ASSIGN_OR_RETURN(std::shared_ptr<File> file, files_.OpenForRead(path));
  std::lock_guard lock(mutex_);
  auto [at, added] = by_path_.try_emplace(path, entries_.end());
  if (!added) return file;  // another thread was faster
  entries_.push_front(Entry{path, file, clock_.MonotonicNanos()});
  at->second = entries_.begin();
  if (entries_.size() > files_max_) {
    by_path_.erase(entries_.back().path);
    entries_.pop_back();
  }
  return file;
}

void OpenFiles::Forget(const std::string& path) {
  std::lock_guard lock(mutex_);
  auto found = by_path_.find(path);
  if (found == by_path_.end()) return;
  entries_.erase(found->second);
  by_path_.erase(found);
}

size_t OpenFiles::size() const {
  std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace maxbrod::store
