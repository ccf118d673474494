// A repository on a store: the one door through which the engine reads and writes backups.
//
// Order of writes: packs, then their commit. Order of a snapshot: packs, manifests, snapshot object, commit.
// docs/commit-protocol.md tells why this is safe with several writers.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "repo/block.h"
#include "repo/pack_writer.h"
#include "repo/state.h"
#include "store/store.h"

namespace maxbrod::repo {

struct InitOptions {
  std::string program;  // "maxbrod 0.1.0"
};

struct OpenOptions {
  std::string program;
  Clock* clock = &Clock::System();
  // Refuse a repository with another id (32 hex digits); empty: any.
  std::string expect_repository_id;
};

// Printed at the end of each run; the newest commits cut off are noticed only against it.
struct Receipt {
  Sequence sequence;
  std::string sha256;  // 32 bytes
  std::string ToString() const;  // "head=17:9f86d081..."
};

// A snapshot as the engine gives it: manifests, per-partition records/bytes and stats are filled in here.
struct SnapshotDraft {
  format::SnapshotHeader header;
  std::vector<format::TopicSnapshot> topics;
  std::vector<format::GroupSnapshot> groups;
};

// A snapshot as stored.
struct Snapshot {
  format::SnapshotRef ref;
  format::SnapshotHeader header;
  std::vector<format::TopicSnapshot> topics;
  std::vector<format::GroupSnapshot> groups;
  const format::TopicSnapshot* FindTopic(const std::string& name) const;
};

// A block to read for a snapshot's partition, and which part of it: offsets in [use_from, use_to).
// Both ends lie on batch borders, except the snapshot's own start (inside the first batch) and its end.
struct BlockUse {
  BlockEntry entry;
  format::PackRef pack;
  int64_t use_from = 0;
  int64_t use_to = 0;
};

// The block index of one topic at one snapshot: everything a plan needs.
struct TopicBlocks {
  std::map<int32_t, std::vector<BlockUse>> partitions;  // ascending by offset
};

// Thread-safe. Owns its store.
class Repository {
 public:
  // kAlreadyExists when there is one; kUnsupported when the store ignores conditions.
  static Status Init(store::Store& store, const InitOptions& options, const CallContext& context);
  // kNotFound with a hint ("run maxbrod init") when there is none; kUnsupported for a newer format.
  static Result<std::unique_ptr<Repository>> Open(std::unique_ptr<store::Store> store,
                                                  const OpenOptions& options, const CallContext& context);
  ~Repository();

  const format::Config& config() const;
  store::Store& store();
  // The state as of the last Refresh or own commit.
  std::shared_ptr<const State> state() const;
  // Reads the commits that came since.
  Result<std::shared_ptr<const State>> Refresh(const CallContext& context);
  Receipt head() const;

  // Makes packs and what they cover part of the log. Retries lost races; conflicts are resolved by the table
  // in docs/commit-protocol.md (overlapping claims are harmless: the first commit wins).
  Result<Receipt> CommitPacks(const format::AddPacks& packs, const CallContext& context);
  // Folds loose packs into manifests, stores the snapshot and names it. kAlreadyExists when the name is
  // taken. `packs` may be empty; else they are committed together with the snapshot.
  Result<Receipt> CommitSnapshot(const SnapshotDraft& draft, const format::AddPacks& packs,
                                 const CallContext& context);
  Result<Receipt> CommitRestore(const format::RestoreRecord& record, const CallContext& context);
  // Any other actions (hold, forget, condemn, sweep, pin): as above.
  Result<Receipt> CommitActions(const std::vector<format::CommitRecord>& actions,
                                const CallContext& context);

  // By name, id (hex, at least 4 digits, unambiguous) or "latest". kNotFound lists near names; kInvalidArgument
  // when ambiguous.
  Result<format::SnapshotRef> FindSnapshot(const std::string& name_or_id) const;
  Result<Snapshot> ReadSnapshot(const format::SnapshotRef& ref, const CallContext& context);
  // Blocks of one topic of a snapshot, trimmed so that each offset comes from exactly one block.
  Result<TopicBlocks> ReadTopicBlocks(const format::TopicSnapshot& topic, const CallContext& context);

 private:
  struct Impl;
  explicit Repository(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace maxbrod::repo
