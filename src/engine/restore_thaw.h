// What a restore reads of cold storage: named in its plan, thawed before it is read, in waves where
// reading takes days.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/restore_plan.h"
#include "engine/thaw.h"

namespace maxbrod::engine {

// Fills thaw.packs and thaw.archived of the plan: what its partitions are read from, but for those
// that are `complete` (by the target's names), roughly in the order in which it is read.
void NamePacks(const std::set<TopicPartition>& complete, const ColdPacks& cold, RestorePlan* plan);

// Topics that are restored together, and the archived packs that they are read from.
struct ThawWave {
  std::set<std::string> topics;  // the target's names
  std::vector<ArchivedPack> packs;
  double seconds = 0;  // that reading it will take
};
// One wave, unless something in an archive is read, and for more than two days: then topics in the
// order of the plan, about a day each. What is unknown needs everything at once.
std::vector<ThawWave> PlanWaves(const RestorePlan& plan, const std::set<TopicPartition>& complete,
                                const ColdPacks& cold);

// Not thread-safe. Everything given must outlive it.
class RestoreThaw {
 public:
  RestoreThaw(store::Store& store, kafka::Cluster& target, const ThawOptions& options, Clock& clock,
              Progress& progress, const CallContext& context)
      : store_(store),
        target_(target),
        options_(options),
        clock_(clock),
        progress_(progress),
        context_(context),
        cold_(store),
        thaw_(store, options, clock, progress) {}

  ColdPacks& cold() { return cold_; }

  // Looks at a plan that was just made: what is cold and may not be thawed becomes a refusal of the
  // plan. `resumed`: partitions that an earlier run has completed are not read again.
  Status Inspect(bool resumed, RestorePlan* plan);
  // Thaws what the plan's first wave reads. True: something was thawed, and the plan must be made
  // anew. kIncomplete (see Thaw) when it is not there yet and nobody waits.
  Result<bool> MakeReadable(const RestorePlan& plan);
  // Of the plan inspected last.
  const std::vector<ThawWave>& waves() const { return waves_; }
  // Before a wave is restored: waits for its packs, and asks for those of the next one.
  Status BeginWave(size_t index);

  // What an error in mid-restore means: when packs are cold now (their copies have ended), that is
  // the error, kUnavailable and retryable.
  Status Explain(Status status, const RestorePlan& plan);
  // Such an error was met, and the same restore may thaw and go on by itself.
  bool may_go_on() const { return froze_ && options_.tier && options_.wait; }

 private:
  Result<std::set<TopicPartition>> CompletePartitions(const RestorePlan& plan);
  void WarnOfEnds(RestorePlan* plan) const;

  store::Store& store_;
  kafka::Cluster& target_;
  const ThawOptions options_;
  Clock& clock_;
  Progress& progress_;
  const CallContext& context_;
  ColdPacks cold_;
  Thaw thaw_;
  std::vector<ThawWave> waves_;
  bool froze_ = false;
  std::unique_ptr<ThawKeeper> keeper_;  // last: it uses thaw_
};

}  // namespace maxbrod::engine
