// Kills the process at each named step of each order of writes, and sees that the repository is
// whole and the work can be done again.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "os/crash_point.h"
#include "repo/check.h"
#include "repo/crypto_testing.h"
#include "repo/gc.h"
#include "repo/repository_testing.h"
#include "repo/rewrite.h"
#include "store/file_store.h"

namespace maxbrod::repo {
namespace {

namespace fs = std::filesystem;

class CrashTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    encrypted = *GetParam() == kEncrypted;
  }
  static const char* Step() { return encrypted ? GetParam() + 1 : GetParam(); }

  // A step that begins so happens to an encrypted repository.
  static constexpr char kEncrypted = '+';
  static inline bool encrypted = false;
  static fs::path Folder() {
    std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    for (char& c : name) c = c == '/' ? '-' : c;
    return fs::path(::testing::TempDir()) / ("maxbrod-crash-" + name);
  }
  static std::unique_ptr<Repository> Open(bool create) {
    store::FileStoreOptions options;
    options.create_root = create;
    auto store = store::FileStore::Open(Folder().string(), options);
    MB_CHECK(store.ok());
    KeySource source = encrypted ? TestKeySource(3) : KeySource();
    InitOptions init{"test", {}};
    if (encrypted) init.slots.push_back({&source.secret, {}});
    if (create) MB_CHECK(Repository::Init(**store, init, CallContext()).ok());
    OpenOptions open;
    open.keys = &source;
    open.checkpoint_every = 2;
    auto repository = Repository::Open(std::move(*store), open, CallContext());
    MB_CHECK(repository.ok());
    return std::move(*repository);
  }

  // One run of a backup: a pack, then a snapshot with another pack.
  static Status Backup(const std::string& name) {
    auto repository = Open(false);
    MB_RETURN_IF_ERROR(
        repository->CommitPacks(TestPack(repository->store(), "t", 0, 2), CallContext()).status());
    return repository
        ->CommitSnapshot(TestDraft(name, {{"t", 40}}), TestPack(repository->store(), "t", 20, 2),
                         CallContext())
        .status();
  }

  // Condemns everything abandoned, at once: all ages are zero here.
  static Status Prune() {
    auto repository = Open(false);
    GcOptions now{0, 0, 0};
    CommitLog& log = repository->log();
    MB_RETURN_IF_ERROR(
        CondemnUnreachable(log, repository->index_cache(), now, CallContext()).status());
    MB_RETURN_IF_ERROR(SweepCondemned(log, now, CallContext()).status());
    return TrimOldLog(log, now, CallContext()).status();
  }

  static void ExpectSound() {
    auto repository = Open(false);
    IndexCache cache;
    auto report = CheckRepository(repository->log(), cache, CallContext());
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    EXPECT_TRUE(report->Outcome().ok()) << report->Outcome().ToString();
    for (const format::SnapshotRef& ref : repository->state()->snapshots) {
      Status status = ReadWhole(*repository, ref);
      EXPECT_TRUE(status.ok()) << status.ToString();
    }
  }

  // The statement runs in a child process of its own.
  static void DieAt(const char* step, Status (*work)()) {
    setenv("MAXBROD_CRASH_AT", step, 1);
    Status status = work();
    std::fprintf(stderr, "survived: %s\n", status.ToString().c_str());
  }
};

class BackupCrashTest : public CrashTest {};

TEST_P(BackupCrashTest, LeavesARepositoryThatCanGoOn) {
  fs::remove_all(Folder());
  Open(true);
  EXPECT_EXIT(DieAt(Step(), [] { return Backup("one"); }),
              ::testing::ExitedWithCode(kCrashExitCode), "");
  ExpectSound();
  Status again = Backup("two");
  ASSERT_TRUE(again.ok()) << again.ToString();
  ExpectSound();
  EXPECT_TRUE(Open(false)->FindSnapshot("two").ok());
  // What was left over goes, and nothing else.
  ASSERT_TRUE(Prune().ok());
  ExpectSound();
  EXPECT_TRUE(Open(false)->FindSnapshot("two").ok());
  fs::remove_all(Folder());
}

