// Who takes the room of a repository's packs: by topic, what is live and what nobody needs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "repo/liveness.h"

namespace maxbrod::engine {

struct TopicSpace {
  std::string topic;        // empty: blocks that no manifest names any more
  uint64_t live_bytes = 0;  // stored bytes; a snapshot reads them, or the next one may
  uint64_t dead_bytes = 0;  // no snapshot needs them
  uint64_t records = 0;     // of what is live
};

// The largest first; topics of one name together.
std::vector<TopicSpace> SpaceByTopic(const repo::Liveness& life);

}  // namespace maxbrod::engine
