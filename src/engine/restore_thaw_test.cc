// What of a restore's plan lies in cold storage, and that planning reads none of it.
#include "engine/restore_thaw.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/dense_map.h"
#include "engine/last_hole.h"
#include "engine/thaw_testing.h"
#include "engine/verify_testing.h"
#include "repo/pack_writer.h"

namespace maxbrod::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr double kDay = 86'400;

// A repository of which reading a pack fails, and an archive in which its packs lie.
class RestoreThawTest : public ::testing::Test {
 protected:
  // One pack per block; all cold.
  PlannedPartition Frozen(const std::string& topic, const std::vector<Bytes>& blocks) {
    for (const Bytes& block : blocks) repository_.AddPack(topic, 0, {block});
    PlannedPartition p;
    p.blocks = repository_.Blocks(repository_.Snapshot("s-" + topic), topic, 0);
    p.log_start = p.blocks.front().use_from;
    p.end = p.blocks.back().use_to;
    for (const repo::BlockUse& use : p.blocks) {
      p.bytes += use.entry.place.plain_bytes;
      archive_.MoveTo(repo::PackName(use.pack), "GLACIER");
      sizes_.push_back({repo::PackName(use.pack), use.pack.length()});
    }
    EXPECT_TRUE(cold_.Look(sizes_, {}).ok());
    return p;
  }
  // From here on; before, taking a snapshot reads the packs' indexes.
  void PacksCannotBeRead() {
    repository_.faults()
        .On(store::StoreMethod::kGetRange)
        .For("pack/")
        .ErrorInstead(Status(Code::kUnavailable, "cold"))
        .Repeat(1000);
  }
  static void AddTopic(RestorePlan* plan, const std::string& name, double seconds,
                       PlannedPartition p) {
    PlannedTopic& topic = plan->topics.emplace_back();
    topic.source = topic.target = name;
    topic.seconds_estimate = seconds;
    plan->seconds_estimate += seconds;
    topic.partitions.push_back(std::move(p));
  }
  static std::string NameOf(const PlannedPartition& p, size_t block) {
    return repo::PackName(p.blocks[block].pack);
  }

  FakeClock clock_;
  TestRepository repository_;
  ArchiveStore archive_{
      std::shared_ptr<store::Store>(std::shared_ptr<void>(), &repository_.store()), clock_};
  ColdPacks cold_{archive_};
  std::vector<PackToRead> sizes_;
};

TEST_F(RestoreThawTest, NamesPacksInTheOrderOfReading) {
  RestorePlan plan;
  PlannedPartition a = Frozen("a", {TestBatch(0, 50), TestBatch(50, 60), TestBatch(60, 70)});
  PlannedPartition b = Frozen("b", {TestBatch(0, 10), TestBatch(10, 20)});
  PacksCannotBeRead();
  std::string a0 = NameOf(a, 0), a1 = NameOf(a, 1), a2 = NameOf(a, 2), b0 = NameOf(b, 0),
              b1 = NameOf(b, 1);
  archive_.MoveTo(a1, "STANDARD");
  ColdPacks fresh(archive_);  // the fixture's has seen it in the archive
  ASSERT_TRUE(fresh.Look(sizes_, {}).ok());
  AddTopic(&plan, "a", 1, a);
  AddTopic(&plan, "b", 1, b);
  NamePacks({}, fresh, &plan);
  EXPECT_EQ(plan.thaw.packs, 5u);
  ASSERT_THAT(plan.thaw.archived, SizeIs(4));
  std::vector<std::string> names;
  for (const ArchivedPack& pack : plan.thaw.archived) names.push_back(pack.name);
  EXPECT_THAT(std::vector(names.begin(), names.begin() + 2), UnorderedElementsAre(a0, b0));
  EXPECT_THAT(std::vector(names.begin() + 2, names.end()), ElementsAre(b1, a2));
  // What an earlier run completed is not read again.
  NamePacks({{"a", 0}}, fresh, &plan);
  EXPECT_EQ(plan.thaw.packs, 2u);
}

