// What somebody who mistyped a verb or a flag probably meant.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace maxbrod::cli {

// "keys list"; empty for the program itself.
std::string VerbPath(const CLI::App& app);
// "list, add, remove, rotate": the names of its sub-verbs.
std::string SubVerbs(const CLI::App& app);

// How many characters must be changed, added, removed, or swapped with their neighbour (Damerau's
// distance, each place touched once).
size_t EditDistance(std::string_view a, std::string_view b);
// The nearest of the names, or one that `word` begins; empty where none is near.
std::string Nearest(std::string_view word, const std::vector<std::string>& names);

// Quoted, with what stands before it: "'maxbrod restore'". Empty where none is near.
std::string NearestVerb(const CLI::App& app, std::string_view word);
// "--topics": of the verb's own flags and those of all verbs.
std::string NearestFlag(const CLI::App& app, std::string_view word);

}  // namespace maxbrod::cli
