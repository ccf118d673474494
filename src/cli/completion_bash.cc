#include <algorithm>

#include "cli/common.h"
#include "cli/completion.h"

namespace maxbrod::cli {
namespace completion {

std::string Replace(std::string text, const std::string& what, const std::string& by) {
  for (size_t at = 0; (at = text.find(what, at)) != text.npos; at += by.size()) {
    text.replace(at, what.size(), by);
  }
  return text;
}

std::string Quote(const std::string& text) {
  return "'" + Replace(text, "'", R"('\'')") + "'";
}

std::string Join(const std::vector<std::string>& words, const std::string& between) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : between) + word;
  return out;
}

std::vector<std::string> RepositoryFlagsOf(const TreeVerb& program) {
  std::vector<std::string> out;
  for (const TreeVerb& verb : program.verbs) {
    if (verb.Name() != "snapshots") continue;
    for (const TreeOption& option : verb.options) {
      if (!option.flag()) out.push_back(option.names.front());
    }
  }
  return out;
}

std::string MadeBy(const char* shell) {
  return std::string("made by 'maxbrod completion ") + shell + "' of " + ProgramName();
}

}  // namespace completion

namespace {

using completion::Join;
using completion::Quote;
using completion::Replace;

constexpr const char* kScript = R"script(# Completion of maxbrod in bash, @MADE@.

# What stands below verb $1: sets verbs and flags.
_maxbrod_below() {
  case $1 in
@BELOW@    *) verbs= flags= ;;
  esac
  flags+=' '@GLOBALS@
}

# What flag $2 of verb $1 wants: sets kind (empty: nothing, or no such flag) and values.
_maxbrod_flag() {
  kind= values=
  case "$1 $2" in
@FLAGS@  esac
  [[ -n $kind ]] && return
  case $2 in
@GLOBAL_FLAGS@  esac
}

# What argument number $2 (from 0) of verb $1 is: sets kind and values.
_maxbrod_argument() {
  kind= values=
  case "$1 $2" in
@ARGUMENTS@  esac
}

# Names of snapshots; arguments: the program, and the flags that lead to the repository.
_maxbrod_snapshots() {
  local program=$1
  shift
  echo latest
  MAXBROD_STATE_DIR= setsid -w timeout @SECONDS@ "$program" snapshots --json "$@" \
    </dev/null 2>/dev/null | @NAMES@
}

# Candidates of kind $1 (with values $2) for the word $3, a line each.
_maxbrod_candidates() {
  case $1 in
    choice) compgen -W "$2" -- "$3" ;;
    file) compgen -f -- "$3" ;;
    folder) compgen -d -- "$3" ;;
    repository)
      if [[ $3 == file://* ]]; then
        compgen -d -P file:// -- "${3#file://}"
      else
        compgen -W 'file:// s3://' -- "$3"
      fi
      ;;
    snapshot) compgen -W "$(_maxbrod_snapshots "${given[@]}")" -- "$3" ;;
  esac
}

