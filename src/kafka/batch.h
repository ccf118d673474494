// Record batches as opaque bytes: their 61-byte header, walking over them, checking and patching
// them. Nothing here looks at records (record.h does).
//
// Layout of RecordBatch v2 (KIP-98; org.apache.kafka.common.record.DefaultRecordBatch), big-endian:
//   0 base offset i64 | 8 length i32 (of all that follows) | 12 partition leader epoch i32 | 16
//   magic i8 17 crc u32 (CRC-32C of all that follows) | 21 attributes i16 | 23 last offset delta
//   i32 27 base timestamp i64 | 35 max timestamp i64 | 43 producer id i64 | 51 producer epoch i16
//   53 base sequence i32 | 57 record count i32 | 61 records
// What the CRC does not cover (offset, leader epoch) is assigned by the broker.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/status.h"
#include "codec/compress.h"

namespace maxbrod::kafka {

inline constexpr size_t kBatchHeaderBytes = 61;
// Offset and size: what stands before every entry of a log, in all formats.
inline constexpr size_t kLogOverheadBytes = 12;
// Where the bytes covered by a v2 batch's CRC begin.
inline constexpr size_t kBatchCrcFrom = 21;
inline constexpr int8_t kMagicV2 = 2;

struct BatchAttributes {
  static constexpr int16_t kCodecMask = 0x07;
  static constexpr int16_t kLogAppendTime = 0x08;
  static constexpr int16_t kTransactional = 0x10;
  static constexpr int16_t kControl = 0x20;
  // The base timestamp is the time after which the cleaner may drop the batch's tombstones
  // (KIP-534).
  static constexpr int16_t kDeleteHorizon = 0x40;
};

// The header's fields by value. For entries of the old formats (magic 0 and 1) base_offset is the
// entry's offset (of a compressed one: its last), attributes its byte, the timestamps its own or
// -1, and record_count 1.
struct BatchHeader {
  int64_t base_offset = 0;
  int32_t batch_length = 0;
  int32_t partition_leader_epoch = -1;
  int8_t magic = kMagicV2;
  uint32_t crc = 0;
  int16_t attributes = 0;
  int32_t last_offset_delta = 0;
  int64_t base_timestamp = -1;
  int64_t max_timestamp = -1;
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;
  int32_t base_sequence = -1;
  int32_t record_count = 0;

  bool operator==(const BatchHeader&) const = default;

  // Reads a v2 header and checks what can be checked without the rest: the length, magic 2, deltas
  // and counts not negative. kCorrupt otherwise.
  static Result<BatchHeader> Parse(ByteView bytes);
  // The caller guarantees kBatchHeaderBytes writable bytes. Writes `crc` as it stands.
  void Store(uint8_t* out) const;

  // With offset and length, i.e. what the batch takes in a log or a fetch.
  size_t total_bytes() const { return static_cast<size_t>(batch_length) + kLogOverheadBytes; }
  int64_t last_offset() const { return base_offset + last_offset_delta; }
  int64_t next_offset() const { return last_offset() + 1; }
  // Holes inside: records a cleaner removed. (A batch emptied by it has record_count 0.)
  int64_t missing_records() const { return int64_t{last_offset_delta} + 1 - record_count; }

  // The raw codec id; kUnsupported ids are possible (CompressionTypeFromId).
  int codec_id() const { return attributes & BatchAttributes::kCodecMask; }
  bool is_log_append_time() const { return Has(BatchAttributes::kLogAppendTime); }
  bool is_transactional() const { return Has(BatchAttributes::kTransactional); }
  bool is_control() const { return Has(BatchAttributes::kControl); }
  bool has_delete_horizon() const { return Has(BatchAttributes::kDeleteHorizon); }

 private:
  bool Has(int16_t bit) const { return (attributes & bit) != 0; }
};

// One entry of a log: a v2 batch, or with old_magic a message (perhaps a compressed wrapper) of
// format 0 or 1, which begins at its offset field as a batch does.
struct BatchEntry {
  BatchHeader header;
  ByteView bytes;  // of the whole entry, a view of the source
  bool old_magic = false;
};

// Walks over the entries of a fetched or stored record set. Not thread-safe; the source must
// outlive it.
//
//   BatchIterator it(records);
//   while (it.Next(&entry)) ...;
//   MB_RETURN_IF_ERROR(it.status());
class BatchIterator {
 public:
  explicit BatchIterator(ByteView records) : rest_(records) {}

  // False at the end, at a last entry that is cut off, and on an error.
  bool Next(BatchEntry* entry);
  // kCorrupt when the bytes are no record set (impossible length, unknown magic), naming the
  // position.
  const Status& status() const { return status_; }
  // Bytes of whole entries so far.
  size_t position() const { return position_; }
  // After the end: there are bytes left of an entry that is not whole. Brokers cut a fetch at its
  // size limit.
  bool cut_off() const { return cut_off_; }
  // The full size of the entry that is cut off, 0 when not even its size is there. What a fetch
  // must at least ask for.
  size_t cut_off_bytes() const { return cut_off_bytes_; }

 private:
  bool Fail(const char* what);
  bool CutOff(size_t full_bytes);

  ByteView rest_;
  size_t position_ = 0;
  bool cut_off_ = false;
  size_t cut_off_bytes_ = 0;
  Status status_;
};

// Whether the entry's own checksum is right (CRC-32C for v2, CRC-32 for the old formats): kCorrupt
// with the offset if not. `entry` is exactly one entry.
Status CheckBatchCrc(ByteView entry);
// Writes the right CRC into a v2 batch: one pass over it.
void RecomputeBatchCrc(MutableByteView batch);

// What to change in a v2 header; unset fields stay.
struct BatchPatch {
  std::optional<int64_t> base_offset = std::nullopt;
  std::optional<int32_t> partition_leader_epoch = std::nullopt;
  int16_t clear_attributes = 0;  // bits of BatchAttributes, cleared before others are set
  int16_t set_attributes = 0;
  std::optional<int64_t> base_timestamp = std::nullopt;
  std::optional<int64_t> max_timestamp = std::nullopt;
  std::optional<int64_t> producer_id = std::nullopt;
  std::optional<int16_t> producer_epoch = std::nullopt;
  std::optional<int32_t> base_sequence = std::nullopt;

  static BatchPatch NoProducer() {
    BatchPatch patch;
    patch.producer_id = -1;
    patch.producer_epoch = int16_t{-1};
    patch.base_sequence = -1;
    return patch;
  }
};

// Rewrites the header at the start of `header` (at least 61 bytes, e.g. a copy of the header alone,
// while the records stay elsewhere) and corrects the CRC by arithmetic, without touching the
// records. A CRC that was wrong before stays wrong: damage is not hidden. kCorrupt when it is no v2
// header.
Status PatchBatchHeader(MutableByteView header, const BatchPatch& patch);
// The same for a whole batch, whose size must be what its header says.
Status PatchBatch(MutableByteView batch, const BatchPatch& patch);

}  // namespace maxbrod::kafka
