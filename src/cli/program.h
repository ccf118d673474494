// The whole command line: flags of all verbs, and every verb.
#pragma once

#include <string>
#include <vector>

#include "cli/common.h"

namespace maxbrod::cli {

// Adds everything to `app`, which must not outlive `globals`.
void BuildProgram(CLI::App& app, Globals& globals);

// Parses `arguments` (without the program's name), runs the verb and returns the exit code of
// docs/reference.md. Everything that goes wrong is told as Report does.
int RunProgram(const std::vector<std::string>& arguments, Globals& globals);

}  // namespace maxbrod::cli
