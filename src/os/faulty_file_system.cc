#include "os/faulty_file_system.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace maxbrod {
namespace {

constexpr std::array<std::string_view, kFileOperationCount> kNames = {
    "create", "open", "write", "read",  "fsync", "fsync directory", "link", "unlink",
    "rename", "stat", "mkdir", "rmdir", "list",  "statvfs",         "close"};

bool IsStep(FileOperation operation) {
  switch (operation) {
    case FileOperation::kOpen:
    case FileOperation::kRead:
    case FileOperation::kStat:
    case FileOperation::kList:
    case FileOperation::kFreeBytes:
    case FileOperation::kClose:
      return false;
    default:
      return true;
  }
}

std::vector<std::string> Split(const std::string& path) {
  std::vector<std::string> parts;
  size_t at = 0;
  while (at < path.size()) {
    size_t end = std::min(path.find('/', at), path.size());
    std::string part = path.substr(at, end - at);
    if (!part.empty() && part != ".") parts.push_back(std::move(part));
    at = end + 1;
  }
  return parts;
}

}  // namespace

std::string_view NameOf(FileOperation operation) {
  return kNames[static_cast<size_t>(operation)];
}

struct FaultyFileSystem::FileNode {
  Bytes data;
  size_t synced = 0;  // this many bytes survive a crash
  uint64_t links = 0;
  int64_t modified_ms = 0;
};

struct FaultyFileSystem::Entry {
  std::shared_ptr<FileNode> file;  // exactly one of the two
  std::shared_ptr<DirectoryNode> directory;
};

// A directory's changes since its last sync, in order; one operation (a rename) may change two
// names.
struct FaultyFileSystem::DirectoryNode {
  using Change = std::vector<std::pair<std::string, std::optional<Entry>>>;
  std::map<std::string, Entry> now;
  std::map<std::string, Entry> synced;
  std::vector<Change> pending;

  static void Apply(const Change& change, std::map<std::string, Entry>* names) {
    for (const auto& [name, entry] : change) {
      if (entry) {
        (*names)[name] = *entry;
      } else {
        names->erase(name);
      }
    }
  }
  void Make(Change change) {
    Apply(change, &now);
    pending.push_back(std::move(change));
  }
  void Sync() {
    synced = now;
    pending.clear();
  }
};

// The last name of a path, in its directory.
struct FaultyFileSystem::Located {
  std::shared_ptr<DirectoryNode> directory;
  std::string name;
  Entry* entry() const {
    auto it = directory->now.find(name);
    return it == directory->now.end() ? nullptr : &it->second;
  }
};

class FaultyFileSystem::OpenFile : public File {
 public:
  OpenFile(FaultyFileSystem& owner, std::shared_ptr<FileNode> node, std::string path)
      : owner_(owner), node_(std::move(node)), path_(std::move(path)), run_(owner.run_) {}

  using File::WriteAll;
  Status WriteAll(std::span<const ByteView> pieces) override {
    std::lock_guard lock(owner_.mutex_);
    MB_RETURN_IF_ERROR(Alive());
    MB_RETURN_IF_ERROR(poison_);
    Bytes all;
    for (ByteView piece : pieces) Append(all, piece);
    Verdict verdict = owner_.Begin(FileOperation::kWrite, path_);
    size_t taken = verdict.status.ok() ? all.size() : verdict.apply ? all.size() / 2 : 0;
    uint64_t room = owner_.capacity_ > owner_.used_ ? owner_.capacity_ - owner_.used_ : 0;
    if (verdict.status.ok() && taken > room) verdict.status = ErrnoStatus(ENOSPC, "write", path_);
    taken = static_cast<size_t>(std::min<uint64_t>(taken, room));
    Append(node_->data, ByteView(all).first(taken));
    node_->modified_ms = owner_.clock_.WallMillis();
    owner_.used_ += taken;
    return Poison(verdict.status);
  }

