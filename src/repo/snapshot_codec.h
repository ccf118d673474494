// Snapshot objects: a self-contained root each. Large topics, groups and lists are cut into several
// records.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "repo/state.h"

namespace maxbrod::repo {

class Keyring;

// The parts of a snapshot object.
struct SnapshotContents {
  format::SnapshotHeader header;
  std::vector<format::TopicSnapshot> topics;
  std::vector<format::GroupSnapshot> groups;
  format::ClusterMetadata metadata;
};

// The stored bytes, decoded again and compared. kInternal when something cannot be cut small
// enough.
Result<Bytes> EncodeSnapshot(const SnapshotContents& contents, const Keyring* keys = nullptr);
// kCorrupt, kUnsupported. `name` is for messages.
Result<SnapshotContents> DecodeSnapshot(const std::string& name, ByteView stored,
                                        const Keyring* keys = nullptr);

// By name, id (hex, at least 4 digits, unambiguous) or "latest" (the newest). kNotFound lists near
// names; kInvalidArgument when ambiguous.
Result<format::SnapshotRef> FindSnapshotIn(const State& state, const std::string& name_or_id);

}  // namespace maxbrod::repo
