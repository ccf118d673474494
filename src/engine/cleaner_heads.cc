#include "engine/cleaner_heads.h"

#include <algorithm>
#include <cstdlib>

#include "engine/head_check.h"
#include "engine/target_configs.h"
#include "os/crash_point.h"
#include "os/log.h"

namespace maxbrod::engine {
namespace {

constexpr Millis kPoll{500};
// A log whose size does not change for so long is looked at all the same.
constexpr int64_t kLookAnywayNanos = 20'000'000'000;
// Tombstones live at least so long from their first cleaning on, whatever the source says: the head
// is cleaned more than once while it waits for the other replicas.
constexpr int64_t kTombstoneMsMin = int64_t{24} * 3600 * 1000;
constexpr int64_t kTombstoneMsMax = int64_t{365} * 24 * 3600 * 1000;
constexpr const char* kSegmentBytesMin = "1048576";  // brokers 4.x refuse less (KIP-1030)

std::string TombstoneMs(const PlannedTopic& topic) {
  int64_t ms = kTombstoneMsMin;
  for (const PlannedConfig& config : topic.configs) {
    if (config.name == "delete.retention.ms")
      ms = std::max<int64_t>(ms, std::strtoll(config.value.c_str(), nullptr, 10));
  }
  return std::to_string(std::min(ms, kTombstoneMsMax));
}

// Of one replica while it is waited for.
struct Waiting {
  CleanerHead head;
  BrokerId broker{-1};
  int64_t size_at_start = -1;
  int64_t size = -1;
  int64_t looked_nanos = 0;
};

}  // namespace

Status CleanerHeads::RollAtNextAppend(const std::vector<CleanerHead>& heads) {
  ConfigChanges changes;
  for (const CleanerHead& head : heads) {
    changes[head.topic->target] = {{"segment.ms", "1"}, {"segment.bytes", kSegmentBytesMin}};
  }
  return topics_.Alter(changes);
}

ConfigChanges CleanerHeads::Changes(const std::vector<CleanerHead>& heads, bool cleaning) const {
  ConfigChanges changes;
  for (const CleanerHead& head : heads) {
    auto& list = changes[head.topic->target];
    if (!list.empty()) continue;
    list = WorkingChanges(*head.topic, topics_.known_configs());
    list.push_back({"segment.bytes", std::nullopt});
    if (!cleaning) {
      for (const char* name :
           {"min.cleanable.dirty.ratio", "min.compaction.lag.ms", "delete.retention.ms"}) {
        list.push_back({name, std::nullopt});
      }
      continue;
    }
    for (kafka::ConfigChange& change : list) {
      if (change.name == "cleanup.policy") change.value = "compact";
    }
    list.push_back({"min.cleanable.dirty.ratio", "0.0"});
    list.push_back({"min.compaction.lag.ms", "0"});
    list.push_back({"delete.retention.ms", TombstoneMs(*head.topic)});
  }
  return changes;
}

Status CleanerHeads::Clean(const std::vector<CleanerHead>& heads) {
  progress_.Begin("waiting for the brokers' cleaner", 0, 0);
  CrashPoint("restore.before_cleaning");
  MB_RETURN_IF_ERROR(topics_.Alter(Changes(heads, true)));
  CrashPoint("restore.cleaning");
  Status cleaned = AwaitCleaned(heads);
  // Back, however it ended: under a dirty ratio of 0 the tail would be cleaned as well.
  MB_RETURN_IF_ERROR(topics_.Alter(Changes(heads, false)));
  CrashPoint("restore.after_cleaning");
  return cleaned;
}

Result<std::map<std::pair<BrokerId, TopicPartition>, int64_t>> CleanerHeads::Sizes() {
  MB_ASSIGN_OR_RETURN(auto described, target_.DescribeLogDirs(context_));
  std::map<std::pair<BrokerId, TopicPartition>, int64_t> sizes;
  for (const kafka::LogDirEntry& entry : described.first) {
    if (!entry.future) sizes[{entry.broker, entry.partition}] = entry.size;
  }
  return sizes;
}

Status CleanerHeads::CheckReplica(const CleanerHead& head, BrokerId broker, bool* cleaned) {
  *cleaned = false;
  auto check = CheckHead(target_, broker, head.topic->target, topics_.ids().at(head.topic->target),
                         *head.partition, repository_.store(), context_);
  if (!check.ok() && check.status().retryable()) {
    LogInfo("{} (asking again)", check.status().ToString());
    return Status::Ok();
  }
  MB_RETURN_IF_ERROR(check.status());
  *cleaned = check->filler_left == 0;
  return Status::Ok();
}

Status CleanerHeads::TooLate(const CleanerHead& head, BrokerId broker, size_t waiting) const {
  bool online = target_.metadata()->brokers.contains(broker);
  std::string id = std::to_string(broker.value());
  std::string what = online ? "the cleaner of broker " + id + " has not come to "
                            : "broker " + id + " is offline, and has a replica of ";
  return Status(Code::kTimeout, what + head.tp().ToString() + ": waited for " +
                                    std::to_string(stall_limit_.count() / 1000) + " s (" +
                                    std::to_string(waiting) + " replicas are not cleaned yet)")
      .WithHint(
          "look at log.cleaner.enable, log.cleaner.backoff.ms and the broker's log, then run the "
          "same command again; or --holes markers");
}

Status CleanerHeads::AwaitCleaned(const std::vector<CleanerHead>& heads) {
  std::vector<Waiting> waiting;
  MB_ASSIGN_OR_RETURN(auto metadata, target_.Refresh(context_));
  for (const CleanerHead& head : heads) {
    const auto& partitions = metadata->topics.at(head.topic->target).partitions;
    for (int32_t replica : partitions.at(static_cast<size_t>(head.partition->partition)).replicas)
      waiting.push_back({head, BrokerId(replica)});
  }
  int64_t moved_nanos = clock_.MonotonicNanos();
  while (!waiting.empty()) {
    auto sizes = Sizes();
    if (!sizes.ok() && !sizes.status().retryable()) return sizes.status();
    int64_t now = clock_.MonotonicNanos();
    std::vector<Waiting> still;
    for (Waiting& w : waiting) {
      if (w.looked_nanos == 0) w.looked_nanos = now;
      int64_t size = -1;
      if (sizes.ok() && sizes->count({w.broker, w.head.tp()}) > 0)
        size = sizes->at({w.broker, w.head.tp()});
      if (w.size_at_start < 0) w.size_at_start = size;
      bool shrunk = size != w.size_at_start && size == w.size;
      w.size = size;
      bool cleaned = false;
      if (shrunk || now - w.looked_nanos > kLookAnywayNanos) {
        w.looked_nanos = now;
        MB_RETURN_IF_ERROR(CheckReplica(w.head, w.broker, &cleaned));
      }
      if (cleaned) {
        moved_nanos = now;
      } else {
        still.push_back(w);
      }
    }
    waiting = std::move(still);
    if (waiting.empty()) break;
    if (clock_.MonotonicNanos() - moved_nanos > stall_limit_.count() * 1'000'000) {
      return TooLate(waiting[0].head, waiting[0].broker, waiting.size());
    }
    if (!clock_.Sleep(kPoll, context_.stop)) return Status(Code::kCancelled, "stopped");
  }
  return Status::Ok();
}

}  // namespace maxbrod::engine
