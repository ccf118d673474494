#include "engine/produce_pool.h"

#include <algorithm>
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

constexpr size_t kPartitionsPerRequestMax = 1000;
// Other partitions go on for so long while one is parked, then all stop for a new round.
constexpr int64_t kParkedNanosMax = 2'000'000'000;

struct Item {
  ProduceTask* task = nullptr;
  int64_t acked = 0;  // offsets below are acknowledged
  size_t in_flight = 0;
  bool cautious = false;  // one in flight until an acknowledgement
  bool parked = false;    // needs settling
  Status trouble;
  bool Finished() const { return !task->status.ok() || acked >= task->stop_at; }
};

struct Sent {
  Item* item = nullptr;
  int64_t base_offset = 0, next_offset = 0;
  uint64_t records = 0, bytes = 0;
};
using Request = std::vector<Sent>;

// One connection's part of a round.
class Worker {
 public:
  Worker(kafka::Cluster& cluster, BrokerId broker, std::vector<Item*> items, size_t memory,
         const ProduceOptions& options, Progress& progress, std::atomic<int64_t>& parked_since,
         std::atomic<int64_t>& last_ack, const CallContext& context)
      : cluster_(cluster),
        broker_(broker),
        items_(std::move(items)),
        memory_(memory),
        options_(options),
        progress_(progress),
        parked_since_(parked_since),
        last_ack_(last_ack),
        context_(context) {}

  void Run() {
    auto connection =
        cluster_.OpenConnection(broker_, context_.Within(cluster_.config().api_timeout));
    if (!connection.ok()) {
      ParkAll(connection.status());
      return;
    }
    Status status = Loop(**connection);
    if (!status.ok()) ParkAll(status);
    for (Item* item : items_) item->task->feed->Unload();
  }

  ProduceTotals totals;
  Status failure;  // stops everything

 private:
  Status Loop(kafka::Connection& connection) {
    while (true) {
      while (outstanding_.size() < options_.in_flight && !ShouldStop()) {
        Request request;
        MB_RETURN_IF_ERROR(SendNext(connection, &request));
        if (request.empty()) break;
        outstanding_.push_back(std::move(request));
      }
      if (outstanding_.empty()) return Status::Ok();
      MB_RETURN_IF_ERROR(ReceiveOne(connection));
    }
  }

  bool ShouldStop() const {
    if (!failure.ok() || context_.stop.stop_requested()) return true;
    int64_t since = parked_since_.load();
    return since != 0 && options_.clock->MonotonicNanos() - since > kParkedNanosMax;
  }

  bool CanSend(const Item& item) const {
    if (item.parked || !item.task->status.ok() || item.task->feed->position() >= item.task->stop_at)
      return false;
    return item.in_flight < (item.cautious ? 1 : options_.in_flight);
  }

  // Loading another block must fit the budget, unless nothing else is loaded.
  bool Fits(const Item& item) {
    uint64_t more = item.task->feed->BytesToLoad();
    if (more == 0) return true;
    uint64_t loaded = 0;
    for (const Item* other : items_) {
      if (other != &item) loaded += other->task->feed->loaded_bytes();
    }
    if (loaded == 0 || loaded + more <= memory_) return true;
    // Partitions with nothing to send right now give theirs back.
    for (Item* other : items_) {
      if (other == &item || CanSend(*other) || other->task->feed->loaded_bytes() == 0) continue;
      if (!other->Finished()) continue;
      loaded -= other->task->feed->loaded_bytes();
      other->task->feed->Unload();
      if (loaded == 0 || loaded + more <= memory_) return true;
    }
    return false;
  }

  // Puts at most one batch of each partition into a request and sends it.
  Status SendNext(kafka::Connection& connection, Request* request) {
    prepared_.clear();
    size_t bytes = 0;
    for (size_t n = 0; n < items_.size() && bytes < options_.request_bytes &&
                       request->size() < kPartitionsPerRequestMax;
         ++n) {
      Item& item = *items_[turn_++ % items_.size()];
      if (!CanSend(item) || !Fits(item)) continue;
      prepared_.emplace_back();
      PreparedBatch& batch = prepared_.back();
      Status taken = item.task->feed->Take(&batch, context_);
      if (!taken.ok()) {
        prepared_.pop_back();
        failure = std::move(taken).WithContext("partition " + item.task->tp().ToString());
        break;
      }
      request->push_back(
          {&item, batch.base_offset, batch.next_offset, batch.records, batch.bytes()});
      ++item.in_flight;
      bytes += batch.bytes();
    }
    if (request->empty()) return Status::Ok();
    totals.requests += 1;
    totals.batches += request->size();
    totals.partitions_in_requests += request->size();
    MakeBatches(*request);
    Status sent = kafka::SendProduce(connection, batches_, TimeoutMs(),
                                     context_.Within(cluster_.config().request_timeout));
    if (!sent.ok())
      outstanding_.push_back(std::move(*request));  // they may have arrived: their items are parked
    return sent;
  }

