#include "engine/transaction_steps.h"

#include <algorithm>

#include "kafka/errors.h"
#include "os/crash_point.h"

namespace maxbrod::engine {
namespace {

constexpr Millis kPollLongest{50};
constexpr Millis kMarkerLimit{60'000};

}  // namespace

Status TransactionSteps::Open(const kafka::TransactionalProducer& producer,
                              const TopicPartition& partition, const CallContext& context) {
  {
    std::lock_guard lock(mutex_);
    if (open_.contains(producer.id)) return Status::Ok();
  }
  CrashPoint("restore.before_add_partitions");
  MB_RETURN_IF_ERROR(transactions_.AddPartitions(producer, {partition}, context));
  CrashPoint("restore.after_add_partitions");
  std::lock_guard lock(mutex_);
  open_.insert(producer.id);
  return Status::Ok();
}

Status TransactionSteps::Abort(const kafka::TransactionalProducer& producer, const MarkerSlot& slot,
                               const CallContext& context) {
  bool ours = false;
  {
    std::lock_guard lock(mutex_);
    ours = open_.erase(producer.id) > 0;
  }
  if (!ours) {
    // An earlier run may have asked for the end already; then the marker is on its way.
    MB_ASSIGN_OR_RETURN(auto states, transactions_.Describe({producer.id}, context));
    MB_ASSIGN_OR_RETURN(auto state, states.at(producer.id));
    bool ending = state.state.starts_with("Prepare");
    if (state.state != "Ongoing" && !ending) {
      // Nothing is open: cleaning left the transaction no record here.
      MB_RETURN_IF_ERROR(transactions_.AddPartitions(producer, {slot.partition}, context));
    }
  }
  CrashPoint("restore.before_end_txn");
  MB_RETURN_IF_ERROR(transactions_.End(producer, false, context));
  CrashPoint("restore.after_end_txn");
  std::vector<MarkerSlot> one{slot};
  MB_RETURN_IF_ERROR(AwaitMarkers(&one, context));
  return one.front().status;
}

void TransactionSteps::WriteMarkers(std::vector<MarkerSlot>* slots, const CallContext& context) {
  auto producer = TakeProducer(context);
  Status status = producer.status();
  if (status.ok()) {
    status = EndAll(&*producer, slots, context);
    if (!status.ok()) {
      // Whatever is open is aborted: its markers land in the slots they were meant for.
      auto again = transactions_.Init(producer->id, timeout_, context);
      if (again.ok()) *producer = *again;
    }
    GiveBack(*producer);
  }
  if (status.ok()) return;
  for (MarkerSlot& slot : *slots) {
    if (slot.status.ok()) slot.status = status;
  }
}

Result<kafka::TransactionalProducer> TransactionSteps::TakeProducer(const CallContext& context) {
  while (true) {
    {
      std::lock_guard lock(mutex_);
      if (!free_producers_.empty()) {
        auto producer = std::move(free_producers_.back());
        free_producers_.pop_back();
        return producer;
      }
    }
    MB_RETURN_IF_ERROR(context.Check());
    if (!clock_.Sleep(Millis(1), context.stop)) return Status(Code::kCancelled, "stopped");
  }
}

void TransactionSteps::GiveBack(kafka::TransactionalProducer producer) {
  std::lock_guard lock(mutex_);
  free_producers_.push_back(std::move(producer));
}

Status TransactionSteps::EndAll(kafka::TransactionalProducer* producer,
                                std::vector<MarkerSlot>* slots, const CallContext& context) {
  std::vector<TopicPartition> partitions;
  for (const MarkerSlot& slot : *slots) partitions.push_back(slot.partition);
  CrashPoint("restore.before_add_partitions");
  MB_RETURN_IF_ERROR(transactions_.AddPartitions(*producer, partitions, context));
  CrashPoint("restore.before_end_txn");
  MB_RETURN_IF_ERROR(transactions_.End(*producer, false, context));
  CrashPoint("restore.after_end_txn");
  return AwaitMarkers(slots, context);
}

Status TransactionSteps::AwaitMarkers(std::vector<MarkerSlot>* slots, const CallContext& context) {
  CallContext limited = context.Within(kMarkerLimit);
  Millis pause{1};
  while (true) {
    kafka::PerPartition<int64_t> ask;
    for (const MarkerSlot& slot : *slots) ask[slot.partition] = kafka::kLatest;
    MB_ASSIGN_OR_RETURN(auto ends,
                        cluster_.ListOffsets(ask, kafka::Isolation::kReadUncommitted, limited));
    bool waiting = false;
    for (MarkerSlot& slot : *slots) {
      const kafka::ListedOffset& end = ends[slot.partition];
      if (end.error != 0) {
        slot.status = kafka::ErrorStatus(end.error, "ListOffsets of " + slot.partition.ToString())
                          .Retryable();
      } else if (end.offset > slot.offset + 1) {
        slot.status =
            Status(Code::kOffsetMismatch, slot.partition.ToString() + " ends at offset " +
                                              std::to_string(end.offset) + " after one marker at " +
                                              std::to_string(slot.offset));
      } else if (end.offset <= slot.offset) {
        waiting = true;
      }
    }
    if (!waiting) return Status::Ok();
    Status left = limited.Check();
    if (!left.ok()) return left.WithContext("a transaction's marker does not come");
    if (!clock_.Sleep(pause, context.stop)) return Status(Code::kCancelled, "stopped");
    pause = std::min(pause * 2, kPollLongest);
  }
}

}  // namespace maxbrod::engine
