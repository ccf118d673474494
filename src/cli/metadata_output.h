// The plan and the report of a restore of metadata (ACLs, quotas, users, configs), as text and as
// JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "engine/restore_metadata.h"

namespace maxbrod::cli {

// What is not as in the snapshot already, in a table; then what its owners must set again, and
// notes.
void PrintMetadataPlan(const engine::MetadataPlan& plan);
// Everything.
nlohmann::json MetadataPlanJson(const engine::MetadataPlan& plan);

void PrintMetadataReport(const engine::MetadataReport& report);
nlohmann::json MetadataReportJson(const engine::MetadataReport& report);

// kIncomplete when the target refused something.
Status MetadataOutcome(const engine::MetadataReport& report);

}  // namespace maxbrod::cli
