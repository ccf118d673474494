#include "engine/produce_worker.h"

#include <algorithm>

#include "kafka/errors.h"
#include "os/log.h"

namespace maxbrod::engine {
namespace {

constexpr size_t kPartitionsPerRequestMax = 1000;
constexpr size_t kMarkersPerRequestMax = 4000;
// Other partitions go on for so long while one is parked, then all stop for a new round.
constexpr int64_t kParkedNanosMax = 2'000'000'000;

// Errors after which only the log itself tells what was appended.
bool IsDoubtful(int16_t error) {
  return error == kafka::error::kNotEnoughReplicas ||
         error == kafka::error::kNotEnoughReplicasAfterAppend ||
         error == kafka::error::kOutOfOrderSequenceNumber ||
         error == kafka::error::kUnknownProducerId ||
         error == kafka::error::kDuplicateSequenceNumber ||
         error == kafka::error::kUnknownTopicOrPartition;
}

// The coordinator ended our transaction before we did: a marker stands where none belongs.
bool IsTransactionLost(int16_t error) {
  return error == kafka::error::kInvalidProducerEpoch || error == kafka::error::kProducerFenced ||
         error == kafka::error::kInvalidTxnState ||
         error == kafka::error::kInvalidProducerIdMapping;
}

}  // namespace

void ProduceWorker::Run() {
  auto connection = shared_.cluster.OpenConnection(
      broker_, context_.Within(shared_.cluster.config().api_timeout));
  if (!connection.ok()) {
    ParkAll(connection.status());
    return;
  }
  Status status = Loop(**connection);
  if (!status.ok()) ParkAll(status);
  for (ProduceItem* item : items_) item->task->feed->Unload();
}

Status ProduceWorker::Loop(kafka::Connection& connection) {
  while (true) {
    bool passed = true;
    while (passed && !ShouldStop()) {
      MB_RETURN_IF_ERROR(SendMore(connection));
      MB_RETURN_IF_ERROR(PassBarriers(&passed));
    }
    if (outstanding_.empty()) return Status::Ok();
    MB_RETURN_IF_ERROR(ReceiveOne(connection));
  }
}

Status ProduceWorker::SendMore(kafka::Connection& connection) {
  while (outstanding_.size() < options_.in_flight && !ShouldStop()) {
    Request request;
    MB_ASSIGN_OR_RETURN(bool may_go, MayGo(&request));
    if (!may_go) return Status::Ok();
    MB_RETURN_IF_ERROR(SendNext(connection, &request));
    if (request.steps.empty()) return Status::Ok();
    outstanding_.push_back(std::move(request));
  }
  return Status::Ok();
}

Result<bool> ProduceWorker::MayGo(Request* request) {
  if (options_.pace == nullptr || options_.pace->TryEnter(broker_, &request->pass)) return true;
  if (!outstanding_.empty()) return false;
  MB_RETURN_IF_ERROR(options_.pace->Enter(broker_, &request->pass, context_));
  return true;
}

uint64_t ProduceWorker::Request::bytes() const {
  uint64_t sum = 0;
  for (const Sent& sent : steps) sum += sent.bytes;
  return sum;
}

bool ProduceWorker::ShouldStop() const {
  if (!failure.ok() || context_.stop.stop_requested()) return true;
  int64_t since = shared_.parked_since.load();
  return since != 0 && options_.clock->MonotonicNanos() - since > kParkedNanosMax;
}

bool ProduceWorker::CanSend(const ProduceItem& item) const {
  if (item.parked || !item.task->status.ok() || item.task->feed->AtEnd()) return false;
  return item.in_flight < (item.cautious ? 1 : options_.in_flight);
}

// Loading another block must fit the budget, unless nothing else is loaded.
bool ProduceWorker::Fits(const ProduceItem& item) {
  uint64_t more = item.task->feed->BytesToLoad();
  if (more == 0) return true;
  uint64_t loaded = 0;
  for (const ProduceItem* other : items_) {
    if (other != &item) loaded += other->task->feed->loaded_bytes();
  }
  if (loaded == 0 || loaded + more <= memory_) return true;
  // Partitions with nothing to send right now give theirs back.
  for (ProduceItem* other : items_) {
    if (other == &item || other->task->feed->loaded_bytes() == 0 || !other->Finished()) continue;
    loaded -= other->task->feed->loaded_bytes();
    other->task->feed->Unload();
    if (loaded == 0 || loaded + more <= memory_) return true;
  }
  return false;
}

bool ProduceWorker::IsBarrier(const StepView& step) const {
  if (step.kind == StepKind::kAbort) return true;
  return step.kind == StepKind::kMarkers && options_.transactions != nullptr &&
         options_.transactions->by_end_txn();
}

Result<bool> ProduceWorker::Joins(ProduceItem* item, const StepView& step, Request* request) {
  if (IsBarrier(step)) return false;
  bool first = request->steps.empty();
  if (!first && (step.kind != request->kind || step.kind == StepKind::kAborted)) return false;
  if (step.kind == StepKind::kAborted) {
    const ProduceTask& task = *item->task;
    const auto& producer = task.slots[task.aborted->transactions()[step.transaction].slot];
    Status opened = options_.transactions->Open(producer, task.tp(), context_);
    if (!opened.ok()) {
      MB_RETURN_IF_ERROR(OnBarrier(item, step, std::move(opened)));
      return false;
    }
    request->transactional_id = producer.id;
  }
  request->kind = step.kind;
  return true;
}

// At most one step of each partition.
Status ProduceWorker::Gather(Request* request) {
  size_t bytes = 0, markers = 0;
  const size_t most = options_.pace == nullptr ? options_.request_bytes
                                               : options_.pace->ChunkBytes(options_.request_bytes);
  for (size_t n = 0; n < items_.size() && bytes < most && markers < kMarkersPerRequestMax &&
                     request->steps.size() < kPartitionsPerRequestMax;
       ++n) {
    ProduceItem& item = *items_[turn_++ % items_.size()];
    if (!CanSend(item) || !Fits(item)) continue;
    StepView next;
    MB_RETURN_IF_ERROR(item.task->feed->Peek(&next, context_));
    MB_ASSIGN_OR_RETURN(bool joins, Joins(&item, next, request));
    if (!joins) continue;
    prepared_.emplace_back();
    PreparedStep& step = prepared_.back();
    Status taken = item.task->feed->Take(&step, context_);
    if (!taken.ok()) {
      prepared_.pop_back();
      return std::move(taken).WithContext("partition " + item.task->tp().ToString());
    }
    bool batch = step.kind != StepKind::kMarkers;
    request->steps.push_back({&item, step, step.records, batch ? step.bytes() : 0});
    ++item.in_flight;
    bytes += request->steps.back().bytes;
    if (!batch) markers += static_cast<size_t>(step.next_offset - step.base_offset);
  }
  return Status::Ok();
}

Status ProduceWorker::SendNext(kafka::Connection& connection, Request* request) {
  prepared_.clear();
  Status gathered = Gather(request);
  if (!gathered.ok() && failure.ok()) failure = gathered;
  if (request->steps.empty()) return Status::Ok();
  totals.requests += 1;
  totals.partitions_in_requests += request->steps.size();
  Status sent = options_.pace == nullptr ? Status::Ok()
                                         : options_.pace->TakeBytes(request->bytes(), context_);
  if (sent.ok()) {
    sent = request->kind == StepKind::kMarkers ? SendMarkers(connection, *request)
                                               : SendBatches(connection, *request);
  }
  // They may have arrived: their items are parked.
  if (!sent.ok()) outstanding_.push_back(std::move(*request));
  return sent;
}

int32_t ProduceWorker::TimeoutMs() const {
  return static_cast<int32_t>(shared_.cluster.config().request_timeout.count());
}

Status ProduceWorker::SendBatches(kafka::Connection& connection, const Request& request) {
  pieces_.clear();
  batches_.clear();
  pieces_.reserve(request.steps.size());
  totals.batches += request.steps.size();
  size_t i = 0;
  for (const PreparedStep& step : prepared_) {
    pieces_.push_back({ByteView(step.header), step.payload});
    const ProduceTask& task = *request.steps[i++].item->task;
    batches_.push_back(
        {task.topic, task.topic_id, task.partition, std::span<const ByteView>(pieces_.back())});
  }
  // Not within the request's time: a broker's throttle, which Send waits for, may last longer.
  return kafka::SendProduce(connection, batches_, TimeoutMs(), context_, request.transactional_id);
}

Status ProduceWorker::SendMarkers(kafka::Connection& connection, const Request& request) {
  runs_.clear();
  for (const Sent& sent : request.steps) {
    auto count = static_cast<uint32_t>(sent.step.next_offset - sent.step.base_offset);
    runs_.push_back({sent.item->task->topic, sent.item->task->partition, count});
    totals.markers += count;
  }
  return kafka::SendMarkers(connection, options_.markers.id, options_.markers.epoch, runs_,
                            context_);
}

Status ProduceWorker::PassBarriers(bool* any) {
  *any = false;
  std::vector<std::pair<ProduceItem*, StepView>> markers;
  for (ProduceItem* item : items_) {
    if (!CanSend(*item) || item->in_flight > 0 || !Fits(*item)) continue;
    StepView next;
    Status peeked = item->task->feed->Peek(&next, context_);
    if (!peeked.ok()) {
      if (failure.ok()) failure = std::move(peeked);
      return Status::Ok();
    }
    if (!IsBarrier(next)) continue;
    *any = true;
    if (next.kind == StepKind::kMarkers) {
      markers.emplace_back(item, next);
    } else {
      MB_RETURN_IF_ERROR(AbortTransaction(item, next));
    }
  }
  if (markers.empty()) return Status::Ok();
  return WriteMarkersByEndTxn(markers);
}

Status ProduceWorker::AbortTransaction(ProduceItem* item, const StepView& step) {
  const ProduceTask& task = *item->task;
  const auto& producer = task.slots[task.aborted->transactions()[step.transaction].slot];
  Status status =
      options_.transactions->Abort(producer, {task.tp(), step.base_offset, Status::Ok()}, context_);
  if (status.ok()) totals.transactions += 1;
  return OnBarrier(item, step, std::move(status));
}

Status ProduceWorker::WriteMarkersByEndTxn(
    const std::vector<std::pair<ProduceItem*, StepView>>& at) {
  std::vector<MarkerSlot> slots;
  for (const auto& [item, step] : at) slots.push_back({item->task->tp(), step.base_offset, {}});
  options_.transactions->WriteMarkers(&slots, context_);
  for (size_t i = 0; i < at.size(); ++i) {
    if (slots[i].status.ok()) totals.markers += 1;
    MB_RETURN_IF_ERROR(OnBarrier(at[i].first, at[i].second, std::move(slots[i].status)));
  }
  return Status::Ok();
}

Status ProduceWorker::OnBarrier(ProduceItem* item, const StepView& step, Status status) {
  if (status.ok()) {
    PreparedStep taken;
    MB_RETURN_IF_ERROR(item->task->feed->Take(&taken, context_));
    Acknowledge({item, step, 0, 0});
    return Status::Ok();
  }
  if (status.code() == Code::kCancelled) return status;
  std::string where =
      "partition " + item->task->tp().ToString() + " at offset " + std::to_string(step.base_offset);
  if (IsTransactionLost(status.kafka_error())) {
    item->task->status =
        Status(Code::kOffsetMismatch,
               where + ": the broker ended the restore's transaction: " + status.message());
  } else if (status.retryable() || status.code() == Code::kTimeout) {
    Park(item, std::move(status));
  } else {
    item->task->status = std::move(status).WithContext(where);
  }
  return Status::Ok();
}

Status ProduceWorker::ReceiveOne(kafka::Connection& connection) {
  const Request& request = outstanding_.front();
  if (request.kind == StepKind::kMarkers) {
    MB_RETURN_IF_ERROR(ReceiveMarkers(connection, request));
  } else {
    MB_RETURN_IF_ERROR(ReceiveBatches(connection, request));
  }
  outstanding_.pop_front();
  return Status::Ok();
}

Status ProduceWorker::ReceiveBatches(kafka::Connection& connection, const Request& request) {
  batches_.clear();
  for (const Sent& sent : request.steps) {
    const ProduceTask& task = *sent.item->task;
    batches_.push_back({task.topic, task.topic_id, task.partition, {}});
  }
  // The connection bounds how long nothing may come; a throttled one answers later than that.
  auto answer = kafka::ReceiveProduce(connection, batches_, context_);
  MB_RETURN_IF_ERROR(answer.status());
  for (const kafka::ProducedPartition& p : answer->partitions)
    OnProduced(request.steps[p.index], p);
  return Status::Ok();
}

Status ProduceWorker::ReceiveMarkers(kafka::Connection& connection, const Request& request) {
  runs_.clear();
  for (const Sent& sent : request.steps) {
    auto count = static_cast<uint32_t>(sent.step.next_offset - sent.step.base_offset);
    runs_.push_back({sent.item->task->topic, sent.item->task->partition, count});
  }
  MB_ASSIGN_OR_RETURN(auto answer, kafka::ReceiveMarkers(connection, runs_, context_));
  for (const kafka::MarkedPartition& p : answer) {
    const Sent& sent = request.steps[p.index];
    --sent.item->in_flight;
    if (!sent.item->task->status.ok()) continue;
    if (p.error != 0) {
      OnError(sent, p.error, "WriteTxnMarkers", "");
    } else if (!sent.item->parked) {
      Acknowledge(sent);
    }
  }
  return Status::Ok();
}

void ProduceWorker::OnProduced(const Sent& sent, const kafka::ProducedPartition& answer) {
  ProduceItem& item = *sent.item;
  --item.in_flight;
  if (!item.task->status.ok()) return;
  if (answer.error != 0) return OnError(sent, answer.error, "Produce", answer.message);
  if (answer.base_offset != sent.step.base_offset) {
    item.task->status =
        Status(Code::kOffsetMismatch,
               "Produce to " + item.task->tp().ToString() + " at offset " +
                   std::to_string(sent.step.base_offset) + ": the broker put it at " +
                   std::to_string(answer.base_offset) +
                   "; somebody else writes to this topic, or a request was appended twice")
            .WithHint("stop all producers of the target topics while a restore runs");
    return;
  }
  // Acknowledged after a doubtful one: the settled end offset decides.
  if (!item.parked) Acknowledge(sent);
}

void ProduceWorker::OnError(const Sent& sent, int16_t error, const char* api,
                            const std::string& message) {
  ProduceItem& item = *sent.item;
  Status status = kafka::ErrorStatus(error,
                                     std::string(api) + " to " + item.task->tp().ToString() +
                                         " at offset " + std::to_string(sent.step.base_offset),
                                     message);
  if (sent.step.kind == StepKind::kAborted && IsTransactionLost(error)) {
    item.task->status = Status(Code::kOffsetMismatch,
                               "the broker ended the restore's transaction: " + status.message());
  } else if (status.retryable() || IsDoubtful(error)) {
    Park(&item, std::move(status));
  } else if (error == kafka::error::kTopicAuthorizationFailed) {
    item.task->status =
        std::move(status).WithContext("needs Write on Topic '" + item.task->topic + "'");
  } else {
    item.task->status = std::move(status);
  }
}

void ProduceWorker::Acknowledge(const Sent& sent) {
  sent.item->acked = sent.step.next_offset;
  sent.item->cautious = false;
  shared_.last_ack.store(options_.clock->MonotonicNanos());
  shared_.progress.Add(sent.bytes, sent.records);
}

void ProduceWorker::Park(ProduceItem* item, Status why) {
  if (!item->parked) LogInfo("{} (settling, then trying again)", why.ToString());
  item->parked = true;
  item->trouble = std::move(why);
  int64_t none = 0;
  shared_.parked_since.compare_exchange_strong(none, options_.clock->MonotonicNanos());
}

void ProduceWorker::ParkAll(const Status& why) {
  if (!why.retryable()) {
    if (failure.ok()) failure = why;
    return;
  }
  for (ProduceItem* item : items_) {
    item->in_flight = 0;
    if (!item->Finished()) Park(item, why);
  }
}

}  // namespace maxbrod::engine
