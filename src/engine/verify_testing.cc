#include "engine/verify_testing.h"

#include <gtest/gtest.h>

#include "engine/batch_scan.h"
#include "repo/pack_writer.h"

namespace maxbrod::engine {
namespace {

std::optional<ByteView> View(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return AsBytes(*text);
}

repo::BlockStats StatsOf(const Bytes& block) {
  repo::BlockStats stats;
  kafka::BatchIterator it(block);
  kafka::BatchEntry first;
  EXPECT_TRUE(it.Next(&first));
  ScanCursor cursor;
  cursor.next_offset = first.header.base_offset;
  cursor.end_offset = INT64_MAX;
  Status scanned = ScanBatches(block, SIZE_MAX, &cursor, [&](const BatchRun& run) {
    stats = run.stats;
    return Status::Ok();
  });
  EXPECT_TRUE(scanned.ok()) << scanned.ToString();
  return stats;
}

}  // namespace

std::vector<TestRecord> TestRecords(int64_t from, int64_t to) {
  std::vector<TestRecord> records;
  for (int64_t o = from; o < to; ++o) {
    records.push_back({o, "k" + std::to_string(o), "v" + std::to_string(o), 1'000'000 + o, {}});
  }
  return records;
}

Bytes TestBatch(const std::vector<TestRecord>& records, kafka::BatchSpec spec) {
  spec.base_offset = records.front().offset;
  kafka::RecordBatchBuilder builder(spec);
  for (const TestRecord& r : records) {
    std::vector<kafka::RecordHeader> headers;
    for (const auto& [key, value] : r.headers) headers.push_back({key, AsBytes(value)});
    builder.AddAt(r.offset, r.timestamp, View(r.key), View(r.value), headers);
  }
  auto batch = builder.Build();
  EXPECT_TRUE(batch.ok()) << batch.status().ToString();
  return batch.ok() ? *batch : Bytes();
}

Bytes Concat(const std::vector<Bytes>& batches) {
  Bytes out;
  for (const Bytes& batch : batches) Append(out, batch);
  return out;
}

TestRepository::TestRepository() {
  auto store = std::make_unique<store::FaultStore>(store_);
  faults_ = store.get();
  Status made = repo::Repository::Init(*store, {"test"}, {});
  EXPECT_TRUE(made.ok()) << made.ToString();
  auto opened = repo::Repository::Open(std::move(store), {}, {});
  EXPECT_TRUE(opened.ok()) << opened.status().ToString();
  repository_ = std::move(*opened);
}

void TestRepository::AddPack(const std::string& topic, int32_t partition,
                             const std::vector<Bytes>& blocks) {
  auto writer = repo::PackWriter::Create(*store_, {}, {});
  ASSERT_TRUE(writer.ok()) << writer.status().ToString();
  repo::BlockOwner owner;
  owner.topic = topic;
  owner.partition = partition;
  Log& log = logs_[{topic, partition}];
  for (const Bytes& block : blocks) {
    repo::BlockStats stats = StatsOf(block);
    ByteView piece = block;
    Status added = (*writer)->AddBlock(owner, stats, {&piece, 1});
    ASSERT_TRUE(added.ok()) << added.ToString();
    if (log.end == 0) log.start = stats.first_offset;
    log.end = stats.last_offset + 1;
  }
  log.claimed = false;
  auto sealed = (*writer)->Seal({});
  ASSERT_TRUE(sealed.ok()) << sealed.status().ToString();
  *pending_.add_packs() = sealed->ref;
}

void TestRepository::AddPackWithStats(const std::string& topic, int32_t partition,
                                      const Bytes& block, const repo::BlockStats& stats) {
  auto writer = repo::PackWriter::Create(*store_, {}, {});
  ASSERT_TRUE(writer.ok()) << writer.status().ToString();
  repo::BlockOwner owner;
  owner.topic = topic;
  owner.partition = partition;
  ByteView piece = block;
  Status added = (*writer)->AddBlock(owner, stats, {&piece, 1});
  ASSERT_TRUE(added.ok()) << added.ToString();
  auto sealed = (*writer)->Seal({});
  ASSERT_TRUE(sealed.ok()) << sealed.status().ToString();
  *pending_.add_packs() = sealed->ref;
  logs_[{topic, partition}] = {stats.first_offset, stats.last_offset + 1, false};
}

format::SnapshotRef TestRepository::Snapshot(const std::string& name) {
  repo::SnapshotDraft draft;
  draft.header.set_name(name);
  for (auto& [tp, log] : logs_) {
    if (!log.claimed) {
      format::TopicClaims* claims = pending_.add_topics();
      claims->set_topic(tp.topic);
      format::RangeClaim* claim = claims->add_claims();
      claim->set_partition(tp.partition);
      claim->set_start_offset(log.start);
      claim->set_end_offset(log.end);
      log.claimed = true;
    }
    if (draft.topics.empty() || draft.topics.back().topic() != tp.topic) {
      draft.topics.emplace_back().set_topic(tp.topic);
    }
    format::PartitionSnapshot* p = draft.topics.back().add_partitions();
    p->set_partition(tp.partition);
    p->set_start_offset(log.start);
    p->set_end_offset(log.end);
  }
  auto receipt = repository_->CommitSnapshot(draft, pending_, {});
  EXPECT_TRUE(receipt.ok()) << receipt.status().ToString();
  pending_ = format::AddPacks();
  auto ref = repository_->FindSnapshot(name);
  EXPECT_TRUE(ref.ok()) << ref.status().ToString();
  return ref.ok() ? *ref : format::SnapshotRef();
}

std::vector<std::string> TestRepository::Names(const std::string& prefix) {
  auto page = store_->List(prefix, "", 1000, {});
  EXPECT_TRUE(page.ok()) << page.status().ToString();
  std::vector<std::string> names;
  for (const auto& info : page->objects) names.push_back(info.name);
  return names;
}

Bytes TestRepository::Read(const std::string& name) {
  auto bytes = store_->Get(name, kGiB, {});
  EXPECT_TRUE(bytes.ok()) << bytes.status().ToString();
  return bytes.ok() ? *bytes : Bytes();
}

void TestRepository::Flip(const std::string& name, size_t byte, int bit) {
  Bytes bytes = Read(name);
  ASSERT_LT(byte, bytes.size());
  bytes[byte] = static_cast<uint8_t>(bytes[byte] ^ (1u << bit));
  EXPECT_TRUE(store_->Overwrite(name, bytes));
}

std::vector<repo::BlockUse> TestRepository::Blocks(const format::SnapshotRef& ref,
                                                   const std::string& topic, int32_t partition) {
  auto snapshot = repository_->ReadSnapshot(ref, {});
  EXPECT_TRUE(snapshot.ok()) << snapshot.status().ToString();
  auto blocks = repository_->ReadTopicBlocks(*snapshot->FindTopic(topic), {});
  EXPECT_TRUE(blocks.ok()) << blocks.status().ToString();
  return blocks->partitions[partition];
}

}  // namespace maxbrod::engine
