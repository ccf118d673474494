#include "engine/restore_thaw.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "base/user_time.h"
#include "repo/pack_writer.h"

namespace maxbrod::engine {
namespace {

// A restore that takes longer is thawed in waves of this length.
constexpr double kWavesFromSeconds = 2 * 86'400.0;
constexpr double kWaveSeconds = 86'400;

// Packs of some partitions, each once. Partitions are read side by side, each from its beginning.
class PackOrder {
 public:
  void Add(const PlannedPartition& p) {
    uint64_t before = 0;
    for (const repo::BlockUse& use : p.blocks) {
      auto [at, fresh] =
          packs_.try_emplace(repo::PackName(use.pack), Place{before, use.pack.length()});
      if (!fresh) at->second.before = std::min(at->second.before, before);
      before += use.entry.place.plain_bytes;
    }
  }

  std::vector<PackToRead> Sorted() const {
    std::vector<std::pair<uint64_t, PackToRead>> order;
    for (const auto& [name, place] : packs_)
      order.push_back({place.before, PackToRead{name, place.bytes}});
    // By name where two are needed at once, so that plans read the same each time.
    std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
      return std::tie(a.first, a.second.name) < std::tie(b.first, b.second.name);
    });
    std::vector<PackToRead> sorted;
    for (auto& [before, pack] : order) sorted.push_back(std::move(pack));
    return sorted;
  }

 private:
  struct Place {
    uint64_t before = 0;  // bytes of a partition that are read earlier
    uint64_t bytes = 0;
  };
  std::map<std::string, Place> packs_;
};

void AddTopic(const PlannedTopic& topic, const std::set<TopicPartition>& complete,
              PackOrder* order) {
  for (const PlannedPartition& p : topic.partitions) {
    if (!complete.contains({topic.target, p.partition})) order->Add(p);
  }
}

bool AllReadable(const std::vector<ArchivedPack>& packs) {
  return std::none_of(packs.begin(), packs.end(), [](const auto& pack) { return pack.cold(); });
}

}  // namespace

void NamePacks(const std::set<TopicPartition>& complete, const ColdPacks& cold, RestorePlan* plan) {
  PackOrder order;
  for (const PlannedTopic& topic : plan->topics) AddTopic(topic, complete, &order);
  std::vector<PackToRead> packs = order.Sorted();
  plan->thaw.packs = packs.size();
  plan->thaw.archived = cold.ArchivedOf(packs);
}

std::vector<ThawWave> PlanWaves(const RestorePlan& plan, const std::set<TopicPartition>& complete,
                                const ColdPacks& cold) {
  bool split = plan.seconds_estimate > kWavesFromSeconds && !plan.thaw.archived.empty() &&
               plan.thaw.unknown.empty();
  std::vector<ThawWave> waves(1);
  PackOrder order;
  for (const PlannedTopic& topic : plan.topics) {
    ThawWave* wave = &waves.back();
    bool full = !wave->topics.empty() && wave->seconds + topic.seconds_estimate > kWaveSeconds;
    if (split && full) {
      wave->packs = cold.ArchivedOf(order.Sorted());
      order = PackOrder();
      wave = &waves.emplace_back();
    }
    AddTopic(topic, complete, &order);
    wave->topics.insert(topic.target);
    wave->seconds += topic.seconds_estimate;
  }
  waves.back().packs = cold.ArchivedOf(order.Sorted());
  // What is not any topic's takes its time too.
  if (waves.size() == 1) waves[0].seconds = plan.seconds_estimate;
  return waves;
}

// A log that is as long as the plan says holds all of it: nothing else ends there.
Result<std::set<TopicPartition>> RestoreThaw::CompletePartitions(const RestorePlan& plan) {
  kafka::PerPartition<int64_t> latest, earliest;
  for (const PlannedTopic& topic : plan.topics) {
    if (!topic.exists) continue;
    for (const PlannedPartition& p : topic.partitions) {
      latest[{topic.target, p.partition}] = kafka::kLatest;
      earliest[{topic.target, p.partition}] = kafka::kEarliest;
    }
  }
  std::set<TopicPartition> complete;
  if (latest.empty()) return complete;
  MB_ASSIGN_OR_RETURN(auto ends,
                      target_.ListOffsets(latest, kafka::Isolation::kReadUncommitted, context_));
  MB_ASSIGN_OR_RETURN(auto starts,
                      target_.ListOffsets(earliest, kafka::Isolation::kReadUncommitted, context_));
  for (const PlannedTopic& topic : plan.topics) {
    for (const PlannedPartition& p : topic.partitions) {
      TopicPartition tp{topic.target, p.partition};
      auto end = ends.find(tp), start = starts.find(tp);
      if (end == ends.end() || start == starts.end()) continue;
      if (end->second.error != 0 || start->second.error != 0) continue;
      if (end->second.offset >= p.log_end() && start->second.offset >= p.target_log_start())
        complete.insert(tp);
    }
  }
  return complete;
}

