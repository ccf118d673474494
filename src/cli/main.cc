// The maxbrod program: parses the command line and runs one verb.
#include <iostream>

#include "cli/verbs.h"
#include "os/signals.h"

int main(int argc, char** argv) {
  using namespace maxbrod;
  cli::Globals globals;
  auto signals = ProcessSignals::Install();
  if (!signals.ok()) return cli::Report(signals.status(), globals);
  globals.stop = (*signals)->token();

  CLI::App app("maxbrod: backup, recovery and replication for Apache Kafka and Amazon MSK");
  app.require_subcommand(1);
  app.set_version_flag("--version", cli::ProgramName());
  app.fallthrough();
  app.add_flag("--json", globals.json, "One JSON object per line instead of text");
  app.add_flag("--quiet", globals.quiet, "No progress, only warnings and the result");
  app.add_option("--memory", globals.memory, "Budget for buffers (default 512MiB)");
  app.footer(
      "Exit codes: 0 done, 2 wrong command line, others as listed in docs/reference.md.\n"
      "A first backup:\n"
      "  maxbrod init   --repo file:///backups/kafka\n"
      "  maxbrod backup --repo file:///backups/kafka --bootstrap-server b1:9092 --name first");
  cli::AddInit(app, globals);
  cli::AddBackup(app, globals);
  cli::AddSnapshots(app, globals);
  cli::AddShow(app, globals);
  cli::AddRestore(app, globals);
  cli::AddOffsets(app, globals);
  cli::AddVerify(app, globals);
  cli::AddDump(app, globals);
  cli::AddKeys(app, globals);
  cli::AddBucket(app, globals);
  cli::AddDoctor(app, globals);
  cli::AddHold(app, globals);
  cli::AddRelease(app, globals);
  cli::AddEdit(app, globals);
  cli::AddRepair(app, globals);
  cli::AddStats(app, globals);
  cli::AddForget(app, globals);
  cli::AddPrune(app, globals);
  cli::AddLocks(app, globals);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    int code = app.exit(e);
    return code == 0 ? 0 : InfoOf(Code::kInvalidArgument).exit_code;
  }
  return cli::Report(globals.action(), globals);
}
