#include "engine/cleaner_heads.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <thread>

#include "engine/head_check.h"
#include "engine/target_configs.h"
#include "os/crash_point.h"
#include "os/log.h"

namespace maxbrod::engine {
namespace {

constexpr Millis kPollMin{50};
constexpr Millis kPollMax{500};
// A log whose size does not change for so long is looked at all the same.
constexpr int64_t kLookAnywayNanos = 20'000'000'000;
// Replicas read back at a time.
constexpr size_t kLookersMax = 4;
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
  bool looked = false;
  Status trouble;  // of the last look
};

Status WhyLate(const Waiting& w, bool online, Millis limit, size_t waiting) {
  std::string id = std::to_string(w.broker.value());
  std::string what = online ? "the cleaner of broker " + id + " has not come to "
                            : "broker " + id + " is offline, and has a replica of ";
  what += w.head.tp().ToString() + ": waited for " + std::to_string(limit.count() / 1000) + " s (" +
          std::to_string(waiting) + (waiting == 1 ? " replica is" : " replicas are") +
          " not cleaned yet)";
  if (!w.trouble.ok()) what += "; the last look at it: " + w.trouble.ToString();
  return Status(Code::kTimeout, what)
      .WithHint(
          "look at log.cleaner.enable, log.cleaner.backoff.ms and the broker's log, then run "
          "the same command again; or --holes markers");
}

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

Result<std::vector<LateHead>> CleanerHeads::Clean(const std::vector<CleanerHead>& heads) {
  progress_.Begin("waiting for the brokers' cleaner", 0, 0);
  // Before compaction is on: a cleaner may be quick.
  auto sizes = Sizes();
  if (!sizes.ok() && !sizes.status().retryable()) return sizes.status();
  CrashPoint("restore.before_cleaning");
  MB_RETURN_IF_ERROR(topics_.Alter(Changes(heads, true)));
  CrashPoint("restore.cleaning");
  auto late = AwaitCleaned(heads, sizes.ok() ? *sizes : LogSizes());
  // Back, however it ended: under a dirty ratio of 0 the tail would be cleaned as well.
  MB_RETURN_IF_ERROR(topics_.Alter(Changes(heads, false)));
  CrashPoint("restore.after_cleaning");
  return late;
}

Result<CleanerHeads::LogSizes> CleanerHeads::Sizes() {
  MB_ASSIGN_OR_RETURN(auto described, target_.DescribeLogDirs(context_));
  LogSizes sizes;
  for (const kafka::LogDirEntry& entry : described.first) {
    if (!entry.future) sizes[{entry.broker, entry.partition}] = entry.size;
  }
  return sizes;
}

CleanerHeads::Look CleanerHeads::LookAt(const CleanerHead& head, BrokerId broker) {
  auto check = CheckHead(target_, broker, head.topic->target, topics_.ids().at(head.topic->target),
                         *head.partition, repository_.store(), context_);
  if (check.ok()) return {check->filler_left == 0, Status::Ok()};
  if (check.status().retryable()) LogInfo("{} (asking again)", check.status().ToString());
  return {false, check.status()};
}

std::vector<CleanerHeads::Look> CleanerHeads::LookAtAll(
    const std::vector<std::pair<CleanerHead, BrokerId>>& replicas) {
  std::vector<Look> looks(replicas.size());
  std::atomic<size_t> next{0};
  auto work = [&] {
    for (size_t i = next++; i < replicas.size(); i = next++)
      looks[i] = LookAt(replicas[i].first, replicas[i].second);
  };
  std::vector<std::jthread> helpers;
  for (size_t i = 1; i < std::min(kLookersMax, replicas.size()); ++i) helpers.emplace_back(work);
  work();
  helpers.clear();
  return looks;
}

Result<std::vector<LateHead>> CleanerHeads::AwaitCleaned(const std::vector<CleanerHead>& heads,
                                                         const LogSizes& sizes_before) {
  std::vector<Waiting> waiting;
  MB_ASSIGN_OR_RETURN(auto metadata, target_.Refresh(context_));
  int64_t moved_nanos = clock_.MonotonicNanos();
  for (const CleanerHead& head : heads) {
    const auto& partitions = metadata->topics.at(head.topic->target).partitions;
    for (int32_t id : partitions.at(static_cast<size_t>(head.partition->partition)).replicas) {
      auto size = sizes_before.find({BrokerId(id), head.tp()});
      int64_t before = size == sizes_before.end() ? -1 : size->second;
      waiting.push_back({head, BrokerId(id), before, -1, moved_nanos, false, Status::Ok()});
    }
  }
  const int64_t look_anyway = std::min(kLookAnywayNanos, stall_limit_.count() * 500'000);
  Millis poll = kPollMin;
  while (true) {
    auto sizes = Sizes();
    if (!sizes.ok() && !sizes.status().retryable()) return sizes.status();
    int64_t now = clock_.MonotonicNanos();
    std::vector<size_t> due;
    std::vector<std::pair<CleanerHead, BrokerId>> replicas;
    for (size_t i = 0; i < waiting.size(); ++i) {
      Waiting& w = waiting[i];
      int64_t size = -1;
      if (sizes.ok() && sizes->count({w.broker, w.head.tp()}) > 0)
        size = sizes->at({w.broker, w.head.tp()});
      if (w.size_at_start < 0) w.size_at_start = size;
      bool shrunk = size != w.size_at_start && size == w.size;
      bool maybe_clean = w.head.by_earlier_run && !w.looked;
      w.size = size;
      if (!shrunk && !maybe_clean && now - w.looked_nanos <= look_anyway) continue;
      due.push_back(i);
      replicas.emplace_back(w.head, w.broker);
    }
    std::vector<Look> looks = LookAtAll(replicas);
    for (size_t i = due.size(); i-- > 0;) {
      Waiting& w = waiting[due[i]];
      if (!looks[i].trouble.ok() && !looks[i].trouble.retryable()) return looks[i].trouble;
      w.trouble = looks[i].trouble;
      w.looked_nanos = now;
      w.looked = true;
      // Shrunk and not clean yet: wait for the next change.
      w.size_at_start = w.size;
      if (!looks[i].cleaned) continue;
      moved_nanos = now;
      waiting.erase(waiting.begin() + static_cast<ptrdiff_t>(due[i]));
    }
    if (waiting.empty()) return std::vector<LateHead>();
    if (clock_.MonotonicNanos() - moved_nanos > stall_limit_.count() * 1'000'000) break;
    if (!clock_.Sleep(poll, context_.stop)) return Status(Code::kCancelled, "stopped");
    poll = std::min(poll * 2, kPollMax);
  }
  MB_ASSIGN_OR_RETURN(metadata, target_.Refresh(context_));
  std::vector<LateHead> late;
  for (const Waiting& w : waiting) {
    bool online = metadata->brokers.contains(w.broker);
    Status why = WhyLate(w, online, stall_limit_, waiting.size());
    if (!online) return why;
    late.push_back({w.head, std::move(why)});
  }
  return late;
}

}  // namespace maxbrod::engine
