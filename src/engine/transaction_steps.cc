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
    MB_ASSIGN_OR_RETURN(std::string state, AwaitDecided(producer, context));
    std::vector<MarkerSlot> one{slot};
    MB_ASSIGN_OR_RETURN(bool there, MarkersThere(&one, context));
    // An earlier run asked for this end, and its marker came since.
    if (there) return one.front().status;
    // Nothing is open: cleaning left the transaction no record here.
    if (state != "Ongoing")
      MB_RETURN_IF_ERROR(transactions_.AddPartitions(producer, {slot.partition}, context));
  }
  CrashPoint("restore.before_end_txn");
  MB_RETURN_IF_ERROR(transactions_.End(producer, false, context));
  CrashPoint("restore.after_end_txn");
  std::vector<MarkerSlot> one{slot};
  MB_RETURN_IF_ERROR(AwaitMarkers(&one, context));
  return one.front().status;
}

// The producer's state, once its last transaction is not just ending: "Prepare..." may be that of
// the one before, whose marker is in the log while the coordinator has not noted it.
Result<std::string> TransactionSteps::AwaitDecided(const kafka::TransactionalProducer& producer,
                                                   const CallContext& context) {
  CallContext limited = context.Within(kMarkerLimit);
  Millis pause{1};
  while (true) {
    auto described = transactions_.Describe({producer.id}, limited);
    // Brokers before 3.0, and serverless ones of MSK: adding the partition to what is open changes
    // nothing, and a marker too many would be seen.
    if (described.status().code() == Code::kUnsupported) return std::string("unknown");
    MB_ASSIGN_OR_RETURN(auto states, std::move(described));
    auto state = states.find(producer.id);
    if (state == states.end())
      return Status(Code::kProtocol, "DescribeTransactions left out " + producer.id);
    if (!state->second.ok() && state->second.status().code() == Code::kNotFound)
      return std::string("Empty");
    MB_RETURN_IF_ERROR(state->second.status());
    if (!state->second->state.starts_with("Prepare")) return state->second->state;
    Status left = limited.Check();
    if (!left.ok()) return left.WithContext("transaction of " + producer.id + " does not end");
    if (!clock_.Sleep(pause, context.stop)) return Status(Code::kCancelled, "stopped");
    pause = std::min(pause * 2, kPollLongest);
  }
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

// Whether each log ends right behind its slot, or its slot's status says why it never will.
Result<bool> TransactionSteps::MarkersThere(std::vector<MarkerSlot>* slots,
                                            const CallContext& context) {
  kafka::PerPartition<int64_t> ask;
  for (const MarkerSlot& slot : *slots) ask[slot.partition] = kafka::kLatest;
  MB_ASSIGN_OR_RETURN(auto ends,
                      cluster_.ListOffsets(ask, kafka::Isolation::kReadUncommitted, context));
  bool there = true;
  for (MarkerSlot& slot : *slots) {
    const kafka::ListedOffset& end = ends[slot.partition];
    if (end.error != 0) {
      slot.status =
          kafka::ErrorStatus(end.error, "ListOffsets of " + slot.partition.ToString()).Retryable();
    } else if (end.offset > slot.offset + 1) {
      slot.status =
          Status(Code::kOffsetMismatch, slot.partition.ToString() + " ends at offset " +
                                            std::to_string(end.offset) + " after one marker at " +
                                            std::to_string(slot.offset));
    } else if (end.offset <= slot.offset) {
      there = false;
    }
  }
  return there;
}

Status TransactionSteps::AwaitMarkers(std::vector<MarkerSlot>* slots, const CallContext& context) {
  CallContext limited = context.Within(kMarkerLimit);
  Millis pause{1};
  while (true) {
    MB_ASSIGN_OR_RETURN(bool there, MarkersThere(slots, limited));
    if (there) return Status::Ok();
    Status left = limited.Check();
    if (!left.ok()) return left.WithContext("a transaction's marker does not come");
    if (!clock_.Sleep(pause, context.stop)) return Status(Code::kCancelled, "stopped");
    pause = std::min(pause * 2, kPollLongest);
  }
}

}  // namespace maxbrod::engine
