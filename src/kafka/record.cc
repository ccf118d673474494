#include "kafka/record.h"

#include <string>

#include "codec/varint.h"

namespace maxbrod::kafka {
namespace {

// A varint length and that many bytes; a negative length is null. False when they are not there.
bool TakeField(ByteView* in, std::optional<ByteView>* field) {
  int32_t length;
  if (!ReadVarint(in, &length)) return false;
  if (length < 0) {
    field->reset();
    return true;
  }
  if (static_cast<size_t>(length) > in->size()) return false;
  *field = in->first(static_cast<size_t>(length));
  *in = in->subspan(static_cast<size_t>(length));
  return true;
}

bool TakeHeader(ByteView* in, RecordHeader* header) {
  std::optional<ByteView> key;
  if (!TakeField(in, &key) || !key || !TakeField(in, &header->value)) return false;
  header->key = AsText(*key);
  return true;
}

int64_t WrappingAdd(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

std::string Where(const BatchHeader& header) {
  return "record batch at offset " + std::to_string(header.base_offset) + ": ";
}

}  // namespace

Status ReadHeaders(const RecordView& record, std::vector<RecordHeader>* headers) {
  ByteView in = record.header_bytes;
  for (int32_t i = 0; i < record.header_count; ++i) {
    RecordHeader header;
    if (!TakeHeader(&in, &header)) {
      return Status(Code::kCorrupt, "record at offset " + std::to_string(record.offset) +
                                        ": a header runs beyond its record");
    }
    headers->push_back(header);
  }
  return Status::Ok();
}

Result<RecordIterator> RecordIterator::Open(ByteView entry, Bytes* buffer,
                                            size_t decompressed_max) {
  BatchIterator batches(entry);
  BatchEntry parsed;
  if (!batches.Next(&parsed) || batches.position() != entry.size()) {
    MB_RETURN_IF_ERROR(batches.status());
    return Status(Code::kCorrupt, "record batch: its size is not what its header says");
  }
  RecordIterator it;
  it.header_ = parsed.header;
  if (parsed.old_magic) {
    MB_ASSIGN_OR_RETURN(it.old_, internal::DecodeOldEntry(entry, buffer, decompressed_max));
    return it;
  }
  it.rest_ = entry.subspan(kBatchHeaderBytes);
  MB_ASSIGN_OR_RETURN(CompressionType codec, CompressionTypeFromId(parsed.header.codec_id()));
  // A batch emptied by the cleaner keeps its codec's bits but has nothing to decompress.
  if (codec != CompressionType::kNone && !it.rest_.empty()) {
    Status status = Decompress(codec, it.rest_, decompressed_max, buffer);
    if (!status.ok()) return std::move(status).WithContext(Where(parsed.header) + "records");
    it.rest_ = *buffer;
  }
  return it;
}

bool RecordIterator::Fail(const char* what) {
  status_ = Status(Code::kCorrupt, Where(header_) + what + " (record " + std::to_string(seen_) +
                                       " of " + std::to_string(header_.record_count) + ")");
  rest_ = {};
  return false;
}

bool RecordIterator::NextOld(RecordView* record) {
  if (static_cast<size_t>(seen_) == old_.size()) return false;
  *record = old_[static_cast<size_t>(seen_++)];
  return true;
}

bool RecordIterator::Next(RecordView* record) {
  if (header_.magic < kMagicV2) return NextOld(record);
  if (!status_.ok()) return false;
  if (seen_ == header_.record_count) {
    return rest_.empty() ? false : Fail("bytes are left over after the last record");
  }
  if (!ParseNext(record)) return false;
  ++seen_;
  return true;
}

bool RecordIterator::ParseNext(RecordView* record) {
  int32_t length;
  if (!ReadVarint(&rest_, &length)) return Fail("the records end too early");
  if (length < 0 || static_cast<size_t>(length) > rest_.size()) {
    return Fail("a record's length runs beyond the batch");
  }
  ByteView in = rest_.first(static_cast<size_t>(length));
  rest_ = rest_.subspan(static_cast<size_t>(length));
  if (in.empty()) return Fail("a record is empty");
  record->attributes = static_cast<int8_t>(in[0]);
  in = in.subspan(1);
  int32_t delta;
  if (!ReadVarlong(&in, &record->timestamp_delta) || !ReadVarint(&in, &delta)) {
    return Fail("a record ends inside its deltas");
  }
  if (delta <= last_delta_ || delta > header_.last_offset_delta) {
    return Fail("an offset is out of order or outside the batch");
  }
  last_delta_ = delta;
  record->offset = header_.base_offset + delta;
  record->timestamp = header_.is_log_append_time()
                          ? header_.max_timestamp
                          : WrappingAdd(header_.base_timestamp, record->timestamp_delta);
  record->encoded = in;
  if (!TakeField(&in, &record->key)) return Fail("a key runs beyond its record");
  if (!TakeField(&in, &record->value)) return Fail("a value runs beyond its record");
  if (!ReadVarint(&in, &record->header_count) || record->header_count < 0 ||
      static_cast<size_t>(record->header_count) > in.size() / 2) {
    return Fail("a count of headers is impossible");
  }
  record->header_bytes = in;
  RecordHeader header;
  for (int32_t i = 0; i < record->header_count; ++i) {
    if (!TakeHeader(&in, &header)) return Fail("a header runs beyond its record");
  }
  return in.empty() ? true : Fail("bytes are left over inside a record");
}

Result<ControlRecord> ControlRecord::Parse(const RecordView& record) {
  // Key: version i16, type i16. Value of markers: version i16, coordinator epoch i32.
  constexpr size_t kKeyBytes = 4;
  constexpr size_t kMarkerBytes = 6;
  ControlRecord control;
  std::string where = "control record at offset " + std::to_string(record.offset);
  if (!record.key || record.key->size() < kKeyBytes) {
    return Status(Code::kCorrupt, where + ": its key is too short");
  }
  control.type = LoadBig<int16_t>(record.key->data() + 2);
  if (!control.is_marker()) return control;
  if (!record.value || record.value->size() < kMarkerBytes) {
    return Status(Code::kCorrupt, where + ": its value is too short");
  }
  control.coordinator_epoch = LoadBig<int32_t>(record.value->data() + 2);
  return control;
}

Result<ControlRecord> ControlRecord::ParseBatch(ByteView batch) {
  Bytes buffer;
  MB_ASSIGN_OR_RETURN(RecordIterator it, RecordIterator::Open(batch, &buffer));
  RecordView record;
  if (!it.header().is_control() || !it.Next(&record)) {
    MB_RETURN_IF_ERROR(it.status());
    return Status(Code::kCorrupt, Where(it.header()) + "not a control batch with a record");
  }
  return Parse(record);
}

}  // namespace maxbrod::kafka
