#include "repo/snapshot_codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <functional>

#include "repo/object.h"

namespace maxbrod::repo {
namespace {

constexpr size_t kRecordBytesAim = kFramePlainBytesMax / 2;
constexpr size_t kIdDigitsMin = 4;
constexpr size_t kNearNamesMax = 5;

using RecordSink = std::function<Status(const format::SnapshotRecord&)>;

// Moves elements of repeated fields into records, and begins a new record (with the same key
// fields) when the current one has grown enough.
template <typename Part>
class Cutter {
 public:
  using Begin = std::function<Part*(format::SnapshotRecord*)>;
  Cutter(Begin begin, const RecordSink& sink) : begin_(std::move(begin)), sink_(sink) {
    part_ = begin_(&record_);
    bytes_ = record_.ByteSizeLong();
  }
  // The first record also holds everything that is not repeated.
  Part* part() { return part_; }
  void Count() { bytes_ = record_.ByteSizeLong(); }

  template <typename Element, typename Add>
  Status Put(const Element& element, Add add) {
    size_t more = element.ByteSizeLong() + 16;
    if (bytes_ + more > kRecordBytesAim && elements_ > 0) {
      MB_RETURN_IF_ERROR(sink_(record_));
      record_.Clear();
      part_ = begin_(&record_);
      bytes_ = 0;
      elements_ = 0;
    }
    bytes_ += more;
    ++elements_;
    add(part_, element);
    return Status::Ok();
  }

  Status Finish() { return sink_(record_); }

