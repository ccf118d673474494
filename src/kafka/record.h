// What is inside record batches, for the few who must look: verify, export, cuts inside a batch,
// formats that a target would not take as they are. The data path does not come here.
//
// A v2 record (KIP-98; org.apache.kafka.common.record.DefaultRecord): length varint | attributes i8
// | timestamp delta varlong | offset delta varint | key and value, each a varint length (negative:
// null) and bytes | header count varint | headers, each a key and a value likewise.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "codec/compress.h"
#include "kafka/batch.h"

namespace maxbrod::kafka {

// What one batch may become when decompressed, unless the caller says otherwise.
inline constexpr size_t kDecompressedBytesMax = size_t{512} << 20;

struct RecordHeader {
  std::string_view key;
  std::optional<ByteView> value;
};

// Views of the batch or of the buffer it was decompressed into.
struct RecordView {
  int64_t offset = 0;
  // Of a LogAppendTime batch the time of the append, as consumers see it. -1 in format 0.
  int64_t timestamp = -1;
  int64_t timestamp_delta = 0;  // as stored, v2 only
  int8_t attributes = 0;        // unused by Kafka so far
  std::optional<ByteView> key;
  std::optional<ByteView> value;
  int32_t header_count = 0;
  ByteView header_bytes;
  // v2: everything behind the offset delta as it is encoded, i.e. key, value and headers; else
  // empty.
  ByteView encoded;
};
// Appends the record's headers. kCorrupt cannot happen for what a RecordIterator gave out.
Status ReadHeaders(const RecordView& record, std::vector<RecordHeader>* headers);

// Walks over the records of one entry of a log: a v2 batch, or a message or compressed wrapper of
// format 0 or 1. Strict: every length, the order of offsets and the count must hold. Does not check
// the CRC. Not thread-safe.
//
//   MB_ASSIGN_OR_RETURN(auto it, RecordIterator::Open(entry, &buffer));
//   while (it.Next(&record)) ...;
//   MB_RETURN_IF_ERROR(it.status());
class RecordIterator {
 public:
  // Decompresses into *buffer, which with `entry` must outlive the iterator and its views. kCorrupt
  // for damage and for more than `decompressed_max` bytes, kUnsupported for an unknown codec.
  static Result<RecordIterator> Open(ByteView entry, Bytes* buffer,
                                     size_t decompressed_max = kDecompressedBytesMax);

  // False at the end and on an error. Bytes or a count left over at the end are an error.
  bool Next(RecordView* record);
  const Status& status() const { return status_; }
  const BatchHeader& header() const { return header_; }

 private:
  RecordIterator() = default;
  bool NextOld(RecordView* record);
  bool ParseNext(RecordView* record);
  bool Fail(const char* what);

  BatchHeader header_;
  ByteView rest_;
  int32_t seen_ = 0;
  int64_t last_delta_ = -1;
  std::vector<RecordView> old_;  // formats 0 and 1, decoded by Open
  Status status_;
};

// The record of a control batch (org.apache.kafka.common.record.ControlRecordType).
struct ControlRecord {
  static constexpr int16_t kAbort = 0;
  static constexpr int16_t kCommit = 1;

  int16_t type = kAbort;  // others (leader change, snapshots) occur in the metadata log only
  int32_t coordinator_epoch = 0;  // of markers, i.e. kAbort and kCommit

  bool is_marker() const { return type == kAbort || type == kCommit; }
  // kCorrupt when it is too short.
  static Result<ControlRecord> Parse(const RecordView& record);
  // The one record of a control batch.
  static Result<ControlRecord> ParseBatch(ByteView batch);
};

// Everything about a batch to be built except its records.
struct BatchSpec {
  CompressionType codec = CompressionType::kNone;
  int level = kCompressionLevelDefault;
  int64_t base_offset = 0;
  int32_t partition_leader_epoch = -1;
  int16_t attributes = 0;  // flags of BatchAttributes; the codec's bits are set by the builder
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;
  int32_t base_sequence = -1;
  std::optional<int64_t> last_offset = std::nullopt;     // unset: the last record's
  std::optional<int64_t> base_timestamp = std::nullopt;  // unset: the first record's
  std::optional<int64_t> max_timestamp =
      std::nullopt;  // unset: the records' maximum; LogAppendTime: the append
};

// Builds one v2 batch. Records come in ascending offsets, gaps allowed. Not thread-safe.
class RecordBatchBuilder {
 public:
  explicit RecordBatchBuilder(const BatchSpec& spec) : spec_(spec) {}

