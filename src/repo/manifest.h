// Manifests: the block index of one topic, over all its packs. See docs/format.md, "Manifests".
//
// A topic's index is a list of manifest objects ("shards"). All are full except perhaps the last
// one; new blocks go into the last one, which is written anew under another name, while full ones
// stay as they are for ever.
#pragma once

#include <string>
#include <vector>

#include "repo/block.h"
#include "store/store.h"

namespace maxbrod::repo {

class Keyring;

// A shard is closed once this many bytes are stored in it.
inline constexpr uint64_t kManifestShardBytes = 16 * kMiB;

struct TopicManifest {
  TopicId topic_id;
  std::string topic;
  std::vector<format::PackRef> packs;
  std::vector<BlockEntry> entries;  // BlockEntry::pack is an index into `packs`; no frame checks
};

// Whether a shard takes no more blocks.
inline bool IsFullManifest(const format::ObjectRef& ref) {
  return ref.length() >= kManifestShardBytes;
}

// Writes the entries (any order; all of this topic) as new shards and returns `keep` followed by
// them. Entries of shards in `keep` are not in `entries`: the caller keeps the full ones and reads
// the last one, if it is not full, to write it again with what is new. Packs that no entry names
// are left out. Each shard is decoded again before it is stored. kInternal when an entry is not the
// topic's or names no pack.
Result<std::vector<format::ObjectRef>> WriteManifests(store::Store& store, TopicId topic_id,
                                                      const std::string& topic,
                                                      const std::vector<format::ObjectRef>& keep,
                                                      const std::vector<format::PackRef>& packs,
                                                      const std::vector<BlockEntry>& entries,
                                                      const CallContext& context,
                                                      uint64_t shard_bytes = kManifestShardBytes);

// One shard (object manifest/<sha256>); the SHA-256 of the stored bytes is compared with the
// reference.
Result<TopicManifest> ReadManifest(store::Store& store, const format::ObjectRef& ref,
                                   const CallContext& context);

// The same from bytes in memory. `name` is for messages.
Result<TopicManifest> DecodeManifest(const std::string& name, ByteView bytes,
                                     const Keyring* keys = nullptr);

}  // namespace maxbrod::repo