 private:
  Begin begin_;
  const RecordSink& sink_;
  format::SnapshotRecord record_;
  Part* part_ = nullptr;
  size_t bytes_ = 0;
  size_t elements_ = 0;
};

Status WriteTopic(const format::TopicSnapshot& topic, const RecordSink& sink) {
  if (topic.branches_used_size() != topic.branches_used_partition_size()) {
    return Status(Code::kInternal, "branches of topic '" + topic.topic() + "' lack partitions");
  }
  Cutter<format::TopicSnapshot> cutter(
      [&](format::SnapshotRecord* record) {
        format::TopicSnapshot* part = record->mutable_topic();
        part->set_topic(topic.topic());
        part->set_topic_id(topic.topic_id());
        return part;
      },
      sink);
  format::TopicSnapshot bare = topic;  // with the fields that this program does not know
  bare.clear_configs();
  bare.clear_manifests();
  bare.clear_partitions();
  bare.clear_branches_used();
  bare.clear_branches_used_partition();
  *cutter.part() = bare;
  cutter.Count();
  using Topic = format::TopicSnapshot;
  for (const format::ConfigEntry& config : topic.configs()) {
    MB_RETURN_IF_ERROR(
        cutter.Put(config, [](Topic* to, const auto& e) { *to->add_configs() = e; }));
  }
  for (const format::ObjectRef& ref : topic.manifests()) {
    MB_RETURN_IF_ERROR(cutter.Put(ref, [](Topic* to, const auto& e) { *to->add_manifests() = e; }));
  }
  for (const format::PartitionSnapshot& partition : topic.partitions()) {
    MB_RETURN_IF_ERROR(
        cutter.Put(partition, [](Topic* to, const auto& e) { *to->add_partitions() = e; }));
  }
  for (int i = 0; i < topic.branches_used_size(); ++i) {
    MB_RETURN_IF_ERROR(cutter.Put(topic.branches_used(i), [&](Topic* to, const auto& e) {
      *to->add_branches_used() = e;
      to->add_branches_used_partition(topic.branches_used_partition(i));
    }));
  }
  return cutter.Finish();
}

Status WriteGroup(const format::GroupSnapshot& group, const RecordSink& sink) {
  Cutter<format::GroupSnapshot> cutter(
      [&](format::SnapshotRecord* record) {
        format::GroupSnapshot* part = record->mutable_group();
        part->set_group(group.group());
        return part;
      },
      sink);
  format::GroupSnapshot bare = group;
  bare.clear_offsets();
  *cutter.part() = bare;
  cutter.Count();
  for (const format::GroupOffset& offset : group.offsets()) {
    MB_RETURN_IF_ERROR(cutter.Put(
        offset, [](format::GroupSnapshot* to, const auto& e) { *to->add_offsets() = e; }));
  }
  return cutter.Finish();
}

// A subject of the Schema Registry in pieces that fit a record each, unless one schema does not.
template <typename Put>
Status ForPieces(const format::RegistrySubject& subject, const Put& put) {
  if (subject.ByteSizeLong() <= kRecordBytesAim) return put(subject);
  format::RegistrySubject piece = subject;
  piece.clear_versions();
  size_t bytes = 0;
  for (const auto& version : subject.versions()) {
    if (bytes > 0 && bytes + version.ByteSizeLong() > kRecordBytesAim) {
      MB_RETURN_IF_ERROR(put(piece));
      piece.Clear();
      piece.set_subject(subject.subject());
      bytes = 0;
    }
    *piece.add_versions() = version;
    bytes += version.ByteSizeLong();
  }
  return put(piece);
}

// Lists one after another; what is not repeated is in the first record.
Status WriteMetadata(const format::ClusterMetadata& metadata, const RecordSink& sink) {
  using Metadata = format::ClusterMetadata;
  Cutter<Metadata> cutter([](format::SnapshotRecord* record) { return record->mutable_metadata(); },
                          sink);
  format::ClusterMetadata bare = metadata;
  bare.clear_acls();
  bare.clear_quotas();
  bare.clear_scram_users();
  bare.clear_configs();
  bare.clear_log_dirs();
  bare.clear_registry_subjects();
  *cutter.part() = bare;
  cutter.Count();
  auto put_all = [&](const auto& list, auto add) -> Status {
    for (const auto& element : list) MB_RETURN_IF_ERROR(cutter.Put(element, add));
    return Status::Ok();
  };
  MB_RETURN_IF_ERROR(
      put_all(metadata.acls(), [](Metadata* to, const auto& e) { *to->add_acls() = e; }));
  MB_RETURN_IF_ERROR(
      put_all(metadata.quotas(), [](Metadata* to, const auto& e) { *to->add_quotas() = e; }));
  MB_RETURN_IF_ERROR(put_all(metadata.scram_users(),
                             [](Metadata* to, const auto& e) { *to->add_scram_users() = e; }));
  MB_RETURN_IF_ERROR(
      put_all(metadata.configs(), [](Metadata* to, const auto& e) { *to->add_configs() = e; }));
  MB_RETURN_IF_ERROR(
      put_all(metadata.log_dirs(), [](Metadata* to, const auto& e) { *to->add_log_dirs() = e; }));
  auto add_subject = [](Metadata* to, const auto& e) { *to->add_registry_subjects() = e; };
  for (const format::RegistrySubject& subject : metadata.registry_subjects()) {
    MB_RETURN_IF_ERROR(ForPieces(subject, [&](const format::RegistrySubject& piece) {
      return cutter.Put(piece, add_subject);
    }));
  }
  return cutter.Finish();
}

Status WriteRecords(const SnapshotContents& contents, const RecordSink& sink) {
  format::SnapshotRecord record;
  *record.mutable_header() = contents.header;
  MB_RETURN_IF_ERROR(sink(record));
  for (const format::TopicSnapshot& topic : contents.topics) {
    MB_RETURN_IF_ERROR(WriteTopic(topic, sink));
  }
  for (const format::GroupSnapshot& group : contents.groups) {
    MB_RETURN_IF_ERROR(WriteGroup(group, sink));
  }
  if (contents.metadata.ByteSizeLong() == 0) return Status::Ok();
  return WriteMetadata(contents.metadata, sink);
}

// A continuation follows its record directly, so only the last one is looked at.
void AddTopic(format::TopicSnapshot topic, std::vector<format::TopicSnapshot>* topics) {
  if (!topics->empty() && topics->back().topic() == topic.topic() &&
      topics->back().topic_id() == topic.topic_id()) {
    topics->back().MergeFrom(topic);
    return;
  }
  topics->push_back(std::move(topic));
}

void AddGroup(format::GroupSnapshot group, std::vector<format::GroupSnapshot>* groups) {
  if (!groups->empty() && groups->back().group() == group.group()) {
    groups->back().MergeFrom(group);
    return;
  }
  groups->push_back(std::move(group));
}

// A subject's pieces, in this record and across two, become one again.
void AddMetadata(format::ClusterMetadata more, format::ClusterMetadata* metadata) {
  google::protobuf::RepeatedPtrField<format::RegistrySubject> subjects;
  subjects.Swap(more.mutable_registry_subjects());
  metadata->MergeFrom(more);
  auto* all = metadata->mutable_registry_subjects();
  for (format::RegistrySubject& subject : subjects) {
    bool goes_on = !all->empty() && all->rbegin()->subject() == subject.subject();
    if (goes_on) {
      all->rbegin()->MergeFrom(subject);
    } else {
      *all->Add() = std::move(subject);
    }
  }
}

std::string Serialized(const SnapshotContents& contents) {
  std::string out = contents.header.SerializeAsString();
  for (const auto& topic : contents.topics) out += "T" + topic.SerializeAsString();
  for (const auto& group : contents.groups) out += "G" + group.SerializeAsString();
  out += "M" + contents.metadata.SerializeAsString();
  return out;
}

// Levenshtein distance, given up beyond `max`.
size_t EditDistance(const std::string& a, const std::string& b, size_t max) {
  if (a.size() > b.size() + max || b.size() > a.size() + max) return max + 1;
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replace}));
    }
  }
  return row.back();
}

