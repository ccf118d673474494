#include "os/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "os/pieces_internal.h"

namespace maxbrod {
namespace {

// Linux moves at most 0x7ffff000 bytes per call; asking for less keeps the arithmetic in ssize_t.
constexpr size_t kBytesPerCall = size_t{1} << 30;

Code CodeOfErrno(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return Code::kNotFound;
    case EEXIST:
      return Code::kAlreadyExists;
    case ENOSPC:
    case EDQUOT:
      return Code::kOutOfSpace;
    case EROFS:
      return Code::kReadOnly;
    case EACCES:
    case EPERM:
      return Code::kPermission;
    default:
      return Code::kIo;
  }
}

FileStat Convert(const struct stat& st) {
  FileStat out;
  out.size = static_cast<uint64_t>(st.st_size);
  out.modified_ms = int64_t{st.st_mtim.tv_sec} * 1000 + st.st_mtim.tv_nsec / 1'000'000;
  out.links = st.st_nlink;
  out.is_directory = S_ISDIR(st.st_mode);
  return out;
}

template <typename Call>
auto RetryOnInterrupt(Call call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

class PosixFile : public File {
 public:
  PosixFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~PosixFile() override {
    if (fd_ >= 0) ::close(fd_);
  }
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  using File::WriteAll;
  Status WriteAll(std::span<const ByteView> pieces) override {
    MB_RETURN_IF_ERROR(poison_);
    internal::PieceCursor cursor(pieces);
    while (!cursor.done()) {
      iovec iov[internal::PieceCursor::kPiecesMax];
      auto count = static_cast<int>(cursor.Fill(iov));
      ssize_t n = RetryOnInterrupt([&] { return ::writev(fd_, iov, count); });
      if (n < 0) return Poison(ErrnoStatus(errno, "write", path_));
      if (n == 0) return Poison(Status(Code::kIo, "write " + path_ + ": no progress"));
      cursor.Advance(static_cast<size_t>(n));
    }
    return Status::Ok();
  }

  void StartWriteback() override {
    // Without the WAIT flags an error is left for fsync to report.
    auto from = static_cast<off_t>(writeback_);
    auto count = static_cast<off_t>(appended_ - writeback_);
    if (::sync_file_range(fd_, from, count, SYNC_FILE_RANGE_WRITE) == 0) writeback_ = appended_;
  }

  Status PreadAll(uint64_t offset, MutableByteView out) override {
    size_t done = 0;
    while (done < out.size()) {
      size_t want = std::min(out.size() - done, kBytesPerCall);
      auto at = static_cast<off_t>(offset + done);
      ssize_t n = RetryOnInterrupt([&] { return ::pread(fd_, out.data() + done, want, at); });
      if (n < 0) return ErrnoStatus(errno, "read", path_);
      if (n == 0) {
        return Status(Code::kCorrupt, "read " + path_ + ": the file ends at byte " +
                                          std::to_string(offset + done) + ", wanted " +
                                          std::to_string(offset + out.size()));
      }
      done += static_cast<size_t>(n);
    }
    return Status::Ok();
  }

  Status Sync() override {
    MB_RETURN_IF_ERROR(poison_);
    if (RetryOnInterrupt([&] { return ::fsync(fd_); }) != 0) {
      return Poison(ErrnoStatus(errno, "fsync", path_));
    }
    return Status::Ok();
  }

  Result<FileStat> Stat() override {
    struct stat st;
    if (::fstat(fd_, &st) != 0) return ErrnoStatus(errno, "stat", path_);
    return Convert(st);
  }

  Status Close() override {
    int fd = std::exchange(fd_, -1);
    // Linux has released the descriptor even when close was interrupted.
    if (fd >= 0 && ::close(fd) != 0 && errno != EINTR) return ErrnoStatus(errno, "close", path_);
    return Status::Ok();
  }

  const std::string& path() const override { return path_; }

 private:
  Status Poison(Status status) {
    poison_ = status.WithContext("file unusable after an earlier failure");
    return status;
  }

  int fd_;
  const std::string path_;
  Status poison_;
  uint64_t appended_ = 0;
  uint64_t writeback_ = 0;  // appended bytes whose way to the disk has begun
};

class PosixFileSystem : public FileSystem {
 public:
  Result<std::unique_ptr<File>> Create(const std::string& path) override {
    return Open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND, "create");
  }

  Result<std::unique_ptr<File>> OpenForRead(const std::string& path) override {
    return Open(path, O_RDONLY, "open");
  }

  Status SyncDirectory(const std::string& path) override {
    MB_ASSIGN_OR_RETURN(std::unique_ptr<File> directory,
                        Open(path, O_RDONLY | O_DIRECTORY, "open directory"));
    return directory->Sync();
  }

  Status Link(const std::string& existing, const std::string& created) override {
    if (::link(existing.c_str(), created.c_str()) == 0) return Status::Ok();
    int error = errno;
    if (error == EOPNOTSUPP || error == ENOSYS || (error == EPERM && !IsForeign(existing))) {
      return Status(Code::kUnsupported, "link " + created + ": the file system has no hard links")
          .WithHint("use a directory on a local file system (ext4, xfs, ...) or on NFS");
    }
    if (error == EXDEV) {
      return Status(Code::kUnsupported,
                    "link " + created + ": " + existing + " lies on another file system")
          .WithHint("nothing may be mounted below that directory");
    }
    return ErrnoStatus(error, "link", created);
  }

  Status Unlink(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return ErrnoStatus(errno, "unlink", path);
    return Status::Ok();
  }

  Status Rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) {
      return ErrnoStatus(errno, "rename", from + " to " + to);
    }
    return Status::Ok();
  }

  Result<FileStat> Stat(const std::string& path) override {
    struct stat st;
    if (::stat(path.c_str(), &st) != 0) return ErrnoStatus(errno, "stat", path);
    return Convert(st);
  }

  Status MakeDirectories(const std::string& path) override {
    // Down to the first one that exists, then up again; no recursion on a path from outside.
    std::vector<std::string> missing;
    std::string at = path.empty() ? "." : path;
    for (;;) {
      struct stat st;
      if (::stat(at.c_str(), &st) == 0) {
        if (S_ISDIR(st.st_mode)) break;
        return Status(Code::kAlreadyExists, "mkdir " + path + ": " + at + " is not a directory");
      }
      if (errno != ENOENT) return ErrnoStatus(errno, "mkdir", at);
      missing.push_back(at);
      at = ParentPath(at);
    }
    for (auto it = missing.rbegin(); it != missing.rend(); ++it) {
      if (::mkdir(it->c_str(), 0700) != 0 && errno != EEXIST) {
        return ErrnoStatus(errno, "mkdir", *it);
      }
      MB_RETURN_IF_ERROR(SyncDirectory(ParentPath(*it)));
    }
    return Status::Ok();
  }

  Status RemoveDirectory(const std::string& path) override {
    if (::rmdir(path.c_str()) != 0) return ErrnoStatus(errno, "rmdir", path);
    return Status::Ok();
  }

  Result<std::vector<DirectoryEntry>> List(const std::string& path) override {
    std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(path.c_str()), ::closedir);
    if (!dir) return ErrnoStatus(errno, "list", path);
    std::vector<DirectoryEntry> entries;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(dir.get());
      if (entry == nullptr) {
        if (errno != 0) return ErrnoStatus(errno, "list", path);
        break;
      }
      std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      bool is_directory = entry->d_type == DT_DIR;
      if (entry->d_type == DT_UNKNOWN || entry->d_type == DT_LNK) {
        struct stat st;  // a name that vanished meanwhile is listed as a file
        is_directory = ::stat((path + "/" + name).c_str(), &st) == 0 && S_ISDIR(st.st_mode);
      }
      entries.push_back({std::move(name), is_directory});
    }
    std::sort(entries.begin(), entries.end());
    return entries;
  }

  Result<uint64_t> FreeBytes(const std::string& path) override {
    struct statvfs st;
    if (::statvfs(path.c_str(), &st) != 0) return ErrnoStatus(errno, "statvfs", path);
    return uint64_t{st.f_bavail} * uint64_t{st.f_frsize};
  }

 private:
  static Result<std::unique_ptr<File>> Open(const std::string& path, int flags,
                                            std::string_view operation) {
    int fd = RetryOnInterrupt([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0600); });
    if (fd < 0) return ErrnoStatus(errno, operation, path);
    return std::unique_ptr<File>(std::make_unique<PosixFile>(fd, path));
  }

  // EPERM from link(2) means "no hard links here" (FAT, some FUSE) unless the kernel protects files
  // of other owners (fs.protected_hardlinks).
  static bool IsForeign(const std::string& existing) {
    struct stat st;
    return ::stat(existing.c_str(), &st) == 0 && st.st_uid != ::geteuid();
  }
};

}  // namespace

