#include "kafka/batch.h"

#include <zlib.h>

#include <limits>

#include "codec/crc32c.h"

namespace maxbrod::kafka {
namespace {

// Positions in a v2 batch; see the layout in batch.h.
constexpr size_t kBaseOffsetAt = 0;
constexpr size_t kLengthAt = 8;
constexpr size_t kLeaderEpochAt = 12;
constexpr size_t kMagicAt = 16;
constexpr size_t kCrcAt = 17;
constexpr size_t kAttributesAt = 21;
constexpr size_t kLastOffsetDeltaAt = 23;
constexpr size_t kBaseTimestampAt = 27;
constexpr size_t kMaxTimestampAt = 35;
constexpr size_t kProducerIdAt = 43;
constexpr size_t kProducerEpochAt = 51;
constexpr size_t kBaseSequenceAt = 53;
constexpr size_t kRecordCountAt = 57;

// Old formats: offset i64 | size i32 | crc u32 | magic i8 | attributes i8 | [v1: timestamp i64] |
// key | value
constexpr size_t kOldCrcAt = 12;
constexpr size_t kOldAttributesAt = 17;
constexpr size_t kOldTimestampAt = 18;
constexpr int32_t kOldSizeMin[] = {14, 22};  // by magic, with null key and value

int32_t SmallestSize(int8_t magic) {
  if (magic == kMagicV2) return static_cast<int32_t>(kBatchHeaderBytes - kLogOverheadBytes);
  return kOldSizeMin[magic];
}

BatchHeader ReadV2(const uint8_t* p) {
  BatchHeader h;
  h.base_offset = LoadBig<int64_t>(p + kBaseOffsetAt);
  h.batch_length = LoadBig<int32_t>(p + kLengthAt);
  h.partition_leader_epoch = LoadBig<int32_t>(p + kLeaderEpochAt);
  h.magic = LoadBig<int8_t>(p + kMagicAt);
  h.crc = LoadBig<uint32_t>(p + kCrcAt);
  h.attributes = LoadBig<int16_t>(p + kAttributesAt);
  h.last_offset_delta = LoadBig<int32_t>(p + kLastOffsetDeltaAt);
  h.base_timestamp = LoadBig<int64_t>(p + kBaseTimestampAt);
  h.max_timestamp = LoadBig<int64_t>(p + kMaxTimestampAt);
  h.producer_id = LoadBig<int64_t>(p + kProducerIdAt);
  h.producer_epoch = LoadBig<int16_t>(p + kProducerEpochAt);
  h.base_sequence = LoadBig<int32_t>(p + kBaseSequenceAt);
  h.record_count = LoadBig<int32_t>(p + kRecordCountAt);
  return h;
}

BatchHeader ReadOld(const uint8_t* p) {
  BatchHeader h;
  h.base_offset = LoadBig<int64_t>(p + kBaseOffsetAt);
  h.batch_length = LoadBig<int32_t>(p + kLengthAt);
  h.magic = LoadBig<int8_t>(p + kMagicAt);
  h.crc = LoadBig<uint32_t>(p + kOldCrcAt);
  h.attributes = LoadBig<int8_t>(p + kOldAttributesAt);
  if (h.magic == 1) h.base_timestamp = LoadBig<int64_t>(p + kOldTimestampAt);
  h.max_timestamp = h.base_timestamp;
  h.record_count = 1;
  return h;
}

// What is wrong with a v2 header, or null.
const char* Lie(const BatchHeader& h) {
  if (h.base_offset < 0) return "negative base offset";
  if (h.last_offset_delta < 0) return "negative last offset delta";
  if (h.base_offset > std::numeric_limits<int64_t>::max() - h.last_offset_delta - 1) {
    return "offsets beyond 63 bits";
  }
  if (h.record_count < 0) return "negative record count";
  if (h.record_count > int64_t{h.last_offset_delta} + 1) return "more records than offsets";
  return nullptr;
}

}  // namespace

Result<BatchHeader> BatchHeader::Parse(ByteView bytes) {
  if (bytes.size() < kBatchHeaderBytes) {
    return Status(Code::kCorrupt, "record batch: " + std::to_string(bytes.size()) +
                                      " bytes are less than a batch header");
  }
  BatchHeader h = ReadV2(bytes.data());
  if (h.magic != kMagicV2) {
    return Status(Code::kCorrupt,
                  "record batch: magic " + std::to_string(h.magic) + " instead of 2");
  }
  const char* lie = h.batch_length < SmallestSize(kMagicV2) ? "impossible length" : Lie(h);
  if (lie != nullptr) {
    return Status(Code::kCorrupt,
                  "record batch at offset " + std::to_string(h.base_offset) + ": " + lie);
  }
  return h;
}

void BatchHeader::Store(uint8_t* out) const {
  StoreBig(out + kBaseOffsetAt, base_offset);
  StoreBig(out + kLengthAt, batch_length);
  StoreBig(out + kLeaderEpochAt, partition_leader_epoch);
  StoreBig(out + kMagicAt, magic);
  StoreBig(out + kCrcAt, crc);
  StoreBig(out + kAttributesAt, attributes);
  StoreBig(out + kLastOffsetDeltaAt, last_offset_delta);
  StoreBig(out + kBaseTimestampAt, base_timestamp);
  StoreBig(out + kMaxTimestampAt, max_timestamp);
  StoreBig(out + kProducerIdAt, producer_id);
  StoreBig(out + kProducerEpochAt, producer_epoch);
  StoreBig(out + kBaseSequenceAt, base_sequence);
  StoreBig(out + kRecordCountAt, record_count);
}

bool BatchIterator::Fail(const char* what) {
  status_ = Status(Code::kCorrupt,
                   std::string("record set: ") + what + " at byte " + std::to_string(position_));
  rest_ = {};
  return false;
}

bool BatchIterator::CutOff(size_t full_bytes) {
  cut_off_ = true;
  cut_off_bytes_ = full_bytes;
  rest_ = {};
  return false;
}

bool BatchIterator::Next(BatchEntry* entry) {
  if (rest_.empty()) return false;
  if (rest_.size() < kLogOverheadBytes) return CutOff(0);
  int32_t length = LoadBig<int32_t>(rest_.data() + kLengthAt);
  if (length < kOldSizeMin[0]) return Fail("an entry with an impossible length");
  size_t total = static_cast<size_t>(length) + kLogOverheadBytes;
  if (rest_.size() <= kMagicAt) return CutOff(total);
  int8_t magic = LoadBig<int8_t>(rest_.data() + kMagicAt);
  if (magic < 0 || magic > kMagicV2) return Fail("an entry of unknown format");
  if (length < SmallestSize(magic)) return Fail("an entry with an impossible length");
  if (rest_.size() < total) return CutOff(total);
  entry->old_magic = magic < kMagicV2;
  entry->bytes = rest_.first(total);
  entry->header = entry->old_magic ? ReadOld(rest_.data()) : ReadV2(rest_.data());
  const char* lie = Lie(entry->header);
  if (lie != nullptr) return Fail(lie);
  rest_ = rest_.subspan(total);
  position_ += total;
  return true;
}

Status CheckBatchCrc(ByteView entry) {
  BatchIterator it(entry);
  BatchEntry parsed;
  if (!it.Next(&parsed) || it.position() != entry.size()) {
    MB_RETURN_IF_ERROR(it.status());
    return Status(Code::kCorrupt, "record batch: its size is not what its header says");
  }
  uint32_t actual = 0;
  if (parsed.old_magic) {
    ByteView covered = entry.subspan(kMagicAt);
    actual = static_cast<uint32_t>(crc32_z(0, covered.data(), covered.size()));
  } else {
    actual = Crc32c(entry.subspan(kBatchCrcFrom));
  }
  if (actual == parsed.header.crc) return Status::Ok();
  return Status(Code::kCorrupt, "record batch at offset " +
                                    std::to_string(parsed.header.base_offset) +
                                    ": its checksum does not match its bytes");
}

void RecomputeBatchCrc(MutableByteView batch) {
  MB_CHECK(batch.size() >= kBatchHeaderBytes);
  StoreBig(batch.data() + kCrcAt, Crc32c(batch.subspan(kBatchCrcFrom)));
}

Status PatchBatchHeader(MutableByteView header, const BatchPatch& patch) {
  MB_ASSIGN_OR_RETURN(BatchHeader h, BatchHeader::Parse(header));
  ByteView covered = header.subspan(kBatchCrcFrom, kBatchHeaderBytes - kBatchCrcFrom);
  uint32_t before = Crc32c(covered);
  h.base_offset = patch.base_offset.value_or(h.base_offset);
  h.partition_leader_epoch = patch.partition_leader_epoch.value_or(h.partition_leader_epoch);
  h.attributes =
      static_cast<int16_t>((h.attributes & ~patch.clear_attributes) | patch.set_attributes);
  h.base_timestamp = patch.base_timestamp.value_or(h.base_timestamp);
  h.max_timestamp = patch.max_timestamp.value_or(h.max_timestamp);
  h.producer_id = patch.producer_id.value_or(h.producer_id);
  h.producer_epoch = patch.producer_epoch.value_or(h.producer_epoch);
  h.base_sequence = patch.base_sequence.value_or(h.base_sequence);
  h.Store(header.data());
  uint32_t after = Crc32c(covered);
  uint32_t crc = Crc32cReplace(h.crc, before, after, h.total_bytes() - kBatchHeaderBytes);
  StoreBig(header.data() + kCrcAt, crc);
  return Status::Ok();
}

Status PatchBatch(MutableByteView batch, const BatchPatch& patch) {
  MB_ASSIGN_OR_RETURN(BatchHeader h, BatchHeader::Parse(batch));
  if (h.total_bytes() != batch.size()) {
    return Status(Code::kCorrupt, "record batch at offset " + std::to_string(h.base_offset) +
                                      ": its size is not what its header says");
  }
  return PatchBatchHeader(batch, patch);
}

}  // namespace maxbrod::kafka
