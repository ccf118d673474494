#include "repo/conflict.h"

#include <fmt/format.h>

#include <set>

#include "repo/pack_writer.h"
#include "repo/state.h"

namespace maxbrod::repo {
namespace {

constexpr std::array<std::string_view, kActionKinds> kKindNames = {
    "append", "fold",  "snapshot", "forget", "hold",    "restore", "pin",  "condemn",
    "doom",   "swept", "reprieve", "trim",   "release", "rekey",   "edit", "checkpoint"};

constexpr ConflictCell kKeep{Verdict::kKeep, 0};
constexpr ConflictCell kAgain{Verdict::kReplan, 0};
constexpr ConflictCell Same(int touch) {
  return ConflictCell{Verdict::kSameNames, static_cast<uint8_t>(touch)};
}
constexpr ConflictCell kObjects = Same(kTouchObjects);
constexpr ConflictCell kTopics = Same(kTouchTopics);
constexpr ConflictCell kSnapshots = Same(kTouchSnapshots);
constexpr ConflictCell kBranches = Same(kTouchBranches);
constexpr ConflictCell kNames = Same(kTouchNames | kTouchSnapshots);
constexpr ConflictCell kPacks = Same(kTouchObjects | kTouchNewBranches);
constexpr ConflictCell kFolds = Same(kTouchTopics | kTouchObjects);
constexpr ConflictCell kRestores = Same(kTouchRestores);

// Rows: mine; columns: theirs; both in the order of ActionKind. The reasons stand in
// docs/commit-protocol.md; conflict_test.cc holds one test for each cell that is not kKeep, and
// compares the whole table with that page.
constexpr ConflictCell kTable[kActionKinds][kActionKinds] = {
    // append
    {kPacks, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kObjects, kKeep, kKeep, kKeep, kKeep,
     kBranches, kKeep, kKeep, kKeep},
    // fold
    {kKeep, kFolds, kKeep, kKeep, kKeep, kKeep, kKeep, kObjects, kKeep, kKeep, kKeep, kKeep,
     kTopics, kKeep, kKeep, kKeep},
    // snapshot
    {kKeep, kKeep, kNames, kKeep, kKeep, kKeep, kKeep, kObjects, kKeep, kKeep, kKeep, kKeep, kAgain,
     kKeep, kNames, kKeep},
    // forget
    {kKeep, kKeep, kKeep, kSnapshots, kSnapshots, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep,
     kKeep, kKeep, kSnapshots, kKeep},
    // hold
    {kKeep, kKeep, kKeep, kSnapshots, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep,
     kKeep, kKeep, kKeep},
    // restore
    {kKeep, kKeep, kKeep, kSnapshots, kKeep, kRestores, kKeep, kObjects, kKeep, kKeep, kKeep, kKeep,
     kKeep, kKeep, kKeep, kKeep},
    // pin
    {kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep,
     kKeep, kKeep, kKeep},
    // condemn
    {kObjects, kAgain, kAgain, kKeep, kKeep, kObjects, kKeep, kObjects, kKeep, kObjects, kAgain,
     kKeep, kKeep, kKeep, kAgain, kKeep},
    // doom
    {kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kAgain, kKeep, kObjects, kObjects, kObjects, kKeep,
     kKeep, kKeep, kKeep, kKeep},
    // swept
    {kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kObjects, kKeep, kKeep, kKeep,
     kKeep, kKeep, kKeep},
    // reprieve
    {kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kObjects, kObjects, kObjects, kObjects, kKeep,
     kKeep, kKeep, kKeep, kKeep},
    // trim
    {kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kAgain, kKeep,
     kKeep, kKeep, kKeep},
    // release
    {kBranches, kTopics, kAgain, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep,
     kTopics, kKeep, kKeep, kKeep},
    // rekey
    {kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep,
     kAgain, kKeep, kKeep},
    // edit
    {kKeep, kKeep, kNames, kSnapshots, kKeep, kKeep, kKeep, kObjects, kKeep, kKeep, kKeep, kKeep,
     kKeep, kKeep, kNames, kKeep},
    // checkpoint
    {kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep, kKeep,
     kKeep, kKeep, kKeep},
};

// What an action touches, by class (bit number of TouchClass).
struct Touches {
  std::array<std::set<std::string>, kTouchClasses> names;
  void Add(TouchClass touch, std::string name) {
    for (size_t i = 0; i < kTouchClasses; ++i) {
      if (touch == 1u << i) names[i].insert(std::move(name));
    }
  }
  // The first thing that both touch, or empty.
  std::string Common(const Touches& other, uint8_t classes) const {
    for (size_t i = 0; i < kTouchClasses; ++i) {
      if ((classes & (1u << i)) == 0) continue;
      for (const std::string& name : names[i]) {
        if (other.names[i].contains(name)) return name;
      }
    }
    return "";
  }
};

std::string TopicText(const std::string& id, const std::string& name) {
  TopicKey key = MakeTopicKey(id, name);
  return key.name.empty() ? key.id.id.ToHex() : key.name;
}

void TouchAppend(const format::AddPacks& add, Touches* out) {
  for (const format::PackRef& pack : add.packs()) out->Add(kTouchObjects, PackName(pack));
  for (const format::TopicClaims& topic : add.topics()) {
    for (const format::RangeClaim& claim : topic.claims()) {
      std::string text = fmt::format("{}/{}/{}", TopicText(topic.topic_id(), topic.topic()),
                                     claim.partition(), claim.branch());
      if (claim.has_new_branch()) out->Add(kTouchNewBranches, text);
      out->Add(kTouchBranches, std::move(text));
    }
  }
}

template <typename Names>
void TouchObjects(const Names& names, Touches* out) {
  for (const std::string& name : names) out->Add(kTouchObjects, name);
}

void TouchRestore(const format::RestoreRecord& restore, Touches* out) {
  out->Add(kTouchRestores, restore.restore_id());
  for (const format::ObjectRef& ref : restore.offset_maps()) {
    out->Add(kTouchObjects, OffsetMapName(ref));
  }
  // Once topics are created, the restore goes on whatever becomes of the snapshot's name.
  if (restore.state() == format::RestoreRecord::BEGUN) {
    out->Add(kTouchSnapshots, restore.snapshot_id());
  }
}

void TouchEdit(const format::EditSnapshot& edit, Touches* out) {
  out->Add(kTouchSnapshots, edit.id());
  if (edit.has_name()) out->Add(kTouchNames, edit.name());
  if (edit.has_object()) out->Add(kTouchObjects, SnapshotObjectName(edit.object()));
}

void TouchRelease(const format::ReleaseClaims& release, Touches* out) {
  std::string topic = TopicText(release.topic_id(), release.topic());
  for (const format::ReleasedRange& range : release.ranges()) {
    out->Add(kTouchBranches, fmt::format("{}/{}/{}", topic, range.partition(), range.branch()));
  }
  out->Add(kTouchTopics, std::move(topic));
}

Touches TouchesOf(const format::CommitRecord& record) {
  using Record = format::CommitRecord;
  Touches out;
  switch (record.record_case()) {
    case Record::kAddPacks:
      TouchAppend(record.add_packs(), &out);
      break;
    case Record::kSetManifests: {
      const format::SetManifests& set = record.set_manifests();
      out.Add(kTouchTopics, TopicText(set.topic_id(), set.topic()));
      for (const format::ObjectRef& ref : set.manifests()) {
        out.Add(kTouchObjects, ManifestName(ref));
      }
      break;
    }
    case Record::kFoldPacks:
      // Pack ids, which no other action writes like this: they meet other folds only.
      TouchObjects(record.fold_packs().pack_ids(), &out);
      break;
    case Record::kAddSnapshot:
      out.Add(kTouchSnapshots, record.add_snapshot().id());
      out.Add(kTouchNames, record.add_snapshot().name());
      out.Add(kTouchObjects, SnapshotObjectName(record.add_snapshot().object()));
      break;
    case Record::kForgetSnapshot:
      out.Add(kTouchSnapshots, record.forget_snapshot().id());
      break;
    case Record::kHoldSnapshot:
      out.Add(kTouchSnapshots, record.hold_snapshot().id());
      break;
    case Record::kCondemn:
      TouchObjects(record.condemn().objects(), &out);
      break;
    case Record::kSwept:
      TouchObjects(record.swept().objects(), &out);
      break;
    case Record::kReprieve:
      TouchObjects(record.reprieve().objects(), &out);
      break;
    case Record::kDoom:
      TouchObjects(record.doom().objects(), &out);
      break;
    case Record::kRestore:
      TouchRestore(record.restore(), &out);
      break;
    case Record::kReleaseClaims:
      TouchRelease(record.release_claims(), &out);
      break;
    case Record::kEditSnapshot:
      TouchEdit(record.edit_snapshot(), &out);
      break;
    case Record::kHeader:
    case Record::kPin:
    case Record::kTrimLog:
    case Record::kBeginKeyEpoch:
    case Record::RECORD_NOT_SET:
      break;
  }
  return out;
}

// Objects that the proposal makes or keeps reachable.
std::vector<std::string> NamedObjects(const Proposal& proposal) {
  std::vector<std::string> out = proposal.references;
  for (const format::CommitRecord& action : proposal.actions) {
    for (const format::PackRef& pack : action.add_packs().packs()) out.push_back(PackName(pack));
    for (const format::ObjectRef& ref : action.set_manifests().manifests()) {
      out.push_back(ManifestName(ref));
    }
    if (action.has_add_snapshot()) {
      out.push_back(SnapshotObjectName(action.add_snapshot().object()));
    }
    if (action.edit_snapshot().has_object()) {
      out.push_back(SnapshotObjectName(action.edit_snapshot().object()));
    }
    for (const format::ObjectRef& ref : action.restore().offset_maps()) {
      out.push_back(OffsetMapName(ref));
    }
  }
  return out;
}

}  // namespace

std::string_view ActionKindName(ActionKind kind) {
  return kKindNames[static_cast<size_t>(kind)];
}

ActionKind KindOf(const format::CommitRecord& record) {
  using Record = format::CommitRecord;
  switch (record.record_case()) {
    case Record::kAddPacks:
      return ActionKind::kAppend;
    case Record::kSetManifests:
    case Record::kFoldPacks:
      return ActionKind::kFold;
    case Record::kAddSnapshot:
      return ActionKind::kSnapshot;
    case Record::kForgetSnapshot:
      return ActionKind::kForget;
    case Record::kHoldSnapshot:
      return ActionKind::kHold;
    case Record::kRestore:
      return ActionKind::kRestore;
    case Record::kPin:
      return ActionKind::kPin;
    case Record::kCondemn:
      return ActionKind::kCondemn;
    case Record::kDoom:
      return ActionKind::kDoom;
    case Record::kSwept:
      return ActionKind::kSwept;
    case Record::kReprieve:
      return ActionKind::kReprieve;
    case Record::kTrimLog:
      return ActionKind::kTrim;
    case Record::kReleaseClaims:
      return ActionKind::kRelease;
    case Record::kBeginKeyEpoch:
      return ActionKind::kRekey;
    case Record::kEditSnapshot:
      return ActionKind::kEdit;
    case Record::kHeader:
    case Record::RECORD_NOT_SET:
      break;
  }
  MB_CHECK(false);
}

ConflictCell ConflictOf(ActionKind mine, ActionKind theirs) {
  return kTable[static_cast<size_t>(mine)][static_cast<size_t>(theirs)];
}

bool MustReplan(const Proposal& mine, const std::vector<Commit>& theirs, std::string* why) {
  struct Mine {
    ActionKind kind;
    Touches touches;
  };
  std::vector<Mine> actions;
  for (const format::CommitRecord& action : mine.actions) {
    actions.push_back(Mine{KindOf(action), TouchesOf(action)});
    TouchObjects(mine.references, &actions.back().touches);
  }
  for (const Commit& commit : theirs) {
    for (size_t i = 1; i < commit.records.size(); ++i) {
      const format::CommitRecord& other = commit.records[i];
      Touches touched = TouchesOf(other);
      for (const Mine& action : actions) {
        ConflictCell cell = ConflictOf(action.kind, KindOf(other));
        if (cell.verdict == Verdict::kKeep) continue;
        std::string common = action.touches.Common(touched, cell.touch);
        if (cell.verdict == Verdict::kSameNames && common.empty()) continue;
        *why = fmt::format("{} met {} of commit {}", ActionKindName(action.kind),
                           ActionKindName(KindOf(other)), commit.header().sequence());
        return true;
      }
    }
  }
  return false;
}

Status CheckAgainstState(const State& state, const Proposal& proposal) {
  std::set<std::string> reprieved;
  for (const format::CommitRecord& action : proposal.actions) {
    for (const std::string& name : action.reprieve().objects()) reprieved.insert(name);
    const bool renames = action.edit_snapshot().has_name();
    if (action.has_add_snapshot() || renames) {
      const std::string& name =
          renames ? action.edit_snapshot().name() : action.add_snapshot().name();
      const std::string& id = renames ? action.edit_snapshot().id() : action.add_snapshot().id();
      const format::SnapshotRef* other = state.FindSnapshotByName(name);
      if (other != nullptr && other->id() != id) {
        return Status(Code::kAlreadyExists,
                      "a snapshot named '" + other->name() + "' exists already")
            .WithHint("choose another name, or forget that snapshot first");
      }
    }
    if (action.has_forget_snapshot()) {
      const format::SnapshotRef* ref = state.FindSnapshotById(action.forget_snapshot().id());
      if (ref != nullptr && ref->held()) {
        return Status(Code::kConflict, "snapshot '" + ref->name() + "' is held")
            .WithHint("release the hold before forgetting it");
      }
    }
  }
  if (state.condemned.empty()) return Status::Ok();
  for (const std::string& name : NamedObjects(proposal)) {
    if (state.condemned.contains(name) && !reprieved.contains(name)) {
      return Status(Code::kConflict, "'" + name + "' was condemned by prune meanwhile")
          .WithHint("run the command again: what it needs is then stored anew");
    }
  }
  return Status::Ok();
}

}  // namespace maxbrod::repo
