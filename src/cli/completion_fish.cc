#include "cli/completion.h"

namespace maxbrod::cli {
namespace {

using completion::Join;
using completion::Replace;

constexpr const char* kScript = R"script(# Completion of maxbrod in fish, @MADE@.

# The words on the line that are neither flags of all verbs nor their values.
function __maxbrod_words
    set -l tokens (commandline -opc)
    set -l skip no
    for token in $tokens[2..-1]
        if test $skip = yes
            set skip no
            continue
        end
        switch $token
            case @GLOBALS@
                set skip yes
            case '-*'
            case '*'
                echo -- $token
        end
    end
end

# Whether the words on the line begin with these.
function __maxbrod_at
    set -l words (__maxbrod_words)
    test (count $words) -ge (count $argv); or return 1
    for i in (seq (count $argv))
        test "$words[$i]" = "$argv[$i]"; or return 1
    end
end

# Whether they are exactly these.
function __maxbrod_only
    test (count (__maxbrod_words)) -eq (count $argv); and __maxbrod_at $argv
end

# Names of snapshots of the repository on the line.
function __maxbrod_snapshots
    set -l tokens (commandline -opc)
    set -l given
    for i in (seq (count $tokens))
        switch $tokens[$i]
            case @REPOSITORY@
                set -a given $tokens[$i] $tokens[(math $i + 1)]
            case @REPOSITORY_IS@
                set -a given $tokens[$i]
        end
    end
    echo latest
    env MAXBROD_STATE_DIR= setsid -w timeout @SECONDS@ maxbrod snapshots --json $given \
        </dev/null 2>/dev/null | @NAMES@
end

complete -c maxbrod -f
@COMPLETIONS@)script";

std::string Quote(const std::string& text) {
  return "'" + Replace(Replace(text, "\\", "\\\\"), "'", "\\'") + "'";
}

std::string QuoteAll(const std::vector<std::string>& words, const std::string& behind) {
  std::vector<std::string> quoted;
  for (const std::string& word : words) quoted.push_back(Quote(word + behind));
  return Join(quoted, " ");
}

// What stands behind `complete ... -a`; empty where there is nothing to offer.
std::string Candidates(const TreeOption& option, const TreeVerb& program) {
  switch (option.kind) {
    case ValueKind::kChoice:
      return Quote(Join(option.choices, " "));
    case ValueKind::kVerb: {
      std::vector<std::string> names;
      for (const TreeVerb& verb : program.verbs) names.push_back(verb.path.back());
      return Quote(Join(names, " "));
    }
    case ValueKind::kFolder:
      return "'(__fish_complete_directories (commandline -ct))'";
    case ValueKind::kRepository:
      return "'file:// s3://'";
    case ValueKind::kSnapshot:
      return "'(__maxbrod_snapshots)'";
    case ValueKind::kFile:
    case ValueKind::kText:
    case ValueKind::kNothing:
      break;
  }
  return "";
}

std::string Option(const std::string& when, const TreeOption& option, const TreeVerb& program) {
  std::string out = "complete -c maxbrod" + when;
  for (const std::string& name : option.names) {
    out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  if (option.kind == ValueKind::kFile) {
    out += " -r -F";
  } else if (!option.flag()) {
    out += " -x";
  }
  const std::string candidates = Candidates(option, program);
  if (!candidates.empty()) out += " -a " + candidates;
  return out + " -d " + Quote(option.description) + "\n";
}

std::string Verb(const TreeVerb& verb, const TreeVerb& program) {
  const std::string path = verb.path.empty() ? "" : " " + verb.Name();
  const std::string only = " -n '__maxbrod_only" + path + "'";
  const std::string at = verb.path.empty() ? "" : " -n '__maxbrod_at" + path + "'";
  std::string out = verb.path.empty() ? "" : "\n";
  for (const TreeVerb& below : verb.verbs) {
    out += "complete -c maxbrod" + only + " -a " + below.path.back() + " -d " +
           Quote(below.description) + "\n";
  }
  for (const TreeOption& argument : verb.arguments) {
    const std::string candidates = Candidates(argument, program);
    const bool first_only = argument.kind == ValueKind::kChoice && !argument.repeats;
    const std::string& when = first_only ? only : at;
    if (argument.kind == ValueKind::kFile) out += "complete -c maxbrod" + when + " -F\n";
    if (!candidates.empty()) out += "complete -c maxbrod" + when + " -a " + candidates + "\n";
  }
  for (const TreeOption& option : verb.options) out += Option(at, option, program);
  for (const TreeVerb& below : verb.verbs) out += Verb(below, program);
  return out;
}

}  // namespace

std::string FishCompletion(const TreeVerb& program) {
  std::vector<std::string> with_value;
  for (const TreeOption& option : program.options) {
    if (!option.flag()) with_value.push_back(option.names.front());
  }
  const std::vector<std::string> flags = completion::RepositoryFlagsOf(program);
  std::string out = Replace(kScript, "@MADE@", completion::MadeBy("fish"));
  out = Replace(out, "@GLOBALS@", QuoteAll(with_value, ""));
  out = Replace(out, "@REPOSITORY@", QuoteAll(flags, ""));
  out = Replace(out, "@REPOSITORY_IS@", QuoteAll(flags, "=*"));
  out = Replace(out, "@SECONDS@", completion::kSeconds);
  out = Replace(out, "@NAMES@", completion::kNamesOf);
  return Replace(out, "@COMPLETIONS@",
                 Verb(program, program) +
                     "complete -c maxbrod -s h -l help -d 'Print this help "
                     "message and exit'\n");
}

}  // namespace maxbrod::cli
