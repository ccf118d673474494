#include "os/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>

#include "os/faulty_file_system.h"

namespace maxbrod {
namespace {

// The same tests over the real file system and the faulty one (which is well-behaved until told
// otherwise).
class FileSystemContract : public testing::TestWithParam<bool> {
 protected:
  FileSystemContract() {
    if (GetParam()) {
      std::string pattern = testing::TempDir() + "file_test_XXXXXX";
      root_ = ::mkdtemp(pattern.data());
    } else {
      root_ = "/root";
      EXPECT_TRUE(faulty_.MakeDirectories(root_).ok());
    }
  }
  ~FileSystemContract() override {
    if (GetParam()) std::filesystem::remove_all(root_);
  }

  FileSystem& files() { return GetParam() ? FileSystem::Posix() : faulty_; }
  std::string At(const std::string& name) { return root_ + "/" + name; }
  Status Put(const std::string& name, std::string_view text) {
    MB_ASSIGN_OR_RETURN(auto file, files().Create(At(name)));
    MB_RETURN_IF_ERROR(file->WriteAll(AsBytes(text)));
    MB_RETURN_IF_ERROR(file->Sync());
    return file->Close();
  }
  std::string Text(const std::string& name) {
    auto bytes = ReadFile(files(), At(name), 1 << 20);
    return bytes.ok() ? ToString(*bytes) : std::string(InfoOf(bytes.status().code()).name);
  }

