#include "store/retry_store.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "store/fault_store.h"
#include "store/mem_store.h"

namespace maxbrod::store {
namespace {

using ::testing::HasSubstr;

Status Unavailable() {
  return Status(Code::kUnavailable, "try later").Retryable();
}
Status Forbidden() {
  return Status(Code::kPermission, "forbidden");
}

// memory <- faults <- retries, on a clock that only sleeping moves.
class RetryStoreTest : public ::testing::Test {
 protected:
  RetryStoreTest() { Build({}); }

  void Build(RetryPolicy policy) {
    policy.clock = &clock_;
    if (policy.seed == 0) policy.seed = 42;
    policy.on_retry = [this](const RetryEvent& event) {
      events_.push_back(event);
      if (stop_at_retry_ == events_.size()) stop_.request_stop();
    };
    memory_ = std::make_shared<MemStore>();
    faults_ = std::make_shared<FaultStore>(memory_, clock_);
    retry_ = std::make_shared<RetryStore>(faults_, policy);
    context_.stop = stop_.get_token();
  }

  Fault& On(StoreMethod method) { return faults_->On(method); }
  Result<PutResult> Put(const std::string& name, std::string_view bytes) {
    return static_cast<Store&>(*retry_).PutIfAbsent(name, AsBytes(bytes), context_);
  }
  Result<PutResult> Stream(const std::string& name, std::string_view bytes) {
    MB_ASSIGN_OR_RETURN(auto writer, retry_->Create(name, context_));
    MB_RETURN_IF_ERROR(writer->Append(AsBytes(bytes)));
    return writer->Commit(context_);
  }
  std::string Stored(const std::string& name) {
    Result<Bytes> bytes = memory_->Get(name, 1 << 20, CallContext{});
    return bytes.ok() ? ToString(*bytes) : "<" + bytes.status().message() + ">";
  }
  void PutBehindOurBack(const std::string& name, std::string_view bytes) {
    EXPECT_TRUE(
        static_cast<Store&>(*memory_).PutIfAbsent(name, AsBytes(bytes), CallContext{}).ok());
  }
  void ExpectAllFired() { EXPECT_TRUE(faults_->AllFired()) << faults_->Unfired(); }

