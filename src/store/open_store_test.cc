#include "store/open_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "store/fault_store.h"
#include "store/forwarding_store.h"
#include "store/mem_store.h"
#include "store/temp_folder_testing.h"

namespace maxbrod::store {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Result<PutResult> Put(Store& store, const std::string& name, std::string_view bytes) {
  return store.PutIfAbsent(name, AsBytes(bytes), CallContext{});
}

TEST(OpenStoreTest, FileUrl) {
  TempFolder folder;
  for (const std::string& url : {"file://" + folder.path(), "file:" + folder.path(),
                                 "file://localhost" + folder.path() + "/"}) {
    auto store = OpenStore(url);
    ASSERT_TRUE(store.ok()) << url << ": " << store.status().message();
    EXPECT_EQ((*store)->Url(), "file://" + folder.path());
    EXPECT_TRUE(Put(**store, "a/b", "x").ok());
  }
  EXPECT_TRUE(std::filesystem::exists(folder.path() + "/a/b"));
}

TEST(OpenStoreTest, FileUrlIsPercentDecoded) {
  TempFolder folder;
  OpenStoreOptions options;
  options.create = true;
  auto store = OpenStore("file://" + folder.path() + "/my%20%25backup", options);
  ASSERT_TRUE(store.ok()) << store.status().message();
  EXPECT_TRUE(std::filesystem::is_directory(folder.path() + "/my %backup"));
}

TEST(OpenStoreTest, FolderIsMadeOnlyWhenTold) {
  TempFolder folder;
  const std::string url = "file://" + folder.path() + "/new/deep";
  auto missing = OpenStore(url);
  EXPECT_EQ(missing.status().code(), Code::kNotFound);
  EXPECT_THAT(missing.status().message(), HasSubstr(url));
  EXPECT_FALSE(missing.status().hint().empty());
  OpenStoreOptions options;
  options.create = true;
  options.read_only = true;
  EXPECT_EQ(OpenStore(url, options).status().code(), Code::kNotFound);
  options.read_only = false;
  EXPECT_TRUE(OpenStore(url, options).ok());
  EXPECT_TRUE(OpenStore(url).ok());
}

TEST(OpenStoreTest, ReadOnly) {
  TempFolder folder;
  OpenStoreOptions options;
  options.read_only = true;
  auto store = OpenStore("file://" + folder.path(), options);
  ASSERT_TRUE(store.ok());
  EXPECT_EQ(Put(**store, "a", "x").status().code(), Code::kReadOnly);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(OpenStoreTest, Memory) {
  auto store = OpenStore("mem:");
  ASSERT_TRUE(store.ok());
  EXPECT_TRUE(Put(**store, "a", "x").ok());
}

TEST(OpenStoreTest, S3Url) {
  auto store = OpenStore("s3://bucket/a/prefix/?region=eu-central-1&storage_class=STANDARD_IA");
  ASSERT_TRUE(store.ok()) << store.status().message();
  EXPECT_EQ((*store)->Url(), "s3://bucket/a/prefix");
}

TEST(OpenStoreTest, RefusesWhatIsNoUrl) {
  TempFolder folder;
  const std::string file = folder.path() + "/file";
  ASSERT_TRUE(FileSystem::Posix().Create(file).ok());
  for (const std::string& url :
       {std::string(), std::string("backups"), std::string("./backups"), std::string("file:"),
        std::string("file://"), std::string("file:///"), std::string("file:backups"),
        std::string("file://backups/kafka"), std::string("file:///a?b=c"),
        std::string("file:///a%2"), std::string("file:///a%zz"), std::string("file:///a%00"),
        std::string("http://example.org/x"), std::string("mem:x"), "file://" + file}) {
    auto store = OpenStore(url);
    EXPECT_EQ(store.status().code(), Code::kInvalidArgument) << url;
  }
  auto path = OpenStore("/backups/kafka");
  EXPECT_EQ(path.status().code(), Code::kInvalidArgument);
  EXPECT_EQ(path.status().hint(), "write file:///backups/kafka");
  EXPECT_THAT(OpenStore("file://backups/kafka").status().hint(), HasSubstr("file:///"));
  EXPECT_THAT(OpenStore("backups").status().hint(), HasSubstr("file:///"));
}

TEST(OpenStoreTest, KeepsSecretsOutOfMessages) {
  for (const char* url :
       {"s3://AKIA:hunter2@bucket/x", "http://user:hunter2@host/a@b", "s3://bucket?secret=hunter2",
        "s3://bucket?endpoint=http://user:hunter2@h", "weird://user:hunter2@host"}) {
    Status status = OpenStore(url).status();
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(status.message(), Not(HasSubstr("hunter2"))) << url;
    EXPECT_THAT(status.hint(), Not(HasSubstr("hunter2"))) << url;
  }
}

// A store as some S3 imitations are: a condition is accepted and ignored.
class CarelessStore : public ForwardingStore {
 public:
  explicit CarelessStore(std::shared_ptr<MemStore> memory)
      : ForwardingStore(memory), memory_(std::move(memory)) {}
  using Store::PutIfAbsent;
  Result<PutResult> PutIfAbsent(const std::string& name, std::span<const ByteView> pieces,
                                const CallContext& context) override {
    Bytes bytes;
    for (ByteView piece : pieces) Append(bytes, piece);
    if (!memory_->Overwrite(name, bytes)) return memory_->PutIfAbsent(name, pieces, context);
    return PutResult{lies_ ? PutOutcome::kExistsOther : PutOutcome::kCreated, 0};
  }
  void set_lies() { lies_ = true; }

 private:
  std::shared_ptr<MemStore> memory_;
  bool lies_ = false;
};

size_t Objects(Store& store) {
  return store.List("", "", 1000, CallContext{})->objects.size();
}

TEST(ProbeTest, AcceptsAStoreThatHonoursConditions) {
  MemStore store;
  EXPECT_TRUE(ProbeConditionalWrites(store, CallContext{}).ok());
  EXPECT_TRUE(ProbeConditionalWrites(store, CallContext{}).ok());
  EXPECT_EQ(Objects(store), 0u);
  ASSERT_TRUE(Put(store, "config", "it").ok());
  EXPECT_TRUE(ProbeExistingObject(store, "config", AsBytes("it"), CallContext{}).ok());
  EXPECT_EQ(ProbeExistingObject(store, "config", AsBytes("other"), CallContext{}).code(),
            Code::kConflict);
}

TEST(ProbeTest, RefusesAStoreThatOverwrites) {
  for (bool lies : {false, true}) {
    CarelessStore store(std::make_shared<MemStore>());
    if (lies) store.set_lies();
    Status status = ProbeConditionalWrites(store, CallContext{});
    EXPECT_EQ(status.code(), Code::kUnsupported);
    EXPECT_FALSE(status.hint().empty());
    EXPECT_EQ(Objects(store), 0u);
  }
  CarelessStore store(std::make_shared<MemStore>());
  ASSERT_TRUE(Put(store, "config", "it").ok());
  EXPECT_EQ(ProbeExistingObject(store, "config", AsBytes("it"), CallContext{}).code(),
            Code::kUnsupported);
  EXPECT_EQ(ToString(*store.Get("config", 10, CallContext{})), "it");
}

TEST(ProbeTest, FailuresAreNotTakenForAnAnswer) {
  FaultStore store(std::make_shared<MemStore>());
  store.On(StoreMethod::kPutIfAbsent).Skip(1).ErrorAfter();
  Status status = ProbeConditionalWrites(store, CallContext{});
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_TRUE(status.retryable());
  store.On(StoreMethod::kCommit).ErrorInstead(Status(Code::kIo, "planned"));
  EXPECT_EQ(ProbeConditionalWrites(store, CallContext{}).code(), Code::kIo);
  store.On(StoreMethod::kPutIfAbsent).ErrorInstead(Status(Code::kPermission, "planned"));
  EXPECT_EQ(ProbeConditionalWrites(store, CallContext{}).code(), Code::kPermission);
  // A role that may not remove can still prove it.
  store.On(StoreMethod::kRemove).ErrorInstead(Status(Code::kPermission, "planned"));
  EXPECT_TRUE(ProbeConditionalWrites(store, CallContext{}).ok());
  EXPECT_EQ(Objects(store), 1u);
  EXPECT_TRUE(store.AllFired()) << store.Unfired();
}

}  // namespace
}  // namespace maxbrod::store
