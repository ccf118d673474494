// The log of commits: finds its head, reads on, and gives each commit exactly one slot.
//
// docs/commit-protocol.md is the truth about the protocol; names of steps there appear here.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/clock.h"
#include "repo/checkpoint.h"
#include "repo/commit_codec.h"
#include "repo/conflict.h"
#include "repo/state.h"
#include "store/store.h"

namespace maxbrod::repo {

// How long knowledge of the head may be trusted, by the store's clock and by ours.
inline constexpr int64_t kAuthorityMs = 3'600'000;
// What the log may be ahead of the store's clock.
inline constexpr int64_t kFutureMs = 300'000;
inline constexpr uint64_t kCheckpointEvery = 64;

// Ways to break the protocol on purpose: the simulator's own tests see that each is noticed.
struct ProtocolFaults {
  bool fresh_bytes_after_unknown = false;  // answers a lost reply with a new commit at once
  bool trust_old_head = false;             // no hour of authority
  bool skip_conflicts = false;             // renumbers blindly after a lost race
  bool skip_state_check = false;           // names condemned objects
  bool skip_lookup = false;                // does not look up its packs before it commits
};

struct CommitLogOptions {
  std::string program;
  Clock* clock = &Clock::System();  // must outlive the log
  uint64_t checkpoint_every = kCheckpointEvery;
  uint64_t seed = 0;  // of jittered waits; 0: random
  ProtocolFaults faults;
  // Something went wrong that does not stop the work (a checkpoint could not be written). May be
  // empty; called with the log's lock held, so it must not call back.
  std::function<void(const std::string&)> warn;
};

// Makes actions from a state. Called again, with the newer state, when the race for a slot was lost
// to a commit that it has to know about. What it stores must be stored when it returns.
using Planner = std::function<Result<Proposal>(const State& head, const CallContext& context)>;

// The config, from its copy where it is missing or damaged (`warn`, if set, is told). kNotFound
// when there is no repository.
Result<StoredConfig> ReadConfig(store::Store& store,
                                const std::function<void(const std::string&)>& warn,
                                const CallContext& context);

// Thread-safe; commits and refreshes of one CommitLog come one after the other.
class CommitLog {
 public:
  // Creates `config`. kAlreadyExists; kUnsupported when the store ignores conditions. `prepare`, if
  // set, may fill in how the repository is encrypted; it is called once nothing is in the way, and
  // what it stores (key slots) is there before the config is.
  using FillConfig = std::function<Status(format::Config* config)>;
  static Status Init(store::Store& store, const std::string& program, const CallContext& context,
                     const FillConfig& prepare = {});
  // Reads the config and finds the head. kNotFound when there is no repository. `store` must
  // outlive the log; that of an encrypted repository is a Vault (vault.h), else kAuthentication.
  static Result<std::unique_ptr<CommitLog>> Open(store::Store& store,
                                                 const CommitLogOptions& options,
                                                 const CallContext& context);
  // With the config read before.
  static Result<std::unique_ptr<CommitLog>> Open(store::Store& store,
                                                 const CommitLogOptions& options,
                                                 StoredConfig config, const CallContext& context);

  const StoredConfig& config() const { return config_; }
  store::Store& store() { return store_; }
  std::shared_ptr<const State> state() const;

  // Reads the commits that came since.
  Result<std::shared_ptr<const State>> Refresh(const CallContext& context);

  // Commits what `planner` makes of the newest state. An empty proposal commits nothing and returns
  // the head. Errors of the planner are returned as they are; kUnavailable when it is not known
  // whether the commit is in the log (the next Append finds out first); kConflict when the log
  // moved on in a way that the proposal does not survive.
  Result<Receipt> Append(const Planner& planner, const CallContext& context);

  // Writes a checkpoint of the current state, whether one is due or not. Returns its name.
  Result<std::string> WriteCheckpoint(const CallContext& context);

 private:
  // A commit on its way into a slot.
  struct Attempt {
    Sequence sequence;
    Bytes bytes;
    std::string sha256;
    std::shared_ptr<const State> next;  // the state if it gets in
    int64_t before_ms = 0;              // the store's clock before it was sent first
    int64_t before_nanos = 0;           // ours
    bool doubt = false;                 // some try of it had an unknown outcome
  };
  // What was read since the last look.
  struct Progress {
    std::vector<Commit> commits;
    bool jumped = false;  // not all commits since were seen
  };
  // kUnknowable: the process slept until both its slot and the next were trimmed.
  enum class Slot : uint8_t { kWon, kLost, kUnknowable };

  CommitLog(store::Store& store, const CommitLogOptions& options, StoredConfig config);

  // All below: mutex_ is held.
  Result<int64_t> StoreNow(const CallContext& context);
  bool Expired(int64_t now_ms) const;
  Status ReadOn(Progress* progress, const CallContext& context);
  Status FindHead(Progress* progress, const CallContext& context);
  Status LoadBase(Progress* progress, State* base, const CallContext& context);
  Status CheckNoHole(Sequence head, const CallContext& context);
  Status ReadTail(State* state, std::vector<Commit>* commits, const CallContext& context);
  void Publish(State state, int64_t verified_ms, int64_t verified_nanos);
  void Publish(std::shared_ptr<const State> state);

  Status ProveConditions(const CallContext& context);
  Status ResolvePending(const CallContext& context);
  Result<Proposal> Plan(const Planner& planner, const CallContext& context);
  Result<Attempt> Prepare(const Proposal& proposal, Sequence based_on, const CallContext& context);
  Result<Slot> FillSlot(Attempt* attempt, const CallContext& context);
  // The outcome of one try, or none while it is not known.
  Result<std::optional<Slot>> TryFill(Attempt* attempt, const CallContext& context);
  Result<Slot> Judge(const Attempt& attempt, bool ours, const CallContext& context);
  Result<Slot> JudgeOldSlot(const Attempt& attempt, bool ours, const CallContext& context);
  Result<bool> FollowedBy(Sequence sequence, const std::string& sha256, const CallContext& context);
  void Won(const Attempt& attempt, const CallContext& context);
  Status CheckpointIfDue(const CallContext& context);
  Result<std::string> StoreCheckpoint(const State& state, const std::string& previous,
                                      const CallContext& context);
  bool Wait(int tries, const CallContext& context);

  store::Store& store_;
  const CommitLogOptions options_;
  const StoredConfig config_;
  const std::string writer_id_;
  std::mutex mutex_;                // of everything below but state_
  mutable std::mutex state_mutex_;  // of state_
  std::shared_ptr<const State> state_;
  // state_ was the whole log at a moment not before these; seen_ms_ is the newest time heard.
  int64_t verified_ms_ = 0;
  int64_t verified_nanos_ = 0;
  int64_t seen_ms_ = 0;
  int64_t seen_nanos_ = 0;
  uint64_t writer_sequence_ = 0;
  bool conditions_proven_ = false;
  std::optional<Attempt> pending_;  // outcome unknown; nothing else is sent before it is known
  Sequence checkpoint_;             // newest checkpoint known
  std::string checkpoint_name_;
  std::mt19937_64 random_;
};

}  // namespace maxbrod::repo
