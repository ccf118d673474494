#include "store/overlay_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/mem_store.h"
#include "store/read_only_store.h"
#include "store/store_contract_testing.h"

namespace maxbrod::store {
namespace {

using ::testing::ElementsAre;

class OverlayTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Put(*lower_, "log/1", "one");
    Put(*lower_, "log/3", "three");
  }
  PutOutcome Put(Store& store, const std::string& name, const std::string& bytes) {
    auto put = store.PutIfAbsent(name, AsBytes(bytes), context_);
    EXPECT_TRUE(put.ok()) << put.status().ToString();
    return put.ok() ? put->outcome : PutOutcome::kUnknown;
  }
  PutOutcome Stream(const std::string& name, const std::string& bytes) {
    auto writer = overlay_.Create(name, context_);
    EXPECT_TRUE((*writer)->Append(AsBytes(bytes)).ok());
    auto put = (*writer)->Commit(context_);
    EXPECT_TRUE(put.ok()) << put.status().ToString();
    return put.ok() ? put->outcome : PutOutcome::kUnknown;
  }
  std::string Get(const std::string& name) {
    auto bytes = overlay_.Get(name, 100, context_);
    return bytes.ok() ? std::string(AsText(*bytes)) : "<none>";
  }
  std::vector<std::string> Names(const std::string& after, size_t limit) {
    auto page = overlay_.List("log/", after, limit, context_);
    std::vector<std::string> names;
    for (const ObjectInfo& info : page->objects) names.push_back(info.name);
    if (page->truncated) names.push_back("...");
    return names;
  }

  CallContext context_;
  std::shared_ptr<MemStore> lower_ = std::make_shared<MemStore>();
  std::shared_ptr<MemStore> upper_ = std::make_shared<MemStore>();
  OverlayStore overlay_{upper_, std::make_shared<ReadOnlyStore>(lower_)};
};

TEST_F(OverlayTest, WritesGoUpAndAreSeenFirst) {
  EXPECT_EQ(Put(overlay_, "log/2", "two"), PutOutcome::kCreated);
  EXPECT_EQ(Stream("log/4", "four"), PutOutcome::kCreated);
  EXPECT_EQ(Get("log/1") + Get("log/2") + Get("log/4"), "onetwofour");
  EXPECT_FALSE(lower_->Stat("log/2", context_).ok());
  EXPECT_EQ(overlay_.Stat("log/2", context_)->size, 3u);
  Bytes part(2);
  EXPECT_TRUE(overlay_.GetRange("log/3", 1, part, context_).ok());
  EXPECT_EQ(AsText(part), "hr");
}

TEST_F(OverlayTest, NamesOfTheLowerStoreAreTaken) {
  EXPECT_EQ(Put(overlay_, "log/1", "one"), PutOutcome::kExistsSame);
  EXPECT_EQ(Put(overlay_, "log/1", "other"), PutOutcome::kExistsOther);
  EXPECT_EQ(Stream("log/3", "three"), PutOutcome::kExistsSame);
  EXPECT_EQ(Stream("log/3", "thirty"), PutOutcome::kExistsOther);
  EXPECT_EQ(upper_->used_bytes(), 0u);
}

TEST_F(OverlayTest, ListsBothInOrder) {
  Put(overlay_, "log/0", "");
  Put(overlay_, "log/2", "");
  Put(*upper_, "log/3", "hides the lower one");
  EXPECT_THAT(Names("", 10), ElementsAre("log/0", "log/1", "log/2", "log/3"));
  EXPECT_THAT(Names("log/0", 2), ElementsAre("log/1", "log/2", "..."));
  for (size_t limit = 1; limit <= 4; ++limit) {
    std::vector<std::string> all;
    std::string after;
    while (true) {
      auto page = overlay_.List("log/", after, limit, context_);
      for (const ObjectInfo& info : page->objects) all.push_back(info.name);
      if (!page->truncated) break;
      ASSERT_FALSE(page->objects.empty());
      after = page->objects.back().name;
    }
    EXPECT_THAT(all, ElementsAre("log/0", "log/1", "log/2", "log/3")) << limit;
  }
  EXPECT_EQ(overlay_.Stat("log/3", context_)->size, 19u);
}

TEST_F(OverlayTest, RemovesOnlyWhatLiesAbove) {
  Put(overlay_, "log/2", "two");
  EXPECT_TRUE(overlay_.Remove("log/2", context_).ok());
  EXPECT_EQ(Get("log/2"), "<none>");
  EXPECT_EQ(overlay_.Remove("log/1", context_).code(), Code::kReadOnly);
  EXPECT_EQ(overlay_.Remove("log/9", context_).code(), Code::kNotFound);
}

INSTANTIATE_TEST_SUITE_P(Overlay, StoreContract,
                         ::testing::Values(StoreContractCase{
                             "overlay",
                             [] {
                               return StoreUnderTest{nullptr, std::make_shared<OverlayStore>(
                                                                  std::make_shared<MemStore>(),
                                                                  std::make_shared<MemStore>())};
                             }}),
                         NameOfStoreContractCase);

}  // namespace
}  // namespace maxbrod::store
