// The state of a repository: the fold of its commits. A value; State::Apply makes the next one.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "repo/format.pb.h"

namespace maxbrod::repo {

// [start, end) offsets, ascending, disjoint, not touching.
class OffsetRanges {
 public:
  void Add(int64_t start, int64_t end);
  bool Covers(int64_t start, int64_t end) const;
  // First offset at or after `from` that is not covered.
  int64_t NextMissing(int64_t from) const;
  // The parts of [start, end) that are not covered.
  std::vector<std::pair<int64_t, int64_t>> Missing(int64_t start, int64_t end) const;
  bool empty() const { return ranges_.empty(); }
  int64_t end() const { return ranges_.empty() ? -1 : ranges_.rbegin()->second; }
  const std::map<int64_t, int64_t>& ranges() const { return ranges_; }

 private:
  std::map<int64_t, int64_t> ranges_;  // start -> end
};

struct BranchInfo {
  format::Branch branch;
  OffsetRanges covered;
  int32_t last_epoch = -1;
  int64_t read_started_ms = 0;
  int64_t read_ended_ms = 0;
  int64_t log_start_offset = 0;
};

struct PartitionInfo {
  std::vector<BranchInfo> branches;  // in order of creation; the last one is the current one
  const BranchInfo* Current() const { return branches.empty() ? nullptr : &branches.back(); }
  const BranchInfo* Find(uint64_t branch) const;
};

// Key of the map of topics: id where brokers have ids, else the name.
struct TopicKey {
  TopicId id;
  std::string name;  // empty unless the id is zero
  auto operator<=>(const TopicKey&) const = default;
};

struct TopicInfo {
  TopicId id;
  std::string name;  // the latest one
  std::map<int32_t, PartitionInfo> partitions;
  std::vector<format::ObjectRef> manifests;
};

// Copying is cheap where it matters: topics are shared until changed. Not thread-safe for writing; a
// shared_ptr<const State> may be read from everywhere.
struct State {
  Sequence sequence;             // of the newest commit folded in; 0: empty log
  std::string commit_sha256;     // of its stored bytes
  int64_t store_time_ms = 0;
  uint64_t gc_epoch = 0;
  std::map<TopicKey, std::shared_ptr<const TopicInfo>> topics;
  std::vector<format::SnapshotRef> snapshots;  // in commit order, forgotten ones are gone
  std::vector<format::LoosePack> loose_packs;  // packs that no manifest holds yet
  std::map<std::string, format::CondemnedObject> condemned;
  std::vector<format::Pin> pins;
  std::map<std::string, format::RestoreRecord> restores;  // by restore id (16 bytes)

  const TopicInfo* FindTopic(const TopicKey& key) const;
};

// Folds one commit into `state`. kCorrupt when it does not follow or contradicts the state.
Status ApplyCommit(const std::vector<format::CommitRecord>& records, const std::string& stored_sha256,
                   State* state);

}  // namespace maxbrod::repo
