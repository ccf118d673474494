// Frees what no snapshot needs any more. Two phases, days apart: what cannot be reached is
// condemned now, and removed by a prune a week later (docs/commit-protocol.md, "Removing"). Which
// snapshots to let go is not decided here (forget.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/progress.h"
#include "engine/space.h"
#include "os/deadline.h"
#include "repo/gc.h"
#include "repo/repository.h"
#include "repo/rewrite.h"

namespace maxbrod::engine {

struct PruneOptions {
  bool dry_run = false;
  // How many objects are meant to be condemned; needed for more than kPruneShareMax of the bytes
  // stored, and for the last data of a topic.
  std::optional<uint64_t> yes_delete;
  repo::GcOptions gc;  // its times; `approve` is set here
  // Packs of which less than this share is live are rewritten, as far as so many live bytes may be
  // copied. With 0 only packs that are wholly dead are let go of, which copies nothing, and only
  // when that frees kPruneRewriteShareMin of all packs.
  double rewrite_below = 0.25;
  uint64_t rewrite_budget = 0;
  Millis upload_age{7 * repo::kDayMs};  // of unfinished uploads that are ended
};
inline constexpr double kPruneShareMax = 0.3;
inline constexpr double kPruneRewriteShareMin = 0.05;

struct PruneReport {
  struct Topic {
    std::string topic;
    bool wholly = false;  // nothing of it is left for snapshots to come
  };
  std::vector<Topic> released;  // older data of these is not kept for later snapshots any more
  // All figures are what was done, or with `dry_run` what would be.
  uint64_t condemned_objects = 0, condemned_bytes = 0;
  int64_t condemned_due_ms = 0;                     // when they may be removed; 0: none
  uint64_t stored_objects = 0, stored_bytes = 0;    // what the condemned are a part of
  uint64_t removed_objects = 0, removed_bytes = 0;  // condemned by an earlier run
  uint64_t waiting_objects = 0;                     // condemned earlier, and not due yet
  int64_t next_due_ms = 0;                          // of the first of them; 0: none waits
  int64_t pinned_until_ms = 0;                      // a long reader lets nothing go before
  std::vector<repo::DeferredObject> deferred;       // due, and kept by Object Lock
  uint64_t trimmed_objects = 0;                     // old commits and checkpoints
  uint64_t log_floor = 0;                           // the lowest commit that stays
  uint64_t aborted_uploads = 0;                     // not counted by a dry run
  // After all else: what is freed by it, the next prune condemns.
  repo::RewritePlan rewrite;
  repo::RewriteReport rewritten;  // not with dry_run
  std::vector<TopicSpace> dead;   // topics with dead bytes, before that
  bool needs_number = false;      // a real run wants --yes-delete
  repo::Receipt head;
};

// kInvalidArgument when a number was needed and not given, before anything is changed; kConflict
// when others changed the repository so much meanwhile that it would have to be asked for again.
// Safe to stop at any moment and to run again.
Result<PruneReport> RunPrune(repo::Repository& repository, const PruneOptions& options,
                             Progress& progress, const CallContext& context);

}  // namespace maxbrod::engine
