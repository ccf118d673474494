#include "kafka/marker_path.h"

#include <algorithm>
#include <map>
#include <optional>

#include "kafka/asked_for.h"
#include "kafka/messages/write_txn_markers.h"

namespace maxbrod::kafka {
namespace {

// Brokers refuse one below the highest they saw from a producer id; ours have none but this.
constexpr int32_t kCoordinatorEpoch = 0;
// Markers of version 2 (KIP-890) must raise the epoch each time; a broker logs those that do not.
constexpr int8_t kTransactionVersion = 0;

Status Invalid(const std::string& what) {
  return Status(Code::kInvalidArgument, "WriteTxnMarkers: " + what);
}

std::string NameOf(const MarkerRun& run) {
  return run.topic + "-" + std::to_string(run.partition);
}

Status Check(std::span<const MarkerRun> runs) {
  AskedFor once(runs.size());
  uint64_t sum = 0;
  for (const MarkerRun& run : runs) {
    if (run.count == 0 || run.count > kMarkersPerRunMax) {
      return Invalid(std::to_string(run.count) + " markers for " + NameOf(run) + " are not 1 to " +
                     std::to_string(kMarkersPerRunMax));
    }
    if (!once.Add(run.topic, run.partition, 0)) return Invalid(NameOf(run) + " twice in a request");
    sum += run.count;
  }
  if (sum == 0) return Invalid("a request without markers");
  if (sum > kMarkersPerRequestMax) {
    return Invalid(std::to_string(sum) + " markers in a request are more than " +
                   std::to_string(kMarkersPerRequestMax));
  }
  return Status::Ok();
}

// An entry names a partition at most once, so the longest run says how many there are. Short runs
// stand in the last ones, which name all partitions: when a broker refuses the request as a whole,
// it answers with the partitions of the last entry of a producer id only.
WriteTxnMarkersRequest RequestFrom(int64_t producer_id, int16_t producer_epoch,
                                   std::span<const MarkerRun> runs) {
  std::map<std::string_view, std::vector<const MarkerRun*>> by_topic;
  uint32_t entries = 0;
  for (const MarkerRun& run : runs) {
    by_topic[run.topic].push_back(&run);
    entries = std::max(entries, run.count);
  }
  WriteTxnMarkersRequest request;
  request.markers.resize(entries);
  for (uint32_t left = entries; left > 0; --left) {
    auto& marker = request.markers[entries - left];
    marker.producer_id = producer_id;
    marker.producer_epoch = producer_epoch;
    marker.transaction_result = true;
    marker.coordinator_epoch = kCoordinatorEpoch;
    marker.transaction_version = kTransactionVersion;
    for (const auto& [topic, list] : by_topic) {
      std::vector<int32_t> partitions;
      for (const MarkerRun* run : list) {
        if (run->count >= left) partitions.push_back(run->partition);
      }
      if (!partitions.empty()) marker.topics.push_back({std::string(topic), std::move(partitions)});
    }
  }
  return request;
}

// The first error of each run, in their order. `lie` says what is wrong with the answer.
std::vector<MarkedPartition> Match(const WriteTxnMarkersResponse& response,
                                   std::span<const MarkerRun> runs, std::string* lie) {
  AskedFor sent(runs.size());
  for (size_t i = 0; i < runs.size(); ++i) sent.Add(runs[i].topic, runs[i].partition, i);
  std::vector<std::optional<int16_t>> errors(runs.size());
  for (const auto& marker : response.markers) {
    for (const auto& topic : marker.topics) {
      for (const auto& p : topic.partitions) {
        std::optional<size_t> index = sent.Find(topic.name, p.partition_index);
        if (!index) {
          *lie = "has a partition that was not sent: " + topic.name + "-" +
                 std::to_string(p.partition_index);
          return {};
        }
        if (errors[*index].value_or(0) == 0) errors[*index] = p.error_code;
      }
    }
  }
  std::vector<MarkedPartition> marked;
  for (size_t i = 0; i < runs.size(); ++i) {
    if (!errors[i]) {
      *lie = "leaves out " + NameOf(runs[i]);
      return {};
    }
    marked.push_back({i, *errors[i]});
  }
  return marked;
}

}  // namespace

Status SendMarkers(Connection& connection, int64_t producer_id, int16_t producer_epoch,
                   std::span<const MarkerRun> runs, const CallContext& context) {
  MB_RETURN_IF_ERROR(Check(runs));
  const ApiInfo& api = WriteTxnMarkersRequest::kApi;
  MB_ASSIGN_OR_RETURN(int16_t version, connection.NegotiateVersion(api));
  WireWriter writer;
  MB_RETURN_IF_ERROR(
      EncodeMessage(RequestFrom(producer_id, producer_epoch, runs), version, &writer));
  return connection.Send(api, version, writer.Pieces(), context);
}

Result<std::vector<MarkedPartition>> ReceiveMarkers(Connection& connection,
                                                    std::span<const MarkerRun> runs,
                                                    const CallContext& context) {
  Bytes buffer;
  ByteView body;
  MB_RETURN_IF_ERROR(connection.Receive(&buffer, &body, context));
  WriteTxnMarkersResponse response;
  Status decoded = DecodeMessage(body, connection.answered_version(), &response);
  std::string broker = "broker " + connection.address().ToString();
  if (!decoded.ok()) {
    connection.Close();
    return std::move(decoded).WithContext(broker);
  }
  std::string lie;
  std::vector<MarkedPartition> marked = Match(response, runs, &lie);
  if (!lie.empty()) {
    connection.Close();
    return Status(Code::kProtocol, broker + ": WriteTxnMarkers: the answer " + lie);
  }
  return marked;
}

}  // namespace maxbrod::kafka
