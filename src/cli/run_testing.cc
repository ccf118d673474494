#include "cli/run_testing.h"

#include <iostream>
#include <sstream>

#include "cli/output.h"
#include "cli/program.h"

namespace maxbrod::cli {

RunResult RunCaptured(const std::vector<std::string>& arguments) {
  Globals globals;
  std::ostringstream out, err;
  std::streambuf* old_out = std::cout.rdbuf(out.rdbuf());
  std::streambuf* old_err = std::cerr.rdbuf(err.rdbuf());
  RunResult result;
  result.code = RunProgram(arguments, globals);
  std::cout.rdbuf(old_out);
  std::cerr.rdbuf(old_err);
  SetDisplay({});
  result.out = out.str();
  result.err = err.str();
  return result;
}

}  // namespace maxbrod::cli
