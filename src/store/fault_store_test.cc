#include "store/fault_store.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "store/mem_store.h"

namespace maxbrod::store {
namespace {

class FaultStoreTest : public ::testing::Test {
 protected:
  FaultStoreTest() : memory_(std::make_shared<MemStore>()), faults_(memory_, clock_) {}

  Result<PutResult> Put(const std::string& name, std::string_view bytes) {
    return static_cast<Store&>(faults_).PutIfAbsent(name, AsBytes(bytes), context_);
  }
  std::string Stored(const std::string& name) {
    Result<Bytes> bytes = memory_->Get(name, 1 << 20, context_);
    return bytes.ok() ? ToString(*bytes) : "<absent>";
  }
  std::string Get(const std::string& name) {
    Result<Bytes> bytes = faults_.Get(name, 1 << 20, context_);
    return bytes.ok() ? ToString(*bytes)
                      : "<" + std::string(InfoOf(bytes.status().code()).name) + ">";
  }

  FakeClock clock_;
  CallContext context_;
  std::shared_ptr<MemStore> memory_;
  FaultStore faults_;
};

TEST_F(FaultStoreTest, PlannedFaultFiresAsOftenAsPlanned) {
  ASSERT_TRUE(Put("a", "x").ok());
  faults_.On(StoreMethod::kGet).ErrorInstead(Status(Code::kIo, "planned")).Repeat(1);
  EXPECT_FALSE(faults_.AllFired());
  EXPECT_EQ(Get("a"), "<io>");
  EXPECT_FALSE(faults_.AllFired());
  EXPECT_EQ(faults_.Unfired(), "fault of get for '': 1 times more\n");
  EXPECT_EQ(Get("a"), "<io>");
  EXPECT_TRUE(faults_.AllFired());
  EXPECT_EQ(Get("a"), "x");
}

TEST_F(FaultStoreTest, FaultsOfOneMethodFireInTheirOrder) {
  ASSERT_TRUE(Put("a", "x").ok());
  faults_.On(StoreMethod::kGet).ErrorInstead(Status(Code::kIo, "first"));
  faults_.On(StoreMethod::kGet).Skip(1).ErrorInstead(Status(Code::kTls, "second"));
  faults_.On(StoreMethod::kGet).For("b").ErrorInstead(Status(Code::kTimeout, "for b"));
  EXPECT_EQ(Get("a"), "<io>");
  EXPECT_EQ(Get("a"), "x");
  EXPECT_EQ(Get("a"), "<tls>");
  EXPECT_EQ(Get("a"), "x");
  EXPECT_EQ(Get("b"), "<timeout>");
  EXPECT_TRUE(faults_.AllFired());
}

TEST_F(FaultStoreTest, ErrorInsteadDoesNotApplyErrorAfterDoes) {
  faults_.On(StoreMethod::kPutIfAbsent).ErrorInstead(Status(Code::kIo, "planned"));
  EXPECT_EQ(Put("a", "x").status().code(), Code::kIo);
  EXPECT_EQ(Stored("a"), "<absent>");
  faults_.On(StoreMethod::kPutIfAbsent).ErrorAfter();
  EXPECT_EQ(Put("a", "x")->outcome, PutOutcome::kUnknown);
  EXPECT_EQ(Stored("a"), "x");
  faults_.On(StoreMethod::kRemove).ErrorAfter();
  Status removed = faults_.Remove("a", context_);
  EXPECT_EQ(removed.code(), Code::kUnavailable);
  EXPECT_TRUE(removed.retryable());
  EXPECT_EQ(Stored("a"), "<absent>");
}

TEST_F(FaultStoreTest, PutAppliedLater) {
  faults_.On(StoreMethod::kPutIfAbsent).PutAppliedLater(2);
  EXPECT_EQ(Put("a", "late")->outcome, PutOutcome::kUnknown);
  EXPECT_FALSE(faults_.AllFired());
  EXPECT_EQ(Get("a"), "<not_found>");
  EXPECT_EQ(Get("a"), "late");
  EXPECT_TRUE(faults_.AllFired());
}

TEST_F(FaultStoreTest, LatePutDoesNotOverwrite) {
  faults_.On(StoreMethod::kPutIfAbsent).PutAppliedLater(2);
  EXPECT_EQ(Put("a", "late")->outcome, PutOutcome::kUnknown);
  EXPECT_EQ(Put("a", "early")->outcome, PutOutcome::kCreated);
  faults_.ApplyLatePuts();
  EXPECT_EQ(Stored("a"), "early");
}

TEST_F(FaultStoreTest, CommitAppliedLaterOutlivesItsWriter) {
  faults_.On(StoreMethod::kCommit).PutAppliedLater(100);
  auto writer = std::move(*faults_.Create("a", context_));
  ASSERT_TRUE(writer->Append(AsBytes("streamed")).ok());
  EXPECT_EQ(writer->Commit(context_)->outcome, PutOutcome::kUnknown);
  EXPECT_EQ(writer->bytes_written(), 8u);
  EXPECT_EQ(writer->Commit(context_).status().code(), Code::kInternal);
  writer.reset();
  EXPECT_EQ(Stored("a"), "<absent>");
  faults_.ApplyLatePuts();
  EXPECT_EQ(Stored("a"), "streamed");
}

TEST_F(FaultStoreTest, StreamFaults) {
  faults_.On(StoreMethod::kCreate).ErrorInstead(Status(Code::kIo, "planned"));
  EXPECT_FALSE(faults_.Create("a", context_).ok());
  faults_.On(StoreMethod::kAppend).ErrorInstead(Status(Code::kUnavailable, "planned").Retryable());
  faults_.On(StoreMethod::kAppend).ErrorAfter();
  auto writer = std::move(*faults_.Create("a", context_));
  EXPECT_TRUE(writer->Append(AsBytes("x")).retryable());
  EXPECT_EQ(writer->bytes_written(), 0u);
  Status taken = writer->Append(AsBytes("x"));
  EXPECT_FALSE(taken.ok());
  EXPECT_FALSE(taken.retryable());  // its bytes are in: the same call must not be made again
  EXPECT_EQ(writer->bytes_written(), 1u);
  EXPECT_TRUE(faults_.AllFired()) << faults_.Unfired();
}

TEST_F(FaultStoreTest, SilentDamage) {
  ASSERT_TRUE(Put("a", "01234567").ok());
  faults_.On(StoreMethod::kGet).TornRead(3);
  EXPECT_EQ(Get("a"), "012");
  faults_.On(StoreMethod::kGet).FlipBit(8);  // lowest bit of the second byte
  EXPECT_EQ(Get("a"), "00234567");
  Bytes out(6);
  faults_.On(StoreMethod::kGetRange).TornRead(2);
  ASSERT_TRUE(faults_.GetRange("a", 1, out, context_).ok());
  EXPECT_EQ(out, (Bytes{'1', '2', 0, 0, 0, 0}));
  faults_.On(StoreMethod::kGetRange).FlipBit(6 * 8);  // modulo the length: the first byte
  ASSERT_TRUE(faults_.GetRange("a", 1, out, context_).ok());
  EXPECT_EQ(ToString(out), "023456");
  EXPECT_EQ(Stored("a"), "01234567");

  faults_.On(StoreMethod::kPutIfAbsent).FlipBit(0);
  EXPECT_EQ(Put("b", "0")->outcome, PutOutcome::kCreated);
  EXPECT_EQ(Stored("b"), "1");
  faults_.On(StoreMethod::kAppend).FlipBit(1);
  auto writer = std::move(*faults_.Create("c", context_));
  ASSERT_TRUE(writer->Append(AsBytes("0")).ok());
  ASSERT_TRUE(writer->Commit(context_).ok());
  EXPECT_EQ(Stored("c"), "2");
  EXPECT_TRUE(faults_.AllFired()) << faults_.Unfired();
}

TEST_F(FaultStoreTest, SleepsByTheClockAndRunsActions) {
  int64_t began = clock_.MonotonicNanos();
  faults_.On(StoreMethod::kStat).SleepFor(Millis(5'000)).Before([&] {
    EXPECT_EQ(clock_.MonotonicNanos() - began, 5'000'000'000);
    static_cast<void>(static_cast<Store&>(*memory_).PutIfAbsent("a", AsBytes("x"), context_));
  });
  EXPECT_TRUE(faults_.Stat("a", context_).ok());
  EXPECT_TRUE(faults_.AllFired());
}

TEST_F(FaultStoreTest, RandomFaultsFollowTheSeed) {
  auto run = [](uint64_t seed) {
    auto memory = std::make_shared<MemStore>();
    FaultStore faults(memory);
    RandomFaults random;
    random.seed = seed;
    random.error_instead = 0.3;
    random.reply_lost = 0.3;
    faults.SetRandom(random);
    std::string outcomes;
    for (int i = 0; i < 200; ++i) {
      auto put = static_cast<Store&>(faults).PutIfAbsent(fmt::format("{}", i), AsBytes("x"), {});
      outcomes += !put.ok() ? 'e' : put->outcome == PutOutcome::kUnknown ? 'u' : 'c';
    }
    EXPECT_EQ(faults.random_fired(), 200 - std::ranges::count(outcomes, 'c'));
    return outcomes;
  };
  std::string first = run(1);
  EXPECT_EQ(run(1), first);
  EXPECT_NE(run(2), first);
  EXPECT_NEAR(static_cast<double>(std::ranges::count(first, 'e')), 60, 30);
  EXPECT_NEAR(static_cast<double>(std::ranges::count(first, 'u')), 42, 25);
}

}  // namespace
}  // namespace maxbrod::store
