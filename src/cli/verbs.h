// The verbs. Each adds itself to the command line and, when chosen, leaves its action in Globals.
#pragma once

#include "cli/common.h"

namespace maxbrod::cli {

void AddInit(CLI::App& app, Globals& globals);
void AddBackup(CLI::App& app, Globals& globals);
void AddSnapshots(CLI::App& app, Globals& globals);
void AddShow(CLI::App& app, Globals& globals);
void AddDiff(CLI::App& app, Globals& globals);
void AddTimeline(CLI::App& app, Globals& globals);
void AddRestore(CLI::App& app, Globals& globals);
void AddOffsets(CLI::App& app, Globals& globals);
void AddVerify(CLI::App& app, Globals& globals);
void AddDump(CLI::App& app, Globals& globals);
void AddKeys(CLI::App& app, Globals& globals);
void AddBucket(CLI::App& app, Globals& globals);
void AddDoctor(CLI::App& app, Globals& globals);
void AddHold(CLI::App& app, Globals& globals);
void AddRelease(CLI::App& app, Globals& globals);
void AddEdit(CLI::App& app, Globals& globals);
void AddRepair(CLI::App& app, Globals& globals);
void AddStats(CLI::App& app, Globals& globals);
void AddForget(CLI::App& app, Globals& globals);
void AddPrune(CLI::App& app, Globals& globals);
void AddLocks(CLI::App& app, Globals& globals);
void AddMetadata(CLI::App& app, Globals& globals);
void AddHelp(CLI::App& app, Globals& globals);
void AddCompletion(CLI::App& app, Globals& globals);
void AddMan(CLI::App& app, Globals& globals);

}  // namespace maxbrod::cli
