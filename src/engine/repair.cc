#include "engine/repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/user_time.h"
#include "engine/list_prices.h"
#include "repo/checkpoint.h"
#include "repo/content_object.h"
#include "repo/offset_maps.h"
#include "repo/pack_copier.h"
#include "repo/pack_reader.h"
#include "repo/snapshot_codec.h"
#include "repo/unlock.h"

namespace maxbrod::engine {
namespace {

constexpr size_t kListLimit = 1000;
constexpr size_t kCheckpointsMax = 1'000'000;
constexpr uint64_t kPackBytes = 128 * kMiB;

bool IsLoss(const Status& status) {
  return status.code() == Code::kCorrupt || status.code() == Code::kNotFound;
}

struct KnownPack {
  format::PackRef ref;
  std::map<uint64_t, repo::BlockEntry> blocks;  // by place
  bool loose = false;
};

class Repairer {
 public:
  Repairer(repo::Repository& repository, const RepairOptions& options, Progress& progress,
           const CallContext& context)
      : repository_(repository),
        store_(repository.store()),
        cache_(repository.index_cache()),
        options_(options),
        progress_(progress),
        context_(context) {}

  Result<RepairReport> Run() {
    MB_ASSIGN_OR_RETURN(state_, repository_.Refresh(context_));
    progress_.Begin("looking at the log, manifests and snapshots", 0, 0);
    MB_RETURN_IF_ERROR(LookAtConfigs());
    MB_RETURN_IF_ERROR(LookAtLog());
    MB_RETURN_IF_ERROR(LookAtSlots());
    MB_RETURN_IF_ERROR(LookAtOffsetMaps());
    MB_RETURN_IF_ERROR(LookAtManifests());
    MB_RETURN_IF_ERROR(LookAtPacks());
    MB_RETURN_IF_ERROR(RebuildManifests());
    MB_RETURN_IF_ERROR(JudgePacks());
    MB_RETURN_IF_ERROR(Preview());
    for (const RepairItem& item : report_.items) report_.incurable += item.curable ? 0 : 1;
    report_.head = repository_.head();
    if (options_.dry_run) return std::move(report_);
    MB_RETURN_IF_ERROR(CheckLoss());
    MB_RETURN_IF_ERROR(Cure());
    report_.head = repository_.head();
    return std::move(report_);
  }

 private:
  void Found(std::string object, std::string what, std::string cure, bool curable = true) {
    report_.items.push_back({std::move(object), std::move(what), std::move(cure), curable});
  }

  Status LookAtConfigs() {
    for (const char* name : {repo::kConfigName, repo::kConfigCopyName}) {
      auto stored = store_.Get(name, kMiB, context_);
      if (stored.ok() && *stored == repository_.log().config().stored) continue;
      if (!stored.ok() && !IsLoss(stored.status())) return stored.status();
      const bool there = stored.ok() || stored.status().code() == Code::kCorrupt;
      bad_configs_.emplace_back(name, there);
      Found(name, there ? "is not the config that the commits name" : "is missing",
            "written from the other copy");
    }
    return Status::Ok();
  }

  Status LookAtLog() {
    MB_ASSIGN_OR_RETURN(auto all, repo::ListCheckpoints(store_, kCheckpointsMax, context_));
    Sequence newest;
    const std::string config = repository_.log().config().sha256;
    constexpr char kCure[] = "a checkpoint of the head is written; prune trims what lies before it";
    size_t broken = 0;
    for (const repo::CheckpointInfo& info : all) {
      auto read = repo::ReadCheckpoint(store_, info, config, context_);
      if (read.ok()) {
        newest = std::max(newest, info.sequence);
        continue;
      }
      if (!IsLoss(read.status())) return read.status();
      Found(info.name, read.status().message(), kCure);
      ++broken;
    }
    const uint64_t floor = std::max<uint64_t>(state_->log_floor, 1);
    for (uint64_t n = floor; n <= state_->sequence.value(); ++n) {
      MB_RETURN_IF_ERROR(context_.Check());
      auto commit = repo::ReadCommit(store_, Sequence(n), config, context_);
      if (commit.ok()) continue;
      if (!IsLoss(commit.status())) return commit.status();
      Found(repo::LogName(Sequence(n)), commit.status().message(), kCure);
      ++broken;
    }
    needs_checkpoint_ = broken > 0 && newest < state_->sequence;
    return Status::Ok();
  }