_maxbrod() {
  local -a words=() given=()
  local word glue= cur verb= pending= kind= values= verbs= flags= args=0 i
  COMPREPLY=()
  # Readline splits words at ':' and '=' too; here they are as the program will get them.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if ((i > 1)) && [[ -n $glue || $word == [:=]* ]]; then
      words[${#words[@]} - 1]+=$word
    else
      words+=("$word")
    fi
    glue=
    [[ $word == *[:=] ]] && glue=1
  done
  given=("${words[0]}")
  cur=${words[${#words[@]} - 1]}
  for word in "${words[@]:1:${#words[@]}-2}"; do
    if [[ -n $pending ]]; then
      [[ @REPOSITORY@ == *" $pending "* ]] && given+=("$pending" "$word")
      pending=
    elif [[ $word == --?*=* ]]; then
      [[ @REPOSITORY@ == *" ${word%%=*} "* ]] && given+=("$word")
    elif [[ $word == -* ]]; then
      _maxbrod_flag "$verb" "$word"
      [[ -n $kind ]] && pending=$word
    else
      _maxbrod_below "$verb"
      if [[ " $verbs " == *" $word "* ]]; then
        verb=${verb:+$verb }$word
      else
        args=$((args + 1))
      fi
    fi
  done
  if [[ -n $pending ]]; then
    _maxbrod_flag "$verb" "$pending"
  elif [[ $cur == --?*=* ]]; then
    _maxbrod_flag "$verb" "${cur%%=*}"
    cur=${cur#*=}
  else
    _maxbrod_below "$verb"
    if [[ $cur == -* ]]; then
      kind=choice values=$flags
    elif [[ -n $verbs ]]; then
      kind=choice values=$verbs
    else
      _maxbrod_argument "$verb" "$args"
    fi
  fi
  mapfile -t COMPREPLY < <(_maxbrod_candidates "$kind" "$values" "$cur")
  # Where readline takes only what is behind the last ':' for the word, that is what it gets.
  if [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then
    COMPREPLY=("${COMPREPLY[@]#"${cur%"${cur##*:}"}"}")
  fi
  case $kind in
    file | folder) compopt -o filenames 2>/dev/null ;;
    repository) compopt -o nospace 2>/dev/null ;;
  esac
  return 0
}

complete -F _maxbrod maxbrod
)script";

const char* KindName(ValueKind kind) {
  switch (kind) {
    case ValueKind::kNothing:
      return "";
    case ValueKind::kText:
      return "text";
    case ValueKind::kChoice:
    case ValueKind::kVerb:
      return "choice";
    case ValueKind::kFile:
      return "file";
    case ValueKind::kFolder:
      return "folder";
    case ValueKind::kRepository:
      return "repository";
    case ValueKind::kSnapshot:
      return "snapshot";
  }
  return "";
}

std::string NamesOf(const std::vector<TreeVerb>& verbs) {
  std::vector<std::string> names;
  for (const TreeVerb& verb : verbs) names.push_back(verb.path.back());
  return Join(names, " ");
}

std::string FlagsOf(const TreeVerb& verb) {
  std::vector<std::string> names;
  for (const TreeOption& option : verb.options) names.push_back(option.names.front());
  return Join(names, " ");
}

// "    'restore --markers') kind=choice values='auto end-txn' ;;"
std::string Case(const std::string& pattern, const TreeOption& option, const TreeVerb& program) {
  std::string values =
      option.kind == ValueKind::kVerb ? NamesOf(program.verbs) : Join(option.choices, " ");
  return "    " + pattern + ") kind=" + KindName(option.kind) +
         (values.empty() ? "" : " values=" + Quote(values)) + " ;;\n";
}

std::string FlagCases(const TreeVerb& verb, const TreeVerb& program) {
  std::string out;
  for (const TreeOption& option : verb.options) {
    if (option.flag()) continue;
    for (const std::string& name : option.names) {
      const std::string before = verb.path.empty() ? "" : verb.Name() + " ";
      out += Case(Quote(before + name), option, program);
    }
  }
  return out;
}

}  // namespace

std::string BashCompletion(const TreeVerb& program) {
  std::string below = "    '') verbs=" + Quote(NamesOf(program.verbs)) + " flags= ;;\n";
  std::string flags, arguments;
  for (const TreeVerb* verb : AllVerbs(program)) {
    below += "    " + Quote(verb->Name()) + ") verbs=" + Quote(NamesOf(verb->verbs)) +
             " flags=" + Quote(FlagsOf(*verb)) + " ;;\n";
    flags += FlagCases(*verb, program);
    size_t number = 0;
    for (const TreeOption& argument : verb->arguments) {
      const std::string which =
          Quote(verb->Name() + " ") + (argument.repeats ? "*" : std::to_string(number++));
      arguments += Case(which, argument, program);
    }
  }
  std::string out = kScript;
  out = Replace(out, "@MADE@", completion::MadeBy("bash"));
  out = Replace(out, "@BELOW@", below);
  out = Replace(out, "@GLOBALS@", Quote(FlagsOf(program) + " --help"));
  out = Replace(out, "@FLAGS@", flags);
  out = Replace(out, "@GLOBAL_FLAGS@", FlagCases(program, program));
  out = Replace(out, "@ARGUMENTS@", arguments);
  out = Replace(out, "@SECONDS@", completion::kSeconds);
  out = Replace(out, "@NAMES@", completion::kNamesOf);
  return Replace(out, "@REPOSITORY@",
                 Quote(" " + Join(completion::RepositoryFlagsOf(program), " ") + " "));
}

}  // namespace maxbrod::cli
