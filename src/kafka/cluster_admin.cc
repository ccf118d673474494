// DescribeLogDirs, InitProducerId, the probes of WriteTxnMarkers and DeleteRecords.
#include "kafka/cluster_impl.h"
#include "kafka/messages/delete_records.h"
#include "kafka/messages/describe_log_dirs.h"
#include "kafka/messages/init_producer_id.h"
#include "kafka/messages/write_txn_markers.h"

namespace maxbrod::kafka {
namespace {

using LogDirs = std::pair<std::vector<LogDirEntry>, std::vector<LogDirSpace>>;

// No topic can have this name, so nothing can be written to it.
constexpr const char* kImpossibleTopic = "?maxbrod-probe";

void AddDir(BrokerId broker, const DescribeLogDirsResponse::LogDir& dir, LogDirs* out) {
  out->second.push_back({broker, dir.log_dir, dir.total_bytes, dir.usable_bytes});
  for (const auto& topic : dir.topics) {
    for (const auto& p : topic.partitions) {
      out->first.push_back({broker,
                            dir.log_dir,
                            {topic.name, p.partition_index},
                            p.partition_size,
                            p.offset_lag,
                            p.is_future_key});
    }
  }
}

}  // namespace

Result<LogDirs> Cluster::DescribeLogDirs(const CallContext& context) {
  return impl_->Retrying<LogDirs>(context, [&](const CallContext& bounded) -> Result<LogDirs> {
    static const std::vector<std::string> kNoTopics;
    MB_RETURN_IF_ERROR(impl_->RefreshOnce(&kNoTopics, bounded));
    DescribeLogDirsRequest request;
    request.topics.reset();
    LogDirs out;
    auto metadata = impl_->Snapshot();
    for (const auto& [id, broker] : metadata->brokers) {
      MB_ASSIGN_OR_RETURN(auto response, impl_->CallOn(id, request, bounded));
      MB_RETURN_IF_ERROR(
          CallError(response.error_code, DescribeLogDirsRequest::kApi, "", {"Cluster", ""}, id));
      for (const auto& dir : response.results) {
        // An offline disk is named without contents; trying again does not bring it back.
        if (dir.error_code != error::kKafkaStorageError) {
          MB_RETURN_IF_ERROR(CallError(dir.error_code, DescribeLogDirsRequest::kApi, dir.log_dir,
                                       {"Cluster", ""}, id));
        }
        AddDir(id, dir, &out);
      }
    }
    return out;
  });
}

Result<std::pair<int64_t, int16_t>> Cluster::InitProducerId(const CallContext& context) {
  using Producer = std::pair<int64_t, int16_t>;
  return impl_->Retrying<Producer>(context, [&](const CallContext& bounded) -> Result<Producer> {
    InitProducerIdRequest request;
    request.transactional_id.reset();
    request.transaction_timeout_ms =
        std::numeric_limits<int32_t>::max();  // not looked at without an id
    MB_ASSIGN_OR_RETURN(auto response, impl_->CallAny(request, bounded));
    MB_RETURN_IF_ERROR(CallError(response.error_code, InitProducerIdRequest::kApi, "",
                                 {"Cluster", ""}, BrokerId(-1)));
    return Producer(response.producer_id, response.producer_epoch);
  });
}

// An empty request is answered alike with and without the right to it, so one marker goes to a
// topic that cannot exist: whoever may write markers is told just that.
Status Cluster::ProbeWriteTxnMarkers(const CallContext& context) {
  WriteTxnMarkersRequest request;
  auto& marker = request.markers.emplace_back();
  marker.topics.push_back({kImpossibleTopic, {0}});
  MB_ASSIGN_OR_RETURN(auto response, impl_->CallAnyRetrying(request, context));
  for (const auto& answered : response.markers) {
    for (const auto& topic : answered.topics) {
      for (const auto& p : topic.partitions) {
        if (p.error_code == error::kUnknownTopicOrPartition) continue;
        MB_RETURN_IF_ERROR(CallError(p.error_code, WriteTxnMarkersRequest::kApi, "",
                                     {"Cluster", ""}, BrokerId(-1)));
      }
    }
  }
  return Status::Ok();
}

Status Cluster::ProbeDeleteRecords(const CallContext& context) {
  return impl_->CallAnyRetrying(DeleteRecordsRequest(), context).status();
}

}  // namespace maxbrod::kafka