std::string StepName(const ::testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  if (name.front() == '+') name = "encrypted" + name;
  for (char& c : name) c = isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(EachStep, BackupCrashTest,
                         ::testing::Values("packs.stored", "commit.before", "commit.after",
                                           "packs.committed", "packs.stored:2", "commit.before:2",
                                           "checkpoint.before", "commit.after:2",
                                           "manifests.stored", "snapshot.stored", "commit.before:3",
                                           "commit.after:3", "snapshot.committed", "+packs.stored",
                                           "+commit.after", "+checkpoint.before",
                                           "+snapshot.stored"),
                         StepName);

class PruneCrashTest : public CrashTest {};

TEST_P(PruneCrashTest, IsTakenUpByTheNextPrune) {
  fs::remove_all(Folder());
  {
    auto repository = Open(true);
    TestPack(repository->store(), "t", 100, 1);  // abandoned
    TestPack(repository->store(), "t", 200, 1);
  }
  EXPECT_EXIT(DieAt(Step(),
                    [] {
                      MB_RETURN_IF_ERROR(Backup("one"));
                      return Prune();
                    }),
              ::testing::ExitedWithCode(kCrashExitCode), "");
  ExpectSound();
  Status again = Prune();
  ASSERT_TRUE(again.ok()) << again.ToString();
  ExpectSound();
  auto repository = Open(false);
  EXPECT_TRUE(repository->state()->condemned.empty());
  auto packs = repository->store().List("l0/", "", 10, CallContext());
  EXPECT_EQ(packs->objects.size(), 2u);
  fs::remove_all(Folder());
}

INSTANTIATE_TEST_SUITE_P(EachStep, PruneCrashTest,
                         ::testing::Values("sweep.doomed", "sweep.removed", "sweep.removed:2",
                                           "trim.committed", "trim.removed", "trim.removed:2",
                                           "+sweep.removed", "+trim.committed"),
                         StepName);

// A pack with two blocks of which one snapshot needs one, rewritten.
class RewriteCrashTest : public CrashTest {
 protected:
  static Status Prepare() {
    auto repository = Open(true);
    PackBuilder builder(repository->store());
    for (int topic = 0; topic < 2; ++topic) {
      builder.Block("t", 0, 100 * topic, 8).Claim("t", 0, 100 * topic, 100 * topic + 80);
    }
    TestBlock dead = MakeBlock("t", 0, 200, std::vector<size_t>(40, 100));
    TestBlock live = MakeBlock("t", 0, 600, std::vector<size_t>(2, 100));
    dead.owner.topic_id = live.owner.topic_id = TopicId();
    MB_ASSIGN_OR_RETURN(auto writer, PackWriter::Create(repository->store(), {}, CallContext()));
    for (const TestBlock* block : {&dead, &live}) {
      ByteView piece = block->batches;
      MB_RETURN_IF_ERROR(writer->AddBlock(block->owner, block->stats, {&piece, 1}));
    }
    MB_ASSIGN_OR_RETURN(SealedPack sealed, writer->Seal(CallContext()));
    builder.Claim("t", 0, 200, 620);
    format::AddPacks packs = builder.packs();
    *packs.add_packs() = sealed.ref;
    for (const char* name : {"one", "two"}) {
      SnapshotDraft draft = TestDraft(name, {{"t", 620}});
      draft.topics[0].mutable_partitions(0)->set_start_offset(600);
      MB_RETURN_IF_ERROR(repository->CommitSnapshot(draft, packs, CallContext()).status());
      packs.Clear();
    }
    ReleaseLimits limits;
    limits[{0, 0}].below = 600;
    return Release(repository->log(), repository->index_cache(), MakeTopicKey("", "t"), limits,
                   CallContext())
        .status();
  }
  static Result<RewriteReport> Rewrite(Repository& repository) {
    CallContext context;
    MB_ASSIGN_OR_RETURN(auto state, repository.Refresh(context));
    IndexCache cache;
    RewriteOptions options;
    options.object_age_ms = -1;
    options.budget_bytes = kMiB;
    MB_ASSIGN_OR_RETURN(Liveness life, ComputeLiveness(repository.store(), *state, cache, context));
    MB_ASSIGN_OR_RETURN(int64_t now, repository.store().NowMillis(context));
    MB_ASSIGN_OR_RETURN(RewritePlan plan,
                        PlanRewrite(repository.store(), *state, life, options, now, context));
    return RewritePacks(repository.log(), cache, *state, life, plan, options, context);
  }
};

TEST_P(RewriteCrashTest, LeavesTheOldOrTheNewAndNothingIsLost) {
  fs::remove_all(Folder());
  EXPECT_EXIT(DieAt(Step(),
                    [] {
                      MB_RETURN_IF_ERROR(Prepare());
                      return Rewrite(*Open(false)).status();
                    }),
              ::testing::ExitedWithCode(kCrashExitCode), "");
  ExpectSound();
  auto again = Rewrite(*Open(false));
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  ExpectSound();
  ASSERT_TRUE(Prune().ok());
  ASSERT_TRUE(Prune().ok());
  ExpectSound();
  auto repository = Open(false);
  EXPECT_EQ(repository->state()->snapshots.size(), 2u);
  EXPECT_EQ(repository->state()->snapshots[0].name(), "one");
  EXPECT_EQ(repository->store().List("l0/", "", 10, CallContext())->objects.size(), 0u);
  EXPECT_EQ(repository->store().List("pack/", "", 10, CallContext())->objects.size(), 1u)
      << "the new one; the old ones and what the crash left are gone";
  fs::remove_all(Folder());
}

INSTANTIATE_TEST_SUITE_P(EachStep, RewriteCrashTest,
                         ::testing::Values("rewrite.pack", "rewrite.packs", "reindex.manifests",
                                           "reindex.snapshots", "commit.before:5", "commit.after:5",
                                           "rewrite.committed", "+rewrite.pack",
                                           "+reindex.snapshots", "+rewrite.committed"),
                         StepName);

}  // namespace
}  // namespace maxbrod::repo