  int32_t TimeoutMs() const {
    return static_cast<int32_t>(cluster_.config().request_timeout.count());
  }

  void MakeBatches(const Request& request) {
    pieces_.clear();
    batches_.clear();
    pieces_.reserve(request.size());
    size_t i = 0;
    for (const PreparedBatch& prepared : prepared_) {
      pieces_.push_back({ByteView(prepared.header), prepared.payload});
      const ProduceTask& task = *request[i++].item->task;
      batches_.push_back(
          {task.topic, task.topic_id, task.partition, std::span<const ByteView>(pieces_.back())});
    }
  }

  Status ReceiveOne(kafka::Connection& connection) {
    const Request& request = outstanding_.front();
    batches_.clear();
    for (const Sent& sent : request) {
      const ProduceTask& task = *sent.item->task;
      batches_.push_back({task.topic, task.topic_id, task.partition, {}});
    }
    auto answer = kafka::ReceiveProduce(connection, batches_,
                                        context_.Within(cluster_.config().request_timeout * 2));
    MB_RETURN_IF_ERROR(answer.status());
    std::vector<bool> answered(request.size(), false);
    for (const kafka::ProducedPartition& p : answer->partitions) {
      answered[p.index] = true;
      OnAnswer(request[p.index], p);
    }
    for (size_t i = 0; i < request.size(); ++i) {
      if (!answered[i])
        return Status(Code::kProtocol, "the broker did not answer for every partition").Retryable();
    }
    outstanding_.pop_front();
    if (answer->throttle_ms > 0 &&
        !options_.clock->Sleep(Millis(answer->throttle_ms), context_.stop)) {
      return Status(Code::kCancelled, "stopped");
    }
    return Status::Ok();
  }

  void OnAnswer(const Sent& sent, const kafka::ProducedPartition& answer) {
    Item& item = *sent.item;
    --item.in_flight;
    if (!item.task->status.ok()) return;
    std::string where = "Produce to " + item.task->tp().ToString() + " at offset " +
                        std::to_string(sent.base_offset);
    if (answer.error != 0) {
      Status status = kafka::ErrorStatus(answer.error, where, answer.message);
      if (status.retryable() || IsDoubtful(answer.error)) {
        Park(&item, std::move(status));
      } else {
        bool denied = answer.error == kafka::error::kTopicAuthorizationFailed;
        item.task->status =
            denied
                ? std::move(status).WithContext("needs Write on Topic '" + item.task->topic + "'")
                : std::move(status);
      }
      return;
    }
    if (answer.base_offset != sent.base_offset) {
      item.task->status =
          Status(Code::kOffsetMismatch,
                 where + ": the broker put it at " + std::to_string(answer.base_offset) +
                     "; somebody else writes to this topic, or a request was appended twice")
              .WithHint("stop all producers of the target topics while a restore runs");
      return;
    }
    if (item.parked) return;  // acknowledged after a doubtful one: the settled end offset decides
    item.acked = sent.next_offset;
    item.cautious = false;
    last_ack_.store(options_.clock->MonotonicNanos());
    progress_.Add(sent.bytes, sent.records);
  }

  // Errors after which only the log itself tells what was appended.
  static bool IsDoubtful(int16_t error) {
    return error == kafka::error::kNotEnoughReplicas ||
           error == kafka::error::kNotEnoughReplicasAfterAppend ||
           error == kafka::error::kOutOfOrderSequenceNumber ||
           error == kafka::error::kUnknownProducerId ||
           error == kafka::error::kDuplicateSequenceNumber ||
           error == kafka::error::kUnknownTopicOrPartition;
  }

  void Park(Item* item, Status why) {
    if (!item->parked) LogInfo("{} (settling, then trying again)", why.ToString());
    item->parked = true;
    item->trouble = std::move(why);
    int64_t none = 0;
    parked_since_.compare_exchange_strong(none, options_.clock->MonotonicNanos());
  }