  Status PreadAll(uint64_t offset, MutableByteView out) override {
    std::lock_guard lock(owner_.mutex_);
    MB_RETURN_IF_ERROR(Alive());
    MB_RETURN_IF_ERROR(owner_.Begin(FileOperation::kRead, path_).status);
    if (offset > node_->data.size() || out.size() > node_->data.size() - offset) {
      return Status(Code::kCorrupt, "read " + path_ + ": the file ends at byte " +
                                        std::to_string(node_->data.size()));
    }
    std::copy_n(node_->data.begin() + static_cast<ptrdiff_t>(offset), out.size(), out.begin());
    return Status::Ok();
  }

  Status Sync() override {
    std::lock_guard lock(owner_.mutex_);
    MB_RETURN_IF_ERROR(Alive());
    MB_RETURN_IF_ERROR(poison_);
    Verdict verdict = owner_.Begin(FileOperation::kSync, path_);
    if (verdict.apply) node_->synced = node_->data.size();
    return Poison(verdict.status);
  }

  Result<FileStat> Stat() override {
    std::lock_guard lock(owner_.mutex_);
    MB_RETURN_IF_ERROR(Alive());
    MB_RETURN_IF_ERROR(owner_.Begin(FileOperation::kStat, path_).status);
    return StatOf(Entry{node_, nullptr});
  }

  Status Close() override {
    std::lock_guard lock(owner_.mutex_);
    MB_RETURN_IF_ERROR(Alive());
    return owner_.Begin(FileOperation::kClose, path_).status;
  }

  const std::string& path() const override { return path_; }

 private:
  Status Alive() const {
    if (run_ == owner_.run_) return Status::Ok();
    return Status(Code::kIo, path_ + ": opened before the crash");
  }
  Status Poison(const Status& status) {
    if (!status.ok()) poison_ = status.WithContext("file unusable after an earlier failure");
    return status;
  }

  FaultyFileSystem& owner_;
  const std::shared_ptr<FileNode> node_;
  const std::string path_;
  const uint64_t run_;
  Status poison_;
};

FaultyFileSystem::FaultyFileSystem(Clock& clock)
    : clock_(clock), root_(std::make_shared<DirectoryNode>()) {}
FaultyFileSystem::~FaultyFileSystem() = default;

// Counts and records the operation, and decides whether it fails. With the mutex held.
FaultyFileSystem::Verdict FaultyFileSystem::Begin(FileOperation operation,
                                                  const std::string& object) {
  auto kind = static_cast<size_t>(operation);
  if (steps_ >= power_off_at_) {
    return {Status(Code::kIo, std::string(kNames[kind]) + " " + object + ": the power is off"),
            false};
  }
  ++counts_[kind];
  if (IsStep(operation)) ++steps_;
  trace_.push_back(std::string(kNames[kind]) + " " + object);

  std::optional<Fault> fired;
  std::vector<Fault>& faults = faults_[kind];
  for (auto it = faults.begin(); it != faults.end();) {
    bool always = it->countdown == 0;
    if (always || --it->countdown == 0) {
      if (!fired) fired = *it;
      it = always ? it + 1 : faults.erase(it);
    } else {
      ++it;
    }
  }
  if (!fired) return {};
  ++faults_fired_;
  return {ErrnoStatus(fired->error, kNames[kind], object), fired->effect == FaultEffect::kApplied};
}

std::shared_ptr<FaultyFileSystem::DirectoryNode> FaultyFileSystem::FindDirectory(
    const std::string& path) {
  std::shared_ptr<DirectoryNode> at = root_;
  for (const std::string& part : Split(path)) {
    auto it = at->now.find(part);
    if (it == at->now.end() || !it->second.directory) return nullptr;
    at = it->second.directory;
  }
  return at;
}

