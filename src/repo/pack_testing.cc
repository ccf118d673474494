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

}  // namespace maxbrod::repo
