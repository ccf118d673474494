// The fold: what each action of a commit does to the state.
#include <fmt/format.h>

#include <algorithm>

#include "repo/keyring.h"
#include "repo/state.h"

namespace maxbrod::repo {
namespace {

// A loose pack remembers its commit's topics only while they are few: they are a hint for folding.
constexpr int kLoosePackTopicsMax = 16;

Status Contradiction(std::string what) {
  return Status(Code::kCorrupt, std::move(what));
}

std::string Hex(const std::string& bytes) {
  return ToHex(AsBytes(bytes));
}

// Applies the actions of one commit. Topics changed here are cloned once and put back at the end.
class Applier {
 public:
  Applier(const format::CommitHeader& header, State* state) : header_(header), state_(state) {}

  Status Apply(const format::CommitRecord& record);
  void Finish();

 private:
  TopicInfo& Topic(const std::string& id, const std::string& name);
  Status AddPacks(const format::AddPacks& add);
  Status Claim(TopicInfo& topic, const format::RangeClaim& claim);
  Result<BranchInfo*> ClaimedBranch(TopicInfo& topic, const format::RangeClaim& claim);
  Status SetManifests(const format::SetManifests& set);
  Status FoldPacks(const format::FoldPacks& fold);
  Status AddSnapshot(const format::SnapshotRef& ref);
  Status Forget(const format::ForgetSnapshot& forget);
  Status Hold(const format::HoldSnapshot& hold);
  Status Edit(const format::EditSnapshot& edit);
  Status Condemn(const format::Condemn& condemn);
  Status Doom(const format::Doom& doom);
  Status Swept(const format::Swept& swept);
  Status Reprieve(const format::Reprieve& reprieve);
  Status SetPin(const format::Pin& pin);
  Status Restore(const format::RestoreRecord& restore);
  Status TrimLog(const format::TrimLog& trim);
  Status BeginKeyEpoch(const format::BeginKeyEpoch& begin);
  Status Release(const format::ReleaseClaims& release);