TEST_F(RestoreThawTest, LongRestoresGoInWaves) {
  RestorePlan plan;
  PlannedPartition big = Frozen("big", {TestBatch(0, 10)});
  PlannedPartition small = Frozen("small", {TestBatch(0, 10)});
  PlannedPartition last = Frozen("last", {TestBatch(0, 10)});
  PacksCannotBeRead();
  AddTopic(&plan, "big", 1.5 * kDay, big);
  AddTopic(&plan, "small", 0.3 * kDay, small);
  AddTopic(&plan, "last", 0.6 * kDay, last);
  NamePacks({}, cold_, &plan);
  auto waves = PlanWaves(plan, {}, cold_);
  ASSERT_THAT(waves, SizeIs(2));
  EXPECT_THAT(waves[0].topics, ElementsAre("big"));
  EXPECT_THAT(waves[1].topics, ElementsAre("last", "small"));
  ASSERT_THAT(waves[0].packs, SizeIs(1));
  EXPECT_EQ(waves[0].packs[0].name, NameOf(big, 0));
  EXPECT_THAT(waves[1].packs, SizeIs(2));
  // What is only known with the data needs all of it at once, and short ones do not pay.
  plan.thaw.AddUnknown("something");
  EXPECT_THAT(PlanWaves(plan, {}, cold_), SizeIs(1));
  plan.thaw.unknown.clear();
  plan.seconds_estimate = kDay;
  ASSERT_THAT(PlanWaves(plan, {}, cold_), SizeIs(1));
  EXPECT_THAT(PlanWaves(plan, {}, cold_)[0].packs, SizeIs(3));
  EXPECT_THAT(PlanWaves(plan, {{"last", 0}}, cold_)[0].packs, SizeIs(2));
}

TEST_F(RestoreThawTest, ATimeCutInAColdBlockIsBounded) {
  PlannedPartition p = Frozen("t", {TestBatch(0, 10), TestBatch(10, 20), TestBatch(20, 30)});
  PacksCannotBeRead();
  auto cold = [this](const repo::BlockUse& use) { return cold_.Has(use.pack); };
  store::Store& store = repository_.repository().store();
  auto cut = FindTimeCut(store, p.blocks, 0, 30, 1'000'014, {}, cold);
  ASSERT_TRUE(cut.ok()) << cut.status().ToString();
  EXPECT_TRUE(cut->bound);
  EXPECT_EQ(cut->offset, 20);
  EXPECT_FALSE(cut->at_end);
  // Where the index tells it no data is needed.
  cut = FindTimeCut(store, p.blocks, 0, 30, 1'000'029, {}, cold);
  ASSERT_TRUE(cut.ok());
  EXPECT_FALSE(cut->bound);
  EXPECT_TRUE(cut->at_end);
  EXPECT_FALSE(FindTimeCut(store, p.blocks, 0, 30, 1'000'014, {}).ok()) << "it reads the block";
}

TEST_F(RestoreThawTest, HolesAndDenseMapsAreGuessedFromTheIndex) {
  auto records = TestRecords(0, 20);
  records.erase(records.begin() + 3, records.begin() + 8);
  PlannedPartition p = Frozen("t", {TestBatch(records), TestBatch(20, 25)});
  PacksCannotBeRead();
  bool guessed = false;
  auto hole = FindLastHole(repository_.repository(), p, cold_, &guessed, {});
  ASSERT_TRUE(hole.ok()) << hole.status().ToString();
  EXPECT_TRUE(guessed);
  EXPECT_TRUE(hole->has_value());
  guessed = false;
  auto map = BuildOffsetMap(repository_.repository(), p, 0, cold_, &guessed, {});
  ASSERT_TRUE(map.ok()) << map.status().ToString();
  EXPECT_TRUE(guessed);
  EXPECT_EQ((*map)->records(), 20);
  // With everything readable they read it.
  ColdPacks none(repository_.store());
  guessed = false;
  EXPECT_FALSE(BuildOffsetMap(repository_.repository(), p, 0, none, &guessed, {}).ok());
  EXPECT_FALSE(guessed);
}

}  // namespace
}  // namespace maxbrod::engine
