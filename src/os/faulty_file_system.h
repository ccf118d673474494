// An in-memory FileSystem for tests, as unkind as POSIX allows: what was not synced is lost in a
// crash, file contents and directory entries separately, and any operation can be made to fail.
//
// A crash test walks over every step of an operation:
//
//   for (uint64_t step = 0;; ++step) {
//     FaultyFileSystem files;
//     Prepare(files);
//     files.PowerOffAfter(step);
//     bool finished = Run(files).ok();
//     files.Crash();
//     Check(files);
//     if (finished) break;
//   }
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/clock.h"
#include "os/file.h"

namespace maxbrod {

enum class FileOperation : uint8_t {
  kCreate,
  kOpen,
  kWrite,
  kRead,
  kSync,
  kSyncDirectory,
  kLink,
  kUnlink,
  kRename,
  kStat,
  kMakeDirectories,
  kRemoveDirectory,
  kList,
  kFreeBytes,
  kClose,
};
inline constexpr size_t kFileOperationCount = 15;
std::string_view NameOf(FileOperation operation);

// Whether an operation that is told to fail has an effect before it does. A write has half of it.
enum class FaultEffect : uint8_t { kNone, kApplied };

// What becomes of changes that were not synced.
enum class CrashMode : uint8_t {
  kDropUnsynced,  // all are lost: what a program must be prepared for at least
  kKeepAll,       // all had reached the disk by themselves
  kRandom,        // each file and each directory keeps some of its changes, the oldest first
};

// Thread-safe. Must outlive the files it opened.
class FaultyFileSystem : public FileSystem {
 public:
  explicit FaultyFileSystem(Clock& clock = Clock::System());
  ~FaultyFileSystem() override;

  Result<std::unique_ptr<File>> Create(const std::string& path) override;
  Result<std::unique_ptr<File>> OpenForRead(const std::string& path) override;
  Status SyncDirectory(const std::string& path) override;
  Status Link(const std::string& existing, const std::string& created) override;
  Status Unlink(const std::string& path) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Result<FileStat> Stat(const std::string& path) override;
  Status MakeDirectories(const std::string& path) override;
  Status RemoveDirectory(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> List(const std::string& path) override;
  Result<uint64_t> FreeBytes(const std::string& path) override;

  // The `nth` operation of this kind from now on (1 is the next) fails with errno `error`.
  void FailNth(FileOperation operation, uint64_t nth, int error,
               FaultEffect effect = FaultEffect::kNone);
  // Every operation of this kind fails until ClearFaults.
  void FailAll(FileOperation operation, int error);
  void ClearFaults();
  // How many faults have fired. A test should insist that its faults did.
  uint64_t faults_fired() const;

  // After `steps` more changing operations (those counted by steps()) the power is off: everything
  // fails with kIo until Crash.
  void PowerOffAfter(uint64_t steps);
  // Ends the run: open files die, unsynced changes go as `mode` says, faults and power-off are
  // cleared.
  void Crash(CrashMode mode = CrashMode::kDropUnsynced, uint64_t seed = 0);

  // Writes beyond this many bytes in all files fail with ENOSPC.
  void SetCapacity(uint64_t bytes);

  // Changing operations so far (create, write, sync, sync directory, link, unlink, rename, mkdir,
  // rmdir).
  uint64_t steps() const;
  uint64_t Count(FileOperation operation) const;
  // One line per operation since construction: "link /a /b".
  std::vector<std::string> Trace() const;

 private:
  struct FileNode;
  struct DirectoryNode;
  struct Entry;
  struct Located;
  class OpenFile;
  struct Fault {
    uint64_t countdown = 0;  // 0: every time
    int error = 0;
    FaultEffect effect = FaultEffect::kNone;
  };
  // What Begin decided: `status` is returned, after the effect if `apply`.
  struct Verdict {
    Status status;
    bool apply = true;
  };

  Verdict Begin(FileOperation operation, const std::string& object);
  Result<Located> Locate(const std::string& path, std::string_view operation);
  std::shared_ptr<DirectoryNode> FindDirectory(const std::string& path);
  void CrashDirectory(DirectoryNode& directory, CrashMode mode, std::mt19937_64& rng,
                      std::vector<std::shared_ptr<FileNode>>* names);
  static FileStat StatOf(const Entry& entry);

  Clock& clock_;
  mutable std::mutex mutex_;
  std::shared_ptr<DirectoryNode> root_;
  uint64_t run_ = 0;  // counts crashes; files of an earlier run are dead
  uint64_t capacity_ = UINT64_MAX;
  uint64_t used_ = 0;
  uint64_t steps_ = 0;
  uint64_t power_off_at_ = UINT64_MAX;
  uint64_t faults_fired_ = 0;
  std::array<uint64_t, kFileOperationCount> counts_{};
  std::array<std::vector<Fault>, kFileOperationCount> faults_;
  std::vector<std::string> trace_;
};

}  // namespace maxbrod
