#include "cli/man_page.h"

#include <string_view>
#include <utility>

#include "base/status.h"
#include "cli/common.h"
#include "cli/completion.h"

namespace maxbrod::cli {
namespace {

using completion::Replace;

// Variables that stand for no flag; scripts/check_docs.py compares them with the sources.
constexpr std::pair<const char*, const char*> kVariables[] = {
    {"MAXBROD_PASSPHRASE", "Passphrase of the repository; a file is better."},
    {"MAXBROD_PASSPHRASE_FILE", "Used when neither --passphrase-file nor --key-file is given."},
    {"MAXBROD_KEY_FILE", "Likewise."},
    {"MAXBROD_STATE_DIR",
     "Folder of the heads that this host has seen, and of restores with --as-of. Default: "
     "$XDG_STATE_HOME/maxbrod, else ~/.local/state/maxbrod. Empty: none are kept."},
    {"MAXBROD_LOG",
     "Level of the log on standard error: trace, debug, info, warn (default), error, off."},
    {"MAXBROD_CRASH_AT", "For tests of maxbrod only."},
};

// Text that roff shows as it is.
std::string Escape(std::string text) {
  text = Replace(std::move(text), "\\", "\\e");
  text = Replace(std::move(text), "-", "\\-");
  text = Replace(std::move(text), "'", "\\(aq");
  text = Replace(std::move(text), "~", "\\(ti");
  text = Replace(std::move(text), "^", "\\(ha");
  return Replace(std::move(text), "`", "\\(ga");
}

// The same at the beginning of a line, where a dot would be a request.
std::string Line(const std::string& text) {
  const std::string escaped = Escape(text);
  return (escaped.starts_with('.') ? "\\&" : "") + escaped + "\n";
}

std::string Sentence(std::string text) {
  if (!text.empty() && text.back() != '.') text += '.';
  return text;
}

std::string Bold(const std::string& text) {
  return "\\fB" + Escape(text) + "\\fR";
}

std::string Italic(const std::string& text) {
  return "\\fI" + Escape(text) + "\\fR";
}

std::string Head(const std::string& name) {
  std::string upper = name;
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return ".TH " + Escape(upper) + " 1 \"\" \"" + Escape(ProgramName()) + "\" \"maxbrod manual\"\n";
}

std::string OptionItem(const TreeOption& option) {
  std::string out = ".TP\n";
  for (size_t i = 0; i < option.names.size(); ++i) {
    out += (i == 0 ? "" : ", ") + Bold(option.names[i]);
  }
  if (!option.flag()) out += " " + Italic(option.value);
  out += "\n" + Line(Sentence(option.description));
  if (option.required) out += Line("Required.");
  if (option.repeats) out += Line("May be repeated.");
  if (!option.variable.empty()) {
    out += "Environment: " + Bold(option.variable) + ".\n";
  }
  return out;
}

std::string ArgumentItem(const TreeOption& argument) {
  return ".TP\n" + Italic(argument.value) + "\n" + Line(Sentence(argument.description));
}

// ".B maxbrod restore" with arguments and flags.
std::string Synopsis(const TreeVerb& verb) {
  std::string out = ".PP\n" + Bold("maxbrod " + verb.Name());
  for (const TreeOption& argument : verb.arguments) {
    std::string word = Italic(argument.value) + (argument.repeats ? " ..." : "");
    out += argument.required ? " " + word : " [" + word + "]";
  }
  for (const TreeOption& option : verb.options) {
    if (option.required) out += " " + Bold(option.names.front()) + " " + Italic(option.value);
  }
  return out + " [" + Italic("options") + "]\n";
}

// Of the verb and of those below it.
std::string ExampleLines(const TreeVerb& verb) {
  std::string out;
  for (const std::string& example : verb.examples) {
    out += ".PP\n.RS 4\n.nf\n" + Line(example) + ".fi\n.RE\n";
  }
  if (verb.path.empty()) return out;
  for (const TreeVerb& below : verb.verbs) out += ExampleLines(below);
  return out;
}

std::string Examples(const TreeVerb& verb) {
  const std::string lines = ExampleLines(verb);
  return lines.empty() ? "" : ".SH EXAMPLES\n" + lines;
}

std::string ExitStatus() {
  std::string out = ".SH EXIT STATUS\n";
  for (int code = 0; code <= static_cast<int>(Code::kInternal); ++code) {
    const CodeInfo& info = InfoOf(static_cast<Code>(code));
    out += ".TP\n" + Bold(std::to_string(info.exit_code)) + " (" + Escape(std::string(info.name)) +
           ")\n" + Line(Sentence(std::string(info.meaning)));
  }
  return out;
}

std::string Environment(const TreeVerb& program) {
  std::vector<std::pair<std::string, std::string>> items;
  auto add = [&](const TreeVerb& verb) {
    for (const TreeOption& option : verb.options) {
      if (option.variable.empty()) continue;
      bool known = false;
      for (const auto& item : items) known = known || item.first == option.variable;
      if (!known) {
        items.emplace_back(option.variable, "Used when " + option.names.front() + " is not given.");
      }
    }
  };
  add(program);
  for (const TreeVerb* verb : AllVerbs(program)) add(*verb);
  for (const auto& [name, meaning] : kVariables) items.emplace_back(name, meaning);
  std::string out = ".SH ENVIRONMENT\n";
  for (const auto& [name, meaning] : items) out += ".TP\n" + Bold(name) + "\n" + Line(meaning);
  return out;
}

std::string SeeAlso(const std::vector<std::string>& pages) {
  std::string out = ".SH SEE ALSO\n";
  for (size_t i = 0; i < pages.size(); ++i) {
    out += ".BR " + Escape(pages[i]) + " (1)" + (i + 1 < pages.size() ? "," : "") + "\n";
  }
  return out;
}

std::string PageName(const TreeVerb& verb) {
  return verb.path.empty() ? "maxbrod" : "maxbrod-" + verb.path.front();
}

ManPage ProgramPage(const TreeVerb& program) {
  ManPage page{"maxbrod", Head("maxbrod")};
  std::string& out = page.text;
  const std::string what = program.description.substr(program.description.find(' ') + 1);
  out += ".SH NAME\nmaxbrod \\- " + Line(what);
  out += ".SH SYNOPSIS\n" + Bold("maxbrod") + " [" + Italic("options") + "] " + Italic("verb") +
         " [" + Italic("options") + "]\n";
  out += ".SH DESCRIPTION\n" +
         Line(
             "Takes snapshots of a Kafka cluster into a repository (a folder, or a bucket of S3),"
             " and puts them into a cluster again, at the same offsets.") +
         ".PP\nEach verb has a page of its own.\n.SS Verbs\n";
  std::vector<std::string> pages;
  for (const TreeVerb& verb : program.verbs) {
    out += ".TP\n" + Bold(verb.Name()) + "\n" + Line(Sentence(verb.description));
    pages.push_back(PageName(verb));
  }
  out += ".SH OPTIONS\n" + Line("They may stand before or behind the verb.");
  for (const TreeOption& option : program.options) out += OptionItem(option);
  out += ExitStatus() + Environment(program) + Examples(program) + SeeAlso(pages);
  return page;
}

ManPage VerbPage(const TreeVerb& verb) {
  ManPage page{PageName(verb), Head(PageName(verb))};
  std::string& out = page.text;
  out += ".SH NAME\n" + Escape(page.name) + " \\- " + Line(verb.description);
  out += ".SH SYNOPSIS\n";
  if (verb.verbs.empty()) out += Synopsis(verb);
  for (const TreeVerb& below : verb.verbs) out += Synopsis(below);
  out += ".SH DESCRIPTION\n" + Line(Sentence(verb.description));
  for (const std::string& remark : verb.remarks) out += ".PP\n" + Line(Sentence(remark));
  if (!verb.verbs.empty()) {
    out += ".SH VERBS\n";
    for (const TreeVerb& below : verb.verbs) {
      out += ".SS " + Escape(below.path.back()) + "\n" + Line(Sentence(below.description));
      for (const std::string& remark : below.remarks) out += ".PP\n" + Line(Sentence(remark));
      for (const TreeOption& argument : below.arguments) out += ArgumentItem(argument);
      for (const TreeOption& option : below.options) out += OptionItem(option);
    }
  }
  if (!verb.arguments.empty()) {
    out += ".SH ARGUMENTS\n";
    for (const TreeOption& argument : verb.arguments) out += ArgumentItem(argument);
  }
  if (!verb.options.empty()) {
    out += ".SH OPTIONS\n";
    for (const TreeOption& option : verb.options) out += OptionItem(option);
  }
  out += ".PP\nOptions of all verbs, exit codes and variables are told in\n.BR maxbrod (1).\n";
  out += Examples(verb) + SeeAlso({"maxbrod"});
  return page;
}

}  // namespace

std::vector<ManPage> ManPages(const TreeVerb& program) {
  std::vector<ManPage> out = {ProgramPage(program)};
  for (const TreeVerb& verb : program.verbs) out.push_back(VerbPage(verb));
  return out;
}

}  // namespace maxbrod::cli
