// What 'show' says of a cluster's metadata: ACLs, quotas, SCRAM users, dynamic configs, features,
// the quorum, log directories, a Schema Registry, and what a snapshot lacks of them.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "repo/repository.h"

namespace maxbrod::cli {

// Counts, and what is missing and why. Lines as those of show's head.
void PrintMetadataSummary(const repo::Snapshot& snapshot);
// Tables of all of it.
void PrintMetadataTables(const repo::Snapshot& snapshot);
nlohmann::json MetadataJson(const format::ClusterMetadata& metadata);

}  // namespace maxbrod::cli
