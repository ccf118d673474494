// Manual pages in roff (the man macros), made of the tree of verbs and flags, the table of exit
// codes and the examples of the verbs' footers.
#pragma once

#include <string>
#include <vector>

#include "cli/command_tree.h"

namespace maxbrod::cli {

struct ManPage {
  std::string name;  // "maxbrod-restore", of section 1
  std::string text;
};

// maxbrod(1), and one page for each verb of `program.verbs` (with its sub-verbs).
std::vector<ManPage> ManPages(const TreeVerb& program);

}  // namespace maxbrod::cli
