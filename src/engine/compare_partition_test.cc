#include "engine/compare_partition.h"

#include <gtest/gtest.h>

#include <random>

#include "engine/compare_records.h"
#include "engine/verify_testing.h"

namespace maxbrod::engine {
namespace {

// A partition of a snapshot in a repository, and the comparing of what a cluster is said to hold.
class Comparison {
 public:
  explicit Comparison(const std::vector<Bytes>& blocks) {
    repository_.AddPack("t", 0, blocks);
    ref_ = repository_.Snapshot("one");
    task_.partition = {"t", 0};
    task_.blocks = repository_.Blocks(ref_, "t", 0);
    task_.start = task_.blocks.front().use_from;
    task_.end = task_.blocks.back().use_to;
  }
  CompareTask& task() { return task_; }
  TestRepository& repository() { return repository_; }

  // "missing: t-0 offset 5: ..." one a line.
  std::string Run(const std::vector<Bytes>& live, bool unload_after_each = false) {
    DifferenceList differences;
    ProblemList problems;
    std::atomic<int64_t> budget{ledger_keys};
    PartitionComparer comparer(repository_.store(), task_, &differences, &problems, &budget);
    for (const Bytes& bytes : live) {
      kafka::BatchIterator it(bytes);
      kafka::BatchEntry entry;
      while (it.Next(&entry)) {
        Status status = comparer.OnBatch(entry, {});
        EXPECT_TRUE(status.ok()) << status.ToString();
        if (unload_after_each) comparer.Unload();
      }
    }
    Status status = comparer.Finish({});
    EXPECT_TRUE(status.ok()) << status.ToString();
    totals = comparer.totals();
    std::string text;
    for (const Problem& p : problems.listed()) text += "problem: " + p.ToString() + "\n";
    for (const Difference& d : differences.listed()) text += d.ToString() + "\n";
    return text;
  }

  CompareTotals totals;
  int64_t ledger_keys = 1000;

