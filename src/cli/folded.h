// Pieces of text for people, to standard output.
#pragma once

#include <string>

#include "cli/output.h"

namespace maxbrod::cli {

// Words in lines of at most 100 columns; those after the first begin below the
// text.
void PrintFolded(const std::string& label, const std::string& text);

// Below an empty line; nothing at all where the table is empty.
void PrintTable(const Table& table);

}  // namespace maxbrod::cli