Result<FaultyFileSystem::Located> FaultyFileSystem::Locate(const std::string& path,
                                                           std::string_view operation) {
  std::vector<std::string> parts = Split(path);
  if (parts.empty()) return ErrnoStatus(EISDIR, operation, path);
  std::shared_ptr<DirectoryNode> parent = FindDirectory(ParentPath(path));
  if (!parent) return ErrnoStatus(ENOENT, operation, path);
  return Located{parent, parts.back()};
}

FileStat FaultyFileSystem::StatOf(const Entry& entry) {
  FileStat stat;
  stat.is_directory = entry.directory != nullptr;
  stat.links = 1;
  if (entry.file) {
    stat.size = entry.file->data.size();
    stat.links = entry.file->links;
    stat.modified_ms = entry.file->modified_ms;
  }
  return stat;
}

Result<std::unique_ptr<File>> FaultyFileSystem::Create(const std::string& path) {
  std::lock_guard lock(mutex_);
  Verdict verdict = Begin(FileOperation::kCreate, path);
  if (!verdict.apply) return verdict.status;
  MB_ASSIGN_OR_RETURN(Located at, Locate(path, "create"));
  if (at.entry() != nullptr) return ErrnoStatus(EEXIST, "create", path);
  auto node = std::make_shared<FileNode>();
  node->links = 1;
  node->modified_ms = clock_.WallMillis();
  at.directory->Make({{at.name, Entry{node, nullptr}}});
  if (!verdict.status.ok()) return verdict.status;
  return std::unique_ptr<File>(std::make_unique<OpenFile>(*this, std::move(node), path));
}

Result<std::unique_ptr<File>> FaultyFileSystem::OpenForRead(const std::string& path) {
  std::lock_guard lock(mutex_);
  MB_RETURN_IF_ERROR(Begin(FileOperation::kOpen, path).status);
  MB_ASSIGN_OR_RETURN(Located at, Locate(path, "open"));
  if (at.entry() == nullptr) return ErrnoStatus(ENOENT, "open", path);
  if (!at.entry()->file) return ErrnoStatus(EISDIR, "open", path);
  return std::unique_ptr<File>(std::make_unique<OpenFile>(*this, at.entry()->file, path));
}

Status FaultyFileSystem::SyncDirectory(const std::string& path) {
  std::lock_guard lock(mutex_);
  Verdict verdict = Begin(FileOperation::kSyncDirectory, path);
  if (!verdict.apply) return verdict.status;
  std::shared_ptr<DirectoryNode> directory = FindDirectory(path);
  if (!directory) return ErrnoStatus(ENOENT, "open directory", path);
  directory->Sync();
  return verdict.status;
}

Status FaultyFileSystem::Link(const std::string& existing, const std::string& created) {
  std::lock_guard lock(mutex_);
  Verdict verdict = Begin(FileOperation::kLink, existing + " " + created);
  if (!verdict.apply) return verdict.status;
  MB_ASSIGN_OR_RETURN(Located from, Locate(existing, "link"));
  MB_ASSIGN_OR_RETURN(Located to, Locate(created, "link"));
  if (from.entry() == nullptr) return ErrnoStatus(ENOENT, "link", existing);
  if (!from.entry()->file) return ErrnoStatus(EPERM, "link", existing);
  if (to.entry() != nullptr) return ErrnoStatus(EEXIST, "link", created);
  ++from.entry()->file->links;
  to.directory->Make({{to.name, *from.entry()}});
  return verdict.status;
}

Status FaultyFileSystem::Unlink(const std::string& path) {
  std::lock_guard lock(mutex_);
  Verdict verdict = Begin(FileOperation::kUnlink, path);
  if (!verdict.apply) return verdict.status;
  MB_ASSIGN_OR_RETURN(Located at, Locate(path, "unlink"));
  if (at.entry() == nullptr) return ErrnoStatus(ENOENT, "unlink", path);
  if (!at.entry()->file) return ErrnoStatus(EISDIR, "unlink", path);
  FileNode& file = *at.entry()->file;
  if (--file.links == 0) used_ -= file.data.size();
  at.directory->Make({{at.name, std::nullopt}});
  return verdict.status;
}

