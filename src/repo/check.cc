#include "repo/check.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "repo/content_object.h"
#include "repo/offset_maps.h"
#include "repo/pack_writer.h"
#include "repo/snapshot_codec.h"
#include "repo/unlock.h"

namespace maxbrod::repo {
namespace {

constexpr size_t kListLimit = 1000;
constexpr size_t kCheckpointsMax = 1'000'000;
constexpr size_t kConfigBytesMax = kMiB;

bool IsDamage(const Status& status) {
  return status.code() == Code::kCorrupt || status.code() == Code::kNotFound;
}

class Checker {
 public:
  Checker(CommitLog& log, IndexCache& cache, const CallContext& context)
      : log_(log), store_(log.store()), cache_(cache), context_(context) {}

  Result<CheckReport> Run() {
    MB_RETURN_IF_ERROR(CheckConfigs());
    MB_RETURN_IF_ERROR(CheckSlots());
    MB_ASSIGN_OR_RETURN(state_, log_.Refresh(context_));
    MB_RETURN_IF_ERROR(ReadCheckpoints());
    MB_RETURN_IF_ERROR(WalkLog());
    MB_RETURN_IF_ERROR(CheckTime());
    MB_RETURN_IF_ERROR(CollectReferences());
    MB_RETURN_IF_ERROR(AddOffsetMaps());
    MB_RETURN_IF_ERROR(CompareWithStore());
    report_.packs = packs_.size();
    report_.condemned = state_->condemned.size();
    return std::move(report_);
  }

 private:
  void Error(const std::string& object, std::string what) {
    ++report_.error_count;
    if (report_.errors.size() < kCheckErrorsMax)
      report_.errors.push_back({object, std::move(what)});
  }
  // OK when the status was damage, which is then named.
  Status Name(const std::string& object, const Status& status) {
    if (status.ok() || !IsDamage(status)) return status;
    Error(object, status.message());
    return Status::Ok();
  }

  Status CheckConfigs() {
    for (const char* name : {kConfigName, kConfigCopyName}) {
      auto stored = store_.Get(name, kConfigBytesMax, context_);
      if (!stored.ok()) {
        MB_RETURN_IF_ERROR(Name(name, stored.status()));
      } else if (*stored != log_.config().stored) {
        Error(name, "is not the config that this repository was made with");
      }
    }
    return Status::Ok();
  }

  // The other ways to the keys: a slot that is damaged is noticed before it is needed.
  Status CheckSlots() {
    const Keyring* keys = KeysOf(store_);
    if (keys == nullptr) return Status::Ok();
    MB_ASSIGN_OR_RETURN(auto slots, ListKeySlots(store_, keys->repository_id(), context_));
    for (const KeySlotInfo& slot : slots) {
      if (!slot.problem.ok()) {
        Error(slot.view.name, slot.problem.message());
      } else if (!IsGenuine(slot.view, *keys)) {
        Error(slot.view.name, "was changed by somebody without the keys");
      }
    }
    return Status::Ok();
  }

  Status ReadCheckpoints() {
    MB_ASSIGN_OR_RETURN(auto found, ListCheckpoints(store_, kCheckpointsMax, context_));
    for (const CheckpointInfo& info : found) {
      MB_RETURN_IF_ERROR(context_.Check());
      auto state = ReadCheckpoint(store_, info, log_.config().sha256, context_);
      if (!state.ok()) {
        MB_RETURN_IF_ERROR(Name(info.name, state.status()));
        continue;
      }
      ++report_.checkpoints;
      // States of a busy repository are large: what remains of one is its hash.
      checkpoints_[info.sequence.value()].push_back(
          {info.name, Sha256String(AsBytes(CanonicalState(*state)))});
      if (info.sequence.value() + 1 >= state_->log_floor &&
          (base_name_.empty() || info.sequence < base_.sequence)) {
        base_ = std::move(*state);
        base_name_ = info.name;
      }
    }
    return Status::Ok();
  }

  void CompareCheckpoints(const State& folded) {
    auto it = checkpoints_.find(folded.sequence.value());
    if (it == checkpoints_.end()) return;
    std::string hash = Sha256String(AsBytes(CanonicalState(folded)));
    for (const auto& [name, theirs] : it->second) {
      if (theirs != hash) Error(name, "is not the state that the commits give");
    }
  }

  // Hash chain of all commits from the floor to the head; from the oldest checkpoint on (or the
  // first commit) they are folded as well.
  Status WalkLog() {
    State folded;
    bool folding = state_->log_floor <= 1;
    uint64_t first = std::max<uint64_t>(state_->log_floor, 1);
    std::string previous;
    for (uint64_t n = first; n <= state_->sequence.value(); ++n) {
      MB_RETURN_IF_ERROR(context_.Check());
      if (!folding && !base_name_.empty() && base_.sequence.value() + 1 == n) {
        folded = base_;
        folding = true;
        if (previous.empty()) previous = base_.commit_sha256;
      }
      Sequence sequence(n);
      auto commit = ReadCommit(store_, sequence, log_.config().sha256, context_);
      if (!commit.ok()) {
        MB_RETURN_IF_ERROR(Name(LogName(sequence), commit.status()));
        previous.clear();
        folding = false;
        continue;
      }
      ++report_.commits;
      if (!previous.empty() && commit->header().previous_sha256() != previous) {
        Error(LogName(sequence), "does not follow the commit before it");
      }
      previous = commit->sha256;
      if (!folding) continue;
      Status status = ApplyCommit(commit->records, commit->sha256, &folded);
      if (!status.ok()) {
        MB_RETURN_IF_ERROR(Name(LogName(sequence), status));
        folding = false;
        continue;
      }
      CompareCheckpoints(folded);
    }
    if (folding && state_->sequence == folded.sequence &&
        CanonicalState(folded) != CanonicalState(*state_)) {
      Error(LogName(state_->sequence), "the fold of all commits is not the state it opened with");
    }
    return Status::Ok();
  }

