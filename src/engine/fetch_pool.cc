#include "engine/fetch_pool.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "base/limits.h"
#include "kafka/data_path.h"
#include "kafka/errors.h"
#include "os/log.h"

namespace maxbrod::engine {
namespace {

// Partitions in one request at most: keeps a request's header small beside the data it brings.
constexpr size_t kActivePartitionsMax = 1000;
// Answers without data, not throttled, after which a hole at the end of a compacted log is
// believed.
constexpr int kEmptyAnswersAtEnd = 3;
constexpr int32_t kMaxWaitMs = 500;
// The first response's size; doubled when a full one took longer than kSlowNanos, halved when it
// was quick.
constexpr size_t kResponseBytesMin = kMiB;
constexpr int64_t kSlowNanos = 50'000'000;
constexpr int64_t kQuickNanos = 10'000'000;

// A range a worker is reading.
struct Active {
  size_t range = 0;
  int64_t last_progress_nanos = 0;
  int empty_answers = 0;
  int32_t leader_epoch = -1;
};

// Ranges that another broker (or this one, later) has to serve, and the last error that said so.
struct MovedRanges {
  std::vector<Active> ranges;
  Status why;
};

class Pool {
 public:
  Pool(kafka::Cluster& cluster, std::vector<ReadRange>& ranges, RangeSink& sink,
       const FetchOptions& options, RateLimiter& limiter, Progress& progress,
       const CallContext& context)
      : cluster_(cluster),
        ranges_(ranges),
        sink_(sink),
        options_(options),
        limiter_(limiter),
        progress_(progress),
        context_{context.deadline, stop_.get_token()} {}

  Result<FetchTotals> Run(std::stop_token outer, size_t workers) {
    std::stop_callback forward(outer, [this] {
      stop_.request_stop();
      wake_.notify_all();
    });
    for (size_t i = 0; i < ranges_.size(); ++i) {
      if (ranges_[i].done || !ranges_[i].status.ok()) continue;
      if (ranges_[i].cursor.next_offset >= ranges_[i].end_offset) {
        ranges_[i].done = true;
        continue;
      }
      ++unfinished_;
      Enqueue(i);
    }
    {
      std::vector<std::jthread> threads;
      for (size_t w = 0; w < workers && unfinished_ > 0; ++w) {
        threads.emplace_back([this, w] { Work(w); });
      }
    }
    if (!failure_.ok()) return failure_;
    if (outer.stop_requested()) return Status(Code::kCancelled, "stopped");
    return totals_;
  }

 private:
  void Enqueue(size_t range) {
    BrokerId leader = cluster_.LeaderOf(ranges_[range].tp());
    std::lock_guard lock(mutex_);
    queues_[leader].push_back(range);
    wake_.notify_all();
  }

  void Fail(Status status) {
    std::lock_guard lock(mutex_);
    if (failure_.ok()) failure_ = std::move(status);
    stop_.request_stop();
    wake_.notify_all();
  }

  void GiveUp(size_t range, Status status) {
    ranges_[range].status = std::move(status);
    Finished();
  }

  void Finished() {
    std::lock_guard lock(mutex_);
    if (--unfinished_ == 0) wake_.notify_all();
  }

  // Waits for a broker with ranges to read; false when everything is done or stopped.
  bool ChooseBroker(BrokerId* broker) {
    std::unique_lock lock(mutex_);
    while (true) {
      if (stop_.stop_requested() || unfinished_ == 0) return false;
      const std::deque<size_t>* best = nullptr;
      for (const auto& [id, queue] : queues_) {
        if (queue.empty()) continue;
        bool fewer_workers = best == nullptr || serving_[id] < serving_[*broker] ||
                             (serving_[id] == serving_[*broker] && queue.size() > best->size());
        if (fewer_workers) {
          best = &queue;
          *broker = id;
        }
      }
      if (best != nullptr) {
        ++serving_[*broker];
        return true;
      }
      wake_.wait_for(lock, std::chrono::milliseconds(200));
    }
  }