Status FaultyFileSystem::Rename(const std::string& from, const std::string& to) {
  std::lock_guard lock(mutex_);
  Verdict verdict = Begin(FileOperation::kRename, from + " " + to);
  if (!verdict.apply) return verdict.status;
  MB_ASSIGN_OR_RETURN(Located source, Locate(from, "rename"));
  MB_ASSIGN_OR_RETURN(Located target, Locate(to, "rename"));
  if (source.entry() == nullptr) return ErrnoStatus(ENOENT, "rename", from);
  Entry moved = *source.entry();
  if (const Entry* replaced = target.entry(); replaced != nullptr) {
    if (!replaced->file || !moved.file) return ErrnoStatus(EISDIR, "rename", to);
    if (replaced->file == moved.file) return verdict.status;  // POSIX: two names of one file
    if (--replaced->file->links == 0) used_ -= replaced->file->data.size();
  }
  if (source.directory == target.directory) {
    source.directory->Make({{target.name, moved}, {source.name, std::nullopt}});
  } else {
    target.directory->Make({{target.name, moved}});
    source.directory->Make({{source.name, std::nullopt}});
  }
  return verdict.status;
}

Result<FileStat> FaultyFileSystem::Stat(const std::string& path) {
  std::lock_guard lock(mutex_);
  MB_RETURN_IF_ERROR(Begin(FileOperation::kStat, path).status);
  if (auto directory = FindDirectory(path)) return StatOf(Entry{nullptr, directory});
  MB_ASSIGN_OR_RETURN(Located at, Locate(path, "stat"));
  if (at.entry() == nullptr) return ErrnoStatus(ENOENT, "stat", path);
  return StatOf(*at.entry());
}

Status FaultyFileSystem::MakeDirectories(const std::string& path) {
  std::lock_guard lock(mutex_);
  Verdict verdict = Begin(FileOperation::kMakeDirectories, path);
  if (!verdict.apply) return verdict.status;
  std::shared_ptr<DirectoryNode> at = root_;
  for (const std::string& part : Split(path)) {
    auto it = at->now.find(part);
    if (it == at->now.end()) {
      // Durable at once, as the interface promises, but no other change of the parent is.
      Entry made{nullptr, std::make_shared<DirectoryNode>()};
      it = at->now.emplace(part, made).first;
      at->synced.emplace(part, made);
    }
    if (!it->second.directory) return ErrnoStatus(EEXIST, "mkdir", path);
    at = it->second.directory;
  }
  return verdict.status;
}

Status FaultyFileSystem::RemoveDirectory(const std::string& path) {
  std::lock_guard lock(mutex_);
  Verdict verdict = Begin(FileOperation::kRemoveDirectory, path);
  if (!verdict.apply) return verdict.status;
  MB_ASSIGN_OR_RETURN(Located at, Locate(path, "rmdir"));
  if (at.entry() == nullptr) return ErrnoStatus(ENOENT, "rmdir", path);
  if (!at.entry()->directory) return ErrnoStatus(ENOTDIR, "rmdir", path);
  if (!at.entry()->directory->now.empty()) return ErrnoStatus(ENOTEMPTY, "rmdir", path);
  at.directory->Make({{at.name, std::nullopt}});
  return verdict.status;
}

Result<std::vector<DirectoryEntry>> FaultyFileSystem::List(const std::string& path) {
  std::lock_guard lock(mutex_);
  MB_RETURN_IF_ERROR(Begin(FileOperation::kList, path).status);
  std::shared_ptr<DirectoryNode> directory = FindDirectory(path);
  if (!directory) return ErrnoStatus(ENOENT, "list", path);
  std::vector<DirectoryEntry> entries;
  for (const auto& [name, entry] : directory->now) {
    entries.push_back({name, entry.directory != nullptr});
  }
  return entries;
}

