// Format v1 as it was written once: tests/golden/repo-v1 must be read for ever, and its dump stay
// the same.
//
// The files were made by this test: with MAXBROD_WRITE_GOLDEN=all it makes the repository and its
// dumps anew, with =dumps only the dumps (when the dump's form changes). The repository is never
// made anew once a release has written format v1; a change of the format is a new version with a
// folder of its own.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "repo/commit_codec.h"
#include "repo/dump.h"
#include "repo/golden_testing.h"
#include "repo/offset_maps.h"
#include "repo/repository.h"

namespace maxbrod::repo {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(MAXBROD_SOURCE_DIR) / "tests" / "golden";
const fs::path kRepository = kFolder / "repo-v1";

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

void WriteFile(const fs::path& path, std::string_view bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

std::vector<std::string> Names(store::Store& store) {
  std::vector<std::string> names;
  auto page = store.List("", "", 1000, {});
  EXPECT_TRUE(page.ok());
  for (const auto& o : page->objects) names.push_back(o.name);
  return names;
}

Bytes Object(store::Store& store, const std::string& name) {
  auto bytes = store.Get(name, kMiB, {});
  EXPECT_TRUE(bytes.ok()) << bytes.status().ToString();
  return bytes.ok() ? *bytes : Bytes();
}

std::string DumpAll(store::Store& store, const DumpOptions& options) {
  std::ostringstream out;
  for (const std::string& name : Names(store)) {
    Status status = DumpObject(store, name, out, options, {});
    EXPECT_TRUE(status.ok()) << status.ToString();
    if (!options.json) out << "\n";
  }
  return out.str();
}

// The files as they lie in the tree, in memory.
class GoldenTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const char* write = std::getenv("MAXBROD_WRITE_GOLDEN");
    if (write == nullptr) return;
    store::MemStore store;
    if (std::string_view(write) == "all") {
      BuildGoldenRepository(store);
      fs::remove_all(kRepository);
      for (const std::string& name : Names(store)) {
        WriteFile(kRepository / name, AsText(Object(store, name)));
      }
    } else {
      Load(store);
    }
    WriteFile(kFolder / "repo-v1.txt", DumpAll(store, {.json = false, .batch_headers = true}));
    WriteFile(kFolder / "repo-v1.jsonl", DumpAll(store, {.json = true, .batch_headers = true}));
  }

  static void Load(store::Store& store) {
    for (const auto& file : fs::recursive_directory_iterator(kRepository)) {
      if (!file.is_regular_file()) continue;
      std::string name = fs::relative(file.path(), kRepository).generic_string();
      ASSERT_TRUE(store.PutIfAbsent(name, AsBytes(ReadFile(file.path())), {}).ok());
    }
  }

  void SetUp() override {
    store_ = std::make_unique<store::MemStore>(store::MemStoreOptions{.clock = &clock_});
    Load(*store_);
    ASSERT_GE(Names(*store_).size(), 13u);
  }

  FakeClock clock_{1'700'000'010'000};
  std::unique_ptr<store::MemStore> store_;
};

TEST_F(GoldenTest, EveryObjectReadsAsItDid) {
  EXPECT_EQ(DumpAll(*store_, {.json = false, .batch_headers = true}),
            ReadFile(kFolder / "repo-v1.txt"));
  EXPECT_EQ(DumpAll(*store_, {.json = true, .batch_headers = true}),
            ReadFile(kFolder / "repo-v1.jsonl"));
}

TEST_F(GoldenTest, ThisProgramStillWritesTheSameBytes) {
  store::MemStore built;
  GoldenRepository golden = BuildGoldenRepository(built);
  // What the zstd library makes of a block may differ between its versions, and with it the small
  // pack, the commit that names the pack, the one that follows it and the checkpoint.
  std::vector<std::string> compared;
  for (const std::string& name : Names(built)) {
    if (name == golden.small_pack || name == LogName(Sequence(3)) || name == LogName(Sequence(4)) ||
        name.starts_with("checkpoint/")) {
      continue;
    }
    EXPECT_EQ(Object(built, name), Object(*store_, name)) << name;
    compared.push_back(name);
  }
  EXPECT_GE(compared.size(), 9u);
}

TEST_F(GoldenTest, BlocksComeBackByteForByte) {
  store::MemStore built;
  GoldenRepository golden = BuildGoldenRepository(built);
  auto commit = DecodeCommit("log", Object(*store_, LogName(Sequence(3))));
  ASSERT_TRUE(commit.ok());
  format::PackRef small = commit->records.at(1).add_packs().packs(0);
  for (const auto& [ref, blocks] :
       {std::pair(golden.pack, golden.blocks), std::pair(small, golden.small_blocks)}) {
    auto entries = ReadPackIndex(*store_, ref, {});
    ASSERT_TRUE(entries.ok()) << entries.status().ToString();
    ASSERT_EQ(entries->size(), blocks.size());
    for (const TestBlock& want : blocks) {
      bool found = false;
      for (const BlockEntry& e : *entries) {
        if (e.owner != want.owner || e.stats != want.stats) continue;
        found = true;
        Bytes got;
        ASSERT_TRUE(ReadBlock(*store_, ref, e, &got, {}).ok());
        EXPECT_EQ(got, want.batches);
      }
      EXPECT_TRUE(found);
    }
  }
}

