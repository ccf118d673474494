#include "engine/repartition.h"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <optional>

#include "base/limits.h"
#include "engine/capture_metadata.h"
#include "kafka/data_path.h"
#include "kafka/errors.h"
#include "kafka/partitioner.h"
#include "kafka/record.h"
#include "kafka/retry.h"
#include "repo/pack_reader.h"

namespace maxbrod::engine {
namespace {

constexpr size_t kBatchBytesMin = 16 * kKiB;
constexpr size_t kBatchBytesMax = 1 * kMiB;
constexpr int32_t kProduceTimeoutMs = 30'000;

// Batches being made, one per partition of the target.
class Writer {
 public:
  Writer(kafka::Cluster& target, const PlannedTopic& topic, TopicId id, size_t batch_bytes,
         const CallContext& context)
      : target_(target),
        topic_(topic),
        id_(id),
        batch_bytes_(batch_bytes),
        context_(context),
        open_(static_cast<size_t>(topic.repartition)) {}

  // Where the next record of the partition goes.
  int64_t NextOffset(int32_t partition) const {
    const Open& open = open_[static_cast<size_t>(partition)];
    return open.written + open.records;
  }

  Status Add(int32_t partition, const kafka::RecordView& record, CompressionType codec) {
    Open& open = open_[static_cast<size_t>(partition)];
    if (open.builder && open.codec != codec) MB_RETURN_IF_ERROR(Flush(partition));
    if (!open.builder) {
      kafka::BatchSpec spec;
      spec.codec = codec;
      open.builder = std::make_unique<kafka::RecordBatchBuilder>(spec);
      open.codec = codec;
    }
    open.builder->AddCopy(record, open.records, record.timestamp);
    ++open.records;
    open.bytes += record.encoded.size() + 16;
    return open.bytes >= batch_bytes_ ? Flush(partition) : Status::Ok();
  }

  // True when the partition holds nothing that is not written.
  bool flushed(int32_t partition) const {
    return open_[static_cast<size_t>(partition)].builder == nullptr;
  }

  Status FlushAll() {
    for (int32_t p = 0; p < topic_.repartition; ++p) MB_RETURN_IF_ERROR(Flush(p));
    return Status::Ok();
  }
  uint64_t requests() const { return requests_; }

 private:
  struct Open {
    std::unique_ptr<kafka::RecordBatchBuilder> builder;
    CompressionType codec = CompressionType::kNone;
    int64_t records = 0;  // in the builder
    size_t bytes = 0;
    int64_t written = 0;  // acknowledged
  };

  Status Flush(int32_t partition) {
    Open& open = open_[static_cast<size_t>(partition)];
    if (!open.builder) return Status::Ok();
    MB_ASSIGN_OR_RETURN(Bytes batch, open.builder->Build());
    const TopicPartition tp{topic_.target, partition};
    MB_ASSIGN_OR_RETURN(int64_t base, Send(tp, batch));
    if (base != open.written) {
      return Status(Code::kOffsetMismatch, tp.ToString() + ": records went to offset " +
                                               std::to_string(base) + " instead of " +
                                               std::to_string(open.written))
          .WithHint("somebody else writes to this topic; stop that and restore again");
    }
    open.written += open.records;
    open.builder.reset();
    open.records = 0;
    open.bytes = 0;
    return Status::Ok();
  }

