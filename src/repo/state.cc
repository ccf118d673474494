#include "repo/state.h"

#include <algorithm>

namespace maxbrod::repo {

void OffsetRanges::Add(int64_t start, int64_t end) {
  if (start >= end) return;
  auto it = ranges_.upper_bound(start);
  if (it != ranges_.begin() && std::prev(it)->second >= start) {
    --it;
    start = it->first;
  }
  while (it != ranges_.end() && it->first <= end) {
    end = std::max(end, it->second);
    it = ranges_.erase(it);
  }
  ranges_.emplace(start, end);
}

void OffsetRanges::Remove(int64_t start, int64_t end) {
  if (start >= end) return;
  auto it = ranges_.upper_bound(start);
  if (it != ranges_.begin() && std::prev(it)->second > start) --it;
  while (it != ranges_.end() && it->first < end) {
    auto [from, to] = *it;
    it = ranges_.erase(it);
    if (from < start) ranges_.emplace(from, start);
    if (to > end) ranges_.emplace(end, to);
  }
}

bool OffsetRanges::Covers(int64_t start, int64_t end) const {
  return start >= end || NextMissing(start) >= end;
}

int64_t OffsetRanges::NextMissing(int64_t from) const {
  auto it = ranges_.upper_bound(from);
  if (it == ranges_.begin()) return from;
  return std::max(from, std::prev(it)->second);
}

std::vector<std::pair<int64_t, int64_t>> OffsetRanges::Missing(int64_t start, int64_t end) const {
  std::vector<std::pair<int64_t, int64_t>> out;
  int64_t at = NextMissing(start);
  while (at < end) {
    auto next = ranges_.upper_bound(at);
    int64_t stop = next == ranges_.end() ? end : std::min(end, next->first);
    out.emplace_back(at, stop);
    at = NextMissing(stop);
  }
  return out;
}

const BranchInfo* PartitionInfo::Find(uint64_t branch) const {
  for (const BranchInfo& info : branches) {
    if (info.branch.id() == branch) return &info;
  }
  return nullptr;
}

Uuid UuidFromString(const std::string& bytes) {
  if (bytes.size() != 16) return Uuid();
  return Uuid::FromBytes(AsBytes(bytes).data());
}

std::string UuidToString(const Uuid& id) {
  return ToString(id.view());
}

TopicKey MakeTopicKey(const std::string& topic_id, const std::string& name) {
  TopicKey key;
  key.id.id = UuidFromString(topic_id);
  if (key.id.id.IsZero()) key.name = name;
  return key;
}

std::string Receipt::ToString() const {
  return "head=" + std::to_string(sequence.value()) + ":" + ToHex(AsBytes(sha256));
}

const TopicInfo* State::FindTopic(const TopicKey& key) const {
  auto it = topics.find(key);
  return it == topics.end() ? nullptr : it->second.get();
}

const format::SnapshotRef* State::FindSnapshotById(const std::string& id) const {
  for (const format::SnapshotRef& ref : snapshots) {
    if (ref.id() == id) return &ref;
  }
  return nullptr;
}

const format::SnapshotRef* State::FindSnapshotByName(const std::string& name) const {
  for (const format::SnapshotRef& ref : snapshots) {
    if (ref.name() == name) return &ref;
  }
  return nullptr;
}

Result<std::vector<BranchSlice>> SliceBranches(const std::map<uint64_t, format::Branch>& branches,
                                               uint64_t branch, int64_t start, int64_t end) {
  std::vector<BranchSlice> slices;  // newest first
  size_t steps = 0;
  while (start < end) {
    if (++steps > branches.size() + 1) {
      return Status(Code::kCorrupt, "branches of a partition form a circle");
    }
    auto it = branches.find(branch);
    // The root of a partition without forks need not be written down.
    if (it == branches.end() && branch != 0) {
      return Status(Code::kCorrupt,
                    "branch " + std::to_string(branch) + " of a partition is missing");
    }
    bool has_parent = it != branches.end() && it->second.has_parent();
    int64_t from = has_parent ? std::max(start, it->second.fork_offset()) : start;
    if (from < end) slices.push_back(BranchSlice{branch, from, end});
    if (!has_parent) break;
    end = std::min(end, from);
    branch = it->second.parent();
  }
  std::reverse(slices.begin(), slices.end());
  return slices;
}

}  // namespace maxbrod::repo
