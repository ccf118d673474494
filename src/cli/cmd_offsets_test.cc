#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/verbs.h"
#include "repo/offset_maps.h"
#include "repo/repository.h"
#include "store/open_store.h"

namespace maxbrod::cli {
namespace {

namespace fs = std::filesystem;
using format::RestoreRecord;

std::string Id(char c) {
  return std::string(16, c);
}
std::string Hex(char c) {
  return ToHex(AsBytes(Id(c)));
}

// A repository in a folder with one snapshot, "nightly", and what the test says of its restores.
class OffsetsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    folder_ = fs::path(::testing::TempDir()) / ("offsets_" + name);
    fs::remove_all(folder_);
    store::OpenStoreOptions create;
    create.create = true;
    auto store = store::OpenStore(Url(), create);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    ASSERT_TRUE(repo::Repository::Init(**store, {"test"}, {}).ok());
    auto opened = repo::Repository::Open(std::move(*store), {}, {});
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    repository_ = std::move(*opened);
    repo::SnapshotDraft draft;
    draft.header.set_name("nightly");
    ASSERT_TRUE(repository_->CommitSnapshot(draft, {}, {}).ok());
    map_ = repo::PartitionOffsetMap{"orders", "orders-new", 1, repo::OffsetMap(100, 200, 7)};
    ASSERT_TRUE(map_.map.Add(110, 7, 10).ok());
    ASSERT_TRUE(map_.map.Add(130, 50, 20).ok());
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string Url() const { return "file://" + (folder_ / "repo").string(); }

  // "orders" (two partitions, the first one without records) dense, "plain" with the same offsets.
  RestoreRecord Record(char id, const std::string& cluster, RestoreRecord::State state) {
    RestoreRecord record;
    record.set_restore_id(Id(id));
    record.set_snapshot_id(repository_->FindSnapshot("nightly")->id());
    record.set_target_cluster_id(cluster);
    record.set_state(state);
    auto* orders = record.add_topics();
    orders->set_source("orders");
    orders->set_target("orders-new");
    orders->set_partitions(2);
    orders->set_dense(true);
    auto* plain = record.add_topics();
    plain->set_source("plain");
    plain->set_target("plain");
    plain->set_partitions(1);
    return record;
  }
  void AddRestore(char id, const std::string& cluster, bool with_maps = true,
                  RestoreRecord::State state = RestoreRecord::DONE) {
    RestoreRecord record = Record(id, cluster, state);
    if (with_maps) {
      repo::PartitionOffsetMap none{"orders", "orders-new", 0, repo::OffsetMap(0, 0, 3)};
      auto refs = repo::WriteOffsetMaps(repository_->store(), {none, map_}, {});
      ASSERT_TRUE(refs.ok()) << refs.status().ToString();
      for (const auto& ref : *refs) *record.add_offset_maps() = ref;
    }
    ASSERT_TRUE(repository_->CommitRestore(record, {}).ok());
  }

  // Runs "maxbrod [--json] offsets ARGS --repo URL"; what it prints is in out_ and err_.
  Status Run(const std::string& args, bool json = false) {
    Globals globals;
    globals.json = json;
    CLI::App app;
    AddOffsets(app, globals);
    try {
      app.parse("offsets " + args + " --repo " + Url());
    } catch (const CLI::ParseError& e) {
      return Status(Code::kInvalidArgument, e.what());
    }
    std::ostringstream out, err;
    auto* cout = std::cout.rdbuf(out.rdbuf());
    auto* cerr = std::cerr.rdbuf(err.rdbuf());
    Status status = globals.action();
    std::cout.rdbuf(cout);
    std::cerr.rdbuf(cerr);
    out_ = out.str();
    err_ = err.str();
    return status;
  }
  Code RunCode(const std::string& args) { return Run(args).code(); }