// Every ```hex <object> <offset>``` block of docs/format.md: the first word of each line is
// hexadecimal.
TEST_F(GoldenTest, TheWorkedExamplesOfTheFormatPageAreTrue) {
  std::istringstream page(ReadFile(fs::path(MAXBROD_SOURCE_DIR) / "docs" / "format.md"));
  size_t examples = 0;
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("```hex ")) continue;
    std::istringstream words(line.substr(7));
    std::string name, hex;
    size_t offset = 0;
    words >> name >> offset;
    while (std::getline(page, line) && line != "```") hex += line.substr(0, line.find(' '));
    Bytes want;
    ASSERT_TRUE(FromHex(hex, &want)) << name << ": " << hex;
    Bytes object = Object(*store_, name);
    ASSERT_LE(offset + want.size(), object.size());
    EXPECT_EQ(ToHex(want), ToHex(ByteView(object).subspan(offset, want.size()))) << name;
    ++examples;
  }
  EXPECT_EQ(examples, 3u);
}

TEST_F(GoldenTest, OpensAsARepository) {
  OpenOptions options;
  options.program = "golden_test";
  options.clock = &clock_;
  auto repository = Repository::Open(std::move(store_), options, {});
  ASSERT_TRUE(repository.ok()) << repository.status().ToString();
  EXPECT_EQ((*repository)->head().sequence, Sequence(4));
  auto ref = (*repository)->FindSnapshot("nightly");
  ASSERT_TRUE(ref.ok()) << ref.status().ToString();
  EXPECT_TRUE(ref->held());
  auto snapshot = (*repository)->ReadSnapshot(*ref, {});
  ASSERT_TRUE(snapshot.ok()) << snapshot.status().ToString();
  ASSERT_EQ(snapshot->topics.size(), 2u);
  ASSERT_EQ(snapshot->groups.size(), 1u);
  const format::TopicSnapshot* orders = snapshot->FindTopic("orders");
  ASSERT_NE(orders, nullptr);
  auto blocks = (*repository)->ReadTopicBlocks(*orders, {});
  ASSERT_TRUE(blocks.ok()) << blocks.status().ToString();
  ASSERT_EQ(blocks->partitions.size(), 2u);
  EXPECT_EQ(blocks->partitions.at(0).size(), 2u);
  EXPECT_EQ(blocks->partitions.at(1).size(), 1u);
}

TEST_F(GoldenTest, OffsetMapsComeBack) {
  auto commit = DecodeCommit("log", Object(*store_, LogName(Sequence(4))));
  ASSERT_TRUE(commit.ok()) << commit.status().ToString();
  auto maps = ReadOffsetMaps(*store_, commit->records.at(1).restore(), {});
  ASSERT_TRUE(maps.ok()) << maps.status().ToString();
  ASSERT_EQ(maps->size(), 2u);
  EXPECT_EQ(maps->at(0).target_topic, "orders-restored");
  EXPECT_EQ(maps->at(0).map.ranges(),
            (std::vector<OffsetRange>{{0, 1000, 10}, {15, 1010, 5}, {30, 1115, 9}}));
  EXPECT_EQ(maps->at(1).partition, 1);
  EXPECT_EQ(maps->at(1).map.ranges(), (std::vector<OffsetRange>{{100, 0, 10}}));
}

TEST_F(GoldenTest, DumpsHoldNoPayload) {
  // The batches' bodies are runs of 'x'.
  for (const char* file : {"repo-v1.txt", "repo-v1.jsonl"}) {
    std::string text = ReadFile(kFolder / file);
    EXPECT_EQ(text.find("xxx"), std::string::npos);
    EXPECT_EQ(text.find("787878"), std::string::npos);
  }
}

TEST_F(GoldenTest, DumpNamesWhatIsDamaged) {
  std::ostringstream out;
  EXPECT_EQ(DumpObject(*store_, "log/none", out, {}, {}).code(), Code::kNotFound);
  Bytes config = Object(*store_, "config");
  config.back() ^= 1;
  ASSERT_TRUE(store_->Overwrite("config", config));
  Status status = DumpObject(*store_, "config", out, {}, {});
  EXPECT_EQ(status.code(), Code::kCorrupt);
  EXPECT_NE(status.message().find("config: frame 0"), std::string::npos) << status.message();
  ASSERT_TRUE(store_->Overwrite("config", {1, 2, 3}));
  EXPECT_EQ(DumpObject(*store_, "config", out, {}, {}).code(), Code::kCorrupt);
}

}  // namespace
}  // namespace maxbrod::repo
