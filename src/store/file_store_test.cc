// FileStore beyond the contract: what lies on the disk, and what it says when the disk misbehaves.
#include "store/file_store.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "os/faulty_file_system.h"
#include "store/temp_folder_testing.h"

namespace maxbrod::store {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Outcome(const Result<PutResult>& put) {
  if (!put.ok()) return std::string(InfoOf(put.status().code()).name);
  constexpr const char* kWords[] = {"created", "exists_same", "exists_other", "unknown"};
  return kWords[static_cast<size_t>(put->outcome)];
}

class FileStoreOnDisk : public ::testing::Test {
 protected:
  FileStoreOnDisk() : store_(std::move(*FileStore::Open(folder_.path()))) {}

  std::string Put(const std::string& name, std::string_view bytes) {
    return Outcome(static_cast<Store&>(*store_).PutIfAbsent(name, AsBytes(bytes), context_));
  }
  // Paths of files below the folder.
  std::vector<std::string> Files() const {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
      if (!entry.is_directory()) files.push_back(fs::relative(entry, folder_.path()));
    }
    std::ranges::sort(files);
    return files;
  }
  void WriteForeignFile(const std::string& path) {
    fs::create_directories(fs::path(folder_.path() + "/" + path).parent_path());
    std::ofstream(folder_.path() + "/" + path) << "foreign";
  }

  TempFolder folder_;
  std::unique_ptr<FileStore> store_;
  CallContext context_;
};

