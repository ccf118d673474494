#include "engine/log_testing.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <ostream>
#include <set>
#include <sstream>

#include "engine/plan_partition.h"

namespace maxbrod::engine {
namespace {

constexpr int64_t kTime = 1'500'000'000'000;
constexpr int64_t kAppendTime = 1'600'000'000'000;

std::string Copy(const std::optional<ByteView>& view) {
  return view ? std::string(AsText(*view)) : std::string();
}

// One message of format 0 or 1.
Bytes OldMessage(int8_t magic, int64_t offset, int8_t attributes, int64_t timestamp,
                 std::optional<ByteView> key, ByteView value) {
  Bytes body;
  auto put = [&](auto number) {
    uint8_t raw[sizeof(number)];
    StoreBig(raw, number);
    Append(body, raw);
  };
  put(magic);
  put(attributes);
  if (magic == 1) put(timestamp);
  put(key ? static_cast<int32_t>(key->size()) : int32_t{-1});
  if (key) Append(body, *key);
  put(static_cast<int32_t>(value.size()));
  Append(body, value);
  Bytes out(16);
  StoreBig(out.data(), offset);
  StoreBig(out.data() + 8, static_cast<int32_t>(body.size() + 4));
  auto crc = static_cast<uint32_t>(crc32(0, body.data(), static_cast<uInt>(body.size())));
  StoreBig(out.data() + 12, crc);
  Append(out, body);
  return out;
}

std::vector<int64_t> DeltasOf(const SourceLog::Shape& shape) {
  std::vector<int64_t> deltas = shape.deltas;
  for (int64_t d = 0; shape.deltas.empty() && d < shape.width; ++d) deltas.push_back(d);
  return deltas;
}

int64_t TimeOf(int64_t offset) {
  return kTime + 1000 * offset + (offset * 37) % 5000;  // not ascending everywhere
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const LogSlot& slot) {
  out << (slot.kind == LogSlot::Kind::kRecord   ? "record"
          : slot.kind == LogSlot::Kind::kFiller ? "filler"
                                                : "marker");
  if (slot.kind == LogSlot::Kind::kRecord)
    out << " " << slot.key.value_or("null") << "=" << slot.value.value_or("null") << " at "
        << slot.timestamp << " +" << slot.headers.size();
  if (slot.transaction) out << " aborted by transaction " << *slot.transaction;
  return out;
}

void SourceLog::Keep(int64_t offset, int64_t timestamp, std::optional<int64_t> producer_id) {
  Stored& stored = records_[offset];
  stored.slot.kind = LogSlot::Kind::kRecord;
  if (offset % 7 != 3) stored.slot.key = "k" + std::to_string(offset);
  if (offset % 11 != 5 || offset % 7 == 3) stored.slot.value = "v" + std::to_string(offset);
  stored.slot.timestamp = timestamp;
  if (producer_id) stored.transaction = {*producer_id, open_.at(*producer_id)};
}

void SourceLog::Batch(const Shape& shape) {
  kafka::BatchSpec spec;
  spec.base_offset = next_;
  spec.codec = shape.codec;
  spec.attributes = shape.attributes;
  spec.producer_id = shape.producer_id;
  spec.producer_epoch = shape.producer_id >= 0 ? 5 : -1;
  spec.base_sequence = shape.base_sequence;
  spec.last_offset = next_ + shape.width - 1;
  spec.partition_leader_epoch = leader_epoch_;
  bool append_time = (shape.attributes & kafka::BatchAttributes::kLogAppendTime) != 0;
  bool transactional = (shape.attributes & kafka::BatchAttributes::kTransactional) != 0;
  if (append_time) spec.max_timestamp = kAppendTime + next_;
  kafka::RecordBatchBuilder builder(spec);
  for (int64_t delta : DeltasOf(shape)) {
    int64_t offset = next_ + delta;
    Keep(offset, append_time ? kAppendTime + next_ : TimeOf(offset),
         transactional ? std::optional(shape.producer_id) : std::nullopt);
    LogSlot& slot = records_[offset].slot;
    std::vector<kafka::RecordHeader> headers;
    if (offset % 5 == 0) slot.headers = {{"h" + std::to_string(offset), "x"}};
    for (const auto& [key, value] : slot.headers) headers.push_back({key, AsBytes(value)});
    auto view = [](const auto& text) {
      return text ? std::optional<ByteView>(AsBytes(*text)) : std::nullopt;
    };
    builder.AddAt(offset, TimeOf(offset), view(slot.key), view(slot.value), headers);
  }
  auto built = builder.Build();
  ASSERT_TRUE(built.ok()) << built.status().ToString();
  bool holed = builder.record_count() != shape.width;
  entries_.push_back({next_, next_ + shape.width - 1, *built, holed || append_time});
  next_ += shape.width;
}

void SourceLog::Transactional(int64_t producer_id, Shape shape) {
  open_.try_emplace(producer_id, next_);
  shape.producer_id = producer_id;
  shape.attributes |= kafka::BatchAttributes::kTransactional;
  shape.base_sequence = sequences_[producer_id];
  sequences_[producer_id] += static_cast<int32_t>(shape.width);
  Batch(shape);
}

void SourceLog::MarkAborted(int64_t producer_id, int64_t first_offset) {
  for (auto& [offset, stored] : records_) {
    if (stored.transaction == std::pair(producer_id, first_offset)) stored.aborted = true;
  }
}

void SourceLog::End(int64_t producer_id, bool commit) {
  int64_t first = open_.try_emplace(producer_id, next_).first->second;
  kafka::ControlRecord record;
  record.type = commit ? kafka::ControlRecord::kCommit : kafka::ControlRecord::kAbort;
  auto built = kafka::BuildControlBatch(next_, kAppendTime, producer_id, 5, record);
  ASSERT_TRUE(built.ok()) << built.status().ToString();
  kafka::BatchPatch epoch;
  epoch.partition_leader_epoch = leader_epoch_;
  ASSERT_TRUE(kafka::PatchBatch(*built, epoch).ok());
  if (!commit) {
    aborted_.push_back({producer_id, first, next_});
    MarkAborted(producer_id, first);
  }
  open_.erase(producer_id);
  entries_.push_back({next_, next_, *built, false});
  ++next_;
}

void SourceLog::AbortBeyond(int64_t producer_id, int64_t marker_offset) {
  aborted_.push_back({producer_id, open_.at(producer_id), marker_offset});
  MarkAborted(producer_id, open_.at(producer_id));
  open_.erase(producer_id);
}

void SourceLog::Emptied(int64_t width) {
  Bytes bytes(kafka::kBatchHeaderBytes);
  kafka::BatchHeader header;
  header.base_offset = next_;
  header.partition_leader_epoch = leader_epoch_;
  header.batch_length = static_cast<int32_t>(bytes.size() - kafka::kLogOverheadBytes);
  header.last_offset_delta = static_cast<int32_t>(width - 1);
  header.base_timestamp = header.max_timestamp = kTime;
  header.producer_id = 77;
  header.producer_epoch = 0;
  header.base_sequence = 4;
  header.Store(bytes.data());
  kafka::RecomputeBatchCrc(bytes);
  entries_.push_back({next_, next_ + width - 1, bytes, true});
  next_ += width;
}

void SourceLog::Old(int8_t magic, const Shape& shape) {
  std::vector<int64_t> deltas = DeltasOf(shape);
  Bytes inside;
  bool wrapped = shape.codec != CompressionType::kNone;
  int64_t last = next_ + deltas.back();
  for (int64_t delta : deltas) {
    int64_t offset = next_ + delta;
    Keep(offset, magic == 0 ? -1 : TimeOf(offset), std::nullopt);
    LogSlot& slot = records_[offset].slot;
    if (!slot.value) slot.value = "v";
    std::optional<ByteView> key;
    if (slot.key) key = AsBytes(*slot.key);
    // Inside, format 1 counts from the first record that the producer put there.
    Bytes message = OldMessage(magic, wrapped && magic == 1 ? delta : offset, 0, slot.timestamp,
                               key, AsBytes(*slot.value));
    if (wrapped) {
      Append(inside, message);
    } else {
      entries_.push_back({offset, offset, message, true});
    }
  }
  if (wrapped) {
    Bytes packed;
    ASSERT_TRUE(Compress(shape.codec, kCompressionLevelDefault, inside, &packed).ok());
    Bytes message = OldMessage(magic, last, static_cast<int8_t>(shape.codec), TimeOf(last),
                               std::nullopt, packed);
    entries_.push_back({next_ + deltas.front(), last, message, true});
  }
  next_ = last + 1;
}

std::vector<int64_t> SourceLog::OpenProducers() const {
  std::vector<int64_t> producers;
  for (const auto& [producer, first] : open_) producers.push_back(producer);
  return producers;
}

const SourceLog::Entry* SourceLog::EntryAt(int64_t offset) const {
  auto after = std::upper_bound(entries_.begin(), entries_.end(), offset,
                                [](int64_t o, const Entry& entry) { return o < entry.first; });
  if (after == entries_.begin() || offset > std::prev(after)->last) return nullptr;
  return &*std::prev(after);
}

LogView SourceLog::Expected(const PlannedPartition& plan) const {
  const auto& transactions = plan.aborted.transactions();
  auto index_of = [&](int64_t producer, int64_t first) {
    auto at = std::find_if(transactions.begin(), transactions.end(), [&](const auto& t) {
      return t.producer_id == producer && t.first_offset == first;
    });
    EXPECT_NE(at, transactions.end()) << "producer " << producer << " from " << first;
    return static_cast<size_t>(at - transactions.begin());
  };
  LogView view;
  // The batch that holds the log start comes whole, where it can be produced as it is.
  const Entry* first = plan.log_start > 0 ? EntryAt(plan.log_start) : nullptr;
  int64_t data_start = first != nullptr && !first->cut_up ? first->first : plan.log_start;
  for (int64_t o = 0; o < data_start; ++o) view[o].kind = LogSlot::Kind::kFiller;
  for (int64_t o = data_start; o < plan.end; ++o) {
    view[o].kind = LogSlot::Kind::kMarker;
    auto record = records_.find(o);
    if (record != records_.end()) {
      view[o] = record->second.slot;
      if (record->second.aborted) {
        auto [producer, from] = *record->second.transaction;
        view[o].transaction = index_of(producer, from);
      }
      continue;
    }
    if (o < plan.fill_below) view[o].kind = LogSlot::Kind::kFiller;
  }
  int64_t beyond = plan.end;
  std::map<int64_t, size_t> open;  // by index
  for (const auto& t : aborted_) {
    if (t.first_offset >= plan.end || t.last_offset < plan.log_start) continue;
    // Open at the cut, and all of it below the log start, in blocks that are not read.
    bool unknown = std::none_of(transactions.begin(), transactions.end(), [&](const auto& known) {
      return known.producer_id == t.producer_id && known.first_offset == t.first_offset;
    });
    bool below = std::none_of(plan.blocks.begin(), plan.blocks.end(), [&](const auto& use) {
      return use.entry.stats.last_offset >= t.first_offset;
    });
    if (unknown && below && t.last_offset >= plan.end) continue;
    size_t index = index_of(t.producer_id, t.first_offset);
    if (t.last_offset < plan.end) {
      view[t.last_offset] = LogSlot();
      view[t.last_offset].transaction = index;
    } else {
      open[static_cast<int64_t>(index)] = index;
    }
  }
  for (const auto& [order, index] : open) view[beyond++].transaction = index;
  return view;
}

LogView SourceLog::ExpectedDense(const PlannedPartition& plan) const {
  LogView view;
  int64_t target = plan.map->target_start();
  for (const auto& [offset, stored] : records_) {
    if (offset < plan.log_start || offset >= plan.end || stored.aborted) continue;
    view[target++] = stored.slot;
  }
  return view;
}

repo::OffsetMap SourceLog::MapFor(const PlannedPartition& plan, int64_t target_start) const {
  repo::OffsetMap map(plan.log_start, plan.end, target_start);
  for (const auto& [offset, stored] : records_) {
    if (offset < plan.log_start || offset >= plan.end || stored.aborted) continue;
    Status added = map.Add(offset, map.end(), 1);
    EXPECT_TRUE(added.ok()) << added.ToString();
  }
  return map;
}

StoredLog::StoredLog(const SourceLog& log, const Cuts& cuts, int64_t start, int64_t end) {
  for (auto [from, to] : cuts) {
    Bytes block;
    for (size_t i = from; i < to; ++i) Append(block, log.entries()[i].bytes);
    repository_.AddPack("t", 0, {block});
  }
  plan_.log_start = start;
  plan_.end = end;
  topic_.source = topic_.target = "t";
  if (!cuts.empty()) {
    plan_.blocks = repository_.Blocks(repository_.Snapshot("one"), "t", 0);
  }
  std::erase_if(plan_.blocks, [&](const repo::BlockUse& use) {
    return use.entry.stats.last_offset < start || use.entry.stats.first_offset >= end;
  });
  for (repo::BlockUse& use : plan_.blocks) {
    use.use_from = std::max(use.use_from, start);
    use.use_to = std::min(use.use_to, end);
    repo::BlockStats& stats = use.entry.stats;
    // As a backup lists them: with their ends only where these are.
    for (const repo::AbortedTransaction& t : log.aborted()) {
      if (t.first_offset > stats.last_offset || t.last_offset < stats.first_offset) continue;
      bool ends_here = t.last_offset <= stats.last_offset;
      stats.aborted.push_back({t.producer_id, t.first_offset, ends_here ? t.last_offset : -1});
    }
  }
  std::string trouble = SummarizePartition(&topic_, &plan_);
  EXPECT_EQ(trouble, "");
}

std::vector<ProducerIdentity> StoredLog::Slots() const {
  std::vector<ProducerIdentity> slots;
  for (uint32_t i = 0; i < plan_.aborted.slots(); ++i) slots.push_back({kSlotProducers + i, 2});
  return slots;
}

std::unique_ptr<BatchFeed> StoredLog::Feed(int64_t producer_id, int64_t offset,
                                           const repo::OffsetMap* map, int32_t markers) {
  FeedOptions options;
  options.producer = {producer_id, static_cast<int16_t>(producer_id < 0 ? -1 : 0)};
  options.slots = Slots();
  options.markers_per_step = markers;
  options.map = map;
  auto feed =
      std::make_unique<BatchFeed>(repository().store(), plan_, std::move(options), fillers_);
  Status status = feed->Open({});
  EXPECT_TRUE(status.ok()) << status.ToString();
  status = feed->Seek(offset, {});
  EXPECT_TRUE(status.ok()) << "at " << offset << ": " << status.ToString();
  return feed;
}

void ExpectProducible(ByteView batch, bool transactional) {
  auto parsed = kafka::BatchHeader::Parse(batch);
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  const kafka::BatchHeader& h = *parsed;
  ASSERT_EQ(h.total_bytes(), batch.size());
  EXPECT_TRUE(kafka::CheckBatchCrc(batch).ok());
  EXPECT_EQ(h.base_offset, 0);
  EXPECT_EQ(h.partition_leader_epoch, -1);
  EXPECT_GT(h.record_count, 0);
  EXPECT_EQ(h.missing_records(), 0);
  int16_t flags = h.attributes & ~kafka::BatchAttributes::kCodecMask;
  EXPECT_EQ(flags, transactional ? kafka::BatchAttributes::kTransactional : 0);
  Bytes buffer;
  auto it = kafka::RecordIterator::Open(batch, &buffer);
  ASSERT_TRUE(it.ok()) << it.status().ToString();
  kafka::RecordView record;
  int64_t next = 0, max_timestamp = -1;
  while (it->Next(&record)) {
    EXPECT_EQ(record.offset, next++);
    max_timestamp = std::max(max_timestamp, record.timestamp);
  }
  EXPECT_TRUE(it->status().ok()) << it->status().ToString();
  EXPECT_EQ(next, h.record_count);
  EXPECT_EQ(max_timestamp, h.max_timestamp);
  EXPECT_EQ(h.producer_id >= 0, h.base_sequence >= 0);
  EXPECT_EQ(h.producer_id >= 0, h.producer_epoch >= 0);
}

namespace {

// What a broker knows of a producer in one log.
struct ProducerState {
  int16_t epoch = -1;
  std::optional<int32_t> next_sequence;
  std::vector<int64_t> open;  // offsets of its open transaction
  size_t aborted = 0;         // transactions so far
};

void CheckSequence(const kafka::BatchHeader& h, ProducerState* state) {
  constexpr int64_t kMask = 0x7fffffff;
  EXPECT_TRUE(state->epoch < 0 || state->epoch == h.producer_epoch)
      << "at offset " << h.base_offset;
  EXPECT_EQ(state->next_sequence.value_or(h.base_sequence), h.base_sequence)
      << "of producer " << h.producer_id << " at offset " << h.base_offset;
  state->epoch = h.producer_epoch;
  state->next_sequence = static_cast<int32_t>((int64_t{h.base_sequence} + h.record_count) & kMask);
}

void ReadRecords(ByteView batch, LogView* view, ProducerState* transaction) {
  Bytes buffer;
  auto it = kafka::RecordIterator::Open(batch, &buffer);
  ASSERT_TRUE(it.ok()) << it.status().ToString();
  kafka::RecordView record;
  while (it->Next(&record)) {
    LogSlot& slot = (*view)[record.offset];
    if (transaction != nullptr) transaction->open.push_back(record.offset);
    if (!record.key && !record.value) {
      slot.kind = LogSlot::Kind::kFiller;
      continue;
    }
    slot.kind = LogSlot::Kind::kRecord;
    if (record.key) slot.key = Copy(record.key);
    if (record.value) slot.value = Copy(record.value);
    slot.timestamp = record.timestamp;
    std::vector<kafka::RecordHeader> headers;
    EXPECT_TRUE(kafka::ReadHeaders(record, &headers).ok());
    for (const auto& h : headers) slot.headers.emplace_back(h.key, Copy(h.value));
  }
}

}  // namespace

LogView ReadTarget(const kafka::FakePartition& log, const AbortedIndex& aborted) {
  // The plan's transactions of each slot, in the order in which it has them.
  std::map<int64_t, std::vector<size_t>> of_slot;
  for (size_t i = 0; i < aborted.transactions().size(); ++i)
    of_slot[kSlotProducers + aborted.transactions()[i].slot].push_back(i);
  std::map<int64_t, ProducerState> producers;
  LogView view;
  for (const auto& [base, batch] : log.batches) {
    auto h = kafka::BatchHeader::Parse(batch);
    EXPECT_TRUE(h.ok() && h->base_offset == base);
    if (!h.ok()) return view;
    ProducerState& state = producers[h->producer_id];
    if (!h->is_control()) {
      if (h->producer_id >= 0) CheckSequence(*h, &state);
      ReadRecords(batch, &view, h->is_transactional() ? &state : nullptr);
      continue;
    }
    LogSlot& marker = view[base];
    auto slot = of_slot.find(h->producer_id);
    if (slot == of_slot.end()) continue;
    auto control = kafka::ControlRecord::ParseBatch(batch);
    EXPECT_TRUE(control.ok() && control->type == kafka::ControlRecord::kAbort);
    EXPECT_LT(state.aborted, slot->second.size()) << "one abort too many at " << base;
    if (state.aborted >= slot->second.size()) return view;
    marker.transaction = slot->second[state.aborted++];
    for (int64_t offset : state.open) view[offset].transaction = marker.transaction;
    state.open.clear();
  }
  for (const auto& [id, state] : producers)
    EXPECT_TRUE(state.open.empty()) << "producer " << id << " has a transaction open";
  return view;
}

std::string Differences(const LogView& expected, const LogView& actual) {
  std::set<int64_t> offsets;
  for (const auto& [offset, slot] : expected) offsets.insert(offset);
  for (const auto& [offset, slot] : actual) offsets.insert(offset);
  std::ostringstream out;
  int shown = 0;
  for (int64_t offset : offsets) {
    auto e = expected.find(offset), a = actual.find(offset);
    bool both = e != expected.end() && a != actual.end();
    if (both && e->second == a->second) continue;
    if (++shown > 10) break;
    out << offset << ": expected ";
    e == expected.end() ? out << "nothing" : out << e->second;
    out << ", is ";
    a == actual.end() ? out << "nothing" : out << a->second;
    out << "\n";
  }
  return out.str();
}

}  // namespace maxbrod::engine
