// Long texts for people.
#pragma once

#include <string>

namespace maxbrod::cli {

// To standard output: words in lines of at most 100 columns; those after the first begin below the
// text.
void PrintFolded(const std::string& label, const std::string& text);

}  // namespace maxbrod::cli
