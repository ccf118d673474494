#include "repo/state_at.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "repo/checkpoint.h"
#include "repo/commit_codec.h"

namespace maxbrod::repo {
namespace {

// Damaged checkpoints passed over.
constexpr size_t kCheckpointsTried = 10;

Status Trimmed(Sequence sequence, Sequence first) {
  return Status(Code::kNotFound, fmt::format("commit {} is not in the log any more: prune keeps it "
                                             "from commit {} on",
                                             sequence.value(), first.value()))
      .WithHint("before that there are only snapshots; 'maxbrod timeline' shows both");
}

// The newest readable checkpoint at or below `sequence`; the empty state where there is none.
Result<State> BaseOf(CommitLog& log, Sequence sequence, const CallContext& context) {
  store::Store& store = log.store();
  // Names sort newest first; this one sorts just before those of `sequence`.
  std::string after = CheckpointName(sequence, "");
  MB_ASSIGN_OR_RETURN(store::ListPage page,
                      store.List(kCheckpointPrefix, after, kCheckpointsTried, context));
  Status damage;
  for (const store::ObjectInfo& object : page.objects) {
    CheckpointInfo info{object.name, Sequence(), object.modified_ms};
    std::string hash;
    if (!ParseCheckpointName(object.name, &info.sequence, &hash)) continue;
    Result<State> state = ReadCheckpoint(store, info, log.config().sha256, context);
    if (state.ok()) return state;
    Code code = state.status().code();
    if (code != Code::kCorrupt && code != Code::kNotFound) return state.status();
    damage = state.status();
  }
  if (log.state()->log_floor > 1 && !damage.ok()) return damage;
  return State();
}

}  // namespace

LogWindow WindowOf(const State& head) {
  if (head.sequence == Sequence()) return LogWindow();
  // The checkpoint that let the commits go stands for the last of them.
  uint64_t first = head.log_floor > 1 ? head.log_floor - 1 : 1;
  return LogWindow{Sequence(first), head.sequence};
}

Result<State> StateAt(CommitLog& log, Sequence sequence, const CallContext& context) {
  std::shared_ptr<const State> head = log.state();
  if (sequence == head->sequence) return *head;
  LogWindow window = WindowOf(*head);
  if (sequence > window.last || sequence == Sequence()) {
    return Status(Code::kNotFound,
                  fmt::format("there is no commit {}: the repository has commits "
                              "{} to {}",
                              sequence.value(), window.first.value(), window.last.value()));
  }
  if (sequence < window.first) return Trimmed(sequence, window.first);
  MB_ASSIGN_OR_RETURN(State state, BaseOf(log, sequence, context));
  while (state.sequence < sequence) {
    MB_RETURN_IF_ERROR(context.Check());
    Sequence next = state.sequence.Next();
    Result<Commit> commit = ReadCommit(log.store(), next, log.config().sha256, context);
    if (!commit.ok()) {
      if (commit.status().code() != Code::kNotFound) return commit.status();
      // Prune may have gone by since the head was read.
      MB_ASSIGN_OR_RETURN(auto now, log.Refresh(context));
      if (sequence < WindowOf(*now).first) return Trimmed(sequence, WindowOf(*now).first);
      return Status(Code::kCorrupt, LogName(next) + ": missing in the log")
          .WithHint("a checkpoint or commits were deleted or damaged; see 'maxbrod verify'");
    }
    Status status = ApplyCommit(commit->records, commit->sha256, &state);
    if (!status.ok()) return std::move(status).WithContext(LogName(next));
  }
  return state;
}

Result<int64_t> CommitTime(CommitLog& log, Sequence sequence, const CallContext& context) {
  std::shared_ptr<const State> head = log.state();
  if (sequence == head->sequence) return head->store_time_ms;
  // Below the floor a slot may be empty, or hold a stray.
  if (sequence.value() < head->log_floor) {
    MB_ASSIGN_OR_RETURN(State state, StateAt(log, sequence, context));
    return state.store_time_ms;
  }
  MB_ASSIGN_OR_RETURN(Commit commit,
                      ReadCommit(log.store(), sequence, log.config().sha256, context));
  return commit.header().store_time_ms();
}

Result<Sequence> CommitAtTime(CommitLog& log, int64_t time_ms, const CallContext& context) {
  LogWindow window = WindowOf(*log.state());
  if (window.first == Sequence()) return Sequence();
  MB_ASSIGN_OR_RETURN(int64_t first_ms, CommitTime(log, window.first, context));
  if (time_ms < first_ms) return Sequence();
  uint64_t low = window.first.value();  // at or before the time
  uint64_t high = window.last.value();
  while (low < high) {
    MB_RETURN_IF_ERROR(context.Check());
    uint64_t middle = low + (high - low + 1) / 2;
    MB_ASSIGN_OR_RETURN(int64_t middle_ms, CommitTime(log, Sequence(middle), context));
    if (middle_ms <= time_ms) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return Sequence(low);
}

Status VisitCommits(CommitLog& log, Sequence first, Sequence last,
                    const std::function<Result<bool>(const Commit& commit)>& visit,
                    const CallContext& context) {
  first = std::max(first, Sequence(log.state()->log_floor));
  for (Sequence at = first; at <= last; at = at.Next()) {
    MB_RETURN_IF_ERROR(context.Check());
    Result<Commit> commit = ReadCommit(log.store(), at, log.config().sha256, context);
    if (!commit.ok()) {
      if (commit.status().code() != Code::kNotFound) return commit.status();
      return Status(Code::kCorrupt, LogName(at) + ": missing in the log");
    }
    MB_ASSIGN_OR_RETURN(bool go_on, visit(*commit));
    if (!go_on) break;
  }
  return Status::Ok();
}

}  // namespace maxbrod::repo
