#include "store/file_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/limits.h"
#include "codec/hash.h"
#include "store/file_list.h"
#include "store/object_name.h"
#include "store/pieces.h"

namespace maxbrod::store {
namespace {

// How many appended bytes are handed to the disk at once, in the background.
constexpr uint64_t kWritebackBytes = 8 * kMiB;

constexpr size_t kTemporaryNameBytes = 16;  // random, before they become hexadecimal digits

Status NoSuchObject(const std::string& name, const std::string& url) {
  return Status(Code::kNotFound, fmt::format("no object '{}' in {}", name, url));
}

}  // namespace

// A file in <root>/tmp that is gone with this object.
class FileStore::TemporaryFile {
 public:
  TemporaryFile(FileStore& store, std::unique_ptr<File> file)
      : store_(store), file_(std::move(file)) {}
  ~TemporaryFile() {
    Unlink();
    std::lock_guard lock(store_.mutex_);
    store_.live_temporaries_.erase(file_->path());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  File& file() { return *file_; }
  // What cannot be unlinked now is found later by RemoveStaleTemporaries.
  void Unlink() {
    if (!std::exchange(unlinked_, true)) static_cast<void>(store_.files_.Unlink(file_->path()));
  }

 private:
  FileStore& store_;
  const std::unique_ptr<File> file_;
  bool unlinked_ = false;
};

class FileStore::Writer : public ObjectWriter {
 public:
  Writer(FileStore& store, std::string name, std::unique_ptr<TemporaryFile> temporary,
         CallContext context)
      : store_(store),
        name_(std::move(name)),
        temporary_(std::move(temporary)),
        context_(std::move(context)) {}

  Status Append(std::span<const ByteView> pieces) override {
    if (!temporary_) return Committed();
    MB_RETURN_IF_ERROR(context_.Check());
    Status status = temporary_->file().WriteAll(pieces);
    if (!status.ok()) return store_.Explain(std::move(status), name_);
    bytes_written_ += TotalBytes(pieces);
    if (bytes_written_ - writeback_bytes_ >= kWritebackBytes) {
      temporary_->file().StartWriteback();
      writeback_bytes_ = bytes_written_;
    }
    return Status::Ok();
  }

  Result<PutResult> Commit(const CallContext& context) override {
    if (!temporary_) return Committed();
    MB_RETURN_IF_ERROR(context.Check());
    std::unique_ptr<TemporaryFile> temporary = std::move(temporary_);
    File& file = temporary->file();
    Status synced = file.Sync();
    if (!synced.ok()) return store_.Explain(std::move(synced), name_);
    return store_.Publish(name_, *temporary, [&](File& existing, uint64_t size) {
      return SameContents(file, existing, size);
    });
  }

  uint64_t bytes_written() const override { return bytes_written_; }

 private:
  Status Committed() const {
    return Status(Code::kInternal, fmt::format("object '{}' was already committed", name_));
  }

  Result<bool> SameContents(File& mine, File& existing, uint64_t size) const {
    if (size != bytes_written_) return false;
    Bytes other(static_cast<size_t>(std::min<uint64_t>(size, kMiB)));
    uint64_t at = 0;
    bool same = true;
    Status second;
    MB_RETURN_IF_ERROR(ReadInChunks(
        size, [&](uint64_t offset, MutableByteView out) { return mine.PreadAll(offset, out); },
        [&](ByteView chunk) {
          MutableByteView theirs(other.data(), chunk.size());
          second = existing.PreadAll(at, theirs);
          at += chunk.size();
          return same = second.ok() && std::ranges::equal(chunk, theirs);
        }));
    MB_RETURN_IF_ERROR(second);
    return same;
  }

