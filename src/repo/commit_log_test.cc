#include "repo/commit_log.h"

#include <gtest/gtest.h>

#include "repo/object.h"
#include "repo/repository_testing.h"
#include "store/fault_store.h"
#include "store/mem_store.h"

namespace maxbrod::repo {
namespace {

using store::StoreMethod;

class CommitLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(CommitLog::Init(*mem_, "test", context_).ok());
    log_ = Open(*faults_);
    other_ = Open(*mem_);
  }
  CommitLogOptions Options() {
    CommitLogOptions options;
    options.program = "test";
    options.clock = &clock_;
    options.seed = 7;
    options.warn = [this](const std::string& text) { warnings_.push_back(text); };
    return options;
  }
  std::unique_ptr<CommitLog> Open(store::Store& store) {
    auto log = CommitLog::Open(store, Options(), context_);
    EXPECT_TRUE(log.ok()) << log.status().ToString();
    return log.ok() ? std::move(*log) : nullptr;
  }
  // Commits a pin, the simplest action that can be told from others.
  Result<Receipt> Commit(CommitLog& log, uint8_t id) {
    return log.Append(
        [&](const State&, const CallContext&) -> Result<Proposal> {
          ++plans_;
          Proposal proposal;
          auto* pin = proposal.actions.emplace_back().mutable_pin();
          pin->set_id(TestId(id));
          pin->set_until_ms(clock_.WallMillis() + 1'000'000'000'000);
          return proposal;
        },
        context_);
  }
  Sequence CommitOk(CommitLog& log, uint8_t id) {
    auto receipt = Commit(log, id);
    EXPECT_TRUE(receipt.ok()) << receipt.status().ToString();
    return receipt.ok() ? receipt->sequence : Sequence();
  }
  // Ids of the pins in the log, in order, as a new reader sees them.
  std::string Pins() {
    std::string out;
    std::shared_ptr<const State> state = Open(*mem_)->state();
    for (const format::Pin& pin : state->pins) {
      out += std::to_string(static_cast<int>(pin.id().back())) + " ";
    }
    return out;
  }

  FakeClock clock_;
  CallContext context_;
  std::shared_ptr<store::MemStore> mem_ =
      std::make_shared<store::MemStore>(store::MemStoreOptions{&clock_});
  std::shared_ptr<store::FaultStore> faults_ = std::make_shared<store::FaultStore>(mem_, clock_);
  std::unique_ptr<CommitLog> log_;    // through the faults
  std::unique_ptr<CommitLog> other_;  // another process
  std::vector<std::string> warnings_;
  int plans_ = 0;
};

TEST_F(CommitLogTest, CommitsFillOneSlotEach) {
  EXPECT_EQ(CommitOk(*log_, 1), Sequence(1));
  EXPECT_EQ(CommitOk(*other_, 2), Sequence(2));
  EXPECT_EQ(CommitOk(*log_, 3), Sequence(3));
  EXPECT_EQ(Pins(), "1 2 3 ");
}

TEST_F(CommitLogTest, AnEmptyProposalCommitsNothing) {
  CommitOk(*log_, 1);
  auto receipt = log_->Append(
      [](const State&, const CallContext&) { return Result<Proposal>(Proposal()); }, context_);
  EXPECT_EQ(*receipt, log_->state()->receipt());
  EXPECT_EQ(receipt->sequence, Sequence(1));
}

TEST_F(CommitLogTest, ALostRaceGoesOnAtTheNextSlot) {
  faults_->On(StoreMethod::kPutIfAbsent).For("log/").Before([&] { CommitOk(*other_, 2); });
  EXPECT_EQ(CommitOk(*log_, 1), Sequence(2));
  EXPECT_EQ(Pins(), "2 1 ");
  EXPECT_EQ(plans_, 2) << "a pin need not be planned again for another one";
}

TEST_F(CommitLogTest, ALostReplyIsRecognised) {
  faults_->On(StoreMethod::kPutIfAbsent).For("log/").ErrorAfter();
  EXPECT_EQ(CommitOk(*log_, 1), Sequence(1));
  EXPECT_EQ(Pins(), "1 ");
}

