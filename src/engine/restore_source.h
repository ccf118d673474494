// What a restore begins from: a snapshot, or the state of the repository at any commit or time that
// its log still holds.
#pragma once

#include <string>
#include <vector>

#include "base/ids.h"
#include "engine/thaw_gate.h"
#include "repo/repository.h"

namespace maxbrod::engine {

struct RestoreSource {
  format::SnapshotRef ref;          // a snapshot's, or that of a point (Repository::AddPoint)
  std::vector<std::string> topics;  // of the topic ids that were asked for
  std::vector<std::string> notes, warnings;
  Sequence commit;         // of a point; 0: a snapshot
  bool condemned = false;  // prune has condemned some of what is read: see PinSource
};

// `text` is a snapshot's name, the beginning of its id, "latest"; or "@17", the state after commit
// 17; or "@" and a time (base/user_time.h), the state after the newest commit at or before it, by
// the store's clock. `topic_ids` (as Kafka prints them, or 32 hex digits) choose topics by id: of a
// point also those that another topic of the same name has followed.
//
// A point is made of what the log tells: data up to what was committed by then, whether or not a
// snapshot names it; topics, configs and groups of the newest snapshot at or before the commit,
// else of the first one after it. Group offsets are clipped to the data. Nothing is written. What
// no manifest holds yet is told by the packs' own indexes: they are thawed first where they have
// become cold, if `reading` allows it (kUnavailable, kIncomplete: ThawGate).
//
// kInvalidArgument for a time or commit before the first or after the last data, with the bounds;
// kNotFound for commits that are trimmed away, for data that prune has removed since (it names the
// object), and for unknown snapshots and topic ids.
Result<RestoreSource> FindRestoreSource(repo::Repository& repository, const std::string& text,
                                        const std::vector<std::string>& topic_ids,
                                        const ColdReading& reading, const CallContext& context);

// Keeps prune from removing what a restore of the source reads, for a week or until it is unpinned.
// One commit each; none for a source of which nothing is condemned.
Status PinSource(repo::Repository& repository, const RestoreSource& source,
                 const CallContext& context);
Status UnpinSource(repo::Repository& repository, const RestoreSource& source,
                   const CallContext& context);

}  // namespace maxbrod::engine
