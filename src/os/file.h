// Files and directories behind an interface, so that tests may put a faulty disk underneath
// (faulty_file_system.h).
//
// Errors: ENOENT kNotFound, EEXIST kAlreadyExists, ENOSPC and EDQUOT kOutOfSpace, EROFS kReadOnly,
// EACCES and EPERM kPermission, else kIo; the message names the operation, the path and the
// system's reason.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace maxbrod {

struct FileStat {
  uint64_t size = 0;
  int64_t modified_ms = 0;  // Unix epoch
  uint64_t links = 0;       // hard links
  bool is_directory = false;
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
  auto operator<=>(const DirectoryEntry&) const = default;
};

// An open file; the destructor closes it. PreadAll may be called from several threads at once, the
// others from one at a time.
//
// A file is poisoned by its first failed write or Sync: every later write and Sync fails too. After
// a failed write nobody knows how much was appended, and after a failed fsync the kernel may have
// dropped the dirty pages and would report success the next time.
class File {
 public:
  virtual ~File() = default;
  // Appends all pieces, in order.
  virtual Status WriteAll(std::span<const ByteView> pieces) = 0;
  Status WriteAll(ByteView piece) { return WriteAll(std::span<const ByteView>(&piece, 1)); }
  // Begins to bring what was appended since the last call to the disk, without waiting, so that a
  // later Sync has less left to do. Only a hint: it neither fails nor promises anything.
  virtual void StartWriteback() {}
  // Fills `out` from byte `offset`; a file that ends before is kCorrupt.
  virtual Status PreadAll(uint64_t offset, MutableByteView out) = 0;
  // Makes what was written survive a power failure. The file's *name* survives only when its
  // directory was synced as well (FileSystem::SyncDirectory).
  virtual Status Sync() = 0;
  virtual Result<FileStat> Stat() = 0;
  // Tells of an error that close(2) reports late (NFS, quotas). Nothing else may be called
  // afterwards.
  virtual Status Close() = 0;
  virtual const std::string& path() const = 0;
};

// Thread-safe.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // Creates a file for appending (it may be read as well); kAlreadyExists. Only its owner may read
  // it.
  virtual Result<std::unique_ptr<File>> Create(const std::string& path) = 0;
  virtual Result<std::unique_ptr<File>> OpenForRead(const std::string& path) = 0;
  // Makes the names in a directory survive a power failure.
  virtual Status SyncDirectory(const std::string& path) = 0;
  // Gives the file a second name; kAlreadyExists when that one is taken. kUnsupported where the
  // file system has no hard links, or the two names lie on different ones.
  virtual Status Link(const std::string& existing, const std::string& created) = 0;
  virtual Status Unlink(const std::string& path) = 0;
  // Replaces `to` if it is there.
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  virtual Result<FileStat> Stat(const std::string& path) = 0;
  // Like mkdir -p, and durable: the parent of each directory it creates is synced.
  virtual Status MakeDirectories(const std::string& path) = 0;
  virtual Status RemoveDirectory(const std::string& path) = 0;
  // Ascending by name, without "." and "..".
  virtual Result<std::vector<DirectoryEntry>> List(const std::string& path) = 0;
  // Bytes an ordinary user may still write to the file system that holds `path`.
  virtual Result<uint64_t> FreeBytes(const std::string& path) = 0;

  // The machine's own. Lives for the whole process.
  static FileSystem& Posix();
};

// The whole file; larger than `size_max` is kInvalidArgument (nothing is allocated).
Result<Bytes> ReadFile(FileSystem& files, const std::string& path, size_t size_max);

// "/a/b" for "/a/b/c", "." for "c", "/" for "/c".
std::string ParentPath(std::string_view path);

// The Status for an errno value, e.g. ErrnoStatus(ENOENT, "open", "/x") -> kNotFound "open /x: No
// such ...".
Status ErrnoStatus(int error, std::string_view operation, std::string_view object);

}  // namespace maxbrod
