#include "engine/batch_scan.h"

#include <gtest/gtest.h>

#include "engine/log_testing.h"

namespace maxbrod::engine {
namespace {

repo::BlockStats Scan(const SourceLog& log) {
  Bytes bytes;
  for (const auto& entry : log.entries())
    bytes.insert(bytes.end(), entry.bytes.begin(), entry.bytes.end());
  ScanCursor cursor;
  cursor.end_offset = log.next();
  repo::BlockStats stats;
  Status status = ScanBatches(bytes, SIZE_MAX, &cursor, [&](const BatchRun& run) {
    stats = run.stats;
    return Status::Ok();
  });
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(cursor.next_offset, log.next());
  return stats;
}

// A topic may go back to an old format, whose messages know no epoch.
TEST(BatchScan, EpochsNeverFall) {
  SourceLog log(0, 7);
  log.Records(3);
  log.Old(1, {.width = 4});
  repo::BlockStats stats = Scan(log);
  EXPECT_EQ(stats.first_epoch, 7);
  EXPECT_EQ(stats.last_epoch, 7);
  EXPECT_EQ(stats.records, 7u);
}

// A compressed message of an old format names its last record only.
TEST(BatchScan, OldWrappersBeginWhereTheirFirstRecordIs) {
  SourceLog log(10, -1);
  log.Old(1, {.width = 10, .deltas = {0, 1, 4, 9}, .codec = CompressionType::kGzip});
  repo::BlockStats stats = Scan(log);
  EXPECT_EQ(stats.first_offset, 10);
  EXPECT_EQ(stats.last_offset, 19);
  EXPECT_EQ(stats.records, 4u);
  EXPECT_EQ(stats.holes_inside, 6u);
}

TEST(BatchScan, MarkersAndHoles) {
  SourceLog log;
  log.Transactional(9, {.width = 5});
  log.End(9, true);
  log.Gap(4);
  log.Batch({.width = 6, .deltas = {0, 5}});
  repo::BlockStats stats = Scan(log);
  EXPECT_EQ(stats.markers, 1u);
  EXPECT_EQ(stats.records, 7u);
  EXPECT_EQ(stats.holes_between, 4u);
  EXPECT_EQ(stats.holes_inside, 4u);
  EXPECT_EQ(stats.flags & repo::kBlockUnknownControl, 0u);
}

// A cleaner may remove all that is left up to the end while it is read: the fetch answers with what
// lies beyond, and no later one will answer otherwise.
TEST(BatchScan, NothingLeftBeforeTheEnd) {
  SourceLog log;
  log.Records(10);
  log.Gap(20);
  log.Records(5);
  Bytes bytes;
  for (const auto& entry : log.entries())
    bytes.insert(bytes.end(), entry.bytes.begin(), entry.bytes.end());
  ScanCursor cursor;
  cursor.end_offset = 25;
  uint64_t records = 0;
  auto count = [&](const BatchRun& run) {
    records += run.stats.records;
    return Status::Ok();
  };
  ASSERT_TRUE(ScanBatches(bytes, SIZE_MAX, &cursor, count).ok());
  EXPECT_EQ(records, 10u);
  EXPECT_EQ(cursor.next_offset, 25);
  EXPECT_EQ(cursor.missing, 15u);

  ScanCursor across;
  across.end_offset = 32;
  Status status = ScanBatches(bytes, SIZE_MAX, &across, count);
  EXPECT_EQ(status.code(), Code::kConflict) << status.ToString();
}

}  // namespace
}  // namespace maxbrod::engine
