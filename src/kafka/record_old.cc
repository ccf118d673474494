// Message formats 0 and 1 (before Kafka 0.11; org.apache.kafka.common.record.LegacyRecord):
//   offset i64 | size i32 | crc u32 | magic i8 | attributes i8 | [1: timestamp i64] | key | value
// with int32 lengths, -1 for null. A compressed message wraps others in its value (KIP-31): its
// offset is that of the last one inside; inner offsets are absolute in format 0 and relative in
// format 1.
#include <string>

#include "kafka/record.h"

namespace maxbrod::kafka::internal {
namespace {

constexpr int8_t kCodecMask = 0x07;

struct OldMessage {
  int64_t offset = 0;
  int8_t magic = 0;
  int8_t attributes = 0;
  RecordView record;
};

Status Corrupt(int64_t offset, const char* what) {
  return Status(Code::kCorrupt, "message at offset " + std::to_string(offset) + ": " + what);
}

bool TakeField(ByteView* in, std::optional<ByteView>* field) {
  if (in->size() < sizeof(int32_t)) return false;
  int32_t length = LoadBig<int32_t>(in->data());
  *in = in->subspan(sizeof(int32_t));
  if (length < 0) {
    field->reset();
    return true;
  }
  if (static_cast<size_t>(length) > in->size()) return false;
  *field = in->first(static_cast<size_t>(length));
  *in = in->subspan(static_cast<size_t>(length));
  return true;
}

// `entry` comes from a BatchIterator, which has checked the size for the magic.
Result<OldMessage> Parse(const BatchEntry& entry) {
  constexpr size_t kAttributesAt = 17;
  constexpr size_t kTimestampAt = 18;
  OldMessage message;
  message.offset = entry.header.base_offset;
  message.magic = entry.header.magic;
  message.attributes = LoadBig<int8_t>(entry.bytes.data() + kAttributesAt);
  message.record.offset = message.offset;
  ByteView in = entry.bytes.subspan(kTimestampAt);
  if (message.magic == 1) {
    message.record.timestamp = LoadBig<int64_t>(in.data());
    in = in.subspan(sizeof(int64_t));
  }
  if (!TakeField(&in, &message.record.key)) return Corrupt(message.offset, "its key runs too far");
  if (!TakeField(&in, &message.record.value)) {
    return Corrupt(message.offset, "its value runs too far");
  }
  if (!in.empty()) return Corrupt(message.offset, "bytes are left over after its value");
  return message;
}

// XXH32 with seed 0 of fewer than 16 bytes, which is what an LZ4 frame header's checksum is made
// of.
uint32_t ShortXxh32(ByteView in) {
  constexpr uint32_t kP1 = 2654435761u;
  constexpr uint32_t kP2 = 2246822519u;
  constexpr uint32_t kP3 = 3266489917u;
  constexpr uint32_t kP4 = 668265263u;
  constexpr uint32_t kP5 = 374761393u;
  uint32_t h = kP5 + static_cast<uint32_t>(in.size());
  for (; in.size() >= 4; in = in.subspan(4)) {
    uint32_t word = ByteSwap(LoadBig<uint32_t>(in.data()));
    h = std::rotl(h + word * kP3, 17) * kP4;
  }
  for (uint8_t byte : in) h = std::rotl(h + byte * kP5, 11) * kP1;
  h = (h ^ (h >> 15)) * kP2;
  h = (h ^ (h >> 13)) * kP3;
  return h ^ (h >> 16);
}

// Clients of format 0 computed the checksum of the LZ4 frame header over the wrong bytes
// (KAFKA-3160).
Bytes WithRightLz4Checksum(ByteView frame) {
  constexpr size_t kFlagsAt = 4;
  constexpr uint8_t kHasContentSize = 0x08;
  Bytes fixed(frame.begin(), frame.end());
  if (fixed.size() <= kFlagsAt) return fixed;
  size_t checksum_at = (fixed[kFlagsAt] & kHasContentSize) != 0 ? 14 : 6;
  if (fixed.size() <= checksum_at) return fixed;
  ByteView covered = ByteView(fixed).subspan(kFlagsAt, checksum_at - kFlagsAt);
  fixed[checksum_at] = static_cast<uint8_t>(ShortXxh32(covered) >> 8);
  return fixed;
}

Status Inflate(const OldMessage& wrapper, size_t decompressed_max, Bytes* buffer) {
  int id = wrapper.attributes & kCodecMask;
  if (id == static_cast<int>(CompressionType::kZstd)) {
    return Corrupt(wrapper.offset, "zstd does not exist in its format");
  }
  if (!wrapper.record.value) return Corrupt(wrapper.offset, "compressed, but without a value");
  MB_ASSIGN_OR_RETURN(CompressionType codec, CompressionTypeFromId(id));
  ByteView value = *wrapper.record.value;
  Bytes fixed;
  if (codec == CompressionType::kLz4 && wrapper.magic == 0) {
    fixed = WithRightLz4Checksum(value);
    value = fixed;
  }
  return Decompress(codec, value, decompressed_max, buffer)
      .WithContext("message at offset " + std::to_string(wrapper.offset));
}

// Offsets and, under LogAppendTime, timestamps of what was inside a wrapper of format 1.
Status Rebase(const OldMessage& wrapper, std::vector<RecordView>* records) {
  int64_t last_inside = records->back().offset;
  for (RecordView& record : *records) {
    // Inner offsets ascend, so each is at most the last one: nothing can overflow.
    record.offset = wrapper.offset - (last_inside - record.offset);
    if (record.offset < 0) return Corrupt(wrapper.offset, "an offset inside is negative");
    if ((wrapper.attributes & BatchAttributes::kLogAppendTime) != 0) {
      record.timestamp = wrapper.record.timestamp;
    }
  }
  return Status::Ok();
}

}  // namespace

Result<std::vector<RecordView>> DecodeOldEntry(ByteView entry, Bytes* buffer,
                                               size_t decompressed_max) {
  BatchIterator outer(entry);
  BatchEntry outer_entry;
  if (!outer.Next(&outer_entry)) return Corrupt(0, "cut off");
  MB_ASSIGN_OR_RETURN(OldMessage wrapper, Parse(outer_entry));
  if ((wrapper.attributes & kCodecMask) == 0) return std::vector<RecordView>{wrapper.record};
  MB_RETURN_IF_ERROR(Inflate(wrapper, decompressed_max, buffer));
  std::vector<RecordView> records;
  BatchIterator inner(*buffer);
  BatchEntry inner_entry;
  while (inner.Next(&inner_entry)) {
    MB_ASSIGN_OR_RETURN(OldMessage message,
                        inner_entry.old_magic
                            ? Parse(inner_entry)
                            : Corrupt(wrapper.offset, "a batch inside a message"));
    if (message.magic != wrapper.magic || (message.attributes & kCodecMask) != 0) {
      return Corrupt(wrapper.offset, "what is inside has another format or is compressed again");
    }
    if (!records.empty() && message.offset <= records.back().offset) {
      return Corrupt(wrapper.offset, "the offsets inside are not ascending");
    }
    records.push_back(message.record);
  }
  MB_RETURN_IF_ERROR(inner.status());
  if (inner.cut_off() || records.empty())
    return Corrupt(wrapper.offset, "what is inside is cut off");
  if (wrapper.magic == 1) MB_RETURN_IF_ERROR(Rebase(wrapper, &records));
  return records;
}

}  // namespace maxbrod::kafka::internal
