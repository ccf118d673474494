#include "cli/command_tree.h"

#include <algorithm>
#include <cctype>
#include <sstream>
#include <string_view>

#include "cli/suggest.h"

namespace maxbrod::cli {
namespace {

// "TEXT:{fail,skip}" gives {"fail", "skip"}: how CLI::IsMember shows itself.
std::vector<std::string> Choices(const std::string& type) {
  const size_t from = type.find('{'), to = type.rfind('}');
  std::vector<std::string> out;
  if (from == type.npos || to == type.npos || to < from) return out;
  std::istringstream list(type.substr(from + 1, to - from - 1));
  for (std::string one; std::getline(list, one, ',');) out.push_back(one);
  return out;
}

std::string UpperCase(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

bool TakesSnapshot(const CLI::Option& option) {
  return option.get_positional() &&
         (option.get_description().find("'latest'") != std::string::npos ||
          option.get_single_name().starts_with("snapshot"));
}

ValueKind KindOf(const CLI::Option& option, const std::string& name, const std::string& type,
                 const std::vector<std::string>& choices) {
  if (option.get_items_expected_max() == 0) return ValueKind::kNothing;
  if (!choices.empty()) return ValueKind::kChoice;
  if (type == "FILE" || name.ends_with("-file")) return ValueKind::kFile;
  if (type == "DIR" || name.ends_with("-dir")) return ValueKind::kFolder;
  if (type == "URL") return ValueKind::kRepository;
  if (type == "VERB") return ValueKind::kVerb;
  return TakesSnapshot(option) ? ValueKind::kSnapshot : ValueKind::kText;
}

// CLI11's names of types, in words that tell something.
std::string Placeholder(const TreeOption& option, const std::string& type) {
  switch (option.kind) {
    case ValueKind::kNothing:
      return "";
    case ValueKind::kFile:
      return "FILE";
    case ValueKind::kFolder:
      return "DIR";
    case ValueKind::kChoice: {
      std::string out;
      for (const std::string& choice : option.choices) out += (out.empty() ? "" : "|") + choice;
      return out;
    }
    default:
      break;
  }
  const std::string word = type.substr(0, type.find_first_of(": "));
  if (word == "INT" || word == "UINT" || word == "FLOAT") return "N";
  return word.empty() || word == "TEXT" ? "VALUE" : word;
}

TreeOption ReadOption(const CLI::Option& option) {
  TreeOption out;
  const std::string type = option.get_type_name();
  for (const std::string& name : option.get_lnames()) out.names.push_back("--" + name);
  for (const std::string& name : option.get_snames()) out.names.push_back("-" + name);
  const bool argument = out.names.empty();
  if (argument) out.names.push_back(option.get_name(true));
  out.choices = Choices(type);
  out.kind = KindOf(option, out.names.front(), type, out.choices);
  out.value = Placeholder(out, type);
  if (argument && out.kind != ValueKind::kChoice) out.value = UpperCase(out.names.front());
  out.description = option.get_description();
  out.variable = option.get_envname();
  out.required = option.get_required();
  out.repeats = option.get_items_expected_max() > 1;
  return out;
}

void ReadFooter(const std::string& footer, TreeVerb* verb) {
  std::istringstream lines(footer);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line == "Example:" || line == "Examples:") continue;
    if (line.starts_with("  ")) {
      verb->examples.push_back(line.substr(2));
    } else {
      verb->remarks.push_back(line);
    }
  }
}

}  // namespace

std::string TreeVerb::Name() const {
  std::string out;
  for (const std::string& word : path) out += (out.empty() ? "" : " ") + word;
  return out;
}

TreeVerb ReadTree(const CLI::App& app) {
  TreeVerb out;
  std::istringstream words(VerbPath(app));
  for (std::string word; words >> word;) out.path.push_back(word);
  out.description = app.get_description();
  ReadFooter(app.get_footer(), &out);
  for (const CLI::Option* option : app.get_options()) {
    if (option == app.get_help_ptr() || option->get_group().empty()) continue;
    const bool argument = !option->nonpositional();
    (argument ? out.arguments : out.options).push_back(ReadOption(*option));
  }
  for (const CLI::App* sub : app.get_subcommands({})) {
    if (!sub->get_group().empty()) out.verbs.push_back(ReadTree(*sub));
  }
  return out;
}

std::vector<const TreeVerb*> AllVerbs(const TreeVerb& program) {
  std::vector<const TreeVerb*> out;
  for (const TreeVerb& verb : program.verbs) {
    out.push_back(&verb);
    for (const TreeVerb* below : AllVerbs(verb)) out.push_back(below);
  }
  return out;
}

}  // namespace maxbrod::cli
