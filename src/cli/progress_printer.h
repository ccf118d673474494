// Shows an engine::Progress while it lives: a bar on a terminal, a line every 10 s elsewhere, one
// JSON object a line with
// --json; nothing but warnings with --quiet.
#pragma once

#include <thread>

#include "cli/common.h"
#include "engine/progress.h"

namespace maxbrod::cli {

class ProgressPrinter {
 public:
  ProgressPrinter(engine::Progress& progress, const Globals& globals);
  // Prints what is still to be told and clears the bar.
  ~ProgressPrinter();

 private:
  void Loop(std::stop_token stop);
  void PrintMessages();
  void PrintState(double seconds);

  engine::Progress& progress_;
  const Globals& globals_;
  const bool terminal_;
  std::string last_phase_;
  int64_t phase_began_nanos_ = 0;
  bool bar_shown_ = false;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace maxbrod::cli