  FaultyFileSystem faulty_;
  std::string root_;
};

TEST_P(FileSystemContract, WritesAndReads) {
  auto file = files().Create(At("f"));
  ASSERT_TRUE(file.ok());
  std::vector<ByteView> pieces = {AsBytes("ab"), {}, AsBytes("c")};
  ASSERT_TRUE((*file)->WriteAll(pieces).ok());
  ASSERT_TRUE((*file)->WriteAll(AsBytes("def")).ok());
  ASSERT_TRUE((*file)->Sync().ok());
  Bytes got(3);
  ASSERT_TRUE((*file)->PreadAll(2, got).ok());
  EXPECT_EQ(AsText(got), "cde");
  EXPECT_EQ((*file)->PreadAll(4, got).code(), Code::kCorrupt);
  EXPECT_EQ((*file)->PreadAll(7, got).code(), Code::kCorrupt);
  EXPECT_TRUE((*file)->PreadAll(6, {}).ok());
  auto stat = (*file)->Stat();
  ASSERT_TRUE(stat.ok());
  EXPECT_EQ(stat->size, 6u);
  EXPECT_EQ(stat->links, 1u);
  EXPECT_FALSE(stat->is_directory);
  EXPECT_LT(std::abs(stat->modified_ms - Clock::System().WallMillis()), 60'000);
  EXPECT_TRUE((*file)->Close().ok());
  EXPECT_EQ(Text("f"), "abcdef");
}

TEST_P(FileSystemContract, ManyPieces) {
  std::vector<Bytes> chunks;
  std::vector<ByteView> pieces;
  Bytes all;
  for (size_t i = 0; i < 3000; ++i) {
    chunks.push_back(Bytes(i % 17, static_cast<uint8_t>(i)));
    Append(all, chunks.back());
  }
  for (const Bytes& chunk : chunks) pieces.push_back(chunk);
  auto file = files().Create(At("f"));
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->WriteAll(pieces).ok());
  auto back = ReadFile(files(), At("f"), all.size());
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, all);
}

TEST_P(FileSystemContract, CreateNeverOverwrites) {
  ASSERT_TRUE(Put("f", "one").ok());
  Status status = Put("f", "two");
  EXPECT_EQ(status.code(), Code::kAlreadyExists);
  EXPECT_NE(status.message().find(At("f")), std::string::npos);
  EXPECT_EQ(Text("f"), "one");
}

TEST_P(FileSystemContract, WhatIsNotThere) {
  EXPECT_EQ(files().OpenForRead(At("f")).status().code(), Code::kNotFound);
  EXPECT_EQ(files().Unlink(At("f")).code(), Code::kNotFound);
  EXPECT_EQ(files().Stat(At("f")).status().code(), Code::kNotFound);
  EXPECT_EQ(files().List(At("d")).status().code(), Code::kNotFound);
  EXPECT_EQ(files().SyncDirectory(At("d")).code(), Code::kNotFound);
  EXPECT_EQ(files().Link(At("f"), At("g")).code(), Code::kNotFound);
  EXPECT_EQ(files().Rename(At("f"), At("g")).code(), Code::kNotFound);
  EXPECT_EQ(files().Create(At("d/f")).status().code(), Code::kNotFound);
}

TEST_P(FileSystemContract, LinksCountAndRefuseToOverwrite) {
  ASSERT_TRUE(Put("f", "x").ok());
  ASSERT_TRUE(files().Link(At("f"), At("g")).ok());
  EXPECT_EQ(files().Stat(At("g"))->links, 2u);
  EXPECT_EQ(files().Link(At("f"), At("g")).code(), Code::kAlreadyExists);
  ASSERT_TRUE(files().Unlink(At("f")).ok());
  EXPECT_EQ(files().Stat(At("g"))->links, 1u);
  EXPECT_EQ(Text("g"), "x");
}

TEST_P(FileSystemContract, RenameReplaces) {
  ASSERT_TRUE(Put("f", "new").ok());
  ASSERT_TRUE(Put("g", "old").ok());
  ASSERT_TRUE(files().Rename(At("f"), At("g")).ok());
  EXPECT_EQ(Text("f"), "not_found");
  EXPECT_EQ(Text("g"), "new");
}

TEST_P(FileSystemContract, Directories) {
  ASSERT_TRUE(files().MakeDirectories(At("a/b/c")).ok());
  ASSERT_TRUE(files().MakeDirectories(At("a/b/c")).ok());
  ASSERT_TRUE(Put("a/z", "").ok());
  ASSERT_TRUE(Put("a/0", "").ok());
  auto entries = files().List(At("a"));
  ASSERT_TRUE(entries.ok());
  EXPECT_EQ(*entries, (std::vector<DirectoryEntry>{{"0", false}, {"b", true}, {"z", false}}));
  EXPECT_TRUE(files().Stat(At("a"))->is_directory);
  EXPECT_TRUE(files().SyncDirectory(At("a")).ok());
  EXPECT_FALSE(files().MakeDirectories(At("a/z/x")).ok());
  EXPECT_FALSE(files().RemoveDirectory(At("a")).ok());
  ASSERT_TRUE(files().RemoveDirectory(At("a/b/c")).ok());
  EXPECT_EQ(files().List(At("a/b"))->size(), 0u);
  EXPECT_GT(*files().FreeBytes(At("a")), 0u);
}

TEST_P(FileSystemContract, AnOpenFileOutlivesItsName) {
  ASSERT_TRUE(Put("f", "still here").ok());
  auto file = files().OpenForRead(At("f"));
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(files().Unlink(At("f")).ok());
  Bytes got(10);
  ASSERT_TRUE((*file)->PreadAll(0, got).ok());
  EXPECT_EQ(AsText(got), "still here");
}

TEST_P(FileSystemContract, ReadFileIsBounded) {
  ASSERT_TRUE(Put("f", "12345").ok());
  EXPECT_TRUE(ReadFile(files(), At("f"), 5).ok());
  EXPECT_EQ(ReadFile(files(), At("f"), 4).status().code(), Code::kInvalidArgument);
  EXPECT_FALSE(ReadFile(files(), root_, 100).ok());
}

INSTANTIATE_TEST_SUITE_P(Each, FileSystemContract, testing::Bool(),
                         [](const auto& each) { return each.param ? "Posix" : "Faulty"; });

TEST(PosixFile, OnlyTheOwnerMayRead) {
  std::string path = testing::TempDir() + "file_test_mode_" + std::to_string(::getpid());
  ASSERT_TRUE(FileSystem::Posix().Create(path).ok());
  struct stat st;
  ASSERT_EQ(::stat(path.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
  EXPECT_TRUE(FileSystem::Posix().Unlink(path).ok());
}

TEST(PosixFile, AFailedWritePoisons) {
  std::string path = testing::TempDir() + "file_test_limit_" + std::to_string(::getpid());
  auto file = FileSystem::Posix().Create(path);
  ASSERT_TRUE(file.ok());
  // A file size limit makes write(2) fail with EFBIG, after a partial write.
  rlimit before{}, small{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  small = {10, before.rlim_max};
  auto old = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  Status first = (*file)->WriteAll(AsBytes("0123456789abc"));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old);
  EXPECT_EQ(first.code(), Code::kIo);
  EXPECT_EQ((*file)->WriteAll(AsBytes("x")).code(), Code::kIo);
  EXPECT_EQ((*file)->Sync().code(), Code::kIo);
  EXPECT_NE((*file)->Sync().message().find("unusable after an earlier failure"), std::string::npos);
  EXPECT_EQ(FileSystem::Posix().Stat(path)->size, 10u);
  EXPECT_TRUE(FileSystem::Posix().Unlink(path).ok());
}

TEST(ErrnoStatus, ClassesOfErrors) {
  EXPECT_EQ(ErrnoStatus(ENOSPC, "write", "/x").code(), Code::kOutOfSpace);
  EXPECT_EQ(ErrnoStatus(EDQUOT, "write", "/x").code(), Code::kOutOfSpace);
  EXPECT_FALSE(ErrnoStatus(ENOSPC, "write", "/x").hint().empty());
  EXPECT_EQ(ErrnoStatus(EROFS, "write", "/x").code(), Code::kReadOnly);
  EXPECT_EQ(ErrnoStatus(EACCES, "open", "/x").code(), Code::kPermission);
  EXPECT_EQ(ErrnoStatus(EPERM, "open", "/x").code(), Code::kPermission);
  EXPECT_EQ(ErrnoStatus(ENOENT, "open", "/x").code(), Code::kNotFound);
  EXPECT_EQ(ErrnoStatus(EEXIST, "open", "/x").code(), Code::kAlreadyExists);
  EXPECT_EQ(ErrnoStatus(EIO, "open", "/x").code(), Code::kIo);
  EXPECT_EQ(ErrnoStatus(EIO, "open", "/x").message(), "open /x: Input/output error");
}

TEST(ParentPath, OfEachShape) {
  EXPECT_EQ(ParentPath("/a/b/c"), "/a/b");
  EXPECT_EQ(ParentPath("/a/b/"), "/a");
  EXPECT_EQ(ParentPath("/a//b"), "/a");
  EXPECT_EQ(ParentPath("/a"), "/");
  EXPECT_EQ(ParentPath("/"), "/");
  EXPECT_EQ(ParentPath("a"), ".");
  EXPECT_EQ(ParentPath("a/b"), "a");
}

}  // namespace
}  // namespace maxbrod
