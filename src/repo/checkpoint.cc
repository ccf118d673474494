#include "repo/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "repo/commit_codec.h"
#include "repo/object.h"
#include "repo/vault.h"

namespace maxbrod::repo {
namespace {

constexpr size_t kRecordBytesAim = kFramePlainBytesMax / 2;
// A branch with more ranges goes on in a further BranchState.
constexpr int kRangesPerBranchState = 8192;

using RecordSink = std::function<Status(const format::CheckpointRecord&)>;

// Writes one topic as TopicState records that each stay well below a record's limit.
class TopicWriter {
 public:
  TopicWriter(const TopicInfo& topic, const RecordSink& sink) : topic_(topic), sink_(sink) {}

  Status Write() {
    Begin();
    for (const format::ObjectRef& ref : topic_.manifests) {
      bytes_ += ref.ByteSizeLong() + 4;
      *record_.mutable_topic()->add_manifests() = ref;
      if (bytes_ > kRecordBytesAim) MB_RETURN_IF_ERROR(Flush());
    }
    for (const auto& [number, partition] : topic_.partitions) {
      for (const BranchInfo& info : partition.branches) {
        MB_RETURN_IF_ERROR(WriteBranch(number, info));
      }
    }
    return sink_(record_);
  }

 private:
  void Begin() {
    record_.Clear();
    record_.mutable_topic()->set_topic(topic_.name);
    if (!topic_.id.id.IsZero()) record_.mutable_topic()->set_topic_id(UuidToString(topic_.id.id));
    bytes_ = 0;
  }

  Status Flush() {
    MB_RETURN_IF_ERROR(sink_(record_));
    Begin();
    return Status::Ok();
  }

  Status WriteBranch(int32_t number, const BranchInfo& info) {
    format::BranchState state = Bare(info);
    for (auto [start, end] : info.covered.ranges()) {
      format::CoveredRange* range = state.add_covered();
      range->set_start_offset(start);
      range->set_end_offset(end);
      if (state.covered_size() == kRangesPerBranchState) {
        MB_RETURN_IF_ERROR(Add(number, state));
        state.clear_covered();
      }
    }
    if (state.covered_size() == 0 && !info.covered.empty() &&
        info.covered.ranges().size() % kRangesPerBranchState == 0) {
      return Status::Ok();
    }
    return Add(number, state);
  }

  static format::BranchState Bare(const BranchInfo& info) {
    format::BranchState state;
    *state.mutable_branch() = info.branch;
    state.set_last_epoch(info.last_epoch);
    state.set_read_started_ms(info.read_started_ms);
    state.set_read_ended_ms(info.read_ended_ms);
    state.set_log_start_offset(info.log_start_offset);
    return state;
  }

  Status Add(int32_t number, const format::BranchState& state) {
    size_t more = state.ByteSizeLong() + 16;
    if (bytes_ > 0 && bytes_ + more > kRecordBytesAim) MB_RETURN_IF_ERROR(Flush());
    bytes_ += more;
    format::TopicState* topic = record_.mutable_topic();
    int count = topic->partitions_size();
    if (count == 0 || topic->partitions(count - 1).partition() != number) {
      topic->add_partitions()->set_partition(number);
      ++count;
    }
    *topic->mutable_partitions(count - 1)->add_branches() = state;
    return Status::Ok();
  }

