// What tests of packs share: batches, owners and a writer with a fixed salt.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "repo/pack_reader.h"
#include "repo/pack_writer.h"
#include "repo/vault.h"
#include "store/mem_store.h"

namespace maxbrod::repo {

inline Salt TestSalt(uint8_t first) {
  Salt salt;
  for (size_t i = 0; i < salt.size(); ++i) salt[i] = static_cast<uint8_t>(first + i);
  return salt;
}

// A sound RecordBatch v2 of `records` records at `base_offset`; its body is `body` bytes of
// `filler` (no records that Kafka could decode: nothing here looks inside).
Bytes TestBatch(int64_t base_offset, int32_t records, size_t body, uint8_t filler = 'x');

BlockOwner TestOwner(const std::string& topic, int32_t partition);
// Stats of a block of whole batches without holes.
BlockStats TestStats(int64_t first_offset, int64_t last_offset);

// A block as a test gives it and wants it back.
struct TestBlock {
  BlockOwner owner;
  BlockStats stats;
  Bytes batches;
};
// One batch per `sizes` element, from `first_offset` on, ten records each.
TestBlock MakeBlock(const std::string& topic, int32_t partition, int64_t first_offset,
                    const std::vector<size_t>& body_sizes, uint8_t filler = 'x');

// Writes the blocks into one pack; fails the test on an error.
SealedPack WritePack(store::Store& store, const std::vector<TestBlock>& blocks,
                     PackOptions options = {}, BatchChecks checks = BatchChecks::kVerified);

// Four small blocks of three partitions.
std::vector<TestBlock> SomeBlocks();

// A store in memory, and verbs over it.
// Parameter: whether the packs are encrypted.
class PackTest : public ::testing::TestWithParam<bool> {
 protected:
  Bytes ReadBack(const SealedPack& pack, const BlockEntry& entry);
  Bytes Stored(const SealedPack& pack);
  static std::shared_ptr<store::Store> StoreFor(bool encrypted, std::shared_ptr<store::Store> raw);
  // All blocks come back, from Seal's entries and from the stored index, one by one and coalesced.
  void ExpectRoundTrip(const SealedPack& pack, const std::vector<TestBlock>& blocks);
  // The entry of a block, by owner and first offset.
  static const BlockEntry* Find(const std::vector<BlockEntry>& entries, const TestBlock& b);

  std::shared_ptr<store::MemStore> raw_ = std::make_shared<store::MemStore>();
  std::shared_ptr<store::Store> owner_ = StoreFor(GetParam(), raw_);
  store::Store& store_ = *owner_;  // with the keys, where there are any
};

}  // namespace maxbrod::repo
