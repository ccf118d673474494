// The snapshot that nobody took: what the repository held at one commit.
#pragma once

#include <string>
#include <vector>

#include "engine/thaw_gate.h"
#include "repo/repository.h"

namespace maxbrod::engine {

struct PointSnapshot {
  repo::Snapshot snapshot;
  std::vector<std::string> topics;  // of the topic ids that were asked for
  std::vector<std::string> notes, warnings;
  bool condemned = false;
};

// See FindRestoreSource. `then` is the state right after the commit (state_at.h). The data is read
// by the indexes of today's state where that still has all of it, else by those of `then`.
Result<PointSnapshot> MakePointSnapshot(repo::Repository& repository, const repo::State& then,
                                        const std::vector<std::string>& topic_ids,
                                        const ColdReading& reading, const CallContext& context);

// Whether any data was committed by then.
bool HoldsData(const repo::State& state);

// A topic's id as users write it: as Kafka prints it, or 32 hex digits.
bool IsTopicId(const std::string& text, const TopicId& id);

}  // namespace maxbrod::engine
