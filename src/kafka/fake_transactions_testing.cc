// What transaction coordinators answer, and the markers they and others write.
#include "kafka/errors.h"
#include "kafka/fake_handlers_testing.h"
#include "kafka/messages/all.h"
#include "kafka/record.h"

namespace maxbrod::kafka {
namespace {

void AppendMarker(FakePartition* partition, bool commit, int64_t producer_id, int16_t epoch) {
  ControlRecord record;
  record.type = commit ? ControlRecord::kCommit : ControlRecord::kAbort;
  auto batch = BuildControlBatch(partition->end_offset, 1, producer_id, epoch, record);
  MB_CHECK(batch.ok());
  partition->Append(*batch);
}

FakePartition* Find(FakeWorld* world, const std::string& topic, int32_t index) {
  auto it = world->topics.find(topic);
  if (it == world->topics.end() || static_cast<size_t>(index) >= it->second.partitions.size())
    return nullptr;
  return &it->second.partitions[static_cast<size_t>(index)];
}

int32_t CoordinatorOf(const FakeWorld& world, const std::string& id) {
  auto it = world.transactions.find(id);
  return it == world.transactions.end() ? world.controller : it->second.coordinator;
}

// Decides, writes the markers, and is done when the answers that say "busy" are used up.
void End(FakeWorld* world, FakeTransaction* transaction, bool commit) {
  for (const TopicPartition& p : transaction->partitions) {
    FakePartition* partition = Find(world, p.topic, p.partition);
    if (partition != nullptr)
      AppendMarker(partition, commit, transaction->producer_id, transaction->epoch);
  }
  transaction->partitions.clear();
  transaction->state = commit ? "CompleteCommit" : "CompleteAbort";
  transaction->busy_left = transaction->busy_after_end;
}

// What TransactionCoordinator checks before anything else.
int16_t Refusal(FakeCall* call, const std::string& id) {
  if (CoordinatorOf(*call->world, id) != call->self) return error::kNotCoordinator;
  auto it = call->world->transactions.find(id);
  if (it == call->world->transactions.end()) return error::kInvalidProducerIdMapping;
  if (it->second.busy_left == 0) return error::kNone;
  --it->second.busy_left;
  return error::kConcurrentTransactions;
}

int16_t RefusalOf(FakeCall* call, const std::string& id, int64_t producer_id, int16_t epoch) {
  int16_t refusal = Refusal(call, id);
  if (refusal != 0 && refusal != error::kConcurrentTransactions) return refusal;
  const FakeTransaction& transaction = call->world->transactions.at(id);
  if (transaction.producer_id != producer_id) return error::kInvalidProducerIdMapping;
  return transaction.epoch != epoch ? error::kProducerFenced : refusal;
}

InitProducerIdResponse HandleInit(const InitProducerIdRequest& request, FakeCall* call) {
  InitProducerIdResponse response;
  FakeWorld& world = *call->world;
  if (!request.transactional_id) {
    response.producer_id = world.next_producer_id++;
    return response;
  }
  const std::string& id = *request.transactional_id;
  if (request.transaction_timeout_ms > world.transaction_timeout_max_ms) {
    response.error_code = error::kInvalidTransactionTimeout;
    return response;
  }
  response.error_code = Refusal(call, id);
  if (response.error_code == error::kInvalidProducerIdMapping) {
    response.error_code = 0;
    world.transactions[id].producer_id = world.next_producer_id++;
    world.transactions[id].coordinator = call->self;
  }
  if (response.error_code != 0) return response;
  FakeTransaction& transaction = world.transactions[id];
  ++transaction.epoch;
  if (transaction.state == "Ongoing") {
    End(&world, &transaction, false);
    response.error_code = error::kConcurrentTransactions;
    return response;
  }
  transaction.state = "Empty";
  transaction.timeout_ms = request.transaction_timeout_ms;
  response.producer_id = transaction.producer_id;
  response.producer_epoch = transaction.epoch;
  return response;
}

AddPartitionsToTxnResponse HandleAdd(const AddPartitionsToTxnRequest& request, FakeCall* call) {
  int16_t refusal =
      RefusalOf(call, request.transactional_id, request.producer_id, request.producer_epoch);
  bool all_exist = true;
  for (const auto& topic : request.topics) {
    for (int32_t index : topic.partitions)
      all_exist = all_exist && Find(call->world, topic.name, index) != nullptr;
  }
  AddPartitionsToTxnResponse response;
  for (const auto& topic : request.topics) {
    auto& out = response.topics.emplace_back();
    out.name = topic.name;
    for (int32_t index : topic.partitions) {
      int16_t code = refusal;
      if (!all_exist) {
        code = Find(call->world, topic.name, index) == nullptr ? error::kUnknownTopicOrPartition
                                                               : error::kOperationNotAttempted;
      }
      out.partitions.push_back({index, code});
      if (code != 0) continue;
      FakeTransaction& transaction = call->world->transactions.at(request.transactional_id);
      transaction.state = "Ongoing";
      transaction.partitions.insert({topic.name, index});
    }
  }
  return response;
}

EndTxnResponse HandleEnd(const EndTxnRequest& request, FakeCall* call) {
  EndTxnResponse response;
  response.error_code =
      RefusalOf(call, request.transactional_id, request.producer_id, request.producer_epoch);
  if (response.error_code != 0) return response;
  FakeTransaction& transaction = call->world->transactions.at(request.transactional_id);
  std::string ended = request.committed ? "CompleteCommit" : "CompleteAbort";
  if (transaction.state == "Ongoing") {
    End(call->world, &transaction, request.committed);
  } else if (transaction.state != ended) {
    response.error_code = error::kInvalidTxnState;
  }
  return response;
}

DescribeTransactionsResponse HandleDescribe(const DescribeTransactionsRequest& request,
                                            FakeCall* call) {
  DescribeTransactionsResponse response;
  for (const std::string& id : request.transactional_ids) {
    auto& out = response.transaction_states.emplace_back();
    out.transactional_id = id;
    auto it = call->world->transactions.find(id);
    if (CoordinatorOf(*call->world, id) != call->self) {
      out.error_code = error::kNotCoordinator;
    } else if (it == call->world->transactions.end()) {
      out.error_code = error::kTransactionalIdNotFound;
    }
    if (out.error_code != 0) continue;
    const FakeTransaction& transaction = it->second;
    out.transaction_state = transaction.state;
    out.transaction_timeout_ms = transaction.timeout_ms;
    out.transaction_start_time_ms = transaction.partitions.empty() ? -1 : 1;
    out.producer_id = transaction.producer_id;
    out.producer_epoch = transaction.epoch;
    for (const TopicPartition& p : transaction.partitions) {
      if (out.topics.empty() || out.topics.back().topic != p.topic)
        out.topics.emplace_back().topic = p.topic;
      out.topics.back().partitions.push_back(p.partition);
    }
  }
  return response;
}

int16_t WriteMarker(const WriteTxnMarkersRequest::Marker& marker, const std::string& topic,
                    int32_t index, FakeCall* call) {
  if (!call->world->markers_allowed) return error::kClusterAuthorizationFailed;
  FakePartition* partition = Find(call->world, topic, index);
  if (partition == nullptr) return error::kUnknownTopicOrPartition;
  if (partition->leader != call->self) return error::kNotLeaderOrFollower;
  FakeWorld& world = *call->world;
  if (world.marker_errors > 0 && world.markers_before_errors-- <= 0) {
    --world.marker_errors;
    return error::kNotEnoughReplicas;
  }
  AppendMarker(partition, marker.transaction_result, marker.producer_id, marker.producer_epoch);
  return error::kNone;
}

// As KafkaApis: one answer per producer id, in which the last error of a partition stands.
WriteTxnMarkersResponse HandleMarkers(const WriteTxnMarkersRequest& request, FakeCall* call) {
  std::map<int64_t, std::map<std::string, std::map<int32_t, int16_t>>> errors;
  for (const auto& marker : request.markers) {
    for (const auto& topic : marker.topics) {
      for (int32_t index : topic.partition_indexes) {
        errors[marker.producer_id][topic.name][index] =
            WriteMarker(marker, topic.name, index, call);
      }
    }
  }
  WriteTxnMarkersResponse response;
  for (const auto& [producer, topics] : errors) {
    auto& out = response.markers.emplace_back();
    out.producer_id = producer;
    for (const auto& [name, partitions] : topics) {
      auto& out_topic = out.topics.emplace_back();
      out_topic.name = name;
      for (const auto& [index, code] : partitions) out_topic.partitions.push_back({index, code});
    }
  }
  return response;
}

}  // namespace

void AddFakeTransactionHandlers(FakeHandlers* handlers) {
  (*handlers)[InitProducerIdRequest::kApi.key] =
      MakeFakeHandler<InitProducerIdRequest>(&HandleInit);
  (*handlers)[AddPartitionsToTxnRequest::kApi.key] =
      MakeFakeHandler<AddPartitionsToTxnRequest>(&HandleAdd);
  (*handlers)[EndTxnRequest::kApi.key] = MakeFakeHandler<EndTxnRequest>(&HandleEnd);
  (*handlers)[DescribeTransactionsRequest::kApi.key] =
      MakeFakeHandler<DescribeTransactionsRequest>(&HandleDescribe);
  (*handlers)[WriteTxnMarkersRequest::kApi.key] =
      MakeFakeHandler<WriteTxnMarkersRequest>(&HandleMarkers);
}

}  // namespace maxbrod::kafka
