#include "os/faulty_file_system.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>

namespace maxbrod {
namespace {

class Faulty : public testing::Test {
 protected:
  Faulty() { EXPECT_TRUE(fs_.MakeDirectories("/d").ok()); }

  std::unique_ptr<File> Create(const std::string& path, std::string_view text) {
    auto file = fs_.Create(path);
    EXPECT_TRUE(file.ok()) << file.status().ToString();
    EXPECT_TRUE((*file)->WriteAll(AsBytes(text)).ok());
    return std::move(file).value();
  }
  // The text, or the name of the error.
  std::string Text(const std::string& path) {
    auto bytes = ReadFile(fs_, path, 1 << 20);
    return bytes.ok() ? ToString(*bytes) : std::string(InfoOf(bytes.status().code()).name);
  }

  FaultyFileSystem fs_;
};

TEST_F(Faulty, ContentsAndNamesAreLostApart) {
  auto both = Create("/d/both", "kept");
  auto content_only = Create("/d/content", "synced, but nameless");
  EXPECT_TRUE(both->Sync().ok());
  EXPECT_TRUE(content_only->Sync().ok());
  // A directory holds all of its names or none: the second file lives elsewhere.
  EXPECT_TRUE(fs_.MakeDirectories("/e").ok());
  auto name_only = Create("/e/name", "unsynced");
  EXPECT_TRUE(fs_.SyncDirectory("/e").ok());
  fs_.Crash();
  EXPECT_EQ(Text("/d/both"), "not_found");
  EXPECT_EQ(Text("/e/name"), "");
}

TEST_F(Faulty, WhatIsSyncedStays) {
  auto file = Create("/d/f", "one");
  EXPECT_TRUE(file->Sync().ok());
  EXPECT_TRUE(fs_.SyncDirectory("/d").ok());
  EXPECT_TRUE(file->WriteAll(AsBytes(" two")).ok());
  EXPECT_EQ(Text("/d/f"), "one two");
  fs_.Crash();
  EXPECT_EQ(Text("/d/f"), "one");
  EXPECT_EQ(file->WriteAll(AsBytes("x")).code(), Code::kIo);
  EXPECT_EQ(file->Sync().code(), Code::kIo);
}

TEST_F(Faulty, UnlinkAndRenameAreLostWithoutASync) {
  EXPECT_TRUE(Create("/d/a", "a")->Sync().ok());
  EXPECT_TRUE(Create("/d/b", "b")->Sync().ok());
  EXPECT_TRUE(fs_.SyncDirectory("/d").ok());
  EXPECT_TRUE(fs_.Unlink("/d/a").ok());
  EXPECT_TRUE(fs_.Rename("/d/b", "/d/c").ok());
  EXPECT_EQ(Text("/d/c"), "b");
  fs_.Crash();
  EXPECT_EQ(Text("/d/a"), "a");
  EXPECT_EQ(Text("/d/b"), "b");
  EXPECT_EQ(Text("/d/c"), "not_found");
  EXPECT_EQ(fs_.Stat("/d/a")->links, 1u);
}

TEST_F(Faulty, KeepAllKeepsAll) {
  Create("/d/a", "a");
  fs_.Crash(CrashMode::kKeepAll);
  EXPECT_EQ(Text("/d/a"), "a");
}

TEST_F(Faulty, RandomKeepsAPrefixOfEachHistory) {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    FaultyFileSystem fs;
    ASSERT_TRUE(fs.MakeDirectories("/d").ok());
    auto file = fs.Create("/d/old");
    ASSERT_TRUE((*file)->WriteAll(AsBytes("12")).ok());
    ASSERT_TRUE(fs.Rename("/d/old", "/d/new").ok());
    fs.Crash(CrashMode::kRandom, seed);
    auto names = fs.List("/d");
    ASSERT_TRUE(names.ok());
    ASSERT_LE(names->size(), 1u);  // a rename is one change: never both names
    std::string state = names->empty() ? "none" : names->front().name;
    if (!names->empty()) {
      state += " " + std::to_string(fs.Stat("/d/" + names->front().name)->size);
    }
    seen.insert(state);
  }
  EXPECT_EQ(seen,
            (std::set<std::string>{"none", "old 0", "old 1", "old 2", "new 0", "new 1", "new 2"}));
}

TEST_F(Faulty, TheNthOperationFailsAndFires) {
  auto file = Create("/d/f", "x");
  fs_.FailNth(FileOperation::kWrite, 2, ENOSPC);
  EXPECT_TRUE(file->WriteAll(AsBytes("y")).ok());
  EXPECT_EQ(file->WriteAll(AsBytes("z")).code(), Code::kOutOfSpace);
  EXPECT_EQ(file->WriteAll(AsBytes("z")).code(), Code::kOutOfSpace);  // poisoned
  EXPECT_EQ(file->Sync().code(), Code::kOutOfSpace);
  EXPECT_EQ(fs_.faults_fired(), 1u);
  EXPECT_EQ(Text("/d/f"), "xy");
}

TEST_F(Faulty, AFaultMayComeAfterTheEffect) {
  EXPECT_TRUE(Create("/d/f", "x")->Sync().ok());
  fs_.FailNth(FileOperation::kLink, 1, EIO, FaultEffect::kApplied);
  EXPECT_EQ(fs_.Link("/d/f", "/d/g").code(), Code::kIo);
  EXPECT_EQ(fs_.Stat("/d/f")->links, 2u);
  auto file = Create("/d/h", "");
  fs_.FailNth(FileOperation::kWrite, 1, EIO, FaultEffect::kApplied);
  EXPECT_EQ(file->WriteAll(AsBytes("1234")).code(), Code::kIo);
  EXPECT_EQ(Text("/d/h"), "12");
  EXPECT_EQ(fs_.faults_fired(), 2u);
}

TEST_F(Faulty, AFailedFsyncPoisonsAndKeepsNothing) {
  auto file = Create("/d/f", "data");
  EXPECT_TRUE(fs_.SyncDirectory("/d").ok());
  fs_.FailNth(FileOperation::kSync, 1, EIO);
  EXPECT_EQ(file->Sync().code(), Code::kIo);
  EXPECT_EQ(file->Sync().code(), Code::kIo);
  fs_.Crash();
  EXPECT_EQ(Text("/d/f"), "");
}

TEST_F(Faulty, FailAllUntilCleared) {
  fs_.FailAll(FileOperation::kList, EACCES);
  EXPECT_EQ(fs_.List("/d").status().code(), Code::kPermission);
  EXPECT_EQ(fs_.List("/d").status().code(), Code::kPermission);
  fs_.ClearFaults();
  EXPECT_TRUE(fs_.List("/d").ok());
}

TEST_F(Faulty, TheDiskFillsUp) {
  fs_.SetCapacity(10);
  auto file = Create("/d/f", "1234567");
  EXPECT_EQ(*fs_.FreeBytes("/d"), 3u);
  EXPECT_EQ(file->WriteAll(AsBytes("89abc")).code(), Code::kOutOfSpace);
  EXPECT_EQ(Text("/d/f"), "123456789a");
  EXPECT_TRUE(fs_.Unlink("/d/f").ok());
  EXPECT_EQ(*fs_.FreeBytes("/d"), 10u);
}

TEST_F(Faulty, PowerOffStopsEverythingUntilTheCrash) {
  fs_.PowerOffAfter(1);
  auto file = fs_.Create("/d/f");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)->WriteAll(AsBytes("x")).code(), Code::kIo);
  EXPECT_EQ(fs_.List("/d").status().code(), Code::kIo);
  fs_.Crash();
  EXPECT_TRUE(fs_.List("/d").ok());
}