  Status LookAtSlots() {
    const repo::Keyring* keys = repository_.keys();
    if (keys == nullptr) return Status::Ok();
    MB_ASSIGN_OR_RETURN(auto slots, repo::ListKeySlots(store_, keys->repository_id(), context_));
    for (const repo::KeySlotInfo& slot : slots) {
      if (slot.problem.ok()) continue;
      Found(slot.view.name, slot.problem.message(), "add another: maxbrod keys add", false);
    }
    return Status::Ok();
  }

  Status LookAtOffsetMaps() {
    for (const auto& [id, restore] : state_->restores) {
      for (const format::ObjectRef& ref : restore.offset_maps()) {
        Status status = repo::CheckOffsetMaps(store_, ref, context_);
        if (status.ok()) continue;
        if (!IsLoss(status)) return status;
        Found(repo::OffsetMapName(ref), status.message(),
              "bring it back from a copy of the repository, or restore again", false);
      }
    }
    return Status::Ok();
  }

  Status TakeManifest(const format::ObjectRef& ref, const repo::TopicKey& key,
                      const std::string& topic) {
    if (!seen_.insert(ref.sha256()).second) return Status::Ok();
    MB_RETURN_IF_ERROR(context_.Check());
    auto shard = cache_.Manifest(store_, ref, context_);
    if (!shard.ok()) {
      if (!IsLoss(shard.status())) return shard.status();
      lost_manifests_[ref.sha256()] = {key, topic};
      Found(repo::ManifestName(ref), shard.status().message(),
            "rebuilt from the indexes of the packs, for topic '" + topic + "'");
      return Status::Ok();
    }
    for (const repo::BlockEntry& entry : (*shard)->entries) {
      const format::PackRef& pack = (*shard)->packs[entry.pack];
      KnownPack& known = packs_[repo::PackName(pack)];
      known.ref = pack;
      known.blocks.emplace(entry.place.pack_offset, entry);
    }
    return Status::Ok();
  }

  Status LookAtManifests() {
    for (const format::LoosePack& loose : state_->loose_packs) {
      KnownPack& known = packs_[repo::PackName(loose.pack())];
      known.ref = loose.pack();
      known.loose = true;
    }
    for (const auto& [key, topic] : state_->topics) {
      for (const format::ObjectRef& ref : topic->manifests) {
        MB_RETURN_IF_ERROR(TakeManifest(ref, key, topic->name));
      }
    }
    for (const format::SnapshotRef& ref : state_->snapshots) {
      const std::string name = repo::SnapshotObjectName(ref.object());
      auto stored = repo::GetContentObject(store_, "snapshot", ref.object(), context_);
      auto contents = stored.ok() ? repo::DecodeSnapshot(name, *stored, repository_.keys())
                                  : Result<repo::SnapshotContents>(stored.status());
      if (!contents.ok()) {
        if (!IsLoss(contents.status())) return contents.status();
        Found(name, contents.status().message(),
              fmt::format("bring it back from a copy of the repository, or let the snapshot go: "
                          "maxbrod forget {}",
                          ref.name()),
              false);
        continue;
      }
      request_.snapshots.insert(ref.object().sha256());
      for (const format::TopicSnapshot& topic : contents->topics) {
        for (const format::ObjectRef& manifest : topic.manifests()) {
          MB_RETURN_IF_ERROR(TakeManifest(
              manifest, repo::MakeTopicKey(topic.topic_id(), topic.topic()), topic.topic()));
        }
      }
    }
    return Status::Ok();
  }