  FileStore& store_;
  const std::string name_;
  std::unique_ptr<TemporaryFile> temporary_;
  const CallContext context_;
  uint64_t bytes_written_ = 0;
  uint64_t writeback_bytes_ = 0;
};

FileStore::FileStore(std::string root, const FileStoreOptions& options)
    : root_(std::move(root)),
      url_("file://" + root_),
      files_(*options.files),
      clock_(*options.clock),
      open_files_(files_, clock_) {}

Result<std::unique_ptr<FileStore>> FileStore::Open(const std::string& root,
                                                   const FileStoreOptions& options) {
  std::string path = root;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (path.size() < 2 || path.front() != '/') {
    return Status(Code::kInvalidArgument, fmt::format("'{}' cannot be the folder of a store", root))
        .WithHint("give the absolute path of a folder, e.g. file:///backups/kafka");
  }
  if (options.create_root) MB_RETURN_IF_ERROR(options.files->MakeDirectories(path));
  Result<FileStat> stat = options.files->Stat(path);
  if (!stat.ok()) {
    return stat.status()
        .WithContext(fmt::format("store file://{}", path))
        .WithHint("is the disk mounted, and the path right?");
  }
  if (!stat->is_directory) {
    return Status(Code::kInvalidArgument, fmt::format("store file://{}: not a folder", path));
  }
  return std::unique_ptr<FileStore>(new FileStore(std::move(path), options));
}

Status FileStore::Explain(Status status, const std::string& name) const {
  std::string hint = status.hint();
  if (hint.empty() && status.code() == Code::kPermission) {
    hint =
        fmt::format("the user that runs maxbrod must be allowed to read and write below {}", root_);
  } else if (hint.empty() && status.code() == Code::kReadOnly) {
    hint = fmt::format("{} lies on a file system that is mounted read-only", root_);
  }
  status = std::move(status).WithContext(fmt::format("object '{}'", name));
  return hint.empty() ? status : std::move(status).WithHint(std::move(hint));
}

Status FileStore::CheckWritable(const std::string& name) const {
  std::lock_guard lock(mutex_);
  return poison_.ok() ? Status::Ok() : poison_.WithContext(fmt::format("object '{}'", name));
}

Status FileStore::SettleFolder(const std::string& path) {
  Status status = files_.SyncDirectory(path);
  // A folder that is gone or may not be opened was not synced wrongly; only a failed fsync poisons.
  if (status.code() == Code::kIo || status.code() == Code::kOutOfSpace) {
    std::lock_guard lock(mutex_);
    poison_ = Status(Code::kIo, fmt::format("no more writes to {} after a failed fsync ({})", url_,
                                            status.message()))
                  .WithHint("check the disk (dmesg), then start again");
  }
  return status;
}

void FileStore::ForgetFolders() {
  std::lock_guard lock(mutex_);
  durable_folders_.clear();
}

Status FileStore::MakeFolders(const std::string& name) {
  for (size_t at = name.find('/'); at != std::string::npos; at = name.find('/', at + 1)) {
    std::string folder = PathOf(name.substr(0, at));
    {
      std::lock_guard lock(mutex_);
      if (durable_folders_.contains(folder)) continue;
    }
    Status made = files_.MakeDirectories(folder);
    if (made.code() == Code::kAlreadyExists) {
      return Status(
          Code::kInvalidArgument,
          fmt::format("'{}' is an object, so nothing can lie below it", name.substr(0, at)));
    }
    MB_RETURN_IF_ERROR(made);
    // Also when it was there: another process may have made it a moment ago and not synced it yet.
    MB_RETURN_IF_ERROR(SettleFolder(ParentPath(folder)));
    std::lock_guard lock(mutex_);
    durable_folders_.insert(std::move(folder));
  }
  return Status::Ok();
}

Result<std::unique_ptr<FileStore::TemporaryFile>> FileStore::NewTemporary(const std::string& name) {
  std::array<uint8_t, kTemporaryNameBytes> random;
  MB_RETURN_IF_ERROR(RandomBytes(random));
  std::string path = TmpFolder() + "/" + ToHex(random);
  {
    // Before the file is there, so that RemoveStaleTemporaries never sees it unprotected.
    std::lock_guard lock(mutex_);
    live_temporaries_.insert(path);
  }
  Result<std::unique_ptr<File>> file = files_.Create(path);
  if (!file.ok() && file.status().code() == Code::kNotFound) {
    Status made = files_.MakeDirectories(TmpFolder());
    file = made.ok() ? files_.Create(path) : Result<std::unique_ptr<File>>(made);
  }
  if (!file.ok()) {
    std::lock_guard lock(mutex_);
    live_temporaries_.erase(path);
    return Explain(file.status(), name);
  }
  return std::make_unique<TemporaryFile>(*this, std::move(file).value());
}

Status FileStore::ReadError(Status status, const std::string& name) const {
  if (status.code() == Code::kNotFound) return NoSuchObject(name, url_);
  // Some file systems do not open a folder at all.
  Result<FileStat> stat = files_.Stat(PathOf(name));
  if (stat.ok() && stat->is_directory) return NoSuchObject(name, url_);
  return Explain(std::move(status), name);
}

Result<std::unique_ptr<File>> FileStore::OpenObject(const std::string& name, FileStat* stat) const {
  Result<std::unique_ptr<File>> file = files_.OpenForRead(PathOf(name));
  if (!file.ok()) return ReadError(file.status(), name);
  MB_ASSIGN_OR_RETURN(*stat, (*file)->Stat());
  if (stat->is_directory) return NoSuchObject(name, url_);
  return file;
}

template <typename SameBytes>
Result<PutResult> FileStore::AnswerExisting(const std::string& name, SameBytes same_bytes) {
  FileStat stat;
  Result<std::unique_ptr<File>> existing = OpenObject(name, &stat);
  if (existing.status().code() == Code::kNotFound) {
    if (Result<FileStat> folder = files_.Stat(PathOf(name)); folder.ok() && folder->is_directory) {
      return Status(Code::kInvalidArgument,
                    fmt::format("'{}' holds objects, so it cannot be one itself", name));
    }
    return Status(Code::kConflict,
                  fmt::format("object '{}' was removed while it was being created", name))
        .Retryable();
  }
  MB_RETURN_IF_ERROR(existing.status());
  MB_ASSIGN_OR_RETURN(bool same, same_bytes(**existing, stat.size));
  Status settled = SettleFolder(ParentPath(PathOf(name)));
  if (!settled.ok()) return PutResult{PutOutcome::kUnknown, 0, settled.message()};
  return PutResult{same ? PutOutcome::kExistsSame : PutOutcome::kExistsOther, stat.modified_ms};
}

template <typename SameBytes>
Result<PutResult> FileStore::Publish(const std::string& name, TemporaryFile& temporary,
                                     SameBytes same_bytes) {
  Status made = MakeFolders(name);
  if (!made.ok()) return Explain(std::move(made), name);
  const std::string path = PathOf(name);
  Status linked = files_.Link(temporary.file().path(), path);
  if (linked.code() == Code::kNotFound) {
    // Somebody tidied up folders that this process had made: make them once more.
    ForgetFolders();
    made = MakeFolders(name);
    if (!made.ok()) return Explain(std::move(made), name);
    linked = files_.Link(temporary.file().path(), path);
  }
  Result<FileStat> stat = temporary.file().Stat();
  bool created = linked.ok() || (stat.ok() && stat->links >= 2);
  if (created) {
    temporary.Unlink();  // a crash before this leaves a second name, which is harmless
    Status settled = SettleFolder(ParentPath(path));
    if (!settled.ok()) return PutResult{PutOutcome::kUnknown, 0, settled.message()};
    return PutResult{PutOutcome::kCreated, stat.ok() ? stat->modified_ms : 0};
  }
  if (linked.code() == Code::kAlreadyExists) return AnswerExisting(name, same_bytes);
  if (linked.code() == Code::kIo) {
    // On a network file system the request may still arrive.
    return PutResult{PutOutcome::kUnknown, 0, linked.message()};
  }
  if (linked.code() == Code::kNotFound) {
    return Status(Code::kIo, fmt::format("object '{}': its temporary file was removed by somebody "
                                         "else ({})",
                                         name, linked.message()))
        .WithHint(fmt::format("let nothing else clean up {}", TmpFolder()));
  }
  return Explain(std::move(linked), name);
}

Result<PutResult> FileStore::PutIfAbsent(const std::string& name, std::span<const ByteView> pieces,
                                         const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckObjectName(name));
  MB_RETURN_IF_ERROR(context.Check());
  MB_RETURN_IF_ERROR(CheckWritable(name));
  auto same_bytes = [&](File& existing, uint64_t size) -> Result<bool> {
    if (size != TotalBytes(pieces)) return false;
    PieceCursor cursor(pieces);
    bool same = true;
    MB_RETURN_IF_ERROR(ReadInChunks(
        size, [&](uint64_t at, MutableByteView out) { return existing.PreadAll(at, out); },
        [&](ByteView chunk) { return same = cursor.Matches(chunk); }));
    return same;
  };
  // Spares the write in a lost race, and answers also when the disk is full.
  if (files_.Stat(PathOf(name)).ok()) return AnswerExisting(name, same_bytes);