  fs::path folder_;
  std::unique_ptr<repo::Repository> repository_;
  repo::PartitionOffsetMap map_;
  std::string out_, err_;
};

TEST_F(OffsetsTest, LooksUpTheNextRecordToRead) {
  AddRestore('a', "target");
  auto at = [&](int64_t offset) {
    EXPECT_TRUE(
        Run("nightly --topic orders --partition 1 --offset " + std::to_string(offset)).ok());
    return out_;
  };
  EXPECT_EQ(at(115), "orders-new-1 offset 12\n");
  EXPECT_EQ(at(120),
            "orders-new-1 offset 50  (the next record that was restored: 130 on the source)\n");
  EXPECT_EQ(at(150), "orders-new-1 offset 70  (behind the last restored record)\n");
  EXPECT_EQ(at(100'000), "orders-new-1 offset 70  (behind the last restored record)\n");
  ASSERT_TRUE(Run("latest --topic orders --partition 0 --offset 0").ok());
  EXPECT_EQ(out_, "orders-new-0 offset 3  (behind the last restored record)\n");
  ASSERT_TRUE(Run("nightly --topic plain --partition 0 --offset 17").ok());
  EXPECT_EQ(out_, "plain-0 offset 17  (same offsets)\n");
}

TEST_F(OffsetsTest, AnswersAsJson) {
  AddRestore('a', "target");
  ASSERT_TRUE(Run("nightly --topic orders --partition 1 --offset 120", true).ok());
  auto answer = nlohmann::json::parse(out_);
  EXPECT_EQ(answer["source_topic"], "orders");
  EXPECT_EQ(answer["source_partition"], 1);
  EXPECT_EQ(answer["source_offset"], 120);
  EXPECT_EQ(answer["target_topic"], "orders-new");
  EXPECT_EQ(answer["target_offset"], 50);
  EXPECT_EQ(answer["record_offset"], 130);
  EXPECT_EQ(answer["meaning"], "next");
  EXPECT_EQ(answer["same_offsets"], false);
  ASSERT_TRUE(Run("nightly --topic orders --partition 1 --offset 150", true).ok());
  EXPECT_EQ(nlohmann::json::parse(out_)["meaning"], "end");
  EXPECT_FALSE(nlohmann::json::parse(out_).contains("record_offset"));
  ASSERT_TRUE(Run("nightly", true).ok());
  auto overview = nlohmann::json::parse(out_);
  EXPECT_EQ(overview["restore_id"], Hex('a'));
  EXPECT_EQ(overview["state"], "done");
  EXPECT_EQ(overview["topics"][1]["same_offsets"], true);
  EXPECT_EQ(overview["maps"].size(), 2u);
  EXPECT_EQ(overview["maps"][1]["records"], 30);
  EXPECT_EQ(overview["maps"][1]["target_end"], 70);
}

TEST_F(OffsetsTest, TheOverviewNamesAll) {
  AddRestore('a', "target");
  ASSERT_TRUE(Run("nightly").ok());
  EXPECT_NE(out_.find("into cluster target"), std::string::npos) << out_;
  EXPECT_NE(out_.find("plain: same offsets"), std::string::npos) << out_;
  EXPECT_NE(out_.find("orders-new"), std::string::npos) << out_;
}

const char kCsv[] =
    "source_topic,source_partition,source_first,target_topic,target_first,count\n"
    "orders,0,0,orders-new,3,0\n"
    "orders,1,110,orders-new,7,10\n"
    "orders,1,130,orders-new,50,20\n"
    "orders,1,200,orders-new,70,0\n";

TEST_F(OffsetsTest, ExportsTheWholeMap) {
  AddRestore('a', "target");
  ASSERT_TRUE(Run("nightly --export csv").ok());
  EXPECT_EQ(out_, kCsv);
  EXPECT_NE(err_.find("1 topic has the same offsets"), std::string::npos) << err_;
  ASSERT_TRUE(Run("nightly --export json --topic orders --partition 1").ok());
  std::istringstream lines(out_);
  std::vector<nlohmann::json> rows;
  for (std::string line; std::getline(lines, line);) rows.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[1]["source_first"], 130);
  EXPECT_EQ(rows[1]["target_first"], 50);
  EXPECT_EQ(rows[1]["count"], 20);
  EXPECT_EQ(rows[2]["count"], 0);
  EXPECT_EQ(err_, "") << "the topic asked for has a map";
}

// The rule that docs/guide.md gives to readers of the export, against the map itself.
TEST_F(OffsetsTest, TheGuidesRuleTranslatesAnExport) {
  AddRestore('a', "target");
  ASSERT_TRUE(Run("nightly --export json --topic orders --partition 1").ok());
  auto translate = [&](int64_t offset) {
    std::istringstream lines(out_);
    for (std::string line; std::getline(lines, line);) {
      auto row = nlohmann::json::parse(line);
      auto first = row["source_first"].get<int64_t>();
      auto count = row["count"].get<int64_t>();
      auto target = row["target_first"].get<int64_t>();
      if (count == 0) return target;
      if (first + count > offset) return target + std::max<int64_t>(0, offset - first);
    }
    return int64_t{-1};
  };
  for (int64_t offset = 0; offset < 300; ++offset) {
    EXPECT_EQ(translate(offset), map_.map.Translate(offset)) << offset;
  }
}

TEST_F(OffsetsTest, AnExportedFileIsWholeOrNotThere) {
  AddRestore('a', "target");
  fs::path file = folder_ / "map.csv";
  ASSERT_TRUE(Run("nightly --export csv --output " + file.string()).ok());
  std::ifstream in(file);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), kCsv);
  EXPECT_EQ(out_, "");
  EXPECT_EQ(RunCode("nightly --export csv --output " + file.string()), Code::kAlreadyExists);
  AddRestore('b', "other", false, RestoreRecord::CREATED);
  fs::path second = folder_ / "second.csv";
  EXPECT_EQ(RunCode(Hex('b') + " --export csv --output " + second.string()), Code::kUnavailable);
  EXPECT_FALSE(fs::exists(second));
  EXPECT_FALSE(fs::exists(second.string() + ".part"));
}