  // Which packs are there, and which of the known ones are not whole.
  Status LookAtPacks() {
    for (const char* prefix : {repo::kSmallPackPrefix, repo::kPackPrefix}) {
      std::string after;
      for (bool more = true; more;) {
        MB_RETURN_IF_ERROR(context_.Check());
        MB_ASSIGN_OR_RETURN(store::ListPage page, store_.List(prefix, after, kListLimit, context_));
        more = page.truncated && !page.objects.empty();
        for (const store::ObjectInfo& info : page.objects) {
          after = info.name;
          stored_[info.name] = info;
        }
      }
    }
    progress_.Begin(options_.read_data ? "reading packs" : "looking at packs", 0, packs_.size());
    for (const auto& [name, pack] : packs_) {
      progress_.Add(0, 1);
      auto there = stored_.find(name);
      if (there == stored_.end()) {
        bad_packs_[name] = "is missing";
      } else if (there->second.size != pack.ref.length()) {
        bad_packs_[name] =
            fmt::format("has {} bytes instead of {}", there->second.size, pack.ref.length());
      } else if (options_.read_data && !MayBeArchived(there->second.storage_class)) {
        std::vector<repo::PackDamage> damage;
        Status status = repo::ScanPack(
            store_, pack.ref, [](const repo::BlockEntry&, ByteView) { return Status::Ok(); },
            &damage, context_);
        if (!status.ok() && !IsLoss(status)) return status;
        if (!status.ok()) bad_packs_[name] = status.message();
        if (!damage.empty()) bad_packs_[name] = damage.front().what;
      }
    }
    return Status::Ok();
  }

  // The blocks of all packs, by topic: what lost manifests can have held.
  Status RebuildManifests() {
    if (lost_manifests_.empty()) return Status::Ok();
    std::map<repo::TopicKey, std::shared_ptr<repo::TopicManifest>> topics;
    for (const auto& [sha, lost] : lost_manifests_) {
      auto& topic = topics[lost.first];
      if (topic == nullptr) topic = std::make_shared<repo::TopicManifest>();
      topic->topic_id = lost.first.id;
      topic->topic = lost.second;
    }
    progress_.Begin("reading the indexes of packs", 0, stored_.size());
    for (const auto& [name, info] : stored_) {
      MB_RETURN_IF_ERROR(context_.Check());
      progress_.Add(0, 1);
      auto condemned = state_->condemned.find(name);
      if (condemned != state_->condemned.end()) continue;
      auto known = packs_.find(name);
      if (known != packs_.end() && known->second.loose) continue;
      MB_RETURN_IF_ERROR(
          AddIndexOf(name, known == packs_.end() ? nullptr : &known->second, &topics));
    }
    for (const auto& [sha, lost] : lost_manifests_) request_.rebuilt[sha] = topics[lost.first];
    return Status::Ok();
  }

  Status AddIndexOf(const std::string& name, const KnownPack* known,
                    std::map<repo::TopicKey, std::shared_ptr<repo::TopicManifest>>* topics) {
    format::PackRef ref;
    if (known != nullptr) {
      ref = known->ref;
    } else {
      PackId id;
      bool small = false;
      if (!repo::ParsePackName(name, &id, &small)) return Status::Ok();
      auto recovered = repo::RecoverPackRef(store_, id, small, context_);
      if (!recovered.ok() && IsLoss(recovered.status())) return Status::Ok();
      MB_RETURN_IF_ERROR(recovered.status());
      ref = std::move(*recovered);
    }
    auto entries = repo::ReadPackIndex(store_, ref, context_);
    if (!entries.ok()) return IsLoss(entries.status()) ? Status::Ok() : entries.status();
    for (repo::BlockEntry& entry : *entries) {
      auto topic = topics->find(
          repo::MakeTopicKey(repo::UuidToString(entry.owner.topic_id.id), entry.owner.topic));
      if (topic == topics->end()) continue;
      repo::TopicManifest& manifest = *topic->second;
      if (manifest.packs.empty() || manifest.packs.back().id() != ref.id()) {
        manifest.packs.push_back(ref);
      }
      entry.pack = static_cast<uint32_t>(manifest.packs.size() - 1);
      entry.place.DropChecks();
      if (known != nullptr) {
        // The commit is that of other manifests: blocks of one pack mostly came together.
        auto same = known->blocks.find(entry.place.pack_offset);
        if (same == known->blocks.end()) same = known->blocks.begin();
        if (same != known->blocks.end()) entry.commit = same->second.commit;
      }
      manifest.entries.push_back(std::move(entry));
    }
    return Status::Ok();
  }

