// The power fails at each numbered operation of a FileStore on a disk that loses what was not
// synced. An object must be whole or absent afterwards, present if it was reported so, and the
// store must go on working.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>

#include "os/faulty_file_system.h"
#include "store/file_store.h"
#include "store/store_contract_testing.h"

namespace maxbrod::store {
namespace {

constexpr uint64_t kStepsMax = 100;  // more than any call here takes
constexpr uint64_t kRandomCrashes = 40;

struct Crash {
  CrashMode mode;
  uint64_t seed;
};

std::vector<Crash> AllCrashes() {
  std::vector<Crash> crashes = {{CrashMode::kDropUnsynced, 0}, {CrashMode::kKeepAll, 0}};
  for (uint64_t seed = 1; seed <= kRandomCrashes; ++seed) {
    crashes.push_back({CrashMode::kRandom, seed});
  }
  return crashes;
}

// A disk, and the processes that work on it.
class World {
 public:
  World() : files_(clock_) {
    Start();
    neighbour_ = NewProcess();
  }
  void CrashAndRestart(const Crash& crash) {
    files_.Crash(crash.mode, crash.seed);
    Start();
  }

  Store& store() { return *store_; }
  Store& neighbour() { return *neighbour_; }  // another process; dies in the crash
  FileStore& file_store() { return *store_; }
  FaultyFileSystem& files() { return files_; }
  FakeClock& clock() { return clock_; }

  std::optional<PutOutcome> Put(const std::string& name, const std::string& bytes) {
    auto put = store().PutIfAbsent(name, AsBytes(bytes), CallContext{});
    return put.ok() ? std::optional(put->outcome) : std::nullopt;
  }
  std::optional<PutOutcome> Stream(const std::string& name, const std::string& bytes) {
    auto writer = store_->Create(name, CallContext{});
    if (!writer.ok()) return std::nullopt;
    for (size_t at = 0; at < bytes.size(); at += 1000) {
      if (!(*writer)->Append(AsBytes(bytes.substr(at, 1000))).ok()) return std::nullopt;
    }
    auto put = (*writer)->Commit(CallContext{});
    return put.ok() ? std::optional(put->outcome) : std::nullopt;
  }
  // The bytes, or "<absent>"; anything else is a failure of the test.
  std::string Get(const std::string& name) {
    Result<Bytes> bytes = store_->Get(name, 1 << 20, CallContext{});
    if (bytes.ok()) return ToString(*bytes);
    EXPECT_EQ(bytes.status().code(), Code::kNotFound) << bytes.status().message();
    return "<absent>";
  }

 private:
  std::unique_ptr<FileStore> NewProcess() {
    FileStoreOptions options;
    options.files = &files_;
    options.clock = &clock_;
    options.create_root = true;
    auto store = FileStore::Open("/backups/store", options);
    MB_CHECK(store.ok());
    return std::move(store).value();
  }
  void Start() { store_ = NewProcess(); }