  void Work(size_t worker) {
    BrokerId broker{-1};
    while (ChooseBroker(&broker)) {
      Status status = ServeBroker(worker, broker);
      {
        std::lock_guard lock(mutex_);
        --serving_[broker];
      }
      if (!status.ok()) Fail(std::move(status));
    }
    if (stop_.stop_requested()) return;
    Status status = sink_.OnWorkerEnd(worker);
    if (!status.ok()) Fail(std::move(status));
  }

  // Takes a fair share of the broker's queue.
  void TopUp(BrokerId broker, std::vector<Active>* active) {
    std::lock_guard lock(mutex_);
    std::deque<size_t>& queue = queues_[broker];
    size_t sharers = std::max<size_t>(options_.connections_per_broker, 1);
    size_t take = (queue.size() + sharers - 1) / sharers;
    take = std::min(take, kActivePartitionsMax - std::min(active->size(), kActivePartitionsMax));
    auto metadata = cluster_.metadata();
    for (; take > 0 && !queue.empty(); --take) {
      Active a;
      a.range = queue.front();
      a.last_progress_nanos = options_.clock->MonotonicNanos();
      a.leader_epoch = LeaderEpochOf(*metadata, ranges_[a.range]);
      queue.pop_front();
      active->push_back(a);
    }
  }

  static int32_t LeaderEpochOf(const kafka::ClusterMetadata& metadata, const ReadRange& range) {
    auto topic = metadata.topics.find(range.topic);
    if (topic == metadata.topics.end()) return -1;
    for (const auto& p : topic->second.partitions) {
      if (p.partition == range.partition) return p.leader_epoch;
    }
    return -1;
  }

  // Gives everything back after the connection or the broker failed, and waits a little.
  Status Requeue(std::vector<Active>* active, const Status& why) {
    if (!why.retryable()) return why;
    int64_t now = options_.clock->MonotonicNanos();
    for (const Active& a : *active) {
      if (now - a.last_progress_nanos > Nanos(options_.stall_limit)) {
        return why.WithContext("no progress for " +
                               std::to_string(options_.stall_limit.count() / 1000) + " s");
      }
    }
    LogInfo("fetch: {} (trying again)", why.ToString());
    if (!options_.clock->Sleep(cluster_.config().retry_backoff_max / 4, context_.stop)) {
      return Status(Code::kCancelled, "stopped");
    }
    (void)cluster_.Refresh(context_.Within(options_.stall_limit)).ok();
    for (const Active& a : *active) {
      std::lock_guard lock(mutex_);
      since_[a.range] = a.last_progress_nanos;
    }
    for (const Active& a : *active) Enqueue(a.range);
    active->clear();
    return Status::Ok();
  }

  static int64_t Nanos(Millis ms) { return ms.count() * 1'000'000; }

