#include "repo/manifest.h"

#include <gtest/gtest.h>

#include <random>

#include "repo/content_object.h"
#include "repo/pack_testing.h"

namespace maxbrod::repo {
namespace {

const BlockOwner kOwner = TestOwner("orders", 0);

format::PackRef Pack(uint8_t n) {
  format::PackRef ref;
  ref.set_id(std::string(16, static_cast<char>(n)));
  ref.set_index_offset(uint64_t{1} << 40);
  ref.set_length((uint64_t{1} << 40) + 1000);
  ref.set_index_sha256(std::string(32, static_cast<char>(n)));
  return ref;
}

BlockEntry Entry(int32_t partition, int64_t first, uint32_t pack, uint64_t commit = 1) {
  BlockEntry e;
  e.owner = kOwner;
  e.owner.partition = partition;
  e.stats = TestStats(first, first + 9);
  e.place.pack_offset = kObjectHeaderBytes + static_cast<uint64_t>(first) * 10;
  e.place.plain_bytes = 500;
  e.place.stored_bytes = 600;
  e.place.first_frame = static_cast<uint32_t>(first);
  e.place.frames = 2;
  e.pack = pack;
  e.commit = commit;
  return e;
}

class ManifestTest : public ::testing::Test {
 protected:
  Result<std::vector<format::ObjectRef>> Write(const std::vector<BlockEntry>& entries,
                                               const std::vector<format::PackRef>& packs,
                                               const std::vector<format::ObjectRef>& keep = {}) {
    return WriteManifests(store_, kOwner.topic_id, kOwner.topic, keep, packs, entries, {});
  }
  TopicManifest Read(const format::ObjectRef& ref) {
    auto manifest = ReadManifest(store_, ref, {});
    EXPECT_TRUE(manifest.ok()) << manifest.status().ToString();
    return manifest.ok() ? *manifest : TopicManifest();
  }
  // (partition, first offset, id of the pack) of all entries.
  static std::vector<std::tuple<int32_t, int64_t, std::string>> Facts(
      const std::vector<BlockEntry>& entries, const std::vector<format::PackRef>& packs) {
    std::vector<std::tuple<int32_t, int64_t, std::string>> out;
    for (const auto& e : entries) {
      out.emplace_back(e.owner.partition, e.stats.first_offset, packs[e.pack].id());
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  store::MemStore store_;
};

TEST_F(ManifestTest, EntriesComeBackSortedAndWithTheirPacks) {
  std::vector<format::PackRef> packs = {Pack(1), Pack(2), Pack(3)};
  std::vector<BlockEntry> entries = {Entry(1, 10, 2), Entry(0, 20, 2), Entry(0, 0, 0, 7)};
  entries[0].place.frame_checks = {1, 2};  // as they come from a sealed pack
  entries[2].stats.aborted = {{5, 1, 3}};
  auto refs = Write(entries, packs);
  ASSERT_TRUE(refs.ok()) << refs.status().ToString();
  ASSERT_EQ(refs->size(), 1u);
  TopicManifest m = Read(refs->at(0));
  EXPECT_EQ(m.topic, "orders");
  EXPECT_EQ(m.topic_id, kOwner.topic_id);
  ASSERT_EQ(m.packs.size(), 2u) << "a pack nobody names is left out";
  EXPECT_EQ(Facts(m.entries, m.packs), Facts(entries, packs));
  EXPECT_EQ(m.entries.at(0).stats, entries[2].stats);
  EXPECT_EQ(m.entries.at(0).commit, 7u);
  EXPECT_TRUE(m.entries.at(2).place.frame_checks.empty());
  EXPECT_TRUE(store_.Stat("manifest/" + ToHex(AsBytes(refs->at(0).sha256())), {}).ok());
}

TEST_F(ManifestTest, NoEntriesNoManifest) {
  format::ObjectRef kept;
  kept.set_sha256(std::string(32, 'k'));
  auto refs = Write({}, {}, {kept});
  ASSERT_TRUE(refs.ok());
  ASSERT_EQ(refs->size(), 1u);
  EXPECT_EQ(refs->at(0).sha256(), kept.sha256());
}

// Entries with random sizes, which zstd cannot do much about.
std::vector<BlockEntry> ManyEntries(size_t n, uint32_t packs) {
  std::mt19937_64 rng(11);
  std::vector<BlockEntry> entries;
  for (size_t i = 0; i < n; ++i) {
    BlockEntry e = Entry(static_cast<int32_t>(i % 3), static_cast<int64_t>(i) * 10,
                         static_cast<uint32_t>(rng() % packs));
    e.place.pack_offset = kObjectHeaderBytes + rng() % (uint64_t{1} << 39);
    e.place.stored_bytes = 100 + rng() % 900000;
    e.stats.largest_batch = static_cast<uint32_t>(rng());
    e.stats.min_timestamp = static_cast<int64_t>(rng() >> 20);
    e.stats.max_timestamp = e.stats.min_timestamp + static_cast<int64_t>(rng() >> 20);
    e.stats.records = rng() >> 10;
    entries.push_back(e);
  }
  return entries;
}

TEST_F(ManifestTest, LargeIndexesAreCutIntoShards) {
  std::vector<format::PackRef> packs;
  for (int i = 0; i < 200; ++i) packs.push_back(Pack(static_cast<uint8_t>(i)));
  std::vector<BlockEntry> entries = ManyEntries(100000, 200);
  constexpr uint64_t kShard = kMiB;
  auto refs = WriteManifests(store_, kOwner.topic_id, kOwner.topic, {}, packs, entries, {}, kShard);
  ASSERT_TRUE(refs.ok()) << refs.status().ToString();
  ASSERT_GE(refs->size(), 2u);
  std::vector<std::tuple<int32_t, int64_t, std::string>> got;
  for (size_t i = 0; i < refs->size(); ++i) {
    if (i + 1 < refs->size()) {
      EXPECT_GE(refs->at(i).length(), kShard);
    }
    EXPECT_LT(refs->at(i).length(), kShard + 2 * kMiB);
    TopicManifest m = Read(refs->at(i));
    auto facts = Facts(m.entries, m.packs);
    got.insert(got.end(), facts.begin(), facts.end());
  }
  std::sort(got.begin(), got.end());
  EXPECT_EQ(got, Facts(entries, packs));
}

TEST_F(ManifestTest, MorePacksThanTheHeaderHolds) {
  std::vector<format::PackRef> packs;
  std::vector<BlockEntry> entries;
  for (uint32_t i = 0; i < 20000; ++i) {
    format::PackRef ref = Pack(1);
    StoreBig<uint32_t>(reinterpret_cast<uint8_t*>(ref.mutable_id()->data()), i);
    packs.push_back(ref);
    entries.push_back(Entry(0, i * 10, i));
  }
  std::reverse(packs.begin(), packs.end());
  auto refs = Write(entries, packs);
  ASSERT_TRUE(refs.ok()) << refs.status().ToString();
  ASSERT_EQ(refs->size(), 1u);
  TopicManifest m = Read(refs->at(0));
  EXPECT_EQ(Facts(m.entries, m.packs), Facts(entries, packs));
}

TEST_F(ManifestTest, ForeignEntriesAreABug) {
  std::vector<BlockEntry> entries = {Entry(0, 0, 0)};
  EXPECT_EQ(Write(entries, {}).status().code(), Code::kInternal);
  entries[0].owner.topic = "payments";
  EXPECT_EQ(Write(entries, {Pack(1)}).status().code(), Code::kInternal);
  EXPECT_TRUE(store_.List("", "", 10, {})->objects.empty());
}

TEST_F(ManifestTest, EveryFlippedBitAndTruncationIsNoticed) {
  auto refs = Write({Entry(0, 0, 0), Entry(1, 5, 1)}, {Pack(1), Pack(2)});
  ASSERT_TRUE(refs.ok());
  const format::ObjectRef& ref = refs->at(0);
  Bytes good = *store_.Get(ContentName("manifest", ref), kMiB, {});
  for (size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes bad = good;
      bad[i] = static_cast<uint8_t>(bad[i] ^ (1 << bit));
      EXPECT_EQ(DecodeManifest("m", bad).status().code(), Code::kCorrupt) << i;
      ASSERT_TRUE(store_.Overwrite(ContentName("manifest", ref), bad));
      EXPECT_EQ(ReadManifest(store_, ref, {}).status().code(), Code::kCorrupt) << i;
    }
  }
  for (size_t n = 0; n < good.size(); ++n) {
    EXPECT_EQ(DecodeManifest("m", ByteView(good).first(n)).status().code(), Code::kCorrupt) << n;
  }
}

// A manifest object of any records.
Bytes Forge(const std::vector<format::ManifestRecord>& records) {
  ObjectBuilder builder(ObjectType::kManifest);
  for (const auto& r : records) EXPECT_TRUE(builder.Add(r).ok());
  return builder.Finish();
}

TEST_F(ManifestTest, ContradictionsAreRefused) {
  BlockEntry entry = Entry(0, 0, 0);
  format::ManifestRecord header, run;
  header.mutable_header()->set_topic_id(ToString(kOwner.topic_id.id.view()));
  header.mutable_header()->set_topic("orders");
  *header.mutable_header()->add_packs() = Pack(1);
  header.mutable_header()->set_blocks(1);
  *run.mutable_run() = EncodeRun({&entry}, RunUse::kManifest);
  EXPECT_TRUE(DecodeManifest("m", Forge({header, run})).ok());

  auto code = [](const std::vector<format::ManifestRecord>& records) {
    return DecodeManifest("m", Forge(records)).status().code();
  };
  EXPECT_EQ(code({run}), Code::kCorrupt);
  EXPECT_EQ(code({header}), Code::kCorrupt);
  EXPECT_EQ(code({header, header, run}), Code::kCorrupt);
  EXPECT_EQ(code({header, run, run}), Code::kCorrupt);
  EXPECT_EQ(code({header, run, format::ManifestRecord()}), Code::kUnsupported);
  auto with = [&](auto change) {
    format::ManifestRecord h = header, r = run;
    change(*h.mutable_header(), *r.mutable_run());
    return code({h, r});
  };
  using H = format::ManifestHeader;
  using R = format::BlockRun;
  EXPECT_EQ(with([](H& h, R&) { h.clear_packs(); }), Code::kCorrupt);
  EXPECT_EQ(with([](H& h, R&) { h.set_topic("x"); }), Code::kCorrupt);
  EXPECT_EQ(with([](H& h, R&) { h.set_topic_id("x"); }), Code::kCorrupt);
  EXPECT_EQ(with([](H& h, R&) { h.mutable_packs(0)->set_id("x"); }), Code::kCorrupt);
  EXPECT_EQ(with([](H& h, R&) { h.mutable_packs(0)->set_index_offset(100); }), Code::kCorrupt);
  EXPECT_EQ(with([](H&, R& r) { r.add_pack(1); }), Code::kCorrupt);
  EXPECT_EQ(with([](H&, R& r) { r.add_frame_check(1), r.add_frame_check(2); }), Code::kCorrupt);
}

// Answers "unknown" to the first puts, having applied them or not.
class DoubtfulStore : public store::MemStore {
 public:
  DoubtfulStore(int times, bool applies) : times_(times), applies_(applies) {}
  Result<store::PutResult> PutIfAbsent(const std::string& name, std::span<const ByteView> pieces,
                                       const CallContext& context) override {
    ++puts;
    if (times_-- <= 0) return MemStore::PutIfAbsent(name, pieces, context);
    if (applies_) MB_RETURN_IF_ERROR(MemStore::PutIfAbsent(name, pieces, context).status());
    return store::PutResult{};
  }
  using Store::PutIfAbsent;
  int puts = 0;