  const format::CommitHeader& header_;
  State* state_;
  std::map<TopicKey, std::shared_ptr<TopicInfo>> changed_;
};

Status Applier::Apply(const format::CommitRecord& record) {
  using Record = format::CommitRecord;
  switch (record.record_case()) {
    case Record::kHeader:
      return Contradiction("a second header");
    case Record::kAddPacks:
      return AddPacks(record.add_packs());
    case Record::kSetManifests:
      return SetManifests(record.set_manifests());
    case Record::kFoldPacks:
      return FoldPacks(record.fold_packs());
    case Record::kAddSnapshot:
      return AddSnapshot(record.add_snapshot());
    case Record::kForgetSnapshot:
      return Forget(record.forget_snapshot());
    case Record::kHoldSnapshot:
      return Hold(record.hold_snapshot());
    case Record::kEditSnapshot:
      return Edit(record.edit_snapshot());
    case Record::kCondemn:
      return Condemn(record.condemn());
    case Record::kSwept:
      return Swept(record.swept());
    case Record::kReprieve:
      return Reprieve(record.reprieve());
    case Record::kPin:
      return SetPin(record.pin());
    case Record::kRestore:
      return Restore(record.restore());
    case Record::kDoom:
      return Doom(record.doom());
    case Record::kTrimLog:
      return TrimLog(record.trim_log());
    case Record::kBeginKeyEpoch:
      return BeginKeyEpoch(record.begin_key_epoch());
    case Record::kReleaseClaims:
      return Release(record.release_claims());
    case Record::RECORD_NOT_SET:
      break;
  }
  return Status(Code::kUnsupported, "an action that this program does not know")
      .WithHint("a newer maxbrod writes to this repository: use that version or a later one");
}

void Applier::Finish() {
  for (auto& [key, topic] : changed_) state_->topics[key] = std::move(topic);
  changed_.clear();
}

TopicInfo& Applier::Topic(const std::string& id, const std::string& name) {
  TopicKey key = MakeTopicKey(id, name);
  std::shared_ptr<TopicInfo>& topic = changed_[key];
  if (topic == nullptr) {
    auto it = state_->topics.find(key);
    topic = it == state_->topics.end() ? std::make_shared<TopicInfo>()
                                       : std::make_shared<TopicInfo>(*it->second);
    topic->id = key.id;
  }
  topic->name = name;
  return *topic;
}

Status Applier::AddPacks(const format::AddPacks& add) {
  for (const format::PackRef& pack : add.packs()) {
    if (pack.id().size() != 16) return Contradiction("a pack without an id of 16 bytes");
    for (const format::LoosePack& loose : state_->loose_packs) {
      if (loose.pack().id() == pack.id()) {
        return Contradiction("pack " + Hex(pack.id()) + " is added twice");
      }
    }
    format::LoosePack& loose = state_->loose_packs.emplace_back();
    *loose.mutable_pack() = pack;
    loose.set_commit(header_.sequence());
    if (add.topics_size() > kLoosePackTopicsMax) continue;
    for (const format::TopicClaims& topic : add.topics()) loose.add_topic_ids(topic.topic_id());
  }
  for (const format::TopicClaims& claims : add.topics()) {
    if (claims.topic().empty()) return Contradiction("claims without a topic's name");
    TopicInfo& topic = Topic(claims.topic_id(), claims.topic());
    for (const format::RangeClaim& claim : claims.claims()) {
      Status status = Claim(topic, claim);
      if (!status.ok()) {
        return std::move(status).WithContext(
            fmt::format("claim for {}-{}", claims.topic(), claim.partition()));
      }
    }
  }
  return Status::Ok();
}

Result<BranchInfo*> Applier::ClaimedBranch(TopicInfo& topic, const format::RangeClaim& claim) {
  std::vector<BranchInfo>& branches = topic.partitions[claim.partition()].branches;
  auto known = std::find_if(branches.begin(), branches.end(), [&](const BranchInfo& info) {
    return info.branch.id() == claim.branch();
  });
  if (claim.has_new_branch() && claim.new_branch().id() != claim.branch()) {
    return Contradiction("the new branch is not the claimed one");
  }
  if (known != branches.end()) {
    const format::Branch& old = known->branch;
    const format::Branch& same = claim.has_new_branch() ? claim.new_branch() : old;
    if (same.generation() != old.generation() || same.parent() != old.parent() ||
        same.has_parent() != old.has_parent() || same.fork_offset() != old.fork_offset()) {
      return Contradiction(fmt::format("branch {} begins twice", claim.branch()));
    }
    return &*known;
  }
  BranchInfo info;
  if (claim.has_new_branch()) {
    info.branch = claim.new_branch();
    if (info.branch.has_parent()) {
      bool found = info.branch.parent() == 0;
      for (const BranchInfo& other : branches) {
        found = found || other.branch.id() == info.branch.parent();
      }
      if (!found || info.branch.parent() == info.branch.id()) {
        return Contradiction(fmt::format("branch {} has no parent", claim.branch()));
      }
    }
  } else if (claim.branch() != 0) {
    return Contradiction(fmt::format("branch {} is not known", claim.branch()));
  }
  branches.push_back(std::move(info));
  return &branches.back();
}

Status Applier::Claim(TopicInfo& topic, const format::RangeClaim& claim) {
  if (claim.partition() < 0 || claim.start_offset() < 0 ||
      claim.end_offset() < claim.start_offset()) {
    return Contradiction(
        fmt::format("impossible range [{}, {})", claim.start_offset(), claim.end_offset()));
  }
  MB_ASSIGN_OR_RETURN(BranchInfo * info, ClaimedBranch(topic, claim));
  if (claim.end_offset() >= info->covered.end() && claim.last_epoch() >= 0) {
    info->last_epoch = claim.last_epoch();
  }
  info->covered.Add(claim.start_offset(), claim.end_offset());
  if (claim.read_ended_ms() >= info->read_ended_ms) {
    info->read_started_ms = claim.read_started_ms();
    info->read_ended_ms = claim.read_ended_ms();
  }
  info->log_start_offset = std::max(info->log_start_offset, claim.log_start_offset());
  return Status::Ok();
}

Status Applier::SetManifests(const format::SetManifests& set) {
  if (set.topic().empty()) return Contradiction("manifests without a topic's name");
  TopicInfo& topic = Topic(set.topic_id(), set.topic());
  topic.manifests.assign(set.manifests().begin(), set.manifests().end());
  return Status::Ok();
}

Status Applier::FoldPacks(const format::FoldPacks& fold) {
  std::set<std::string> ids(fold.pack_ids().begin(), fold.pack_ids().end());
  size_t before = state_->loose_packs.size();
  std::erase_if(state_->loose_packs,
                [&](const format::LoosePack& loose) { return ids.contains(loose.pack().id()); });
  if (before - state_->loose_packs.size() != ids.size()) {
    return Contradiction("folds packs that are not loose");
  }
  return Status::Ok();
}

Status Applier::AddSnapshot(const format::SnapshotRef& ref) {
  if (ref.id().size() != 16 || ref.name().empty()) {
    return Contradiction("a snapshot without id or name");
  }
  if (state_->FindSnapshotById(ref.id()) != nullptr) {
    return Contradiction("snapshot " + Hex(ref.id()) + " is added twice");
  }
  if (state_->FindSnapshotByName(ref.name()) != nullptr) {
    return Contradiction("snapshot name '" + ref.name() + "' is taken");
  }
  state_->snapshots.push_back(ref);
  return Status::Ok();
}

Status Applier::Forget(const format::ForgetSnapshot& forget) {
  const format::SnapshotRef* ref = state_->FindSnapshotById(forget.id());
  if (ref == nullptr) return Contradiction("forgets an unknown snapshot " + Hex(forget.id()));
  if (ref->held()) return Contradiction("forgets the held snapshot '" + ref->name() + "'");
  std::erase_if(state_->snapshots,
                [&](const format::SnapshotRef& other) { return other.id() == forget.id(); });
  return Status::Ok();
}

Status Applier::Hold(const format::HoldSnapshot& hold) {
  for (format::SnapshotRef& ref : state_->snapshots) {
    if (ref.id() != hold.id()) continue;
    ref.set_held(hold.held());
    return Status::Ok();
  }
  return Contradiction("holds an unknown snapshot " + Hex(hold.id()));
}

Status Applier::Edit(const format::EditSnapshot& edit) {
  auto ref = std::find_if(state_->snapshots.begin(), state_->snapshots.end(),
                          [&](const format::SnapshotRef& r) { return r.id() == edit.id(); });
  if (ref == state_->snapshots.end()) {
    return Contradiction("edits an unknown snapshot " + Hex(edit.id()));
  }
  if (edit.has_name()) {
    const format::SnapshotRef* other = state_->FindSnapshotByName(edit.name());
    if (edit.name().empty() || (other != nullptr && other->id() != edit.id())) {
      return Contradiction("snapshot name '" + edit.name() + "' is taken");
    }
    ref->set_name(edit.name());
  }
  if (edit.has_description()) ref->set_description(edit.description());
  if (edit.set_tags()) *ref->mutable_tags() = edit.tags();
  if (edit.has_object()) {
    if (edit.replaces().sha256() != ref->object().sha256()) {
      return Contradiction("replaces another object of snapshot " + Hex(edit.id()));
    }
    *ref->mutable_object() = edit.object();
  }
  return Status::Ok();
}

Status Applier::Condemn(const format::Condemn& condemn) {
  if (condemn.gc_epoch() < state_->gc_epoch) return Contradiction("the gc epoch goes back");
  state_->gc_epoch = condemn.gc_epoch();
  for (const std::string& name : condemn.objects()) {
    format::CondemnedObject object;
    object.set_name(name);
    object.set_condemned_ms(header_.store_time_ms());
    object.set_gc_epoch(condemn.gc_epoch());
    if (!state_->condemned.emplace(name, std::move(object)).second) {
      return Contradiction("'" + name + "' is condemned twice");
    }
  }
  return Status::Ok();
}

Status Applier::Doom(const format::Doom& doom) {
  for (const format::Pin& pin : state_->pins) {
    if (pin.until_ms() > header_.store_time_ms()) {
      return Contradiction("objects are doomed while " + pin.who() + " holds a pin");
    }
  }
  for (const std::string& name : doom.objects()) {
    auto it = state_->condemned.find(name);
    if (it == state_->condemned.end()) return Contradiction("'" + name + "' is not condemned");
    if (it->second.doomed()) return Contradiction("'" + name + "' is doomed twice");
    it->second.set_doomed(true);
  }
  return Status::Ok();
}

Status Applier::Swept(const format::Swept& swept) {
  for (const std::string& name : swept.objects()) {
    auto it = state_->condemned.find(name);
    if (it == state_->condemned.end() || !it->second.doomed()) {
      return Contradiction("'" + name + "' is swept and was not doomed");
    }
    state_->condemned.erase(it);
  }
  return Status::Ok();
}

Status Applier::Reprieve(const format::Reprieve& reprieve) {
  for (const std::string& name : reprieve.objects()) {
    auto it = state_->condemned.find(name);
    if (it == state_->condemned.end()) return Contradiction("'" + name + "' is not condemned");
    if (it->second.doomed()) return Contradiction("'" + name + "' is doomed already");
    state_->condemned.erase(it);
  }
  return Status::Ok();
}

Status Applier::SetPin(const format::Pin& pin) {
  if (pin.id().size() != 16) return Contradiction("a pin without an id of 16 bytes");
  std::erase_if(state_->pins, [&](const format::Pin& old) { return old.id() == pin.id(); });
  if (!pin.release()) state_->pins.push_back(pin);
  return Status::Ok();
}

Status Applier::Restore(const format::RestoreRecord& restore) {
  if (restore.restore_id().size() != 16) {
    return Contradiction("a restore without an id of 16 bytes");
  }
  state_->restores[restore.restore_id()] = restore;
  return Status::Ok();
}

Status Applier::TrimLog(const format::TrimLog& trim) {
  if (trim.log_floor() <= state_->log_floor || trim.log_floor() > header_.sequence()) {
    return Contradiction(
        fmt::format("log floor {} after floor {}", trim.log_floor(), state_->log_floor));
  }
  state_->log_floor = trim.log_floor();
  return Status::Ok();
}

Status Applier::BeginKeyEpoch(const format::BeginKeyEpoch& begin) {
  if (begin.key_id() <= std::max(state_->data_key_id, kFirstDataKeyId) ||
      begin.key_id() > kDataKeyIdMax) {
    return Contradiction(fmt::format("begins key epoch {} after {}", begin.key_id(),
                                     std::max(state_->data_key_id, kFirstDataKeyId)));
  }
  state_->data_key_id = begin.key_id();
  return Status::Ok();
}

Status Applier::Release(const format::ReleaseClaims& release) {
  TopicInfo& topic = Topic(release.topic_id(), release.topic());
  for (const format::ReleasedRange& range : release.ranges()) {
    auto partition = topic.partitions.find(range.partition());
    BranchInfo* found = nullptr;
    if (partition != topic.partitions.end()) {
      for (BranchInfo& info : partition->second.branches) {
        if (info.branch.id() == range.branch()) found = &info;
      }
    }
    if (found == nullptr) {
      return Contradiction(fmt::format("releases a range of an unknown branch of {}-{}",
                                       release.topic(), range.partition()));
    }
    found->covered.Remove(range.start_offset(), range.end_offset());
  }
  return Status::Ok();
}

Status CheckFollows(const format::CommitHeader& header, const State& state) {
  if (header.sequence() != state.sequence.value() + 1) {
    return Contradiction(fmt::format("holds commit {} where {} is expected", header.sequence(),
                                     state.sequence.value() + 1));
  }
  if (header.previous_sha256() != state.commit_sha256) {
    return Contradiction(fmt::format("does not follow commit {} (its hash is {}, expected {})",
                                     state.sequence.value(), Hex(header.previous_sha256()),
                                     Hex(state.commit_sha256)));
  }
  if (header.store_time_ms() < state.store_time_ms) {
    return Contradiction("is older than the commit before");
  }
  if (header.based_on() >= header.sequence() || header.gc_epoch() > state.gc_epoch) {
    return Contradiction("is based on a future state");
  }
  return Status::Ok();
}

}  // namespace

Status ApplyCommit(const std::vector<format::CommitRecord>& records,
                   const std::string& stored_sha256, State* state) {
  if (records.empty() || !records.front().has_header()) {
    return Contradiction("a commit without a header");
  }
  const format::CommitHeader& header = records.front().header();
  MB_RETURN_IF_ERROR(CheckFollows(header, *state));
  if (header.actions() != records.size() - 1) {
    return Contradiction(
        fmt::format("has {} actions instead of {}", records.size() - 1, header.actions()));
  }
  for (const std::string& feature : header.required_read_features()) {
    state->required_read_features.insert(feature);
  }
  for (const std::string& feature : header.required_write_features()) {
    state->required_write_features.insert(feature);
  }
  Applier applier(header, state);
  for (size_t i = 1; i < records.size(); ++i) MB_RETURN_IF_ERROR(applier.Apply(records[i]));
  applier.Finish();
  std::erase_if(state->pins,
                [&](const format::Pin& pin) { return pin.until_ms() <= header.store_time_ms(); });
  state->sequence = Sequence(header.sequence());
  state->commit_sha256 = stored_sha256;
  state->store_time_ms = header.store_time_ms();
  return Status::Ok();
}

}  // namespace maxbrod::repo
