// Text output of verbs over names as long as Kafka allows, in no order.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/output.h"
#include "cli/run_testing.h"
#include "repo/repository_testing.h"
#include "store/open_store.h"

namespace maxbrod::cli {
namespace {

namespace fs = std::filesystem;

// Topics of 200 characters, a group of 200, and a snapshot with a remark that is not ASCII.
class LongNames : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(::testing::TempDir()) /
              (std::string("long_names_") +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    store::OpenStoreOptions create;
    create.create = true;
    auto store = store::OpenStore(Url(), create);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    ASSERT_TRUE(repo::Repository::Init(**store, {"test"}, {}).ok());
    auto repository = repo::Repository::Open(std::move(*store), {}, {});
    ASSERT_TRUE(repository.ok()) << repository.status().ToString();
    std::vector<std::pair<std::string, int64_t>> topics;
    for (char c : {'z', 'a', 'm'}) {
      topics.emplace_back(Topic(c), 60);
      auto packs = repo::TestPack((*repository)->store(), Topic(c), 0, 6);
      ASSERT_TRUE((*repository)->CommitPacks(packs, {}).ok());
    }
    repo::SnapshotDraft draft = repo::TestDraft(Snapshot(), topics);
    draft.header.set_program("maxbrod test");
    draft.header.set_description(
        "W\xc3\xb6"
        "chentlich \xe6\x9d\xb1\xe4\xba\xac\n\x1b[31m");
    format::GroupSnapshot& group = draft.groups.emplace_back();
    group.set_group(std::string(200, 'g'));
    group.set_type("classic");
    group.set_state("Stable");
    for (char c : {'z', 'a'}) {
      format::GroupOffset* offset = group.add_offsets();
      offset->set_topic(Topic(c));
      offset->set_offset(7);
    }
    auto committed = (*repository)->CommitSnapshot(draft, {}, {});
    ASSERT_TRUE(committed.ok()) << committed.status().ToString();
  }
  void TearDown() override { fs::remove_all(folder_); }

  static std::string Topic(char c) { return std::string(199, c) + "1"; }
  static std::string Snapshot() { return "snapshot-" + std::string(120, 's'); }
  std::string Url() const { return "file://" + (folder_ / "repo").string(); }

  RunResult Verb(std::vector<std::string> words) const {
    words.push_back("--repo");
    words.push_back(Url());
    setenv("MAXBROD_STATE_DIR", "", 1);
    return RunCaptured(words);
  }

  // No line of the text has more than 100 columns, or blanks at its end, or a control character.
  static void CheckLines(const RunResult& result) {
    std::istringstream lines(result.out);
    for (std::string line; std::getline(lines, line);) {
      // The head of a snapshot and sums are sentences, not tables.
      const bool sentence = line.find(Snapshot()) != std::string::npos;
      EXPECT_TRUE(sentence || TextWidth(line) <= kColumnsMax) << line;
      EXPECT_FALSE(line.ends_with(' ')) << "'" << line << "'";
      EXPECT_EQ(OneLine(line), line);
    }
  }

  fs::path folder_;
};

TEST_F(LongNames, TablesFit) {
  for (const auto& verb : std::vector<std::vector<std::string>>{{"snapshots"},
                                                                {"show", "latest"},
                                                                {"show", "latest", "--configs"},
                                                                {"verify"},
                                                                {"verify", "latest"},
                                                                {"prune", "--dry-run"},
                                                                {"doctor"}}) {
    RunResult result = Verb(verb);
    EXPECT_EQ(result.code, 0) << result.err;
    CheckLines(result);
  }
  EXPECT_NE(Verb({"show", "latest"}).out.find("aaa...aaa"), std::string::npos);
  RunResult wide = Verb({"show", "latest", "--wide"});
  EXPECT_NE(wide.out.find(Topic('a')), std::string::npos) << wide.out;
  EXPECT_NE(Verb({"snapshots", "--wide"}).out.find(Snapshot()), std::string::npos);
}

TEST_F(LongNames, ProblemsAreTold) {
  size_t damaged = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder_ / "repo" / "l0")) {
    if (!entry.is_regular_file()) continue;
    fs::permissions(entry.path(), fs::perms::owner_all);
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(100);
    file.write("DAMAGE", 6);
    ++damaged;
  }
  ASSERT_EQ(damaged, 3u);
  RunResult text = Verb({"verify"});
  EXPECT_EQ(text.code, 12);
  CheckLines(text);
  EXPECT_NE(text.out.find("PROBLEM"), std::string::npos) << text.out;
  const std::string lines = Verb({"verify", "--json"}).out;
  const auto report = nlohmann::json::parse(lines.substr(0, lines.find('\n')));
  std::vector<std::string> objects;
  for (const auto& problem : report["problems"]) objects.push_back(problem["object"]);
  EXPECT_GE(objects.size(), 3u);
  EXPECT_TRUE(std::is_sorted(objects.begin(), objects.end()));
}

TEST_F(LongNames, ListsAreSorted) {
  const auto shown = nlohmann::json::parse(Verb({"show", "latest", "--json"}).out);
  ASSERT_EQ(shown["topics"].size(), 3u);
  EXPECT_EQ(shown["topics"][0]["topic"], Topic('a'));
  EXPECT_EQ(shown["topics"][2]["topic"], Topic('z'));
  EXPECT_EQ(shown["groups"][0]["offsets"][0]["topic"], Topic('a'));
  const std::string text = Verb({"show", "latest"}).out;
  EXPECT_LT(text.find("\naaa"), text.find("\nmmm"));
  EXPECT_LT(text.find("\nmmm"), text.find("\nzzz"));
}

}  // namespace
}  // namespace maxbrod::cli