  // Of each damaged pack: which blocks can still be read.
  Status JudgePacks() {
    for (const auto& [name, why] : bad_packs_) {
      MB_RETURN_IF_ERROR(context_.Check());
      KnownPack& pack = packs_.at(name);
      if (pack.loose) {
        MB_RETURN_IF_ERROR(JudgeLoose(name, why, pack));
        continue;
      }
      std::vector<repo::BlockEntry>& good = good_[name];
      for (const auto& [offset, entry] : pack.blocks) {
        Bytes batches;
        Status status = stored_.contains(name)
                            ? repo::ReadBlock(store_, pack.ref, entry, &batches, context_)
                            : Status(Code::kNotFound, "no pack");
        if (status.ok()) {
          good.push_back(entry);
        } else if (!IsLoss(status)) {
          return status;
        }
      }
      Found(name, why,
            good.empty() ? fmt::format("nothing of its {} blocks can be read", pack.blocks.size())
                         : fmt::format("{} of its {} blocks are copied into a new pack",
                                       good.size(), pack.blocks.size()));
      // For the preview they stay where they are.
      auto number = static_cast<uint32_t>(request_.moves.packs.size());
      request_.moves.packs.push_back(pack.ref);
      auto& emptied = request_.moves.emptied[pack.ref.id()];
      for (const repo::BlockEntry& entry : good) {
        emptied[entry.place.pack_offset] = {number, entry.place};
      }
    }
    return Status::Ok();
  }

  // No manifest holds it yet: what its commit claimed is read again by the next backup.
  Status JudgeLoose(const std::string& name, const std::string& why, const KnownPack& pack) {
    uint64_t number = 0;
    for (const format::LoosePack& loose : state_->loose_packs) {
      if (loose.pack().id() == pack.ref.id()) number = loose.commit();
    }
    auto commit =
        repo::ReadCommit(store_, Sequence(number), repository_.log().config().sha256, context_);
    if (!commit.ok()) {
      if (!IsLoss(commit.status())) return commit.status();
      Found(name, why, "what it held is not known any more: bring it back from a copy", false);
      return Status::Ok();
    }
    Found(name, why, "what its commit claimed is released; the next backup reads it again");
    format::CommitRecord fold;
    fold.mutable_fold_packs()->add_pack_ids(pack.ref.id());
    loose_actions_.push_back(std::move(fold));
    for (const format::CommitRecord& record : commit->records) {
      for (const format::TopicClaims& topic : record.add_packs().topics()) {
        format::CommitRecord action;
        format::ReleaseClaims* release = action.mutable_release_claims();
        release->set_topic_id(topic.topic_id());
        release->set_topic(topic.topic());
        for (const format::RangeClaim& claim : topic.claims()) {
          format::ReleasedRange* range = release->add_ranges();
          range->set_partition(claim.partition());
          range->set_branch(claim.branch());
          range->set_start_offset(claim.start_offset());
          range->set_end_offset(claim.end_offset());
          Lose({topic.topic_id(), topic.topic(), claim.partition(), claim.branch(),
                claim.start_offset(), claim.end_offset()});
        }
        loose_actions_.push_back(std::move(action));
      }
    }
    return Status::Ok();
  }

  void Lose(const repo::LostRange& range) {
    if (range.end_offset <= range.start_offset) return;
    auto key = std::tuple(range.topic_id, range.topic, range.partition, range.branch);
    merged_[key].Add(range.start_offset, range.end_offset);
  }

  Status Preview() {
    request_.lost = true;
    request_.reason = fmt::format("lost: damaged in the repository, given up by repair on {}",
                                  FormatUserTime(state_->store_time_ms).substr(0, 10));
    if (!request_.moves.emptied.empty() || !request_.rebuilt.empty()) {
      repo::Reindexer reindexer(store_, cache_, request_);
      MB_ASSIGN_OR_RETURN(repo::ReindexResult result, reindexer.Plan(*state_, false, context_));
      for (const repo::LostRange& range : result.lost) Lose(range);
      for (const format::CommitRecord& action : result.proposal.actions) {
        if (!action.has_edit_snapshot()) continue;
        const auto* ref = state_->FindSnapshotById(action.edit_snapshot().id());
        report_.lossy_snapshots.push_back(ref->name());
      }
    }
    for (const auto& [key, ranges] : merged_) {
      for (auto [start, end] : ranges.ranges()) {
        report_.lost.push_back(
            {std::get<0>(key), std::get<1>(key), std::get<2>(key), std::get<3>(key), start, end});
      }
    }
    return Status::Ok();
  }

