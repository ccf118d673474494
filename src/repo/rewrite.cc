#include "repo/rewrite.h"

#include <algorithm>

#include "os/crash_point.h"
#include "repo/pack_copier.h"
#include "repo/pack_reader.h"
#include "store/object_control.h"

namespace maxbrod::repo {
namespace {

constexpr size_t kListLimit = 1000;

struct Candidate {
  const PackLife* pack = nullptr;
  store::ObjectInfo info;
  uint64_t live = 0;
  uint64_t won() const { return info.size > live ? info.size - live : 0; }
};

// By name: packs of which less than the share is live.
std::map<std::string, Candidate> MostlyDead(const Liveness& life, const RewriteOptions& options) {
  std::map<std::string, Candidate> out;
  for (const auto& [id, pack] : life.packs) {
    const uint64_t live = pack.live_bytes();
    const double share = pack.data_bytes() == 0
                             ? 1
                             : static_cast<double>(live) / static_cast<double>(pack.data_bytes());
    if (share < options.live_share_max) out[PackName(pack.ref)] = {&pack, {}, live};
  }
  return out;
}

Result<bool> IsLocked(store::Store& store, const std::string& name, int64_t now_ms,
                      const CallContext& context) {
  if (store.control() == nullptr) return false;
  MB_ASSIGN_OR_RETURN(store::ObjectStanding standing, store.control()->Standing(name, context));
  return standing.legal_hold ||
         (standing.lock != store::LockMode::kNone && standing.retain_until_ms > now_ms);
}

// Those that may be rewritten at all; the others are counted.
Result<std::vector<Candidate>> Sift(store::Store& store, std::map<std::string, Candidate> dead,
                                    const State& state, const RewriteOptions& options,
                                    int64_t now_ms, RewritePlan* plan, const CallContext& context) {
  std::vector<Candidate> out;
  for (const char* prefix : {kSmallPackPrefix, kPackPrefix}) {
    std::string after;
    for (bool more = !dead.empty(); more;) {
      MB_RETURN_IF_ERROR(context.Check());
      MB_ASSIGN_OR_RETURN(store::ListPage page, store.List(prefix, after, kListLimit, context));
      more = page.truncated && !page.objects.empty();
      for (const store::ObjectInfo& info : page.objects) {
        after = info.name;
        auto it = dead.find(info.name);
        if (it == dead.end() || state.condemned.contains(info.name)) continue;
        Candidate& candidate = it->second;
        candidate.info = info;
        if (candidate.pack->loose) {
          ++plan->loose_packs;
        } else if (info.modified_ms + options.object_age_ms > now_ms) {
          ++plan->young_packs;
        } else if (options.archived && options.archived(info.storage_class)) {
          ++plan->archived_packs;
        } else {
          out.push_back(candidate);
        }
      }
    }
  }
  return out;
}

}  // namespace

Result<RewritePlan> PlanRewrite(store::Store& store, const State& state, const Liveness& life,
                                const RewriteOptions& options, int64_t now_ms,
                                const CallContext& context) {
  RewritePlan plan;
  MB_ASSIGN_OR_RETURN(
      std::vector<Candidate> candidates,
      Sift(store, MostlyDead(life, options), state, options, now_ms, &plan, context));
  // What frees most for each byte copied comes first.
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return static_cast<double>(a.live) * static_cast<double>(b.won()) <
           static_cast<double>(b.live) * static_cast<double>(a.won());
  });
  for (const Candidate& candidate : candidates) {
    MB_ASSIGN_OR_RETURN(bool locked, IsLocked(store, candidate.info.name, now_ms, context));
    if (locked) {
      ++plan.locked_packs;
    } else if (plan.copy_bytes + candidate.live > options.budget_bytes) {
      ++plan.over_packs;
      plan.over_copy_bytes += candidate.live;
      plan.over_freed_bytes += candidate.won();
    } else {
      plan.packs.push_back(candidate.pack->ref.id());
      plan.copy_bytes += candidate.live;
      plan.freed_bytes += candidate.won();
    }
  }
  uint64_t all = 0;
  for (const auto& [id, pack] : life.packs) all += pack.ref.length();
  if (static_cast<double>(plan.freed_bytes) < options.freed_share_min * static_cast<double>(all)) {
    plan.over_packs += plan.packs.size();
    plan.over_copy_bytes += plan.copy_bytes;
    plan.over_freed_bytes += plan.freed_bytes;
    plan.packs.clear();
    plan.copy_bytes = plan.freed_bytes = 0;
  }
  return plan;
}

Result<RewriteReport> RewritePacks(CommitLog& log, IndexCache& cache, const State& state,
                                   const Liveness& life, const RewritePlan& plan,
                                   const RewriteOptions& options, const CallContext& context) {
  RewriteReport report;
  report.receipt = log.state()->receipt();
  store::Store& store = log.store();
  PackCopier copier(store, options.pack_bytes, context);
  for (const std::string& id : plan.packs) {
    MB_RETURN_IF_ERROR(context.Check());
    const PackLife& pack = life.packs.at(id);
    std::vector<BlockEntry> live;
    Status status;
    if (pack.live_bytes() > 0) {
      auto index = ReadPackIndex(store, pack.ref, context);
      status = index.status();
      if (index.ok()) live = std::move(*index);
      std::erase_if(live, [&](const BlockEntry& entry) {
        auto block = pack.blocks.find(entry.place.pack_offset);
        return block == pack.blocks.end() || !block->second.live;
      });
    }
    if (status.ok()) status = copier.Copy(pack.ref, live);
    if (status.code() == Code::kCorrupt || status.code() == Code::kNotFound) {
      report.damaged.push_back(PackName(pack.ref));
      continue;
    }
    MB_RETURN_IF_ERROR(status);
    ++report.packs;
  }
  ReindexRequest request;
  MB_ASSIGN_OR_RETURN(request.moves, copier.Finish());
  CrashPoint("rewrite.packs");
  report.new_packs = request.moves.packs.size();
  report.read_bytes = copier.read_bytes();
  report.written_bytes = copier.written_bytes();
  if (request.moves.emptied.empty()) return report;
  request.reason = "packs rewritten";
  for (const format::SnapshotRef& ref : state.snapshots) {
    request.snapshots.insert(ref.object().sha256());
  }
  Reindexer reindexer(store, cache, request);
  auto planner = [&](const State& now, const CallContext& plan_context) -> Result<Proposal> {
    MB_ASSIGN_OR_RETURN(ReindexResult result, reindexer.Plan(now, true, plan_context));
    report.topics = result.topics;
    report.snapshots = result.snapshots;
    if (options.names_nothing) {
      result.proposal.references.clear();
      result.proposal.must_exist.clear();
    }
    return std::move(result.proposal);
  };
  MB_ASSIGN_OR_RETURN(report.receipt, log.Append(planner, context));
  CrashPoint("rewrite.committed");
  return report;
}

}  // namespace maxbrod::repo