  const TopicInfo& topic_;
  const RecordSink& sink_;
  format::CheckpointRecord record_;
  size_t bytes_ = 0;
};

// Everything but the header.
Status WriteBody(const State& state, const RecordSink& sink) {
  for (const auto& [key, topic] : state.topics) {
    MB_RETURN_IF_ERROR(TopicWriter(*topic, sink).Write());
  }
  format::CheckpointRecord record;
  for (const format::SnapshotRef& ref : state.snapshots) {
    *record.mutable_snapshot() = ref;
    MB_RETURN_IF_ERROR(sink(record));
  }
  for (const format::LoosePack& loose : state.loose_packs) {
    *record.mutable_loose_pack() = loose;
    MB_RETURN_IF_ERROR(sink(record));
  }
  for (const auto& [name, object] : state.condemned) {
    *record.mutable_condemned() = object;
    MB_RETURN_IF_ERROR(sink(record));
  }
  for (const format::Pin& pin : state.pins) {
    *record.mutable_pin() = pin;
    MB_RETURN_IF_ERROR(sink(record));
  }
  for (const auto& [id, restore] : state.restores) {
    *record.mutable_restore() = restore;
    MB_RETURN_IF_ERROR(sink(record));
  }
  return Status::Ok();
}

format::CheckpointRecord HeaderOf(const State& state) {
  format::CheckpointRecord record;
  format::CheckpointHeader* header = record.mutable_header();
  header->set_sequence(state.sequence.value());
  header->set_commit_sha256(state.commit_sha256);
  header->set_log_floor(state.log_floor);
  header->set_gc_epoch(state.gc_epoch);
  header->set_store_time_ms(state.store_time_ms);
  header->set_data_key_id(state.data_key_id);
  for (const std::string& feature : state.required_read_features) {
    header->add_required_read_features(feature);
  }
  for (const std::string& feature : state.required_write_features) {
    header->add_required_write_features(feature);
  }
  return record;
}

// Puts records back together into a state.
class Reader {
 public:
  Status Add(const format::CheckpointRecord& record) {
    if (!has_header_) {
      if (!record.has_header()) return Status(Code::kCorrupt, "no header");
      return Header(record.header());
    }
    ++records_;
    switch (record.record_case()) {
      case format::CheckpointRecord::kHeader:
        return Status(Code::kCorrupt, "a second header");
      case format::CheckpointRecord::kTopic:
        return Topic(record.topic());
      case format::CheckpointRecord::kSnapshot:
        state_.snapshots.push_back(record.snapshot());
        return Status::Ok();
      case format::CheckpointRecord::kLoosePack:
        state_.loose_packs.push_back(record.loose_pack());
        return Status::Ok();
      case format::CheckpointRecord::kCondemned:
        state_.condemned[record.condemned().name()] = record.condemned();
        return Status::Ok();
      case format::CheckpointRecord::kPin:
        state_.pins.push_back(record.pin());
        return Status::Ok();
      case format::CheckpointRecord::kRestore:
        state_.restores[record.restore().restore_id()] = record.restore();
        return Status::Ok();
      case format::CheckpointRecord::RECORD_NOT_SET:
        break;
    }
    return Status(Code::kUnsupported, "a record that this program does not know")
        .WithHint("a newer maxbrod writes to this repository: use that version or a later one");
  }

  Result<State> Finish(const std::string& config_sha256) {
    if (!has_header_) return Status(Code::kCorrupt, "no header");
    if (records_ != expected_) {
      return Status(Code::kCorrupt, fmt::format("{} records instead of {}", records_, expected_));
    }
    if (config_sha256_ != config_sha256) {
      return Status(Code::kCorrupt, "belongs to another 'config'");
    }
    for (auto& [key, topic] : topics_) state_.topics[key] = std::move(topic);
    return std::move(state_);
  }

 private:
  Status Header(const format::CheckpointHeader& header) {
    MB_RETURN_IF_ERROR(CheckFeatures("a checkpoint", header.required_read_features()));
    has_header_ = true;
    expected_ = header.records();
    config_sha256_ = header.config_sha256();
    state_.sequence = Sequence(header.sequence());
    state_.commit_sha256 = header.commit_sha256();
    state_.store_time_ms = header.store_time_ms();
    state_.gc_epoch = header.gc_epoch();
    state_.log_floor = header.log_floor();
    state_.data_key_id = header.data_key_id();
    state_.required_read_features.insert(header.required_read_features().begin(),
                                         header.required_read_features().end());
    state_.required_write_features.insert(header.required_write_features().begin(),
                                          header.required_write_features().end());
    return Status::Ok();
  }

  Status Topic(const format::TopicState& in) {
    TopicKey key = MakeTopicKey(in.topic_id(), in.topic());
    std::shared_ptr<TopicInfo>& topic = topics_[key];
    if (topic == nullptr) topic = std::make_shared<TopicInfo>();
    topic->id = key.id;
    topic->name = in.topic();
    topic->manifests.insert(topic->manifests.end(), in.manifests().begin(), in.manifests().end());
    for (const format::PartitionState& partition : in.partitions()) {
      std::vector<BranchInfo>& branches = topic->partitions[partition.partition()].branches;
      for (const format::BranchState& branch : partition.branches()) AddBranch(branch, &branches);
    }
    return Status::Ok();
  }

  static void AddBranch(const format::BranchState& in, std::vector<BranchInfo>* branches) {
    auto it = std::find_if(branches->begin(), branches->end(), [&](const BranchInfo& info) {
      return info.branch.id() == in.branch().id();
    });
    if (it == branches->end()) it = branches->insert(branches->end(), BranchInfo());
    it->branch = in.branch();
    it->last_epoch = in.last_epoch();
    it->read_started_ms = in.read_started_ms();
    it->read_ended_ms = in.read_ended_ms();
    it->log_start_offset = in.log_start_offset();
    for (const format::CoveredRange& range : in.covered()) {
      it->covered.Add(range.start_offset(), range.end_offset());
    }
  }

