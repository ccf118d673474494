// What tests of the repository share: claims, drafts and packs in a line each.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "repo/pack_testing.h"
#include "repo/repository.h"

namespace maxbrod::repo {

inline std::string TestId(uint8_t n) {
  return std::string(15, '\0') + static_cast<char>(n);
}

// Packs of one commit, with what they claim to hold. Topics have no id (the key is the name).
class PackBuilder {
 public:
  explicit PackBuilder(store::Store& store) : store_(store) {}

  // One pack with one block of whole batches of ten records each: [start, start + 10 * batches).
  PackBuilder& Block(const std::string& topic, int32_t partition, int64_t start, int batches,
                     uint64_t branch = 0);
  // Claims [start, end).
  PackBuilder& Claim(const std::string& topic, int32_t partition, int64_t start, int64_t end,
                     uint64_t branch = 0);
  // The claim added last begins this branch.
  PackBuilder& NewBranch(const format::Branch& branch);
  const format::AddPacks& packs() const { return packs_; }
  const std::vector<SealedPack>& sealed() const { return sealed_; }

 private:
  store::Store& store_;
  format::AddPacks packs_;
  std::vector<SealedPack> sealed_;
};

// A block and the claim of its range.
format::AddPacks TestPack(store::Store& store, const std::string& topic, int64_t start, int batches,
                          int32_t partition = 0);

// A snapshot of [0, end) of partition 0 of each topic.
SnapshotDraft TestDraft(const std::string& name,
                        const std::vector<std::pair<std::string, int64_t>>& topics);

// Reads what a snapshot promises: each partition's blocks, in full, covering all but the gaps.
Status ReadWhole(Repository& repository, const format::SnapshotRef& ref);

}  // namespace maxbrod::repo
