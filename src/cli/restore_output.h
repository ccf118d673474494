// A restore's plan and report, as text and as JSON.
#pragma once

#include "cli/common.h"
#include "engine/restore.h"

namespace maxbrod::cli {

// `thaw`: as it was asked for.
void PrintPlan(const engine::RestorePlan& plan, const engine::ThawOptions& thaw,
               const Globals& globals);
void PrintRestoreReport(const engine::RestoreReport& report, const engine::ThawOptions& thaw,
                        const Globals& globals);

}  // namespace maxbrod::cli
