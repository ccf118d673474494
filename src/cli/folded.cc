#include "cli/folded.h"

#include <iostream>
#include <sstream>

namespace maxbrod::cli {

void PrintFolded(const std::string& label, const std::string& text) {
  constexpr size_t kColumns = 100;
  std::string line = label;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    bool fits = line.size() + 1 + word.size() <= kColumns || line.size() <= label.size();
    if (!fits) {
      std::cout << line << "\n";
      line = std::string(label.size(), ' ');
    }
    line += (line.size() > label.size() ? " " : "") + word;
  }
  std::cout << line << "\n";
}

void PrintTable(const Table& table) {
  if (table.empty()) return;
  std::cout << "\n";
  table.Print(std::cout);
}

}  // namespace maxbrod::cli
