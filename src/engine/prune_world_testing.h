// A repository in memory with a clock that tests move and locks that they set.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "engine/forget.h"
#include "repo/repository.h"
#include "repo/repository_testing.h"
#include "store/locking_store_testing.h"
#include "store/mem_store.h"

namespace maxbrod::engine {

class PruneWorld : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(repo::Repository::Init(*store_, repo::InitOptions{"test", {}}, context_).ok());
    repo::OpenOptions options;
    options.clock = &clock_;
    options.checkpoint_every = 3;
    options.warn = [this](const std::string& text) { warnings_ += text + "\n"; };
    auto opened =
        repo::Repository::Open(std::make_unique<store::ForwardingStore>(store_), options, context_);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    repository_ = std::move(*opened);
  }
  void Days(int days) { clock_.Advance(std::chrono::hours(24 * days)); }
  void Add(const std::string& topic, int64_t start, int batches) {
    auto receipt =
        repository_->CommitPacks(repo::TestPack(*store_, topic, start, batches), context_);
    ASSERT_TRUE(receipt.ok()) << receipt.status().ToString();
  }
  // Of [start, end) of each topic.
  void Take(const std::string& name, int64_t start,
            const std::vector<std::pair<std::string, int64_t>>& topics) {
    repo::SnapshotDraft draft = repo::TestDraft(name, topics);
    for (format::TopicSnapshot& topic : draft.topics) {
      topic.mutable_partitions(0)->set_start_offset(start);
    }
    auto receipt = repository_->CommitSnapshot(draft, {}, context_);
    ASSERT_TRUE(receipt.ok()) << receipt.status().ToString();
  }
  Result<ForgetReport> Forget(const std::vector<std::string>& names,
                              std::optional<uint64_t> said = {}) {
    ForgetOptions options;
    options.snapshots = names;
    options.yes_delete = said;
    return ForgetSnapshots(*repository_, options, context_);
  }
  size_t Count(const std::string& prefix) {
    return store_->List(prefix, "", 1000, context_)->objects.size();
  }
  Status Whole(const std::string& name) {
    auto ref = repository_->FindSnapshot(name);
    return ref.ok() ? repo::ReadWhole(*repository_, *ref) : ref.status();
  }

  FakeClock clock_;
  CallContext context_;
  std::string warnings_;
  std::shared_ptr<store::LockingStore> store_ = std::make_shared<store::LockingStore>(
      std::make_shared<store::MemStore>(store::MemStoreOptions{&clock_}), clock_);
  std::unique_ptr<repo::Repository> repository_;
};

}  // namespace maxbrod::engine
