#include "repo/pack_testing.h"

#include <gtest/gtest.h>

#include "kafka/batch.h"

namespace maxbrod::repo {

Bytes TestBatch(int64_t base_offset, int32_t records, size_t body, uint8_t filler) {
  kafka::BatchHeader header;
  header.base_offset = base_offset;
  header.batch_length =
      static_cast<int32_t>(kafka::kBatchHeaderBytes - kafka::kLogOverheadBytes + body);
  header.partition_leader_epoch = 4;
  header.last_offset_delta = records - 1;
  header.base_timestamp = 1'700'000'000'000 + base_offset;
  header.max_timestamp = header.base_timestamp + records - 1;
  header.record_count = records;
  Bytes bytes(kafka::kBatchHeaderBytes + body, filler);
  header.Store(bytes.data());
  kafka::RecomputeBatchCrc(bytes);
  return bytes;
}

BlockOwner TestOwner(const std::string& topic, int32_t partition) {
  BlockOwner owner;
  std::array<uint8_t, 16> id{};
  for (size_t i = 0; i < topic.size(); ++i) {
    id[i % 16] = static_cast<uint8_t>(id[i % 16] + topic[i]);
  }
  owner.topic_id.id = Uuid(id);
  owner.topic = topic;
  owner.partition = partition;
  return owner;
}

BlockStats TestStats(int64_t first_offset, int64_t last_offset) {
  BlockStats stats;
  stats.first_offset = first_offset;
  stats.last_offset = last_offset;
  stats.first_epoch = stats.last_epoch = 4;
  stats.records = static_cast<uint64_t>(last_offset - first_offset + 1);
  stats.min_timestamp = 1'700'000'000'000 + first_offset;
  stats.max_timestamp = 1'700'000'000'000 + last_offset;
  stats.codecs = 1;
  return stats;
}

TestBlock MakeBlock(const std::string& topic, int32_t partition, int64_t first_offset,
                    const std::vector<size_t>& body_sizes, uint8_t filler) {
  TestBlock block;
  block.owner = TestOwner(topic, partition);
  int64_t offset = first_offset;
  uint32_t largest = 0;
  for (size_t size : body_sizes) {
    Bytes batch = TestBatch(offset, 10, size, filler);
    largest = std::max(largest, static_cast<uint32_t>(batch.size()));
    Append(block.batches, batch);
    offset += 10;
  }
  block.stats = TestStats(first_offset, offset - 1);
  block.stats.batches = static_cast<uint32_t>(body_sizes.size());
  block.stats.largest_batch = largest;
  return block;
}

SealedPack WritePack(store::Store& store, const std::vector<TestBlock>& blocks, PackOptions options,
                     BatchChecks checks) {
  auto writer = PackWriter::Create(store, options, {});
  EXPECT_TRUE(writer.ok()) << writer.status().ToString();
  if (!writer.ok()) return {};
  for (const TestBlock& b : blocks) {
    ByteView piece = b.batches;
    Status status = (*writer)->AddBlock(b.owner, b.stats, {&piece, 1}, checks);
    EXPECT_TRUE(status.ok()) << status.ToString();
  }
  auto sealed = (*writer)->Seal({});
  EXPECT_TRUE(sealed.ok()) << sealed.status().ToString();
  return sealed.ok() ? *sealed : SealedPack();
}

std::vector<TestBlock> SomeBlocks() {
  return {MakeBlock("orders", 1, 100, {300, 50}), MakeBlock("payments", 0, 7, {10}),
          MakeBlock("orders", 0, 0, {40, 40, 40}), MakeBlock("orders", 1, 120, {60})};
}

std::shared_ptr<store::Store> PackTest::StoreFor(bool encrypted,
                                                 std::shared_ptr<store::Store> raw) {
  if (!encrypted) return raw;
  auto keys = Keyring::FromMaster(std::string(16, 'r'), SecretBytes(Bytes(kMasterKeyBytes, 1)));
  return std::make_shared<Vault>(std::move(raw), std::move(keys));
}

Bytes PackTest::ReadBack(const SealedPack& pack, const BlockEntry& entry) {
  Bytes out;
  Status status = ReadBlock(store_, pack.ref, entry, &out, {});
  EXPECT_TRUE(status.ok()) << status.ToString();
  return out;
}

Bytes PackTest::Stored(const SealedPack& pack) {
  auto bytes = store_.Get(PackName(pack.ref), 1 * kGiB, {});
  EXPECT_TRUE(bytes.ok());
  return *bytes;
}

void PackTest::ExpectRoundTrip(const SealedPack& pack, const std::vector<TestBlock>& blocks) {
  ASSERT_EQ(pack.blocks.size(), blocks.size());
  auto index = ReadPackIndex(store_, pack.ref, {});
  ASSERT_TRUE(index.ok()) << index.status().ToString();
  EXPECT_EQ(*index, pack.blocks);
  for (const TestBlock& b : blocks) {
    const BlockEntry* entry = Find(pack.blocks, b);
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(entry->stats, b.stats);
    EXPECT_EQ(ReadBack(pack, *entry), b.batches);
    BlockEntry without_checks = *entry;  // as a manifest has it
    without_checks.place.DropChecks();
    EXPECT_EQ(ReadBack(pack, without_checks), b.batches);
  }
  std::vector<const BlockEntry*> all;
  for (const auto& e : pack.blocks) all.push_back(&e);
  size_t calls = 0;
  Status status = ReadBlocks(store_, pack.ref, all,
                             [&](const BlockEntry& e, ByteView batches) {
                               for (const TestBlock& b : blocks) {
                                 if (b.owner == e.owner && b.stats == e.stats) {
                                   EXPECT_TRUE(std::equal(batches.begin(), batches.end(),
                                                          b.batches.begin(), b.batches.end()));
                                   ++calls;
                                 }
                               }
                               return Status::Ok();
                             },
                             {});
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(calls, blocks.size());
}

const BlockEntry* PackTest::Find(const std::vector<BlockEntry>& entries, const TestBlock& b) {
  for (const auto& e : entries) {
    if (e.owner == b.owner && e.stats.first_offset == b.stats.first_offset) return &e;
  }
  return nullptr;
}

}  // namespace maxbrod::repo
