#include "repo/repository.h"

#include <fmt/format.h>

#include <algorithm>

#include "os/crash_point.h"
#include "repo/content_object.h"
#include "repo/reach.h"
#include "repo/repository_impl.h"
#include "repo/snapshot_codec.h"

namespace maxbrod::repo {
namespace {

// Offsets of the claims that the state covered already: what they rely on beside their own packs.
Status CheckStillCovered(const State& base, const State& now, const format::AddPacks& packs) {
  for (const format::TopicClaims& claims : packs.topics()) {
    TopicKey key = MakeTopicKey(claims.topic_id(), claims.topic());
    const TopicInfo* before = base.FindTopic(key);
    const TopicInfo* after = now.FindTopic(key);
    if (before == nullptr || after == nullptr) continue;
    for (const format::RangeClaim& claim : claims.claims()) {
      auto was = before->partitions.find(claim.partition());
      auto is = after->partitions.find(claim.partition());
      if (was == before->partitions.end() || is == after->partitions.end()) continue;
      const BranchInfo* old_branch = was->second.Find(claim.branch());
      const BranchInfo* new_branch = is->second.Find(claim.branch());
      if (old_branch == nullptr || new_branch == nullptr) continue;
      for (auto [start, end] : old_branch->covered.ranges()) {
        int64_t from = std::max(start, claim.start_offset());
        int64_t to = std::min(end, claim.end_offset());
        if (from >= to || new_branch->covered.Covers(from, to)) continue;
        return Status(Code::kConflict,
                      fmt::format("prune released offsets {} to {} of {}-{} while this run relied "
                                  "on them",
                                  from, to, claims.topic(), claim.partition()))
            .WithHint("run the backup again: it reads them anew");
      }
    }
  }
  return Status::Ok();
}

// The packs that are not in the log yet; none when all are (an earlier try got in).
Result<Proposal> PlanPacks(const format::AddPacks& packs, const State& base, const State& state) {
  MB_RETURN_IF_ERROR(CheckStillCovered(base, state, packs));
  std::set<std::string> loose;
  for (const format::LoosePack& pack : state.loose_packs) loose.insert(pack.pack().id());
  Proposal proposal;
  format::AddPacks add = packs;
  add.clear_packs();
  for (const format::PackRef& pack : packs.packs()) {
    if (loose.contains(pack.id())) continue;
    *add.add_packs() = pack;
    store::ObjectInfo expected;
    expected.name = PackName(pack);
    expected.size = pack.length();
    proposal.must_exist.push_back(std::move(expected));
  }
  if (packs.packs_size() > 0 && add.packs_size() == 0) return Proposal();
  proposal.actions = SplitAddPacks(add);
  return proposal;
}

// A restore goes forward only, and only from a snapshot that is still there when it begins, or from
// a point that this process has made (`of_point`).
Status CheckRestore(const State& state, const format::RestoreRecord& record, bool of_point) {
  auto known = state.restores.find(record.restore_id());
  if (known != state.restores.end() && record.state() < known->second.state()) {
    return Status(Code::kConflict, "another process has taken this restore further")
        .WithHint("wait for it to end, or begin a new restore");
  }
  if (record.state() == format::RestoreRecord::BEGUN && !of_point &&
      state.FindSnapshotById(record.snapshot_id()) == nullptr) {
    return Status(Code::kNotFound, "the snapshot of this restore was forgotten");
  }
  return Status::Ok();
}

std::string Hex(const std::string& bytes) {
  return ToHex(AsBytes(bytes));
}

// "A hold beats a forget that came between": names the snapshot again and reprieves what was
// condemned of it.
Status BringBack(Repository& repository, const format::SnapshotRef& ref, bool held,
                 const State& state, Proposal* proposal, const CallContext& context) {
  std::set<std::string> objects;
  Status status =
      AddSnapshotObjects(repository.store(), ref, repository.index_cache(), &objects, context);
  if (!status.ok() && status.code() != Code::kNotFound) return status;
  std::vector<std::string> reprieved;
  bool gone = !status.ok();
  for (const std::string& name : objects) {
    auto it = state.condemned.find(name);
    if (it == state.condemned.end()) continue;
    gone = gone || it->second.doomed();
    reprieved.push_back(name);
  }
  if (gone) {
    return Status(Code::kNotFound, "snapshot '" + ref.name() +
                                       "' was forgotten, and its data is "
                                       "already being removed");
  }
  format::SnapshotRef again = ref;
  again.set_held(held);
  for (format::CommitRecord& record : SplitNames(NamesKind::kReprieve, reprieved, 0)) {
    proposal->actions.push_back(std::move(record));
  }
  *proposal->actions.emplace_back().mutable_add_snapshot() = again;
  proposal->references.insert(proposal->references.end(), objects.begin(), objects.end());
  return Status::Ok();
}

// Actions as the user meant them against `base`, for the state as it is now.
Result<Proposal> PlanActions(Repository& repository,
                             const std::vector<format::CommitRecord>& actions, const State& base,
                             const State& state, const CallContext& context) {
  Proposal proposal;
  for (const format::CommitRecord& action : actions) {
    if (action.has_forget_snapshot()) {
      const std::string& id = action.forget_snapshot().id();
      if (state.FindSnapshotById(id) == nullptr) {
        if (base.FindSnapshotById(id) != nullptr) continue;  // somebody else was faster
        return Status(Code::kNotFound, "no snapshot with the id " + Hex(id));
      }
    }
    if (action.has_hold_snapshot()) {
      const std::string& id = action.hold_snapshot().id();
      if (state.FindSnapshotById(id) == nullptr) {
        const format::SnapshotRef* ref = base.FindSnapshotById(id);
        if (ref == nullptr) return Status(Code::kNotFound, "no snapshot with the id " + Hex(id));
        if (!action.hold_snapshot().held()) continue;
        MB_RETURN_IF_ERROR(BringBack(repository, *ref, true, state, &proposal, context));
      }
    }
    proposal.actions.push_back(action);
  }
  return proposal;
}

// Of a config that does not fit its keys: kCorrupt where 'config.copy' is another one. OK also when
// that one cannot be read.
Status CompareConfigCopy(store::Store& store, const StoredConfig& config,
                         const CallContext& context) {
  Result<Bytes> stored = store.Get(kConfigCopyName, kMiB, context);
  if (!stored.ok()) return Status::Ok();
  Result<StoredConfig> copy = DecodeConfig(kConfigCopyName, std::move(*stored));
  if (!copy.ok() || copy->sha256 == config.sha256) return Status::Ok();
  auto id = [](const StoredConfig& of) { return ToHex(AsBytes(of.config.repository_id())); };
  return Status(Code::kCorrupt,
                id(*copy) == id(config)
                    ? fmt::format("'{}' and '{}' differ: one was replaced", kConfigName,
                                  kConfigCopyName)
                    : fmt::format("'{}' is of repository {} and '{}' of {}: one was replaced",
                                  kConfigName, id(config), kConfigCopyName, id(*copy)))
      .WithHint("put the right one in the other's place, or bring back an older version");
}

}  // namespace

const format::TopicSnapshot* Snapshot::FindTopic(const std::string& name) const {
  for (const format::TopicSnapshot& topic : topics) {
    if (topic.topic() == name) return &topic;
  }
  return nullptr;
}

Repository::Repository(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Repository::~Repository() = default;

Status Repository::Init(store::Store& store, const InitOptions& options,
                        const CallContext& context) {
  if (options.slots.empty()) return CommitLog::Init(store, options.program, context);
  auto prepare = [&](format::Config* config) -> Status {
    auto keys = Keyring::FromMaster(config->repository_id(), SecretBytes::Random(kMasterKeyBytes));
    config->set_crypto(format::CRYPTO_AES_256_GCM);
    config->set_key_check(keys->KeyCheck());
    for (const InitOptions::Slot& wanted : options.slots) {
      NewSlot slot = wanted.slot;
      slot.program = options.program;
      slot.created_ms = config->created_ms();
      MB_RETURN_IF_ERROR(AddKeySlot(store, *keys, *wanted.secret, slot, context).status());
    }
    return Status::Ok();
  };
  return CommitLog::Init(store, options.program, context, prepare);
}

Result<std::unique_ptr<Repository>> Repository::Open(std::unique_ptr<store::Store> store,
                                                     const OpenOptions& options,
                                                     const CallContext& context) {
  auto impl = std::make_unique<Impl>();
  impl->store = std::move(store);
  impl->options = options;
  CommitLogOptions log;
  log.program = options.program;
  log.clock = options.clock;
  log.checkpoint_every = options.checkpoint_every;
  log.seed = options.seed;
  log.faults = options.faults;
  log.warn = options.warn;
  MB_ASSIGN_OR_RETURN(StoredConfig config, ReadConfig(*impl->store, options.warn, context));
  std::string id = Hex(config.config.repository_id());
  if (!options.expect_repository_id.empty() && options.expect_repository_id != id) {
    return Status(Code::kConflict, fmt::format("{} is repository {}, not {}", impl->store->Url(),
                                               id, options.expect_repository_id))
        .WithHint("the URL points to another repository than --repo-id expects");
  }
  const KeySource none;
  const KeySource& source = options.keys == nullptr ? none : *options.keys;
  auto keys = Unlock(*impl->store, config.config, source, context);
  if (!keys.ok()) {
    // Slots are not the trouble where the config was replaced.
    MB_RETURN_IF_ERROR(CompareConfigCopy(*impl->store, config, context));
    return keys.status();
  }
  impl->options.keys = nullptr;
  if (*keys != nullptr) {
    impl->store = std::make_unique<Vault>(std::shared_ptr<store::Store>(std::move(impl->store)),
                                          std::move(*keys));
  }
  MB_ASSIGN_OR_RETURN(impl->log, CommitLog::Open(*impl->store, log, std::move(config), context));
  return std::unique_ptr<Repository>(new Repository(std::move(impl)));
}

const format::Config& Repository::config() const {
  return impl_->log->config().config;
}
store::Store& Repository::store() {
  return *impl_->store;
}
CommitLog& Repository::log() {
  return *impl_->log;
}
IndexCache& Repository::index_cache() {
  return impl_->cache;
}
std::shared_ptr<const State> Repository::state() const {
  return impl_->log->state();
}
Result<std::shared_ptr<const State>> Repository::Refresh(const CallContext& context) {
  return impl_->log->Refresh(context);
}
Keyring* Repository::keys() {
  return KeysOf(*impl_->store);
}
Receipt Repository::head() const {
  return state()->receipt();
}
void Repository::Remember(const SealedPack& pack) {
  impl_->cache.Remember(pack);
}

Result<Receipt> Repository::CommitPacks(const format::AddPacks& packs, const CallContext& context) {
  CrashPoint("packs.stored");
  std::shared_ptr<const State> base = state();
  Result<Receipt> receipt = impl_->log->Append(
      [&](const State& now, const CallContext&) { return PlanPacks(packs, *base, now); }, context);
  CrashPoint("packs.committed");
  return receipt;
}

Result<Receipt> Repository::CommitKeyEpoch(const std::string& reason, const CallContext& context) {
  if (keys() == nullptr) return Status(Code::kUnsupported, "the repository is not encrypted");
  if (!keys()->full()) {
    return Status(Code::kPermission, "the key given opens one epoch only, not everything")
        .WithHint("use a slot that holds all keys; 'maxbrod keys list' tells which do");
  }
  return impl_->log->Append(
      [&](const State& now, const CallContext&) -> Result<Proposal> {
        Proposal proposal;
        auto* begin = proposal.actions.emplace_back().mutable_begin_key_epoch();
        begin->set_key_id(std::max(now.data_key_id, kFirstDataKeyId) + 1);
        begin->set_reason(reason);
        return proposal;
      },
      context);
}

Result<Receipt> Repository::CommitRestore(const format::RestoreRecord& record,
                                          const CallContext& context) {
  return impl_->log->Append(
      [&](const State& now, const CallContext&) -> Result<Proposal> {
        MB_RETURN_IF_ERROR(CheckRestore(now, record, impl_->HasPoint(record.snapshot_id())));
        Proposal proposal;
        *proposal.actions.emplace_back().mutable_restore() = record;
        for (const format::ObjectRef& ref : record.offset_maps()) {
          store::ObjectInfo expected;
          expected.name = OffsetMapName(ref);
          expected.size = ref.length();
          proposal.must_exist.push_back(std::move(expected));
        }
        return proposal;
      },
      context);
}

Result<Receipt> Repository::CommitActions(const std::vector<format::CommitRecord>& actions,
                                          const CallContext& context) {
  std::shared_ptr<const State> base = state();
  return impl_->log->Append(
      [&](const State& now, const CallContext& plan_context) {
        return PlanActions(*this, actions, *base, now, plan_context);
      },
      context);
}

Result<Receipt> Repository::CommitSnapshot(const SnapshotDraft& draft,
                                           const format::AddPacks& packs,
                                           const CallContext& context) {
  if (draft.header.name().empty() || draft.header.name() == "latest") {
    return Status(Code::kInvalidArgument, "a snapshot needs a name other than 'latest'");
  }
  std::string id = draft.header.id();
  if (id.empty()) {
    MB_ASSIGN_OR_RETURN(Uuid fresh, RandomUuid());
    id = UuidToString(fresh);
  }
  SnapshotDraft filled = draft;
  uint64_t plain = 0;
  uint64_t stored = 0;
  for (const format::PackRef& pack : packs.packs()) {
    plain += pack.plain_bytes();
    stored += pack.length();
  }
  format::SnapshotStats* stats = filled.header.mutable_stats();
  if (stats->new_bytes() == 0) stats->set_new_bytes(plain);
  if (stats->stored_bytes() == 0) stats->set_stored_bytes(stored);
  std::shared_ptr<const State> base = state();
  if (packs.packs_size() > 0 || packs.topics_size() > 0) {
    MB_RETURN_IF_ERROR(CommitPacks(packs, context).status());
    base = state();
  }
  SnapshotPlanner planner(*impl_->store, impl_->cache, filled, id, base);
  Result<Receipt> receipt = impl_->log->Append(
      [&](const State& now, const CallContext& plan_context) {
        return planner.Plan(now, plan_context);
      },
      context);
  CrashPoint("snapshot.committed");
  return receipt;
}

Result<format::SnapshotRef> Repository::FindSnapshot(const std::string& name_or_id) const {
  return FindSnapshotIn(*state(), name_or_id);
}

Result<Snapshot> Repository::ReadSnapshot(const format::SnapshotRef& ref,
                                          const CallContext& context) {
  {
    std::lock_guard lock(impl_->points_mutex);
    auto point = impl_->points.find(ref.id());
    if (point != impl_->points.end()) return point->second;
  }
  Result<Bytes> stored = GetContentObject(*impl_->store, "snapshot", ref.object(), context);
  if (!stored.ok()) return stored.status().WithContext("snapshot '" + ref.name() + "'");
  MB_ASSIGN_OR_RETURN(SnapshotContents contents, DecodeSnapshot(SnapshotObjectName(ref.object()),
                                                                *stored, KeysOf(*impl_->store)));
  if (contents.header.id() != ref.id()) {
    return Status(Code::kCorrupt, "snapshot '" + ref.name() + "': its object is another snapshot");
  }
  Snapshot out;
  out.ref = ref;
  out.header = std::move(contents.header);
  // What was edited since stands in the log alone.
  out.header.set_name(ref.name());
  out.header.set_description(ref.description());
  *out.header.mutable_tags() = ref.tags();
  out.topics = std::move(contents.topics);
  out.groups = std::move(contents.groups);
  out.metadata = std::move(contents.metadata);
  return out;
}

void Repository::AddPoint(Snapshot point) {
  std::lock_guard lock(impl_->points_mutex);
  std::string id = point.ref.id();
  impl_->points[id] = std::move(point);
}

Result<TopicBlocks> Repository::ReadTopicBlocks(const format::TopicSnapshot& topic,
                                                const CallContext& context) {
  std::vector<std::shared_ptr<const TopicManifest>> shards;
  for (const format::ObjectRef& ref : topic.manifests()) {
    MB_ASSIGN_OR_RETURN(auto shard, impl_->cache.Manifest(*impl_->store, ref, context));
    shards.push_back(std::move(shard));
  }
  return ResolveBlocks(topic, shards);
}

}  // namespace maxbrod::repo
