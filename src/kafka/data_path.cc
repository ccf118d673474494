#include "kafka/data_path.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "kafka/messages/fetch.h"
#include "kafka/messages/produce.h"

namespace maxbrod::kafka {
namespace {

constexpr int16_t kFetchByIdSince = 13;  // KIP-516
constexpr int16_t kProduceFlexibleSince = 9;
// Version 12 tells brokers with transactions of version 2 to add partitions to the transaction by
// themselves (KIP-890). Up to version 11 they leave that to AddPartitionsToTxn, which is what our
// transactions do.
constexpr int16_t kProduceVersionMax = 11;
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

// Finds the index of what was asked for, each once.
class AskedFor {
 public:
  explicit AskedFor(size_t count) { index_.reserve(count); }
  // False when it is there already.
  bool Add(std::string_view topic, int32_t partition, size_t index) {
    return index_.try_emplace(Key{topic, partition}, index).second;
  }
  // nullopt for what was never asked for, or is taken the second time.
  std::optional<size_t> Take(std::string_view topic, int32_t partition) {
    auto it = index_.find(Key{topic, partition});
    if (it == index_.end()) return std::nullopt;
    size_t index = it->second;
    index_.erase(it);
    return index;
  }
  bool empty() const { return index_.empty(); }

 private:
  struct Key {
    std::string_view topic;  // its name, or the bytes of its id
    int32_t partition;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    size_t operator()(const Key& key) const {
      return std::hash<std::string_view>()(key.topic) * 31 + static_cast<size_t>(key.partition);
    }
  };
  std::unordered_map<Key, size_t, Hash> index_;
};

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
  MB_ASSIGN_OR_RETURN(int16_t version, FetchVersion(connection, spec));
  ByteView body;
  MB_RETURN_IF_ERROR(connection.Receive(buffer, &body, context));
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

// A request's framing in one buffer, cut where the caller's bytes go.
class ProduceEncoder {
 public:
  explicit ProduceEncoder(int16_t version) : compact_(version >= kProduceFlexibleSince) {}

  void Begin(const std::string& transactional_id, int32_t timeout_ms, size_t topics) {
    writer_.NullableString(
        transactional_id.empty() ? std::nullopt : std::optional<std::string_view>(transactional_id),
        compact_);
    writer_.Int16(kAcksAll);
    writer_.Int32(timeout_ms);
    writer_.Array(topics, compact_);
  }
  void BeginTopic(const std::string& name, size_t partitions) {
    writer_.String(name, compact_);
    writer_.Array(partitions, compact_);
  }
  Status Partition(const ProduceBatch& batch) {
    size_t size = 0;
    for (ByteView piece : batch.pieces) size += piece.size();
    if (size >= static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
      return Status(Code::kInvalidArgument, "a batch of " + std::to_string(size) + " bytes");
    }
    writer_.Int32(batch.partition);
    if (compact_) {
      writer_.UnsignedVarint(static_cast<uint32_t>(size + 1));
    } else {
      writer_.Int32(static_cast<int32_t>(size));
    }
    cuts_.push_back({writer_.size(), batch.pieces});
    EndStruct();
    return Status::Ok();
  }
  void EndStruct() {
    if (compact_) writer_.TaggedFields({});
  }
  Status status() const { return writer_.status(); }
  std::vector<ByteView> Pieces() const {
    std::vector<ByteView> pieces;
    ByteView own(writer_.buffer());
    size_t from = 0;
    for (const Cut& cut : cuts_) {
      pieces.push_back(own.subspan(from, cut.at - from));
      pieces.insert(pieces.end(), cut.payload.begin(), cut.payload.end());
      from = cut.at;
    }
    if (from < own.size()) pieces.push_back(own.subspan(from));
    return pieces;
  }

 private:
  struct Cut {
    size_t at;
    std::span<const ByteView> payload;
  };
  bool compact_;
  WireWriter writer_;
  std::vector<Cut> cuts_;
};

Result<int16_t> ProduceVersion(const Connection& connection) {
  const ApiInfo& api = ProduceRequest::kApi;
  return connection.NegotiateVersion(api.key, api.version_min, kProduceVersionMax);
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
  MB_ASSIGN_OR_RETURN(int16_t version, ProduceVersion(connection));
  AskedFor once(batches.size());
  std::vector<std::string_view> topics;  // in the order of first appearance
  std::unordered_map<std::string_view, std::vector<const ProduceBatch*>> by_topic;
  for (const ProduceBatch& batch : batches) {
    if (!once.Add(batch.topic, batch.partition, 0)) {
      return Status(Code::kInvalidArgument, "Produce: two batches for partition " +
                                                std::to_string(batch.partition) + " of " +
                                                batch.topic + " in one request");
    }
    auto& list = by_topic[batch.topic];
    if (list.empty()) topics.push_back(batch.topic);
    list.push_back(&batch);
  }
  ProduceEncoder encoder(version);
  encoder.Begin(transactional_id, timeout_ms, topics.size());
  for (std::string_view topic : topics) {
    const auto& list = by_topic[topic];
    encoder.BeginTopic(list.front()->topic, list.size());
    for (const ProduceBatch* batch : list) MB_RETURN_IF_ERROR(encoder.Partition(*batch));
    encoder.EndStruct();
  }
  encoder.EndStruct();
  MB_RETURN_IF_ERROR(encoder.status());
  return connection.Send(ProduceRequest::kApi, version, encoder.Pieces(), context);
}

Result<ProduceResponseView> ReceiveProduce(Connection& connection,
                                           std::span<const ProduceBatch> batches,
                                           const CallContext& context) {
  const ApiInfo& api = ProduceRequest::kApi;
  MB_ASSIGN_OR_RETURN(int16_t version, ProduceVersion(connection));
  Bytes buffer;
  ByteView body;
  MB_RETURN_IF_ERROR(connection.Receive(&buffer, &body, context));
  ProduceResponse response;
  Status decoded = DecodeMessage(body, version, &response);
  if (!decoded.ok()) {
    connection.Close();
    return std::move(decoded).WithContext("broker " + connection.address().ToString());
  }
  connection.NoteThrottle(Millis(response.throttle_time_ms));
  AskedFor sent(batches.size());
  for (size_t i = 0; i < batches.size(); ++i) sent.Add(batches[i].topic, batches[i].partition, i);
  ProduceResponseView view;
  view.throttle_ms = response.throttle_time_ms;
  std::string wrong;
  for (const auto& topic : response.topics) {
    for (const auto& p : topic.partitions) {
      std::optional<size_t> index = sent.Take(topic.name, p.partition_index);
      if (!index) {
        wrong = "has a partition that was not sent, or one twice: " + topic.name + "-" +
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
