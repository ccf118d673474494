// One connection's part of producing: takes steps from the feeds of its partitions and carries
// them out, in order for each partition.
#pragma once

#include <atomic>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "engine/produce_pool.h"
#include "kafka/data_path.h"
#include "kafka/marker_path.h"

namespace maxbrod::engine {

// A task's state while it is being carried out. Touched by one worker at a time.
struct ProduceItem {
  ProduceTask* task = nullptr;
  int64_t acked = 0;  // offsets below are acknowledged
  size_t in_flight = 0;
  bool cautious = false;  // one in flight until an acknowledgement
  bool parked = false;    // needs settling
  Status trouble;
  bool Finished() const {
    return !task->status.ok() || (task->feed->AtEnd() && acked >= task->feed->position());
  }
};

// What all workers of a round share.
struct ProduceShared {
  kafka::Cluster& cluster;
  const ProduceOptions& options;
  Progress& progress;
  std::atomic<int64_t>& parked_since;
  std::atomic<int64_t>& last_ack;
};

class ProduceWorker {
 public:
  ProduceWorker(const ProduceShared& shared, BrokerId broker, std::vector<ProduceItem*> items,
                size_t memory, CallContext context)
      : shared_(shared),
        options_(shared.options),
        broker_(broker),
        items_(std::move(items)),
        memory_(memory),
        context_(std::move(context)) {}

  // Until everything of its items is done, parked or failed.
  void Run();

  ProduceTotals totals;
  Status failure;  // stops everything

 private:
  struct Sent {
    ProduceItem* item = nullptr;
    StepView step;
    uint64_t records = 0, bytes = 0;
  };
  struct Request {
    StepKind kind = StepKind::kBatch;
    std::string transactional_id;
    std::vector<Sent> steps;
    Pace::Pass pass;
    uint64_t bytes() const;
  };

  Status Loop(kafka::Connection& connection);
  // Sends until enough is under way, or the pace lets no more go.
  Status SendMore(kafka::Connection& connection);
  // Whether one more request may go now; waits for that where there is no answer to wait for.
  Result<bool> MayGo(Request* request);
  bool ShouldStop() const;
  bool CanSend(const ProduceItem& item) const;
  bool Fits(const ProduceItem& item);

  Status SendNext(kafka::Connection& connection, Request* request);
  Status Gather(Request* request);
  // Whether the item's next step can go into the request; kinds do not mix. Opens its transaction
  // where it must.
  Result<bool> Joins(ProduceItem* item, const StepView& step, Request* request);
  bool IsBarrier(const StepView& step) const;
  Status SendBatches(kafka::Connection& connection, const Request& request);
  Status SendMarkers(kafka::Connection& connection, const Request& request);
  // Steps that wait for all before them and are waited for: one of each partition that stands at
  // one.
  Status PassBarriers(bool* any);
  Status AbortTransaction(ProduceItem* item, const StepView& step);
  Status WriteMarkersByEndTxn(const std::vector<std::pair<ProduceItem*, StepView>>& at);

  Status ReceiveOne(kafka::Connection& connection);
  Status ReceiveBatches(kafka::Connection& connection, const Request& request);
  Status ReceiveMarkers(kafka::Connection& connection, const Request& request);
  void OnProduced(const Sent& sent, const kafka::ProducedPartition& answer);
  void OnError(const Sent& sent, int16_t error, const char* api, const std::string& message);
  void Acknowledge(const Sent& sent);
  // What a step by the transaction coordinator ended in.
  Status OnBarrier(ProduceItem* item, const StepView& step, Status status);
  void Park(ProduceItem* item, Status why);
  void ParkAll(const Status& why);
  int32_t TimeoutMs() const;

  const ProduceShared shared_;
  const ProduceOptions& options_;
  const BrokerId broker_;
  const std::vector<ProduceItem*> items_;
  const size_t memory_;
  const CallContext context_;
  size_t turn_ = 0;
  std::deque<Request> outstanding_;
  std::deque<PreparedStep> prepared_;
  std::vector<std::array<ByteView, 2>> pieces_;
  std::vector<kafka::ProduceBatch> batches_;
  std::vector<kafka::MarkerRun> runs_;
};

}  // namespace maxbrod::engine
