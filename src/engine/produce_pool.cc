#include "engine/produce_pool.h"

#include <algorithm>
#include <deque>
#include <map>
#include <thread>

#include "engine/produce_worker.h"
#include "engine/settle.h"

namespace maxbrod::engine {
namespace {

class Pool {
 public:
  Pool(kafka::Cluster& cluster, std::vector<ProduceTask>& tasks, const ProduceOptions& options,
       Progress& progress, const CallContext& context)
      : cluster_(cluster), options_(options), progress_(progress), context_(context) {
    for (ProduceTask& task : tasks) {
      if (!task.status.ok()) continue;
      ProduceItem item;
      item.task = &task;
      item.acked = task.feed->position();
      item.cautious = task.cautious;
      items_.push_back(std::move(item));
    }
  }

  Result<ProduceTotals> Run() {
    int64_t begun = options_.clock->MonotonicNanos();
    last_ack_ = begun;
    while (true) {
      MB_RETURN_IF_ERROR(context_.Check());
      MB_RETURN_IF_ERROR(SettleParked());
      std::vector<ProduceItem*> open;
      for (ProduceItem& item : items_) {
        if (!item.Finished()) open.push_back(&item);
      }
      if (open.empty()) {
        totals_.seconds = static_cast<double>(options_.clock->MonotonicNanos() - begun) / 1e9;
        return totals_;
      }
      parked_since_ = 0;
      MB_RETURN_IF_ERROR(Round(open));
      MB_RETURN_IF_ERROR(CheckStall());
    }
  }

 private:
  Status Round(const std::vector<ProduceItem*>& open) {
    std::map<BrokerId, std::vector<ProduceItem*>> by_leader;
    for (ProduceItem* item : open) by_leader[cluster_.LeaderOf(item->task->tp())].push_back(item);
    const ProduceShared shared{cluster_, options_, progress_, parked_since_, last_ack_};
    std::vector<std::unique_ptr<ProduceWorker>> workers;
    size_t count = 0;
    for (const auto& [leader, items] : by_leader)
      count += std::min(items.size(), options_.connections_per_broker);
    for (auto& [leader, items] : by_leader) {
      size_t connections = std::min(items.size(), options_.connections_per_broker);
      std::vector<std::vector<ProduceItem*>> shares(connections);
      for (size_t i = 0; i < items.size(); ++i) shares[i % connections].push_back(items[i]);
      for (auto& share : shares) {
        workers.push_back(std::make_unique<ProduceWorker>(shared, leader, std::move(share),
                                                          options_.memory / count, context_));
      }
    }
    {
      std::vector<std::jthread> threads;
      for (auto& worker : workers) threads.emplace_back([&worker] { worker->Run(); });
    }
    for (const auto& worker : workers) {
      MB_RETURN_IF_ERROR(worker->failure);
      totals_.Add(worker->totals);
    }
    return Status::Ok();
  }

  // The log itself says how far parked partitions got.
  Status SettleParked() {
    std::vector<TopicPartition> partitions;
    for (ProduceItem& item : items_) {
      if (item.parked && !item.Finished()) partitions.push_back(item.task->tp());
      if (!item.parked && !item.Finished() && item.task->feed->position() != item.acked) {
        MB_RETURN_IF_ERROR(item.task->feed->Seek(item.acked, context_));
      }
    }
    if (partitions.empty()) return Status::Ok();
    totals_.parked += partitions.size();
    MB_ASSIGN_OR_RETURN(auto ends,
                        WaitSettled(cluster_, partitions, options_.quiet, *options_.clock,
                                    context_.Within(options_.stall_limit)));
    for (ProduceItem& item : items_) {
      if (!item.parked || item.Finished()) continue;
      int64_t end = ends[item.task->tp()];
      item.parked = false;
      item.cautious = true;
      item.in_flight = 0;
      Status sought = item.task->feed->Seek(end, context_);
      item.task->feed->Unload();
      if (sought.code() == Code::kOffsetMismatch) {
        item.task->status = std::move(sought).WithContext(item.task->tp().ToString());
        continue;
      }
      MB_RETURN_IF_ERROR(sought);
      item.acked = end;
    }
    return Status::Ok();
  }

  Status CheckStall() {
    int64_t idle = options_.clock->MonotonicNanos() - last_ack_.load();
    if (idle < options_.stall_limit.count() * 1'000'000) return Status::Ok();
    for (const ProduceItem& item : items_) {
      if (!item.Finished() && !item.trouble.ok()) {
        return item.trouble.WithContext("nothing was acknowledged for " +
                                        std::to_string(options_.stall_limit.count() / 1000) + " s");
      }
    }
    return Status::Ok();
  }

  kafka::Cluster& cluster_;
  const ProduceOptions& options_;
  Progress& progress_;
  const CallContext& context_;
  std::deque<ProduceItem> items_;
  std::atomic<int64_t> parked_since_{0};
  std::atomic<int64_t> last_ack_{0};
  ProduceTotals totals_;
};

}  // namespace

void ProduceTotals::Add(const ProduceTotals& other) {
  requests += other.requests;
  batches += other.batches;
  partitions_in_requests += other.partitions_in_requests;
  parked += other.parked;
  markers += other.markers;
  transactions += other.transactions;
  seconds += other.seconds;
}

Result<ProduceTotals> ProduceAll(kafka::Cluster& cluster, std::vector<ProduceTask>& tasks,
                                 const ProduceOptions& options, Progress& progress,
                                 const CallContext& context) {
  return Pool(cluster, tasks, options, progress, context).Run();
}

}  // namespace maxbrod::engine
