#include "kafka/transactions.h"

#include <charconv>

#include "kafka/cluster_coordinator.h"
#include "kafka/messages/add_partitions_to_txn.h"
#include "kafka/messages/describe_transactions.h"
#include "kafka/messages/end_txn.h"
#include "kafka/messages/init_producer_id.h"

namespace maxbrod::kafka {
namespace {

// The last versions before transactions of version 2 (KIP-890).
constexpr int16_t kInitVersionMax = 4;
constexpr int16_t kAddVersionMax = 3;
constexpr int16_t kEndVersionMax = 4;
// The end of a transaction takes a coordinator some milliseconds, not the time of a failover.
constexpr Millis kBusyBackoff{3};
constexpr Millis kBusyBackoffMax{200};
// For so long a topic's metadata may not have reached the coordinator.
constexpr Millis kNewTopicPatience{5'000};
constexpr char kTimeoutMaxConfig[] = "transaction.max.timeout.ms";
constexpr CoordinatorType kType = CoordinatorType::kTransaction;

ClientConfig WithBusyBackoff(ClientConfig config) {
  config.retry_backoff = kBusyBackoff;
  config.retry_backoff_max = kBusyBackoffMax;
  return config;
}

Resource ResourceFor(int16_t code, const std::string& id, const std::string& topic) {
  if (code == error::kTopicAuthorizationFailed) return {"Topic", topic};
  return {"TransactionalId", id};
}

std::string NameOf(const std::string& id) {
  return "transactional id " + id;
}

// The error of one partition counts for all: others were then not attempted.
struct PartitionError {
  int16_t code = 0;
  std::string topic;
  int32_t partition = 0;
};

PartitionError ErrorIn(const AddPartitionsToTxnResponse& response) {
  PartitionError found;
  for (const auto& topic : response.topics) {
    for (const auto& p : topic.partitions) {
      if (p.error_code == 0) continue;
      if (found.code == 0 || found.code == error::kOperationNotAttempted)
        found = {p.error_code, topic.name, p.partition_index};
    }
  }
  return found;
}

// Whether the answer names each partition asked for.
bool NamesAll(const AddPartitionsToTxnResponse& response,
              const std::vector<TopicPartition>& partitions) {
  std::set<TopicPartition> left(partitions.begin(), partitions.end());
  for (const auto& topic : response.topics) {
    for (const auto& p : topic.partitions) left.erase({topic.name, p.partition_index});
  }
  return left.empty();
}

Transactions::State StateFrom(const DescribeTransactionsResponse::Transaction& in) {
  Transactions::State out;
  out.state = in.transaction_state;
  out.timeout = Millis(in.transaction_timeout_ms);
  out.start_ms = in.transaction_start_time_ms;
  out.producer_id = in.producer_id;
  out.epoch = in.producer_epoch;
  for (const auto& topic : in.topics) {
    for (int32_t partition : topic.partitions) out.partitions.push_back({topic.topic, partition});
  }
  return out;
}

}  // namespace

Transactions::Transactions(Cluster& cluster)
    : cluster_(cluster), busy_config_(WithBusyBackoff(cluster.config())) {}

template <typename Request, typename ErrorOf>
Result<typename Request::Response> Transactions::Call(const std::string& id, const Request& request,
                                                      int16_t version_max, const ErrorOf& error_of,
                                                      const CallContext& context) {
  Cluster::Impl* impl = cluster_.impl_.get();
  const ApiInfo& api = Request::kApi;
  Retry retry(impl->config, context);
  Retry busy(busy_config_, context);
  while (true) {
    auto broker = LocateCoordinator(impl, kType, id, retry.context());
    if (!broker.ok()) {
      MB_RETURN_IF_ERROR(retry.Wait(broker.status()).WithContext(api.name));
      continue;
    }
    auto response = impl->CallOn(*broker, request, retry.context(), {api.version_min, version_max});
    if (!response.ok()) {
      ForgetCoordinator(impl, kType, id);
      MB_RETURN_IF_ERROR(retry.Wait(response.status()));
      static const Names kNoTopics;
      (void)impl->RefreshOnce(&kNoTopics, retry.context()).ok();  // it may be another broker now
      continue;
    }
    PartitionError error = error_of(*response);
    if (error.code == 0) return response;
    std::string object = NameOf(id);
    if (!error.topic.empty()) object += ", " + error.topic + "-" + std::to_string(error.partition);
    Status status =
        CallError(error.code, api, object, ResourceFor(error.code, id, error.topic), *broker);
    if (RefreshFor(error.code) == Refresh::kCoordinator) ForgetCoordinator(impl, kType, id);
    if (error.code == error::kUnknownTopicOrPartition && retry.elapsed() > kNewTopicPatience)
      return std::move(status).Retryable(false);
    bool is_busy = error.code == error::kConcurrentTransactions;
    MB_RETURN_IF_ERROR((is_busy ? busy : retry).Wait(std::move(status)));
  }
}

Result<TransactionalProducer> Transactions::Init(const std::string& transactional_id,
                                                 Millis timeout, const CallContext& context) {
  InitProducerIdRequest request;
  request.transactional_id = transactional_id;
  request.transaction_timeout_ms = static_cast<int32_t>(
      std::clamp<int64_t>(timeout.count(), 1, std::numeric_limits<int32_t>::max()));
  auto error_of = [](const InitProducerIdResponse& r) {
    return PartitionError{r.error_code, "", 0};
  };
  MB_ASSIGN_OR_RETURN(auto response,
                      Call(transactional_id, request, kInitVersionMax, error_of, context));
  return TransactionalProducer{transactional_id, response.producer_id, response.producer_epoch};
}

Status Transactions::AddPartitions(const TransactionalProducer& producer,
                                   const std::vector<TopicPartition>& partitions,
                                   const CallContext& context) {
  AddPartitionsToTxnRequest request;
  request.transactional_id = producer.id;
  request.producer_id = producer.producer_id;
  request.producer_epoch = producer.epoch;
  std::map<std::string, std::vector<int32_t>> by_topic;
  for (const TopicPartition& p : partitions) by_topic[p.topic].push_back(p.partition);
  for (auto& [topic, list] : by_topic) request.topics.push_back({topic, std::move(list)});
  MB_ASSIGN_OR_RETURN(auto response, Call(producer.id, request, kAddVersionMax, ErrorIn, context));
  if (NamesAll(response, partitions)) return Status::Ok();
  return Status(Code::kProtocol, std::string(AddPartitionsToTxnRequest::kApi.name) + " of " +
                                     NameOf(producer.id) + ": the answer leaves out a partition");
}

Status Transactions::End(const TransactionalProducer& producer, bool commit,
                         const CallContext& context) {
  EndTxnRequest request;
  request.transactional_id = producer.id;
  request.producer_id = producer.producer_id;
  request.producer_epoch = producer.epoch;
  request.committed = commit;
  auto error_of = [](const EndTxnResponse& r) { return PartitionError{r.error_code, "", 0}; };
  return Call(producer.id, request, kEndVersionMax, error_of, context).status();
}

Result<std::map<std::string, Result<Transactions::State>>> Transactions::Describe(
    const std::vector<std::string>& ids, const CallContext& context) {
  Cluster::Impl* impl = cluster_.impl_.get();
  std::map<std::string, State> states;
  auto ask = [&](BrokerId broker, const Names& names,
                 const CallContext& bounded) -> Result<StatusByName> {
    DescribeTransactionsRequest request;
    request.transactional_ids = names;
    MB_ASSIGN_OR_RETURN(auto response, impl->CallOn(broker, request, bounded));
    StatusByName statuses;
    for (const auto& transaction : response.transaction_states) {
      const std::string& id = transaction.transactional_id;
      statuses[id] = CallError(transaction.error_code, DescribeTransactionsRequest::kApi,
                               NameOf(id), ResourceFor(transaction.error_code, id, ""), broker);
      if (transaction.error_code == 0) states[id] = StateFrom(transaction);
    }
    return statuses;
  };
  MB_ASSIGN_OR_RETURN(auto statuses, CallCoordinators(impl, DescribeTransactionsRequest::kApi, ids,
                                                      {}, ask, context, kType));
  std::map<std::string, Result<State>> out;
  for (const auto& [id, status] : statuses) {
    if (status.ok()) {
      out.emplace(id, std::move(states[id]));
    } else {
      out.emplace(id, status);
    }
  }
  return out;
}

Result<Millis> TransactionTimeoutMax(Cluster& cluster, const CallContext& context) {
  auto metadata = cluster.metadata();
  if (metadata->brokers.empty()) return kTransactionTimeoutMax;
  auto configs = cluster.DescribeBrokerConfigs(metadata->brokers.begin()->first, context);
  Code code = configs.status().code();
  if (code == Code::kPermission || code == Code::kUnsupported || code == Code::kInvalidArgument)
    return kTransactionTimeoutMax;
  if (!configs.ok()) return configs.status();
  for (const ConfigValue& config : *configs) {
    if (config.name != kTimeoutMaxConfig || !config.value) continue;
    const std::string& text = *config.value;
    int32_t millis = 0;
    auto parsed = std::from_chars(text.data(), text.data() + text.size(), millis);
    if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && millis > 0)
      return Millis(millis);
  }
  return kTransactionTimeoutMax;
}

}  // namespace maxbrod::kafka
