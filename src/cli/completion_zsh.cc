#include "cli/completion.h"

namespace maxbrod::cli {
namespace {

using completion::Join;
using completion::Quote;
using completion::Replace;

constexpr const char* kScript = R"script(#compdef maxbrod
# Completion of maxbrod in zsh, @MADE@.

# Names of snapshots of the repository on the line.
_maxbrod_snapshots() {
  local -a given names
  local i
  for ((i = 1; i < CURRENT; i++)); do
    case $words[i] in
      (@REPOSITORY@) ((i + 1 < CURRENT)) && given+=("$words[i]" "${(Q)words[i+1]}") ;;
      (@REPOSITORY_IS@) given+=("${(Q)words[i]}") ;;
    esac
  done
  names=(latest ${(f)"$(MAXBROD_STATE_DIR= setsid -w timeout @SECONDS@ maxbrod snapshots --json \
    "${given[@]}" </dev/null 2>/dev/null | @NAMES@)"})
  compadd -a names
}

_maxbrod_repositories() {
  if compset -P 'file://'; then
    _files -/
  else
    compadd -S '' -- file:// s3://
  fi
}

@FUNCTIONS@
if [[ $funcstack[1] == _maxbrod ]]; then
  _maxbrod "$@"
else
  compdef _maxbrod maxbrod
fi
)script";

// The text of a description within [ ] or behind a ':'.
std::string Escape(std::string text) {
  for (const char* special : {"\\", "[", "]", ":"}) {
    text = Replace(text, special, std::string("\\") + special);
  }
  return text;
}

std::string Action(const TreeOption& option, const TreeVerb& program) {
  switch (option.kind) {
    case ValueKind::kChoice:
      return "(" + Join(option.choices, " ") + ")";
    case ValueKind::kVerb: {
      std::vector<std::string> names;
      for (const TreeVerb& verb : program.verbs) names.push_back(verb.path.back());
      return "(" + Join(names, " ") + ")";
    }
    case ValueKind::kFile:
      return "_files";
    case ValueKind::kFolder:
      return "_files -/";
    case ValueKind::kRepository:
      return "_maxbrod_repositories";
    case ValueKind::kSnapshot:
      return "_maxbrod_snapshots";
    case ValueKind::kNothing:
    case ValueKind::kText:
      break;
  }
  return " ";
}

// Specifications for _arguments, a line each.
std::string Options(const TreeVerb& verb, const TreeVerb& program) {
  std::string out;
  for (const TreeOption& option : verb.options) {
    for (const std::string& name : option.names) {
      std::string spec = (option.repeats ? "*" : "") + name;
      if (!option.flag() && name.starts_with("--")) spec += "=";
      spec += "[" + Escape(option.description) + "]";
      if (!option.flag()) spec += ":" + Escape(option.value) + ":" + Action(option, program);
      out += "    " + Quote(spec) + " \\\n";
    }
  }
  return out;
}

std::string FunctionOf(const TreeVerb& verb) {
  return "_maxbrod" + (verb.path.empty() ? "" : "__" + Replace(verb.Name(), " ", "_"));
}

std::string Arguments(const TreeVerb& verb, const TreeVerb& program) {
  std::string out;
  size_t number = 1;
  for (const TreeOption& argument : verb.arguments) {
    std::string spec = argument.repeats ? "*" : std::to_string(number++);
    spec += argument.required || argument.repeats ? ":" : "::";
    spec += Escape(argument.value) + ":" + Action(argument, program);
    out += "    " + Quote(spec) + " \\\n";
  }
  return out;
}

// A verb without others below it.
std::string Leaf(const TreeVerb& verb, const TreeVerb& program) {
  std::string out = FunctionOf(verb) + "() {\n  _arguments -S \\\n";
  out += Options(program, program) + Options(verb, program) + Arguments(verb, program);
  return out + "    '(-h --help)'{-h,--help}'[Print this help message and exit]'\n}\n\n";
}

std::string Group(const TreeVerb& verb, const TreeVerb& program) {
  std::string out = FunctionOf(verb) + "() {\n  local curcontext=$curcontext state line\n";
  out += "  local -a verbs\n  _arguments -C -S \\\n";
  out += Options(program, program);
  if (!verb.path.empty()) out += Options(verb, program);
  out += "    '(-h --help)'{-h,--help}'[Print this help message and exit]' \\\n";
  out += "    '1:verb:->verb' '*::argument:->rest'\n  case $state in\n    (verb)\n      verbs=(\n";
  std::string cases;
  for (const TreeVerb& below : verb.verbs) {
    out += "        " + Quote(below.path.back() + ":" + Escape(below.description)) + "\n";
    cases += "        (" + below.path.back() + ") " + FunctionOf(below) + " ;;\n";
  }
  out += "      )\n      _describe verb verbs\n      ;;\n    (rest)\n      case $words[1] in\n";
  return out + cases + "      esac\n      ;;\n  esac\n}\n\n";
}

std::string Functions(const TreeVerb& verb, const TreeVerb& program) {
  std::string out = verb.verbs.empty() ? Leaf(verb, program) : Group(verb, program);
  for (const TreeVerb& below : verb.verbs) out += Functions(below, program);
  return out;
}

}  // namespace

std::string ZshCompletion(const TreeVerb& program) {
  const std::vector<std::string> flags = completion::RepositoryFlagsOf(program);
  std::string out = Replace(kScript, "@MADE@", completion::MadeBy("zsh"));
  out = Replace(out, "@REPOSITORY@", Join(flags, "|"));
  out = Replace(out, "@REPOSITORY_IS@", Join(flags, "=*|") + "=*");
  out = Replace(out, "@SECONDS@", completion::kSeconds);
  out = Replace(out, "@NAMES@", completion::kNamesOf);
  return Replace(out, "@FUNCTIONS@\n", Functions(program, program));
}

}  // namespace maxbrod::cli