  // At the offset after the last one. The bytes are copied.
  void Add(int64_t timestamp, std::optional<ByteView> key, std::optional<ByteView> value,
           std::span<const RecordHeader> headers = {});
  void AddAt(int64_t offset, int64_t timestamp, std::optional<ByteView> key,
             std::optional<ByteView> value, std::span<const RecordHeader> headers = {});
  // Another batch's record with this offset and timestamp; key, value and headers stay as they are
  // encoded.
  void AddCopy(const RecordView& record, int64_t offset, int64_t timestamp);

  int32_t record_count() const { return record_count_; }
  // The batch, CRC included. kInvalidArgument when offsets were not ascending or do not fit a
  // batch.
  Result<Bytes> Build() const;

 private:
  void Frame(int64_t offset, int64_t timestamp, int8_t attributes, ByteView encoded);

  BatchSpec spec_;
  Bytes body_;
  Bytes scratch_;
  int32_t record_count_ = 0;
  int64_t next_offset_ = -1;  // -1: none yet
  int64_t base_timestamp_ = 0;
  int64_t max_timestamp_ = -1;
  const char* error_ = nullptr;
};

// A batch holding one marker, as a broker writes it at the end of a transaction.
Result<Bytes> BuildControlBatch(int64_t offset, int64_t timestamp, int64_t producer_id,
                                int16_t producer_epoch, ControlRecord record);

// A batch of `count` records without key and value, all at `timestamp`, from base offset 0: what
// stands in for offsets that shall exist and then be deleted. Compressed with zstd 0.6 byte a
// record.
Result<Bytes> BuildFillerBatch(int32_t count, int64_t timestamp,
                               CompressionType codec = CompressionType::kZstd);

// The same without building a body twice. Thread-safe.
class FillerBatches {
 public:
  struct Batch {
    std::array<uint8_t, kBatchHeaderBytes> header;
    std::shared_ptr<const Bytes> body;  // what follows the header
  };
  explicit FillerBatches(CompressionType codec = CompressionType::kZstd) : codec_(codec) {}
  // Patch the header (PatchBatchHeader) and send both pieces.
  Result<Batch> Get(int32_t count, int64_t timestamp);

 private:
  static constexpr size_t kBodiesMax = 16;
  struct Body {
    std::array<uint8_t, kBatchHeaderBytes> header;
    std::shared_ptr<const Bytes> bytes;
  };
  CompressionType codec_;
  std::mutex mutex_;
  std::map<int32_t, Body> bodies_;
};

struct RepackOptions {
  // Only records of these offsets, both included. The batch then spans what is left of its own
  // range, and its base sequence moves along.
  int64_t first_offset = 0;
  int64_t last_offset = std::numeric_limits<int64_t>::max();
  // A LogAppendTime batch becomes a CreateTime one in which each record carries the append time.
  bool append_time_to_create_time = false;
  int16_t clear_attributes = 0;  // bits of BatchAttributes
  int level = kCompressionLevelDefault;
  size_t decompressed_max = kDecompressedBytesMax;
};

// Replaces *out by the entry as a v2 batch changed as the options say, with the same codec and else
// the same header. Where only the header changes (everything is kept; an append-time batch whose
// records all have delta zero) the records' bytes are copied as they are. Entries of formats 0 and
// 1 are converted. kNotFound when no record is left.
Status RepackBatch(ByteView entry, const RepackOptions& options, Bytes* out);
inline Status RepackLogAppendTime(ByteView entry, Bytes* out) {
  RepackOptions options;
  options.append_time_to_create_time = true;
  return RepackBatch(entry, options, out);
}

namespace internal {
// The records of an entry of format 0 or 1 (record_old.cc).
Result<std::vector<RecordView>> DecodeOldEntry(ByteView entry, Bytes* buffer,
                                               size_t decompressed_max);
}  // namespace internal

}  // namespace maxbrod::kafka