  // A connection that is lost may hide a success: the topic is then made anew, by the same command.
  Result<int64_t> Send(const TopicPartition& tp, ByteView batch) {
    const std::array<ByteView, 1> pieces{batch};
    const std::array<kafka::ProduceBatch, 1> batches{
        kafka::ProduceBatch{tp.topic, id_, tp.partition, pieces}};
    kafka::Retry retry(target_.config(), context_);
    while (true) {
      MB_ASSIGN_OR_RETURN(kafka::Connection * connection, ConnectionTo(tp));
      MB_RETURN_IF_ERROR(
          kafka::SendProduce(*connection, batches, kProduceTimeoutMs, retry.context()));
      MB_ASSIGN_OR_RETURN(auto answer,
                          kafka::ReceiveProduce(*connection, batches, retry.context()));
      ++requests_;
      const kafka::ProducedPartition& produced = answer.partitions.front();
      if (produced.error == 0) return produced.base_offset;
      Status status = kafka::ErrorStatus(produced.error, "Produce to " + tp.ToString());
      // The leader says that it did not take them.
      if (produced.error != kafka::error::kNotLeaderOrFollower &&
          produced.error != kafka::error::kUnknownTopicOrPartition)
        return status;
      MB_RETURN_IF_ERROR(retry.Wait(std::move(status)));
      MB_RETURN_IF_ERROR(target_.RefreshTopics({tp.topic}, context_).status());
    }
  }

  Result<kafka::Connection*> ConnectionTo(const TopicPartition& tp) {
    const BrokerId leader = target_.LeaderOf(tp);
    if (leader.value() < 0) return Status(Code::kUnavailable, tp.ToString() + " has no leader");
    auto& connection = connections_[leader];
    if (!connection) {
      MB_ASSIGN_OR_RETURN(connection, target_.OpenConnection(leader, context_));
    }
    return connection.get();
  }

  kafka::Cluster& target_;
  const PlannedTopic& topic_;
  const TopicId id_;
  const size_t batch_bytes_;
  const CallContext& context_;
  std::vector<Open> open_;
  std::map<BrokerId, std::unique_ptr<kafka::Connection>> connections_;
  uint64_t requests_ = 0;
};

// The first record of each new partition that a group had not read.
class Positions {
 public:
  Positions(const std::string& source, const std::vector<format::GroupSnapshot>& groups,
            int32_t partitions) {
    for (const format::GroupSnapshot& group : groups) {
      Of of;
      of.group = group.group();
      for (const format::GroupOffset& o : group.offsets()) {
        if (o.topic() == source) of.committed[o.partition()] = o.offset();
      }
      if (of.committed.empty() || IsShareGroup(group.type())) continue;
      of.first.resize(static_cast<size_t>(partitions), -1);
      groups_.push_back(std::move(of));
    }
  }

  void Note(int32_t source, int64_t source_offset, int32_t target, int64_t target_offset) {
    for (Of& group : groups_) {
      int64_t& first = group.first[static_cast<size_t>(target)];
      if (first >= 0) continue;
      auto committed = group.committed.find(source);
      // Never committed there: nothing of it was read.
      if (committed == group.committed.end() || source_offset >= committed->second)
        first = target_offset;
    }
  }

  std::vector<RepartitionedGroup> Take(const std::string& topic, const Writer& writer) const {
    std::vector<RepartitionedGroup> out;
    for (const Of& group : groups_) {
      RepartitionedGroup result;
      result.group = group.group;
      for (size_t p = 0; p < group.first.size(); ++p) {
        kafka::CommittedOffset offset;
        offset.topic = topic;
        offset.partition = static_cast<int32_t>(p);
        offset.offset =
            group.first[p] >= 0 ? group.first[p] : writer.NextOffset(static_cast<int32_t>(p));
        result.offsets.push_back(std::move(offset));
      }
      out.push_back(std::move(result));
    }
    return out;
  }

 private:
  struct Of {
    std::string group;
    std::map<int32_t, int64_t> committed;  // by the source's partition
    std::vector<int64_t> first;            // by the target's; -1: all of it was read so far
  };
  std::vector<Of> groups_;
};

class Distribution {
 public:
  Distribution(store::Store& store, const PlannedTopic& topic, Writer& writer, Positions& positions,
               Progress& progress, const CallContext& context)
      : store_(store),
        topic_(topic),
        writer_(writer),
        positions_(positions),
        progress_(progress),
        context_(context) {}

