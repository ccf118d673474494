// One worker of the fetch pool: serves a lane's ranges over one connection.
#pragma once

#include <memory>
#include <vector>

#include "engine/fetch_pool.h"
#include "engine/fetch_routes.h"
#include "kafka/data_path.h"

namespace maxbrod::engine {

// What all workers of a pool share. `idle_nanos` is by range, and belongs to whoever holds it.
struct FetchShared {
  kafka::Cluster& cluster;
  std::vector<ReadRange>& ranges;
  RangeSink& sink;
  const FetchOptions& options;
  Pace& pace;
  Progress& progress;
  const CallContext& context;
  LaneQueues& queues;
  FetchRoutes& routes;
  std::vector<int64_t>& idle_nanos;  // asked for so long without an answer that had data
};

class FetchWorker {
 public:
  FetchWorker(const FetchShared& shared, size_t number)
      : shared_(shared),
        options_(shared.options),
        context_(shared.context),
        routes_(shared.routes),
        number_(number) {}

  // Takes ranges of the lane and reads them until they are done, given up or handed over. Non-OK
  // stops everything.
  Status Serve(const Lane& lane);

  FetchTotals totals;

 private:
  // A range it is reading.
  struct Active {
    size_t range = 0;
    int empty_answers = 0;
    int32_t leader_epoch = -1;
  };
  // What is going on with one request.
  struct Round {
    std::vector<Active> asked;  // in the request's order
    std::vector<Active> later;  // those that go with another rack, and come next
    kafka::FetchSpec spec;
    int64_t took_nanos = 0;
    uint64_t got = 0;
  };
  // Ranges that another broker (or this one, later) has to serve, and the last error that said so.
  struct MovedRanges {
    std::vector<Active> ranges;
    Status why;
  };

  void TopUp();
  // Hands ranges over whose leader is to be asked again, or that lie in the other kind of storage.
  void Reroute();
  void HandOver(size_t range);
  // Gives ranges back after the connection or the broker failed, and waits a little. `idle_nanos`:
  // for how long they were asked for in vain.
  Status Requeue(std::vector<Active>* ranges, const Status& why, int64_t idle_nanos);

  Round PlanRound();
  // One request and its answer. A failure of the connection gives everything back: active_ is empty
  // then.
  Status FetchOnce(kafka::Connection& connection);
  Result<kafka::FetchResponseView> Ask(kafka::Connection& connection, Round* round);
  Status Digest(const kafka::FetchResponseView& answer, Round* round, MovedRanges* moved);
  Status OnPartitionData(const kafka::FetchResponseView& answer, const kafka::FetchedPartition& p,
                         Active* a, bool* leave);
  Status OnEmpty(const Round& round, Active* a, bool* leave);
  Status OnPartitionError(const kafka::FetchedPartition& p, const Active& a, MovedRanges* moved,
                          bool* leave);
  Status OnOutOfRange(const Active& a, MovedRanges* moved, bool* leave);
  bool TopicIsGone(const ReadRange& range);
  Status FinishRange(size_t range);
  void GiveUp(size_t range, Status status);
  void GrowOrShrink(const Round& round);
  size_t LargestResponse() const;

  const FetchShared& shared_;
  const FetchOptions& options_;
  const CallContext& context_;
  FetchRoutes& routes_;
  const size_t number_;

  Lane lane_;
  std::vector<Active> active_;
  size_t response_bytes_ = 0;
  Bytes buffer_;
};

}  // namespace maxbrod::engine
