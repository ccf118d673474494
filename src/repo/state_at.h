// Earlier states of a repository, out of its checkpoints and the commits still in its log.
#pragma once

#include <cstdint>
#include <functional>

#include "repo/commit_log.h"
#include "repo/state.h"

namespace maxbrod::repo {

// The commits after which the state can still be had. Prune moves the first one on
// (docs/commit-protocol.md, "Log floor"): it is then a checkpoint's, whose own commit may be gone.
struct LogWindow {
  Sequence first;  // 0: there is no commit at all
  Sequence last;
};
// Of the log as of its last Refresh.
LogWindow WindowOf(const State& head);

// The state right after commit `sequence`. Writes nothing, and leaves the log's own state alone.
// kNotFound when there is no such commit yet, or (with a hint) not any more; kCorrupt, kUnsupported
// as in ApplyCommit. Reads one checkpoint and the commits after it, at most
// CommitLogOptions::checkpoint_every of them, more where checkpoints could not be written.
Result<State> StateAt(CommitLog& log, Sequence sequence, const CallContext& context);

// The store's time of a commit of the window.
Result<int64_t> CommitTime(CommitLog& log, Sequence sequence, const CallContext& context);

// The newest commit at or before a time of the store (times in the log never go back); 0 when it
// lies before the window. Reads about log2 of the window's commits.
Result<Sequence> CommitAtTime(CommitLog& log, int64_t time_ms, const CallContext& context);

// Reads commits [first, last] and gives them in order to `visit`, until it answers false. Those
// below the log's floor are passed over; another one that is missing is kCorrupt.
Status VisitCommits(CommitLog& log, Sequence first, Sequence last,
                    const std::function<Result<bool>(const Commit& commit)>& visit,
                    const CallContext& context);

}  // namespace maxbrod::repo
