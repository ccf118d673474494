// Completion scripts for shells, made of the tree of verbs and flags.
//
// Names of snapshots are asked of the program itself (`snapshots --json` with the repository that
// is on the line, or in MAXBROD_REPO): at most two seconds, without a terminal (so that nobody is
// asked for a passphrase), and silent where it fails.
#pragma once

#include <string>

#include "cli/command_tree.h"

namespace maxbrod::cli {

std::string BashCompletion(const TreeVerb& program);  // bash 4.3 or later
std::string ZshCompletion(const TreeVerb& program);
std::string FishCompletion(const TreeVerb& program);  // fish 3.1 or later

namespace completion {

inline constexpr const char* kSeconds = "2";
// Takes the names out of what `snapshots --json` prints.
inline constexpr const char* kNamesOf = R"sed(sed -n 's/.*"name":"\([^"\\]*\)".*/\1/p')sed";

// `text` with each `what` replaced.
std::string Replace(std::string text, const std::string& what, const std::string& by);
// 'text' for bash and zsh.
std::string Quote(const std::string& text);
// With `between` between them.
std::string Join(const std::vector<std::string>& words, const std::string& between);
// The flags with a value that `snapshots` has of its own: what it takes to reach a repository.
std::vector<std::string> RepositoryFlagsOf(const TreeVerb& program);
// For the head of a script.
std::string MadeBy(const char* shell);

}  // namespace completion
}  // namespace maxbrod::cli