  MB_ASSIGN_OR_RETURN(std::unique_ptr<TemporaryFile> temporary, NewTemporary(name));
  Status written = temporary->file().WriteAll(pieces);
  if (written.ok()) written = temporary->file().Sync();
  if (!written.ok()) return Explain(std::move(written), name);
  MB_RETURN_IF_ERROR(context.Check());
  return Publish(name, *temporary, same_bytes);
}

Result<std::unique_ptr<ObjectWriter>> FileStore::Create(const std::string& name,
                                                        const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckObjectName(name));
  MB_RETURN_IF_ERROR(context.Check());
  MB_RETURN_IF_ERROR(CheckWritable(name));
  MB_ASSIGN_OR_RETURN(std::unique_ptr<TemporaryFile> temporary, NewTemporary(name));
  return std::unique_ptr<ObjectWriter>(
      std::make_unique<Writer>(*this, name, std::move(temporary), context));
}

Result<Bytes> FileStore::Get(const std::string& name, size_t size_max, const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckObjectName(name));
  MB_RETURN_IF_ERROR(context.Check());
  FileStat stat;
  MB_ASSIGN_OR_RETURN(std::unique_ptr<File> file, OpenObject(name, &stat));
  if (stat.size > size_max) {
    return Status(Code::kCorrupt, fmt::format("object '{}' has {} bytes; at most {} were expected",
                                              name, stat.size, size_max));
  }
  Bytes bytes(static_cast<size_t>(stat.size));
  Status status = file->PreadAll(0, bytes);
  if (!status.ok()) return Explain(std::move(status), name);
  return bytes;
}