TEST_F(CommitLogTest, ALostRequestIsSentAgain) {
  faults_->On(StoreMethod::kPutIfAbsent).For("log/").UnknownInstead().Repeat(3);
  EXPECT_EQ(CommitOk(*log_, 1), Sequence(1));
  EXPECT_EQ(Pins(), "1 ");
}

TEST_F(CommitLogTest, ALateRequestIsNotDoubled) {
  for (int calls = 1; calls < 8; ++calls) {
    faults_->On(StoreMethod::kPutIfAbsent).For("log/").PutAppliedLater(calls);
    CommitOk(*log_, static_cast<uint8_t>(calls));
  }
  faults_->ApplyLatePuts();
  EXPECT_EQ(Pins(), "1 2 3 4 5 6 7 ");
}

TEST_F(CommitLogTest, AnUnknownFateIsToldAndResolvedFirst) {
  faults_->On(StoreMethod::kPutIfAbsent).For("log/").UnknownInstead().Repeat(1000);
  Status status = Commit(*log_, 1).status();
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_NE(status.message().find("not known"), std::string::npos);
  EXPECT_EQ(Pins(), "");

  // The store is back. What was in doubt gets in, before anything else.
  auto healthy = std::make_shared<store::FaultStore>(mem_, clock_);
  faults_->SetRandom({});
  while (!faults_->AllFired()) {
    std::vector<ByteView> none;
    (void)faults_->PutIfAbsent("log/drain", none, context_);
  }
  EXPECT_EQ(CommitOk(*log_, 2), Sequence(2));
  EXPECT_EQ(Pins(), "1 2 ");
}

TEST_F(CommitLogTest, ARefusedPutIsAnErrorAtOnce) {
  faults_->On(StoreMethod::kPutIfAbsent)
      .For("log/")
      .ErrorInstead(Status(Code::kPermission, "read-only role"));
  EXPECT_EQ(Commit(*log_, 1).status().code(), Code::kPermission);
  EXPECT_EQ(CommitOk(*log_, 2), Sequence(1)) << "nothing is in doubt";
}

TEST_F(CommitLogTest, APlannersErrorIsTheCallers) {
  auto receipt = log_->Append(
      [](const State&, const CallContext&) {
        return Result<Proposal>(Status(Code::kInvalidArgument, "no"));
      },
      context_);
  EXPECT_EQ(receipt.status().code(), Code::kInvalidArgument);
}

TEST_F(CommitLogTest, CheckpointsComeByThemselves) {
  for (int i = 0; i < 130; ++i) CommitOk(*log_, static_cast<uint8_t>(i));
  auto checkpoints = ListCheckpoints(*mem_, 10, context_);
  ASSERT_EQ(checkpoints->size(), 2u);
  EXPECT_EQ(checkpoints->front().sequence, Sequence(128));
  EXPECT_EQ(Open(*mem_)->state()->sequence, Sequence(130));
}

TEST_F(CommitLogTest, OpeningReadsTheTailOnly) {
  for (int i = 0; i < 130; ++i) CommitOk(*log_, static_cast<uint8_t>(i));
  ASSERT_TRUE(mem_->Overwrite(LogName(Sequence(100)), Bytes(10)));
  EXPECT_EQ(Open(*mem_)->state()->sequence, Sequence(130));
}

TEST_F(CommitLogTest, ADamagedCheckpointIsPassedOver) {
  for (int i = 0; i < 130; ++i) CommitOk(*log_, static_cast<uint8_t>(i));
  auto checkpoints = ListCheckpoints(*mem_, 10, context_);
  ASSERT_TRUE(mem_->Overwrite(checkpoints->front().name, Bytes(100)));
  EXPECT_EQ(Open(*mem_)->state()->sequence, Sequence(130));
  EXPECT_EQ(warnings_.size(), 1u);
}

TEST_F(CommitLogTest, AHoleInTheLogIsNotItsEnd) {
  for (uint8_t i = 1; i < 6; ++i) CommitOk(*log_, i);
  ASSERT_TRUE(mem_->Remove(LogName(Sequence(1)), context_).ok());
  auto log = CommitLog::Open(*mem_, Options(), context_);
  EXPECT_EQ(log.status().code(), Code::kCorrupt);
}

