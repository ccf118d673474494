#include "store/read_ahead_store.h"

#include <gtest/gtest.h>

#include <random>

#include "store/fault_store.h"
#include "store/mem_store.h"
#include "store/metrics_store.h"

namespace maxbrod::store {
namespace {

constexpr uint64_t kRange = 1000;

Bytes Pattern(size_t size, uint32_t seed) {
  Bytes bytes(size);
  std::mt19937 random(seed);
  for (uint8_t& b : bytes) b = static_cast<uint8_t>(random());
  return bytes;
}

class ReadAheadStoreTest : public ::testing::Test {
 protected:
  void Add(const std::string& name, size_t size) {
    objects_[name] = Pattern(size, static_cast<uint32_t>(objects_.size() + 1));
    ASSERT_TRUE(memory_->PutIfAbsent(name, ByteView(objects_[name]), {}).ok());
  }
  // A reader of every `stride`-th range of the object, from the `first` one on.
  std::vector<ExpectedRead> Reads(const std::string& name, size_t first = 0, size_t stride = 1) {
    std::vector<ExpectedRead> reads;
    for (size_t at = first * kRange; at + kRange <= objects_[name].size(); at += stride * kRange) {
      reads.push_back({name, at, kRange});
    }
    return reads;
  }
  Status Get(ReadAheadStore& store, const ExpectedRead& read) {
    Bytes out(read.size);
    MB_RETURN_IF_ERROR(store.GetRange(read.name, read.offset, out, {}));
    ByteView want = ByteView(objects_[read.name]).subspan(read.offset, read.size);
    if (AsText(out) == AsText(want)) return Status::Ok();
    return Status(Code::kCorrupt, "other bytes at " + std::to_string(read.offset));
  }
  ReadAheadOptions Options() {
    ReadAheadOptions options;
    options.segment_bytes = 10 * kRange;
    options.memory = 100 * kRange;
    options.gap_bytes_max = kRange;
    return options;
  }

