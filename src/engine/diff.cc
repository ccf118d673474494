#include "engine/diff.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "engine/diff_internal.h"

namespace maxbrod::engine {
namespace {

constexpr int32_t kSourceDefault = 5;  // DescribeConfigs' DEFAULT_CONFIG
constexpr std::array<const char*, kDiffAreas> kAreaNames = {
    "topics", "configs", "data", "groups", "acls", "quotas", "users", "cluster", "schemas"};
constexpr std::array<const char*, kDiffChanges> kChangeNames = {"added", "removed", "changed"};
constexpr std::array<const char*, 6> kSourceNames = {
    "unknown", "topic", "broker", "default for brokers", "broker's file", "Kafka's default"};

std::string LevelOf(const format::ConfigEntry& entry) {
  bool known = entry.source() >= 0 && static_cast<size_t>(entry.source()) < kSourceNames.size();
  return known ? kSourceNames[static_cast<size_t>(entry.source())] : std::to_string(entry.source());
}

// Brokers never tell sensitive values.
std::string ValueOf(const format::ConfigEntry& entry) {
  if (entry.sensitive() || !entry.has_value()) return "(not told)";
  return entry.value();
}

std::string ReplicasText(const format::TopicSnapshot& topic) {
  std::vector<std::string> parts;
  for (const format::PartitionSnapshot& p : topic.partitions()) {
    parts.push_back(fmt::format("{}:[{}]", p.partition(), fmt::join(p.replicas(), ",")));
  }
  return fmt::format("{}", fmt::join(parts, " "));
}

std::string IdText(const std::string& id) {
  return repo::UuidFromString(id).ToBase64();
}

DiffSide SideOf(const repo::Snapshot& snapshot, bool live) {
  DiffSide side;
  side.name = live ? "the cluster" : snapshot.ref.name();
  if (!live) side.id = ToHex(AsBytes(snapshot.ref.id()));
  side.time_ms = snapshot.header.started_ms();
  side.cluster_id = snapshot.header.cluster().cluster_id();
  for (const format::BrokerInfo& broker : snapshot.header.cluster().brokers()) {
    side.brokers.push_back(fmt::format("{} {}:{}{}", broker.id(), broker.host(), broker.port(),
                                       broker.rack().empty() ? "" : " rack " + broker.rack()));
  }
  return side;
}

}  // namespace

const char* NameOf(DiffArea area) {
  return kAreaNames[static_cast<size_t>(area)];
}

const char* NameOf(DiffChange change) {
  return kChangeNames[static_cast<size_t>(change)];
}

Result<std::vector<DiffArea>> ParseDiffAreas(const std::vector<std::string>& names) {
  std::vector<DiffArea> out;
  for (const std::string& name : names) {
    auto found = std::find(kAreaNames.begin(), kAreaNames.end(), name);
    if (found == kAreaNames.end()) {
      return Status(Code::kInvalidArgument, "'" + name + "' is nothing to compare")
          .WithHint(fmt::format("one or several of {}", fmt::join(kAreaNames, ", ")));
    }
    out.push_back(static_cast<DiffArea>(found - kAreaNames.begin()));
  }
  return out;
}

std::string WithCommas(uint64_t count) {
  std::string digits = std::to_string(count);
  for (size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

Status DiffReport::Outcome() const {
  if (entries.empty()) return Status::Ok();
  std::vector<std::string> parts;
  for (size_t area = 0; area < kDiffAreas; ++area) {
    uint64_t sum = 0;
    for (uint64_t n : counts[area]) sum += n;
    if (sum > 0) parts.push_back(fmt::format("{} in {}", sum, kAreaNames[area]));
  }
  return Status(Code::kDifferent,
                fmt::format("{} and {} differ: {}", a.name, b.name, fmt::join(parts, ", ")));
}

bool Differ::Wanted(DiffArea area) const {
  return options_.only.empty() ||
         std::find(options_.only.begin(), options_.only.end(), area) != options_.only.end();
}

void Differ::Add(DiffArea area, DiffChange change, std::string object, std::string what,
                 std::string before, std::string after, std::string note) {
  if (!Wanted(area)) return;
  ++report_.counts[static_cast<size_t>(area)][static_cast<size_t>(change)];
  report_.entries.push_back({area, change, std::move(object), std::move(what), std::move(before),
                             std::move(after), std::move(note)});
}

void Differ::Compare(DiffArea area, const std::string& object, const std::string& what,
                     const std::string& before, const std::string& after) {
  if (before != after) Add(area, DiffChange::kChanged, object, what, before, after);
}

void Differ::CompareMaps(DiffArea area, const std::string& prefix,
                         const std::map<std::string, std::string>& before,
                         const std::map<std::string, std::string>& after) {
  for (const auto& [name, value] : before) {
    auto other = after.find(name);
    if (other == after.end()) {
      Add(area, DiffChange::kRemoved, prefix + name, "", value, "");
    } else {
      Compare(area, prefix + name, "", value, other->second);
    }
  }
  for (const auto& [name, value] : after) {
    if (!before.contains(name)) Add(area, DiffChange::kAdded, prefix + name, "", "", value);
  }
}

bool Differ::Selected(const format::TopicSnapshot& topic) const {
  return topic.internal() ? options_.topics.MatchesInternal(topic.topic())
                          : options_.topics.Matches(topic.topic());
}

void Differ::MatchTopics() {
  std::map<std::string, const format::TopicSnapshot*> of_b;
  for (const format::TopicSnapshot& topic : b_.topics) of_b[topic.topic()] = &topic;
  std::set<std::string> met;
  for (const format::TopicSnapshot& topic : a_.topics) {
    std::string name = options_.renames.Apply(topic.topic());
    renamed_[topic.topic()] = name;
    met.insert(name);
    if (name != topic.topic()) met.insert(topic.topic());  // stands for nothing on the other side
    if (!Selected(topic)) continue;
    auto other = of_b.find(name);
    if (other == of_b.end()) {
      only_a_.push_back(&topic);
      continue;
    }
    // Another cluster gives ids of its own, and so does another name.
    bool comparable = report_.a.cluster_id == report_.b.cluster_id && name == topic.topic() &&
                      topic.topic_id().size() == 16 && other->second->topic_id().size() == 16;
    both_[name] = {&topic, other->second,
                   comparable && topic.topic_id() != other->second->topic_id()};
  }
  for (const format::TopicSnapshot& topic : b_.topics) {
    if (!met.contains(topic.topic()) && Selected(topic)) only_b_.push_back(&topic);
  }
  report_.a.topics = both_.size() + only_a_.size();
  report_.b.topics = both_.size() + only_b_.size();
}

void Differ::CompareTopics() {
  auto describe = [](const format::TopicSnapshot& topic) {
    return fmt::format("{} partitions, replication factor {}", topic.partitions_size(),
                       topic.replication_factor());
  };
  for (const auto* topic : only_a_)
    Add(DiffArea::kTopics, DiffChange::kRemoved, topic->topic(), "", describe(*topic), "");
  for (const auto* topic : only_b_)
    Add(DiffArea::kTopics, DiffChange::kAdded, topic->topic(), "", "", describe(*topic));
  for (const auto& [name, pair] : both_) {
    if (pair.made_anew) {
      Add(DiffArea::kTopics, DiffChange::kChanged, name, "topic id", IdText(pair.a->topic_id()),
          IdText(pair.b->topic_id()), "made anew");
    }
    Compare(DiffArea::kTopics, name, "partitions", std::to_string(pair.a->partitions_size()),
            std::to_string(pair.b->partitions_size()));
    Compare(DiffArea::kTopics, name, "replication factor",
            std::to_string(pair.a->replication_factor()),
            std::to_string(pair.b->replication_factor()));
    if (options_.placement) {
      Compare(DiffArea::kTopics, name, "replicas", ReplicasText(*pair.a), ReplicasText(*pair.b));
    }
  }
}

void Differ::CompareTopicConfigs() {
  for (const auto& [name, pair] : both_) {
    CompareConfigs(DiffArea::kConfigs, name, pair.a->configs(), pair.b->configs());
  }
}

// By what is in force. A config that one side does not know (another version of Kafka) differs only
// where it is set.
void Differ::CompareConfigs(DiffArea area, const std::string& object,
                            const google::protobuf::RepeatedPtrField<format::ConfigEntry>& before,
                            const google::protobuf::RepeatedPtrField<format::ConfigEntry>& after) {
  std::map<std::string, std::pair<const format::ConfigEntry*, const format::ConfigEntry*>> configs;
  for (const auto& entry : before) configs[entry.name()].first = &entry;
  for (const auto& entry : after) configs[entry.name()].second = &entry;
  for (const auto& [name, pair] : configs) {
    auto [old_entry, new_entry] = pair;
    if (old_entry == nullptr || new_entry == nullptr) {
      const format::ConfigEntry* one = old_entry == nullptr ? new_entry : old_entry;
      if (one->source() == kSourceDefault) continue;
      bool added = old_entry == nullptr;
      Add(area, added ? DiffChange::kAdded : DiffChange::kRemoved, object, name,
          added ? "" : ValueOf(*one), added ? ValueOf(*one) : "");
      continue;
    }
    std::string old_value = ValueOf(*old_entry), new_value = ValueOf(*new_entry);
    std::string old_level = LevelOf(*old_entry), new_level = LevelOf(*new_entry);
    if (old_value != new_value) {
      Add(area, DiffChange::kChanged, object, name, old_value, new_value);
    } else if (options_.strict && old_level != new_level) {
      Add(area, DiffChange::kChanged, object, name, old_value + " (" + old_level + ")",
          new_value + " (" + new_level + ")", "set at another level");
    }
  }
}

DiffReport Differ::Run() {
  report_.a = SideOf(a_, false);
  report_.b = SideOf(b_, live_);
  MatchTopics();
  CompareTopics();
  CompareTopicConfigs();
  CompareData();
  CompareGroups();
  CompareMetadata();
  std::stable_sort(report_.entries.begin(), report_.entries.end(),
                   [](const DiffEntry& x, const DiffEntry& y) {
                     return std::tie(x.area, x.object, x.what) < std::tie(y.area, y.object, y.what);
                   });
  return std::move(report_);
}

Status CheckTopicNames(const repo::Snapshot& a, const repo::Snapshot& b,
                       const TopicSelection& topics) {
  std::vector<std::string> names;
  for (const auto& topic : a.topics) names.push_back(topic.topic());
  for (const auto& topic : b.topics) names.push_back(topic.topic());
  std::vector<std::string> missing = topics.MissingFrom(names);
  if (missing.empty()) return Status::Ok();
  return Status(Code::kNotFound, "neither side has a topic '" + missing[0] + "'");
}

DiffReport DiffSnapshots(const repo::Snapshot& a, const repo::Snapshot& b, bool b_is_live,
                         const DiffOptions& options) {
  return Differ(a, b, b_is_live, options).Run();
}

}  // namespace maxbrod::engine