Status RestoreThaw::Inspect(bool resumed, RestorePlan* plan) {
  std::set<TopicPartition> complete;
  if (resumed && !plan->thaw.archived.empty() && plan->thaw.unknown.empty()) {
    MB_ASSIGN_OR_RETURN(complete, CompletePartitions(*plan));
    NamePacks(complete, cold_, plan);
  }
  waves_ = PlanWaves(*plan, complete, cold_);
  if (plan->thaw.cold() == 0) {
    WarnOfEnds(plan);
    return Status::Ok();
  }
  Status refused = options_.tier ? thaw_.CheckTier(plan->thaw.archived)
                                 : ColdRefusal(plan->thaw, plan->seconds_estimate, "the restore");
  if (!refused.ok()) plan->Refuse(refused.code(), refused.message(), refused.hint());
  return Status::Ok();
}

// Copies that somebody else asked for are not lengthened.
void RestoreThaw::WarnOfEnds(RestorePlan* plan) const {
  if (options_.tier) return;
  int64_t ends = INT64_MAX;
  for (const ArchivedPack& pack : plan->thaw.archived) ends = std::min(ends, pack.thawed_until_ms);
  double left = static_cast<double>(ends - clock_.WallMillis()) / 1000;
  if (ends == INT64_MAX || left > 2 * plan->seconds_estimate) return;
  plan->warnings.push_back("readable copies of packs in cold storage end at " +
                           FormatUserTime(ends) +
                           ", perhaps before the restore: --thaw lengthens them");
}

Result<bool> RestoreThaw::MakeReadable(const RestorePlan& plan) {
  const ThawWave& first = waves_.front();
  bool readable = AllReadable(first.packs);
  MB_RETURN_IF_ERROR(thaw_.MakeReadable(first.packs, first.seconds, context_));
  if (!readable) progress_.Begin("planning", 0, 0);
  return !readable && plan.refusals.empty();
}

Status RestoreThaw::BeginWave(size_t index) {
  const ThawWave& wave = waves_[index];
  if (wave.packs.empty() && waves_.size() == 1) return Status::Ok();
  if (index > 0) {
    std::vector<PackToRead> packs;
    for (const ArchivedPack& pack : wave.packs) packs.push_back({pack.name, pack.bytes});
    MB_RETURN_IF_ERROR(cold_.Look(packs, context_));
    MB_RETURN_IF_ERROR(thaw_.MakeReadable(cold_.ArchivedOf(packs), wave.seconds, context_));
  }
  if (keeper_ == nullptr && options_.tier)
    keeper_ = std::make_unique<ThawKeeper>(thaw_, clock_, progress_);
  if (index + 1 == waves_.size()) return Status::Ok();
  const ThawWave& next = waves_[index + 1];
  return thaw_.Request(next.packs, wave.seconds + next.seconds, context_);
}

Status RestoreThaw::Explain(Status status, const RestorePlan& plan) {
  if (status.code() != Code::kUnavailable || store_.control() == nullptr) return status;
  PackOrder order;
  for (const PlannedTopic& topic : plan.topics) AddTopic(topic, {}, &order);
  // What was outside of an archive may have gone there.
  ColdPacks now(store_);
  ThawNeed need;
  std::vector<PackToRead> packs = order.Sorted();
  if (!now.Look(packs, context_).ok()) return status;
  need.packs = packs.size();
  need.archived = now.ArchivedOf(packs);
  bool met = std::any_of(need.archived.begin(), need.archived.end(), [&](const auto& pack) {
    return pack.cold() && status.message().find(pack.name) != std::string::npos;
  });
  if (!met) return status;
  froze_ = true;
  Status cold = ColdRefusal(need, plan.seconds_estimate, "the restore");
  return Status(Code::kUnavailable,
                fmt::format("{}: readable copies have ended in mid-restore ({})", cold.message(),
                            status.message()))
      .Retryable()
      .WithHint("the same command, with --thaw, thaws them again and goes on where it was: " +
                cold.hint());
}

}  // namespace maxbrod::engine
