// Removing: what no state reaches is condemned, after a grace doomed, then its bytes go and it is
// swept; old commits and checkpoints are trimmed. docs/commit-protocol.md, "Removing" and "Log
// floor". Which snapshots to forget is not decided here.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "repo/commit_log.h"
#include "repo/index_cache.h"

namespace maxbrod::repo {

inline constexpr int64_t kDayMs = 86'400'000;

struct CondemnPlan {
  std::vector<std::string> objects;  // names, ascending
  uint64_t bytes = 0;
  uint64_t all_objects = 0;  // with the ones that stay, without those condemned before
  uint64_t all_bytes = 0;
};

// All by the store's clock.
struct GcOptions {
  int64_t object_age_ms = 7 * kDayMs;      // younger objects may belong to a commit on its way
  int64_t grace_ms = 7 * kDayMs;           // between condemn and doom
  int64_t checkpoint_age_ms = 7 * kDayMs;  // of the checkpoint that lets commits go
  bool young_manifests_protect = true;     // only a test turns it off, to see what it is for
  // Asked before a Condemn is committed, each time it was planned; an error ends it. May be empty.
  std::function<Status(const CondemnPlan&)> approve = {};
};

// Objects in the store that `state` does not reach and that may be condemned at `now_ms`. A pack
// stays as long as any manifest in the store names it that is not condemned itself: somebody may be
// about to commit that manifest. Reads every reachable manifest and snapshot. What is in `keep`
// stays as well.
Result<CondemnPlan> PlanCondemn(store::Store& store, const State& state, IndexCache& cache,
                                const GcOptions& options, int64_t now_ms,
                                const CallContext& context, const std::set<std::string>& keep = {});

// Kept from being removed by Object Lock, or by a legal hold.
struct DeferredObject {
  std::string name;
  uint64_t bytes = 0;
  int64_t until_ms = 0;  // 0: as long as the legal hold stands
};

// What the next sweep would do, and what waits.
struct SweepPlan {
  std::vector<store::ObjectInfo> due;    // doomed, or condemned long enough ago
  std::vector<DeferredObject> deferred;  // due, and under lock
  std::vector<std::string> waiting;      // condemned less than the grace ago
  int64_t next_due_ms = 0;               // of the first of those; 0: none waits
  int64_t pinned_until_ms = 0;           // nothing more is doomed before; 0: no pin
};
Result<SweepPlan> PlanSweep(store::Store& store, const State& state, const GcOptions& options,
                            int64_t now_ms, const CallContext& context);

struct GcReport {
  uint64_t objects = 0;  // condemned, removed or trimmed
  uint64_t bytes = 0;
  std::vector<DeferredObject> deferred{};  // would have been removed, but are under lock
  Receipt receipt{};
};
// Commits a Condemn of what can go. With nothing to condemn nothing is committed.
Result<GcReport> CondemnUnreachable(CommitLog& log, IndexCache& cache, const GcOptions& options,
                                    const CallContext& context);
// Dooms what was condemned long enough ago (nothing while a pin runs), removes the bytes of all
// that is doomed, commits Swept. What a crash left over is taken up by the next call. What is under
// lock is not doomed: it can be reprieved until its time, and the next call looks again.
Result<GcReport> SweepCondemned(CommitLog& log, const GcOptions& options,
                                const CallContext& context);
// Raises the log floor to the newest checkpoint that is old enough, then removes the commits below
// it, ascending, and the checkpoints before it. The removal ends at the first commit under lock.
Result<GcReport> TrimOldLog(CommitLog& log, const GcOptions& options, const CallContext& context);

// The floor that TrimOldLog would set: the lowest commit that stays.
Result<uint64_t> PlanTrim(CommitLog& log, const GcOptions& options, const CallContext& context);

// What a topic gives up: claims and blocks below an offset, but for the ranges to keep.
struct ReleaseLimit {
  int64_t below = INT64_MIN;
  OffsetRanges keep;
};
// By (partition, branch); branches that are not named keep all.
using ReleaseLimits = std::map<std::pair<int32_t, uint64_t>, ReleaseLimit>;
// Takes those claims back and drops the blocks wholly given up from the topic's manifests: they
// stay only as long as snapshots name them. kNotFound for an unknown topic.
Result<Receipt> Release(CommitLog& log, IndexCache& cache, const TopicKey& topic,
                        const ReleaseLimits& limits, const CallContext& context);
// What is left of the topic then, without its manifests that would be written anew; packs that
// those name are added to `packs`. `changed` tells whether anything would be released.
Result<TopicInfo> PreviewRelease(store::Store& store, IndexCache& cache, const TopicInfo& topic,
                                 const ReleaseLimits& limits, std::set<std::string>* packs,
                                 bool* changed, const CallContext& context);

// Takes back the claims of a topic below the given offset of each partition and drops the blocks
// wholly below from its manifests: they stay only as long as snapshots name them. kNotFound for an
// unknown topic.
Result<Receipt> ReleaseBelow(CommitLog& log, IndexCache& cache, const TopicKey& topic,
                             const std::map<int32_t, int64_t>& offsets, const CallContext& context);

}  // namespace maxbrod::repo
