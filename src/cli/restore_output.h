// A restore's plan and report, as text and as JSON.
#pragma once

#include "cli/common.h"
#include "engine/restore.h"

namespace maxbrod::cli {

void PrintPlan(const engine::RestorePlan& plan, const Globals& globals);
void PrintRestoreReport(const engine::RestoreReport& report, const Globals& globals);

}  // namespace maxbrod::cli
