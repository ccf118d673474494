#include "engine/fetch_pool.h"

#include <algorithm>
#include <mutex>
#include <thread>

#include "base/limits.h"
#include "engine/fetch_lanes.h"
#include "engine/fetch_routes.h"
#include "engine/fetch_worker.h"

namespace maxbrod::engine {
namespace {

class Pool {
 public:
  Pool(kafka::Cluster& cluster, std::vector<ReadRange>& ranges, RangeSink& sink,
       const FetchOptions& options, Pace& pace, Progress& progress, const CallContext& context)
      : ranges_(ranges),
        sink_(sink),
        context_{context.deadline, stop_.get_token()},
        queues_(options.connections_per_broker, options.remote_reads),
        routes_(cluster, ranges, pace.rack(), *options.clock),
        idle_nanos_(ranges.size()),
        shared_{cluster,  ranges,   sink,    options, pace,
                progress, context_, queues_, routes_, idle_nanos_} {}

  Result<FetchTotals> Run(std::stop_token outer, size_t workers) {
    std::stop_callback forward(outer, [this] { stop_.request_stop(); });
    std::vector<size_t> open;
    for (size_t i = 0; i < ranges_.size(); ++i) {
      if (ranges_[i].done || !ranges_[i].status.ok()) continue;
      if (ranges_[i].cursor.next_offset >= ranges_[i].end_offset) {
        ranges_[i].done = true;
      } else {
        open.push_back(i);
      }
    }
    routes_.AskLocalStarts(open, context_);
    queues_.Expect(open.size());
    for (size_t range : open) queues_.Push(routes_.LaneOf(range), range);
    {
      std::vector<std::jthread> threads;
      for (size_t w = 0; w < workers && queues_.AnyLeft(); ++w)
        threads.emplace_back([this, w] { Work(w); });
    }
    if (!failure_.ok()) return failure_;
    if (outer.stop_requested()) return Status(Code::kCancelled, "stopped");
    return totals_;
  }

 private:
  void Fail(Status status) {
    std::lock_guard lock(mutex_);
    if (failure_.ok()) failure_ = std::move(status);
    stop_.request_stop();
  }

  void Work(size_t number) {
    FetchWorker worker(shared_, number);
    Lane lane;
    while (queues_.Choose(context_.stop, &lane)) {
      Status status = worker.Serve(lane);
      queues_.Leave(lane);
      if (!status.ok()) Fail(std::move(status));
    }
    {
      std::lock_guard lock(mutex_);
      totals_.Add(worker.totals);
    }
    if (stop_.stop_requested()) return;
    Status status = sink_.OnWorkerEnd(number);
    if (!status.ok()) Fail(std::move(status));
  }

  std::vector<ReadRange>& ranges_;
  RangeSink& sink_;
  std::stop_source stop_;
  const CallContext context_;
  LaneQueues queues_;
  FetchRoutes routes_;
  std::vector<int64_t> idle_nanos_;
  const FetchShared shared_;

  std::mutex mutex_;
  Status failure_;
  FetchTotals totals_;
};

}  // namespace

void FetchOptions::ShareMemory(size_t memory, size_t workers) {
  response_bytes_max = std::clamp(memory / std::max<size_t>(workers, 1), kMiB, 16 * kMiB);
  run_bytes = std::min(response_bytes_max, 8 * kMiB);
}

void FetchTotals::Add(const FetchTotals& other) {
  requests += other.requests;
  bytes += other.bytes;
  partitions_in_requests += other.partitions_in_requests;
  remote_requests += other.remote_requests;
  for (const auto& [broker, count] : other.bytes_by_broker) bytes_by_broker[broker] += count;
}

size_t WorkerCount(const kafka::Cluster& cluster, const std::vector<ReadRange>& ranges,
                   const FetchOptions& options) {
  struct Counts {
    size_t all = 0, tiered = 0;
  };
  std::map<BrokerId, Counts> per_leader;
  for (const ReadRange& range : ranges) {
    Counts& counts = per_leader[cluster.LeaderOf(range.tp())];
    ++counts.all;
    if (range.tiered) ++counts.tiered;
  }
  size_t workers = 0;
  for (const auto& [leader, counts] : per_leader) {
    workers += std::min(counts.all, options.connections_per_broker) +
               std::min(counts.tiered, options.remote_reads);
  }
  return std::max<size_t>(workers, 1);
}

Result<FetchTotals> ReadRanges(kafka::Cluster& cluster, std::vector<ReadRange>& ranges,
                               RangeSink& sink, const FetchOptions& options, Pace& pace,
                               Progress& progress, const CallContext& context) {
  Pool pool(cluster, ranges, sink, options, pace, progress, context);
  return pool.Run(context.stop, WorkerCount(cluster, ranges, options));
}

}  // namespace maxbrod::engine