  Status ServeBroker(size_t worker, BrokerId broker) {
    std::vector<Active> active;
    TopUp(broker, &active);
    RestoreStallClocks(&active);
    if (active.empty()) return Status::Ok();
    auto connection =
        cluster_.OpenConnection(broker, context_.Within(cluster_.config().api_timeout));
    if (!connection.ok()) return Requeue(&active, connection.status());
    Bytes buffer;
    size_t response_bytes = std::min(kResponseBytesMin, options_.response_bytes_max);
    while (!active.empty()) {
      MB_RETURN_IF_ERROR(context_.Check());
      kafka::FetchSpec spec = MakeSpec(active, response_bytes);
      int64_t asked_nanos = options_.clock->MonotonicNanos();
      Status sent =
          SendFetch(**connection, spec, context_.Within(cluster_.config().request_timeout));
      if (!sent.ok()) return Requeue(&active, sent);
      auto answer = ReceiveFetch(**connection, spec, &buffer,
                                 context_.Within(cluster_.config().request_timeout));
      if (!answer.ok()) return Requeue(&active, answer.status());
      if (answer->error != 0) {
        return Requeue(&active,
                       kafka::ErrorStatus(answer->error,
                                          "Fetch from broker " + std::to_string(broker.value())));
      }
      int64_t took_nanos = options_.clock->MonotonicNanos() - asked_nanos;
      uint64_t got = 0;
      MovedRanges moved;
      MB_RETURN_IF_ERROR(Digest(worker, broker, *answer, &active, &moved, &got));
      if (!moved.ranges.empty()) MB_RETURN_IF_ERROR(Requeue(&moved.ranges, moved.why));
      response_bytes = NextResponseBytes(response_bytes, got, took_nanos);
      MB_RETURN_IF_ERROR(limiter_.Take(got, context_));
      if (answer->throttle_ms > 0 &&
          !options_.clock->Sleep(Millis(answer->throttle_ms), context_.stop)) {
        return Status(Code::kCancelled, "stopped");
      }
      if (active.size() < kActivePartitionsMax / 2) TopUp(broker, &active);
    }
    return Status::Ok();
  }

  // A range keeps its stall clock when it changes hands.
  void RestoreStallClocks(std::vector<Active>* active) {
    std::lock_guard lock(mutex_);
    for (Active& a : *active) {
      auto found = since_.find(a.range);
      if (found != since_.end()) a.last_progress_nanos = found->second;
    }
  }

  size_t NextResponseBytes(size_t now, uint64_t got, int64_t took_nanos) const {
    if (got < now / 2) return now;
    if (took_nanos > kSlowNanos) return std::min(now * 2, options_.response_bytes_max);
    if (took_nanos < kQuickNanos) return std::min(now, std::max(now / 2, kResponseBytesMin));
    return now;
  }

  kafka::FetchSpec MakeSpec(const std::vector<Active>& active, size_t response_bytes) const {
    kafka::FetchSpec spec;
    spec.max_wait_ms = kMaxWaitMs;
    spec.max_bytes = static_cast<int32_t>(response_bytes);
    spec.partitions.reserve(active.size());
    for (const Active& a : active) {
      const ReadRange& range = ranges_[a.range];
      kafka::FetchPartition p;
      p.topic = range.topic;
      p.topic_id = range.topic_id;
      p.partition = range.partition;
      p.fetch_offset = range.cursor.next_offset;
      p.current_leader_epoch = a.leader_epoch;
      p.partition_max_bytes = static_cast<int32_t>(std::min(options_.run_bytes, response_bytes));
      spec.partitions.push_back(std::move(p));
    }
    return spec;
  }

  // Hands a response's data to the sink; drops finished ranges from `active` and moves those that
  // brought data to the back, so that the next response serves the others first.
  Status Digest(size_t worker, BrokerId broker, const kafka::FetchResponseView& answer,
                std::vector<Active>* active, MovedRanges* moved, uint64_t* got) {
    enum class Fate : uint8_t { kWaiting, kServed, kLeft };
    std::vector<Fate> fates(active->size(), Fate::kWaiting);
    for (const kafka::FetchedPartition& p : answer.partitions) {
      Active& a = (*active)[p.index];
      *got += p.records.size();
      bool leave = false;
      if (p.error != 0) {
        MB_RETURN_IF_ERROR(OnPartitionError(worker, broker, p, a, moved, &leave));
      } else {
        MB_RETURN_IF_ERROR(OnPartitionData(worker, answer, p, &a, &leave));
      }
      fates[p.index] = leave ? Fate::kLeft : (p.records.empty() ? Fate::kWaiting : Fate::kServed);
    }
    std::vector<Active> next;
    for (Fate wanted : {Fate::kWaiting, Fate::kServed}) {
      for (size_t i = 0; i < active->size(); ++i) {
        if (fates[i] == wanted) next.push_back((*active)[i]);
      }
    }
    size_t asked = active->size();
    *active = std::move(next);
    std::lock_guard lock(mutex_);
    totals_.requests += 1;
    totals_.bytes += *got;
    totals_.partitions_in_requests += asked;
    return Status::Ok();
  }

