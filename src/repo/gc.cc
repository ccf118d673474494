#include "repo/gc.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <span>
#include <thread>

#include "os/crash_point.h"
#include "repo/pack_writer.h"
#include "repo/reach.h"
#include "repo/snapshot_codec.h"
#include "store/object_control.h"

namespace maxbrod::repo {
namespace {

constexpr size_t kListLimit = 1000;
constexpr size_t kCheckpointsMax = 10'000;

// Calls `object` for everything under the prefix.
template <typename Callback>
Status ForEachObject(store::Store& store, const std::string& prefix, const CallContext& context,
                     Callback object) {
  std::string after;
  while (true) {
    MB_RETURN_IF_ERROR(context.Check());
    MB_ASSIGN_OR_RETURN(store::ListPage page, store.List(prefix, after, kListLimit, context));
    for (const store::ObjectInfo& info : page.objects) {
      MB_RETURN_IF_ERROR(object(info));
      after = info.name;
    }
    if (!page.truncated || page.objects.empty()) return Status::Ok();
  }
}

bool IsManifest(const std::string& name) {
  return name.rfind(kManifestPrefix, 0) == 0;
}

// A reference made from a listing: the name tells the hash, the listing the length.
bool ManifestRefOf(const store::ObjectInfo& info, format::ObjectRef* ref) {
  Bytes hash;
  if (!FromHex(std::string_view(info.name).substr(sizeof(kManifestPrefix) - 1), &hash)) {
    return false;
  }
  ref->set_sha256(ToString(hash));
  ref->set_length(info.size);
  return true;
}

// Manifests that nobody reaches but that are too young to be condemned protect their packs.
Status ProtectPacks(store::Store& store, const std::vector<store::ObjectInfo>& manifests,
                    IndexCache& cache, std::set<std::string>* keep, const CallContext& context) {
  for (const store::ObjectInfo& info : manifests) {
    format::ObjectRef ref;
    if (!ManifestRefOf(info, &ref)) continue;
    auto manifest = cache.Manifest(store, ref, context);
    if (!manifest.ok()) {
      Code code = manifest.status().code();
      // Gone, or unusable for whoever wrote it.
      if (code == Code::kNotFound || code == Code::kCorrupt) continue;
      return manifest.status();
    }
    for (const format::PackRef& pack : (*manifest)->packs) keep->insert(PackName(pack));
  }
  return Status::Ok();
}

// Whether the object may be removed now, as far as locks go. A store without locks is not asked.
Result<bool> IsFree(store::Store& store, const store::ObjectInfo& info, int64_t now_ms,
                    std::vector<DeferredObject>* deferred, const CallContext& context) {
  if (store.control() == nullptr) return true;
  Result<store::ObjectStanding> standing = store.control()->Standing(info.name, context);
  if (!standing.ok()) {
    if (standing.status().code() == Code::kNotFound) return true;
    return standing.status();
  }
  bool locked = standing->lock != store::LockMode::kNone && standing->retain_until_ms > now_ms;
  if (!locked && !standing->legal_hold) return true;
  int64_t until = standing->legal_hold ? 0 : standing->retain_until_ms;
  deferred->push_back({info.name, info.size, until});
  return false;
}

// What is found of one object that is due.
struct Look {
  std::string name;
  store::ObjectInfo info;
  bool free = false;
  std::vector<DeferredObject> deferred;
  Status status;
};

Status LookAt(store::Store& store, int64_t now_ms, Look* look, const CallContext& context) {
  MB_RETURN_IF_ERROR(context.Check());
  Result<store::ObjectInfo> info = store.Stat(look->name, context);
  if (!info.ok() && info.status().code() != Code::kNotFound) return info.status();
  look->info = info.ok() ? std::move(*info) : store::ObjectInfo{look->name};
  MB_ASSIGN_OR_RETURN(look->free, IsFree(store, look->info, now_ms, &look->deferred, context));
  return Status::Ok();
}

// Several at once where each asks for a lock: that is a request with a round trip.
void LookAtAll(store::Store& store, int64_t now_ms, std::vector<Look>* looks,
               const CallContext& context) {
  constexpr size_t kThreads = 8;
  std::atomic<size_t> next{0};
  std::atomic<bool> failed{false};
  auto work = [&] {
    for (size_t i = next++; i < looks->size() && !failed; i = next++) {
      Look& look = (*looks)[i];
      look.status = LookAt(store, now_ms, &look, context);
      if (!look.status.ok()) failed = true;
    }
  };
  if (store.control() == nullptr || looks->size() < 2) return work();
  std::vector<std::jthread> threads;
  for (size_t i = 0; i < std::min(kThreads, looks->size()); ++i) threads.emplace_back(work);
}

// Steps 1 of a sweep: which of the condemned are due.
Proposal PlanDoom(const State& state, const SweepPlan& plan) {
  std::vector<std::string> names;
  for (const store::ObjectInfo& info : plan.due) {
    if (!state.condemned.at(info.name).doomed()) names.push_back(info.name);
  }
  Proposal proposal;
  proposal.actions = SplitNames(NamesKind::kDoom, names, 0);
  return proposal;
}

Proposal PlanSwept(const State& state, const std::vector<std::string>& removed) {
  std::vector<std::string> names;
  for (const std::string& name : removed) {
    auto it = state.condemned.find(name);
    if (it != state.condemned.end() && it->second.doomed()) names.push_back(name);
  }
  Proposal proposal;
  proposal.actions = SplitNames(NamesKind::kSwept, names, 0);
  return proposal;
}

// One look at the checkpoints; kNotFound when one was trimmed away under our eyes.
Result<Sequence> LookForFloor(CommitLog& log, const GcOptions& options, uint64_t floor,
                              int64_t now_ms, const CallContext& context) {
  MB_ASSIGN_OR_RETURN(std::vector<CheckpointInfo> all,
                      ListCheckpoints(log.store(), kCheckpointsMax, context));
  for (const CheckpointInfo& info : all) {
    if (info.modified_ms + options.checkpoint_age_ms > now_ms) continue;
    Result<State> state = ReadCheckpoint(log.store(), info, log.config().sha256, context);
    if (!state.ok()) {
      if (state.status().code() == Code::kCorrupt) continue;
      return state.status();
    }
    // Below the floor a slot may hold a stray.
    if (info.sequence.value() < floor) return info.sequence;
    MB_ASSIGN_OR_RETURN(Commit commit,
                        ReadCommit(log.store(), info.sequence, log.config().sha256, context));
    if (commit.sha256 != state->commit_sha256) continue;
    return info.sequence;
  }
  return Sequence(0);
}

// The newest checkpoint that is old enough, holds, and is of the log as it is.
Result<Sequence> FloorCheckpoint(CommitLog& log, const GcOptions& options, uint64_t floor,
                                 int64_t now_ms, const CallContext& context) {
  constexpr int kTries = 3;
  for (int i = 0; i < kTries; ++i) {
    Result<Sequence> found = LookForFloor(log, options, floor, now_ms, context);
    if (found.ok() || found.status().code() != Code::kNotFound) return found;
  }
  return Status(Code::kUnavailable, "checkpoints vanish while they are read").Retryable();
}

Status RemoveQuietly(store::Store& store, const std::string& name, const CallContext& context) {
  Status status = store.Remove(name, context);
  return status.code() == Code::kNotFound ? Status::Ok() : status;
}

// By few requests where the store can.
Status RemoveAll(store::Store& store, std::span<const std::string> names,
                 const CallContext& context) {
  if (store.control() != nullptr && !names.empty()) {
    Status many = store.control()->RemoveMany(names, context);
    if (many.ok()) CrashPoint("sweep.removed");
    if (many.code() != Code::kUnsupported) return many;
  }
  for (const std::string& name : names) {
    MB_RETURN_IF_ERROR(context.Check());
    MB_RETURN_IF_ERROR(RemoveQuietly(store, name, context));
    CrashPoint("sweep.removed");
  }
  return Status::Ok();
}

// Commits below the floor, ascending, and checkpoints before the one below it. Strays of stalled
// writers go as well.
Status RemoveBelow(CommitLog& log, uint64_t floor, GcReport* report, const CallContext& context) {
  store::Store& store = log.store();
  MB_ASSIGN_OR_RETURN(int64_t now, store.NowMillis(context));
  std::string after;
  bool more = true;
  while (more) {
    MB_ASSIGN_OR_RETURN(store::ListPage page, store.List(kLogPrefix, after, kListLimit, context));
    more = page.truncated && !page.objects.empty();
    for (const store::ObjectInfo& info : page.objects) {
      after = info.name;
      Sequence sequence;
      if (!ParseLogName(info.name, &sequence)) continue;
      if (sequence.value() >= floor) {
        more = false;
        break;
      }
      MB_RETURN_IF_ERROR(context.Check());
      MB_ASSIGN_OR_RETURN(bool free, IsFree(store, info, now, &report->deferred, context));
      if (!free) {  // those behind it were written later
        more = false;
        break;
      }
      MB_RETURN_IF_ERROR(RemoveQuietly(store, info.name, context));
      CrashPoint("trim.removed");
      ++report->objects;
      report->bytes += info.size;
    }
  }
  MB_ASSIGN_OR_RETURN(std::vector<CheckpointInfo> all,
                      ListCheckpoints(store, kCheckpointsMax, context));
  for (const CheckpointInfo& info : all) {
    if (info.sequence.value() + 1 >= floor) continue;
    const store::ObjectInfo object{info.name, 0, info.modified_ms};
    MB_ASSIGN_OR_RETURN(bool free, IsFree(store, object, now, &report->deferred, context));
    if (!free) continue;
    MB_RETURN_IF_ERROR(RemoveQuietly(store, info.name, context));
    ++report->objects;
  }
  return Status::Ok();
}

}  // namespace

Result<CondemnPlan> PlanCondemn(store::Store& store, const State& state, IndexCache& cache,
                                const GcOptions& options, int64_t now_ms,
                                const CallContext& context, const std::set<std::string>& also) {
  MB_ASSIGN_OR_RETURN(std::set<std::string> keep, ReachableObjects(store, state, cache, context));
  keep.insert(also.begin(), also.end());
  CondemnPlan plan;
  std::vector<store::ObjectInfo> old;
  std::vector<store::ObjectInfo> young_manifests;
  for (const char* prefix :
       {kSnapshotPrefix, kManifestPrefix, kOffsetMapPrefix, kSmallPackPrefix, kPackPrefix}) {
    MB_RETURN_IF_ERROR(ForEachObject(store, prefix, context, [&](const store::ObjectInfo& info) {
      if (state.condemned.contains(info.name)) return Status::Ok();
      ++plan.all_objects;
      plan.all_bytes += info.size;
      if (keep.contains(info.name)) return Status::Ok();
      if (info.modified_ms + options.object_age_ms <= now_ms) {
        old.push_back(info);
      } else if (IsManifest(info.name)) {
        young_manifests.push_back(info);
      }
      return Status::Ok();
    }));
  }
  if (options.young_manifests_protect) {
    MB_RETURN_IF_ERROR(ProtectPacks(store, young_manifests, cache, &keep, context));
  }
  for (const store::ObjectInfo& info : old) {
    if (keep.contains(info.name)) continue;
    plan.objects.push_back(info.name);
    plan.bytes += info.size;
  }
  std::sort(plan.objects.begin(), plan.objects.end());
  return plan;
}

Result<GcReport> CondemnUnreachable(CommitLog& log, IndexCache& cache, const GcOptions& options,
                                    const CallContext& context) {
  GcReport report;
  auto planner = [&](const State& state, const CallContext& plan_context) -> Result<Proposal> {
    MB_ASSIGN_OR_RETURN(int64_t now, log.store().NowMillis(plan_context));
    MB_ASSIGN_OR_RETURN(CondemnPlan plan,
                        PlanCondemn(log.store(), state, cache, options, now, plan_context));
    report.objects = plan.objects.size();
    report.bytes = plan.bytes;
    if (options.approve) MB_RETURN_IF_ERROR(options.approve(plan));
    Proposal proposal;
    proposal.actions = SplitNames(NamesKind::kCondemn, plan.objects, state.gc_epoch + 1);
    return proposal;
  };
  MB_ASSIGN_OR_RETURN(report.receipt, log.Append(planner, context));
  return report;
}

Result<SweepPlan> PlanSweep(store::Store& store, const State& state, const GcOptions& options,
                            int64_t now_ms, const CallContext& context) {
  SweepPlan plan;
  std::vector<Look> looks;
  for (const format::Pin& pin : state.pins) {
    if (pin.until_ms() > now_ms)
      plan.pinned_until_ms = std::max(plan.pinned_until_ms, pin.until_ms());
  }
  for (const auto& [name, object] : state.condemned) {
    MB_RETURN_IF_ERROR(context.Check());
    int64_t due_ms = object.condemned_ms() + options.grace_ms;
    if (!object.doomed() && (due_ms > now_ms || plan.pinned_until_ms != 0)) {
      plan.waiting.push_back(name);
      due_ms = std::max(due_ms, plan.pinned_until_ms);
      if (plan.next_due_ms == 0 || due_ms < plan.next_due_ms) plan.next_due_ms = due_ms;
      continue;
    }
    looks.push_back({name, {}, false, {}, {}});
  }
  LookAtAll(store, now_ms, &looks, context);
  for (Look& look : looks) {
    MB_RETURN_IF_ERROR(look.status);
    std::move(look.deferred.begin(), look.deferred.end(), std::back_inserter(plan.deferred));
    if (look.free) plan.due.push_back(std::move(look.info));
  }
  return plan;
}

Result<GcReport> SweepCondemned(CommitLog& log, const GcOptions& options,
                                const CallContext& context) {
  GcReport report;
  SweepPlan plan;
  auto doom = [&](const State& state, const CallContext& plan_context) -> Result<Proposal> {
    MB_ASSIGN_OR_RETURN(int64_t now, log.store().NowMillis(plan_context));
    MB_ASSIGN_OR_RETURN(plan, PlanSweep(log.store(), state, options, now, plan_context));
    return PlanDoom(state, plan);
  };
  MB_ASSIGN_OR_RETURN(report.receipt, log.Append(doom, context));
  CrashPoint("sweep.doomed");
  report.deferred = std::move(plan.deferred);
  std::vector<std::string> removed;
  std::shared_ptr<const State> state = log.state();
  for (const store::ObjectInfo& info : plan.due) {
    auto it = state->condemned.find(info.name);
    if (it == state->condemned.end() || !it->second.doomed()) continue;  // swept by another process
    removed.push_back(info.name);
    report.bytes += info.size;
  }
  MB_RETURN_IF_ERROR(RemoveAll(log.store(), removed, context));
  report.objects = removed.size();
  if (removed.empty()) return report;
  auto swept = [&](const State& now, const CallContext&) { return PlanSwept(now, removed); };
  MB_ASSIGN_OR_RETURN(report.receipt, log.Append(swept, context));
  return report;
}

Result<uint64_t> PlanTrim(CommitLog& log, const GcOptions& options, const CallContext& context) {
  MB_ASSIGN_OR_RETURN(int64_t now, log.store().NowMillis(context));
  uint64_t floor = std::max<uint64_t>(log.state()->log_floor, 1);
  MB_ASSIGN_OR_RETURN(Sequence covered, FloorCheckpoint(log, options, floor, now, context));
  return std::max(floor, covered.value() + 1);
}

Result<GcReport> TrimOldLog(CommitLog& log, const GcOptions& options, const CallContext& context) {
  GcReport report;
  auto planner = [&](const State& state, const CallContext& plan_context) -> Result<Proposal> {
    Proposal proposal;
    MB_ASSIGN_OR_RETURN(int64_t now, log.store().NowMillis(plan_context));
    MB_ASSIGN_OR_RETURN(Sequence covered,
                        FloorCheckpoint(log, options, state.log_floor, now, plan_context));
    if (covered.value() + 1 <= state.log_floor || covered == Sequence()) return proposal;
    proposal.actions.emplace_back().mutable_trim_log()->set_log_floor(covered.value() + 1);
    return proposal;
  };
  MB_ASSIGN_OR_RETURN(report.receipt, log.Append(planner, context));
  CrashPoint("trim.committed");
  uint64_t floor = log.state()->log_floor;
  if (floor <= 1) return report;
  // Nothing goes before a checkpoint that covers it was seen to hold, again.
  GcOptions any = options;
  any.checkpoint_age_ms = INT64_MIN / 2;
  MB_ASSIGN_OR_RETURN(Sequence newest, FloorCheckpoint(log, any, floor, 0, context));
  if (newest.value() + 1 < floor) {
    MB_ASSIGN_OR_RETURN(std::shared_ptr<const State> now, log.Refresh(context));
    if (now->log_floor > floor) {
      return Status(Code::kUnavailable, "another process trims the log").Retryable();
    }
    return Status(Code::kCorrupt, "the checkpoint below the log floor is damaged")
        .WithHint("nothing was removed; see 'maxbrod verify'");
  }
  MB_RETURN_IF_ERROR(RemoveBelow(log, floor, &report, context));
  return report;
}

}  // namespace maxbrod::repo
