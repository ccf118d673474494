// A few files kept open between ranged reads.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "os/file.h"

namespace maxbrod::store {

// Holds at most `files_max` files open, least recently used out first; one that was not used for
// `idle_max` is closed at the next call, so that a file removed by another process gives its space
// back. Thread-safe. A file handed out stays open as long as its user holds it.
class OpenFiles {
 public:
  static constexpr size_t kFilesMax = 64;
  static constexpr Millis kIdleMax{60'000};

  OpenFiles(FileSystem& files, Clock& clock, size_t files_max = kFilesMax)
      : files_(files), clock_(clock), files_max_(files_max) {}

  // The errors are those of FileSystem::OpenForRead. A cached file without a name left is opened
  // anew.
  Result<std::shared_ptr<File>> Open(const std::string& path);
  void Forget(const std::string& path);
  size_t size() const;

 private:
  struct Entry {
    std::string path;
    std::shared_ptr<File> file;
    int64_t used_nanos = 0;
  };
  using Entries = std::list<Entry>;  // most recently used first

  std::shared_ptr<File> Find(const std::string& path);
  void EvictIdle(int64_t now_nanos);  // mutex_ is held

  FileSystem& files_;
  Clock& clock_;
  const size_t files_max_;
  mutable std::mutex mutex_;
  Entries entries_;
  std::unordered_map<std::string, Entries::iterator> by_path_;
};

}  // namespace maxbrod::store
