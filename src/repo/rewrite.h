// Packs that are mostly dead: what still lives in them is copied into new packs, so that the old
// ones can go the usual way (gc.h). docs/commit-protocol.md, "Rewriting".
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "repo/commit_log.h"
#include "repo/gc.h"
#include "repo/index_cache.h"
#include "repo/liveness.h"

namespace maxbrod::repo {

struct RewriteOptions {
  double live_share_max = 0.25;  // only packs of which less than this is live
  uint64_t budget_bytes = 0;     // live bytes that may be copied
  // Unless so much of all packs' bytes would be freed, nothing is done: manifests and snapshot
  // objects are written anew each time, for many snapshots at once.
  double freed_share_min = 0;
  int64_t object_age_ms = 7 * kDayMs;  // younger packs stay
  uint64_t pack_bytes = 128 * kMiB;    // of each new pack, about
  // Whether objects of a storage class are not to be had at once; may be empty: none.
  std::function<bool(const std::string& storage_class)> archived = {};
  bool names_nothing = false;  // only a test tells nobody what the commit relies on
};

struct RewritePlan {
  std::vector<std::string> packs;  // ids, in the order of what is won for each byte copied
  uint64_t copy_bytes = 0;         // read and written again
  uint64_t freed_bytes = 0;        // of old packs, less what is written anew
  // Mostly dead as well, but left: beyond the budget, or too little to win as yet; in an archive,
  // under lock, young, or loose.
  uint64_t over_packs = 0, over_copy_bytes = 0, over_freed_bytes = 0;
  uint64_t archived_packs = 0, locked_packs = 0, young_packs = 0, loose_packs = 0;
};
// Lists packs and asks for the locks of those that would be rewritten.
Result<RewritePlan> PlanRewrite(store::Store& store, const State& state, const Liveness& life,
                                const RewriteOptions& options, int64_t now_ms,
                                const CallContext& context);

struct RewriteReport {
  uint64_t packs = 0, new_packs = 0;
  uint64_t read_bytes = 0, written_bytes = 0;
  uint64_t topics = 0, snapshots = 0;  // with new manifests
  std::vector<std::string> damaged;    // packs that could not be read: left as they are
  Receipt receipt;
};
// Copies, then commits once. Whatever others commit meanwhile keeps what it names; a crash before
// the commit leaves objects that nobody names, and nothing else.
Result<RewriteReport> RewritePacks(CommitLog& log, IndexCache& cache, const State& state,
                                   const Liveness& life, const RewritePlan& plan,
                                   const RewriteOptions& options, const CallContext& context);

}  // namespace maxbrod::repo