  bool has_header_ = false;
  uint64_t records_ = 0;
  uint64_t expected_ = 0;
  std::string config_sha256_;
  std::map<TopicKey, std::shared_ptr<TopicInfo>> topics_;
  State state_;
};

}  // namespace

Result<Bytes> EncodeCheckpoint(const State& state, const std::string& config_sha256,
                               const std::string& previous, const Keyring* keys) {
  uint64_t records = 0;
  MB_RETURN_IF_ERROR(WriteBody(state, [&](const format::CheckpointRecord&) {
    ++records;
    return Status::Ok();
  }));
  format::CheckpointRecord header = HeaderOf(state);
  header.mutable_header()->set_config_sha256(config_sha256);
  header.mutable_header()->set_previous(previous);
  header.mutable_header()->set_records(records);
  // The hash that ends its name is not known yet, and does not matter.
  ObjectBuilder builder(ObjectType::kCheckpoint, keys, CheckpointName(state.sequence, ""));
  MB_RETURN_IF_ERROR(builder.Add(header));
  MB_RETURN_IF_ERROR(WriteBody(
      state, [&](const format::CheckpointRecord& record) { return builder.Add(record); }));
  Bytes stored = builder.Finish();
  if (stored.size() > kSmallObjectBytesMax) {
    return Status(Code::kInternal, fmt::format("a checkpoint of {} bytes", stored.size()));
  }
  return stored;
}

Result<State> DecodeCheckpoint(const std::string& name, ByteView stored,
                               const std::string& config_sha256, const Keyring* keys) {
  Sequence sequence;
  std::string hash;
  if (!ParseCheckpointName(name, &sequence, &hash)) {
    return Status(Code::kCorrupt, name + ": not the name of a checkpoint");
  }
  if (ToHex(AsBytes(Sha256String(stored))).compare(0, hash.size(), hash) != 0) {
    return Status(Code::kCorrupt, name + ": its bytes are not those its name tells");
  }
  Reader reader;
  auto add = [&](ByteView bytes) {
    format::CheckpointRecord record;
    if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return Status(Code::kCorrupt, name + ": a record that cannot be parsed");
    }
    return reader.Add(record).WithContext(name);
  };
  MB_RETURN_IF_ERROR(ReadObject(ObjectType::kCheckpoint, name, stored, add, keys));
  Result<State> state = reader.Finish(config_sha256);
  if (!state.ok()) return state.status().WithContext(name);
  if (state->sequence != sequence) {
    return Status(Code::kCorrupt,
                  fmt::format("{}: holds the state of commit {}", name, state->sequence.value()));
  }
  return state;
}

Result<std::vector<CheckpointInfo>> ListCheckpoints(store::Store& store, size_t limit,
                                                    const CallContext& context) {
  constexpr size_t kPageMax = 1000;
  std::vector<CheckpointInfo> out;
  std::string after;
  while (out.size() < limit) {
    MB_ASSIGN_OR_RETURN(
        store::ListPage page,
        store.List(kCheckpointPrefix, after, std::min(kPageMax, limit - out.size()), context));
    for (const store::ObjectInfo& object : page.objects) {
      after = object.name;
      CheckpointInfo info{object.name, Sequence(), object.modified_ms};
      std::string hash;
      if (ParseCheckpointName(object.name, &info.sequence, &hash)) out.push_back(std::move(info));
    }
    if (!page.truncated) break;
  }
  return out;
}

Result<State> ReadCheckpoint(store::Store& store, const CheckpointInfo& info,
                             const std::string& config_sha256, const CallContext& context) {
  MB_ASSIGN_OR_RETURN(Bytes stored, store.Get(info.name, kSmallObjectBytesMax, context));
  return DecodeCheckpoint(info.name, stored, config_sha256, KeysOf(store));
}

std::string CanonicalState(const State& state) {
  std::string out = HeaderOf(state).SerializeAsString();
  Status status = WriteBody(state, [&](const format::CheckpointRecord& record) {
    std::string bytes = record.SerializeAsString();
    out += std::to_string(bytes.size()) + ":" + bytes;
    return Status::Ok();
  });
  MB_CHECK(status.ok());
  return out;
}

}  // namespace maxbrod::repo
