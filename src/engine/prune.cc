#include "engine/prune.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "engine/forget.h"
#include "engine/list_prices.h"
#include "store/object_control.h"

namespace maxbrod::engine {
namespace {

// What snapshots need of a topic, by (partition, branch): `keep` are the ranges that some snapshot
// reads, `below` is where the youngest of them begins. A log's start only rises, so that none to
// come reads anything before it.
using Needs = std::map<repo::TopicKey, repo::ReleaseLimits>;

struct TopicRelease {
  repo::TopicKey key;
  std::string name;
  repo::ReleaseLimits limits;
  bool wholly = false;
};

struct Plan {
  std::vector<TopicRelease> releases;
  repo::CondemnPlan condemn;
  repo::State after;  // the releases
  int64_t now_ms = 0;
};

Status AddNeeds(const format::TopicSnapshot& topic, repo::ReleaseLimits* needs) {
  std::map<int32_t, std::map<uint64_t, format::Branch>> branches;
  for (int i = 0; i < topic.branches_used_size() && i < topic.branches_used_partition_size(); ++i) {
    branches[topic.branches_used_partition(i)][topic.branches_used(i).id()] =
        topic.branches_used(i);
  }
  for (const format::PartitionSnapshot& partition : topic.partitions()) {
    MB_ASSIGN_OR_RETURN(std::vector<repo::BranchSlice> slices,
                        repo::SliceBranches(branches[partition.partition()], partition.branch(),
                                            partition.start_offset(), partition.end_offset()));
    for (const repo::BranchSlice& slice : slices) {
      repo::ReleaseLimit& need = (*needs)[{partition.partition(), slice.branch}];
      need.below = std::max(need.below, slice.from_offset);
      need.keep.Add(slice.from_offset, slice.to_offset);
    }
  }
  return Status::Ok();
}

Result<Needs> NeedsOfSnapshots(repo::Repository& repository, const repo::State& state,
                               const CallContext& context) {
  Needs needs;
  for (const format::SnapshotRef& ref : state.snapshots) {
    MB_RETURN_IF_ERROR(context.Check());
    MB_ASSIGN_OR_RETURN(repo::Snapshot snapshot, repository.ReadSnapshot(ref, context));
    for (const format::TopicSnapshot& topic : snapshot.topics) {
      Status status = AddNeeds(topic, &needs[repo::MakeTopicKey(topic.topic_id(), topic.topic())]);
      if (!status.ok()) return std::move(status).WithContext("snapshot '" + ref.name() + "'");
    }
  }
  return needs;
}

bool GivesUp(const repo::OffsetRanges& covered, const repo::ReleaseLimit& limit) {
  for (auto [start, end] : covered.ranges()) {
    if (start >= limit.below) return false;
    if (!limit.keep.Missing(start, std::min(end, limit.below)).empty()) return true;
  }
  return false;
}

// What a partition gives up. A branch that no snapshot needs may belong to a backup that is under
// way, or that was interrupted and will go on: it stays for as long as objects do.
void AddLimits(int32_t number, const repo::PartitionInfo& partition,
               const repo::ReleaseLimits& needs, int64_t quiet_since_ms, TopicRelease* out) {
  for (const repo::BranchInfo& branch : partition.branches) {
    const std::pair<int32_t, uint64_t> key{number, branch.branch.id()};
    auto need = needs.find(key);
    if (need != needs.end()) {
      out->wholly = false;
      if (GivesUp(branch.covered, need->second)) out->limits[key] = need->second;
    } else if (branch.read_ended_ms > quiet_since_ms) {
      out->wholly = false;
    } else {
      out->limits[key].below = INT64_MAX;
    }
  }
}

std::vector<TopicRelease> PlanReleases(const repo::State& state, const Needs& needs,
                                       int64_t quiet_since_ms) {
  static const repo::ReleaseLimits kNone;
  std::vector<TopicRelease> out;
  for (const auto& [key, topic] : state.topics) {
    auto of_topic = needs.find(key);
    TopicRelease release{key, topic->name, {}, true};
    for (const auto& [number, partition] : topic->partitions) {
      AddLimits(number, partition, of_topic == needs.end() ? kNone : of_topic->second,
                quiet_since_ms, &release);
    }
    if (!release.limits.empty()) out.push_back(std::move(release));
  }
  return out;
}

// Computes what would be condemned if the releases were committed.
Result<Plan> MakePlan(repo::Repository& repository, const repo::State& state,
                      const repo::GcOptions& gc, const CallContext& context) {
  Plan plan;
  MB_ASSIGN_OR_RETURN(plan.now_ms, repository.store().NowMillis(context));
  MB_ASSIGN_OR_RETURN(Needs needs, NeedsOfSnapshots(repository, state, context));
  std::vector<TopicRelease> candidates = PlanReleases(state, needs, plan.now_ms - gc.object_age_ms);
  repo::State after = state;
  std::set<std::string> packs;
  for (TopicRelease& release : candidates) {
    bool changed = false;
    MB_ASSIGN_OR_RETURN(repo::TopicInfo left,
                        repo::PreviewRelease(repository.store(), repository.index_cache(),
                                             *state.FindTopic(release.key), release.limits, &packs,
                                             &changed, context));
    if (!changed) continue;
    after.topics[release.key] = std::make_shared<const repo::TopicInfo>(std::move(left));
    plan.releases.push_back(std::move(release));
  }
  MB_ASSIGN_OR_RETURN(plan.condemn,
                      repo::PlanCondemn(repository.store(), after, repository.index_cache(), gc,
                                        plan.now_ms, context, packs));
  plan.after = std::move(after);
  return plan;
}

double ShareOf(const repo::CondemnPlan& plan) {
  if (plan.all_bytes == 0) return 0;
  return static_cast<double>(plan.bytes) / static_cast<double>(plan.all_bytes);
}

// Empty when nothing of it has to be said aloud.
std::string WhyNumber(const Plan& plan) {
  std::string why;
  if (ShareOf(plan.condemn) > kPruneShareMax) {
    why = fmt::format("{} objects with {:.0f} % of the bytes stored would go",
                      plan.condemn.objects.size(), ShareOf(plan.condemn) * 100);
  }
  for (const TopicRelease& release : plan.releases) {
    if (!release.wholly) continue;
    if (!why.empty()) why += "; ";
    return why + fmt::format("no snapshot has topic '{}' any more", release.name);
  }
  return why;
}

void FillWaiting(const repo::State& state, const repo::GcOptions& gc, int64_t now_ms,
                 PruneReport* report) {
  for (const format::Pin& pin : state.pins) {
    if (pin.until_ms() > now_ms) {
      report->pinned_until_ms = std::max(report->pinned_until_ms, pin.until_ms());
    }
  }
  for (const auto& [name, object] : state.condemned) {
    int64_t due_ms = std::max(object.condemned_ms() + gc.grace_ms, report->pinned_until_ms);
    if (object.doomed() || due_ms <= now_ms) continue;
    ++report->waiting_objects;
    if (report->next_due_ms == 0 || due_ms < report->next_due_ms) report->next_due_ms = due_ms;
  }
}

Status DryRun(repo::Repository& repository, const repo::GcOptions& gc, int64_t now_ms,
              PruneReport* report, const CallContext& context) {
  MB_ASSIGN_OR_RETURN(
      repo::SweepPlan sweep,
      repo::PlanSweep(repository.store(), *repository.state(), gc, now_ms, context));
  report->removed_objects = sweep.due.size();
  for (const store::ObjectInfo& info : sweep.due) report->removed_bytes += info.size;
  report->deferred = std::move(sweep.deferred);
  const uint64_t floor = std::max<uint64_t>(repository.state()->log_floor, 1);
  MB_ASSIGN_OR_RETURN(report->log_floor, repo::PlanTrim(repository.log(), gc, context));
  report->trimmed_objects = report->log_floor - floor;
  FillWaiting(*repository.state(), gc, now_ms, report);
  report->head = repository.head();
  return Status::Ok();
}

void Defer(std::vector<repo::DeferredObject> more, PruneReport* report) {
  std::move(more.begin(), more.end(), std::back_inserter(report->deferred));
}

repo::RewriteOptions RewriteOptionsOf(const PruneOptions& options) {
  repo::RewriteOptions out;
  out.live_share_max = options.rewrite_below;
  out.budget_bytes = options.rewrite_budget;
  out.freed_share_min = options.rewrite_budget == 0 ? kPruneRewriteShareMin : 0;
  out.object_age_ms = options.gc.object_age_ms;
  out.archived = [](const std::string& storage_class) { return MayBeArchived(storage_class); };
  return out;
}

// Plans what is rewritten, and unless it is a dry run does it.
Status Rewrite(repo::Repository& repository, const repo::State& state, const PruneOptions& options,
               int64_t now_ms, Progress& progress, PruneReport* report,
               const CallContext& context) {
  const repo::RewriteOptions rewrite = RewriteOptionsOf(options);
  progress.Begin("looking for dead packs", 0, 0);
  MB_ASSIGN_OR_RETURN(
      repo::Liveness life,
      repo::ComputeLiveness(repository.store(), state, repository.index_cache(), context));
  MB_ASSIGN_OR_RETURN(report->rewrite,
                      repo::PlanRewrite(repository.store(), state, life, rewrite, now_ms, context));
  for (TopicSpace& topic : SpaceByTopic(life)) {
    if (topic.dead_bytes > 0) report->dead.push_back(std::move(topic));
  }
  if (options.dry_run || report->rewrite.packs.empty()) return Status::Ok();
  progress.Begin("rewriting packs", report->rewrite.copy_bytes, 0);
  MB_ASSIGN_OR_RETURN(report->rewritten,
                      repo::RewritePacks(repository.log(), repository.index_cache(), state, life,
                                         report->rewrite, rewrite, context));
  return Status::Ok();
}

// Releases, condemns, sweeps, trims, rewrites, aborts: each is whole by itself.
Status Execute(repo::Repository& repository, const Plan& plan, const PruneOptions& options,
               const repo::GcOptions& gc, Progress& progress, PruneReport* report,
               const CallContext& context) {
  repo::CommitLog& log = repository.log();
  progress.Begin("releasing", 0, plan.releases.size());
  for (const TopicRelease& release : plan.releases) {
    MB_RETURN_IF_ERROR(
        repo::Release(log, repository.index_cache(), release.key, release.limits, context)
            .status());
    progress.Add(0, 1);
  }
  progress.Begin("condemning", 0, 0);
  MB_ASSIGN_OR_RETURN(repo::GcReport condemned,
                      repo::CondemnUnreachable(log, repository.index_cache(), gc, context));
  report->condemned_objects = condemned.objects;
  report->condemned_bytes = condemned.bytes;
  progress.Begin("removing", 0, 0);
  MB_ASSIGN_OR_RETURN(repo::GcReport swept, repo::SweepCondemned(log, gc, context));
  report->removed_objects = swept.objects;
  report->removed_bytes = swept.bytes;
  Defer(std::move(swept.deferred), report);
  progress.Begin("trimming the log", 0, 0);
  MB_ASSIGN_OR_RETURN(repo::GcReport trimmed, repo::TrimOldLog(log, gc, context));
  report->trimmed_objects = trimmed.objects;
  Defer(std::move(trimmed.deferred), report);
  MB_RETURN_IF_ERROR(
      Rewrite(repository, *repository.state(), options, plan.now_ms, progress, report, context));
  if (store::ObjectControl* control = repository.store().control()) {
    MB_ASSIGN_OR_RETURN(report->aborted_uploads,
                        control->AbortStaleUploads(options.upload_age, context));
  }
  const std::shared_ptr<const repo::State> state = repository.state();
  report->log_floor = std::max<uint64_t>(state->log_floor, 1);
  FillWaiting(*state, gc, plan.now_ms, report);
  report->head = repository.head();
  return Status::Ok();
}

}  // namespace

Result<PruneReport> RunPrune(repo::Repository& repository, const PruneOptions& options,
                             Progress& progress, const CallContext& context) {
  progress.Begin("planning", 0, 0);
  MB_ASSIGN_OR_RETURN(std::shared_ptr<const repo::State> state, repository.Refresh(context));
  repo::GcOptions gc = options.gc;
  MB_ASSIGN_OR_RETURN(Plan plan, MakePlan(repository, *state, gc, context));
  PruneReport report;
  for (const TopicRelease& release : plan.releases) {
    report.released.push_back({release.name, release.wholly});
  }
  report.condemned_objects = plan.condemn.objects.size();
  report.condemned_bytes = plan.condemn.bytes;
  report.stored_objects = plan.condemn.all_objects;
  report.stored_bytes = plan.condemn.all_bytes;
  if (report.condemned_objects > 0) report.condemned_due_ms = plan.now_ms + gc.grace_ms;
  const std::string why = WhyNumber(plan);
  report.needs_number = !why.empty();
  if (options.dry_run) {
    MB_RETURN_IF_ERROR(DryRun(repository, gc, plan.now_ms, &report, context));
    MB_RETURN_IF_ERROR(
        Rewrite(repository, plan.after, options, plan.now_ms, progress, &report, context));
    return report;
  }
  if (report.needs_number) {
    MB_RETURN_IF_ERROR(CheckSaidAloud(why, report.condemned_objects, options.yes_delete));
  }
  gc.approve = [&](const repo::CondemnPlan& now) {
    if (now.objects.size() <= plan.condemn.objects.size() || ShareOf(now) <= kPruneShareMax) {
      return Status::Ok();
    }
    return Status(Code::kConflict, "so much more became free meanwhile that nothing was condemned")
        .WithHint("run prune again, with --dry-run first");
  };
  MB_RETURN_IF_ERROR(Execute(repository, plan, options, gc, progress, &report, context));
  return report;
}

}  // namespace maxbrod::engine
