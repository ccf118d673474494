#include "cli/suggest.h"

#include <algorithm>

namespace maxbrod::cli {
namespace {

std::vector<std::string> NamesOf(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* sub : app.get_subcommands({})) names.push_back(sub->get_name());
  return names;
}

}  // namespace

std::string VerbPath(const CLI::App& app) {
  if (app.get_parent() == nullptr) return "";
  std::string before = VerbPath(*app.get_parent());
  return before + (before.empty() ? "" : " ") + app.get_name();
}

std::string SubVerbs(const CLI::App& app) {
  std::string out;
  for (const std::string& name : NamesOf(app)) out += (out.empty() ? "" : ", ") + name;
  return out;
}

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> cost(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      const size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

std::string Nearest(std::string_view word, const std::vector<std::string>& names) {
  constexpr size_t kWordBytesMax = 64;  // longer is no typing error, and costs its square
  if (word.size() > kWordBytesMax) return "";
  std::string best;
  size_t best_distance = word.size() < 4 ? 2 : 3;  // from here on nothing is near any more
  for (const std::string& name : names) {
    const bool begins = word.size() >= 2 && name.starts_with(word);
    const size_t distance = begins ? 1 : EditDistance(word, name);
    if (distance < best_distance) {
      best = name;
      best_distance = distance;
    }
  }
  return best;
}

std::string NearestVerb(const CLI::App& app, std::string_view word) {
  const std::string near = Nearest(word, NamesOf(app));
  if (near.empty()) return "";
  const std::string before = VerbPath(app);
  return "'maxbrod " + (before.empty() ? "" : before + " ") + near + "'";
}

std::string NearestFlag(const CLI::App& app, std::string_view word) {
  std::vector<std::string> names;
  for (const CLI::App* at = &app; at != nullptr; at = at->get_parent()) {
    for (const CLI::Option* option : at->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  word = word.substr(0, word.find('='));
  // Two dashes are like any other in "--x": they must not make all short flags alike.
  return word.starts_with("--") ? Nearest(word, names) : "";
}

}  // namespace maxbrod::cli
