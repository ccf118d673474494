// A range of one partition that is to be read from a cluster, and how far that got.
#pragma once

#include <cstdint>
#include <string>

#include "base/ids.h"
#include "base/status.h"
#include "engine/batch_scan.h"

namespace maxbrod::engine {

// [start, end) of one partition, and how far reading got. Owned by the caller; a worker writes to
// it while it reads.
struct ReadRange {
  std::string topic;
  TopicId topic_id;
  int32_t partition = 0;
  int64_t start_offset = 0;
  int64_t end_offset = 0;
  bool compacted = false;  // a hole may reach the end
  bool tiered = false;     // parts may lie in remote storage (remote.storage.enable)
  // Results.
  ScanCursor cursor;
  int64_t log_start_seen = -1;  // newest log start offset a response told
  int64_t torn_to = -1;         // retention overtook the reading: what lies below was lost (-1: no)
  bool done = false;
  Status status;  // why it was given up
  TopicPartition tp() const { return {topic, partition}; }
};

}  // namespace maxbrod::engine
