#include "engine/plan_estimate.h"

#include <algorithm>
#include <cstdlib>

namespace maxbrod::engine {
namespace {

// Of a filler offset below a log start, in packed batches; and of one between records, where
// batches hold fewer.
constexpr double kFillerDiskBytes = 0.6;
constexpr double kFilledDiskBytes = 8;
// Brokers write log starts to disk every log.flush.start.offset.checkpoint.interval.ms; this much
// is added.
constexpr int64_t kCheckpointMarginMs = 2'000;
constexpr int64_t kCheckpointIntervalDefaultMs = 60'000;
// Between markers what is left of a batch goes in pieces, each with a request of its own; measured
// with every second record gone.
constexpr double kPiecesPerSecond = 15e3;
// Rolling, polling, and looking at what was cleaned.
constexpr double kCleanerConstantSeconds = 3;

Result<int64_t> CheckpointWait(kafka::Cluster& target, const CallContext& context) {
  int64_t longest = 0;
  auto metadata = target.metadata();
  for (const auto& [id, broker] : metadata->brokers) {
    int64_t interval = kCheckpointIntervalDefaultMs;
    MB_ASSIGN_OR_RETURN(auto configs, target.DescribeBrokerConfigs(id, context));
    for (const auto& config : configs) {
      if (config.name == "log.flush.start.offset.checkpoint.interval.ms" && config.value)
        interval = std::strtoll(config.value->c_str(), nullptr, 10);
    }
    longest = std::max(longest, interval);
  }
  return longest + kCheckpointMarginMs;
}

void EstimateTopic(const RestorePlan& plan, PlannedTopic* topic) {
  auto replicas = static_cast<uint64_t>(topic->replication_factor);
  topic->seconds_estimate =
      static_cast<double>(topic->bytes) / plan.rates.bytes + PaddingSeconds(*topic, plan);
  double temporary = static_cast<double>(topic->filler) * kFillerDiskBytes +
                     static_cast<double>(topic->filled) * kFilledDiskBytes;
  topic->disk_temporary = static_cast<uint64_t>(temporary) * replicas;
  topic->disk_bytes = topic->bytes * replicas + topic->disk_temporary;
}

}  // namespace

double CleanerSeconds(uint64_t bytes, const RestorePlan& plan) {
  return kCleanerConstantSeconds + plan.cleaner_backoff_seconds +
         static_cast<double>(bytes) / plan.rates.cleaner_bytes;
}

double HoleSeconds(uint64_t holes, uint64_t records, const RestorePlan& plan) {
  double markers =
      plan.abilities.markers == MarkerMeans::kEndTxn ? plan.rates.end_txns : plan.rates.markers;
  // At random about half of the holes have a record before them.
  double pieces = static_cast<double>(std::min(holes, records)) / 2;
  return static_cast<double>(holes) / markers + pieces / kPiecesPerSecond;
}

double PaddingSeconds(const PlannedTopic& topic, const RestorePlan& plan) {
  const TargetRates& rates = plan.rates;
  double seconds = static_cast<double>(topic.filler + topic.filled) / rates.filler +
                   HoleSeconds(topic.markers, topic.records, plan) +
                   static_cast<double>(topic.transactions) / rates.end_txns;
  if (topic.filled > 0) seconds += static_cast<double>(topic.bytes) / rates.cleaner_bytes;
  return seconds;
}

Status EstimatePlan(kafka::Cluster& target, RestorePlan* plan, const CallContext& context) {
  bool pads = false, cleans = false;
  plan->seconds_estimate = 0;
  for (PlannedTopic& topic : plan->topics) {
    EstimateTopic(*plan, &topic);
    plan->bytes += topic.bytes;
    plan->records += topic.records;
    plan->filler += topic.filler;
    plan->markers += topic.markers;
    plan->transactions += topic.transactions;
    plan->disk_bytes += topic.disk_bytes;
    plan->seconds_estimate += topic.seconds_estimate;
    pads = pads || topic.filler > 0;
    cleans = cleans || topic.filled > 0;
  }
  // Of all topics together.
  if (cleans) plan->seconds_estimate += CleanerSeconds(0, *plan);
  if (!pads) return Status::Ok();
  MB_ASSIGN_OR_RETURN(plan->checkpoint_wait_ms, CheckpointWait(target, context));
  plan->seconds_estimate += static_cast<double>(plan->checkpoint_wait_ms) / 1000;
  return Status::Ok();
}

}  // namespace maxbrod::engine