Status NoSnapshot(const State& state, const std::string& wanted) {
  constexpr size_t kDistanceMax = 3;
  std::vector<std::pair<size_t, std::string>> near;
  for (const format::SnapshotRef& ref : state.snapshots) {
    size_t distance = EditDistance(wanted, ref.name(), kDistanceMax);
    bool part = !wanted.empty() && ref.name().find(wanted) != std::string::npos;
    if (part) distance = 0;
    if (distance <= kDistanceMax) near.emplace_back(distance, ref.name());
  }
  std::sort(near.begin(), near.end());
  if (near.size() > kNearNamesMax) near.resize(kNearNamesMax);
  Status status(Code::kNotFound, "no snapshot '" + wanted + "'");
  if (near.empty()) {
    return std::move(status).WithHint(state.snapshots.empty()
                                          ? "the repository holds no snapshot yet"
                                          : "'maxbrod snapshots' lists them");
  }
  std::string names;
  for (const auto& [distance, name] : near) names += (names.empty() ? "'" : ", '") + name + "'";
  return std::move(status).WithHint("did you mean " + names + "?");
}

}  // namespace

Result<Bytes> EncodeSnapshot(const SnapshotContents& contents, const Keyring* keys) {
  ObjectBuilder builder(ObjectType::kSnapshot, keys, "snapshot");
  MB_RETURN_IF_ERROR(WriteRecords(
      contents, [&](const format::SnapshotRecord& record) { return builder.Add(record); }));
  Bytes stored = builder.Finish();
  MB_ASSIGN_OR_RETURN(SnapshotContents again, DecodeSnapshot("new snapshot", stored, keys));
  if (Serialized(again) != Serialized(contents)) {
    return Status(Code::kInternal, "a snapshot does not decode to what was encoded");
  }
  return stored;
}

Result<SnapshotContents> DecodeSnapshot(const std::string& name, ByteView stored,
                                        const Keyring* keys) {
  SnapshotContents out;
  bool has_header = false;
  auto add = [&](ByteView bytes) -> Status {
    format::SnapshotRecord record;
    if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return Status(Code::kCorrupt, name + ": a record that cannot be parsed");
    }
    if (record.has_header() == has_header) {
      return Status(Code::kCorrupt, name + ": its header is not first and alone");
    }
    switch (record.record_case()) {
      case format::SnapshotRecord::kHeader:
        has_header = true;
        out.header = std::move(*record.mutable_header());
        return Status::Ok();
      case format::SnapshotRecord::kTopic:
        AddTopic(std::move(*record.mutable_topic()), &out.topics);
        return Status::Ok();
      case format::SnapshotRecord::kGroup:
        AddGroup(std::move(*record.mutable_group()), &out.groups);
        return Status::Ok();
      case format::SnapshotRecord::kMetadata:
        AddMetadata(std::move(*record.mutable_metadata()), &out.metadata);
        return Status::Ok();
      case format::SnapshotRecord::RECORD_NOT_SET:
        break;
    }
    return Status(Code::kUnsupported, name + ": a record that this program does not know")
        .WithHint("a newer maxbrod took this snapshot: use that version or a later one");
  };
  MB_RETURN_IF_ERROR(ReadObject(ObjectType::kSnapshot, name, stored, add, keys));
  if (!has_header) return Status(Code::kCorrupt, name + ": no header");
  return out;
}

Result<format::SnapshotRef> FindSnapshotIn(const State& state, const std::string& name_or_id) {
  if (const format::SnapshotRef* ref = state.FindSnapshotByName(name_or_id)) return *ref;
  if (name_or_id == "latest" && !state.snapshots.empty()) return state.snapshots.back();
  std::string digits = name_or_id;
  for (char& c : digits) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  std::vector<const format::SnapshotRef*> found;
  if (digits.size() >= kIdDigitsMin) {
    for (const format::SnapshotRef& ref : state.snapshots) {
      if (ToHex(AsBytes(ref.id())).compare(0, digits.size(), digits) == 0) found.push_back(&ref);
    }
  }
  if (found.size() == 1) return *found.front();
  if (found.empty()) return NoSnapshot(state, name_or_id);
  std::string names;
  for (const format::SnapshotRef* ref : found) names += (names.empty() ? "" : ", ") + ref->name();
  return Status(Code::kInvalidArgument, "'" + name_or_id + "' is the beginning of several ids")
      .WithHint("give more digits, or a name: " + names);
}

}  // namespace maxbrod::repo