  FakeClock clock_;
  FaultyFileSystem files_;
  std::unique_ptr<FileStore> store_;
  std::unique_ptr<FileStore> neighbour_;
};

bool IsThere(std::optional<PutOutcome> put) {
  return put == PutOutcome::kCreated || put == PutOutcome::kExistsSame;
}

// Runs `body` in new worlds, with the power off after 0, 1, 2, ... operations, until one run is not
// cut short; then each of these with every way to crash. `body` does the work and answers with the
// check for afterwards.
void CrashAtEachStep(const std::function<std::function<void(World&)>(World&)>& body) {
  for (const Crash& crash : AllCrashes()) {
    bool finished = false;
    for (uint64_t step = 0; !finished; ++step) {
      ASSERT_LE(step, kStepsMax);
      SCOPED_TRACE(fmt::format("crash mode {} seed {} after step {}", static_cast<int>(crash.mode),
                               crash.seed, step));
      World world;
      uint64_t before = world.files().steps();
      world.files().PowerOffAfter(step);
      auto check = body(world);
      finished = world.files().steps() - before < step;
      world.CrashAndRestart(crash);
      check(world);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

const std::string kBytes = PatternBytes(1, 5'000);

TEST(FileStoreCrash, PutIsWholeOrAbsent) {
  CrashAtEachStep([](World& world) {
    auto put = world.Put("pack/3f/a", kBytes);
    return [put](World& after) {
      std::string seen = after.Get("pack/3f/a");
      if (IsThere(put)) {
        EXPECT_TRUE(seen == kBytes);
      }
      if (!put) {  // an error says: certainly not applied
        EXPECT_EQ(seen, "<absent>");
      }
      EXPECT_TRUE(seen == kBytes || seen == "<absent>");
      // Life goes on, and the same bytes may always be sent again.
      EXPECT_TRUE(IsThere(after.Put("pack/3f/a", kBytes)));
      EXPECT_EQ(after.Put("pack/3f/b", "other"), PutOutcome::kCreated);
      EXPECT_TRUE(after.Get("pack/3f/a") == kBytes);
    };
  });
}

TEST(FileStoreCrash, StreamIsWholeOrAbsent) {
  CrashAtEachStep([](World& world) {
    auto put = world.Stream("pack/3f/a", kBytes);
    return [put](World& after) {
      std::string seen = after.Get("pack/3f/a");
      if (IsThere(put)) {
        EXPECT_TRUE(seen == kBytes);
      }
      if (!put) {
        EXPECT_EQ(seen, "<absent>");
      }
      EXPECT_TRUE(seen == kBytes || seen == "<absent>");
      EXPECT_TRUE(IsThere(after.Stream("pack/3f/a", kBytes)));
    };
  });
}

TEST(FileStoreCrash, LogHasNoHoles) {
  // Commits 1 to 4 one after the other: whatever survives is a prefix, and holds all that was
  // reported.
  CrashAtEachStep([](World& world) {
    int reported = 0;
    for (int i = 1; i <= 4; ++i) {
      // A folder boundary between 2 and 3, as between log/...9999 and log/...10000.
      auto put = world.Put(fmt::format("log/{}/{}", i / 3, i), fmt::format("commit {}", i));
      if (!IsThere(put)) break;
      reported = i;
    }
    return [reported](World& after) {
      int survived = 0;
      while (survived < 4 &&
             after.Get(fmt::format("log/{}/{}", (survived + 1) / 3, survived + 1)) ==
                 fmt::format("commit {}", survived + 1)) {
        ++survived;
      }
      EXPECT_GE(survived, reported);
      for (int i = survived + 1; i <= 4; ++i) {
        EXPECT_EQ(after.Get(fmt::format("log/{}/{}", i / 3, i)), "<absent>");
      }
    };
  });
}

TEST(FileStoreCrash, WhoLostTheRaceFindsTheWinnersBytesAfterACrash) {
  CrashAtEachStep([](World& world) {
    // Another process stalls between its link and the fsync of the folder.
    world.files().FailNth(FileOperation::kSyncDirectory, 2, EIO);  // 1: the parent of log/
    auto theirs = world.neighbour().PutIfAbsent("log/1", AsBytes("theirs"), {});
    EXPECT_TRUE(!theirs.ok() || theirs->outcome == PutOutcome::kUnknown);
    std::optional<PutOutcome> ours = world.Put("log/1", "ours");
    std::optional<PutOutcome> twin = world.Put("log/1", "theirs");
    return [=](World& after) {
      std::string seen = after.Get("log/1");
      if (ours == PutOutcome::kCreated) {
        EXPECT_EQ(seen, "ours");
      }
      if (ours == PutOutcome::kExistsOther) {
        EXPECT_EQ(seen, "theirs");
      }
      if (twin && IsThere(twin)) {
        EXPECT_EQ(seen, "theirs");
      }
      EXPECT_TRUE(seen == "theirs" || seen == "ours" || seen == "<absent>");
    };
  });
}

TEST(FileStoreCrash, RemovalsAreNotUndoneAndKeepTheirOrder) {
  int undone = 0;
  for (const Crash& crash : AllCrashes()) {
    for (uint64_t step = 0; step <= 4; ++step) {
      SCOPED_TRACE(fmt::format("crash mode {} seed {} after step {}", static_cast<int>(crash.mode),
                               crash.seed, step));
      World world;
      ASSERT_TRUE(IsThere(world.Put("l0/a", kBytes)) && IsThere(world.Put("pack/b", kBytes)));
      world.files().PowerOffAfter(step);
      bool first = world.store().Remove("l0/a", CallContext{}).ok();
      bool second = world.store().Remove("pack/b", CallContext{}).ok();
      EXPECT_EQ(first && second, step == 4);  // an unlink and an fsync each
      world.CrashAndRestart(crash);
      std::string a = world.Get("l0/a"), b = world.Get("pack/b");
      EXPECT_TRUE(a == kBytes || a == "<absent>");
      EXPECT_TRUE(b == kBytes || b == "<absent>");
      EXPECT_TRUE(!first || a == "<absent>");
      EXPECT_TRUE(!second || b == "<absent>");
      EXPECT_TRUE(b == kBytes || a == "<absent>");  // the second never without the first
      undone += !first && a == kBytes ? 1 : 0;
    }
  }
  EXPECT_GT(undone, 0);
}

TEST(FileStoreCrash, LeftoversAreRemovedAndNothingElse) {
  CrashAtEachStep([](World& world) {
    world.Stream("pack/3f/a", kBytes);
    return [](World& after) {
      std::string seen = after.Get("pack/3f/a");
      after.clock().Advance(FileStore::kTemporaryAgeMax + Millis(1));
      EXPECT_TRUE(after.file_store().RemoveStaleTemporaries(CallContext{}).ok());
      auto left = after.files().List("/backups/store/tmp");
      if (left.ok()) {
        EXPECT_TRUE(left->empty());
      }
      EXPECT_TRUE(after.Get("pack/3f/a") == seen);
    };
  });
}

TEST(FileStoreCrash, TheTestWouldNoticeAMissingSync) {
  // The same checks over a disk whose fsync of folders does nothing must fail somewhere.
  class LyingDisk : public FaultyFileSystem {
   public:
    using FaultyFileSystem::FaultyFileSystem;
    Status SyncDirectory(const std::string& /*path*/) override { return Status::Ok(); }
  };
  LyingDisk files;
  FileStoreOptions options;
  options.files = &files;
  options.create_root = true;
  auto store = std::move(*FileStore::Open("/store", options));
  auto put = static_cast<Store&>(*store).PutIfAbsent("log/1", AsBytes("x"), CallContext{});
  EXPECT_EQ(put->outcome, PutOutcome::kCreated);
  files.Crash();
  store = std::move(*FileStore::Open("/store", options));
  EXPECT_EQ(store->Get("log/1", 10, CallContext{}).status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace maxbrod::store