  Status Run() {
    for (const PlannedPartition& p : topic_.partitions) {
      for (const repo::BlockUse& use : p.blocks) MB_RETURN_IF_ERROR(AddBlock(p, use));
    }
    return writer_.FlushAll();
  }
  uint64_t records() const { return records_; }

 private:
  Status AddBlock(const PlannedPartition& p, const repo::BlockUse& use) {
    MB_RETURN_IF_ERROR(context_.Check());
    const int64_t from = std::max(use.use_from, p.log_start);
    const int64_t to = std::min(use.use_to, p.end);
    ByteView batches;
    MB_RETURN_IF_ERROR(repo::ReadBlock(store_, use.pack, use.entry, &storage_, &batches, context_));
    kafka::BatchIterator it(batches);
    kafka::BatchEntry entry;
    while (it.Next(&entry)) {
      if (entry.header.last_offset() < from) continue;
      if (!entry.old_magic && entry.header.base_offset >= to) continue;
      MB_RETURN_IF_ERROR(AddEntry(p, entry, from, to));
    }
    MB_RETURN_IF_ERROR(it.status());
    progress_.Add(use.entry.place.plain_bytes, use.entry.stats.records);
    return Status::Ok();
  }

  Status AddEntry(const PlannedPartition& p, const kafka::BatchEntry& entry, int64_t from,
                  int64_t to) {
    ByteView bytes = entry.bytes;
    if (entry.old_magic) {
      MB_RETURN_IF_ERROR(kafka::RepackBatch(entry.bytes, {}, &converted_));
      bytes = converted_;
    }
    MB_ASSIGN_OR_RETURN(kafka::RecordIterator it,
                        kafka::RecordIterator::Open(bytes, &decompressed_));
    const kafka::BatchHeader& h = it.header();
    if (h.is_control()) return Status::Ok();
    if (h.is_transactional() && p.aborted.Find(h.producer_id, h.base_offset)) return Status::Ok();
    MB_ASSIGN_OR_RETURN(CompressionType codec, CompressionTypeFromId(h.codec_id()));
    kafka::RecordView record;
    while (it.Next(&record)) {
      if (record.offset < from || record.offset >= to) continue;
      const int32_t partition = Choose(record);
      positions_.Note(p.partition, record.offset, partition, writer_.NextOffset(partition));
      MB_RETURN_IF_ERROR(writer_.Add(partition, record, codec));
      ++records_;
    }
    return it.status();
  }

  // Without a key: the same one until its batch is sent, as the producer does (KIP-480).
  int32_t Choose(const kafka::RecordView& record) {
    if (record.key) return kafka::PartitionForKey(*record.key, topic_.repartition);
    if (keyless_used_ && writer_.flushed(keyless_)) keyless_ = (keyless_ + 1) % topic_.repartition;
    keyless_used_ = true;
    return keyless_;
  }

  store::Store& store_;
  const PlannedTopic& topic_;
  Writer& writer_;
  Positions& positions_;
  Progress& progress_;
  const CallContext& context_;
  Bytes storage_, converted_, decompressed_;
  int32_t keyless_ = 0;
  bool keyless_used_ = false;
  uint64_t records_ = 0;
};

}  // namespace

Result<RepartitionReport> Repartition(store::Store& store, kafka::Cluster& target,
                                      const PlannedTopic& topic, TopicId target_id,
                                      const std::vector<format::GroupSnapshot>& groups,
                                      size_t memory, Progress& progress,
                                      const CallContext& context) {
  const size_t batch_bytes =
      std::clamp(memory / static_cast<size_t>(topic.repartition), kBatchBytesMin, kBatchBytesMax);
  Writer writer(target, topic, target_id, batch_bytes, context);
  Positions positions(topic.source, groups, topic.repartition);
  Distribution distribution(store, topic, writer, positions, progress, context);
  MB_RETURN_IF_ERROR(distribution.Run());
  RepartitionReport report;
  report.records = distribution.records();
  report.requests = writer.requests();
  report.groups = positions.Take(topic.target, writer);
  return report;
}

}  // namespace maxbrod::engine
