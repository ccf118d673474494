// Objects offset-map/<sha256>: the offset maps of a restore's dense topics. See docs/format.md,
// "Offset maps".
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/limits.h"
#include "repo/format.pb.h"
#include "repo/offset_map.h"
#include "store/store.h"

namespace maxbrod::repo {

class Keyring;

struct PartitionOffsetMap {
  std::string source_topic;
  std::string target_topic;
  int32_t partition = 0;
  OffsetMap map;
  bool operator==(const PartitionOffsetMap&) const = default;
};

// Bounds of one object; readers refuse more.
struct OffsetMapLimits {
  uint64_t stored_bytes = 16 * kMiB;    // an object is closed once it holds so much
  uint64_t ranges = uint64_t{4} << 20;  // 96 MiB of memory when read
  uint64_t runs = uint64_t{1} << 18;
  uint64_t run_ranges = 16'384;  // of one partition in one piece
};

// Stores the maps as one or more objects, for RestoreRecord.offset_maps, in this order. Each object
// is decoded again before it is stored. No maps: no objects. kInternal when a map cannot be stored
// (a topic without a name, negative offsets). `limits` above the default ones are refused by
// readers: only for tests.
Result<std::vector<format::ObjectRef>> WriteOffsetMaps(store::Store& store,
                                                       const std::vector<PartitionOffsetMap>& maps,
                                                       const CallContext& context,
                                                       const OffsetMapLimits& limits = {});

// Calls `map` for each partition of the record's maps, in the order they were written; memory: one
// object and one map. kNotFound, kCorrupt, kUnsupported; stops at the callback's first error.
using OffsetMapCallback = std::function<Status(PartitionOffsetMap map)>;
Status ForEachOffsetMap(store::Store& store, const format::RestoreRecord& record,
                        const OffsetMapCallback& map, const CallContext& context);
// The same, all at once. kCorrupt when a partition comes twice.
Result<std::vector<PartitionOffsetMap>> ReadOffsetMaps(store::Store& store,
                                                       const format::RestoreRecord& record,
                                                       const CallContext& context);

// One object from bytes in memory. A map that goes on in the next object is there as far as it is
// in this one. `name` is for messages.
Result<std::vector<PartitionOffsetMap>> DecodeOffsetMaps(const std::string& name, ByteView bytes,
                                                         const Keyring* keys = nullptr);

// One object from the store, its SHA-256 compared with the reference; for checks.
Status CheckOffsetMaps(store::Store& store, const format::ObjectRef& ref,
                       const CallContext& context);

}  // namespace maxbrod::repo
