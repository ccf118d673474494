// The state of a repository: the fold of its commits. A value; ApplyCommit makes the next one.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "repo/format.pb.h"

namespace maxbrod::repo {

// [start, end) offsets, ascending, disjoint, not touching.
class OffsetRanges {
 public:
  void Add(int64_t start, int64_t end);
  void Remove(int64_t start, int64_t end);
  bool Covers(int64_t start, int64_t end) const;
  // First offset at or after `from` that is not covered.
  int64_t NextMissing(int64_t from) const;
  // The parts of [start, end) that are not covered.
  std::vector<std::pair<int64_t, int64_t>> Missing(int64_t start, int64_t end) const;
  bool empty() const { return ranges_.empty(); }
  int64_t end() const { return ranges_.empty() ? -1 : ranges_.rbegin()->second; }
  const std::map<int64_t, int64_t>& ranges() const { return ranges_; }
  bool operator==(const OffsetRanges&) const = default;

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
// `topic_id` as it stands in the format's records: 16 bytes, or none at all for zero.
TopicKey MakeTopicKey(const std::string& topic_id, const std::string& name);
// Zero when `bytes` are not 16.
Uuid UuidFromString(const std::string& bytes);
std::string UuidToString(const Uuid& id);

struct TopicInfo {
  TopicId id;
  std::string name;  // the latest one
  std::map<int32_t, PartitionInfo> partitions;
  std::vector<format::ObjectRef> manifests;
};

// Names a state of the log; printed at the end of each run. That the newest commits were cut off is
// noticed only against it.
struct Receipt {
  Sequence sequence;
  std::string sha256;            // 32 bytes; empty for an empty log
  std::string ToString() const;  // "head=17:9f86d081..."
  bool operator==(const Receipt&) const = default;
};

// Copying is cheap where it matters: topics are shared until changed. Not thread-safe for writing;
// a shared_ptr<const State> may be read from everywhere.
struct State {
  Sequence sequence;          // of the newest commit folded in; 0: empty log
  std::string commit_sha256;  // of its stored bytes
  int64_t store_time_ms = 0;
  uint64_t gc_epoch = 0;
  uint32_t data_key_id = 0;                      // newest epoch that was begun; 0: the first one
  uint64_t log_floor = 0;                        // commits below may be gone; 0 or 1: none are
  std::set<std::string> required_read_features;  // of all commits
  std::set<std::string> required_write_features;
  std::map<TopicKey, std::shared_ptr<const TopicInfo>> topics;
  std::vector<format::SnapshotRef> snapshots;  // in commit order, forgotten ones are gone
  std::vector<format::LoosePack> loose_packs;  // packs that no manifest holds yet
  std::map<std::string, format::CondemnedObject> condemned;  // by name; until they are swept
  std::vector<format::Pin> pins;                             // those not expired at store_time_ms
  std::map<std::string, format::RestoreRecord> restores;     // by restore id (16 bytes)

  const TopicInfo* FindTopic(const TopicKey& key) const;
  const format::SnapshotRef* FindSnapshotById(const std::string& id) const;
  const format::SnapshotRef* FindSnapshotByName(const std::string& name) const;
  Receipt receipt() const { return Receipt{sequence, commit_sha256}; }
};

// Folds one commit into `state`. kCorrupt when it does not follow or contradicts the state,
// kUnsupported when it holds an action that this program does not know; `state` is then half
// changed: work on a copy. Writers run it before they store a commit, so a contradiction in a
// stored commit is damage.
Status ApplyCommit(const std::vector<format::CommitRecord>& records,
                   const std::string& stored_sha256, State* state);

// Where the parts of offsets' history lie: the branch's own data from `from` to `to`.
struct BranchSlice {
  uint64_t branch = 0;
  int64_t from_offset = 0;
  int64_t to_offset = 0;  // exclusive
};
// Cuts [start, end) of `branch` into slices of the branch and its ancestors, ascending by offset.
// kCorrupt when a parent is missing or the chain is a circle.
Result<std::vector<BranchSlice>> SliceBranches(const std::map<uint64_t, format::Branch>& branches,
                                               uint64_t branch, int64_t start, int64_t end);

}  // namespace maxbrod::repo