FileSystem& FileSystem::Posix() {
  static PosixFileSystem files;
  return files;
}

Result<Bytes> ReadFile(FileSystem& files, const std::string& path, size_t size_max) {
  MB_ASSIGN_OR_RETURN(std::unique_ptr<File> file, files.OpenForRead(path));
  MB_ASSIGN_OR_RETURN(FileStat stat, file->Stat());
  if (stat.is_directory) return Status(Code::kInvalidArgument, path + " is a directory");
  if (stat.size > size_max) {
    return Status(Code::kInvalidArgument, path + " has " + std::to_string(stat.size) +
                                              " bytes; at most " + std::to_string(size_max) +
                                              " are read");
  }
  Bytes bytes(static_cast<size_t>(stat.size));
  MB_RETURN_IF_ERROR(file->PreadAll(0, bytes));
  return bytes;
}

std::string ParentPath(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  while (slash > 0 && path[slash - 1] == '/') --slash;
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

Status ErrnoStatus(int error, std::string_view operation, std::string_view object) {
  std::string message(operation);
  if (!object.empty()) message.append(" ").append(object);
  // Thread-safe, unlike strerror.
  message.append(": ").append(std::generic_category().message(error));
  Status status(CodeOfErrno(error), std::move(message));
  if (status.code() == Code::kOutOfSpace) {
    return std::move(status).WithHint("free some space or raise the quota, then run again");
  }
  return status;
}

}  // namespace maxbrod
