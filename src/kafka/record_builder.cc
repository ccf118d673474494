// RecordBatchBuilder, and batches made with it.
#include <algorithm>

#include "codec/varint.h"
#include "kafka/record.h"

namespace maxbrod::kafka {
namespace {

void AppendField(Bytes& out, std::optional<ByteView> field) {
  if (!field) return AppendVarint(out, -1);
  AppendVarint(out, static_cast<int32_t>(field->size()));
  Append(out, *field);
}

// The header in front of a compressed or plain body, with lengths, codec and CRC filled in.
Result<Bytes> Assemble(BatchHeader header, CompressionType codec, ByteView body) {
  size_t length = kBatchHeaderBytes - kLogOverheadBytes + body.size();
  if (length > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return Status(Code::kInvalidArgument, "a record batch of " + std::to_string(length) +
                                              " bytes does not fit the format's 2 GiB");
  }
  header.batch_length = static_cast<int32_t>(length);
  header.attributes = static_cast<int16_t>((header.attributes & ~BatchAttributes::kCodecMask) |
                                           static_cast<int16_t>(codec));
  Bytes batch(kBatchHeaderBytes + body.size());
  header.Store(batch.data());
  std::copy(body.begin(), body.end(), batch.begin() + kBatchHeaderBytes);
  RecomputeBatchCrc(batch);
  return batch;
}

}  // namespace

void RecordBatchBuilder::Add(int64_t timestamp, std::optional<ByteView> key,
                             std::optional<ByteView> value, std::span<const RecordHeader> headers) {
  AddAt(next_offset_ < 0 ? spec_.base_offset : next_offset_, timestamp, key, value, headers);
}

void RecordBatchBuilder::AddAt(int64_t offset, int64_t timestamp, std::optional<ByteView> key,
                               std::optional<ByteView> value,
                               std::span<const RecordHeader> headers) {
  Bytes encoded;
  AppendField(encoded, key);
  AppendField(encoded, value);
  AppendVarint(encoded, static_cast<int32_t>(headers.size()));
  for (const RecordHeader& header : headers) {
    AppendField(encoded, AsBytes(header.key));
    AppendField(encoded, header.value);
  }
  Frame(offset, timestamp, 0, encoded);
}

void RecordBatchBuilder::AddCopy(const RecordView& record, int64_t offset, int64_t timestamp) {
  if (record.encoded.empty()) return AddAt(offset, timestamp, record.key, record.value);
  Frame(offset, timestamp, record.attributes, record.encoded);
}

void RecordBatchBuilder::Frame(int64_t offset, int64_t timestamp, int8_t attributes,
                               ByteView encoded) {
  if (error_ != nullptr) return;
  if (record_count_ == 0) base_timestamp_ = spec_.base_timestamp.value_or(timestamp);
  int64_t delta = offset - spec_.base_offset;
  if (offset < std::max(next_offset_, spec_.base_offset)) {
    error_ = "offsets are not ascending";
    return;
  }
  if (delta > std::numeric_limits<int32_t>::max() - 1) {
    error_ = "offsets are too far apart for one batch";
    return;
  }
  scratch_.clear();
  scratch_.push_back(static_cast<uint8_t>(attributes));
  AppendVarlong(scratch_, static_cast<int64_t>(static_cast<uint64_t>(timestamp) -
                                               static_cast<uint64_t>(base_timestamp_)));
  AppendVarint(scratch_, static_cast<int32_t>(delta));
  size_t size = scratch_.size() + encoded.size();
  if (size + body_.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max()) - 128) {
    error_ = "the records do not fit one batch";
    return;
  }
  AppendVarint(body_, static_cast<int32_t>(size));
  Append(body_, scratch_);
  Append(body_, encoded);
  ++record_count_;
  next_offset_ = offset + 1;
  max_timestamp_ = record_count_ == 1 ? timestamp : std::max(max_timestamp_, timestamp);
}

