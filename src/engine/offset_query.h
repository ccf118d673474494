// Questions about where a restore put things, answered from its record and its offset maps.
#pragma once

#include <string>
#include <vector>

#include "repo/offset_maps.h"
#include "repo/state.h"

namespace maxbrod::engine {

// The restores that `text` names, oldest first: the beginning of a restore's id (at least four
// digits), or a snapshot (name, id, "latest") and all restores of it that were not given up. With a
// target cluster only those into it. kNotFound, with what there is.
Result<std::vector<format::RestoreRecord>> FindRestores(const repo::State& state,
                                                        const std::string& text,
                                                        const std::string& target_cluster_id);

// By the source's name. kNotFound names what there is.
Result<format::RestoreRecord::Topic> FindRestoredTopic(const format::RestoreRecord& restore,
                                                       const std::string& source_topic);

enum class OffsetMeaning {
  kRecord,  // this very record
  kNext,    // no record of this offset was restored: the next one that was
  kEnd,     // no later record was restored: where the target goes on
};

// Where to go on reading for who would have read `source_offset` next.
struct OffsetAnswer {
  std::string source_topic, target_topic;
  int32_t partition = 0;
  int64_t source_offset = 0;
  int64_t target_offset = 0;
  OffsetMeaning meaning = OffsetMeaning::kRecord;
  int64_t record_offset = -1;  // on the source, of the record at target_offset; -1 at the end
  bool same_offsets = false;   // the topic kept its offsets: it has no map
};

// kNotFound: no such topic or partition in the restore; kUnavailable: the topic did not keep its
// offsets, and the restore was interrupted before it stored where they went.
Result<OffsetAnswer> LookUpOffset(store::Store& store, const format::RestoreRecord& restore,
                                  const std::string& source_topic, int32_t partition,
                                  int64_t source_offset, const CallContext& context);

}  // namespace maxbrod::engine
