// For tests: the program run in this process.
#pragma once

#include <string>
#include <vector>

namespace maxbrod::cli {

struct RunResult {
  int code = 0;
  std::string out, err;  // of std::cout and std::cerr
};

// As main() does, but for signals. Not thread-safe: it redirects the standard streams.
RunResult RunCaptured(const std::vector<std::string>& arguments);

}  // namespace maxbrod::cli
