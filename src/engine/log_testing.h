// What the tests of a restore's data path share: a source's log made by hand, the plan of a
// snapshot of it, and an independent view of a target's log: what a broker asks of a producer, and
// what consumers find in the end.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/batch_feed.h"
#include "engine/verify_testing.h"
#include "kafka/fake_broker_testing.h"

namespace maxbrod::engine {

// One offset as both kinds of consumers see it.
struct LogSlot {
  enum class Kind : uint8_t { kRecord, kFiller, kMarker };
  Kind kind = Kind::kMarker;
  std::optional<std::string> key, value;  // a filler has neither
  int64_t timestamp = 0;                  // of records
  std::vector<std::pair<std::string, std::string>> headers;
  // kRecord: of which aborted transaction it is, as an index into the plan's. kMarker: which one it
  // aborts.
  std::optional<size_t> transaction;
  bool operator==(const LogSlot&) const = default;
};
std::ostream& operator<<(std::ostream& out, const LogSlot& slot);
using LogView = std::map<int64_t, LogSlot>;  // by offset

// A source's log, written from its first offset on. Records are "k<offset>" -> "v<offset>".
class SourceLog {
 public:
  // The old formats know no leader epoch: -1 where there are any.
  explicit SourceLog(int64_t first_offset = 0, int32_t leader_epoch = 3)
      : next_(first_offset), leader_epoch_(leader_epoch) {}

  struct Shape {
    int64_t width = 1;                 // offsets from the batch's base on
    std::vector<int64_t> deltas = {};  // where records are; empty: everywhere
    CompressionType codec = CompressionType::kNone;
    int16_t attributes = 0;
    int64_t producer_id = -1;
    int32_t base_sequence = -1;
  };
  void Batch(const Shape& shape);
  void Records(int64_t count) { Batch({.width = count}); }
  // As a transactional producer's.
  void Transactional(int64_t producer_id, Shape shape);
  // A marker; aborted records are marked as such.
  void End(int64_t producer_id, bool commit);
  // Those open with the log's end as it is: their markers come later.
  void AbortBeyond(int64_t producer_id, int64_t marker_offset);
  void Gap(int64_t count) { next_ += count; }
  // A header without records, as the cleaner leaves it.
  void Emptied(int64_t width);
  // Messages of format 0 or 1: one by one, or with a codec in a single compressed one, whose offset
  // is its last record's.
  void Old(int8_t magic, const Shape& shape);

  struct Entry {
    int64_t first = 0, last = 0;
    Bytes bytes;
    bool cut_up = false;  // cannot be produced as it is
  };
  const std::vector<Entry>& entries() const { return entries_; }
  int64_t next() const { return next_; }
  bool IsOpen(int64_t producer_id) const { return open_.contains(producer_id); }
  std::vector<int64_t> OpenProducers() const;
  const std::vector<repo::AbortedTransaction>& aborted() const { return aborted_; }

  // What a target must hold where `plan` says so.
  LogView Expected(const PlannedPartition& plan) const;
  // The same where records go one after another, from map->target_start() on.
  LogView ExpectedDense(const PlannedPartition& plan) const;
  // Where each record of `plan` goes then.
  repo::OffsetMap MapFor(const PlannedPartition& plan, int64_t target_start) const;

 private:
  struct Stored {
    LogSlot slot;
    std::optional<std::pair<int64_t, int64_t>> transaction;  // producer, first offset
    bool aborted = false;
  };
  void Keep(int64_t offset, int64_t timestamp, std::optional<int64_t> producer_id);
  void MarkAborted(int64_t producer_id, int64_t first_offset);
  const Entry* EntryAt(int64_t offset) const;

  int64_t next_;
  const int32_t leader_epoch_;
  std::vector<Entry> entries_;
  std::map<int64_t, Stored> records_;
  std::map<int64_t, int64_t> open_;  // producer -> first offset
  std::map<int64_t, int32_t> sequences_;
  std::vector<repo::AbortedTransaction> aborted_;
};

// A repository that holds one partition of a log, "t"-0.
class StoredLog {
 public:
  // Blocks by entries: [from, to) each; they may overlap, ascending.
  using Cuts = std::vector<std::pair<size_t, size_t>>;
  StoredLog(const SourceLog& log, const Cuts& cuts, int64_t start, int64_t end);
  StoredLog(const SourceLog& log, int64_t start, int64_t end)
      : StoredLog(log, {{0, log.entries().size()}}, start, end) {}

  PlannedPartition& plan() { return plan_; }
  PlannedTopic& topic() { return topic_; }
  repo::Repository& repository() { return repository_.repository(); }
  // Producers of the plan's slots.
  std::vector<ProducerIdentity> Slots() const;
  kafka::FillerBatches& fillers() { return fillers_; }
  // One that has begun at 0, or at `offset`. `producer_id` is the plain producer's.
  std::unique_ptr<BatchFeed> Feed(int64_t producer_id, int64_t offset = 0,
                                  const repo::OffsetMap* map = nullptr, int32_t markers = 250);

 private:
  TestRepository repository_;
  kafka::FillerBatches fillers_{CompressionType::kNone};
  PlannedTopic topic_;
  PlannedPartition plan_;
};

inline constexpr int64_t kSlotProducers = 9'000;  // ids of StoredLog::Slots, ascending
inline constexpr int64_t kMarkerProducer = 8'000;

// What a broker's log validation asks of the one batch of a Produce request.
void ExpectProducible(ByteView batch, bool transactional);
// The log as consumers see it. Fails the test where a broker that knows the producers would have
// refused a sequence, and where a transaction is left open.
LogView ReadTarget(const kafka::FakePartition& log, const AbortedIndex& aborted);
// Differences, at most ten, one a line; empty when equal.
std::string Differences(const LogView& expected, const LogView& actual);

}  // namespace maxbrod::engine
