// The encrypted part of format v1: tests/golden/repo-v1-sealed must be read for ever. Made by this
// test with MAXBROD_WRITE_GOLDEN=sealed, never again once a release has written such a repository.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "codec/kdf.h"
#include "repo/commit_codec.h"
#include "repo/golden_testing.h"
#include "repo/repository.h"
#include "repo/repository_testing.h"

namespace maxbrod::repo {
namespace {

namespace fs = std::filesystem;

const fs::path kRepository = fs::path(MAXBROD_SOURCE_DIR) / "tests" / "golden" / "repo-v1-sealed";

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

std::map<std::string, std::string> Objects(store::Store& store) {
  std::map<std::string, std::string> out;
  auto page = store.List("", "", 1000, {});
  EXPECT_TRUE(page.ok());
  for (const auto& object : page->objects) {
    auto bytes = store.Get(object.name, kMiB, {});
    EXPECT_TRUE(bytes.ok());
    out[object.name] = ToString(*bytes);
  }
  return out;
}

std::map<std::string, std::string> Built() {
  auto store = std::make_shared<store::MemStore>();
  Vault vault(store, GoldenKeys());
  BuildGoldenRepository(vault);
  return Objects(*store);
}

class GoldenSealedTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const char* write = std::getenv("MAXBROD_WRITE_GOLDEN");
    if (write == nullptr || std::string_view(write) != "sealed") return;
    fs::remove_all(kRepository);
    for (const auto& [name, bytes] : Built()) {
      fs::create_directories((kRepository / name).parent_path());
      std::ofstream(kRepository / name, std::ios::binary) << bytes;
    }
  }

  void SetUp() override {
    for (const auto& file : fs::recursive_directory_iterator(kRepository)) {
      if (!file.is_regular_file()) continue;
      std::string name = fs::relative(file.path(), kRepository).generic_string();
      ASSERT_TRUE(store_->PutIfAbsent(name, AsBytes(ReadFile(file.path())), {}).ok());
    }
  }

  Result<std::unique_ptr<Repository>> Open(SlotSecret secret) {
    KeySource source;
    source.secret = std::move(secret);
    OpenOptions options;
    options.program = "golden_sealed_test";
    options.clock = &clock_;
    options.keys = &source;
    return Repository::Open(std::make_unique<store::ForwardingStore>(store_), options, {});
  }

  FakeClock clock_{1'700'000'010'000};
  std::shared_ptr<store::MemStore> store_ =
      std::make_shared<store::MemStore>(store::MemStoreOptions{.clock = &clock_});
};

TEST_F(GoldenSealedTest, OpensWithEitherSlotAndReads) {
  SlotSecret passphrase;
  passphrase.passphrase = SecretBytes(AsBytes(kGoldenPassphrase));
  auto with_passphrase = Open(std::move(passphrase));
  ASSERT_TRUE(with_passphrase.ok()) << with_passphrase.status().ToString();
  auto repository = Open(GoldenKeyFile());
  ASSERT_TRUE(repository.ok()) << repository.status().ToString();
  EXPECT_EQ((*repository)->head().sequence, Sequence(4));
  auto ref = (*repository)->FindSnapshot("nightly");
  ASSERT_TRUE(ref.ok()) << ref.status().ToString();
  auto snapshot = (*repository)->ReadSnapshot(*ref, {});
  ASSERT_TRUE(snapshot.ok()) << snapshot.status().ToString();
  size_t blocks_read = 0;
  for (const format::TopicSnapshot& topic : snapshot->topics) {
    auto blocks = (*repository)->ReadTopicBlocks(topic, {});
    ASSERT_TRUE(blocks.ok()) << blocks.status().ToString();
    for (const auto& [partition, uses] : blocks->partitions) {
      for (const BlockUse& use : uses) {
        Bytes batches;
        Status read = ReadBlock((*repository)->store(), use.pack, use.entry, &batches, {});
        EXPECT_TRUE(read.ok()) << read.ToString();
        ++blocks_read;
      }
    }
  }
  EXPECT_EQ(blocks_read, 4u);
  // One of these comes back byte for byte; the others likewise, or their tags would not fit.
  auto loose = (*repository)->state()->loose_packs;
  ASSERT_EQ(loose.size(), 1u);
  auto entries = ReadPackIndex((*repository)->store(), loose[0].pack(), {});
  ASSERT_TRUE(entries.ok()) << entries.status().ToString();
  ASSERT_EQ(entries->size(), 1u);
  Bytes batches;
  ASSERT_TRUE(
      ReadBlock((*repository)->store(), loose[0].pack(), entries->front(), &batches, {}).ok());
  EXPECT_EQ(batches, MakeBlock("orders", 0, 40, {700}).batches);
}

TEST_F(GoldenSealedTest, ThisProgramStillWritesTheSameBytes) {
  std::map<std::string, std::string> stored = Objects(*store_);
  size_t compared = 0;
  for (const auto& [name, bytes] : Built()) {
    // Records of 512 bytes and more are compressed: zstd's versions may differ.
    if (name.starts_with("checkpoint/")) continue;
    EXPECT_EQ(stored[name], bytes) << name;
    ++compared;
  }
  EXPECT_GE(compared, 13u);
}

// Every ```sealed <what>``` block of docs/format.md: intermediate values, for who writes a reader.
TEST_F(GoldenSealedTest, TheVectorsOfTheFormatPageAreTrue) {
  auto keys = GoldenKeys();
  const std::string name = LogName(Sequence(1));
  std::string commit = Objects(*store_)[name];
  ASSERT_FALSE(commit.empty());
  Salt salt = HeaderSalt(AsBytes(commit));
  ByteView commit_info[] = {AsBytes("maxbrod commit v1")};
  std::string text = std::string("maxbrod object v1") + "L" + keys->repository_id() + name;
  ByteView object_info[] = {AsBytes(text)};
  auto data = keys->DataKey(kFirstDataKeyId);
  ASSERT_TRUE(data.ok());
  std::map<std::string, std::string> want = {
      {"master", ToHex(keys->master().view())},
      {"meta", ToHex(keys->meta().view())},
      {"data", ToHex(data->view())},
      {"check", ToHex(AsBytes(keys->KeyCheck()))},
      {"commitment", ToHex(Hkdf(keys->meta().view(), salt, commit_info, 32).view())},
      {"object", ToHex(Hkdf(keys->meta().view(), salt, object_info, 32).view())},
      {"header", ToHex(AsBytes(commit).first(kObjectHeaderBytes))},
      {"tag", ToHex(AsBytes(commit).last(kAeadTagBytes))},
  };
  std::istringstream page(ReadFile(fs::path(MAXBROD_SOURCE_DIR) / "docs" / "format.md"));
  size_t vectors = 0;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line == "```vectors") {
      inside = true;
    } else if (line == "```") {
      inside = false;
    } else if (inside) {
      std::istringstream words(line);
      std::string what, hex;
      words >> what >> hex;
      ASSERT_TRUE(want.contains(what)) << line;
      EXPECT_EQ(hex, want[what]) << what;
      ++vectors;
    }
  }
  EXPECT_EQ(vectors, want.size());
  if (vectors == want.size() && !HasFailure()) return;
  for (const auto& [what, hex] : want) std::cout << what << " " << hex << "\n";
}

}  // namespace
}  // namespace maxbrod::repo
