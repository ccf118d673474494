// A store in a folder of a file system: an object `pack/3f/ab` is the file `<root>/pack/3f/ab`.
//
// How an object is written, so that it is whole or absent and survives a power failure once
// reported:
//   1. a temporary file in <root>/tmp/, written and fsynced (write-back begins while it grows)
//   2. link(2) to its name: atomic, and refused when the name is taken; a link count of 2 is
//   success even when the
//      call reported an error (NFS: a lost reply)
//   3. unlink of the temporary name
//   4. fsync of the folder, and of the parents of folders this process uses for the first time
// An existing object is only reported (kExistsSame, kExistsOther) after an fsync of its folder:
// whoever builds on it must find it after a crash. A failed fsync of a file loses that file; a
// failed fsync of a folder leaves its names in doubt (kUnknown), and this FileStore refuses all
// further writes, because the kernel reports such a failure only once.
//
// Several processes, also on several machines of one NFS mount, may work in one folder. For NFS use
// `lookupcache=positive` (or `none`): a cached "not there" would hide new objects for some seconds.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "base/clock.h"
#include "os/file.h"
#include "store/open_files.h"
#include "store/store.h"

namespace maxbrod::store {

struct FileStoreOptions {
  FileSystem* files = &FileSystem::Posix();  // must outlive the store
  Clock* clock = &Clock::System();           // likewise
  bool create_root = false;  // make the root folder (and its parents) when it is missing
};

// Thread-safe.
class FileStore : public Store {
 public:
  // How old a temporary file is before it counts as left over by a crash.
  static constexpr Millis kTemporaryAgeMax{24 * 3600 * 1000};

  // `root` is an absolute path. kNotFound when there is no such folder (and it is not to be
  // created), kInvalidArgument when it is something else. Nothing is written by opening an existing
  // folder.
  static Result<std::unique_ptr<FileStore>> Open(const std::string& root,
                                                 const FileStoreOptions& options = {});

  using Store::PutIfAbsent;
  Result<PutResult> PutIfAbsent(const std::string& name, std::span<const ByteView> pieces,
                                const CallContext& context) override;
  Result<std::unique_ptr<ObjectWriter>> Create(const std::string& name,
                                               const CallContext& context) override;
  Result<Bytes> Get(const std::string& name, size_t size_max, const CallContext& context) override;
  Status GetRange(const std::string& name, uint64_t offset, MutableByteView out,
                  const CallContext& context) override;
  Result<ObjectInfo> Stat(const std::string& name, const CallContext& context) override;
  Result<ListPage> List(const std::string& prefix, const std::string& start_after, size_t limit,
                        const CallContext& context) override;
  // Durable when it returns: removals are never undone by a crash in another order than they were
  // made.
  Status Remove(const std::string& name, const CallContext& context) override;
  // The file system's clock (of the server, on NFS), read from a file made for it; this machine's
  // clock where nothing may be written.
  Result<int64_t> NowMillis(const CallContext& context) override;
  std::string Url() const override { return url_; }

  // Removes temporary files that nobody wrote to for kTemporaryAgeMax, as crashed processes leave
  // them; how many.
  Result<uint64_t> RemoveStaleTemporaries(const CallContext& context);

 private:
  class Writer;
  class TemporaryFile;

  FileStore(std::string root, const FileStoreOptions& options);

  std::string PathOf(const std::string& name) const { return root_ + "/" + name; }
  std::string TmpFolder() const { return root_ + "/tmp"; }
  Status CheckWritable(const std::string& name) const;
  Result<std::unique_ptr<TemporaryFile>> NewTemporary(const std::string& name);
  // Makes the folders above the object; on return their names are durable.
  Status MakeFolders(const std::string& name);
  void ForgetFolders();
  // Steps 2 to 4 for a temporary that is written and fsynced. `same_bytes` compares with an
  // existing object.
  template <typename SameBytes>
  Result<PutResult> Publish(const std::string& name, TemporaryFile& temporary,
                            SameBytes same_bytes);
  // The answer when `name` is taken already.
  template <typename SameBytes>
  Result<PutResult> AnswerExisting(const std::string& name, SameBytes same_bytes);
  // Makes the names in a folder durable, or poisons this store.
  Status SettleFolder(const std::string& path);
  Result<std::unique_ptr<File>> OpenObject(const std::string& name, FileStat* stat) const;
  // What a failed open tells about the object.
  Status ReadError(Status status, const std::string& name) const;
  Status Explain(Status status, const std::string& name) const;

  const std::string root_;
  const std::string url_;
  FileSystem& files_;
  Clock& clock_;
  OpenFiles open_files_;
  mutable std::mutex mutex_;
  std::set<std::string> durable_folders_;  // paths whose name this process has seen synced
  std::set<std::string> live_temporaries_;
  Status poison_;
};

}  // namespace maxbrod::store
