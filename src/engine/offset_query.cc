#include "engine/offset_query.h"

#include <algorithm>
#include <cctype>

#include "repo/snapshot_codec.h"

namespace maxbrod::engine {
namespace {

constexpr size_t kIdDigitsMin = 4;
constexpr int kTopicsNamedMax = 10;

bool IdBegins(const std::string& id, const std::string& digits) {
  return digits.size() >= kIdDigitsMin && ToHex(AsBytes(id)).compare(0, digits.size(), digits) == 0;
}

Status NoRestore(const repo::State& state, const std::string& what) {
  Status status(Code::kNotFound, what);
  if (state.restores.empty()) {
    return std::move(status).WithHint("the repository holds no record of any restore");
  }
  return std::move(status).WithHint(
      "name a snapshot that was restored, or give a restore's id (a restore prints it)");
}

Status NotStoredYet(const std::string& topic) {
  return Status(Code::kUnavailable,
                "topic '" + topic + "' got other offsets, and its map is not stored")
      .WithHint("the restore was interrupted: run it again to its end");
}

}  // namespace

Result<std::vector<format::RestoreRecord>> FindRestores(const repo::State& state,
                                                        const std::string& text,
                                                        const std::string& target_cluster_id) {
  std::vector<format::RestoreRecord> found;
  auto take = [&](const format::RestoreRecord& record) {
    if (target_cluster_id.empty() || record.target_cluster_id() == target_cluster_id) {
      found.push_back(record);
    }
  };
  std::string digits = text;
  for (char& c : digits) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (state.FindSnapshotByName(text) == nullptr) {
    for (const auto& [id, record] : state.restores) {
      if (IdBegins(id, digits)) take(record);
    }
  }
  if (found.empty()) {
    auto snapshot = repo::FindSnapshotIn(state, text);
    if (!snapshot.ok()) {
      if (snapshot.status().code() != Code::kNotFound) return snapshot.status();
      return NoRestore(state, "no restore and no snapshot '" + text + "'");
    }
    for (const auto& [id, record] : state.restores) {
      bool given_up = record.state() == format::RestoreRecord::ABANDONED;
      if (record.snapshot_id() == snapshot->id() && !given_up) take(record);
    }
  }
  if (found.empty()) {
    return NoRestore(state, "no restore of '" + text + "'" +
                                (target_cluster_id.empty()
                                     ? std::string(" is recorded")
                                     : " into cluster " + target_cluster_id + " is recorded"));
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.started_ms() < b.started_ms(); });
  return found;
}

Result<format::RestoreRecord::Topic> FindRestoredTopic(const format::RestoreRecord& restore,
                                                       const std::string& source_topic) {
  std::string names, as_target;
  int named = 0;
  for (const auto& topic : restore.topics()) {
    if (topic.source() == source_topic) return topic;
    if (topic.target() == source_topic) as_target = topic.source();
    if (named < kTopicsNamedMax) names += (named++ > 0 ? ", " : "") + topic.source();
  }
  if (restore.topics_size() > named) names += ", ...";
  Status status(Code::kNotFound, "topic '" + source_topic + "' was not restored");
  if (!as_target.empty()) {
    return std::move(status).WithHint("give the source's name: '" + as_target + "'");
  }
  return std::move(status).WithHint("this restore has: " + names);
}

Result<OffsetAnswer> LookUpOffset(store::Store& store, const format::RestoreRecord& restore,
                                  const std::string& source_topic, int32_t partition,
                                  int64_t source_offset, const CallContext& context) {
  MB_ASSIGN_OR_RETURN(auto topic, FindRestoredTopic(restore, source_topic));
  if (partition < 0 || partition >= topic.partitions()) {
    return Status(Code::kNotFound, "topic '" + source_topic + "' has " +
                                       std::to_string(topic.partitions()) + " partitions, none " +
                                       std::to_string(partition));
  }
  OffsetAnswer answer;
  answer.source_topic = source_topic;
  answer.target_topic = topic.target();
  answer.partition = partition;
  answer.source_offset = source_offset;
  if (!topic.dense()) {
    answer.target_offset = answer.record_offset = source_offset;
    answer.same_offsets = true;
    return answer;
  }
  bool found = false;
  auto look = [&](const repo::PartitionOffsetMap& map) {
    if (map.source_topic != source_topic || map.partition != partition) return Status::Ok();
    found = true;
    answer.target_offset = map.map.Translate(source_offset);
    answer.record_offset = map.map.SourceOf(answer.target_offset).value_or(-1);
    answer.meaning = answer.record_offset == source_offset ? OffsetMeaning::kRecord
                     : answer.record_offset >= 0           ? OffsetMeaning::kNext
                                                           : OffsetMeaning::kEnd;
    return Status::Ok();
  };
  MB_RETURN_IF_ERROR(repo::ForEachOffsetMap(store, restore, look, context));
  if (!found) return NotStoredYet(source_topic);
  return answer;
}

}  // namespace maxbrod::engine
