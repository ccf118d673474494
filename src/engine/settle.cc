#include "engine/settle.h"

#include <algorithm>

#include "kafka/errors.h"

namespace maxbrod::engine {
namespace {

struct Ends {
  int64_t log_end = -1, high_watermark = -1;
  bool operator==(const Ends&) const = default;
  bool Agree() const { return log_end < 0 || log_end == high_watermark; }
};

Result<std::map<TopicPartition, Ends>> AskEnds(kafka::Cluster& cluster,
                                               const std::vector<TopicPartition>& partitions,
                                               const CallContext& context) {
  MB_ASSIGN_OR_RETURN(auto metadata, cluster.Refresh(context));
  kafka::PerPartition<int32_t> epochs;
  kafka::PerPartition<int64_t> latest;
  for (const TopicPartition& tp : partitions) {
    latest[tp] = kafka::kLatest;
    auto topic = metadata->topics.find(tp.topic);
    if (topic == metadata->topics.end()) continue;
    for (const auto& p : topic->second.partitions) {
      if (p.partition == tp.partition && p.leader_epoch >= 0) epochs[tp] = p.leader_epoch;
    }
  }
  MB_ASSIGN_OR_RETURN(auto watermarks,
                      cluster.ListOffsets(latest, kafka::Isolation::kReadUncommitted, context));
  MB_ASSIGN_OR_RETURN(auto log_ends, cluster.OffsetsForLeaderEpoch(epochs, context));
  std::map<TopicPartition, Ends> ends;
  for (const auto& [tp, listed] : watermarks) {
    if (listed.error != 0)
      return kafka::ErrorStatus(listed.error, "ListOffsets of " + tp.ToString());
    ends[tp].high_watermark = listed.offset;
  }
  for (const auto& [tp, end] : log_ends) {
    if (end.error == 0) ends[tp].log_end = end.end_offset;
  }
  return ends;
}

}  // namespace

Result<std::map<TopicPartition, int64_t>> WaitSettled(kafka::Cluster& cluster,
                                                      const std::vector<TopicPartition>& partitions,
                                                      Millis quiet, Clock& clock,
                                                      const CallContext& context) {
  std::map<TopicPartition, Ends> before;
  int64_t still_since = clock.MonotonicNanos();
  while (true) {
    MB_RETURN_IF_ERROR(context.Check());
    auto ends = AskEnds(cluster, partitions, context);
    if (!ends.ok() && !ends.status().retryable()) return ends.status();
    int64_t now = clock.MonotonicNanos();
    bool agree = ends.ok() && std::all_of(ends->begin(), ends->end(),
                                          [](const auto& e) { return e.second.Agree(); });
    if (!agree || *ends != before) {
      still_since = now;
      if (ends.ok()) before = *ends;
    } else if (now - still_since >= quiet.count() * 1'000'000) {
      std::map<TopicPartition, int64_t> result;
      for (const auto& [tp, end] : *ends) result[tp] = std::max(end.log_end, end.high_watermark);
      return result;
    }
    if (!clock.Sleep(quiet / 4, context.stop)) return Status(Code::kCancelled, "stopped");
  }
}

}  // namespace maxbrod::engine
