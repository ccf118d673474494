// What 'show' says of a Schema Registry in a snapshot.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "repo/repository.h"

namespace maxbrod::cli {

// A line as those of show's head; nothing where no registry was read.
void PrintSchemasSummary(const format::ClusterMetadata& metadata);
void PrintSchemasTables(const format::ClusterMetadata& metadata);
// Null where no registry was read.
nlohmann::json SchemasJson(const format::ClusterMetadata& metadata);

}  // namespace maxbrod::cli
