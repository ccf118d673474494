#include "store/as_of_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "base/clock.h"
#include "base/user_time.h"
#include "store/mem_store.h"

namespace maxbrod::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A bucket that keeps versions; answers pages of `page` entries.
class BucketOfVersions : public ObjectVersions {
 public:
  void Put(const std::string& name, int64_t at, const std::string& bytes) {
    Add(name, at, false, bytes);
  }
  void Delete(const std::string& name, int64_t at) { Add(name, at, true, ""); }

  Result<VersionPage> ListVersions(const std::string& prefix, const std::string& next_name,
                                   const std::string& next_version, const CallContext&) override {
    ++lists;
    VersionPage result;
    bool begun = next_name.empty();
    for (const Held& held : all_) {
      if (!held.info.name.starts_with(prefix)) continue;
      if (begun && result.versions.size() == page) {
        result.next_name = result.versions.back().name;
        result.next_version = result.versions.back().version;
        break;
      }
      if (begun) result.versions.push_back(held.info);
      if (held.info.name == next_name && held.info.version == next_version) begun = true;
    }
    return result;
  }
  Result<Bytes> GetVersion(const std::string& name, const std::string& version, size_t,
                           const CallContext&) override {
    for (const Held& held : all_) {
      if (held.info.name == name && held.info.version == version) {
        return Bytes(held.bytes.begin(), held.bytes.end());
      }
    }
    return Status(Code::kNotFound, "no such version");
  }
  Status GetRangeOfVersion(const std::string& name, const std::string& version, uint64_t offset,
                           MutableByteView out, const CallContext& context) override {
    MB_ASSIGN_OR_RETURN(Bytes bytes, GetVersion(name, version, 0, context));
    std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(offset), out.size(), out.begin());
    return Status::Ok();
  }
  Result<ObjectStanding> StandingOfVersion(const std::string&, const std::string& version,
                                           const CallContext&) override {
    ObjectStanding standing;
    standing.storage_class = "of " + version;
    return standing;
  }
  Status ThawVersion(const std::string&, const std::string& version, int, ThawTier,
                     const CallContext&) override {
    thawed = version;
    return Status::Ok();
  }
  Result<bool> KeepsVersions(const CallContext&) override { return keeps; }

  size_t page = 1000;
  int lists = 0;
  bool keeps = true;
  std::string id = "v";  // of versions to come; "null": none is kept
  std::string thawed;

 private:
  struct Held {
    ObjectVersion info;
    std::string bytes;
  };
  void Add(const std::string& name, int64_t at, bool deleted, const std::string& bytes) {
    std::string version = id == "null" ? id : id + std::to_string(++last_);
    all_.push_back({{name, version, deleted, bytes.size(), at * 1000}, bytes});
    std::stable_sort(all_.begin(), all_.end(), [](const Held& a, const Held& b) {
      return a.info.name != b.info.name ? a.info.name < b.info.name
                                        : a.info.modified_ms > b.info.modified_ms;
    });
  }
  std::deque<Held> all_;
  int last_ = 0;
};

class AsOfTest : public ::testing::Test {
 protected:
  AsOfTest() {
    bucket_.Put("config", 100, "config");
    bucket_.Put("config.copy", 100, "config");
  }
  std::unique_ptr<AsOfStore> At(int64_t seconds) {
    return std::make_unique<AsOfStore>(store_, bucket_, seconds * 1000);
  }
  std::string Get(Store& store, const std::string& name) {
    auto bytes = store.Get(name, 100, context_);
    return bytes.ok() ? std::string(AsText(*bytes))
                      : "<" + std::string(InfoOf(bytes.status().code()).name) + ">";
  }
  std::string Get(int64_t at, const std::string& name) { return Get(*At(at), name); }
  std::vector<std::string> Names(Store& store, const std::string& prefix,
                                 const std::string& after = "", size_t limit = 1000) {
    auto page = store.List(prefix, after, limit, context_);
    std::vector<std::string> names;
    if (!page.ok()) return {page.status().message()};
    for (const ObjectInfo& info : page->objects) names.push_back(info.name);
    if (page->truncated) names.push_back("...");
    return names;
  }

  BucketOfVersions bucket_;
  FakeClock clock_{10'000'000};
  std::shared_ptr<MemStore> store_ = std::make_shared<MemStore>(MemStoreOptions{&clock_});
  CallContext context_;
};