Result<uint64_t> FaultyFileSystem::FreeBytes(const std::string& path) {
  std::lock_guard lock(mutex_);
  MB_RETURN_IF_ERROR(Begin(FileOperation::kFreeBytes, path).status);
  if (capacity_ == UINT64_MAX) return uint64_t{1} << 50;
  return capacity_ > used_ ? capacity_ - used_ : 0;
}

void FaultyFileSystem::FailNth(FileOperation operation, uint64_t nth, int error,
                               FaultEffect effect) {
  MB_CHECK(nth > 0 && error != 0);
  std::lock_guard lock(mutex_);
  faults_[static_cast<size_t>(operation)].push_back({nth, error, effect});
}

void FaultyFileSystem::FailAll(FileOperation operation, int error) {
  MB_CHECK(error != 0);
  std::lock_guard lock(mutex_);
  faults_[static_cast<size_t>(operation)].push_back({0, error, FaultEffect::kNone});
}

void FaultyFileSystem::ClearFaults() {
  std::lock_guard lock(mutex_);
  for (auto& faults : faults_) faults.clear();
}

uint64_t FaultyFileSystem::faults_fired() const {
  std::lock_guard lock(mutex_);
  return faults_fired_;
}

void FaultyFileSystem::PowerOffAfter(uint64_t steps) {
  std::lock_guard lock(mutex_);
  power_off_at_ = steps_ + steps;
}

// How many of `count` unsynced changes survive.
static size_t Survivors(size_t count, CrashMode mode, std::mt19937_64& rng) {
  switch (mode) {
    case CrashMode::kDropUnsynced:
      return 0;
    case CrashMode::kKeepAll:
      return count;
    case CrashMode::kRandom:
      return rng() % (count + 1);
  }
  return 0;
}

void FaultyFileSystem::CrashDirectory(DirectoryNode& directory, CrashMode mode,
                                      std::mt19937_64& rng,
                                      std::vector<std::shared_ptr<FileNode>>* names) {
  size_t kept = Survivors(directory.pending.size(), mode, rng);
  for (size_t i = 0; i < kept; ++i) {
    DirectoryNode::Apply(directory.pending[i], &directory.synced);
  }
  directory.now = directory.synced;
  directory.pending.clear();
  for (auto& [name, entry] : directory.now) {
    if (entry.directory) CrashDirectory(*entry.directory, mode, rng, names);
    if (entry.file) names->push_back(entry.file);
  }
}

void FaultyFileSystem::Crash(CrashMode mode, uint64_t seed) {
  std::lock_guard lock(mutex_);
  std::mt19937_64 rng(seed);
  ++run_;
  power_off_at_ = UINT64_MAX;
  for (auto& faults : faults_) faults.clear();
  std::vector<std::shared_ptr<FileNode>> names;
  CrashDirectory(*root_, mode, rng, &names);
  used_ = 0;
  for (const auto& file : names) file->links = 0;
  for (const auto& file : names) {
    if (file->links++ > 0) continue;
    size_t unsynced = file->data.size() - file->synced;
    file->data.resize(file->synced + Survivors(unsynced, mode, rng));
    file->synced = file->data.size();
    used_ += file->data.size();
  }
}

void FaultyFileSystem::SetCapacity(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  capacity_ = bytes;
}

uint64_t FaultyFileSystem::steps() const {
  std::lock_guard lock(mutex_);
  return steps_;
}

uint64_t FaultyFileSystem::Count(FileOperation operation) const {
  std::lock_guard lock(mutex_);
  return counts_[static_cast<size_t>(operation)];
}

std::vector<std::string> FaultyFileSystem::Trace() const {
  std::lock_guard lock(mutex_);
  return trace_;
}

}  // namespace maxbrod