 private:
  int times_;
  bool applies_;
};

TEST(ContentObject, LostRepliesAreSettled) {
  Bytes bytes = {1, 2, 3};
  DoubtfulStore applied(1, true);
  EXPECT_TRUE(PutContentObject(applied, "manifest", bytes, {}).ok());
  EXPECT_EQ(applied.puts, 1);
  DoubtfulStore lost(2, false);
  EXPECT_TRUE(PutContentObject(lost, "manifest", bytes, {}).ok());
  EXPECT_EQ(lost.puts, 3);
  DoubtfulStore dead(9, false);
  auto ref = PutContentObject(dead, "manifest", bytes, {});
  EXPECT_EQ(ref.status().code(), Code::kUnavailable);
  EXPECT_TRUE(ref.status().retryable());
}

TEST(ContentObject, TwinsAreWelcomeAndImpostorsAreNot) {
  store::MemStore store;
  Bytes bytes = {1, 2, 3};
  auto ref = PutContentObject(store, "snapshot", bytes, {});
  ASSERT_TRUE(ref.ok());
  EXPECT_TRUE(PutContentObject(store, "snapshot", bytes, {}).ok());
  ASSERT_TRUE(store.Overwrite(ContentName("snapshot", *ref), {1, 2, 4}));
  EXPECT_EQ(PutContentObject(store, "snapshot", bytes, {}).status().code(), Code::kCorrupt);
  EXPECT_EQ(GetContentObject(store, "snapshot", *ref, {}).status().code(), Code::kCorrupt);
  ref->set_length(UINT64_MAX);
  EXPECT_EQ(GetContentObject(store, "snapshot", *ref, {}).status().code(), Code::kCorrupt);
}

}  // namespace
}  // namespace maxbrod::repo
