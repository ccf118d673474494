#include "engine/thaw.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "engine/list_prices.h"
#include "engine/thaw_gate.h"
#include "engine/thaw_testing.h"

namespace maxbrod::engine {
namespace {

using store::ThawTier;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;

class ThawTest : public ::testing::Test {
 protected:
  // Packs in memory; in order "pack/00/<32 digits>" and so on.
  void AddPacks(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      char name[64];
      std::snprintf(name, sizeof(name), "pack/%02zx/%032zu", i % 256, i);
      Bytes bytes(1000);
      ASSERT_TRUE(memory_->PutIfAbsent(name, bytes, {}).ok());
      packs_.push_back({name, bytes.size()});
    }
  }
  ThawNeed Look() {
    EXPECT_TRUE(cold_.Look(packs_, {}).ok());
    ThawNeed need;
    need.packs = packs_.size();
    need.archived = cold_.ArchivedOf(packs_);
    return need;
  }
  Status MakeReadable(ThawOptions options, double seconds = 0, CallContext context = {}) {
    Thaw thaw(archive_, options, clock_, progress_);
    return thaw.MakeReadable(Look().archived, seconds, context);
  }
  std::string Messages() {
    std::string text;
    for (const auto& message : progress_.TakeMessages()) text += message.text + "\n";
    return text;
  }

