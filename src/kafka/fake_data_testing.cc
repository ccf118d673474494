// What partition leaders answer: Produce, Fetch, ListOffsets, OffsetForLeaderEpoch, DeleteRecords,
// DescribeProducers.
#include <algorithm>
#include <optional>

#include "kafka/batch.h"
#include "kafka/errors.h"
#include "kafka/fake_handlers_testing.h"
#include "kafka/messages/all.h"
#include "kafka/record.h"

namespace maxbrod::kafka {
namespace {

// The partition if this broker leads it, else null and the error to answer with.
FakePartition* Led(FakeCall* call, const std::string& topic, int32_t index, int16_t* error) {
  auto it = call->world->topics.find(topic);
  if (it == call->world->topics.end() || index < 0 ||
      static_cast<size_t>(index) >= it->second.partitions.size()) {
    *error = error::kUnknownTopicOrPartition;
    return nullptr;
  }
  FakePartition& partition = it->second.partitions[static_cast<size_t>(index)];
  *error = partition.leader == call->self ? error::kNone : error::kNotLeaderOrFollower;
  return *error == error::kNone ? &partition : nullptr;
}

// The same for readers, whom a follower serves too: `*until` is then its high watermark.
FakePartition* Served(FakeCall* call, const std::string& topic, int32_t index, int16_t* error,
                      std::optional<int64_t>* until) {
  FakePartition* led = Led(call, topic, index, error);
  if (led != nullptr || *error != error::kNotLeaderOrFollower) return led;
  FakePartition& partition = call->world->At({topic, index});
  auto follower = partition.followers.find(call->self);
  if (follower == partition.followers.end()) return nullptr;
  *until = follower->second;
  *error = error::kNone;
  return &partition;
}

int64_t FirstAtOrAfter(const FakePartition& partition, int64_t timestamp,
                       int64_t* found_timestamp) {
  for (const auto& [offset, batch] : partition.batches) {
    auto header = BatchHeader::Parse(batch);
    if (!header.ok() || header->max_timestamp < timestamp) continue;
    *found_timestamp = header->max_timestamp;
    return offset;
  }
  return -1;
}

ListOffsetsResponse HandleListOffsets(const ListOffsetsRequest& request, FakeCall* call) {
  ListOffsetsResponse response;
  for (const auto& topic : request.topics) {
    auto& out_topic = response.topics.emplace_back();
    out_topic.name = topic.name;
    for (const auto& p : topic.partitions) {
      auto& out = out_topic.partitions.emplace_back();
      out.partition_index = p.partition_index;
      const FakePartition* partition = Led(call, topic.name, p.partition_index, &out.error_code);
      if (partition == nullptr) continue;
      out.leader_epoch = call->version >= 4 ? partition->leader_epoch : -1;
      if (p.timestamp == kLatest) {
        out.offset = request.isolation_level == 1 ? partition->Stable() : partition->end_offset;
      } else if (p.timestamp == kEarliest) {
        out.offset = partition->log_start_offset;
      } else if (p.timestamp == ListOffsetsTime::kEarliestLocal) {
        out.offset = std::max(partition->local_start, partition->log_start_offset);
      } else if (p.timestamp >= 0) {
        out.offset = FirstAtOrAfter(*partition, p.timestamp, &out.timestamp);
      }
    }
  }
  return response;
}

int64_t EpochEndOf(const FakePartition& partition, int32_t asked, int32_t* found) {
  *found = -1;
  int64_t end = -1;
  for (size_t i = 0; i < partition.epochs.size() && partition.epochs[i].first <= asked; ++i) {
    *found = partition.epochs[i].first;
    end = i + 1 < partition.epochs.size() ? partition.epochs[i + 1].second : partition.end_offset;
  }
  if (asked == partition.leader_epoch) {
    *found = asked;
    end = partition.end_offset;
  }
  return end;
}

OffsetForLeaderEpochResponse HandleEpochs(const OffsetForLeaderEpochRequest& request,
                                          FakeCall* call) {
  OffsetForLeaderEpochResponse response;
  for (const auto& topic : request.topics) {
    auto& out_topic = response.topics.emplace_back();
    out_topic.name = topic.name;
    for (const auto& p : topic.partitions) {
      auto& out = out_topic.partitions.emplace_back();
      out.partition_index = p.partition_index;
      const FakePartition* partition = Led(call, topic.name, p.partition_index, &out.error_code);
      if (partition == nullptr || p.leader_epoch > partition->leader_epoch) continue;
      out.end_offset = EpochEndOf(*partition, p.leader_epoch, &out.leader_epoch);
    }
  }
  return response;
}

int16_t CheckFetch(const FakePartition& partition, const FetchRequest::Partition& p) {
  if (p.current_leader_epoch >= 0 && p.current_leader_epoch < partition.leader_epoch) {
    return error::kFencedLeaderEpoch;
  }
  if (p.current_leader_epoch > partition.leader_epoch) return error::kUnknownLeaderEpoch;
  if (p.fetch_offset < partition.log_start_offset || p.fetch_offset > partition.end_offset) {
    return error::kOffsetOutOfRange;
  }
  return error::kNone;
}

// Whole batches from the one that holds the offset, within `limit`; like a broker at least one
// where the answer has none yet.
Bytes Read(const FakePartition& partition, const FetchRequest::Partition& p, int64_t until,
           size_t limit, bool at_least_one) {
  Bytes records;
  auto it = partition.batches.upper_bound(p.fetch_offset);
  if (it != partition.batches.begin()) {
    auto before = std::prev(it);
    auto header = BatchHeader::Parse(before->second);
    if (header.ok() && header->last_offset() >= p.fetch_offset) it = before;
  }
  for (; it != partition.batches.end() && it->first < until; ++it) {
    const bool free = at_least_one && records.empty();
    if (!free && records.size() + it->second.size() > limit) break;
    Append(records, it->second);
  }
  return records;
}

FetchResponse HandleFetch(const FetchRequest& request, FakeCall* call) {
  FetchResponse response;
  bool by_id = call->version >= 13;
  int64_t room = request.max_bytes;
  for (const auto& topic : request.topics) {
    auto& out_topic = response.topics.emplace_back();
    const std::string* name = by_id ? call->world->NameOf(topic.topic_id) : &topic.name;
    out_topic.name = topic.name;
    out_topic.topic_id = topic.topic_id;
    for (const auto& p : topic.partitions) {
      auto& out = out_topic.partitions.emplace_back();
      out.partition_index = p.partition_index;
      out.high_watermark = -1;
      out.records = ByteView();
      if (name == nullptr) {
        out.error_code = error::kUnknownTopicId;
        continue;
      }
      std::optional<int64_t> replicated;
      const FakePartition* partition =
          Served(call, *name, p.partition_index, &out.error_code, &replicated);
      if (partition == nullptr) continue;
      out.error_code = CheckFetch(*partition, p);
      if (replicated && p.fetch_offset > *replicated) out.error_code = error::kOffsetOutOfRange;
      if (out.error_code != error::kNone) continue;
      out.high_watermark = std::min(partition->end_offset, replicated.value_or(INT64_MAX));
      out.last_stable_offset = std::min(partition->Stable(), out.high_watermark);
      out.log_start_offset = partition->log_start_offset;
      for (const FetchedAbort& aborted : partition->aborted) {
        if (request.isolation_level == 1) {
          out.aborted_transactions->push_back({aborted.producer_id, aborted.first_offset});
        }
      }
      if (!replicated && !request.rack_id.empty() &&
          partition->followers.contains(partition->preferred_replica)) {
        out.preferred_read_replica = partition->preferred_replica;
        continue;
      }
      int64_t until = request.isolation_level == 1 ? out.last_stable_offset : out.high_watermark;
      const int64_t limit = std::max<int64_t>(std::min<int64_t>(room, p.partition_max_bytes), 0);
      const bool first = room == request.max_bytes;
      out.records = ByteView(
          call->arena.emplace_back(Read(*partition, p, until, static_cast<size_t>(limit), first)));
      room -= static_cast<int64_t>(out.records->size());
    }
  }
  return response;
}

ProduceResponse HandleProduce(const ProduceRequest& request, FakeCall* call) {
  ProduceResponse response;
  for (const auto& topic : request.topics) {
    auto& out_topic = response.topics.emplace_back();
    bool by_id = call->version >= 13;
    const std::string* name = by_id ? call->world->NameOf(topic.topic_id) : &topic.name;
    out_topic.name = topic.name;
    out_topic.topic_id = topic.topic_id;
    for (const auto& p : topic.partitions) {
      auto& out = out_topic.partitions.emplace_back();
      out.partition_index = p.partition_index;
      out.base_offset = -1;
      if (name == nullptr) {
        out.error_code = error::kUnknownTopicId;
        continue;
      }
      FakePartition* partition = Led(call, *name, p.partition_index, &out.error_code);
      if (partition == nullptr) continue;
      Bytes records;
      for (ByteView piece : p.records.value_or(RecordPieces()).pieces)
        maxbrod::Append(records, piece);
      auto header = BatchHeader::Parse(records);
      if (!header.ok() || header->total_bytes() != records.size()) {
        out.error_code = error::kInvalidRecord;
      } else if (!CheckBatchCrc(records).ok()) {
        out.error_code = error::kCorruptMessage;
      } else {
        out.base_offset = partition->Append(records);
        out.log_start_offset = partition->log_start_offset;
      }
    }
  }
  return response;
}

DeleteRecordsResponse HandleDeleteRecords(const DeleteRecordsRequest& request, FakeCall* call) {
  DeleteRecordsResponse response;
  for (const auto& topic : request.topics) {
    auto& out_topic = response.topics.emplace_back();
    out_topic.name = topic.name;
    for (const auto& p : topic.partitions) {
      auto& out = out_topic.partitions.emplace_back();
      out.partition_index = p.partition_index;
      out.low_watermark = -1;
      FakePartition* partition = Led(call, topic.name, p.partition_index, &out.error_code);
      if (partition == nullptr) continue;
      int64_t offset = p.offset == -1 ? partition->end_offset : p.offset;
      if (offset < 0 || offset > partition->end_offset) {
        out.error_code = error::kOffsetOutOfRange;
        continue;
      }
      partition->log_start_offset = std::max(partition->log_start_offset, offset);
      out.low_watermark = partition->log_start_offset;
    }
  }
  return response;
}

DescribeProducersResponse HandleDescribeProducers(const DescribeProducersRequest& request,
                                                  FakeCall* call) {
  DescribeProducersResponse response;
  for (const auto& topic : request.topics) {
    auto& out_topic = response.topics.emplace_back();
    out_topic.name = topic.name;
    for (int32_t index : topic.partition_indexes) {
      auto& out = out_topic.partitions.emplace_back();
      out.partition_index = index;
      const FakePartition* partition = Led(call, topic.name, index, &out.error_code);
      if (partition == nullptr) continue;
      for (const ActiveProducer& producer : partition->producers) {
        out.active_producers.push_back({producer.producer_id, producer.producer_epoch, -1,
                                        producer.last_timestamp, 0,
                                        producer.current_txn_start_offset});
      }
    }
  }
  return response;
}

}  // namespace

int64_t FakePartition::Append(ByteView batch) {
  Bytes stored(batch.begin(), batch.end());
  BatchPatch patch;
  patch.base_offset = end_offset;
  patch.partition_leader_epoch = leader_epoch;
  MB_CHECK(PatchBatch(stored, patch).ok());
  auto header = BatchHeader::Parse(stored);
  MB_CHECK(header.ok());
  if (epochs.empty() || epochs.back().first != leader_epoch)
    epochs.emplace_back(leader_epoch, end_offset);
  int64_t base_offset = end_offset;
  batches[base_offset] = std::move(stored);
  end_offset = header->next_offset();
  return base_offset;
}

FakeTopic& FakeWorld::AddTopic(const std::string& name, int32_t partitions, int32_t brokers) {
  FakeTopic& topic = topics[name];
  topic = FakeTopic();
  std::array<uint8_t, 16> id{};
  StoreBig<int64_t>(id.data(), next_producer_id++);
  id[15] = 1;
  topic.id = Uuid(id);
  for (int32_t i = 0; i < partitions; ++i) topic.partitions.emplace_back().leader = i % brokers + 1;
  return topic;
}

FakePartition& FakeWorld::At(const TopicPartition& partition) {
  return topics.at(partition.topic).partitions.at(static_cast<size_t>(partition.partition));
}

const std::string* FakeWorld::NameOf(const Uuid& id) const {
  for (const auto& [name, topic] : topics) {
    if (topic.id == id) return &name;
  }
  return nullptr;
}

Bytes FakeBatch(int32_t records, size_t value_bytes, int64_t timestamp) {
  RecordBatchBuilder builder{BatchSpec()};
  for (int32_t i = 0; i < records; ++i) {
    Bytes value(value_bytes, static_cast<uint8_t>('a' + i % 26));
    builder.Add(timestamp, AsBytes("key-" + std::to_string(i)), ByteView(value));
  }
  auto batch = builder.Build();
  MB_CHECK(batch.ok());
  return std::move(batch).value();
}

void AddFakeDataHandlers(FakeHandlers* handlers) {
  (*handlers)[ListOffsetsRequest::kApi.key] =
      MakeFakeHandler<ListOffsetsRequest>(&HandleListOffsets);
  (*handlers)[OffsetForLeaderEpochRequest::kApi.key] =
      MakeFakeHandler<OffsetForLeaderEpochRequest>(&HandleEpochs);
  (*handlers)[FetchRequest::kApi.key] = MakeFakeHandler<FetchRequest>(&HandleFetch);
  (*handlers)[ProduceRequest::kApi.key] = MakeFakeHandler<ProduceRequest>(&HandleProduce);
  (*handlers)[DeleteRecordsRequest::kApi.key] =
      MakeFakeHandler<DeleteRecordsRequest>(&HandleDeleteRecords);
  (*handlers)[DescribeProducersRequest::kApi.key] =
      MakeFakeHandler<DescribeProducersRequest>(&HandleDescribeProducers);
}

}  // namespace maxbrod::kafka
