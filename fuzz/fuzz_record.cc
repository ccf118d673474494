// Any bytes as the entries of a log and their records. What can be read can be repacked, and reads
// the same.
#include <cstdlib>

#include "kafka/record.h"

using maxbrod::Bytes;
using maxbrod::ByteView;
using maxbrod::Code;
using maxbrod::Result;
using maxbrod::Status;

namespace {

constexpr size_t kDecompressedMax = size_t{1} << 20;

struct Sum {
  Status status;
  int64_t records = 0;
  uint64_t mix = 0;  // of offsets, timestamps and lengths
};

Sum Walk(ByteView entry) {
  Sum sum;
  Bytes buffer;
  auto it = maxbrod::kafka::RecordIterator::Open(entry, &buffer, kDecompressedMax);
  if (!it.ok()) return {it.status()};
  maxbrod::kafka::RecordView record;
  auto mix = [&sum](uint64_t value) { sum.mix = sum.mix * 1099511628211u + value; };
  while (it->Next(&record)) {
    ++sum.records;
    mix(static_cast<uint64_t>(record.offset));
    mix(static_cast<uint64_t>(record.timestamp));
    mix(record.key ? record.key->size() : ~uint64_t{0});
    mix(record.value ? record.value->size() : ~uint64_t{0});
    std::vector<maxbrod::kafka::RecordHeader> headers;
    if (!ReadHeaders(record, &headers).ok()) std::abort();
    for (const auto& header : headers) mix(header.key.size());
  }
  sum.status = it->status();
  return sum;
}

void Try(ByteView entry) {
  Sum before = Walk(entry);
  maxbrod::kafka::RepackOptions options;
  options.append_time_to_create_time = true;
  options.decompressed_max = kDecompressedMax;
  Bytes out;
  Status status = RepackBatch(entry, options, &out);
  if (status.ok() && before.status.ok()) {
    Sum after = Walk(out);
    if (!after.status.ok() || after.records != before.records || after.mix != before.mix)
      std::abort();
  }
  options.first_offset = 3;
  options.last_offset = 1003;
  status = RepackBatch(entry, options, &out);
  if (status.ok() && before.status.ok() && !Walk(out).status.ok()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  maxbrod::kafka::BatchIterator it(ByteView(data, size));
  maxbrod::kafka::BatchEntry entry;
  while (it.Next(&entry)) Try(entry.bytes);
  return 0;
}
