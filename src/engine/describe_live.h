// A cluster as it is now, in the form of a snapshot: what a snapshot can be compared with.
#pragma once

#include "engine/capture.h"
#include "engine/progress.h"
#include "repo/repository.h"

namespace maxbrod::engine {

struct LiveOptions {
  TopicSelection topics;
  bool groups = true;
  registry::Registry* registry = nullptr;  // a Schema Registry to describe as well
};

// Topics with configs, placement and offsets (a partition ends at its last stable offset), brokers,
// groups; no data: records, bytes, branches and manifests stay empty. Partitions whose offsets
// cannot be had are left out, with a warning to `progress`. Errors are those of Capture; a plain
// topic name that does not exist is none here.
Result<repo::Snapshot> DescribeLive(kafka::Cluster& cluster, const LiveOptions& options,
                                    Clock& clock, Progress& progress, const CallContext& context);

}  // namespace maxbrod::engine
