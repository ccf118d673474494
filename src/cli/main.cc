// The maxbrod program.
#include "cli/program.h"
#include "os/signals.h"

int main(int argc, char** argv) {
  using namespace maxbrod;
  cli::Globals globals;
  auto signals = ProcessSignals::Install();
  if (!signals.ok()) return cli::Report(signals.status(), globals);
  globals.stop = (*signals)->token();
  return cli::RunProgram(std::vector<std::string>(argv + 1, argv + argc), globals);
}
