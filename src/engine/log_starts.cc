#include "engine/log_starts.h"

#include <algorithm>

#include "kafka/errors.h"
#include "os/log.h"

namespace maxbrod::engine {
namespace {

constexpr Millis kReplicasLimit{20'000};

}  // namespace

Status LogStarts::Cut(const kafka::PerPartition<int64_t>& before) {
  auto results = target_.DeleteRecords(before, context_.Within(kReplicasLimit));
  MB_RETURN_IF_ERROR(context_.Check());
  if (!results.ok() && !results.status().retryable()) return results.status();
  kafka::PerPartition<int64_t> ask;
  Status why = results.status();
  for (const auto& [tp, offset] : before) {
    if (results.ok()) {
      const Status& status = results->at(tp).status();
      if (status.ok()) continue;
      if (!status.retryable() && status.code() != Code::kTimeout)
        return status.WithContext("DeleteRecords of " + tp.ToString());
      why = status;
    }
    ask[tp] = kafka::kEarliest;
  }
  cut_nanos_ = clock_.MonotonicNanos();
  if (ask.empty()) return Status::Ok();
  MB_ASSIGN_OR_RETURN(auto starts,
                      target_.ListOffsets(ask, kafka::Isolation::kReadUncommitted, context_));
  for (const auto& [tp, start] : starts) {
    if (start.error != 0 || start.offset < before.at(tp))
      return why.WithContext("DeleteRecords of " + tp.ToString());
    unconfirmed_[tp] = before.at(tp);
  }
  LogInfo("{} (the leaders have cut it off; the replicas are asked again later)", why.ToString());
  return Status::Ok();
}

Status LogStarts::Await(int64_t wait_ms, double* seconds) {
  progress_.Begin("waiting until the brokers have the log starts on disk", 0, 0);
  const int64_t begun = clock_.MonotonicNanos();
  const int64_t since = cut_nanos_ != 0 ? cut_nanos_ : begun;
  const int64_t left = since + wait_ms * 1'000'000 - begun;
  if (left > 0 && !clock_.Sleep(Millis(left / 1'000'000 + 1), context_.stop)) {
    return Status(Code::kCancelled, "stopped");
  }
  *seconds = static_cast<double>(clock_.MonotonicNanos() - begun) / 1e9;
  if (unconfirmed_.empty()) return Status::Ok();
  MB_ASSIGN_OR_RETURN(auto results, target_.DeleteRecords(unconfirmed_, context_));
  for (const auto& [tp, result] : results)
    MB_RETURN_IF_ERROR(result.status().WithContext("replicas of " + tp.ToString()));
  return Status::Ok();
}

Status CheckLogs(kafka::Cluster& target, const RestorePlan& plan, const CallContext& context) {
  kafka::PerPartition<int64_t> latest_ask;
  for (const PlannedTopic& topic : plan.topics) {
    for (const auto& p : topic.partitions) latest_ask[{topic.target, p.partition}] = kafka::kLatest;
  }
  kafka::PerPartition<int64_t> earliest_ask = latest_ask;
  for (auto& [tp, what] : earliest_ask) what = kafka::kEarliest;
  MB_ASSIGN_OR_RETURN(auto latest,
                      target.ListOffsets(latest_ask, kafka::Isolation::kReadUncommitted, context));
  MB_ASSIGN_OR_RETURN(
      auto earliest, target.ListOffsets(earliest_ask, kafka::Isolation::kReadUncommitted, context));
  for (const PlannedTopic& topic : plan.topics) {
    for (const auto& p : topic.partitions) {
      TopicPartition tp{topic.target, p.partition};
      bool end_right = latest[tp].error == 0 && latest[tp].offset == p.log_end();
      // Retention, in force again, may have moved it on already.
      bool start_right = earliest[tp].error == 0 && earliest[tp].offset >= p.target_log_start();
      if (end_right && start_right) continue;
      return Status(Code::kOffsetMismatch,
                    tp.ToString() + " holds offsets " + std::to_string(earliest[tp].offset) +
                        " to " + std::to_string(latest[tp].offset) + ", the plan says " +
                        std::to_string(p.target_log_start()) + " to " +
                        std::to_string(p.log_end()));
    }
  }
  return Status::Ok();
}

}  // namespace maxbrod::engine