  Status OnPartitionData(size_t worker, const kafka::FetchResponseView& answer,
                         const kafka::FetchedPartition& p, Active* a, bool* leave) {
    ReadRange& range = ranges_[a->range];
    range.log_start_seen = std::max(range.log_start_seen, p.log_start_offset);
    int64_t before = range.cursor.next_offset;
    std::vector<std::pair<int64_t, int64_t>> aborted;
    for (const auto& t : p.aborted) aborted.emplace_back(t.producer_id, t.first_offset);
    Status sink_status;
    Status scanned =
        ScanBatches(p.records, options_.run_bytes, &range.cursor, [&](const BatchRun& run) {
          sink_status = sink_.OnRun(worker, range, run, aborted);
          if (sink_status.ok()) progress_.Add(run.bytes.size(), run.stats.records);
          return sink_status;
        });
    if (!sink_status.ok()) return sink_status;
    if (!scanned.ok()) {
      *leave = true;
      GiveUp(a->range, std::move(scanned).WithContext("partition " + range.tp().ToString()));
      return Status::Ok();
    }
    int64_t now = options_.clock->MonotonicNanos();
    if (range.cursor.next_offset > before) {
      a->last_progress_nanos = now;
      a->empty_answers = 0;
    } else if (p.records.empty() && answer.throttle_ms == 0 &&
               p.last_stable_offset >= range.end_offset) {
      ++a->empty_answers;
    }
    if (range.compacted && a->empty_answers >= kEmptyAnswersAtEnd) {
      range.cursor.missing += static_cast<uint64_t>(range.end_offset - range.cursor.next_offset);
      range.cursor.next_offset = range.end_offset;
    }
    if (range.cursor.next_offset >= range.end_offset) {
      *leave = true;
      return FinishRange(worker, a->range);
    }
    if (now - a->last_progress_nanos > Nanos(options_.stall_limit)) {
      *leave = true;
      GiveUp(a->range,
             Status(Code::kTimeout, "partition " + range.tp().ToString() + ": no data at offset " +
                                        std::to_string(range.cursor.next_offset) + " for " +
                                        std::to_string(options_.stall_limit.count() / 1000) +
                                        " s, although the log goes on to " +
                                        std::to_string(range.end_offset)));
    }
    return Status::Ok();
  }

  Status FinishRange(size_t worker, size_t index) {
    ReadRange& range = ranges_[index];
    range.done = true;
    MB_RETURN_IF_ERROR(sink_.OnDone(worker, range));
    Finished();
    return Status::Ok();
  }

  Status OnPartitionError(size_t worker, BrokerId broker, const kafka::FetchedPartition& p,
                          const Active& a, MovedRanges* moved, bool* leave) {
    ReadRange& range = ranges_[a.range];
    Status status =
        kafka::ErrorStatus(p.error, "Fetch of " + range.tp().ToString() + " from broker " +
                                        std::to_string(broker.value()));
    if (p.error == kafka::error::kOffsetOutOfRange) return OnOutOfRange(worker, a, moved, leave);
    *leave = true;
    bool unknown = p.error == kafka::error::kUnknownTopicOrPartition ||
                   p.error == kafka::error::kUnknownTopicId ||
                   p.error == kafka::error::kInconsistentTopicId;
    if (unknown && TopicIsGone(range)) {
      GiveUp(
          a.range,
          Status(Code::kNotFound, "topic '" + range.topic + "' vanished while it was read")
              .WithHint("it was deleted (and perhaps recreated) meanwhile: run the backup again"));
      return Status::Ok();
    }
    if (status.retryable() || unknown) {
      moved->ranges.push_back(a);
      moved->why = std::move(status).Retryable();
      return Status::Ok();
    }
    if (p.error == kafka::error::kTopicAuthorizationFailed) {
      status = std::move(status).WithContext("needs Read on Topic '" + range.topic + "'");
    }
    GiveUp(a.range, std::move(status));
    return Status::Ok();
  }

