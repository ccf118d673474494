#include "repo/conflict.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "repo/pack_writer.h"
#include "repo/state.h"

namespace maxbrod::repo {
namespace {

using Record = format::CommitRecord;

std::string Id(char c) {
  return std::string(16, c);
}

format::ObjectRef Object(char c) {
  format::ObjectRef ref;
  ref.set_sha256(std::string(32, c));
  return ref;
}

std::string PackNameOf(char c) {
  format::PackRef pack;
  pack.set_id(Id(c));
  return PackName(pack);
}

Record Append(char pack, const std::string& topic, uint64_t branch = 0, bool begins = false) {
  Record record;
  record.mutable_add_packs()->add_packs()->set_id(Id(pack));
  auto* claims = record.mutable_add_packs()->add_topics();
  claims->set_topic(topic);
  auto* claim = claims->add_claims();
  claim->set_branch(branch);
  if (begins) claim->mutable_new_branch()->set_id(branch);
  return record;
}
Record Fold(const std::string& topic, char manifest) {
  Record record;
  record.mutable_set_manifests()->set_topic(topic);
  *record.mutable_set_manifests()->add_manifests() = Object(manifest);
  return record;
}
Record AddSnapshot(char id, const std::string& name) {
  Record record;
  record.mutable_add_snapshot()->set_id(Id(id));
  record.mutable_add_snapshot()->set_name(name);
  *record.mutable_add_snapshot()->mutable_object() = Object(id);
  return record;
}
Record Forget(char id) {
  Record record;
  record.mutable_forget_snapshot()->set_id(Id(id));
  return record;
}
Record Hold(char id, bool held = true) {
  Record record;
  record.mutable_hold_snapshot()->set_id(Id(id));
  record.mutable_hold_snapshot()->set_held(held);
  return record;
}
Record Restore(char id, char snapshot, format::RestoreRecord::State state) {
  Record record;
  record.mutable_restore()->set_restore_id(Id(id));
  record.mutable_restore()->set_snapshot_id(Id(snapshot));
  record.mutable_restore()->set_state(state);
  return record;
}
Record RestoreWithMap(char id, char map) {
  Record record = Restore(id, 's', format::RestoreRecord::DONE);
  *record.mutable_restore()->add_offset_maps() = Object(map);
  return record;
}
Record Pin(char id) {
  Record record;
  record.mutable_pin()->set_id(Id(id));
  return record;
}
Record Condemn(const std::string& name) {
  Record record;
  record.mutable_condemn()->add_objects(name);
  return record;
}
Record Doom(const std::string& name) {
  Record record;
  record.mutable_doom()->add_objects(name);
  return record;
}
Record Swept(const std::string& name) {
  Record record;
  record.mutable_swept()->add_objects(name);
  return record;
}
Record Reprieve(const std::string& name) {
  Record record;
  record.mutable_reprieve()->add_objects(name);
  return record;
}
Record Trim(uint64_t floor) {
  Record record;
  record.mutable_trim_log()->set_log_floor(floor);
  return record;
}
Record Rekey(uint32_t key_id) {
  Record record;
  record.mutable_begin_key_epoch()->set_key_id(key_id);
  return record;
}
Record Rename(char id, const std::string& name) {
  Record record;
  record.mutable_edit_snapshot()->set_id(Id(id));
  record.mutable_edit_snapshot()->set_name(name);
  return record;
}
Record Replace(char id, char object, char replaces) {
  Record record;
  record.mutable_edit_snapshot()->set_id(Id(id));
  *record.mutable_edit_snapshot()->mutable_object() = Object(object);
  *record.mutable_edit_snapshot()->mutable_replaces() = Object(replaces);
  return record;
}
Record Release(const std::string& topic, uint64_t branch = 0) {
  Record record;
  record.mutable_release_claims()->set_topic(topic);
  record.mutable_release_claims()->add_ranges()->set_branch(branch);
  return record;
}

bool Again(const Record& mine, const Record& theirs,
           const std::vector<std::string>& references = {}) {
  Proposal proposal;
  proposal.actions = {mine};
  proposal.references = references;
  Commit commit;
  commit.records.resize(2);
  commit.records[0].mutable_header();
  commit.records[1] = theirs;
  std::string why;
  bool again = MustReplan(proposal, {commit}, &why);
  EXPECT_EQ(again, !why.empty());
  return again;
}

constexpr auto kBegun = format::RestoreRecord::BEGUN;
constexpr auto kCreated = format::RestoreRecord::CREATED;

// One example of each kind. All touch the same things, wherever two kinds can.
Record Example(ActionKind kind) {
  const std::string pack = PackNameOf('p');
  switch (kind) {
    case ActionKind::kAppend:
      return Append('p', "t");
    case ActionKind::kFold:
      return Fold("t", 'm');
    case ActionKind::kSnapshot:
      return AddSnapshot('s', "name");
    case ActionKind::kForget:
      return Forget('s');
    case ActionKind::kHold:
      return Hold('s');
    case ActionKind::kRestore:
      return Restore('r', 's', kBegun);
    case ActionKind::kPin:
      return Pin('i');
    case ActionKind::kCondemn:
      return Condemn(pack);
    case ActionKind::kDoom:
      return Doom(pack);
    case ActionKind::kSwept:
      return Swept(pack);
    case ActionKind::kReprieve:
      return Reprieve(pack);
    case ActionKind::kTrim:
      return Trim(7);
    case ActionKind::kRelease:
      return Release("t");
    case ActionKind::kRekey:
      return Rekey(3);
    case ActionKind::kEdit:
      return Rename('s', "name");
    case ActionKind::kCheckpoint:
      break;
  }
  return Record();
}

// The page is the truth; the table must say the same.
TEST(ConflictTest, TableIsThatOfTheDocs) {
  std::ifstream in(std::string(MAXBROD_SOURCE_DIR) + "/docs/commit-protocol.md");
  ASSERT_TRUE(in.good());
  std::string line;
  size_t rows = 0;
  bool inside = false;
  while (std::getline(in, line)) {
    if (line.find("mine \\ theirs") != std::string::npos) inside = true;
    if (!inside || line.rfind("| ---", 0) == 0) continue;
    if (line.empty()) break;
    std::istringstream cells(line);
    std::string cell;
    std::vector<std::string> row;
    while (std::getline(cells, cell, '|')) {
      size_t from = cell.find_first_not_of(' ');
      if (from != std::string::npos) {
        row.push_back(cell.substr(from, cell.find_last_not_of(' ') - from + 1));
      }
    }
    ASSERT_EQ(row.size(), kActionKinds + 1) << line;
    for (size_t i = 0; i < kActionKinds; ++i) {
      auto theirs = static_cast<ActionKind>(i);
      if (row[0].find("mine") == 0) {
        EXPECT_EQ(row[i + 1], ActionKindName(theirs));
        continue;
      }
      auto mine = static_cast<ActionKind>(rows);
      const char* marks[] = {".", "N", "R"};
      EXPECT_EQ(row[i + 1], marks[static_cast<size_t>(ConflictOf(mine, theirs).verdict)])
          << row[0] << " / " << ActionKindName(theirs);
    }
    if (row[0].find("mine") != 0) {
      EXPECT_EQ(row[0], ActionKindName(static_cast<ActionKind>(rows)));
      ++rows;
    }
  }
  EXPECT_EQ(rows, kActionKinds);
}

// Each cell through the function that reads the table: what always plans again does, what never
// does does not, even when both touch the same things.
TEST(ConflictTest, EveryCellIsObeyed) {
  for (size_t m = 0; m + 1 < kActionKinds; ++m) {
    for (size_t t = 0; t + 1 < kActionKinds; ++t) {
      auto mine = static_cast<ActionKind>(m);
      auto theirs = static_cast<ActionKind>(t);
      EXPECT_EQ(KindOf(Example(mine)), mine);
      Verdict verdict = ConflictOf(mine, theirs).verdict;
      bool again = Again(Example(mine), Example(theirs));
      std::string cell(ActionKindName(mine));
      cell += " / " + std::string(ActionKindName(theirs));
      if (verdict == Verdict::kKeep) {
        EXPECT_FALSE(again) << cell;
      }
      if (verdict == Verdict::kReplan) {
        EXPECT_TRUE(again) << cell;
      }
    }
  }
}

// The cells that look at names: planned again for the same ones, kept for others.
struct NamesCase {
  const char* cell;
  Record mine;
  Record same;
  Record other;
  std::vector<std::string> references;
};

TEST(ConflictTest, CellsThatLookAtNames) {
  const std::string p = PackNameOf('p');
  const std::string q = PackNameOf('q');
  const std::string m = ManifestName(Object('m'));
  const std::string o = OffsetMapName(Object('o'));
  const std::vector<NamesCase> cases = {
      {"append/append: pack", Append('p', "t"), Append('p', "u"), Append('q', "t"), {}},
      {"append/append: branch",
       Append('p', "t", 3, true),
       Append('q', "t", 3, true),
       Append('q', "t", 4, true),
       {}},
      {"append/condemn", Append('p', "t"), Condemn(p), Condemn(q), {}},
      {"append/release", Append('p', "t"), Release("t"), Release("u"), {}},
      {"append/release: branch", Append('p', "t", 3), Release("t", 3), Release("t", 4), {}},
      {"fold/fold", Fold("t", 'm'), Fold("t", 'n'), Fold("u", 'n'), {}},
      {"fold/condemn", Fold("t", 'm'), Condemn(m), Condemn(q), {}},
      {"fold/release", Fold("t", 'm'), Release("t"), Release("u"), {}},
      {"snapshot/snapshot: name",
       AddSnapshot('s', "a"),
       AddSnapshot('r', "a"),
       AddSnapshot('r', "b"),
       {}},
      {"snapshot/snapshot: id",
       AddSnapshot('s', "a"),
       AddSnapshot('s', "b"),
       AddSnapshot('r', "b"),
       {}},
      {"snapshot/condemn", AddSnapshot('s', "a"), Condemn(m), Condemn(q), {m}},
      {"forget/forget", Forget('s'), Forget('s'), Forget('r'), {}},
      {"forget/hold", Forget('s'), Hold('s'), Hold('r'), {}},
      {"forget/edit", Forget('s'), Rename('s', "a"), Rename('r', "a"), {}},
      {"hold/forget", Hold('s'), Forget('s'), Forget('r'), {}},
      {"restore/forget", Restore('r', 's', kBegun), Forget('s'), Forget('t'), {}},
      {"restore/restore",
       Restore('r', 's', kCreated),
       Restore('r', 's', kBegun),
       Restore('q', 's', kBegun),
       {}},
      {"restore/condemn", RestoreWithMap('r', 'o'), Condemn(o), Condemn(q), {}},
      {"condemn/restore", Condemn(o), RestoreWithMap('r', 'o'), RestoreWithMap('r', 'n'), {}},
      {"condemn/append", Condemn(p), Append('p', "t"), Append('q', "t"), {}},
      {"condemn/condemn", Condemn(p), Condemn(p), Condemn(q), {}},
      {"condemn/swept", Condemn(p), Swept(p), Swept(q), {}},
      {"doom/doom", Doom(p), Doom(p), Doom(q), {}},
      {"doom/swept", Doom(p), Swept(p), Swept(q), {}},
      {"doom/reprieve", Doom(p), Reprieve(p), Reprieve(q), {}},
      {"swept/swept", Swept(p), Swept(p), Swept(q), {}},
      {"reprieve/condemn", Reprieve(p), Condemn(p), Condemn(q), {}},
      {"reprieve/doom", Reprieve(p), Doom(p), Doom(q), {}},
      {"reprieve/swept", Reprieve(p), Swept(p), Swept(q), {}},
      {"reprieve/reprieve", Reprieve(p), Reprieve(p), Reprieve(q), {}},
      {"snapshot/edit: name", AddSnapshot('s', "a"), Rename('r', "a"), Rename('r', "b"), {}},
      {"edit/snapshot: name", Rename('r', "a"), AddSnapshot('s', "a"), AddSnapshot('s', "b"), {}},
      {"edit/forget", Rename('s', "a"), Forget('s'), Forget('r'), {}},
      {"edit/condemn: object",
       Replace('s', 'n', 'o'),
       Condemn(SnapshotObjectName(Object('n'))),
       Condemn(SnapshotObjectName(Object('o'))),
       {}},
      {"edit/condemn: what it names", Replace('s', 'n', 'o'), Condemn(m), Condemn(q), {m}},
      {"edit/edit: snapshot", Rename('s', "a"), Replace('s', 'n', 'o'), Rename('r', "b"), {}},
      {"edit/edit: name", Rename('s', "a"), Rename('r', "a"), Rename('r', "b"), {}},
      {"release/append", Release("t"), Append('p', "t"), Append('p', "u"), {}},
      {"release/fold", Release("t"), Fold("t", 'm'), Fold("u", 'm'), {}},
      {"release/release", Release("t"), Release("t"), Release("u"), {}},
  };
  std::set<std::pair<ActionKind, ActionKind>> seen;
  for (const NamesCase& c : cases) {
    ActionKind mine = KindOf(c.mine);
    ActionKind theirs = KindOf(c.same);
    EXPECT_EQ(ConflictOf(mine, theirs).verdict, Verdict::kSameNames) << c.cell;
    EXPECT_TRUE(Again(c.mine, c.same, c.references)) << c.cell;
    EXPECT_FALSE(Again(c.mine, c.other, c.references)) << c.cell;
    seen.insert({mine, theirs});
  }
  for (size_t m_kind = 0; m_kind < kActionKinds; ++m_kind) {
    for (size_t t_kind = 0; t_kind < kActionKinds; ++t_kind) {
      auto mine = static_cast<ActionKind>(m_kind);
      auto theirs = static_cast<ActionKind>(t_kind);
      if (ConflictOf(mine, theirs).verdict != Verdict::kSameNames) continue;
      EXPECT_TRUE(seen.contains({mine, theirs}))
          << ActionKindName(mine) << "/" << ActionKindName(theirs) << " has no case here";
    }
  }
}

TEST(ConflictTest, ARestoreThatHasCreatedTopicsOutlivesItsSnapshot) {
  EXPECT_FALSE(Again(Restore('r', 's', kCreated), Forget('s')));
}

TEST(ConflictTest, EveryActionOfACommitIsLookedAt) {
  Proposal mine;
  mine.actions = {Append('p', "t"), Fold("t", 'm')};
  Commit commit;
  commit.records.resize(3);
  commit.records[0].mutable_header();
  commit.records[1] = Pin('i');
  commit.records[2] = Fold("t", 'n');
  std::string why;
  EXPECT_TRUE(MustReplan(mine, {commit}, &why));
  EXPECT_EQ(why, "fold met fold of commit 0");
}

class StateRules : public ::testing::Test {
 protected:
  void SetUp() override {
    state_.snapshots.push_back(AddSnapshot('s', "taken").add_snapshot());
    state_.snapshots.back().set_held(true);
    state_.condemned[PackNameOf('p')].set_name(PackNameOf('p'));
  }
  Status Check(std::vector<Record> actions, std::vector<std::string> references = {}) {
    Proposal proposal;
    proposal.actions = std::move(actions);
    proposal.references = std::move(references);
    return CheckAgainstState(state_, proposal);
  }
  State state_;
};

TEST_F(StateRules, NothingCondemnedIsNamed) {
  EXPECT_EQ(Check({Append('p', "t")}).code(), Code::kConflict);
  EXPECT_TRUE(Check({Append('q', "t")}).ok());
  EXPECT_EQ(Check({Pin('i')}, {PackNameOf('p')}).code(), Code::kConflict);
  EXPECT_TRUE(Check({Reprieve(PackNameOf('p'))}, {PackNameOf('p')}).ok());
}

TEST_F(StateRules, NamesOfSnapshotsAreUnique) {
  EXPECT_EQ(Check({AddSnapshot('r', "taken")}).code(), Code::kAlreadyExists);
  EXPECT_TRUE(Check({AddSnapshot('r', "free")}).ok());
}

TEST_F(StateRules, ASnapshotIsNotRenamedToAnothersName) {
  EXPECT_EQ(Check({Rename('r', "taken")}).code(), Code::kAlreadyExists);
  EXPECT_TRUE(Check({Rename('s', "taken")}).ok()) << "its own";
  EXPECT_TRUE(Check({Rename('r', "free")}).ok());
}

TEST_F(StateRules, NothingCondemnedIsPutInASnapshotsPlace) {
  state_.condemned[SnapshotObjectName(Object('n'))].set_doomed(false);
  EXPECT_EQ(Check({Replace('s', 'n', 's')}).code(), Code::kConflict);
  EXPECT_TRUE(Check({Replace('s', 'm', 's')}).ok());
}

TEST_F(StateRules, WhatIsHeldIsNotForgotten) {
  EXPECT_EQ(Check({Forget('s')}).code(), Code::kConflict);
  state_.snapshots.back().set_held(false);
  EXPECT_TRUE(Check({Forget('s')}).ok());
}

}  // namespace
}  // namespace maxbrod::repo
