// What a commit that lost the race for its slot does about the commits that came between: the table
// of docs/commit-protocol.md as data.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "repo/commit_codec.h"
#include "repo/state.h"

namespace maxbrod::repo {

enum class ActionKind : uint8_t {
  kAppend,      // AddPacks
  kFold,        // SetManifests, FoldPacks
  kSnapshot,    // SnapshotRef
  kForget,      // ForgetSnapshot
  kHold,        // HoldSnapshot
  kRestore,     // RestoreRecord
  kPin,         // Pin
  kCondemn,     // Condemn
  kDoom,        // Doom
  kSwept,       // Swept
  kReprieve,    // Reprieve
  kTrim,        // TrimLog
  kRelease,     // ReleaseClaims
  kRekey,       // BeginKeyEpoch
  kEdit,        // EditSnapshot
  kCheckpoint,  // not a commit: an object beside the log
};
inline constexpr size_t kActionKinds = 16;
// As in the table's headings: "append", "fold", ...
std::string_view ActionKindName(ActionKind kind);
// Of a record that is not the header and that this program knows.
ActionKind KindOf(const format::CommitRecord& record);

enum class Verdict : uint8_t {
  kKeep,       // '.': the actions stay as they are
  kSameNames,  // 'N': plan again if both touch the same thing
  kReplan,     // 'R': plan again
};

// What two actions may both touch; a cell names the classes that count.
enum TouchClass : uint8_t {
  kTouchObjects = 1,       // names of stored objects
  kTouchTopics = 2,        // manifests of a topic
  kTouchSnapshots = 4,     // snapshot ids
  kTouchNames = 8,         // snapshot names
  kTouchBranches = 16,     // branches with claims
  kTouchNewBranches = 32,  // branches that begin
  kTouchRestores = 64,     // restore ids
};
inline constexpr size_t kTouchClasses = 7;

struct ConflictCell {
  Verdict verdict = Verdict::kKeep;
  uint8_t touch = 0;  // TouchClass bits, for kSameNames
};
ConflictCell ConflictOf(ActionKind mine, ActionKind theirs);

// A commit to be: what a planner makes of a state.
struct Proposal {
  std::vector<format::CommitRecord> actions;  // without a header; empty: nothing to commit
  // Objects that the commit relies on besides those its actions name.
  std::vector<std::string> references;
  // Objects that were stored before the state was read: looked up before the commit is sent.
  std::vector<store::ObjectInfo> must_exist;  // name and size
};

// Whether `mine`, planned before `theirs` were committed, must be planned again; `why` then tells.
bool MustReplan(const Proposal& mine, const std::vector<Commit>& theirs, std::string* why);

// The rules that hold between a state and the commit that follows it, whatever came between:
// nothing condemned is named (kConflict), a held snapshot is not forgotten (kConflict), a
// snapshot's name is free (kAlreadyExists). ApplyCommit checks the others.
Status CheckAgainstState(const State& state, const Proposal& proposal);

}  // namespace maxbrod::repo