  std::map<std::string, Bytes> objects_;
  std::shared_ptr<MemStore> memory_ = std::make_shared<MemStore>(MemStoreOptions{});
  std::shared_ptr<FaultStore> faults_ = std::make_shared<FaultStore>(memory_);
};

TEST_F(ReadAheadStoreTest, NeighboursComeWithOneRequest) {
  Add("pack/a", 100 * kRange);
  ReadAheadStore store(faults_, Options());
  for (size_t reader = 0; reader < 4; ++reader) store.Expect(Reads("pack/a", reader, 4));
  store.Start();
  for (size_t i = 0; i < 100; ++i) EXPECT_TRUE(Get(store, {"pack/a", i * kRange, kRange}).ok());
  EXPECT_EQ(store.stats().requests, 10u);
  EXPECT_EQ(store.stats().from_memory, 100u);
  EXPECT_EQ(store.stats().direct, 0u);
}

TEST_F(ReadAheadStoreTest, GapsAreLeftOutWhereTheyAreWide) {
  Add("pack/a", 100 * kRange);
  ReadAheadStore store(faults_, Options());
  store.Expect(Reads("pack/a", 0, 3));  // two ranges between: too wide
  store.Start();
  for (const ExpectedRead& read : Reads("pack/a", 0, 3)) EXPECT_TRUE(Get(store, read).ok());
  EXPECT_EQ(store.stats().bytes, 34 * kRange);
}

TEST_F(ReadAheadStoreTest, WhatNobodyExpectedAndWhatIsAskedTwiceIsReadAnew) {
  Add("pack/a", 20 * kRange);
  ReadAheadStore store(faults_, Options());
  store.Expect(Reads("pack/a"));
  store.Start();
  EXPECT_TRUE(Get(store, {"pack/a", 5, 7}).ok());
  EXPECT_TRUE(Get(store, {"pack/a", 0, kRange}).ok());
  EXPECT_TRUE(Get(store, {"pack/a", 0, kRange}).ok());
  EXPECT_EQ(store.stats().direct, 2u);
  Bytes out(3);
  EXPECT_EQ(store.GetRange("pack/none", 0, out, {}).code(), Code::kNotFound);
}

TEST_F(ReadAheadStoreTest, ASlowReaderHoldsNobodyUp) {
  Add("pack/a", 200 * kRange);
  ReadAheadOptions options = Options();
  options.memory = 20 * kRange;
  ReadAheadStore store(faults_, options);
  for (size_t reader = 0; reader < 2; ++reader) store.Expect(Reads("pack/a", reader, 2));
  store.Start();
  // The other reader asks for nothing, so no segment is ever used up.
  for (const ExpectedRead& read : Reads("pack/a", 0, 2)) EXPECT_TRUE(Get(store, read).ok());
  for (const ExpectedRead& read : Reads("pack/a", 1, 2)) EXPECT_TRUE(Get(store, read).ok());
  EXPECT_GT(store.stats().direct, 0u);
}

TEST_F(ReadAheadStoreTest, WhatLiesUnusedMakesRoom) {
  Add("pack/a", 40 * kRange);
  ReadAheadOptions options = Options();
  options.memory = 10 * kRange;
  options.stale_after = Millis(0);
  ReadAheadStore store(faults_, options);
  store.Expect(Reads("pack/a"));
  store.Start();
  while (store.stats().requests == 0) std::this_thread::yield();  // the first segment lies there
  EXPECT_TRUE(Get(store, {"pack/a", 30 * kRange, kRange}).ok());
  EXPECT_EQ(store.stats().from_memory, 1u);
  for (size_t i = 0; i < 40; ++i) EXPECT_TRUE(Get(store, {"pack/a", i * kRange, kRange}).ok());
}

TEST_F(ReadAheadStoreTest, ARangeLargerThanTheMemoryIsReadDirectly) {
  Add("pack/a", 200 * kRange);
  ReadAheadStore store(faults_, Options());
  store.Expect(std::vector<ExpectedRead>{{"pack/a", 0, 150 * kRange}, {"pack/a", 150000, 1000}});
  store.Start();
  EXPECT_TRUE(Get(store, {"pack/a", 0, 150 * kRange}).ok());
  EXPECT_TRUE(Get(store, {"pack/a", 150 * kRange, kRange}).ok());
  EXPECT_EQ(store.stats().direct, 1u);
}

TEST_F(ReadAheadStoreTest, ErrorsAreThoseOfTheReadersOwnRange) {
  Add("pack/a", 20 * kRange);
  faults_->On(StoreMethod::kGetRange)
      .ErrorInstead(Status(Code::kUnavailable, "away").Retryable())
      .Repeat(2);
  ReadAheadStore store(faults_, Options());
  store.Expect(Reads("pack/a"));
  store.Expect(std::vector<ExpectedRead>{{"pack/gone", 0, 10}});
  store.Start();
  for (const ExpectedRead& read : Reads("pack/a")) {
    Status status = Get(store, read);
    if (!status.ok()) {
      EXPECT_EQ(status.code(), Code::kUnavailable);
    }
  }
  Bytes out(10);
  EXPECT_EQ(store.GetRange("pack/gone", 0, out, {}).code(), Code::kNotFound);
  EXPECT_TRUE(faults_->AllFired()) << faults_->Unfired();
}

TEST_F(ReadAheadStoreTest, ManyReadersAtOnceGetTheirBytes) {
  const uint32_t seed = std::random_device{}();
  RecordProperty("seed", static_cast<int>(seed));
  std::mt19937 random(seed);
  for (const char* name : {"pack/a", "pack/b", "pack/c"}) Add(name, 300 * kRange);
  ReadAheadOptions options = Options();
  options.memory = (20 + random() % 200) * kRange;
  ReadAheadStore store(faults_, options);
  std::vector<std::vector<ExpectedRead>> readers;
  for (size_t r = 0; r < 8; ++r) {
    std::vector<ExpectedRead> reads;
    for (const char* name : {"pack/a", "pack/b", "pack/c"}) {
      for (const ExpectedRead& read : Reads(name, r, 8)) reads.push_back(read);
    }
    store.Expect(reads);
    readers.push_back(std::move(reads));
  }
  store.Start();
  std::vector<std::jthread> threads;
  std::atomic<size_t> wrong{0};
  for (const auto& reads : readers) {
    threads.emplace_back([&] {
      for (const ExpectedRead& read : reads) wrong += Get(store, read).ok() ? 0 : 1;
    });
  }
  threads.clear();
  EXPECT_EQ(wrong, 0u) << "seed " << seed;
}

TEST_F(ReadAheadStoreTest, DestroyedWhileReadingItStops) {
  Add("pack/a", 100 * kRange);
  faults_->On(StoreMethod::kGetRange).SleepFor(Millis(20)).Repeat(3);
  ReadAheadStore store(faults_, Options());
  store.Expect(Reads("pack/a"));
  store.Start();
}

}  // namespace
}  // namespace maxbrod::store
