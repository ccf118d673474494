// A repository on a store: the one door through which the engine reads and writes backups.
//
// Order of writes: packs, then their commit. Order of a snapshot: packs, manifests, snapshot
// object, commit. docs/commit-protocol.md tells why this is safe with several writers.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "repo/block.h"
#include "repo/block_resolve.h"
#include "repo/commit_log.h"
#include "repo/index_cache.h"
#include "repo/pack_writer.h"
#include "repo/state.h"
#include "repo/unlock.h"
#include "store/store.h"

namespace maxbrod::repo {

struct InitOptions {
  std::string program;  // "maxbrod 0.1.0"
  // Each becomes a key slot; none: a plain repository. The secrets must live during the call.
  struct Slot {
    const SlotSecret* secret = nullptr;
    NewSlot slot;
  };
  std::vector<Slot> slots{};
};

struct OpenOptions {
  std::string program;
  Clock* clock = &Clock::System();
  // Refuse a repository with another id (32 hex digits); empty: any.
  std::string expect_repository_id;
  // What opens an encrypted repository; must live during Open. Null: no key.
  const KeySource* keys = nullptr;
  // Something went wrong that does not stop the work (a checkpoint could not be written, a damaged
  // copy was passed over). May be empty; must not call back into the repository.
  std::function<void(const std::string&)> warn;
  uint64_t checkpoint_every = kCheckpointEvery;  // commits
  uint64_t seed = 0;                             // of jittered waits; 0: random
  ProtocolFaults faults;                         // for tests of the protocol
};

// A snapshot as the engine gives it: manifests, per-partition records/bytes and stats are filled in
// here.
struct SnapshotDraft {
  format::SnapshotHeader header;
  std::vector<format::TopicSnapshot> topics;
  std::vector<format::GroupSnapshot> groups;
  format::ClusterMetadata metadata;
};

// A snapshot as stored.
struct Snapshot {
  format::SnapshotRef ref;
  format::SnapshotHeader header;
  std::vector<format::TopicSnapshot> topics;
  std::vector<format::GroupSnapshot> groups;
  format::ClusterMetadata metadata;
  const format::TopicSnapshot* FindTopic(const std::string& name) const;
};

// Thread-safe. Owns its store.
class Repository {
 public:
  // kAlreadyExists when there is one; kUnsupported when the store ignores conditions.
  static Status Init(store::Store& store, const InitOptions& options, const CallContext& context);
  // kNotFound with a hint ("run maxbrod init") when there is none; kUnsupported for a newer format;
  // kAuthentication, kConflict and others when the key does not fit (unlock.h).
  static Result<std::unique_ptr<Repository>> Open(std::unique_ptr<store::Store> store,
                                                  const OpenOptions& options,
                                                  const CallContext& context);
  ~Repository();

  const format::Config& config() const;
  store::Store& store();
  // Null in a plain repository.
  Keyring* keys();
  // The state as of the last Refresh or own commit.
  std::shared_ptr<const State> state() const;
  // Reads the commits that came since.
  Result<std::shared_ptr<const State>> Refresh(const CallContext& context);
  Receipt head() const;

  // Makes packs and what they cover part of the log. Retries lost races; conflicts are resolved by
  // the table in docs/commit-protocol.md (overlapping claims are harmless: the first commit wins).
  Result<Receipt> CommitPacks(const format::AddPacks& packs, const CallContext& context);
  // Folds loose packs into manifests, stores the snapshot and names it. kAlreadyExists when the
  // name is taken. `packs` may be empty; else they are committed first, by a commit of their own
  // (so they are not lost when the snapshot fails). Fills in of the draft: id (if empty),
  // manifests, generations, branches_used, gaps, records, bytes, max_timestamp, and all stats but
  // new_bytes, stored_bytes and warnings (those two are the packs' sums when zero). A gap that the
  // draft names keeps its reason. Two runs that lose claims to prune meanwhile: kConflict.
  Result<Receipt> CommitSnapshot(const SnapshotDraft& draft, const format::AddPacks& packs,
                                 const CallContext& context);
  // What a restore did. The offset maps that it names were stored before (offset_maps.h).
  // kNotFound: begun from a snapshot that was forgotten. kConflict: another process has taken the
  // restore further, or prune took its maps for abandoned.
  Result<Receipt> CommitRestore(const format::RestoreRecord& record, const CallContext& context);
  // Any other actions (hold, forget, condemn, sweep, pin): as above. Forgetting what another
  // process has forgotten since the last Refresh is success; holding it brings it back
  // (docs/commit-protocol.md).
  Result<Receipt> CommitActions(const std::vector<format::CommitRecord>& actions,
                                const CallContext& context);
  // Begins the next epoch of data keys: packs made from now on, by every process that has read this
  // commit, use it. kUnsupported in a plain repository; kPermission when the keys given are not
  // all.
  Result<Receipt> CommitKeyEpoch(const std::string& reason, const CallContext& context);
  // Optional, after PackWriter::Seal: keeps the pack's entries in memory, so that folding does not
  // read its index back.
  void Remember(const SealedPack& pack);
  // For gc.h and check.h.
  CommitLog& log();
  IndexCache& index_cache();

  // By name, id (hex, at least 4 digits, unambiguous) or "latest". kNotFound lists near names;
  // kInvalidArgument when ambiguous.
  Result<format::SnapshotRef> FindSnapshot(const std::string& name_or_id) const;
  Result<Snapshot> ReadSnapshot(const format::SnapshotRef& ref, const CallContext& context);
  // A snapshot that nobody took (the state at some commit): from now on, in this process only,
  // ReadSnapshot finds it by its reference's id, and a restore may begin from it. Nothing is
  // stored.
  void AddPoint(Snapshot point);
  // Blocks of one topic of a snapshot, trimmed so that each offset comes from exactly one block.
  Result<TopicBlocks> ReadTopicBlocks(const format::TopicSnapshot& topic,
                                      const CallContext& context);

 private:
  struct Impl;
  explicit Repository(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace maxbrod::repo
