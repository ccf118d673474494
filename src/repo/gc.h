// Removing: what no state reaches is condemned, after a grace doomed, then its bytes go and it is
// swept; old commits and checkpoints are trimmed. docs/commit-protocol.md, "Removing" and "Log
// floor". Which snapshots to forget is not decided here.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "repo/commit_log.h"
#include "repo/index_cache.h"

namespace maxbrod::repo {

inline constexpr int64_t kDayMs = 86'400'000;

// All by the store's clock.
struct GcOptions {
  int64_t object_age_ms = 7 * kDayMs;      // younger objects may belong to a commit on its way
  int64_t grace_ms = 7 * kDayMs;           // between condemn and doom
  int64_t checkpoint_age_ms = 7 * kDayMs;  // of the checkpoint that lets commits go
  bool young_manifests_protect = true;     // only a test turns it off, to see what it is for
};

struct CondemnPlan {
  std::vector<std::string> objects;  // names, ascending
  uint64_t bytes = 0;
};
// Objects in the store that `state` does not reach and that may be condemned at `now_ms`. A pack
// stays as long as any manifest in the store names it that is not condemned itself: somebody may be
// about to commit that manifest. Reads every reachable manifest and snapshot.
Result<CondemnPlan> PlanCondemn(store::Store& store, const State& state, IndexCache& cache,
                                const GcOptions& options, int64_t now_ms,
                                const CallContext& context);

struct GcReport {
  uint64_t objects = 0;  // condemned, removed or trimmed
  uint64_t bytes = 0;
  Receipt receipt;
};
// Commits a Condemn of what can go. With nothing to condemn nothing is committed.
Result<GcReport> CondemnUnreachable(CommitLog& log, IndexCache& cache, const GcOptions& options,
                                    const CallContext& context);
// Dooms what was condemned long enough ago (nothing while a pin runs), removes the bytes of all
// that is doomed, commits Swept. What a crash left over is taken up by the next call.
Result<GcReport> SweepCondemned(CommitLog& log, const GcOptions& options,
                                const CallContext& context);
// Raises the log floor to the newest checkpoint that is old enough, then removes the commits below
// it, ascending, and the checkpoints before it.
Result<GcReport> TrimOldLog(CommitLog& log, const GcOptions& options, const CallContext& context);

// Takes back the claims of a topic below the given offset of each partition and drops the blocks
// wholly below from its manifests: they stay only as long as snapshots name them. kNotFound for an
// unknown topic.
Result<Receipt> ReleaseBelow(CommitLog& log, IndexCache& cache, const TopicKey& topic,
                             const std::map<int32_t, int64_t>& offsets, const CallContext& context);

}  // namespace maxbrod::repo