  FakeClock clock_;
  std::shared_ptr<store::MemStore> memory_ = std::make_shared<store::MemStore>();
  ArchiveStore archive_{memory_, clock_};
  ColdPacks cold_{archive_};
  std::vector<PackToRead> packs_;
  Progress progress_;
};

TEST_F(ThawTest, RatesAreThoseOfTheClassAndTier) {
  const ThawRate* rate = FindThawRate("GLACIER", ThawTier::kExpedited);
  ASSERT_NE(rate, nullptr);
  EXPECT_EQ(rate->seconds_max, 300);
  EXPECT_EQ(FindThawRate("DEEP_ARCHIVE", ThawTier::kExpedited), nullptr);
  EXPECT_EQ(FindThawRate("DEEP_ARCHIVE", ThawTier::kBulk)->seconds_max, 48 * 3600);
  EXPECT_FALSE(MayBeArchived("STANDARD_IA"));
  EXPECT_FALSE(MayBeArchived("GLACIER_IR"));
  for (ThawTier tier : kThawTiers) EXPECT_EQ(*ParseThawTier(std::string(NameOf(tier))), tier);
  EXPECT_EQ(ParseThawTier("fast").status().code(), Code::kInvalidArgument);
}

TEST_F(ThawTest, OffersAddUpRequestsRetrievalAndCopies) {
  // 100 packs of a tenth of a TiB together.
  std::vector<ArchivedPack> packs(100, {"pack/x", uint64_t{1} << 30, "GLACIER"});
  auto offers = ThawOffers(packs, 3, 0);
  ASSERT_THAT(offers, SizeIs(3));
  const double copies = 100 * 0.023 * 3 / 30;
  EXPECT_NEAR(offers[0].dollars, 100 * 0.03 + 100 * 0.01 + copies, 1e-9);
  EXPECT_NEAR(offers[1].dollars, 100 * 0.01 + 100 * 0.00005 + copies, 1e-9);
  EXPECT_NEAR(offers[2].dollars, copies, 1e-9);
  EXPECT_EQ(offers[1].seconds_min, 3 * 3600);
  EXPECT_EQ(offers[1].seconds_max, 5 * 3600);
  // What is thawed costs nothing more, and what is asked for is paid for.
  packs[0].thawed_until_ms = 1;
  packs[1].thawing = true;
  EXPECT_NEAR(ThawOffers(packs, 3, 0)[1].dollars, offers[1].dollars * 98 / 100, 1e-9);
  // One of another class: its tiers and its times count.
  packs[2].storage_class = "DEEP_ARCHIVE";
  offers = ThawOffers(packs, 0, 0);
  EXPECT_FALSE(offers[0].available);
  EXPECT_TRUE(offers[1].available);
  EXPECT_EQ(offers[1].seconds_max, 12 * 3600);
  EXPECT_EQ(offers[2].seconds_max, 48 * 3600);
  EXPECT_EQ(offers[2].days, 2);
}

TEST_F(ThawTest, CopiesLiveUntilTheSlowestIsThereAndTwiceTheReading) {
  EXPECT_EQ(ThawDays(5 * 3600, 60), 1);
  EXPECT_EQ(ThawDays(5 * 3600, 12 * 3600), 2);
  EXPECT_EQ(ThawDays(48 * 3600, 60), 3);
  EXPECT_EQ(ThawDays(0, 0), 1);
  EXPECT_EQ(ThawDays(0, 1e18), 365);
}

TEST_F(ThawTest, AStoreWithoutClassesIsNotAsked) {
  AddPacks(50);
  ColdPacks cold(*memory_);
  EXPECT_TRUE(cold.Look(packs_, {}).ok());
  EXPECT_THAT(cold.ArchivedOf(packs_), IsEmpty());
}

TEST_F(ThawTest, FewPacksAreAskedSingly) {
  AddPacks(10);
  archive_.MoveTo(packs_[3].name, "GLACIER");
  archive_.MoveTo(packs_[4].name, "STANDARD_IA");
  ThawNeed need = Look();
  ASSERT_THAT(need.archived, SizeIs(1));
  EXPECT_EQ(need.archived[0].name, packs_[3].name);
  EXPECT_EQ(need.archived[0].bytes, 1000u);
  EXPECT_EQ(archive_.lists(), 0u);
  EXPECT_EQ(archive_.standings(), 10u);
  // Only what is archived is asked for again.
  Look();
  EXPECT_EQ(archive_.standings(), 11u);
}

TEST_F(ThawTest, ManyPacksAreListedAndOnlyArchivedOnesAskedFor) {
  AddPacks(3000);
  archive_.MoveTo(packs_[1].name, "GLACIER");
  archive_.MoveTo(packs_[2999].name, "DEEP_ARCHIVE");
  EXPECT_EQ(Look().cold(), 2u);
  EXPECT_EQ(archive_.lists(), 3u);
  EXPECT_EQ(archive_.standings(), 2u);
}

TEST_F(ThawTest, ListsLeaveOutWhatNobodyReads) {
  AddPacks(20'000);
  archive_.MovePacksTo("GLACIER");
  size_t before = archive_.lists();
  std::vector<PackToRead> all = std::move(packs_);
  packs_.clear();
  for (size_t i = 0; i < 17; ++i) packs_.push_back(all[i]);  // each in a folder of its own
  packs_.push_back({"pack/ff/" + std::string(32, 'f'), 5});  // missing: readers will say so
  EXPECT_EQ(Look().cold(), 17u);
  EXPECT_LE(archive_.lists() - before, 3u);
}

TEST_F(ThawTest, WithoutWaitingItAsksOnceAndEndsIncomplete) {
  AddPacks(3);
  archive_.MovePacksTo("GLACIER");
  archive_.set_thaw_time(Millis(4 * kHourMs));
  Status status = MakeReadable({ThawTier::kStandard, 0, false}, 13 * 3600.0);
  EXPECT_EQ(status.code(), Code::kIncomplete);
  EXPECT_THAT(status.message(), HasSubstr("3 packs"));
  EXPECT_THAT(status.hint(), HasSubstr("3 h to 5 h"));
  EXPECT_THAT(archive_.requests(), ::testing::UnorderedElementsAre(packs_[0].name + " 2 standard",
                                                                   packs_[1].name + " 2 standard",
                                                                   packs_[2].name + " 2 standard"));
  // The same again finds them thawing.
  EXPECT_EQ(Look().thawing(), 3u);
  EXPECT_EQ(MakeReadable({ThawTier::kStandard, 0, false}).code(), Code::kIncomplete);
  EXPECT_THAT(archive_.requests(), SizeIs(3));
  clock_.Advance(Millis(4 * kHourMs));
  EXPECT_TRUE(MakeReadable({ThawTier::kStandard, 0, false}).ok());
  EXPECT_EQ(Look().cold(), 0u);
}

TEST_F(ThawTest, WaitsAndTellsHowFarItIs) {
  AddPacks(200);
  archive_.MovePacksTo("GLACIER");
  archive_.set_thaw_time(Millis(4 * kHourMs));
  int64_t begun = clock_.WallMillis();
  size_t before = archive_.standings();
  EXPECT_TRUE(MakeReadable({ThawTier::kStandard, 5, true}).ok());
  int64_t took = clock_.WallMillis() - begun;
  EXPECT_GE(took, 4 * kHourMs);
  EXPECT_LE(took, 4 * kHourMs + kHourMs / 10);
  EXPECT_THAT(progress_.Read().phase, HasSubstr("thawing: 200 of 200 packs"));
  EXPECT_EQ(progress_.Read().bytes, 200'000u);
  // One batch for each look while nothing is there.
  EXPECT_LT(archive_.standings() - before, 200u + 70u * 64 + 200);
  EXPECT_THAT(Messages(), HasSubstr("asked for the thaw of 200 packs"));
}

TEST_F(ThawTest, DeepArchiveHasNoExpeditedTier) {
  AddPacks(2);
  archive_.MoveTo(packs_[0].name, "GLACIER");
  archive_.MoveTo(packs_[1].name, "DEEP_ARCHIVE");
  Status status = MakeReadable({ThawTier::kExpedited, 0, true});
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("DEEP_ARCHIVE has no expedited"));
  EXPECT_THAT(archive_.requests(), IsEmpty());
}

TEST_F(ThawTest, DeniedIsSaidAtOnce) {
  AddPacks(3);
  archive_.MovePacksTo("GLACIER");
  archive_.set_thaw_answer(Status(Code::kPermission, "s3:RestoreObject is denied").WithHint("ask"));
  Status status = MakeReadable({ThawTier::kBulk, 0, true});
  EXPECT_EQ(status.code(), Code::kPermission);
  EXPECT_THAT(status.message(), HasSubstr("thawing (0 of 3 packs are asked for)"));
  EXPECT_EQ(status.hint(), "ask");
}

TEST_F(ThawTest, AStopEndsTheWaitAndKeepsTheRequests) {
  AddPacks(2);
  archive_.MovePacksTo("GLACIER");
  archive_.set_thaw_time(Millis(kHourMs));
  std::stop_source stop;
  // The fake clock does not wait, so the stop comes with the first look after the requests.
  class StoppingClock : public FakeClock {
   public:
    explicit StoppingClock(std::stop_source* stop) : stop_(stop) {}
    bool Sleep(Millis duration, std::stop_token token) override {
      stop_->request_stop();
      return FakeClock::Sleep(duration, token) && !token.stop_requested();
    }
    std::stop_source* stop_;
  } clock(&stop);
  Thaw thaw(archive_, {ThawTier::kStandard, 0, true}, clock, progress_);
  Status status =
      thaw.MakeReadable(Look().archived, 0, CallContext{Deadline::Never(), stop.get_token()});
  EXPECT_EQ(status.code(), Code::kCancelled);
  EXPECT_THAT(status.hint(), HasSubstr("same command"));
  EXPECT_THAT(archive_.requests(), SizeIs(2));
  EXPECT_EQ(Look().thawing(), 2u);
}

TEST_F(ThawTest, AThawThatNeverComesIsGivenUp) {
  AddPacks(1);
  archive_.MovePacksTo("GLACIER");
  archive_.set_thaw_time(Millis(1000 * kDayMs));
  Status status = MakeReadable({ThawTier::kExpedited, 0, true});
  EXPECT_EQ(status.code(), Code::kTimeout);
  EXPECT_TRUE(status.retryable());
  EXPECT_THAT(progress_.warnings(), ElementsAre(HasSubstr("longer than the usual")));
}

TEST_F(ThawTest, WhatFrozeAgainWhileWaitingIsAskedForAgain) {
  AddPacks(2);
  archive_.MovePacksTo("GLACIER");
  archive_.set_thaw_time(Millis(kHourMs));
  EXPECT_EQ(MakeReadable({ThawTier::kStandard, 1, false}).code(), Code::kIncomplete);
  ThawNeed need = Look();
  // Between the look and the wait the request got lost.
  archive_.Freeze(packs_[1].name);
  Thaw thaw(archive_, {ThawTier::kStandard, 1, true}, clock_, progress_);
  EXPECT_TRUE(thaw.MakeReadable(need.archived, 0, {}).ok());
  EXPECT_THAT(archive_.requests(), SizeIs(3));
  EXPECT_THAT(Messages(), HasSubstr("asked again"));
}

TEST_F(ThawTest, CopiesAreLengthenedWhileSomebodyReads) {
  AddPacks(2);
  archive_.MovePacksTo("GLACIER");
  Thaw thaw(archive_, {ThawTier::kStandard, 1, true}, clock_, progress_);
  EXPECT_TRUE(thaw.MakeReadable(Look().archived, 0, {}).ok());
  EXPECT_THAT(archive_.requests(), SizeIs(2));
  for (int day = 0; day < 4; ++day) {
    clock_.Advance(Millis(kDayMs - kHourMs));
    EXPECT_TRUE(thaw.Extend({}).ok());
    EXPECT_EQ(Look().cold(), 0u) << day;
  }
  EXPECT_THAT(archive_.requests(), SizeIs(10));
  // In good time nothing is asked.
  EXPECT_TRUE(thaw.Extend({}).ok());
  EXPECT_THAT(archive_.requests(), SizeIs(10));
}

TEST_F(ThawTest, CopiesOfOthersAreLengthenedOnlyIfThatWasAllowed) {
  AddPacks(1);
  archive_.MovePacksTo("GLACIER");
  ASSERT_TRUE(MakeReadable({ThawTier::kStandard, 1, true}).ok());
  clock_.Advance(Millis(kDayMs - kHourMs));
  Thaw without(archive_, {}, clock_, progress_);
  EXPECT_TRUE(without.MakeReadable(Look().archived, 0, {}).ok());
  EXPECT_TRUE(without.Extend({}).ok());
  EXPECT_THAT(archive_.requests(), SizeIs(1));
  Thaw with(archive_, {ThawTier::kBulk, 3, true}, clock_, progress_);
  EXPECT_TRUE(with.MakeReadable(Look().archived, 0, {}).ok());
  EXPECT_TRUE(with.Extend({}).ok());
  EXPECT_THAT(archive_.requests(), SizeIs(2));
}

TEST_F(ThawTest, TheKeeperLengthensByItself) {
  AddPacks(1);
  archive_.MovePacksTo("GLACIER");
  Thaw thaw(archive_, {ThawTier::kStandard, 1, true}, clock_, progress_);
  ASSERT_TRUE(thaw.MakeReadable(Look().archived, 0, {}).ok());
  {
    ThawKeeper keeper(thaw, clock_, progress_);  // each of its pauses is 10 minutes of this clock
    while (archive_.requests().size() < 4) std::this_thread::yield();
  }
  EXPECT_THAT(progress_.warnings(), IsEmpty());
}

TEST_F(ThawTest, IntelligentTieringIsMovedNotCopied) {
  AddPacks(1);
  archive_.MovePacksTo("INTELLIGENT_TIERING");
  archive_.set_thaw_time(Millis(kHourMs));
  EXPECT_EQ(MakeReadable({ThawTier::kBulk, 7, false}).code(), Code::kIncomplete);
  EXPECT_THAT(archive_.requests(), ElementsAre(packs_[0].name + " 0 bulk"));
}

TEST_F(ThawTest, RefusalsTellWhatItTakes) {
  AddPacks(3);
  archive_.MoveTo(packs_[0].name, "GLACIER");
  archive_.MoveTo(packs_[1].name, "DEEP_ARCHIVE");
  Status status = ColdRefusal(Look(), 0, "the restore");
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_THAT(status.message(),
              HasSubstr("2 of 3 packs that the restore reads (2000 bytes) are in cold storage "
                        "(DEEP_ARCHIVE, GLACIER)"));
  EXPECT_THAT(status.hint(), HasSubstr("--thaw standard (3 h to 12 h, less than $0.01)"));
  EXPECT_THAT(status.hint(), Not(HasSubstr("expedited")));
  EXPECT_THAT(status.hint(), HasSubstr("--wait"));
}

TEST_F(ThawTest, TheGateRefusesSkipsOrThaws) {
  AddPacks(3);
  archive_.MoveTo(packs_[1].name, "GLACIER");
  ThawGate refuses(archive_, {}, clock_, progress_);
  EXPECT_EQ(refuses.Open(packs_, "verify", {}).code(), Code::kUnavailable);
  ColdPolicy skip;
  skip.skip = true;
  ThawGate skips(archive_, skip, clock_, progress_);
  EXPECT_TRUE(skips.Open(packs_, "verify", {}).ok());
  EXPECT_EQ(skips.skipped(), 1u);
  EXPECT_EQ(skips.skipped_bytes(), 1000u);
  EXPECT_THAT(archive_.requests(), IsEmpty());
  archive_.set_thaw_time(Millis(kHourMs));
  ColdPolicy thaw;
  thaw.thaw = {ThawTier::kStandard, 0, true};
  {
    ThawGate thaws(archive_, thaw, clock_, progress_);
    EXPECT_TRUE(thaws.Open(packs_, "verify", {}).ok());
    EXPECT_EQ(thaws.skipped(), 0u);
  }
  EXPECT_GE(archive_.requests().size(), 1u);
}

}  // namespace
}  // namespace maxbrod::engine