 private:
  TestRepository repository_;
  format::SnapshotRef ref_;
  CompareTask task_;
};

Bytes Patched(Bytes batch, const kafka::BatchPatch& patch) {
  Status status = kafka::PatchBatch(batch, patch);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return batch;
}

TEST(ComparePartition, SameBatchesAreNotDecoded) {
  Comparison c({Concat({TestBatch(0, 10), TestBatch(10, 20)}), TestBatch(20, 30)});
  EXPECT_EQ(c.Run({TestBatch(0, 10), TestBatch(10, 20), TestBatch(20, 30)}), "");
  EXPECT_EQ(c.totals.batches, 3u);
  EXPECT_EQ(c.totals.batches_decoded, 0u);
  EXPECT_EQ(c.totals.records, 30u);
}

TEST(ComparePartition, MarksThatARestoreChangesDoNotCount) {
  kafka::BatchSpec source;
  source.producer_id = 77;
  source.producer_epoch = 3;
  source.base_sequence = 500;
  source.partition_leader_epoch = 9;
  source.attributes =
      kafka::BatchAttributes::kTransactional | kafka::BatchAttributes::kDeleteHorizon;
  Bytes stored = TestBatch(TestRecords(0, 10), source);
  kafka::BatchPatch patch = kafka::BatchPatch::NoProducer();
  patch.clear_attributes =
      kafka::BatchAttributes::kTransactional | kafka::BatchAttributes::kDeleteHorizon;
  patch.partition_leader_epoch = 0;
  Bytes live = Patched(stored, patch);
  ASSERT_NE(stored, live);
  Comparison c({stored});
  EXPECT_EQ(c.Run({live}), "");
  EXPECT_EQ(c.totals.batches_decoded, 0u);
}

TEST(ComparePartition, OtherBordersAndCodecsAreComparedByRecord) {
  Comparison c({Concat({TestBatch(0, 10), TestBatch(10, 20)}), TestBatch(20, 30)});
  for (bool unload : {false, true}) {
    EXPECT_EQ(c.Run({TestBatch(0, 15, CompressionType::kLz4), TestBatch(15, 30)}, unload), "");
    EXPECT_EQ(c.totals.batches_decoded, 2u);
    EXPECT_EQ(c.totals.records, 30u);
  }
}

TEST(ComparePartition, AppendTimesAreComparedAsConsumersSeeThem) {
  kafka::BatchSpec spec;
  spec.attributes = kafka::BatchAttributes::kLogAppendTime;
  spec.max_timestamp = 5'000'000;
  Bytes stored = TestBatch(TestRecords(0, 10), spec);
  Bytes repacked;
  ASSERT_TRUE(kafka::RepackLogAppendTime(stored, &repacked).ok());
  Comparison c({stored});
  EXPECT_EQ(c.Run({stored}), "");
  EXPECT_EQ(c.totals.batches_decoded, 0u);
  EXPECT_EQ(c.Run({repacked}), "");
  EXPECT_EQ(c.totals.batches_decoded, 1u);
  // The producers' times under the mark were never seen by anybody.
  std::string text = c.Run({TestBatch(0, 10)});
  EXPECT_NE(text.find("changed: t-0 offsets 0 to 9: 10 records, the first: another timestamp "
                      "(1000000, the snapshot's 5000000)"),
            std::string::npos)
      << text;
}

TEST(ComparePartition, ChangedRecordsAreNamed) {
  Comparison c({TestBatch(0, 10)});
  struct Case {
    std::function<void(TestRecord*)> change;
    const char* what;
  };
  for (const Case& k :
       {Case{[](auto* r) { r->value = "other"; }, "value (5 bytes, the snapshot's 2 bytes)"},
        Case{[](auto* r) { r->value.reset(); }, "value (null, the snapshot's 2 bytes)"},
        Case{[](auto* r) { r->key = "K4"; }, "key (2 bytes, the snapshot's 2 bytes)"},
        Case{[](auto* r) { r->timestamp = 1; }, "timestamp (1, the snapshot's 1000004)"},
        Case{[](auto* r) { r->headers = {{"h", "1"}}; }, "headers (1, the snapshot's 0)"}}) {
    std::vector<TestRecord> records = TestRecords(0, 10);
    k.change(&records[4]);
    EXPECT_EQ(c.Run({TestBatch(records)}),
              std::string("changed: t-0 offset 4: another ") + k.what + "\n");
  }
}

TEST(ComparePartition, MissingRecordsAreToldAsRanges) {
  Comparison c(
      {Concat({TestBatch(0, 10), TestBatch(10, 20)}), TestBatch(20, 30), TestBatch(30, 40)});
  EXPECT_EQ(c.Run({TestBatch(0, 5), TestBatch(8, 10), TestBatch(12, 20)}),
            "missing: t-0 offsets 5 to 7: 3 records: in the snapshot, not on the cluster\n"
            "missing: t-0 offsets 10 to 11: 2 records: in the snapshot, not on the cluster\n"
            "missing: t-0 offsets 20 to 39: 20 records: in the snapshot, not on the cluster\n");
  EXPECT_EQ(c.Run({}),
            "missing: t-0 offsets 0 to 39: 40 records: in the snapshot, not on the cluster\n");
}

TEST(ComparePartition, AHoleInsideALiveBatchIsMissing) {
  Comparison c({TestBatch(0, 10)});
  std::vector<TestRecord> records = TestRecords(0, 10);
  records.erase(records.begin() + 9);
  kafka::BatchSpec spec;
  spec.last_offset = 9;
  EXPECT_EQ(c.Run({TestBatch(records, spec)}),
            "missing: t-0 offset 9: in the snapshot, not on the cluster\n");
}

TEST(ComparePartition, ExtraRecordsAreNamed) {
  std::vector<TestRecord> records = TestRecords(0, 10);
  records.erase(records.begin() + 3, records.begin() + 5);
  Comparison c({TestBatch(records)});
  EXPECT_EQ(c.Run({TestBatch(0, 10)}),
            "extra: t-0 offsets 3 to 4: 2 records: on the cluster, not in the snapshot\n");
}

TEST(ComparePartition, WhatTheClusterGainedIsNoDifference) {
  Comparison c({TestBatch(0, 10)});
  EXPECT_EQ(c.Run({TestBatch(0, 10), TestBatch(10, 20)}), "");
  // The snapshot ends inside of one of the cluster's batches.
  EXPECT_EQ(c.Run({TestBatch(0, 20)}), "");
  EXPECT_EQ(c.totals.records, 10u);
}

TEST(ComparePartition, RetentionIsCountedApart) {
  Comparison c({Concat({TestBatch(0, 10), TestBatch(10, 20)})});
  DifferenceList differences;
  ProblemList problems;
  std::atomic<int64_t> budget{0};
  PartitionComparer comparer(c.repository().store(), c.task(), &differences, &problems, &budget);
  comparer.OnRemoved(13);
  Bytes live = TestBatch(10, 20);
  kafka::BatchIterator it(live);
  kafka::BatchEntry entry;
  ASSERT_TRUE(it.Next(&entry));
  ASSERT_TRUE(comparer.OnBatch(entry, {}).ok());
  ASSERT_TRUE(comparer.Finish({}).ok());
  EXPECT_TRUE(differences.listed().empty());
  EXPECT_EQ(comparer.totals().removed_offsets, 13u);
  EXPECT_EQ(comparer.totals().records, 7u);
}

TEST(ComparePartition, ALogStartInsideABatch) {
  Comparison c({Concat({TestBatch(0, 10), TestBatch(10, 20)})});
  c.task().start = 4;
  EXPECT_EQ(c.Run({TestBatch(0, 10), TestBatch(10, 20)}), "");
  EXPECT_EQ(c.totals.records, 16u);
  EXPECT_EQ(c.Run({TestBatch(5, 10), TestBatch(10, 20)}),
            "missing: t-0 offset 4: in the snapshot, not on the cluster\n");
}

TEST(ComparePartition, MarkersAreNoRecords) {
  auto marker = kafka::BuildControlBatch(10, 5, 77, 0, {kafka::ControlRecord::kCommit, 0});
  ASSERT_TRUE(marker.ok());
  auto restored = kafka::BuildControlBatch(10, 999, 1, 0, {kafka::ControlRecord::kAbort, 4});
  ASSERT_TRUE(restored.ok());
  Comparison c({Concat({TestBatch(0, 10), *marker, TestBatch(11, 20)})});
  EXPECT_EQ(c.Run({TestBatch(0, 10), *restored, TestBatch(11, 20)}), "");
  EXPECT_EQ(c.Run({TestBatch(0, 10), TestBatch(10, 11), TestBatch(11, 20)}),
            "extra: t-0 offset 10: on the cluster, not in the snapshot\n");
}

TEST(ComparePartition, DamageInTheRepositoryIsAProblemNotADifference) {
  Comparison c({TestBatch(0, 10), TestBatch(10, 20), TestBatch(20, 30)});
  const repo::BlockEntry& second = c.task().blocks[1].entry;
  c.repository().Flip(c.repository().Names("pack/")[0],
                      second.place.pack_offset + second.place.stored_bytes - 9);
  std::string text = c.Run({TestBatch(0, 10), TestBatch(10, 20), TestBatch(20, 30)});
  EXPECT_EQ(text.find("problem: pack/"), 0u) << text;
  EXPECT_NE(text.find("t-0 offsets 10 to 19"), std::string::npos) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  EXPECT_EQ(c.totals.records, 20u);
}

TEST(ComparePartition, CompactionThatALaterRecordMakesUpForIsNoDifference) {
  auto record = [](int64_t offset, const std::string& key, const std::string& value) {
    return TestRecord{offset, key, value, 1'000'000 + offset, {}};
  };
  Comparison c({TestBatch(
      {record(0, "a", "1"), record(1, "b", "1"), record(2, "c", "1"), record(3, "a", "2")})});
  c.task().compacted = c.task().reads_on = true;
  Bytes cleaned = TestBatch({record(1, "b", "1"), record(2, "c", "1"), record(3, "a", "2")});
  EXPECT_EQ(c.Run({cleaned}), "");
  EXPECT_EQ(c.totals.compacted_records, 1u);
  // "b" was written again beyond the snapshot's end, and the older one cleaned away.
  EXPECT_EQ(c.Run({TestBatch({record(2, "c", "1"), record(3, "a", "2")}),
                   TestBatch({record(4, "b", "2")})}),
            "");
  EXPECT_EQ(c.Run({TestBatch({record(2, "c", "1"), record(3, "a", "2")})}),
            "missing: t-0 offset 1: the latest record of its key in the snapshot; the cluster has "
            "no later one\n");
  // Not told, but counted, when the rest of the log was not read.
  c.task().reads_on = false;
  EXPECT_EQ(c.Run({TestBatch({record(2, "c", "1"), record(3, "a", "2")})}), "");
  EXPECT_EQ(c.totals.not_followed, 1u);
}

TEST(ComparePartition, ACompactedClusterMayHoldMoreOfTheOldStates) {
  auto record = [](int64_t offset, const std::string& key) {
    return TestRecord{offset, key, "v" + std::to_string(offset), 1'000'000 + offset, {}};
  };
  Comparison c({TestBatch({record(1, "b"), record(3, "a")})});
  c.task().start = 0;
  c.task().compacted = c.task().reads_on = true;
  EXPECT_EQ(c.Run({TestBatch({record(0, "a"), record(1, "b"), record(3, "a")})}), "");
  EXPECT_EQ(c.Run({TestBatch({record(0, "x"), record(1, "b"), record(3, "a")}),
                   TestBatch({record(4, "x")})}),
            "extra: t-0 offset 0: on the cluster; the snapshot has no later record of its key\n");
}

TEST(ComparePartition, TheLedgerIsBounded) {
  Comparison c({TestBatch(0, 100)});
  c.task().compacted = c.task().reads_on = true;
  c.ledger_keys = 10;
  std::string text = c.Run({});
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 10) << text;
  EXPECT_EQ(c.totals.not_followed, 90u);
}

// Any borders, any codec, on both sides: equal records are equal, and one change is found at its
// offset.
TEST(ComparePartition, RandomBorders) {
  std::random_device device;
  const unsigned seed = device();
  std::mt19937 dice(seed);
  auto cut = [&](const std::vector<TestRecord>& records) {
    std::vector<Bytes> batches;
    for (size_t at = 0; at < records.size();) {
      size_t n = std::min<size_t>(1 + dice() % 30, records.size() - at);
      kafka::BatchSpec spec;
      spec.codec = static_cast<CompressionType>(dice() % 5);
      batches.push_back(TestBatch({records.begin() + static_cast<ptrdiff_t>(at),
                                   records.begin() + static_cast<ptrdiff_t>(at + n)},
                                  spec));
      at += n;
    }
    return batches;
  };
  for (int round = 0; round < 20; ++round) {
    std::vector<TestRecord> records;
    for (const TestRecord& r : TestRecords(0, 300)) {
      if (dice() % 5 != 0 || r.offset == 0) records.push_back(r);
    }
    std::vector<Bytes> stored = cut(records);
    std::vector<Bytes> blocks;
    for (size_t i = 0; i < stored.size(); i += 3) {
      blocks.push_back(
          Concat({stored.begin() + static_cast<ptrdiff_t>(i),
                  stored.begin() + static_cast<ptrdiff_t>(std::min(i + 3, stored.size()))}));
    }
    Comparison c(blocks);
    EXPECT_EQ(c.Run(cut(records), round % 2 == 0), "") << "seed " << seed << " round " << round;
    EXPECT_EQ(c.totals.records, records.size());
    size_t at = dice() % records.size();
    std::vector<TestRecord> changed = records;
    changed[at].value = "changed";
    std::string text = c.Run(cut(changed), round % 2 == 0);
    EXPECT_EQ(text.find("changed: t-0 offset " + std::to_string(records[at].offset) + ": "), 0u)
        << "seed " << seed << " round " << round << "\n"
        << text;
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
    if (at == 0) continue;
    changed = records;
    changed.erase(changed.begin() + static_cast<ptrdiff_t>(at));
    text = c.Run(cut(changed), round % 2 == 0);
    EXPECT_EQ(text, "missing: t-0 offset " + std::to_string(records[at].offset) +
                        ": in the snapshot, not on the cluster\n")
        << "seed " << seed << " round " << round;
  }
}

}  // namespace
}  // namespace maxbrod::engine