  Status CheckTime() {
    MB_ASSIGN_OR_RETURN(int64_t now, store_.NowMillis(context_));
    if (state_->store_time_ms > now + kFutureMs) {
      Error(LogName(state_->sequence), fmt::format("is {} s in the future of the store's clock",
                                                   (state_->store_time_ms - now) / 1000));
    }
    return Status::Ok();
  }

  Status AddManifest(const format::ObjectRef& ref) {
    std::string name = ManifestName(ref);
    if (!referenced_.insert(name).second) return Status::Ok();
    MB_RETURN_IF_ERROR(context_.Check());
    auto manifest = cache_.Manifest(store_, ref, context_);
    if (!manifest.ok()) return Name(name, manifest.status());
    ++report_.manifests;
    for (const format::PackRef& pack : (*manifest)->packs) AddPack(pack);
    return Status::Ok();
  }

  void AddPack(const format::PackRef& pack) {
    std::string name = PackName(pack);
    auto [it, is_new] = packs_.try_emplace(name, pack.length());
    if (!is_new && it->second != pack.length()) Error(name, "is named with two lengths");
    referenced_.insert(std::move(name));
  }

  Status CollectReferences() {
    for (const format::LoosePack& loose : state_->loose_packs) AddPack(loose.pack());
    for (const auto& [key, topic] : state_->topics) {
      for (const format::ObjectRef& ref : topic->manifests) MB_RETURN_IF_ERROR(AddManifest(ref));
    }
    for (const format::SnapshotRef& ref : state_->snapshots) {
      std::string name = SnapshotObjectName(ref.object());
      referenced_.insert(name);
      auto stored = GetContentObject(store_, "snapshot", ref.object(), context_);
      auto contents = stored.ok() ? DecodeSnapshot(name, *stored, KeysOf(store_)) : stored.status();
      if (!contents.ok()) {
        MB_RETURN_IF_ERROR(Name(name, contents.status()));
        continue;
      }
      if (contents->header.id() != ref.id()) Error(name, "is another snapshot than the log says");
      ++report_.snapshots;
      for (const format::TopicSnapshot& topic : contents->topics) {
        for (const format::ObjectRef& manifest : topic.manifests()) {
          MB_RETURN_IF_ERROR(AddManifest(manifest));
        }
      }
    }
    return Status::Ok();
  }

  Status AddOffsetMaps() {
    for (const auto& [id, restore] : state_->restores) {
      for (const format::ObjectRef& ref : restore.offset_maps()) {
        std::string name = OffsetMapName(ref);
        if (!referenced_.insert(name).second) continue;
        MB_RETURN_IF_ERROR(context_.Check());
        Status status = CheckOffsetMaps(store_, ref, context_);
        MB_RETURN_IF_ERROR(Name(name, status));
        if (status.ok()) ++report_.offset_maps;
      }
    }
    return Status::Ok();
  }

  // What is named and missing, and what is there and not named.
  Status CompareWithStore() {
    std::set<std::string> missing = referenced_;
    for (const char* prefix :
         {kSnapshotPrefix, kManifestPrefix, kOffsetMapPrefix, kSmallPackPrefix, kPackPrefix}) {
      std::string after;
      bool more = true;
      while (more) {
        MB_RETURN_IF_ERROR(context_.Check());
        MB_ASSIGN_OR_RETURN(store::ListPage page, store_.List(prefix, after, kListLimit, context_));
        more = page.truncated && !page.objects.empty();
        for (const store::ObjectInfo& info : page.objects) {
          after = info.name;
          missing.erase(info.name);
          Compare(info);
        }
      }
    }
    for (const std::string& name : missing) {
      if (packs_.contains(name)) Error(name, "is needed and does not exist");
    }
    return Status::Ok();
  }

  void Compare(const store::ObjectInfo& info) {
    bool condemned = state_->condemned.contains(info.name);
    if (!referenced_.contains(info.name)) {
      if (condemned) return;
      report_.unreferenced.push_back(info);
      report_.unreferenced_bytes += info.size;
      return;
    }
    if (condemned) Error(info.name, "is needed and condemned");
    auto pack = packs_.find(info.name);
    if (pack != packs_.end() && pack->second != info.size) {
      Error(info.name, fmt::format("has {} bytes instead of {}", info.size, pack->second));
    }
  }

  CommitLog& log_;
  store::Store& store_;
  IndexCache& cache_;
  const CallContext& context_;
  CheckReport report_;
  std::shared_ptr<const State> state_;
  // By sequence: name and hash of the canonical state.
  std::map<uint64_t, std::vector<std::pair<std::string, std::string>>> checkpoints_;
  State base_;  // the oldest checkpoint that the log still continues
  std::string base_name_;
  std::set<std::string> referenced_;
  std::map<std::string, uint64_t> packs_;  // name and length
};

}  // namespace

Status CheckReport::Outcome() const {
  if (error_count == 0) return Status::Ok();
  const CheckFinding& first = errors.front();
  return Status(Code::kCorrupt, fmt::format("{} problems; the first: {}: {}", error_count,
                                            first.object, first.what));
}

Result<CheckReport> CheckRepository(CommitLog& log, IndexCache& cache, const CallContext& context) {
  return Checker(log, cache, context).Run();
}

}  // namespace maxbrod::repo