// The durable way to write a file (temporary name, fsync, link, unlink, fsync of the directory),
// cut at each step: the final name is absent or whole, and whole once the writer was told so.
TEST_F(Faulty, ACrashTestWalksOverEachStep) {
  auto publish = [](FileSystem& fs) -> Status {
    MB_ASSIGN_OR_RETURN(auto file, fs.Create("/d/tmp"));
    MB_RETURN_IF_ERROR(file->WriteAll(AsBytes("whole")));
    MB_RETURN_IF_ERROR(file->Sync());
    MB_RETURN_IF_ERROR(fs.Link("/d/tmp", "/d/final"));
    MB_RETURN_IF_ERROR(fs.Unlink("/d/tmp"));
    return fs.SyncDirectory("/d");
  };
  uint64_t steps = 0;
  for (bool finished = false; !finished; ++steps) {
    for (uint64_t seed = 0; seed < 30; ++seed) {
      FaultyFileSystem fs;
      ASSERT_TRUE(fs.MakeDirectories("/d").ok());
      fs.PowerOffAfter(steps);
      finished = publish(fs).ok();
      fs.Crash(seed == 0 ? CrashMode::kDropUnsynced : CrashMode::kRandom, seed);
      auto bytes = ReadFile(fs, "/d/final", 100);
      if (bytes.ok()) {
        ASSERT_EQ(ToString(*bytes), "whole") << "step " << steps << " seed " << seed;
      } else {
        ASSERT_FALSE(finished) << "step " << steps << " seed " << seed;
      }
    }
  }
  EXPECT_EQ(steps, 7u);
}

TEST_F(Faulty, CountsAndTraces) {
  uint64_t before = fs_.steps();
  EXPECT_TRUE(Create("/d/f", "x")->Sync().ok());
  EXPECT_EQ(fs_.steps() - before, 3u);
  EXPECT_EQ(fs_.Count(FileOperation::kSync), 1u);
  EXPECT_EQ(fs_.Trace(),
            (std::vector<std::string>{"mkdir /d", "create /d/f", "write /d/f", "fsync /d/f"}));
  EXPECT_EQ(NameOf(FileOperation::kClose), "close");
}

}  // namespace
}  // namespace maxbrod