TEST_F(CommitLogTest, ADamagedCommitIsAnError) {
  CommitOk(*log_, 1);
  Bytes bytes = *mem_->Get(LogName(Sequence(1)), SIZE_MAX, context_);
  bytes.back() ^= 1;
  ASSERT_TRUE(mem_->Overwrite(LogName(Sequence(1)), bytes));
  EXPECT_EQ(CommitLog::Open(*mem_, Options(), context_).status().code(), Code::kCorrupt);
}

TEST_F(CommitLogTest, ACommitOfAnotherRepositoryIsAnError) {
  store::MemStore foreign(store::MemStoreOptions{&clock_});
  ASSERT_TRUE(CommitLog::Init(foreign, "test", context_).ok());
  CommitOk(*Open(foreign), 1);
  Bytes bytes = *foreign.Get(LogName(Sequence(1)), SIZE_MAX, context_);
  ASSERT_TRUE(mem_->PutIfAbsent(LogName(Sequence(1)), bytes, context_).ok());
  EXPECT_EQ(log_->Refresh(context_).status().code(), Code::kCorrupt);
}

TEST_F(CommitLogTest, TheConfigsCopyStandsInAndTheConfigIsMended) {
  Bytes config = *mem_->Get(kConfigName, SIZE_MAX, context_);
  ASSERT_TRUE(mem_->Remove(kConfigName, context_).ok());
  auto log = Open(*mem_);
  ASSERT_NE(log, nullptr);
  CommitOk(*log, 1);
  EXPECT_EQ(*mem_->Get(kConfigName, SIZE_MAX, context_), config);
  ASSERT_TRUE(mem_->Remove(kConfigCopyName, context_).ok());
  CommitOk(*Open(*mem_), 2);
  EXPECT_EQ(*mem_->Get(kConfigCopyName, SIZE_MAX, context_), config);
}

// Stores what it is told to, whatever is there.
class CarelessStore : public store::ForwardingStore {
 public:
  using Store::PutIfAbsent;
  using store::ForwardingStore::ForwardingStore;
  Result<store::PutResult> PutIfAbsent(const std::string& name, std::span<const ByteView> pieces,
                                       const CallContext& context) override {
    (void)inner().Remove(name, context);
    return inner().PutIfAbsent(name, pieces, context);
  }
};

TEST_F(CommitLogTest, AStoreWithoutConditionsIsRefused) {
  CarelessStore fresh(std::make_shared<store::MemStore>());
  EXPECT_EQ(CommitLog::Init(fresh, "test", context_).code(), Code::kUnsupported);
  CarelessStore careless(mem_);
  EXPECT_EQ(Commit(*Open(careless), 1).status().code(), Code::kUnsupported);
  EXPECT_EQ(Pins(), "");
}

TEST_F(CommitLogTest, ALogFromTheFutureIsNotContinued) {
  CommitOk(*log_, 1);
  clock_.Advance(std::chrono::minutes(-4));
  EXPECT_EQ(CommitOk(*log_, 2), Sequence(2));
  auto two = ReadCommit(*mem_, Sequence(2), log_->config().sha256, context_);
  EXPECT_EQ(two->header().store_time_ms(), 1'700'000'000'000) << "time does not go back";
  clock_.Advance(std::chrono::minutes(-2));
  EXPECT_EQ(Commit(*log_, 3).status().code(), Code::kConflict);
}

TEST_F(CommitLogTest, UnknownFeaturesAreRefused) {
  StoredConfig config = log_->config();
  config.config.add_required_read_features("telepathy");
  EXPECT_EQ(DecodeConfig("config", *EncodeConfig(config.config)).status().code(),
            Code::kUnsupported);
  config.config.clear_required_read_features();
  config.config.set_format_version(2);
  EXPECT_EQ(DecodeConfig("config", *EncodeConfig(config.config)).status().code(),
            Code::kUnsupported);
  config.config.set_format_version(1);
  config.config.add_required_write_features("telepathy");
  Bytes stored = *EncodeConfig(config.config);
  ASSERT_TRUE(mem_->Overwrite(kConfigName, stored));
  ASSERT_TRUE(mem_->Overwrite(kConfigCopyName, stored));
  auto reader = Open(*mem_);
  ASSERT_NE(reader, nullptr) << "reading is allowed";
  EXPECT_EQ(Commit(*reader, 1).status().code(), Code::kUnsupported);
}