  bool TopicIsGone(const ReadRange& range) {
    auto metadata = cluster_.Refresh(context_.Within(cluster_.config().api_timeout));
    if (!metadata.ok()) return false;
    auto found = (*metadata)->topics.find(range.topic);
    return found == (*metadata)->topics.end() ||
           found->second.error == kafka::error::kUnknownTopicOrPartition ||
           found->second.id != range.topic_id;
  }

  // Retention overtook us, or the log was cut off below us.
  Status OnOutOfRange(size_t worker, const Active& a, MovedRanges* moved, bool* leave) {
    ReadRange& range = ranges_[a.range];
    kafka::PerPartition<int64_t> ask{{range.tp(), kafka::kEarliest}};
    auto earliest = cluster_.ListOffsets(ask, kafka::Isolation::kReadUncommitted, context_);
    if (!earliest.ok()) {
      *leave = true;
      if (!earliest.status().retryable()) return earliest.status();
      moved->ranges.push_back(a);
      moved->why = earliest.status();
      return Status::Ok();
    }
    const kafka::ListedOffset& found = earliest->at(range.tp());
    if (found.error == 0 && found.offset > range.cursor.next_offset) {
      range.torn_to = found.offset;
      range.log_start_seen = std::max(range.log_start_seen, found.offset);
      progress_.Warn("partition " + range.tp().ToString() + ": retention removed offsets " +
                     std::to_string(range.cursor.next_offset) + " to " +
                     std::to_string(found.offset - 1) + " before they were read");
      range.cursor.next_offset = std::min(found.offset, range.end_offset);
      if (range.cursor.next_offset < range.end_offset) return Status::Ok();
      *leave = true;
      return FinishRange(worker, a.range);
    }
    *leave = true;
    GiveUp(a.range,
           Status(Code::kConflict, "partition " + range.tp().ToString() + ": offset " +
                                       std::to_string(range.cursor.next_offset) +
                                       " is beyond the log's end: the log was truncated meanwhile")
               .WithHint("an unclean leader election or a recreated topic: run the backup again"));
    return Status::Ok();
  }

  kafka::Cluster& cluster_;
  std::vector<ReadRange>& ranges_;
  RangeSink& sink_;
  const FetchOptions& options_;
  RateLimiter& limiter_;
  Progress& progress_;
  std::stop_source stop_;
  CallContext context_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<BrokerId, std::deque<size_t>> queues_;
  std::map<BrokerId, int> serving_;
  std::map<size_t, int64_t> since_;
  size_t unfinished_ = 0;
  Status failure_;
  FetchTotals totals_;
};

}  // namespace

size_t WorkerCount(const kafka::Cluster& cluster, const std::vector<ReadRange>& ranges,
                   const FetchOptions& options) {
  std::map<BrokerId, size_t> per_leader;
  for (const ReadRange& range : ranges) ++per_leader[cluster.LeaderOf(range.tp())];
  size_t workers = 0;
  for (const auto& [leader, count] : per_leader)
    workers += std::min(count, options.connections_per_broker);
  return std::max<size_t>(workers, 1);
}

Result<FetchTotals> ReadRanges(kafka::Cluster& cluster, std::vector<ReadRange>& ranges,
                               RangeSink& sink, const FetchOptions& options, RateLimiter& limiter,
                               Progress& progress, const CallContext& context) {
  Pool pool(cluster, ranges, sink, options, limiter, progress, context);
  return pool.Run(context.stop, WorkerCount(cluster, ranges, options));
}

}  // namespace maxbrod::engine
