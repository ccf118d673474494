// Filling a slot of the log. The steps are numbered in docs/commit-protocol.md, "Writing a commit".
#include <fmt/format.h>

#include <algorithm>

#include "os/crash_point.h"
#include "repo/commit_log.h"
#include "repo/object.h"
#include "repo/vault.h"

namespace maxbrod::repo {
namespace {

// Races lost in a row before giving up; with 20 writers one wins every few tries.
constexpr int kRacesMax = 200;
// Tries to fill one slot: with the waits below about five minutes.
constexpr int kTriesMax = 64;
constexpr int64_t kWaitFirstMs = 50;
constexpr int64_t kWaitMaxMs = 10'000;

Status NotKnown(Sequence sequence, const std::string& why) {
  return Status(Code::kUnavailable, fmt::format("it is not known whether commit {} was stored ({})",
                                                sequence.value(), why))
      .WithHint("run the command again: it finds out first")
      .Retryable();
}

}  // namespace

// Jittered, growing; false when there is no time left.
bool CommitLog::Wait(int tries, const CallContext& context) {
  if (tries >= kTriesMax || !context.Check().ok()) return false;
  int64_t ceiling = std::min(kWaitMaxMs, kWaitFirstMs << std::min(tries, 10));
  auto wait = static_cast<int64_t>(random_() % static_cast<uint64_t>(ceiling + 1));
  Millis span(std::min<int64_t>(wait, context.deadline.Remaining().count()));
  return options_.clock->Sleep(span, context.stop) && context.Check().ok();
}

Result<Receipt> CommitLog::Append(const Planner& planner, const CallContext& context) {
  std::lock_guard lock(mutex_);
  MB_RETURN_IF_ERROR(ProveConditions(context));
  Progress progress;
  MB_RETURN_IF_ERROR(ReadOn(&progress, context));
  MB_RETURN_IF_ERROR(ResolvePending(context));
  for (const std::string& feature : state_->required_write_features) {
    google::protobuf::RepeatedPtrField<std::string> one;
    *one.Add() = feature;
    MB_RETURN_IF_ERROR(CheckFeatures("the log", one));
  }
  Sequence based_on = state_->sequence;
  MB_ASSIGN_OR_RETURN(Proposal proposal, Plan(planner, context));
  for (int race = 0; race < kRacesMax; ++race) {
    if (proposal.actions.empty()) return state_->receipt();
    if (!options_.faults.skip_state_check) {
      MB_RETURN_IF_ERROR(CheckAgainstState(*state_, proposal));
    }
    MB_ASSIGN_OR_RETURN(Attempt attempt, Prepare(proposal, based_on, context));
    CrashPoint("commit.before");
    MB_ASSIGN_OR_RETURN(Slot slot, FillSlot(&attempt, context));
    if (slot == Slot::kUnknowable) {
      return Status(
                 Code::kConflict,
                 fmt::format("this process slept so long that the fate of commit {} is not known",
                             attempt.sequence.value()))
          .WithHint("see in the repository what there is, and run the command again");
    }
    if (slot == Slot::kWon) {
      CrashPoint("commit.after");
      Won(attempt, context);
      return Receipt{attempt.sequence, attempt.sha256};
    }
    if (race > 0 && !Wait(std::min(race, kTriesMax - 1), context)) break;
    progress = Progress();
    MB_RETURN_IF_ERROR(ReadOn(&progress, context));
    std::string why;
    bool again = progress.jumped || MustReplan(proposal, progress.commits, &why);
    if (again && !(options_.faults.skip_conflicts && !progress.jumped)) {
      based_on = state_->sequence;
      MB_ASSIGN_OR_RETURN(proposal, Plan(planner, context));
    }
  }
  MB_RETURN_IF_ERROR(context.Check());
  return Status(Code::kUnavailable, "the log is too busy: every slot was taken by somebody else")
      .Retryable();
}

// Step 2, and the lookup of step 3: after the state was read.
Result<Proposal> CommitLog::Plan(const Planner& planner, const CallContext& context) {
  MB_ASSIGN_OR_RETURN(Proposal proposal, planner(*state_, context));
  if (options_.faults.skip_lookup) return proposal;
  for (const store::ObjectInfo& expected : proposal.must_exist) {
    Result<store::ObjectInfo> found = store_.Stat(expected.name, context);
    if (!found.ok() && found.status().code() == Code::kNotFound) {
      return Status(Code::kConflict, "'" + expected.name + "' is gone: prune took it for abandoned")
          .WithHint("this run was interrupted for days: run it again");
    }
    MB_RETURN_IF_ERROR(found.status());
    if (found->size != expected.size) {
      return Status(Code::kCorrupt, fmt::format("'{}' has {} bytes instead of {}", expected.name,
                                                found->size, expected.size));
    }
  }
  return proposal;
}

// Step 3: the commit's bytes, applied to the state as every reader will.
Result<CommitLog::Attempt> CommitLog::Prepare(const Proposal& proposal, Sequence based_on,
                                              const CallContext& context) {
  Attempt attempt;
  attempt.before_nanos = options_.clock->MonotonicNanos();
  MB_ASSIGN_OR_RETURN(attempt.before_ms, StoreNow(context));
  if (state_->store_time_ms > attempt.before_ms + kFutureMs) {
    return Status(Code::kConflict, fmt::format("the log is {} s ahead of the store's clock",
                                               (state_->store_time_ms - attempt.before_ms) / 1000))
        .WithHint("a clock was wrong; nothing can be committed until the store's clock is right");
  }
  MB_ASSIGN_OR_RETURN(Uuid commit_id, RandomUuid());
  attempt.sequence = state_->sequence.Next();
  std::vector<format::CommitRecord> records(1);
  format::CommitHeader* header = records.front().mutable_header();
  header->set_sequence(attempt.sequence.value());
  header->set_previous_sha256(state_->commit_sha256);
  header->set_commit_id(UuidToString(commit_id));
  header->set_writer_id(writer_id_);
  header->set_writer_sequence(++writer_sequence_);
  header->set_based_on(based_on.value());
  header->set_gc_epoch(state_->gc_epoch);
  header->set_config_sha256(config_.sha256);
  header->set_store_time_ms(std::max(attempt.before_ms, state_->store_time_ms));
  header->set_program(options_.program);
  header->set_actions(static_cast<uint32_t>(proposal.actions.size()));
  records.insert(records.end(), proposal.actions.begin(), proposal.actions.end());
  MB_ASSIGN_OR_RETURN(attempt.bytes, EncodeCommit(records, KeysOf(store_)));
  attempt.sha256 = Sha256String(attempt.bytes);
  auto next = std::make_shared<State>(*state_);
  Status applied = ApplyCommit(records, attempt.sha256, next.get());
  if (!applied.ok()) {
    return Status(Code::kConflict, "the commit does not fit the repository: " + applied.message());
  }
  attempt.next = std::move(next);
  return attempt;
}

// Step 4.
Result<CommitLog::Slot> CommitLog::FillSlot(Attempt* attempt, const CallContext& context) {
  std::string why = "stopped";
  for (int tries = 0;; ++tries) {
    Result<std::optional<Slot>> slot = TryFill(attempt, context);
    if (slot.ok() && slot->has_value()) return **slot;
    if (!slot.ok()) {
      // Without doubt nothing of it can be in the log, now or later.
      if (!attempt->doubt && !slot.status().retryable()) return slot.status();
      why = slot.status().message();
    }
    if (options_.faults.fresh_bytes_after_unknown && attempt->doubt) return Slot::kLost;
    if (Wait(tries, context)) continue;
    if (!attempt->doubt) return slot.status();
    pending_ = *attempt;
    return NotKnown(attempt->sequence, why);
  }
}

Result<std::optional<CommitLog::Slot>> CommitLog::TryFill(Attempt* attempt,
                                                          const CallContext& context) {
  const std::string name = LogName(attempt->sequence);
  Result<store::PutResult> put = store_.PutIfAbsent(name, attempt->bytes, context);
  if (put.ok()) {
    switch (put->outcome) {
      case store::PutOutcome::kCreated:
      case store::PutOutcome::kExistsSame: {
        attempt->doubt = true;  // from here on an error does not mean "not stored"
        MB_ASSIGN_OR_RETURN(Slot slot, Judge(*attempt, true, context));
        return std::optional<Slot>(slot);
      }
      case store::PutOutcome::kExistsOther: {
        MB_ASSIGN_OR_RETURN(Slot slot, Judge(*attempt, false, context));
        return std::optional<Slot>(slot);
      }
      case store::PutOutcome::kUnknown:
        attempt->doubt = true;
        break;
    }
  }
  if (!attempt->doubt) return put.status();
  if (options_.faults.fresh_bytes_after_unknown) return std::optional<Slot>();
  Result<Bytes> there = store_.Get(name, kSmallObjectBytesMax, context);
  if (!there.ok()) return std::optional<Slot>();
  MB_ASSIGN_OR_RETURN(Slot slot, Judge(*attempt, *there == attempt->bytes, context));
  return std::optional<Slot>(slot);
}

// Somebody's bytes are in the slot. Within the hour that settles it.
Result<CommitLog::Slot> CommitLog::Judge(const Attempt& attempt, bool ours,
                                         const CallContext& context) {
  MB_ASSIGN_OR_RETURN(int64_t now, StoreNow(context));
  if (Expired(now)) return JudgeOldSlot(attempt, ours, context);
  return ours ? Slot::kWon : Slot::kLost;
}

// We slept: the slot may have been freed by a trim, and what lies there be a stray.
Result<CommitLog::Slot> CommitLog::JudgeOldSlot(const Attempt& attempt, bool ours,
                                                const CallContext& context) {
  MB_ASSIGN_OR_RETURN(std::vector<CheckpointInfo> newest, ListCheckpoints(store_, 1, context));
  if (newest.empty() || newest.front().sequence < attempt.sequence) {
    return ours ? Slot::kWon : Slot::kLost;  // never freed
  }
  // Whatever lies there now, ours may have stood there and been trimmed: a store that retries by
  // itself does not tell of lost replies.
  Result<bool> followed = FollowedBy(attempt.sequence, attempt.sha256, context);
  if (followed.ok()) return *followed ? Slot::kWon : Slot::kLost;
  if (followed.status().code() != Code::kNotFound) return followed.status();
  if (newest.front().sequence == attempt.sequence) {
    MB_ASSIGN_OR_RETURN(State state,
                        ReadCheckpoint(store_, newest.front(), config_.sha256, context));
    return state.commit_sha256 == attempt.sha256 ? Slot::kWon : Slot::kLost;
  }
  return Slot::kUnknowable;  // the next one is trimmed too
}

Result<bool> CommitLog::FollowedBy(Sequence sequence, const std::string& sha256,
                                   const CallContext& context) {
  MB_ASSIGN_OR_RETURN(Commit next, ReadCommit(store_, sequence.Next(), config_.sha256, context));
  return next.header().previous_sha256() == sha256;
}

// A commit of ours whose fate was not known: nothing else is sent before it is.
Status CommitLog::ResolvePending(const CallContext& context) {
  if (!pending_) return Status::Ok();
  Attempt attempt = std::move(*pending_);
  pending_.reset();
  if (state_->sequence >= attempt.sequence) return Status::Ok();  // somebody's bytes were seen
  MB_ASSIGN_OR_RETURN(Slot slot, FillSlot(&attempt, context));
  if (slot == Slot::kWon) {
    Won(attempt, context);
    return Status::Ok();
  }
  Progress progress;
  return ReadOn(&progress, context);
}

void CommitLog::Won(const Attempt& attempt, const CallContext& context) {
  Publish(attempt.next);
  // When it was applied, later than this, the log ended here.
  verified_ms_ = std::max(verified_ms_, attempt.before_ms);
  verified_nanos_ = std::max(verified_nanos_, attempt.before_nanos);
  Status status = CheckpointIfDue(context);
  if (!status.ok() && options_.warn) options_.warn("no checkpoint: " + status.message());
}

// Step 5. The commit is safe by now, so a failure here is only a warning.
Status CommitLog::CheckpointIfDue(const CallContext& context) {
  auto due = [&] {
    return state_->sequence.value() >= checkpoint_.value() + options_.checkpoint_every;
  };
  if (!due()) return Status::Ok();
  MB_ASSIGN_OR_RETURN(std::vector<CheckpointInfo> newest, ListCheckpoints(store_, 1, context));
  if (!newest.empty()) {
    checkpoint_ = newest.front().sequence;
    checkpoint_name_ = newest.front().name;
  }
  if (!due()) return Status::Ok();
  CrashPoint("checkpoint.before");
  return StoreCheckpoint(*state_, checkpoint_name_, context).status();
}

Result<std::string> CommitLog::StoreCheckpoint(const State& state, const std::string& previous,
                                               const CallContext& context) {
  MB_ASSIGN_OR_RETURN(Bytes bytes,
                      EncodeCheckpoint(state, config_.sha256, previous, KeysOf(store_)));
  std::string name = CheckpointName(state.sequence, Sha256String(bytes));
  MB_RETURN_IF_ERROR(DecodeCheckpoint(name, bytes, config_.sha256, KeysOf(store_)).status());
  MB_ASSIGN_OR_RETURN(store::PutResult put, store_.PutIfAbsent(name, bytes, context));
  if (put.outcome == store::PutOutcome::kUnknown) {
    return Status(Code::kUnavailable, "it is not known whether '" + name + "' was stored");
  }
  checkpoint_ = state.sequence;
  checkpoint_name_ = name;
  return name;
}

Result<std::string> CommitLog::WriteCheckpoint(const CallContext& context) {
  std::lock_guard lock(mutex_);
  if (state_->sequence == Sequence()) {
    return Status(Code::kInvalidArgument, "an empty log has no checkpoint");
  }
  return StoreCheckpoint(*state_, checkpoint_name_, context);
}

}  // namespace maxbrod::repo
