// Any bytes as an offset map, and any records as one whose checks are right. What decodes must be
// stored as the same maps again.
#include <cstdlib>

#include "object_input.h"
#include "repo/offset_maps.h"
#include "store/mem_store.h"

using namespace maxbrod;  // NOLINT

namespace {

void Check(ByteView bytes) {
  auto maps = repo::DecodeOffsetMaps("fuzz", bytes);
  if (!maps.ok()) return;
  for (const repo::PartitionOffsetMap& m : *maps) {
    for (const repo::OffsetRange& r : m.map.ranges()) {
      if (m.map.Translate(r.source_first) != r.target_first) std::abort();
      if (m.map.SourceOf(r.target_end() - 1) != r.source_end() - 1) std::abort();
    }
  }
  store::MemStore store;
  // Pieces of two ranges each.
  repo::OffsetMapLimits limits;
  limits.run_ranges = 2;
  limits.ranges = 8;
  auto refs = repo::WriteOffsetMaps(store, *maps, {}, limits);
  if (!refs.ok()) std::abort();
  format::RestoreRecord record;
  for (const format::ObjectRef& ref : *refs) *record.add_offset_maps() = ref;
  std::vector<repo::PartitionOffsetMap> again;
  Status status = repo::ForEachOffsetMap(store, record,
                                         [&](repo::PartitionOffsetMap map) {
                                           again.push_back(std::move(map));
                                           return Status::Ok();
                                         },
                                         {});
  if (!status.ok() || again != *maps) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Check({data, size});
  Check(fuzz::Wrap(repo::ObjectType::kOffsetMap, fuzz::SplitRecords({data, size})));
  return 0;
}