TEST_F(CommitLogTest, ACommitTellsWhereItComesFrom) {
  CommitOk(*other_, 1);
  CommitOk(*log_, 2);
  CommitOk(*log_, 3);
  auto two = ReadCommit(*mem_, Sequence(2), log_->config().sha256, context_);
  auto three = ReadCommit(*mem_, Sequence(3), log_->config().sha256, context_);
  EXPECT_EQ(three->header().previous_sha256(), two->sha256);
  EXPECT_EQ(two->header().based_on(), 1u);
  EXPECT_EQ(two->header().writer_id(), three->header().writer_id());
  EXPECT_LT(two->header().writer_sequence(), three->header().writer_sequence());
  EXPECT_NE(two->header().commit_id(), three->header().commit_id());
  EXPECT_EQ(two->header().program(), "test");
}

// Freed slots: the log is trimmed by hand, as prune would after a week.
class StalledTest : public CommitLogTest {
 protected:
  void SetUp() override {
    CommitLogTest::SetUp();
    CommitOk(*log_, 1);
    CommitOk(*other_, 2);
    CommitOk(*other_, 3);
    ASSERT_TRUE(other_->WriteCheckpoint(context_).ok());
  }
  void TrimAll() {
    for (uint64_t n = 1; n <= 3; ++n) {
      ASSERT_TRUE(mem_->Remove(LogName(Sequence(n)), context_).ok());
    }
  }
};

TEST_F(StalledTest, ASleeperDoesNotFillAFreedSlot) {
  TrimAll();  // the sleeper knows commit 1 only
  clock_.Advance(std::chrono::hours(2));
  EXPECT_EQ(CommitOk(*log_, 4), Sequence(4));
  EXPECT_EQ(Pins(), "1 2 3 4 ");
}

TEST_F(StalledTest, ASleeperWhoseRequestWasUnderWayLearnsThatItLost) {
  // The put is on its way to slot 4 while others fill it, check-point it and trim it.
  faults_->On(StoreMethod::kPutIfAbsent).For("log/").Before([&] {
    CommitOk(*other_, 4);
    CommitOk(*other_, 5);
    ASSERT_TRUE(other_->WriteCheckpoint(context_).ok());
    TrimAll();
    ASSERT_TRUE(mem_->Remove(LogName(Sequence(4)), context_).ok());
    clock_.Advance(std::chrono::hours(24 * 8));
  });
  EXPECT_EQ(CommitOk(*log_, 6), Sequence(6)) << "what it put into slot 4 is a stray";
  EXPECT_EQ(Pins(), "1 2 3 4 5 6 ");
}

TEST_F(StalledTest, ASleeperWhoseCommitStandsLearnsThat) {
  clock_.Advance(std::chrono::minutes(1));
  ASSERT_TRUE(log_->Refresh(context_).ok());
  faults_->On(StoreMethod::kPutIfAbsent).For("log/").SleepFor(std::chrono::hours(5));
  EXPECT_EQ(CommitOk(*log_, 4), Sequence(4));
  EXPECT_EQ(Pins(), "1 2 3 4 ");
}

TEST_F(StalledTest, AFateThatCannotBeKnownIsNotGuessed) {
  faults_->On(StoreMethod::kPutIfAbsent).For("log/").ErrorAfter();
  // Applied, its reply lost; then everything up to 5 is trimmed while the process sleeps.
  faults_->On(StoreMethod::kGet).For("log/").Skip(3).Before([&] {
    CommitOk(*other_, 5);
    ASSERT_TRUE(other_->WriteCheckpoint(context_).ok());
    TrimAll();
    for (uint64_t n : {4u, 5u}) {
      ASSERT_TRUE(mem_->Remove(LogName(Sequence(n)), context_).ok());
    }
    clock_.Advance(std::chrono::hours(24 * 8));
  });
  Status status = Commit(*log_, 4).status();
  EXPECT_EQ(status.code(), Code::kConflict) << status.ToString();
  EXPECT_EQ(Pins(), "1 2 3 4 5 ") << "it stands once";
}

}  // namespace
}  // namespace maxbrod::repo