TEST_F(FileStoreOnDisk, NamesArePaths) {
  EXPECT_EQ(Put("config", "c"), "created");
  EXPECT_EQ(Put("pack/3f/ab", "bytes"), "created");
  EXPECT_EQ(Put("pack/3f/ab", "bytes"), "exists_same");
  EXPECT_THAT(Files(), ElementsAre("config", "pack/3f/ab"));
  std::ifstream in(folder_.path() + "/pack/3f/ab");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "bytes");
  struct stat st;
  ASSERT_EQ(::stat((folder_.path() + "/pack/3f/ab").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
  EXPECT_EQ(st.st_nlink, 1u);
  EXPECT_EQ(store_->Url(), "file://" + folder_.path());
}

TEST_F(FileStoreOnDisk, AnotherProcessSeesItAtOnce) {
  EXPECT_EQ(Put("a/b", "x"), "created");
  auto other = FileStore::Open(folder_.path() + "//");
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(ToString(*(*other)->Get("a/b", 10, context_)), "x");
  ASSERT_TRUE((*other)->Remove("a/b", context_).ok());
  EXPECT_EQ(Put("a/b", "y"), "created");
  EXPECT_EQ(ToString(*(*other)->Get("a/b", 10, context_)), "y");
}

TEST_F(FileStoreOnDisk, RangesNeverComeFromARemovedFile) {
  auto other = FileStore::Open(folder_.path());
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(Put("a", "first"), "created");
  Bytes out(5);
  ASSERT_TRUE(store_->GetRange("a", 0, out, context_).ok());  // the file stays open here
  ASSERT_TRUE((*other)->Remove("a", context_).ok());
  EXPECT_EQ(store_->GetRange("a", 0, out, context_).code(), Code::kNotFound);
  EXPECT_EQ(Put("a", "other"), "created");
  ASSERT_TRUE(store_->GetRange("a", 0, out, context_).ok());
  EXPECT_EQ(ToString(out), "other");
}

TEST_F(FileStoreOnDisk, RemovalGivesTheSpaceBack) {
  EXPECT_EQ(Put("a", "x"), "created");
  Bytes out(1);
  auto open_here = [this] {
    int count = 0;
    for (const auto& fd : fs::directory_iterator("/proc/self/fd")) {
      std::error_code vanished;
      count += fs::read_symlink(fd, vanished).string().starts_with(folder_.path()) ? 1 : 0;
    }
    return count;
  };
  ASSERT_TRUE(store_->GetRange("a", 0, out, context_).ok());
  EXPECT_EQ(open_here(), 1);
  ASSERT_TRUE(store_->Remove("a", context_).ok());
  EXPECT_EQ(open_here(), 0);
}

TEST_F(FileStoreOnDisk, OpeningAndReadingWritesNothing) {
  EXPECT_TRUE(store_->List("", "", 10, context_)->objects.empty());
  EXPECT_EQ(store_->Get("a", 10, context_).status().code(), Code::kNotFound);
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST_F(FileStoreOnDisk, NoTemporaryFileStays) {
  EXPECT_EQ(Put("a", "x"), "created");
  EXPECT_EQ(Put("a", "y"), "exists_other");
  EXPECT_TRUE(store_->NowMillis(context_).ok());
  {
    auto writer = std::move(*store_->Create("b", context_));
    ASSERT_TRUE(writer->Append(AsBytes("x")).ok());
    EXPECT_EQ(Files().size(), 2u);
  }
  auto lost = std::move(*store_->Create("a", context_));
  EXPECT_EQ(Outcome(lost->Commit(context_)), "exists_other");
  EXPECT_THAT(Files(), ElementsAre("a"));
}

TEST_F(FileStoreOnDisk, ForeignFilesAreNotListed) {
  EXPECT_EQ(Put("pack/1", "x"), "created");
  for (const char* path : {"pack/README.TXT", ".snapshot/hourly/pack/1", "lost+found/1", "tmp/abc",
                           "pack/.nfs00001", "Thumbs.db"}) {
    WriteForeignFile(path);
  }
  Result<ListPage> page = store_->List("", "", 100, context_);
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->objects.size(), 1u);
  EXPECT_EQ(page->objects[0].name, "pack/1");
}

TEST_F(FileStoreOnDisk, OpenErrors) {
  EXPECT_EQ(FileStore::Open(folder_.path() + "/absent").status().code(), Code::kNotFound);
  WriteForeignFile("file");
  EXPECT_EQ(FileStore::Open(folder_.path() + "/file").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(FileStore::Open("relative").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(FileStore::Open("").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(FileStore::Open("/").status().code(), Code::kInvalidArgument);
}

TEST_F(FileStoreOnDisk, KeepsOnlySoManyFilesOpen) {
  OpenFiles open(FileSystem::Posix(), Clock::System(), 3);
  for (int i = 0; i < 6; ++i) ASSERT_EQ(Put(fmt::format("{}", i), fmt::format("{}", i)), "created");
  std::vector<std::shared_ptr<File>> held;
  for (int i = 0; i < 6; ++i) {
    auto file = open.Open(fmt::format("{}/{}", folder_.path(), i));
    ASSERT_TRUE(file.ok());
    held.push_back(*file);
  }
  EXPECT_EQ(open.size(), 3u);
  auto again = open.Open(folder_.path() + "/4");
  EXPECT_EQ(*again, held[4]);
  auto evicted = open.Open(folder_.path() + "/0");
  EXPECT_NE(*evicted, held[0]);
  Bytes out(1);
  EXPECT_TRUE(held[1]->PreadAll(0, out).ok());  // still open for its user
  EXPECT_EQ(ToString(out), "1");
}

TEST_F(FileStoreOnDisk, ClosesIdleFiles) {
  FakeClock clock;
  OpenFiles open(FileSystem::Posix(), clock);
  ASSERT_EQ(Put("a", "x"), "created");
  ASSERT_EQ(Put("b", "x"), "created");
  ASSERT_TRUE(open.Open(folder_.path() + "/a").ok());
  clock.Advance(OpenFiles::kIdleMax / 2);
  ASSERT_TRUE(open.Open(folder_.path() + "/b").ok());
  EXPECT_EQ(open.size(), 2u);
  clock.Advance(OpenFiles::kIdleMax / 2 + Millis(1));
  ASSERT_TRUE(open.Open(folder_.path() + "/b").ok());
  EXPECT_EQ(open.size(), 1u);
}

// A disk in memory that fails as told.
class FileStoreOnBadDisk : public ::testing::Test {
 protected:
  FileStoreOnBadDisk() : files_(clock_) { Open(); }

  void Open() {
    FileStoreOptions options;
    options.files = &files_;
    options.clock = &clock_;
    options.create_root = true;
    auto store = FileStore::Open("/store", options);
    MB_CHECK(store.ok());
    store_ = std::move(store).value();
  }
  Result<PutResult> Put(const std::string& name, std::string_view bytes) {
    return static_cast<Store&>(*store_).PutIfAbsent(name, AsBytes(bytes), context_);
  }
  std::vector<DirectoryEntry> Temporaries() {
    auto entries = files_.List("/store/tmp");
    return entries.ok() ? *entries : std::vector<DirectoryEntry>();
  }

  FakeClock clock_;
  FaultyFileSystem files_;
  std::unique_ptr<FileStore> store_;
  CallContext context_;
};

TEST_F(FileStoreOnBadDisk, OrderOfOperations) {
  ASSERT_EQ(Outcome(Put("log/1", "x")), "created");
  size_t before = files_.Trace().size();
  ASSERT_EQ(Outcome(Put("log/2", "x")), "created");
  std::vector<std::string> verbs;
  std::vector<std::string> trace = files_.Trace();
  for (size_t i = before; i < trace.size(); ++i) {
    std::string verb = trace[i].substr(0, trace[i].find(" /"));
    if (verb != "stat") verbs.push_back(verb);
  }
  // The name of the folder itself is durable since the first put.
  EXPECT_THAT(verbs, ElementsAre("create", "write", "fsync", "link", "unlink", "fsync directory"));
}

TEST_F(FileStoreOnBadDisk, ParentsAreSyncedOnceByEachProcess) {
  auto syncs_of_put = [this](const std::string& name) {
    size_t before = files_.Trace().size();
    EXPECT_EQ(Outcome(Put(name, "x")), "created");
    std::vector<std::string> synced;
    std::vector<std::string> trace = files_.Trace();
    for (size_t i = before; i < trace.size(); ++i) {
      const std::string verb = "fsync directory ";
      if (trace[i].starts_with(verb)) synced.push_back(trace[i].substr(verb.size()));
    }
    return synced;
  };
  EXPECT_THAT(syncs_of_put("pack/3f/a"), ElementsAre("/store", "/store/pack", "/store/pack/3f"));
  EXPECT_THAT(syncs_of_put("pack/3f/b"), ElementsAre("/store/pack/3f"));
  EXPECT_THAT(syncs_of_put("pack/40/c"), ElementsAre("/store/pack", "/store/pack/40"));
  // Whoever made the folders may not have synced them yet, as far as another process knows.
  Open();
  EXPECT_THAT(syncs_of_put("pack/3f/d"), ElementsAre("/store", "/store/pack", "/store/pack/3f"));
}

TEST_F(FileStoreOnBadDisk, MakesFoldersAgainThatWereTidiedAway) {
  ASSERT_EQ(Outcome(Put("pack/3f/a", "x")), "created");
  ASSERT_TRUE(store_->Remove("pack/3f/a", context_).ok());
  ASSERT_TRUE(files_.RemoveDirectory("/store/pack/3f").ok());
  ASSERT_TRUE(files_.RemoveDirectory("/store/pack").ok());
  EXPECT_EQ(Outcome(Put("pack/3f/a", "y")), "created");
  // A temporary file that was tidied away is lost, and said to be.
  auto writer = std::move(*store_->Create("b", context_));
  for (const DirectoryEntry& entry : Temporaries()) {
    ASSERT_TRUE(files_.Unlink("/store/tmp/" + entry.name).ok());
  }
  EXPECT_EQ(Outcome(writer->Commit(context_)), "io");
  EXPECT_EQ(store_->Stat("b", context_).status().code(), Code::kNotFound);
}

TEST_F(FileStoreOnBadDisk, LostReplyOfLinkIsSuccess) {
  // As NFS does it: the link was made, a retransmitted request is told that it exists.
  files_.FailNth(FileOperation::kLink, 1, EEXIST, FaultEffect::kApplied);
  EXPECT_EQ(Outcome(Put("a", "x")), "created");
  files_.FailNth(FileOperation::kLink, 1, EIO, FaultEffect::kApplied);
  EXPECT_EQ(Outcome(Put("b", "x")), "created");
  EXPECT_EQ(files_.faults_fired(), 2u);
  EXPECT_THAT(Temporaries(), IsEmpty());
}

TEST_F(FileStoreOnBadDisk, FailedLinkLeavesDoubt) {
  files_.FailNth(FileOperation::kLink, 1, EIO);
  Result<PutResult> put = Put("a", "x");
  EXPECT_EQ(Outcome(put), "unknown");
  EXPECT_THAT(put->reason, HasSubstr("link"));
  EXPECT_EQ(Outcome(Put("a", "x")), "created");
}

TEST_F(FileStoreOnBadDisk, ErrorsSayWhatToDo) {
  struct Case {
    FileOperation operation;
    int error;
    Code code;
  };
  for (const Case& one : {Case{FileOperation::kCreate, EROFS, Code::kReadOnly},
                          Case{FileOperation::kCreate, EACCES, Code::kPermission},
                          Case{FileOperation::kCreate, ENOSPC, Code::kOutOfSpace},
                          Case{FileOperation::kWrite, ENOSPC, Code::kOutOfSpace},
                          Case{FileOperation::kSync, EDQUOT, Code::kOutOfSpace},
                          Case{FileOperation::kMakeDirectories, EACCES, Code::kPermission},
                          Case{FileOperation::kLink, EACCES, Code::kPermission},
                          Case{FileOperation::kLink, ENOSPC, Code::kOutOfSpace}}) {
    SCOPED_TRACE(fmt::format("{} {}", NameOf(one.operation), one.error));
    files_.FailAll(one.operation, one.error);
    std::string name = fmt::format("{}-{}/a", static_cast<int>(one.operation), one.error);
    Status status = Put(name, "x").status();
    files_.ClearFaults();
    EXPECT_EQ(status.code(), one.code);
    EXPECT_THAT(status.message(), HasSubstr(name));
    EXPECT_FALSE(status.hint().empty());
    EXPECT_FALSE(status.retryable());
    EXPECT_THAT(Temporaries(), IsEmpty());
    EXPECT_EQ(store_->Stat(name, context_).status().code(), Code::kNotFound);
    EXPECT_EQ(Outcome(Put(name, "x")), "created");
  }
}

TEST_F(FileStoreOnBadDisk, FullDiskLeavesNothingBehind) {
  ASSERT_EQ(Outcome(Put("a", "12345678")), "created");
  files_.SetCapacity(10);
  EXPECT_EQ(Put("b", "12345").status().code(), Code::kOutOfSpace);
  {
    auto writer = std::move(*store_->Create("c", context_));
    EXPECT_TRUE(writer->Append(AsBytes("12")).ok());
    Status full = writer->Append(AsBytes("3"));
    EXPECT_EQ(full.code(), Code::kOutOfSpace);
    EXPECT_FALSE(full.retryable());
    EXPECT_FALSE(writer->Commit(context_).ok());  // half an object must not appear
  }
  EXPECT_EQ(store_->Stat("c", context_).status().code(), Code::kNotFound);
  EXPECT_THAT(Temporaries(), IsEmpty());
  EXPECT_EQ(Outcome(Put("a", "12345678")), "exists_same");  // needs no room
  ASSERT_TRUE(store_->Remove("a", context_).ok());
  EXPECT_EQ(Outcome(Put("b", "12345")), "created");
}

TEST_F(FileStoreOnBadDisk, FailedSyncOfAFileLosesOnlyThatFile) {
  auto writer = std::move(*store_->Create("a", context_));
  ASSERT_TRUE(writer->Append(AsBytes("x")).ok());
  files_.FailNth(FileOperation::kSync, 1, EIO);
  Result<PutResult> put = writer->Commit(context_);
  EXPECT_EQ(Outcome(put), "io");
  EXPECT_FALSE(put.status().retryable());
  EXPECT_EQ(Outcome(writer->Commit(context_)), "internal");  // not asked a second time
  EXPECT_EQ(files_.faults_fired(), 1u);
  EXPECT_THAT(Temporaries(), IsEmpty());
  EXPECT_EQ(Outcome(Put("a", "x")), "created");
}

TEST_F(FileStoreOnBadDisk, FailedSyncOfAFolderStopsAllWrites) {
  ASSERT_EQ(Outcome(Put("log/1", "x")), "created");
  files_.FailNth(FileOperation::kSyncDirectory, 1, EIO);
  Result<PutResult> put = Put("log/2", "x");
  EXPECT_EQ(Outcome(put), "unknown");
  EXPECT_THAT(put->reason, HasSubstr("fsync"));
  Status refused = Put("log/2", "x").status();
  EXPECT_EQ(refused.code(), Code::kIo);
  EXPECT_FALSE(refused.retryable());
  EXPECT_FALSE(refused.hint().empty());
  EXPECT_EQ(store_->Create("other", context_).status().code(), Code::kIo);
  EXPECT_EQ(store_->Remove("log/1", context_).code(), Code::kIo);
  EXPECT_EQ(ToString(*store_->Get("log/1", 10, context_)), "x");
  Open();  // a new start asks the disk anew
  EXPECT_EQ(Outcome(Put("log/2", "x")), "exists_same");
}

TEST_F(FileStoreOnBadDisk, NoAnswerAboutAnExistingObjectBeforeItsFolderIsSynced) {
  ASSERT_EQ(Outcome(Put("log/1", "x")), "created");
  files_.FailNth(FileOperation::kSyncDirectory, 1, EIO);
  EXPECT_EQ(Outcome(Put("log/1", "other")), "unknown");
  EXPECT_EQ(files_.faults_fired(), 1u);
}

TEST_F(FileStoreOnBadDisk, ReadErrorsAreNotTakenForAbsence) {
  ASSERT_EQ(Outcome(Put("a", "12345")), "created");
  Bytes out(2);
  files_.FailNth(FileOperation::kOpen, 1, EACCES);
  EXPECT_EQ(store_->Get("a", 10, context_).status().code(), Code::kPermission);
  files_.FailNth(FileOperation::kRead, 1, EIO);
  EXPECT_EQ(store_->Get("a", 10, context_).status().code(), Code::kIo);
  files_.FailNth(FileOperation::kRead, 1, EIO);
  EXPECT_EQ(store_->GetRange("a", 0, out, context_).code(), Code::kIo);
  files_.FailNth(FileOperation::kStat, 1, EACCES);
  EXPECT_EQ(store_->Stat("a", context_).status().code(), Code::kPermission);
  files_.FailNth(FileOperation::kList, 1, EACCES);
  EXPECT_EQ(store_->List("", "", 10, context_).status().code(), Code::kPermission);
  EXPECT_EQ(files_.faults_fired(), 5u);
}

TEST_F(FileStoreOnBadDisk, ListOfAVanishedRootIsAnError) {
  ASSERT_TRUE(files_.RemoveDirectory("/store").ok());
  EXPECT_EQ(store_->List("", "", 10, context_).status().code(), Code::kNotFound);
}

TEST_F(FileStoreOnBadDisk, ClockIsTheFileSystems) {
  FakeClock other(1);  // this machine's, wrong
  FileStoreOptions options;
  options.files = &files_;
  options.clock = &other;
  auto store = std::move(*FileStore::Open("/store", options));
  clock_.Advance(Millis(5'000));
  EXPECT_EQ(*store->NowMillis(context_), clock_.WallMillis());
  EXPECT_EQ(static_cast<Store&>(*store).PutIfAbsent("a", AsBytes("x"), context_)->store_time_ms,
            clock_.WallMillis());
  files_.FailAll(FileOperation::kCreate, EROFS);
  EXPECT_EQ(*store->NowMillis(context_), other.WallMillis());
}

TEST_F(FileStoreOnBadDisk, RemovesTemporariesOfCrashedProcesses) {
  EXPECT_EQ(*store_->RemoveStaleTemporaries(context_), 0u);
  auto crashed_store = std::move(store_);
  auto crashed = std::move(*crashed_store->Create("a", context_));
  ASSERT_TRUE(crashed->Append(AsBytes("x")).ok());
  Open();  // another process: does not know the first one's files
  auto mine = std::move(*store_->Create("b", context_));
  clock_.Advance(FileStore::kTemporaryAgeMax);
  EXPECT_EQ(*store_->RemoveStaleTemporaries(context_), 0u);
  clock_.Advance(Millis(1));
  auto young = std::move(*store_->Create("c", context_));
  EXPECT_EQ(Temporaries().size(), 3u);
  EXPECT_EQ(*store_->RemoveStaleTemporaries(context_), 1u);
  EXPECT_EQ(Temporaries().size(), 2u);
  EXPECT_EQ(Outcome(mine->Commit(context_)), "created");
  EXPECT_EQ(Outcome(young->Commit(context_)), "created");
}

// As FAT and some FUSE file systems.
class NoLinks : public FaultyFileSystem {
 public:
  Status Link(const std::string& /*existing*/, const std::string& created) override {
    return Status(Code::kUnsupported, "link " + created + ": the file system has no hard links")
        .WithHint("use another one");
  }
};

TEST(FileStoreWithoutLinks, IsRefused) {
  NoLinks files;
  FileStoreOptions options;
  options.files = &files;
  options.create_root = true;
  auto store = std::move(*FileStore::Open("/store", options));
  Status status = static_cast<Store&>(*store).PutIfAbsent("a", AsBytes("x"), {}).status();
  EXPECT_EQ(status.code(), Code::kUnsupported);
  EXPECT_THAT(status.message(), HasSubstr("hard links"));
  EXPECT_FALSE(status.hint().empty());
  EXPECT_TRUE(store->List("", "", 10, {})->objects.empty());
  EXPECT_TRUE(files.List("/store/tmp")->empty());
}

}  // namespace
}  // namespace maxbrod::store