Result<Bytes> RecordBatchBuilder::Build() const {
  std::string where =
      "cannot build the record batch at offset " + std::to_string(spec_.base_offset);
  if (error_ != nullptr) return Status(Code::kInvalidArgument, where + ": " + error_);
  if (record_count_ == 0) return Status(Code::kInvalidArgument, where + ": it has no records");
  int64_t last = spec_.last_offset.value_or(next_offset_ - 1);
  if (last < next_offset_ - 1 ||
      last - spec_.base_offset > std::numeric_limits<int32_t>::max() - 1) {
    return Status(Code::kInvalidArgument, where + ": its last offset does not fit its records");
  }
  BatchHeader header;
  header.base_offset = spec_.base_offset;
  header.partition_leader_epoch = spec_.partition_leader_epoch;
  header.attributes = spec_.attributes;
  header.last_offset_delta = static_cast<int32_t>(last - spec_.base_offset);
  header.base_timestamp = base_timestamp_;
  header.max_timestamp = spec_.max_timestamp.value_or(max_timestamp_);
  header.producer_id = spec_.producer_id;
  header.producer_epoch = spec_.producer_epoch;
  header.base_sequence = spec_.base_sequence;
  header.record_count = record_count_;
  if (spec_.codec == CompressionType::kNone) return Assemble(header, spec_.codec, body_);
  Bytes compressed;
  MB_RETURN_IF_ERROR(Compress(spec_.codec, spec_.level, body_, &compressed).WithContext(where));
  return Assemble(header, spec_.codec, compressed);
}

Result<Bytes> BuildControlBatch(int64_t offset, int64_t timestamp, int64_t producer_id,
                                int16_t producer_epoch, ControlRecord record) {
  BatchSpec spec;
  spec.base_offset = offset;
  spec.attributes = BatchAttributes::kTransactional | BatchAttributes::kControl;
  spec.producer_id = producer_id;
  spec.producer_epoch = producer_epoch;
  Bytes key;
  AppendBig<int16_t>(key, 0);
  AppendBig<int16_t>(key, record.type);
  Bytes value;
  AppendBig<int16_t>(value, 0);
  AppendBig<int32_t>(value, record.coordinator_epoch);
  RecordBatchBuilder builder(spec);
  builder.Add(timestamp, key, value);
  return builder.Build();
}

Result<Bytes> BuildFillerBatch(int32_t count, int64_t timestamp, CompressionType codec) {
  if (count < 1) {
    return Status(Code::kInvalidArgument,
                  "a filler batch needs at least one record, not " + std::to_string(count));
  }
  // attributes, timestamp delta, offset delta | key null, value null, no headers
  static constexpr uint8_t kTail[] = {0x01, 0x01, 0x00};
  Bytes body;
  body.reserve(static_cast<size_t>(count) * 10);
  for (int32_t i = 0; i < count; ++i) {
    AppendVarint(body, static_cast<int32_t>(2 + SizeOfVarint(i) + sizeof(kTail)));
    body.push_back(0);
    body.push_back(0);
    AppendVarint(body, i);
    Append(body, kTail);
  }
  BatchHeader header;
  header.last_offset_delta = count - 1;
  header.base_timestamp = timestamp;
  header.max_timestamp = timestamp;
  header.record_count = count;
  if (codec == CompressionType::kNone) return Assemble(header, codec, body);
  Bytes compressed;
  MB_RETURN_IF_ERROR(Compress(codec, kCompressionLevelDefault, body, &compressed));
  return Assemble(header, codec, compressed);
}

Result<FillerBatches::Batch> FillerBatches::Get(int32_t count, int64_t timestamp) {
  Body body;
  {
    std::lock_guard lock(mutex_);
    auto found = bodies_.find(count);
    if (found != bodies_.end()) body = found->second;
  }
  if (body.bytes == nullptr) {
    MB_ASSIGN_OR_RETURN(Bytes whole, BuildFillerBatch(count, timestamp, codec_));
    std::copy_n(whole.begin(), kBatchHeaderBytes, body.header.begin());
    body.bytes = std::make_shared<const Bytes>(whole.begin() + kBatchHeaderBytes, whole.end());
    std::lock_guard lock(mutex_);
    if (bodies_.size() >= kBodiesMax) bodies_.clear();
    bodies_.emplace(count, body);
  }
  Batch batch{body.header, body.bytes};
  BatchPatch patch;
  patch.base_timestamp = timestamp;
  patch.max_timestamp = timestamp;
  MB_RETURN_IF_ERROR(PatchBatchHeader(batch.header, patch));
  return batch;
}

}  // namespace maxbrod::kafka
