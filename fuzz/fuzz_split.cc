// Any bytes as the entries of a log, made into what a producer may send. What comes out is whole,
// contiguous, in order, and has the entry's records.
#include <cstdlib>

#include "kafka/record_split.h"

using maxbrod::Bytes;
using maxbrod::ByteView;
using maxbrod::kafka::BatchHeader;
using maxbrod::kafka::RecordIterator;
using maxbrod::kafka::RecordView;
using maxbrod::kafka::SplitBatch;
using maxbrod::kafka::SplitOptions;

namespace {

constexpr size_t kDecompressedMax = size_t{1} << 20;

void Require(bool holds) {
  if (!holds) std::abort();
}

uint64_t Records(ByteView entry, size_t decompressed_max) {
  Bytes buffer;
  auto it = RecordIterator::Open(entry, &buffer, decompressed_max);
  Require(it.ok());
  RecordView record;
  uint64_t count = 0;
  while (it->Next(&record)) ++count;
  Require(it->status().ok());
  return count;
}

void Try(ByteView entry, const SplitOptions& options, bool all) {
  std::vector<SplitBatch> batches;
  if (!SplitEntry(entry, options, &batches).ok()) {
    Require(batches.empty());
    return;
  }
  uint64_t records = 0;
  int64_t next = options.first_offset;
  for (const SplitBatch& batch : batches) {
    Require(batch.base_offset >= next && batch.next_offset > batch.base_offset);
    next = batch.next_offset;
    Require(maxbrod::kafka::CheckBatchCrc(batch.bytes).ok());
    auto header = BatchHeader::Parse(batch.bytes);
    Require(header.ok() && header->missing_records() == 0);
    Require(header->base_offset == batch.base_offset && header->next_offset() == next);
    uint64_t inside = Records(batch.bytes, size_t{1} << 30);
    Require(batch.records > 0 && batch.records <= inside);
    Require(options.fill_holes || batch.records == inside);
    records += batch.records;
  }
  Require(next - 1 <= options.last_offset);
  if (all) Require(records <= Records(entry, kDecompressedMax));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  maxbrod::kafka::BatchIterator it(ByteView(data, size));
  maxbrod::kafka::BatchEntry entry;
  while (it.Next(&entry)) {
    SplitOptions options;
    options.decompressed_max = kDecompressedMax;
    Try(entry.bytes, options, true);
    options.fill_holes = true;
    options.fillers_max = 1000;
    Try(entry.bytes, options, true);
    options.first_offset = 3;
    options.last_offset = 1003;
    Try(entry.bytes, options, false);
  }
  return 0;
}
