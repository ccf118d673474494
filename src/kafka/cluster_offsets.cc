// Calls to partition leaders: ListOffsets, OffsetForLeaderEpoch, DeleteRecords, DescribeProducers.
#include <algorithm>

#include "kafka/cluster_route.h"
#include "kafka/messages/delete_records.h"
#include "kafka/messages/describe_producers.h"
#include "kafka/messages/list_offsets.h"
#include "kafka/messages/offset_for_leader_epoch.h"

namespace maxbrod::kafka {
namespace {

// The version from which on brokers know a special time; older ones would take it for a time.
int16_t KnownSince(int64_t timestamp) {
  if (timestamp == ListOffsetsTime::kLatestTiered) return 9;   // KIP-1005
  if (timestamp == ListOffsetsTime::kEarliestLocal) return 8;  // KIP-405
  if (timestamp == ListOffsetsTime::kMaxTimestamp) return 7;   // KIP-734
  return 0;
}

struct Truncated {
  int16_t error = 0;
  int64_t low_watermark = -1;
};
struct Producers {
  int16_t error = 0;
  std::string message;
  std::vector<ActiveProducer> list;
};

int32_t TimeoutMillis(const ClientConfig& config) {
  return static_cast<int32_t>(config.request_timeout.count());
}

// DeleteRecords waits on the leader for the replicas. One caught by a leader change is held until
// its own timeout: that must be well below ours, so that an answer comes and the new leader is
// asked.
int32_t ReplicasTimeoutMillis(const ClientConfig& config) {
  return std::min(TimeoutMillis(config) / 2, 5000);
}

}  // namespace

Result<PerPartition<ListedOffset>> Cluster::ListOffsets(const PerPartition<int64_t>& timestamps,
                                                        Isolation isolation,
                                                        const CallContext& context) {
  using Request = ListOffsetsRequest;
  auto ask = [&](BrokerId broker, const PerPartition<int64_t>& part,
                 const CallContext& bounded) -> Result<PerPartition<ListedOffset>> {
    Request request;
    request.replica_id = -1;
    request.isolation_level = static_cast<int8_t>(isolation);
    request.timeout_ms = TimeoutMillis(impl_->config);
    request.topics = GroupByTopic<Request::Topic>(
        part, &Request::Topic::name,
        [](Request::Topic& topic, const TopicPartition& tp, int64_t timestamp) {
          topic.partitions.push_back({tp.partition, -1, timestamp});
        });
    VersionRange ours = OurVersions<Request>();
    for (const auto& [tp, timestamp] : part) ours.min = std::max(ours.min, KnownSince(timestamp));
    MB_ASSIGN_OR_RETURN(auto response, impl_->CallOn(broker, request, bounded, ours));
    PerPartition<ListedOffset> out;
    for (const auto& topic : response.topics) {
      for (const auto& p : topic.partitions) {
        out[{topic.name, p.partition_index}] = {p.error_code, p.offset, p.timestamp,
                                                p.leader_epoch};
      }
    }
    return out;
  };
  return LeaderRoute<int64_t, ListedOffset>(impl_.get(), Request::kApi, ask)
      .Run(timestamps, context);
}

Result<PerPartition<EpochEnd>> Cluster::OffsetsForLeaderEpoch(const PerPartition<int32_t>& epochs,
                                                              const CallContext& context) {
  using Request = OffsetForLeaderEpochRequest;
  auto ask = [&](BrokerId broker, const PerPartition<int32_t>& part,
                 const CallContext& bounded) -> Result<PerPartition<EpochEnd>> {
    Request request;
    request.replica_id = -1;
    request.topics = GroupByTopic<Request::Topic>(
        part, &Request::Topic::name,
        [](Request::Topic& topic, const TopicPartition& tp, int32_t epoch) {
          topic.partitions.push_back({tp.partition, -1, epoch});
        });
    MB_ASSIGN_OR_RETURN(auto response, impl_->CallOn(broker, request, bounded));
    PerPartition<EpochEnd> out;
    for (const auto& topic : response.topics) {
      for (const auto& p : topic.partitions) {
        out[{topic.name, p.partition_index}] = {p.error_code, p.leader_epoch, p.end_offset};
      }
    }
    return out;
  };
  return LeaderRoute<int32_t, EpochEnd>(impl_.get(), Request::kApi, ask).Run(epochs, context);
}

Result<PerPartition<Result<int64_t>>> Cluster::DeleteRecords(const PerPartition<int64_t>& before,
                                                             const CallContext& context) {
  using Request = DeleteRecordsRequest;
  auto ask = [&](BrokerId broker, const PerPartition<int64_t>& part,
                 const CallContext& bounded) -> Result<PerPartition<Truncated>> {
    Request request;
    request.timeout_ms = ReplicasTimeoutMillis(impl_->config);
    request.topics = GroupByTopic<Request::Topic>(
        part, &Request::Topic::name,
        [](Request::Topic& topic, const TopicPartition& tp, int64_t offset) {
          topic.partitions.push_back({tp.partition, offset});
        });
    MB_ASSIGN_OR_RETURN(auto response, impl_->CallOn(broker, request, bounded));
    PerPartition<Truncated> out;
    for (const auto& topic : response.topics) {
      for (const auto& p : topic.partitions) {
        out[{topic.name, p.partition_index}] = {p.error_code, p.low_watermark};
      }
    }
    return out;
  };
  LeaderRoute<int64_t, Truncated> route(impl_.get(), Request::kApi, ask);
  MB_ASSIGN_OR_RETURN(auto truncated, route.Run(before, context));
  PerPartition<Result<int64_t>> out;
  for (const auto& [tp, one] : truncated) {
    if (one.error == 0) {
      out.emplace(tp, one.low_watermark);
    } else {
      out.emplace(tp, CallError(one.error, Request::kApi, tp.ToString(), {"Topic", tp.topic},
                                LeaderOf(tp)));
    }
  }
  return out;
}

Result<PerPartition<std::vector<ActiveProducer>>> Cluster::DescribeProducers(
    const std::vector<TopicPartition>& partitions, const CallContext& context) {
  using Request = DescribeProducersRequest;
  auto ask = [&](BrokerId broker, const PerPartition<bool>& part,
                 const CallContext& bounded) -> Result<PerPartition<Producers>> {
    Request request;
    request.topics = GroupByTopic<Request::Topic>(
        part, &Request::Topic::name, [](Request::Topic& topic, const TopicPartition& tp, bool) {
          topic.partition_indexes.push_back(tp.partition);
        });
    MB_ASSIGN_OR_RETURN(auto response, impl_->CallOn(broker, request, bounded));
    PerPartition<Producers> out;
    for (const auto& topic : response.topics) {
      for (const auto& p : topic.partitions) {
        Producers& one = out[{topic.name, p.partition_index}];
        one.error = p.error_code;
        one.message = p.error_message.value_or("");
        for (const auto& producer : p.active_producers) {
          one.list.push_back({producer.producer_id, producer.producer_epoch,
                              producer.last_timestamp, producer.current_txn_start_offset});
        }
      }
    }
    return out;
  };
  PerPartition<bool> asked;
  for (const TopicPartition& tp : partitions) asked[tp] = true;
  LeaderRoute<bool, Producers> route(impl_.get(), Request::kApi, ask);
  MB_ASSIGN_OR_RETURN(auto described, route.Run(asked, context));
  PerPartition<std::vector<ActiveProducer>> out;
  for (auto& [tp, one] : described) {
    MB_RETURN_IF_ERROR(CallError(one.error, Request::kApi, tp.ToString(), {"Topic", tp.topic},
                                 LeaderOf(tp), one.message));
    out[tp] = std::move(one.list);
  }
  return out;
}

}  // namespace maxbrod::kafka