  Status CheckLoss() const {
    const uint64_t count = report_.lost.size();
    if (count == 0 || (options_.yes_lose && *options_.yes_lose == count)) return Status::Ok();
    return Status(Code::kInvalidArgument,
                  fmt::format("{} ranges of offsets would be given up as lost{}", count,
                              options_.yes_lose ? fmt::format(", not {}", *options_.yes_lose) : ""))
        .WithHint(fmt::format("look at them with --dry-run; is there no copy of the repository? "
                              "Else add --yes-lose {}",
                              count));
  }

  Status Cure() {
    for (const auto& [name, there] : bad_configs_) {
      if (there) MB_RETURN_IF_ERROR(store_.Remove(name, context_));
      MB_RETURN_IF_ERROR(
          store_.PutIfAbsent(name, repository_.log().config().stored, context_).status());
      report_.changed = true;
    }
    MB_RETURN_IF_ERROR(CureIndexes());
    if (!needs_checkpoint_) return Status::Ok();
    report_.changed = true;
    return repository_.log().WriteCheckpoint(context_).status();
  }

  Status CureIndexes() {
    if (request_.moves.emptied.empty() && request_.rebuilt.empty() && loose_actions_.empty()) {
      return Status::Ok();
    }
    progress_.Begin("copying what can be read", 0, 0);
    repo::PackCopier copier(store_, kPackBytes, context_);
    for (const auto& [name, good] : good_) {
      MB_RETURN_IF_ERROR(copier.Copy(packs_.at(name).ref, good));
    }
    MB_ASSIGN_OR_RETURN(request_.moves, copier.Finish());
    report_.copied_bytes = copier.read_bytes();
    repo::Reindexer reindexer(store_, cache_, request_);
    auto planner = [&](const repo::State& now,
                       const CallContext& plan_context) -> Result<repo::Proposal> {
      MB_ASSIGN_OR_RETURN(repo::ReindexResult result, reindexer.Plan(now, true, plan_context));
      repo::Proposal proposal = std::move(result.proposal);
      proposal.actions.insert(proposal.actions.end(), loose_actions_.begin(), loose_actions_.end());
      return proposal;
    };
    MB_RETURN_IF_ERROR(repository_.log().Append(planner, context_).status());
    report_.changed = true;
    return Status::Ok();
  }

  repo::Repository& repository_;
  store::Store& store_;
  repo::IndexCache& cache_;
  const RepairOptions& options_;
  Progress& progress_;
  const CallContext& context_;
  std::shared_ptr<const repo::State> state_;
  RepairReport report_;
  std::vector<std::pair<std::string, bool>> bad_configs_;  // and whether something is there
  bool needs_checkpoint_ = false;
  std::set<std::string> seen_;  // manifests
  std::map<std::string, std::pair<repo::TopicKey, std::string>> lost_manifests_;
  std::map<std::string, KnownPack> packs_;                     // by name
  std::map<std::string, store::ObjectInfo> stored_;            // packs in the store
  std::map<std::string, std::string> bad_packs_;               // and why
  std::map<std::string, std::vector<repo::BlockEntry>> good_;  // of bad packs
  std::vector<format::CommitRecord> loose_actions_;
  std::map<std::tuple<std::string, std::string, int32_t, uint64_t>, repo::OffsetRanges> merged_;
  repo::ReindexRequest request_;
};

}  // namespace

Result<RepairReport> RunRepair(repo::Repository& repository, const RepairOptions& options,
                               Progress& progress, const CallContext& context) {
  return Repairer(repository, options, progress, context).Run();
}

}  // namespace maxbrod::engine
