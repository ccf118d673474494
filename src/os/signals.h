// SIGINT and SIGTERM as a stop request for the whole process.
#pragma once

#include <memory>
#include <stop_token>
#include <thread>

#include "base/status.h"

namespace maxbrod {

// Make one in main, before other threads. The first SIGINT or SIGTERM requests a stop; the second
// ends the process at once with exit code 130. SIGPIPE is ignored. The destructor puts everything
// back.
class ProcessSignals {
 public:
  static Result<std::unique_ptr<ProcessSignals>> Install();
  ~ProcessSignals();
  ProcessSignals(const ProcessSignals&) = delete;
  ProcessSignals& operator=(const ProcessSignals&) = delete;

  std::stop_token token() const { return source_.get_token(); }
  // The same as a first signal, for a program that wants to stop itself.
  void RequestStop() { source_.request_stop(); }

 private:
  struct Saved;
  ProcessSignals();

  std::stop_source source_;
  std::unique_ptr<Saved> saved_;
  std::jthread watcher_;
};

}  // namespace maxbrod
