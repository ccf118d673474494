// How the result of a prune is shown; 'prune' and 'forget --prune' share it.
#pragma once

#include "cli/common.h"
#include "engine/prune.h"

namespace maxbrod::cli {

// Text for people, or one JSON object with `globals.json`.
void PrintPrune(const engine::PruneReport& report, bool dry_run, const Globals& globals);

// Runs a prune with progress and prints what it did. Notes the head for the next run.
Status PruneAndPrint(repo::Repository& repository, const engine::PruneOptions& options,
                     const RepositoryFlags& flags, const Globals& globals);

}  // namespace maxbrod::cli
