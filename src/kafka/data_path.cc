#include "kafka/data_path.h"

#include <algorithm>
#include <unordered_map>

#include "kafka/asked_for.h"
#include "kafka/messages/fetch.h"
#include "kafka/messages/produce.h"

namespace maxbrod::kafka {
namespace {

constexpr int16_t kFetchByIdSince = 13;    // KIP-516
constexpr int16_t kProduceByIdSince = 13;  // KIP-516
// From version 12 on brokers with transactions of version 2 add partitions to the transaction by
// themselves (KIP-890); up to 11 they leave that to AddPartitionsToTxn, which is what our
// transactions do.
constexpr int16_t kProduceTransactionalMax = 11;
constexpr int16_t kAcksAll = -1;

Status Protocol(const Connection& connection, const ApiInfo& api, const std::string& what) {
  return Status(Code::kProtocol, "broker " + connection.address().ToString() + ": " + api.name +
                                     ": the answer " + what);
}

// By id only when every topic has one: a request knows either names or ids.
Result<int16_t> FetchVersion(const Connection& connection, const FetchSpec& spec) {
  const ApiInfo& api = FetchRequest::kApi;
  bool all_ids = std::all_of(spec.partitions.begin(), spec.partitions.end(),
                             [](const FetchPartition& p) { return !p.topic_id.id.IsZero(); });
  int16_t max = all_ids ? api.version_max : static_cast<int16_t>(kFetchByIdSince - 1);
  return connection.NegotiateVersion(api.key, api.version_min, max);
}

FetchRequest RequestFrom(const FetchSpec& spec) {
  FetchRequest request;
  request.max_wait_ms = spec.max_wait_ms;
  request.min_bytes = spec.min_bytes;
  request.max_bytes = spec.max_bytes;
  request.isolation_level = static_cast<int8_t>(spec.isolation);
  request.rack_id = spec.rack;
  for (const FetchPartition& p : spec.partitions) {
    if (request.topics.empty() || request.topics.back().name != p.topic ||
        request.topics.back().topic_id != p.topic_id.id) {
      auto& topic = request.topics.emplace_back();
      topic.name = p.topic;
      topic.topic_id = p.topic_id.id;
    }
    auto& out = request.topics.back().partitions.emplace_back();
    out.partition_index = p.partition;
    out.current_leader_epoch = p.current_leader_epoch;
    out.fetch_offset = p.fetch_offset;
    out.partition_max_bytes = p.partition_max_bytes;
  }
  return request;
}

FetchedPartition ViewOf(size_t index, const FetchResponse::Partition& p) {
  FetchedPartition out;
  out.index = index;
  out.error = p.error_code;
  out.high_watermark = p.high_watermark;
  out.last_stable_offset = p.last_stable_offset;
  out.log_start_offset = p.log_start_offset;
  out.preferred_read_replica = p.preferred_read_replica;
  if (p.aborted_transactions) {
    for (const auto& aborted : *p.aborted_transactions) {
      out.aborted.push_back({aborted.producer_id, aborted.first_offset});
    }
  }
  out.records = p.records.value_or(ByteView());
  return out;
}

}  // namespace

Status SendFetch(Connection& connection, const FetchSpec& spec, const CallContext& context) {
  MB_ASSIGN_OR_RETURN(int16_t version, FetchVersion(connection, spec));
  WireWriter writer;
  MB_RETURN_IF_ERROR(EncodeMessage(RequestFrom(spec), version, &writer));
  return connection.Send(FetchRequest::kApi, version, writer.Pieces(), context);
}

Result<FetchResponseView> ReceiveFetch(Connection& connection, const FetchSpec& spec, Bytes* buffer,
                                       const CallContext& context) {
  const ApiInfo& api = FetchRequest::kApi;
  ByteView body;
  MB_RETURN_IF_ERROR(connection.Receive(buffer, &body, context));
  int16_t version = connection.answered_version();
  FetchResponse response;
  Status decoded = DecodeMessage(body, version, &response);
  if (!decoded.ok()) {
    connection.Close();
    return std::move(decoded).WithContext("broker " + connection.address().ToString());
  }
  connection.NoteThrottle(Millis(response.throttle_time_ms));
  bool by_id = version >= kFetchByIdSince;
  AskedFor asked(spec.partitions.size());
  for (size_t i = 0; i < spec.partitions.size(); ++i) {
    const FetchPartition& p = spec.partitions[i];
    asked.Add(by_id ? AsText(p.topic_id.id.view()) : std::string_view(p.topic), p.partition, i);
  }
  FetchResponseView view;
  view.throttle_ms = response.throttle_time_ms;
  view.error = response.error_code;
  for (const auto& topic : response.topics) {
    std::string_view key = by_id ? AsText(topic.topic_id.view()) : std::string_view(topic.name);
    for (const auto& p : topic.partitions) {
      std::optional<size_t> index = asked.Take(key, p.partition_index);
      std::string wrong;
      if (!index) {
        wrong = "has a partition that was not asked for, or one twice: " +
                (by_id ? topic.topic_id.ToBase64() : topic.name) + "-" +
                std::to_string(p.partition_index);
      } else if (p.error_code == 0 && p.high_watermark < 0) {
        wrong = "has the high watermark " + std::to_string(p.high_watermark);
      }
      if (!wrong.empty()) {
        connection.Close();
        return Protocol(connection, api, wrong);
      }
      view.partitions.push_back(ViewOf(*index, p));
    }
  }
  return view;
}

namespace {

// By id only when every topic has one. A transaction's batches stay below KIP-890's version.
Result<int16_t> ProduceVersion(const Connection& connection, std::span<const ProduceBatch> batches,
                               bool transactional) {
  const ApiInfo& api = ProduceRequest::kApi;
  bool all_ids = std::all_of(batches.begin(), batches.end(),
                             [](const ProduceBatch& b) { return !b.topic_id.id.IsZero(); });
  int16_t max = all_ids ? api.version_max : static_cast<int16_t>(kProduceByIdSince - 1);
  if (transactional) max = kProduceTransactionalMax;
  return connection.NegotiateVersion(api.key, api.version_min, max);
}

std::string_view KeyOf(const ProduceBatch& batch, bool by_id) {
  return by_id ? AsText(batch.topic_id.id.view()) : std::string_view(batch.topic);
}

std::string MessageOf(const ProduceResponse::Partition& p) {
  std::string message = p.error_message.value_or("");
  for (const auto& record : p.record_errors) {
    if (!record.batch_index_error_message) continue;
    message += (message.empty() ? "" : "; ") + *record.batch_index_error_message;
  }
  return message;
}

}  // namespace

Status SendProduce(Connection& connection, std::span<const ProduceBatch> batches,
                   int32_t timeout_ms, const CallContext& context,
                   const std::string& transactional_id) {
  MB_ASSIGN_OR_RETURN(int16_t version,
                      ProduceVersion(connection, batches, !transactional_id.empty()));
  AskedFor once(batches.size());
  ProduceRequest request;
  if (!transactional_id.empty()) request.transactional_id = transactional_id;
  request.acks = kAcksAll;
  request.timeout_ms = timeout_ms;
  std::unordered_map<std::string_view, size_t> position;  // of a topic in the request
  for (const ProduceBatch& batch : batches) {
    std::string_view key = KeyOf(batch, version >= kProduceByIdSince);
    if (!once.Add(key, batch.partition, 0)) {
      return Status(Code::kInvalidArgument, "Produce: two batches for partition " +
                                                std::to_string(batch.partition) + " of " +
                                                batch.topic + " in one request");
    }
    auto [it, fresh] = position.try_emplace(key, request.topics.size());
    if (fresh) {
      auto& topic = request.topics.emplace_back();
      topic.name = batch.topic;
      topic.topic_id = batch.topic_id.id;
    }
    request.topics[it->second].partitions.push_back({batch.partition, RecordPieces(batch.pieces)});
  }
  WireWriter writer(WireWriter::Payload::kReference);
  MB_RETURN_IF_ERROR(EncodeMessage(request, version, &writer));
  return connection.Send(ProduceRequest::kApi, version, writer.Pieces(), context);
}

Result<ProduceResponseView> ReceiveProduce(Connection& connection,
                                           std::span<const ProduceBatch> batches,
                                           const CallContext& context) {
  const ApiInfo& api = ProduceRequest::kApi;
  Bytes buffer;
  ByteView body;
  MB_RETURN_IF_ERROR(connection.Receive(&buffer, &body, context));
  int16_t version = connection.answered_version();
  bool by_id = version >= kProduceByIdSince;
  ProduceResponse response;
  Status decoded = DecodeMessage(body, version, &response);
  if (!decoded.ok()) {
    connection.Close();
    return std::move(decoded).WithContext("broker " + connection.address().ToString());
  }
  connection.NoteThrottle(Millis(response.throttle_time_ms));
  AskedFor sent(batches.size());
  for (size_t i = 0; i < batches.size(); ++i)
    sent.Add(KeyOf(batches[i], by_id), batches[i].partition, i);
  ProduceResponseView view;
  view.throttle_ms = response.throttle_time_ms;
  std::string wrong;
  for (const auto& topic : response.topics) {
    for (const auto& p : topic.partitions) {
      std::optional<size_t> index = sent.Take(
          by_id ? AsText(topic.topic_id.view()) : std::string_view(topic.name), p.partition_index);
      if (!index) {
        wrong = "has a partition that was not sent, or one twice: " +
                (by_id ? topic.topic_id.ToBase64() : topic.name) + "-" +
                std::to_string(p.partition_index);
        continue;
      }
      view.partitions.push_back(
          {*index, p.error_code, p.base_offset, p.log_start_offset, MessageOf(p)});
    }
  }
  if (wrong.empty() && !sent.empty()) wrong = "leaves out a partition that was sent";
  if (!wrong.empty()) {
    connection.Close();
    return Protocol(connection, api, wrong);
  }
  return view;
}

}  // namespace maxbrod::kafka
