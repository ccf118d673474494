// Any bytes as a record set: walking must stay inside, and patching must neither repair nor break a
// checksum.
#include <cstdlib>

#include "kafka/batch.h"

using maxbrod::Bytes;
using maxbrod::ByteView;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  maxbrod::kafka::BatchIterator it(ByteView(data, size));
  maxbrod::kafka::BatchEntry entry;
  size_t walked = 0;
  while (it.Next(&entry)) {
    if (entry.bytes.data() != data + walked) std::abort();
    walked += entry.bytes.size();
    if (entry.bytes.size() != entry.header.total_bytes()) std::abort();
    bool intact = maxbrod::kafka::CheckBatchCrc(entry.bytes).ok();
    if (entry.old_magic) continue;
    Bytes batch(entry.bytes.begin(), entry.bytes.end());
    maxbrod::kafka::BatchPatch patch = maxbrod::kafka::BatchPatch::NoProducer();
    patch.base_offset = 12345;
    patch.clear_attributes = 0x78;
    patch.max_timestamp = static_cast<int64_t>(size);
    if (!PatchBatch(batch, patch).ok()) std::abort();
    if (maxbrod::kafka::CheckBatchCrc(batch).ok() != intact) std::abort();
  }
  if (walked != it.position() || walked > size) std::abort();
  if (it.status().ok() && it.cut_off() != (walked < size)) std::abort();
  return 0;
}