TEST_F(OffsetsTest, SeveralRestoresAreListed) {
  AddRestore('a', "target");
  AddRestore('b', "other");
  AddRestore('c', "given-up", true, RestoreRecord::ABANDONED);
  EXPECT_EQ(RunCode("nightly --topic orders --partition 1 --offset 115"), Code::kInvalidArgument);
  EXPECT_NE(out_.find(Hex('a')), std::string::npos) << out_;
  EXPECT_NE(out_.find(Hex('b')), std::string::npos) << out_;
  EXPECT_EQ(out_.find(Hex('c')), std::string::npos) << out_;
  EXPECT_TRUE(Run("nightly --target-cluster other --topic orders --partition 1 --offset 115").ok());
  EXPECT_TRUE(Run(Hex('b').substr(0, 4) + " --topic orders --partition 1 --offset 115").ok());
  EXPECT_EQ(RunCode("nightly --target-cluster nowhere"), Code::kNotFound);
}

TEST_F(OffsetsTest, WhatIsNotThereIsNamed) {
  EXPECT_EQ(RunCode("nightly"), Code::kNotFound) << "never restored";
  EXPECT_EQ(RunCode("weekly"), Code::kNotFound);
  AddRestore('a', "target", false, RestoreRecord::CREATED);
  EXPECT_EQ(RunCode("nightly --topic orders --partition 1 --offset 1"), Code::kUnavailable);
  EXPECT_EQ(RunCode("nightly --topic orders --partition 2 --offset 1"), Code::kNotFound);
  EXPECT_EQ(RunCode("nightly --topic orders --partition 2 --export csv"), Code::kNotFound);
  Status status = Run("nightly --topic orders-new --partition 1 --offset 1");
  EXPECT_EQ(status.code(), Code::kNotFound);
  EXPECT_EQ(status.hint(), "give the source's name: 'orders'");
  EXPECT_EQ(RunCode("nightly --topic nothing --export csv"), Code::kNotFound);
}

TEST_F(OffsetsTest, FlagsThatMakeNoSenseTogether) {
  for (const char* args :
       {"nightly --offset 1", "nightly --topic orders --offset 1", "nightly --partition 1",
        "nightly --topic orders", "nightly --output x", "nightly --export xml",
        "nightly --topic orders --partition 1 --offset 1 --export csv",
        "nightly --topic orders --partition 1 --offset -1"}) {
    EXPECT_EQ(RunCode(args), Code::kInvalidArgument) << args;
  }
}

}  // namespace
}  // namespace maxbrod::cli
