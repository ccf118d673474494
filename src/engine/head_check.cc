#include "engine/head_check.h"

#include <atomic>

#include "engine/compaction_ledger.h"
#include "engine/compare_records.h"
#include "engine/snapshot_stream.h"
#include "kafka/data_path.h"
#include "kafka/errors.h"

namespace maxbrod::engine {
namespace {

constexpr int32_t kResponseBytes = 4 << 20;
constexpr int32_t kMaxWaitMs = 500;
// Answers without data after which what is left is a hole up to the end.
constexpr int kEmptyAnswers = 4;

class Reader {
 public:
  Reader(const std::string& topic, const PlannedPartition& partition, store::Store& store)
      : where_(topic + "-" + std::to_string(partition.partition)),
        end_(partition.fill_below),
        stream_(store, partition.blocks),
        budget_(CompactionLedger::kKeysMax),
        ledger_(&budget_) {
    stream_.Skip(partition.log_start);
    position_ = partition.log_start;
  }

  int64_t position() const { return position_; }
  bool AtEnd() const { return position_ >= end_; }

  Status OnBatches(ByteView records, const CallContext& context) {
    kafka::BatchIterator it(records);
    kafka::BatchEntry entry;
    while (it.Next(&entry) && !AtEnd()) {
      if (entry.header.last_offset() < position_) continue;
      if (!entry.header.is_control() && entry.header.record_count > 0)
        MB_RETURN_IF_ERROR(OnBatch(entry, context));
      position_ = std::max(position_, entry.header.next_offset());
    }
    return it.status();
  }

  Result<HeadCheck> Finish(const CallContext& context) {
    MB_RETURN_IF_ERROR(MissingUntil(end_, context));
    std::vector<int64_t> missing = ledger_.MissingForGood();
    if (!missing.empty()) {
      return Status(Code::kOffsetMismatch, where_ + ": the record at offset " +
                                               std::to_string(missing.front()) +
                                               " was cleaned away, and no later one has its key");
    }
    return found_;
  }

 private:
  Status OnBatch(const kafka::BatchEntry& entry, const CallContext& context) {
    MB_ASSIGN_OR_RETURN(kafka::RecordIterator it,
                        kafka::RecordIterator::Open(entry.bytes, &buffer_));
    kafka::RecordView record;
    while (it.Next(&record)) {
      if (record.offset < position_ || record.offset >= end_) continue;
      MB_RETURN_IF_ERROR(MissingUntil(record.offset, context));
      MB_ASSIGN_OR_RETURN(auto stored, stream_.PeekRecord(record.offset + 1, context));
      if (!stored && !record.key) {
        ++found_.filler_left;
        continue;
      }
      std::string changed = stored ? WhatChanged(*stored, record) : "record";
      if (!changed.empty()) {
        return Status(Code::kOffsetMismatch, where_ + ": another " + changed + " at offset " +
                                                 std::to_string(record.offset));
      }
      ledger_.Seen(record);
      ++found_.records;
      stream_.Skip(record.offset + 1);
    }
    return it.status();
  }

  // The replica has no record in [.., limit).
  Status MissingUntil(int64_t limit, const CallContext& context) {
    while (true) {
      MB_ASSIGN_OR_RETURN(auto stored, stream_.PeekRecord(limit, context));
      if (!stored) break;
      ledger_.Missing(*stored);
      stream_.Skip(stored->offset + 1);
    }
    stream_.Skip(limit);
    return Status::Ok();
  }

  const std::string where_;
  const int64_t end_;
  SnapshotStream stream_;
  std::atomic<int64_t> budget_;
  CompactionLedger ledger_;
  int64_t position_ = 0;
  Bytes buffer_;
  HeadCheck found_;
};

}  // namespace

Result<HeadCheck> CheckHead(kafka::Cluster& cluster, BrokerId broker, const std::string& topic,
                            TopicId topic_id, const PlannedPartition& partition,
                            store::Store& store, const CallContext& context) {
  Reader reader(topic, partition, store);
  CallContext limited = context.Within(cluster.config().api_timeout);
  MB_ASSIGN_OR_RETURN(auto connection, cluster.OpenConnection(broker, limited));
  kafka::FetchSpec spec;
  spec.isolation = kafka::Isolation::kReadUncommitted;
  spec.max_wait_ms = kMaxWaitMs;
  spec.max_bytes = kResponseBytes;
  spec.partitions.push_back({topic, topic_id, partition.partition, 0, -1, kResponseBytes});
  Bytes buffer;
  int empty = 0;
  int64_t high_watermark = -1;
  while (!reader.AtEnd() && empty < kEmptyAnswers) {
    MB_RETURN_IF_ERROR(context.Check());
    spec.partitions[0].fetch_offset = reader.position();
    CallContext call = context.Within(cluster.config().request_timeout);
    MB_RETURN_IF_ERROR(kafka::SendFetch(*connection, spec, call));
    MB_ASSIGN_OR_RETURN(auto answer, kafka::ReceiveFetch(*connection, spec, &buffer, call));
    std::string what = "Fetch of " + topic + "-" + std::to_string(partition.partition) +
                       " from broker " + std::to_string(broker.value());
    MB_RETURN_IF_ERROR(kafka::ErrorStatus(answer.error, what));
    if (answer.partitions.empty()) return Status(Code::kProtocol, what + ": no partition");
    const kafka::FetchedPartition& p = answer.partitions[0];
    MB_RETURN_IF_ERROR(kafka::ErrorStatus(p.error, what));
    high_watermark = p.high_watermark;
    empty = p.records.empty() ? empty + 1 : 0;
    int64_t before = reader.position();
    MB_RETURN_IF_ERROR(reader.OnBatches(p.records, context));
    bool stuck = !p.records.empty() && reader.position() == before;
    if (stuck) spec.partitions[0].partition_max_bytes = spec.max_bytes = 1 << 30;
  }
  // A replica that has not got all of it yet gives nothing either: that is no hole.
  if (!reader.AtEnd() && high_watermark < partition.fill_below) {
    return Status(Code::kUnavailable,
                  topic + "-" + std::to_string(partition.partition) + ": the replica on broker " +
                      std::to_string(broker.value()) + " knows of offsets below " +
                      std::to_string(high_watermark) + " only, and has to catch up")
        .Retryable();
  }
  return reader.Finish(context);
}

}  // namespace maxbrod::engine
