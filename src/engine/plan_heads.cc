#include "engine/plan_heads.h"

#include <cstdlib>

#include "engine/last_hole.h"
#include "engine/plan_estimate.h"

namespace maxbrod::engine {
namespace {

uint64_t HolesOf(const PlannedTopic& topic) {
  uint64_t holes = 0;
  for (const PlannedPartition& p : topic.partitions) holes += p.holes;
  return holes;
}

class HeadPlanner {
 public:
  HeadPlanner(repo::Repository& repository, kafka::Cluster& target, HoleMeans means,
              const TopicDefaults& defaults, const EarlierRestore* earlier, int64_t now_ms,
              const ColdPacks& cold, RestorePlan* plan, const CallContext& context)
      : repository_(repository),
        target_(target),
        means_(means),
        defaults_(defaults),
        earlier_(earlier),
        now_ms_(now_ms),
        cold_(cold),
        plan_(*plan),
        context_(context) {}

  Status Run() {
    for (PlannedTopic& topic : plan_.topics) {
      if (topic.mode == OffsetsMode::kDense || !MayBeCleaned(topic)) continue;
      MB_RETURN_IF_ERROR(AskBrokers());
      if (!WantsCleaner(topic) || !CleanerRuns(topic)) continue;
      for (PlannedPartition& p : topic.partitions) {
        if (p.holes == 0) continue;
        bool guessed = false;
        MB_ASSIGN_OR_RETURN(auto hole, FindLastHole(repository_, p, cold_, &guessed, context_));
        if (guessed) {
          plan_.thaw.AddUnknown("up to where the brokers' cleaner makes the holes of topic '" +
                                topic.source + "'");
        }
        // The hole's last offset is the marker that opens the next segment.
        if (!hole || hole->to - 1 <= p.log_start || StampsInFuture(topic, p, hole->to)) continue;
        p.fill_below = hole->to - 1;
        topic.filled += p.holes - 1;
        topic.markers -= p.holes - 1;
      }
    }
    return Status::Ok();
  }

 private:
  bool MayBeCleaned(const PlannedTopic& topic) const {
    auto policy = EffectiveConfig(topic, defaults_, "cleanup.policy");
    bool compacted = policy && policy->find("compact") != std::string::npos;
    return compacted && HolesOf(topic) > 0 && means_ != HoleMeans::kMarkers;
  }

  // The marker behind the head opens a segment only when its time, the broker's, is later than that
  // of the segment's first batch.
  bool StampsInFuture(const PlannedTopic& topic, const PlannedPartition& p, int64_t head_end) {
    for (const repo::BlockUse& use : p.blocks) {
      if (use.use_from >= head_end || use.entry.stats.min_timestamp < now_ms_) continue;
      plan_.warnings.push_back(
          "topic '" + topic.source + "': partition " + std::to_string(p.partition) +
          " has timestamps of the future, with which the brokers' cleaner would "
          "not come to it: its holes become markers");
      return true;
    }
    return false;
  }

  Status AskBrokers() {
    if (asked_) return Status::Ok();
    asked_ = true;
    MB_ASSIGN_OR_RETURN(auto metadata, target_.Refresh(context_));
    double longest = 0;
    for (const auto& [id, broker] : metadata->brokers) {
      MB_ASSIGN_OR_RETURN(auto configs, target_.DescribeBrokerConfigs(id, context_));
      for (const auto& config : configs) {
        if (!config.value) continue;
        if (config.name == "log.cleaner.enable" && *config.value == "false")
          without_cleaner_ = id.value();
        if (config.name == "log.cleaner.backoff.ms")
          longest = std::max(longest, std::strtod(config.value->c_str(), nullptr) / 1000);
      }
    }
    if (longest > 0) plan_.cleaner_backoff_seconds = longest;
    return Status::Ok();
  }

  bool WantsCleaner(const PlannedTopic& topic) const {
    if (earlier_ != nullptr && earlier_->Made(topic))
      return earlier_->filled.count(topic.target) > 0;
    if (means_ == HoleMeans::kCleaner) return true;
    return HoleSeconds(HolesOf(topic), topic.records, plan_) > CleanerSeconds(topic.bytes, plan_);
  }

  bool CleanerRuns(const PlannedTopic& topic) {
    if (without_cleaner_ < 0) return true;
    std::string why = "topic '" + topic.source + "': broker " + std::to_string(without_cleaner_) +
                      " has log.cleaner.enable=false";
    if (means_ == HoleMeans::kCleaner) {
      plan_.Refuse(Code::kUnsupported, why, "--holes markers");
    } else {
      plan_.warnings.push_back(why + ": its holes become markers");
    }
    return false;
  }

  repo::Repository& repository_;
  kafka::Cluster& target_;
  const HoleMeans means_;
  const TopicDefaults& defaults_;
  const EarlierRestore* earlier_;
  const int64_t now_ms_;
  const ColdPacks& cold_;
  RestorePlan& plan_;
  const CallContext& context_;
  bool asked_ = false;
  int32_t without_cleaner_ = -1;
};

}  // namespace

Status PlanHeads(repo::Repository& repository, kafka::Cluster& target, HoleMeans means,
                 const TopicDefaults& defaults, const EarlierRestore* earlier, int64_t now_ms,
                 const ColdPacks& cold, RestorePlan* plan, const CallContext& context) {
  return HeadPlanner(repository, target, means, defaults, earlier, now_ms, cold, plan, context)
      .Run();
}

void UseMarkersOnly(PlannedTopic* topic) {
  topic->markers += topic->filled;
  topic->filled = 0;
  for (PlannedPartition& p : topic->partitions) p.fill_below = 0;
}

}  // namespace maxbrod::engine