TEST_F(AsOfTest, SeesWhatWasThereThen) {
  bucket_.Put("log/1", 200, "one");
  bucket_.Put("log/2", 300, "two");
  EXPECT_THAT(Names(*At(150), "log/"), ElementsAre());
  EXPECT_THAT(Names(*At(200), "log/"), ElementsAre("log/1"));
  EXPECT_THAT(Names(*At(300), "log/"), ElementsAre("log/1", "log/2"));
  EXPECT_EQ(Get(250, "log/1"), "one");
  EXPECT_EQ(Get(250, "log/2"), "<not_found>");
  EXPECT_EQ(At(300)->Stat("log/2", context_)->modified_ms, 300'000);
}

TEST_F(AsOfTest, DeletingAndOverwritingLaterChangesNothing) {
  bucket_.Put("log/1", 200, "one");
  bucket_.Put("log/2", 200, "two");
  bucket_.Delete("log/1", 400);
  bucket_.Put("log/1", 401, "forged");
  bucket_.Put("log/2", 402, "forged too");
  bucket_.Delete("config", 403);
  bucket_.Delete("config.copy", 403);
  auto before = At(399);
  EXPECT_EQ(Get(*before, "log/1"), "one");
  EXPECT_EQ(Get(*before, "log/2"), "two");
  EXPECT_EQ(Get(*before, "config"), "config");
  Bytes part(2);
  ASSERT_TRUE(before->GetRange("log/2", 1, part, context_).ok());
  EXPECT_EQ(AsText(part), "wo");
  EXPECT_EQ(before->Stat("log/2", context_)->size, 3u);
  EXPECT_EQ(before->GetRange("log/2", 2, part, context_).code(), Code::kCorrupt);
}

TEST_F(AsOfTest, TheOldestVersionIsTheObjectAlsoAfterTheAttack) {
  bucket_.Put("log/1", 200, "one");
  bucket_.Put("log/1", 300, "forged");
  EXPECT_EQ(Get(350, "log/1"), "one") << "no name is written twice by us";
  bucket_.Delete("log/1", 400);
  EXPECT_EQ(Get(450, "log/1"), "<not_found>") << "it was deleted then";
  bucket_.Put("log/1", 500, "forged again");
  EXPECT_EQ(Get(550, "log/1"), "one");
}

TEST_F(AsOfTest, WhatPruneRemovedBeforeIsGone) {
  bucket_.Put("pack/1", 200, "data");
  bucket_.Delete("pack/1", 300);
  EXPECT_EQ(Get(250, "pack/1"), "data");
  EXPECT_EQ(Get(300, "pack/1"), "<not_found>");
}

TEST_F(AsOfTest, PagesOfVersionsAreFoldedAcrossTheirEnds) {
  for (int i = 0; i < 5; ++i) bucket_.Put("log/" + std::to_string(i), 200 + i, "first");
  for (int i = 0; i < 5; ++i) bucket_.Put("log/" + std::to_string(i), 300 + i, "second");
  for (int i = 0; i < 5; i += 2) bucket_.Delete("log/" + std::to_string(i), 400);
  for (size_t page = 1; page <= 4; ++page) {
    bucket_.page = page;
    auto store = At(450);
    EXPECT_THAT(Names(*store, "log/"), ElementsAre("log/1", "log/3")) << page;
    EXPECT_EQ(Get(*store, "log/3"), "first") << page;
  }
}

TEST_F(AsOfTest, AFolderIsListedOnce) {
  bucket_.Put("log/1", 200, "one");
  bucket_.Put("pack/1", 200, "one");
  auto store = At(300);
  Get(*store, "log/1");
  int lists = bucket_.lists;
  Get(*store, "log/2");
  EXPECT_THAT(Names(*store, "log/"), ElementsAre("log/1"));
  Get(*store, "config.copy");
  EXPECT_EQ(bucket_.lists, lists);
  Get(*store, "pack/1");
  EXPECT_EQ(bucket_.lists, lists + 1);
  EXPECT_THAT(Names(*store, ""), ElementsAre("config", "config.copy", "log/1", "pack/1"));
  EXPECT_THAT(Names(*store, "", "config", 2), ElementsAre("config.copy", "log/1", "..."));
}

TEST_F(AsOfTest, NothingIsWritten) {
  auto store = At(300);
  EXPECT_EQ(store->PutIfAbsent("a", AsBytes("x"), context_).status().code(), Code::kReadOnly);
  EXPECT_EQ(store->Create("a", context_).status().code(), Code::kReadOnly);
  EXPECT_EQ(store->Remove("config", context_).code(), Code::kReadOnly);
  EXPECT_EQ(store->control()->Retain("config", LockMode::kCompliance, 1, context_).code(),
            Code::kReadOnly);
}

TEST_F(AsOfTest, ThawsTheVersionThatIsRead) {
  bucket_.Put("pack/1", 200, "data");
  bucket_.Put("pack/1", 300, "forged");
  auto store = At(350);
  EXPECT_EQ(store->control()->Standing("pack/1", context_)->storage_class, "of v3");
  ASSERT_TRUE(store->control()->Thaw("pack/1", 1, ThawTier::kBulk, context_).ok());
  EXPECT_EQ(bucket_.thawed, "v3");
}

TEST_F(AsOfTest, TellsWhyThereIsNothing) {
  auto hint = [&](int64_t at) {
    Status status = At(at)->Stat("config", context_).status();
    return std::string(InfoOf(status.code()).name) + ": " + status.message() + "; " + status.hint();
  };
  EXPECT_THAT(hint(99), HasSubstr("the oldest version of its config is of 1970-01-01T00:01:40Z"));
  EXPECT_THAT(hint(20'000), HasSubstr("invalid_argument"));
  EXPECT_THAT(hint(20'000), HasSubstr("lies in the future"));
  bucket_.Delete("config", 500);
  EXPECT_EQ(Get(600, "config.copy"), "config") << "one of the two is enough";
  bucket_.Delete("config.copy", 501);
  EXPECT_THAT(hint(600), HasSubstr("it was deleted at 1970-01-01T00:08:21Z"));
  BucketOfVersions empty;
  AsOfStore nothing(store_, empty, 300'000);
  EXPECT_THAT(nothing.Stat("config", context_).status().hint(), HasSubstr("nor at any other time"));
}

TEST_F(AsOfTest, ABucketWithoutVersionsIsRefused) {
  BucketOfVersions plain;
  plain.id = "null";
  plain.keeps = false;
  plain.Put("config", 100, "config");
  AsOfStore store(store_, plain, 300'000);
  Status status = store.Get("config", 100, context_).status();
  EXPECT_EQ(status.code(), Code::kUnsupported);
  EXPECT_THAT(status.message(), HasSubstr("keeps no versions"));
  // Versioning was switched on after the repository was made.
  plain.keeps = true;
  EXPECT_EQ(Get(store, "config"), "config");
}

TEST_F(AsOfTest, NamesItsTime) {
  EXPECT_EQ(At(100)->Url(), "mem: as of 1970-01-01T00:01:40Z");
}

}  // namespace
}  // namespace maxbrod::store