Status FileStore::GetRange(const std::string& name, uint64_t offset, MutableByteView out,
                           const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckObjectName(name));
  MB_RETURN_IF_ERROR(context.Check());
  Result<std::shared_ptr<File>> file = open_files_.Open(PathOf(name));
  if (!file.ok()) return ReadError(file.status(), name);
  MB_ASSIGN_OR_RETURN(FileStat stat, (*file)->Stat());
  if (stat.is_directory) return NoSuchObject(name, url_);
  if (offset > stat.size || out.size() > stat.size - offset) {
    return Status(Code::kCorrupt, fmt::format("object '{}' has {} bytes; {} from {} were asked for",
                                              name, stat.size, out.size(), offset));
  }
  Status status = (*file)->PreadAll(offset, out);
  return status.ok() ? status : Explain(std::move(status), name);
}

Result<ObjectInfo> FileStore::Stat(const std::string& name, const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckObjectName(name));
  MB_RETURN_IF_ERROR(context.Check());
  Result<FileStat> stat = files_.Stat(PathOf(name));
  bool absent = stat.ok() ? stat->is_directory : stat.status().code() == Code::kNotFound;
  if (absent) return NoSuchObject(name, url_);
  if (!stat.ok()) return Explain(stat.status(), name);
  return ObjectInfo{name, stat->size, stat->modified_ms};
}

Result<ListPage> FileStore::List(const std::string& prefix, const std::string& start_after,
                                 size_t limit, const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckListLimit(limit));
  return ListFiles(files_, root_, prefix, start_after, limit, context);
}

Status FileStore::Remove(const std::string& name, const CallContext& context) {
  MB_RETURN_IF_ERROR(Stat(name, context).status());
  MB_RETURN_IF_ERROR(CheckWritable(name));
  const std::string path = PathOf(name);
  Status status = files_.Unlink(path);
  open_files_.Forget(path);
  if (status.code() == Code::kNotFound) return NoSuchObject(name, url_);
  if (status.ok()) status = SettleFolder(ParentPath(path));
  return status.ok() ? status : Explain(std::move(status), name);
}

Result<int64_t> FileStore::NowMillis(const CallContext& context) {
  MB_RETURN_IF_ERROR(context.Check());
  Result<std::unique_ptr<TemporaryFile>> temporary = NewTemporary("clock");
  if (!temporary.ok()) return clock_.WallMillis();
  MB_ASSIGN_OR_RETURN(FileStat stat, (*temporary)->file().Stat());
  return stat.modified_ms;
}

Result<uint64_t> FileStore::RemoveStaleTemporaries(const CallContext& context) {
  Result<std::vector<DirectoryEntry>> entries = files_.List(TmpFolder());
  if (entries.status().code() == Code::kNotFound) return uint64_t{0};
  MB_RETURN_IF_ERROR(entries.status());
  MB_ASSIGN_OR_RETURN(int64_t now_ms, NowMillis(context));
  uint64_t removed = 0;
  for (const DirectoryEntry& entry : *entries) {
    MB_RETURN_IF_ERROR(context.Check());
    std::string path = TmpFolder() + "/" + entry.name;
    {
      std::lock_guard lock(mutex_);
      if (live_temporaries_.contains(path)) continue;
    }
    Result<FileStat> stat = files_.Stat(path);
    if (!stat.ok() || stat->is_directory) continue;  // finished meanwhile, or not ours
    if (now_ms - stat->modified_ms <= kTemporaryAgeMax.count()) continue;
    Status status = files_.Unlink(path);
    if (status.ok()) ++removed;
    if (!status.ok() && status.code() != Code::kNotFound) return status;
  }
  return removed;
}

}  // namespace maxbrod::store