  void ParkAll(const Status& why) {
    if (!why.retryable()) {
      if (failure.ok()) failure = why;
      return;
    }
    for (Item* item : items_) {
      item->in_flight = 0;
      if (!item->Finished()) Park(item, why);
    }
  }

  kafka::Cluster& cluster_;
  const BrokerId broker_;
  const std::vector<Item*> items_;
  const size_t memory_;
  const ProduceOptions& options_;
  Progress& progress_;
  std::atomic<int64_t>& parked_since_;
  std::atomic<int64_t>& last_ack_;
  const CallContext context_;
  size_t turn_ = 0;
  std::deque<Request> outstanding_;
  std::deque<PreparedBatch> prepared_;
  std::vector<std::array<ByteView, 2>> pieces_;
  std::vector<kafka::ProduceBatch> batches_;
};

class Pool {
 public:
  Pool(kafka::Cluster& cluster, std::vector<ProduceTask>& tasks, const ProduceOptions& options,
       Progress& progress, const CallContext& context)
      : cluster_(cluster), options_(options), progress_(progress), context_(context) {
    for (ProduceTask& task : tasks) {
      if (!task.status.ok()) continue;
      Item item;
      item.task = &task;
      item.acked = task.feed->position();
      item.cautious = task.cautious;
      items_.push_back(std::move(item));
    }
  }

  Result<ProduceTotals> Run() {
    last_ack_ = options_.clock->MonotonicNanos();
    while (true) {
      MB_RETURN_IF_ERROR(context_.Check());
      MB_RETURN_IF_ERROR(SettleParked());
      std::vector<Item*> open;
      for (Item& item : items_) {
        if (!item.Finished()) open.push_back(&item);
      }
      if (open.empty()) return totals_;
      parked_since_ = 0;
      MB_RETURN_IF_ERROR(Round(open));
      MB_RETURN_IF_ERROR(CheckStall());
    }
  }

 private:
  Status Round(const std::vector<Item*>& open) {
    std::map<BrokerId, std::vector<Item*>> by_leader;
    for (Item* item : open) by_leader[cluster_.LeaderOf(item->task->tp())].push_back(item);
    std::vector<std::unique_ptr<Worker>> workers;
    size_t count = 0;
    for (const auto& [leader, items] : by_leader)
      count += std::min(items.size(), options_.connections_per_broker);
    for (auto& [leader, items] : by_leader) {
      size_t connections = std::min(items.size(), options_.connections_per_broker);
      std::vector<std::vector<Item*>> shares(connections);
      for (size_t i = 0; i < items.size(); ++i) shares[i % connections].push_back(items[i]);
      for (auto& share : shares) {
        workers.push_back(std::make_unique<Worker>(cluster_, leader, std::move(share),
                                                   options_.memory / count, options_, progress_,
                                                   parked_since_, last_ack_, context_));
      }
    }
    {
      std::vector<std::jthread> threads;
      for (auto& worker : workers) threads.emplace_back([&worker] { worker->Run(); });
    }
    for (const auto& worker : workers) {
      MB_RETURN_IF_ERROR(worker->failure);
      totals_.requests += worker->totals.requests;
      totals_.batches += worker->totals.batches;
      totals_.partitions_in_requests += worker->totals.partitions_in_requests;
    }
    return Status::Ok();
  }

  // The log itself says how far parked partitions got.
  Status SettleParked() {
    std::vector<TopicPartition> partitions;
    for (Item& item : items_) {
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
    for (Item& item : items_) {
      if (!item.parked || item.Finished()) continue;
      int64_t end = ends[item.task->tp()];
      item.parked = false;
      item.cautious = true;
      item.in_flight = 0;
      if (end > item.task->stop_at) {
        item.task->status =
            Status(Code::kOffsetMismatch,
                   item.task->tp().ToString() + " ends at offset " + std::to_string(end) +
                       ", the plan ends this step at " + std::to_string(item.task->stop_at));
        continue;
      }
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
    for (const Item& item : items_) {
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
  std::deque<Item> items_;
  std::atomic<int64_t> parked_since_{0};
  std::atomic<int64_t> last_ack_{0};
  ProduceTotals totals_;
};

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

Result<ProduceTotals> ProduceAll(kafka::Cluster& cluster, std::vector<ProduceTask>& tasks,
                                 const ProduceOptions& options, Progress& progress,
                                 const CallContext& context) {
  return Pool(cluster, tasks, options, progress, context).Run();
}

}  // namespace maxbrod::engine
