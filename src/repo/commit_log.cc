// Opening, and finding the head.
#include "repo/commit_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "repo/object.h"
#include "repo/vault.h"
#include "store/object_control.h"

namespace maxbrod::repo {
namespace {

constexpr size_t kConfigBytesMax = kMiB;
// Tries to find a head that was not trimmed away under our feet.
constexpr int kFindHeadTries = 3;
// Newest checkpoints looked at before the repository is called damaged.
constexpr size_t kCheckpointsLookedAt = 100;

Status NoRepository(const store::Store& store) {
  return Status(Code::kNotFound, "no repository at " + store.Url())
      .WithHint("check the URL, or create one with 'maxbrod init'");
}

std::string NewWriterId() {
  Result<Uuid> id = RandomUuid();
  return UuidToString(id.ok() ? *id : Uuid());
}

uint64_t SeedOf(const CommitLogOptions& options) {
  return options.seed != 0 ? options.seed : std::random_device{}();
}

// Puts a config and says whether it was created. Doubt is resolved by reading back.
Result<bool> PutConfig(store::Store& store, const std::string& name, ByteView bytes,
                       const CallContext& context) {
  constexpr int kTries = 5;
  for (int i = 0; i < kTries; ++i) {
    MB_ASSIGN_OR_RETURN(store::PutResult put, store.PutIfAbsent(name, bytes, context));
    if (put.outcome == store::PutOutcome::kCreated) return true;
    if (put.outcome == store::PutOutcome::kExistsSame) return false;
    if (put.outcome == store::PutOutcome::kExistsOther) {
      return Status(Code::kAlreadyExists,
                    "'" + name + "' exists with other contents at " + store.Url());
    }
  }
  return Status(Code::kUnavailable, "it is not known whether '" + name + "' was stored")
      .Retryable();
}

Status IgnoresConditions(const store::Store& store) {
  return Status(Code::kUnsupported,
                "the store at " + store.Url() + " overwrites objects although told not to")
      .WithHint("a repository needs conditional writes (If-None-Match): use another store");
}

// Where objects are kept under lock, the oldest one tells whether the locks are renewed. Not an
// error: what is written now gets its lock all the same.
void WarnOfLock(store::Store& store, const std::function<void(const std::string&)>& warn,
                const CallContext& context) {
  store::ObjectControl* control = store.control();
  if (control == nullptr || !warn) return;
  if (control->lock_policy().mode == store::LockMode::kNone) return;
  Result<store::ObjectStanding> standing = control->Standing(kConfigName, context);
  Result<int64_t> now = store.NowMillis(context);
  if (!standing.ok() || !now.ok() || standing->retain_until_ms > *now) return;
  warn("'config' is not under lock, and older objects may not be: run 'maxbrod locks extend'");
}

}  // namespace

Result<StoredConfig> ReadConfig(store::Store& store,
                                const std::function<void(const std::string&)>& warn,
                                const CallContext& context) {
  Status first;
  for (const char* name : {kConfigName, kConfigCopyName}) {
    Result<Bytes> stored = store.Get(name, kConfigBytesMax, context);
    Status status = stored.status();
    if (stored.ok()) {
      Result<StoredConfig> config = DecodeConfig(name, std::move(*stored));
      if (config.ok()) {
        if (!first.ok() && warn) warn("'config' is not usable, its copy is: " + first.message());
        return config;
      }
      status = config.status();
    }
    if (status.code() != Code::kNotFound && status.code() != Code::kCorrupt) return status;
    if (first.ok() || first.code() == Code::kNotFound) first = status;
  }
  if (first.code() == Code::kNotFound) return NoRepository(store);
  return first;
}

Status CommitLog::Init(store::Store& store, const std::string& program, const CallContext& context,
                       const FillConfig& prepare) {
  for (const char* name : {kConfigName, kConfigCopyName}) {
    Result<store::ObjectInfo> info = store.Stat(name, context);
    if (info.ok()) {
      return Status(Code::kAlreadyExists, "there is a repository at " + store.Url() + " already")
          .WithHint("use it as it is, or choose another place");
    }
    if (info.status().code() != Code::kNotFound) return info.status();
  }
  MB_ASSIGN_OR_RETURN(Uuid id, RandomUuid());
  MB_ASSIGN_OR_RETURN(int64_t now, store.NowMillis(context));
  format::Config config;
  config.set_repository_id(UuidToString(id));
  config.set_format_version(kFormatVersion);
  config.set_crypto(format::CRYPTO_PLAIN);
  config.set_created_ms(now);
  config.set_created_by(program);
  if (prepare) MB_RETURN_IF_ERROR(prepare(&config));
  MB_ASSIGN_OR_RETURN(Bytes stored, EncodeConfig(config));
  MB_RETURN_IF_ERROR(PutConfig(store, kConfigName, stored, context).status());
  // Proves conditions: the second time it must be refused, the same bytes or not.
  MB_ASSIGN_OR_RETURN(bool again, PutConfig(store, kConfigName, stored, context));
  if (again) return IgnoresConditions(store);
  return PutConfig(store, kConfigCopyName, stored, context).status();
}

CommitLog::CommitLog(store::Store& store, const CommitLogOptions& options, StoredConfig config)
    : store_(store),
      options_(options),
      config_(std::move(config)),
      writer_id_(NewWriterId()),
      state_(std::make_shared<State>()),
      random_(SeedOf(options)) {}

Result<std::unique_ptr<CommitLog>> CommitLog::Open(store::Store& store,
                                                   const CommitLogOptions& options,
                                                   const CallContext& context) {
  MB_ASSIGN_OR_RETURN(StoredConfig config, ReadConfig(store, options.warn, context));
  return Open(store, options, std::move(config), context);
}

Result<std::unique_ptr<CommitLog>> CommitLog::Open(store::Store& store,
                                                   const CommitLogOptions& options,
                                                   StoredConfig config,
                                                   const CallContext& context) {
  if (config.config.crypto() != format::CRYPTO_PLAIN && KeysOf(store) == nullptr) {
    return Status(Code::kAuthentication, "the repository is encrypted, and no key was given")
        .WithHint("give --passphrase-file or --key-file");
  }
  auto log = std::unique_ptr<CommitLog>(new CommitLog(store, options, std::move(config)));
  std::lock_guard lock(log->mutex_);
  Progress progress;
  MB_RETURN_IF_ERROR(log->FindHead(&progress, context));
  return log;
}

std::shared_ptr<const State> CommitLog::state() const {
  std::lock_guard lock(state_mutex_);
  return state_;
}

Result<std::shared_ptr<const State>> CommitLog::Refresh(const CallContext& context) {
  std::lock_guard lock(mutex_);
  Progress progress;
  MB_RETURN_IF_ERROR(ReadOn(&progress, context));
  return state();
}

Result<int64_t> CommitLog::StoreNow(const CallContext& context) {
  MB_ASSIGN_OR_RETURN(int64_t now, store_.NowMillis(context));
  seen_ms_ = std::max(seen_ms_, now);
  return now;
}

// The store's clock counts where ours stood still (a suspended machine), and ours where the store's
// was set back.
bool CommitLog::Expired(int64_t now_ms) const {
  if (options_.faults.trust_old_head) return false;
  int64_t ours_ms = (options_.clock->MonotonicNanos() - verified_nanos_) / 1'000'000;
  return std::max(now_ms - verified_ms_, ours_ms) > kAuthorityMs;
}

void CommitLog::Publish(std::shared_ptr<const State> state) {
  if (Keyring* keys = KeysOf(store_)) keys->RaiseDataKey(state->data_key_id);
  std::lock_guard lock(state_mutex_);
  state_ = std::move(state);
}

void CommitLog::Publish(State state, int64_t verified_ms, int64_t verified_nanos) {
  if (state.sequence != state_->sequence) {
    Publish(std::make_shared<const State>(std::move(state)));
  }
  verified_ms_ = verified_ms;
  verified_nanos_ = verified_nanos;
}

// Reads on from the state that we have. What is found counts only if the hour of authority had not
// passed at the end.
Status CommitLog::ReadOn(Progress* progress, const CallContext& context) {
  if (Expired(seen_ms_)) return FindHead(progress, context);
  int64_t before_ms = seen_ms_;  // heard before the reading begins
  int64_t before_nanos = options_.clock->MonotonicNanos();
  State state = *state_;
  std::vector<Commit> commits;
  Status read = ReadTail(&state, &commits, context);
  if (!read.ok() && read.code() != Code::kCorrupt) return read;
  MB_ASSIGN_OR_RETURN(int64_t now, StoreNow(context));
  // Damage counts within the hour only, too: later it may be a stray beside the log.
  if (Expired(now)) return FindHead(progress, context);
  MB_RETURN_IF_ERROR(read);
  Publish(std::move(state), before_ms, before_nanos);
  progress->commits = std::move(commits);
  return Status::Ok();
}

Status CommitLog::FindHead(Progress* progress, const CallContext& context) {
  Status last;
  for (int i = 0; i < kFindHeadTries; ++i) {
    *progress = Progress();
    int64_t before_nanos = options_.clock->MonotonicNanos();
    MB_ASSIGN_OR_RETURN(int64_t before_ms, StoreNow(context));
    State state;
    last = LoadBase(progress, &state, context);
    if (last.ok()) last = ReadTail(&state, &progress->commits, context);
    if (last.ok()) last = CheckNoHole(state.sequence, context);
    bool damaged = last.code() == Code::kCorrupt || last.code() == Code::kNotFound;
    if (!last.ok() && !damaged) return last;
    MB_ASSIGN_OR_RETURN(int64_t now, StoreNow(context));
    int64_t ours_ms = (options_.clock->MonotonicNanos() - before_nanos) / 1'000'000;
    if (std::max(now - before_ms, ours_ms) > kAuthorityMs && !options_.faults.trust_old_head) {
      // What was read, and damage that was seen, may be a trim that passed us by.
      last = Status(Code::kUnavailable, "reading the log took more than an hour").Retryable();
      continue;
    }
    if (damaged) continue;
    Publish(std::move(state), before_ms, before_nanos);
    return Status::Ok();
  }
  return last;
}

// The newest state that can be had without reading the log: a checkpoint, or what we have.
Status CommitLog::LoadBase(Progress* progress, State* base, const CallContext& context) {
  MB_ASSIGN_OR_RETURN(std::vector<CheckpointInfo> found,
                      ListCheckpoints(store_, kCheckpointsLookedAt, context));
  *base = *state_;
  Status damaged;
  for (const CheckpointInfo& info : found) {
    if (info.sequence <= state_->sequence) break;
    Result<State> state = ReadCheckpoint(store_, info, config_.sha256, context);
    if (state.ok()) {
      *base = std::move(*state);
      progress->jumped = true;
      checkpoint_ = info.sequence;
      checkpoint_name_ = info.name;
      break;
    }
    if (state.status().code() != Code::kCorrupt) return state.status();
    if (options_.warn) options_.warn("checkpoint skipped: " + state.status().message());
  }
  return Status::Ok();
}

// A log that goes on beyond a missing commit is damaged, not shorter.
Status CommitLog::CheckNoHole(Sequence head, const CallContext& context) {
  MB_ASSIGN_OR_RETURN(store::ListPage page, store_.List(kLogPrefix, LogName(head), 1, context));
  Sequence first;
  if (page.objects.empty() || !ParseLogName(page.objects.front().name, &first) ||
      first == head.Next()) {  // it has come since
    return Status::Ok();
  }
  return Status(Code::kCorrupt, fmt::format("commits {} to {} are missing in the log",
                                            head.value() + 1, first.value() - 1))
      .WithHint("a checkpoint or commits were deleted or damaged; see 'maxbrod verify'");
}

Status CommitLog::ReadTail(State* state, std::vector<Commit>* commits, const CallContext& context) {
  while (true) {
    MB_RETURN_IF_ERROR(context.Check());
    Sequence next = state->sequence.Next();
    Result<Commit> commit = ReadCommit(store_, next, config_.sha256, context);
    if (!commit.ok()) {
      if (commit.status().code() == Code::kNotFound) return Status::Ok();
      return commit.status();
    }
    Status status = ApplyCommit(commit->records, commit->sha256, state);
    if (!status.ok()) return std::move(status).WithContext(LogName(next));
    commits->push_back(std::move(*commit));
  }
}

Status CommitLog::ProveConditions(const CallContext& context) {
  if (conditions_proven_) return Status::Ok();
  MB_RETURN_IF_ERROR(CheckFeatures("the repository", config_.config.required_write_features()));
  MB_ASSIGN_OR_RETURN(bool created, PutConfig(store_, kConfigName, config_.stored, context));
  if (created) {  // it was missing and the copy was used, or conditions are ignored
    MB_ASSIGN_OR_RETURN(bool again, PutConfig(store_, kConfigName, config_.stored, context));
    if (again) return IgnoresConditions(store_);
  }
  Status copy = PutConfig(store_, kConfigCopyName, config_.stored, context).status();
  if (!copy.ok() && options_.warn) options_.warn("'config.copy': " + copy.message());
  conditions_proven_ = true;
  WarnOfLock(store_, options_.warn, context);
  return Status::Ok();
}

}  // namespace maxbrod::repo