  FakeClock clock_;
  std::stop_source stop_;
  size_t stop_at_retry_ = 0;
  std::vector<RetryEvent> events_;
  std::shared_ptr<MemStore> memory_;
  std::shared_ptr<FaultStore> faults_;
  std::shared_ptr<RetryStore> retry_;
  CallContext context_;
};

TEST_F(RetryStoreTest, TriesEveryMethodAgain) {
  for (size_t i = 0; i < kStoreMethods; ++i) {
    On(static_cast<StoreMethod>(i)).ErrorInstead(Unavailable()).Repeat(2);
  }
  ASSERT_TRUE(Put("a", "one").ok());
  ASSERT_EQ(Stream("b", "two")->outcome, PutOutcome::kCreated);
  EXPECT_EQ(ToString(*retry_->Get("a", 10, context_)), "one");
  Bytes out(2);
  EXPECT_TRUE(retry_->GetRange("b", 1, out, context_).ok());
  EXPECT_EQ(ToString(out), "wo");
  EXPECT_EQ(retry_->Stat("a", context_)->size, 3u);
  EXPECT_EQ(retry_->List("", "", 10, context_)->objects.size(), 2u);
  EXPECT_TRUE(retry_->NowMillis(context_).ok());
  EXPECT_TRUE(retry_->Remove("a", context_).ok());
  EXPECT_EQ(Stored("b"), "two");
  ExpectAllFired();
  EXPECT_EQ(retry_->retries(), 3 * kStoreMethods);
  EXPECT_EQ(events_.size(), 3 * kStoreMethods);
  EXPECT_THAT(events_[0].what, HasSubstr("put of 'a'"));
  EXPECT_EQ(events_[0].reason, "try later");
}

TEST_F(RetryStoreTest, PermanentErrorsAreNotRetried) {
  On(StoreMethod::kGet).ErrorInstead(Forbidden());
  On(StoreMethod::kPutIfAbsent).ErrorInstead(Forbidden());
  EXPECT_EQ(retry_->Get("a", 10, context_).status().code(), Code::kPermission);
  EXPECT_EQ(Put("a", "x").status().code(), Code::kPermission);
  EXPECT_EQ(retry_->Stat("absent", context_).status().code(), Code::kNotFound);
  EXPECT_EQ(retry_->retries(), 0u);
  ExpectAllFired();
}

TEST_F(RetryStoreTest, TimeoutOfOneTryIsRetried) {
  On(StoreMethod::kStat).ErrorInstead(Status(Code::kTimeout, "this try took too long"));
  PutBehindOurBack("a", "x");
  EXPECT_TRUE(retry_->Stat("a", context_).ok());
  ExpectAllFired();
}

TEST_F(RetryStoreTest, TryTimeoutBoundsEachTry) {
  RetryPolicy policy;
  policy.try_timeout = Millis(3'600'000);
  Build(policy);
  context_.deadline = Deadline::Never();
  // A try with a bound of its own still sees the caller's stop request.
  stop_.request_stop();
  EXPECT_EQ(retry_->Stat("a", context_).status().code(), Code::kCancelled);
}

TEST_F(RetryStoreTest, BudgetEndsIt) {
  RetryPolicy policy;
  policy.budget = Millis(60'000);
  Build(policy);
  On(StoreMethod::kGet).ErrorInstead(Unavailable()).Repeat(1'000'000);
  int64_t began = clock_.MonotonicNanos();
  Status status = retry_->Get("a", 10, context_).status();
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("get of 'a': gave up after "));
  EXPECT_THAT(status.message(), HasSubstr("try later"));
  EXPECT_LE(clock_.MonotonicNanos() - began, int64_t{60'000} * 1'000'000);
  EXPECT_GE(retry_->retries(), 3u);  // at most 20 s between two tries
}

TEST_F(RetryStoreTest, WaitsAreJitteredDoubledAndCapped) {
  RetryPolicy policy;
  policy.backoff_first = Millis(1'000);
  policy.backoff_max = Millis(8'000);
  policy.budget = Millis(100'000'000);
  Build(policy);
  PutBehindOurBack("a", "x");
  On(StoreMethod::kGet).ErrorInstead(Unavailable()).Repeat(199);
  EXPECT_TRUE(retry_->Get("a", 10, context_).ok());
  ASSERT_EQ(events_.size(), 200u);
  int64_t longest = 0, sum = 0;
  for (size_t i = 0; i < events_.size(); ++i) {
    int64_t ceiling = std::min<int64_t>(8'000, int64_t{1'000} << std::min<size_t>(i, 10));
    EXPECT_GE(events_[i].wait.count(), 0);
    EXPECT_LE(events_[i].wait.count(), ceiling) << i;
    EXPECT_EQ(events_[i].tries, static_cast<int>(i) + 1);
    longest = std::max(longest, events_[i].wait.count());
    sum += events_[i].wait.count();
  }
  EXPECT_GT(longest, 7'000);
  EXPECT_NEAR(static_cast<double>(sum) / 200, 4'000, 800);  // uniform
}

TEST_F(RetryStoreTest, DoesNotWaitBeyondTheDeadline) {
  RetryPolicy policy;
  policy.backoff_first = Millis(10'000'000);
  policy.backoff_max = policy.backoff_first;
  policy.budget = Millis(1'000'000'000);
  Build(policy);
  context_.deadline = Deadline::After(Millis(5'000));
  On(StoreMethod::kGet).ErrorInstead(Unavailable()).Repeat(1'000'000);
  EXPECT_EQ(retry_->Get("a", 10, context_).status().code(), Code::kUnavailable);
  for (const RetryEvent& event : events_) EXPECT_LT(event.wait, Millis(5'000));
}

TEST_F(RetryStoreTest, StopRequestEndsTheWaiting) {
  stop_at_retry_ = 3;
  On(StoreMethod::kGet).ErrorInstead(Unavailable()).Repeat(1'000'000);
  Status status = retry_->Get("a", 10, context_).status();
  EXPECT_EQ(status.code(), Code::kCancelled);
  EXPECT_THAT(status.message(), HasSubstr("try later"));
  EXPECT_EQ(events_.size(), 3u);
}

TEST_F(RetryStoreTest, LostReplyOfAPutIsFoundOutByReading) {
  On(StoreMethod::kPutIfAbsent).ErrorAfter();
  EXPECT_EQ(Put("a", "mine")->outcome, PutOutcome::kExistsSame);
  EXPECT_EQ(Stored("a"), "mine");
  EXPECT_EQ(retry_->retries(), 0u);
  ExpectAllFired();
}

TEST_F(RetryStoreTest, PutThatNeverArrivedIsSentAgain) {
  On(StoreMethod::kPutIfAbsent).UnknownInstead().Repeat(2);
  EXPECT_EQ(Put("a", "mine")->outcome, PutOutcome::kCreated);
  EXPECT_EQ(Stored("a"), "mine");
  ExpectAllFired();
}

TEST_F(RetryStoreTest, PutAppliedAfterTheReadBackIsMetByTheNextTry) {
  // put (unknown), stat (nothing there), put again: the late one comes just before.
  On(StoreMethod::kPutIfAbsent).PutAppliedLater(2);
  EXPECT_EQ(Put("a", "mine")->outcome, PutOutcome::kExistsSame);
  EXPECT_EQ(Stored("a"), "mine");
  ExpectAllFired();
}

TEST_F(RetryStoreTest, PutAppliedMuchLaterChangesNothing) {
  On(StoreMethod::kPutIfAbsent).PutAppliedLater(100);
  EXPECT_EQ(Put("a", "mine")->outcome, PutOutcome::kCreated);
  EXPECT_FALSE(faults_->AllFired());
  faults_->ApplyLatePuts();
  EXPECT_EQ(Stored("a"), "mine");
  ExpectAllFired();
}

TEST_F(RetryStoreTest, AnotherWriterWinsWhileWeAreInDoubt) {
  On(StoreMethod::kPutIfAbsent).UnknownInstead();
  On(StoreMethod::kStat).Before([this] { PutBehindOurBack("a", "theirs"); });
  EXPECT_EQ(Put("a", "mine")->outcome, PutOutcome::kExistsOther);
  EXPECT_EQ(Stored("a"), "theirs");
  ExpectAllFired();
}

TEST_F(RetryStoreTest, DoubtOutlivesALaterError) {
  // The first try may still be applied, so "forbidden" would be a lie: it says "certainly not
  // applied".
  On(StoreMethod::kPutIfAbsent).UnknownInstead();
  On(StoreMethod::kPutIfAbsent).ErrorInstead(Forbidden());
  Result<PutResult> put = Put("a", "mine");
  ASSERT_TRUE(put.ok());
  EXPECT_EQ(put->outcome, PutOutcome::kUnknown);
  EXPECT_THAT(put->reason, HasSubstr("forbidden"));
  ExpectAllFired();
}

TEST_F(RetryStoreTest, DoubtEndsWithTheBudget) {
  On(StoreMethod::kPutIfAbsent).UnknownInstead().Repeat(1'000'000);
  Result<PutResult> put = Put("a", "mine");
  ASSERT_TRUE(put.ok());
  EXPECT_EQ(put->outcome, PutOutcome::kUnknown);
  EXPECT_FALSE(put->reason.empty());
}

TEST_F(RetryStoreTest, ReadBackIsRepeatedToo) {
  On(StoreMethod::kPutIfAbsent).ErrorAfter();
  On(StoreMethod::kStat).ErrorInstead(Unavailable());
  On(StoreMethod::kGetRange).ErrorInstead(Unavailable());
  // The second put is answered "exists" by the success of the first.
  EXPECT_EQ(Put("a", "mine")->outcome, PutOutcome::kExistsSame);
  EXPECT_EQ(retry_->retries(), 1u);
}

TEST_F(RetryStoreTest, CommitIsFoundOutByLengthAndChecksum) {
  On(StoreMethod::kCommit).ErrorAfter().Repeat(1);
  EXPECT_EQ(Stream("a", "streamed bytes")->outcome, PutOutcome::kExistsSame);
  EXPECT_EQ(Stored("a"), "streamed bytes");
  PutBehindOurBack("b", "streamed byteZ");
  EXPECT_EQ(Stream("b", "streamed bytes")->outcome, PutOutcome::kExistsOther);
  EXPECT_EQ(Stored("b"), "streamed byteZ");
  ExpectAllFired();
}

TEST_F(RetryStoreTest, CommitAppliedLaterIsWaitedFor) {
  On(StoreMethod::kCommit).PutAppliedLater(3);
  EXPECT_EQ(Stream("a", "streamed bytes")->outcome, PutOutcome::kExistsSame);
  EXPECT_EQ(Stored("a"), "streamed bytes");
  ExpectAllFired();
}

TEST_F(RetryStoreTest, CommitThatNeverArrivedStaysUnknown) {
  On(StoreMethod::kCommit).UnknownInstead();
  EXPECT_EQ(Stream("a", "x")->outcome, PutOutcome::kUnknown);
  ExpectAllFired();
}

TEST_F(RetryStoreTest, OwnBytesDamagedOnTheWayBackAreNotAnothers) {
  On(StoreMethod::kPutIfAbsent).ErrorAfter();
  On(StoreMethod::kGetRange).FlipBit(5);
  EXPECT_EQ(Put("a", "mine")->outcome, PutOutcome::kExistsSame);
  On(StoreMethod::kCommit).ErrorAfter();
  On(StoreMethod::kGetRange).FlipBit(5);
  EXPECT_EQ(Stream("b", "streamed bytes")->outcome, PutOutcome::kExistsSame);
  ExpectAllFired();
}

TEST_F(RetryStoreTest, LostReplyOfARemovalIsSuccess) {
  PutBehindOurBack("a", "x");
  On(StoreMethod::kRemove).ErrorAfter();
  EXPECT_TRUE(retry_->Remove("a", context_).ok());
  EXPECT_EQ(retry_->Remove("a", context_).code(), Code::kNotFound);
  ExpectAllFired();
}

// Writers race for the slots of a log through a store on which everything goes wrong. Whatever a
// writer is told must be true, now and after every late request has arrived.
TEST_F(RetryStoreTest, WhatWritersAreToldIsTrue) {
  constexpr int kRuns = 200, kWriters = 4, kSlots = 12;
  uint64_t doubts = 0, fired = 0;
  for (uint64_t seed = 1; seed <= kRuns; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    RetryPolicy policy;
    policy.seed = seed;
    policy.budget = Millis(5'000);
    Build(policy);
    RandomFaults random;
    random.seed = seed;
    random.error_instead = random.reply_lost = random.not_applied = random.applied_later = 0.15;
    random.slow = 0.1;
    faults_->SetRandom(random);
    std::mt19937_64 generator(seed);
    struct Told {
      std::string slot, bytes;
      Result<PutResult> put;
    };
    std::vector<Told> told;
    for (int slot = 0; slot < kSlots; ++slot) {
      for (int writer = 0; writer < kWriters; ++writer) {
        std::string name = fmt::format("log/{:03}", slot);
        std::string bytes = fmt::format("slot {} of writer {}", slot, generator() % kWriters);
        told.push_back({name, bytes, writer % 2 == 0 ? Put(name, bytes) : Stream(name, bytes)});
      }
    }
    for (bool late_ones_applied : {false, true}) {
      for (const Told& one : told) {
        if (!one.put.ok()) continue;  // nothing is claimed about the slot
        std::string stored = Stored(one.slot);
        switch (one.put->outcome) {
          case PutOutcome::kCreated:
          case PutOutcome::kExistsSame:
            EXPECT_EQ(stored, one.bytes);
            break;
          case PutOutcome::kExistsOther:
            EXPECT_NE(stored, one.bytes);
            EXPECT_THAT(stored, HasSubstr("of writer"));
            break;
          case PutOutcome::kUnknown:
            doubts += late_ones_applied ? 1 : 0;
            break;
        }
      }
      faults_->ApplyLatePuts();
    }
    fired += faults_->random_fired();
  }
  EXPECT_GT(fired, 5'000u);
  EXPECT_GT(doubts, 0u);
}

}  // namespace
}  // namespace maxbrod::store
