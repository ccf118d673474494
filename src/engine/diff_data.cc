// The data's offset ranges, and the groups' offsets in them.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "engine/diff_internal.h"

namespace maxbrod::engine {
namespace {

std::string RangeText(const format::PartitionSnapshot& p) {
  return fmt::format("offsets {} to {}", p.start_offset(), p.end_offset());
}

std::string Distance(int64_t from, int64_t to) {
  bool more = to >= from;
  return fmt::format("{}{} offsets{}", more ? "+" : "-",
                     WithCommas(static_cast<uint64_t>(more ? to - from : from - to)),
                     more ? " since" : "");
}

const format::Branch* FindBranch(const format::TopicSnapshot& topic, int32_t partition,
                                 uint64_t id) {
  for (int i = 0; i < topic.branches_used_size() && i < topic.branches_used_partition_size(); ++i) {
    if (topic.branches_used_partition(i) == partition && topic.branches_used(i).id() == id)
      return &topic.branches_used(i);
  }
  return nullptr;
}

// As the group committed it: a snapshot never holds offsets beyond its data.
int64_t Committed(const format::GroupOffset& offset) {
  return std::max(offset.offset(), offset.offset_before_clip());
}

// Of the offsets that both have.
std::map<std::string, std::string> GapsOf(const format::PartitionSnapshot& p, int64_t from,
                                          int64_t to) {
  std::map<std::string, std::string> out;
  for (const format::Gap& gap : p.gaps()) {
    int64_t start = std::max(gap.start_offset(), from);
    int64_t end = std::min(gap.end_offset(), to);
    if (start < end) out[fmt::format("gap {} to {}", start, end - 1)] = gap.reason();
  }
  return out;
}

}  // namespace

void Differ::CompareData() {
  for (const auto& [name, pair] : both_) {
    std::map<int32_t, std::pair<const format::PartitionSnapshot*, const format::PartitionSnapshot*>>
        partitions;
    for (const auto& p : pair.a->partitions()) partitions[p.partition()].first = &p;
    for (const auto& p : pair.b->partitions()) partitions[p.partition()].second = &p;
    for (const auto& [number, p] : partitions) {
      std::string object = fmt::format("{}-{}", name, number);
      if (p.first == nullptr) {
        Add(DiffArea::kData, DiffChange::kAdded, object, "", "", RangeText(*p.second));
      } else if (p.second == nullptr) {
        Add(DiffArea::kData, DiffChange::kRemoved, object, "", RangeText(*p.first), "");
      } else {
        ComparePartition(pair, *p.first, *p.second);
      }
    }
  }
}

void Differ::ComparePartition(const DiffPair& topic, const format::PartitionSnapshot& before,
                              const format::PartitionSnapshot& after) {
  std::string object = fmt::format("{}-{}", topic.b->topic(), after.partition());
  if (before.end_offset() != after.end_offset()) {
    Add(DiffArea::kData, DiffChange::kChanged, object, "end offset",
        std::to_string(before.end_offset()), std::to_string(after.end_offset()),
        Distance(before.end_offset(), after.end_offset()));
  }
  if (before.start_offset() != after.start_offset()) {
    Add(DiffArea::kData, DiffChange::kChanged, object, "start offset",
        std::to_string(before.start_offset()), std::to_string(after.start_offset()),
        before.start_offset() < after.start_offset()
            ? Distance(after.start_offset(), before.start_offset()) + " at the start"
            : "");
  }
  if (live_) return;  // of a cluster nobody knows gaps and branches
  CompareHistory(topic, before, after);
  int64_t from = std::max(before.start_offset(), after.start_offset());
  int64_t to = std::min(before.end_offset(), after.end_offset());
  auto old_gaps = GapsOf(before, from, to), new_gaps = GapsOf(after, from, to);
  for (const auto& [gap, reason] : old_gaps) {
    if (!new_gaps.contains(gap))
      Add(DiffArea::kData, DiffChange::kRemoved, object, gap, reason, "");
  }
  for (const auto& [gap, reason] : new_gaps) {
    if (!old_gaps.contains(gap)) Add(DiffArea::kData, DiffChange::kAdded, object, gap, "", reason);
  }
}

// A log that was truncated, or a base that was read again: within one topic.
void Differ::CompareHistory(const DiffPair& topic, const format::PartitionSnapshot& before,
                            const format::PartitionSnapshot& after) {
  if (topic.a->topic_id() != topic.b->topic_id() || before.branch() == after.branch()) return;
  const format::Branch* branch = FindBranch(*topic.b, after.partition(), after.branch());
  Add(DiffArea::kData, DiffChange::kChanged,
      fmt::format("{}-{}", topic.b->topic(), after.partition()), "history",
      fmt::format("branch {:016x}", before.branch()), fmt::format("branch {:016x}", after.branch()),
      branch == nullptr ? "" : branch->reason());
}

bool Differ::SelectedGroup(const std::string& group) const {
  return options_.groups.empty() ||
         std::any_of(options_.groups.begin(), options_.groups.end(),
                     [&](const NamePattern& p) { return p.Matches(group); });
}

bool Differ::OffsetsCompared(const std::string& topic) const {
  return both_.contains(topic);
}

void Differ::CompareGroups() {
  std::map<std::string, std::pair<const format::GroupSnapshot*, const format::GroupSnapshot*>>
      groups;
  for (const auto& group : a_.groups) groups[group.group()].first = &group;
  for (const auto& group : b_.groups) groups[group.group()].second = &group;
  for (const auto& [name, pair] : groups) {
    if (!SelectedGroup(name)) continue;
    if (pair.first != nullptr) ++report_.a.groups;
    if (pair.second != nullptr) ++report_.b.groups;
    auto describe = [](const format::GroupSnapshot& group) {
      return fmt::format("{}, {} offsets", group.type(), group.offsets_size());
    };
    if (pair.first == nullptr) {
      Add(DiffArea::kGroups, DiffChange::kAdded, "group " + name, "", "", describe(*pair.second));
    } else if (pair.second == nullptr) {
      Add(DiffArea::kGroups, DiffChange::kRemoved, "group " + name, "", describe(*pair.first), "");
    } else {
      CompareGroup(*pair.first, *pair.second);
    }
  }
}

// State and members come and go, and are no difference.
void Differ::CompareGroup(const format::GroupSnapshot& before, const format::GroupSnapshot& after) {
  std::string object = "group " + after.group();
  Compare(DiffArea::kGroups, object, "type", before.type(), after.type());
  CompareConfigs(DiffArea::kGroups, object, before.configs(), after.configs());
  if (!before.problem().empty() || !after.problem().empty()) {
    if (Wanted(DiffArea::kGroups)) {
      report_.notes.push_back("offsets of " + object + " are not compared: " +
                              (before.problem().empty() ? after : before).problem());
    }
    return;
  }
  using Offsets = std::pair<const format::GroupOffset*, const format::GroupOffset*>;
  std::map<std::pair<std::string, int32_t>, Offsets> offsets;
  for (const auto& o : before.offsets()) {
    auto renamed = renamed_.find(o.topic());
    const std::string& topic = renamed == renamed_.end() ? o.topic() : renamed->second;
    if (OffsetsCompared(topic)) offsets[{topic, o.partition()}].first = &o;
  }
  for (const auto& o : after.offsets()) {
    if (OffsetsCompared(o.topic())) offsets[{o.topic(), o.partition()}].second = &o;
  }
  for (const auto& [place, pair] : offsets) {
    std::string what = fmt::format("offset of {}-{}", place.first, place.second);
    auto [old_offset, new_offset] = pair;
    if (old_offset == nullptr) {
      Add(DiffArea::kGroups, DiffChange::kAdded, object, what, "",
          std::to_string(new_offset->offset()));
    } else if (new_offset == nullptr) {
      Add(DiffArea::kGroups, DiffChange::kRemoved, object, what,
          std::to_string(old_offset->offset()), "");
    } else if (old_offset->offset() != new_offset->offset() &&
               Committed(*old_offset) != Committed(*new_offset)) {
      Add(DiffArea::kGroups, DiffChange::kChanged, object, what,
          std::to_string(old_offset->offset()), std::to_string(new_offset->offset()),
          Distance(old_offset->offset(), new_offset->offset()));
    } else if (old_offset->metadata() != new_offset->metadata()) {
      Add(DiffArea::kGroups, DiffChange::kChanged, object, what + " (metadata)",
          old_offset->metadata(), new_offset->metadata());
    }
  }
}

}  // namespace maxbrod::engine
