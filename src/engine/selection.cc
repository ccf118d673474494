#include "engine/selection.h"

#include <algorithm>

namespace maxbrod::engine {
namespace {

Result<std::regex> CompileRegex(const std::string& text) {
  try {
    return std::regex(text, std::regex::ECMAScript | std::regex::optimize);
  } catch (const std::regex_error& e) {
    return Status(Code::kInvalidArgument, "bad regular expression '" + text + "': " + e.what());
  }
}

bool IsGlob(const std::string& text) {
  return text.find_first_of("*?[") != std::string::npos;
}

std::string GlobToRegex(const std::string& glob) {
  std::string out;
  for (size_t i = 0; i < glob.size(); ++i) {
    char c = glob[i];
    if (c == '*') {
      out += ".*";
    } else if (c == '?') {
      out += '.';
    } else if (c == '[' && glob.find(']', i + 1) != std::string::npos) {
      size_t close = glob.find(']', i + 1);
      std::string set = glob.substr(i + 1, close - i - 1);
      if (!set.empty() && set[0] == '!') set[0] = '^';
      out += '[' + set + ']';
      i = close;
    } else {
      if (std::string("\\^$.|+()[]{}").find(c) != std::string::npos) out += '\\';
      out += c;
    }
  }
  return out;
}

bool IsSlashed(const std::string& text) {
  return text.size() >= 2 && text.front() == '/' && text.back() == '/';
}

}  // namespace

Result<NamePattern> NamePattern::Parse(const std::string& text) {
  NamePattern pattern;
  pattern.text_ = text;
  if (text.empty()) return Status(Code::kInvalidArgument, "empty topic pattern");
  if (!IsSlashed(text) && !IsGlob(text)) return pattern;
  pattern.kind_ = Kind::kRegex;
  std::string expression = IsSlashed(text) ? text.substr(1, text.size() - 2) : GlobToRegex(text);
  MB_ASSIGN_OR_RETURN(pattern.regex_, CompileRegex(expression));
  return pattern;
}

bool NamePattern::Matches(const std::string& name) const {
  return kind_ == Kind::kLiteral ? name == text_ : std::regex_match(name, regex_);
}

Result<TopicSelection> TopicSelection::Parse(const std::vector<std::string>& include,
                                             const std::vector<std::string>& exclude) {
  TopicSelection selection;
  for (const std::string& text : include) {
    MB_ASSIGN_OR_RETURN(NamePattern pattern, NamePattern::Parse(text));
    selection.include_.push_back(std::move(pattern));
  }
  for (const std::string& text : exclude) {
    MB_ASSIGN_OR_RETURN(NamePattern pattern, NamePattern::Parse(text));
    selection.exclude_.push_back(std::move(pattern));
  }
  return selection;
}

bool TopicSelection::Matches(const std::string& name) const {
  auto matches = [&](const NamePattern& p) { return p.Matches(name); };
  bool included = include_.empty() || std::any_of(include_.begin(), include_.end(), matches);
  return included && std::none_of(exclude_.begin(), exclude_.end(), matches);
}

bool TopicSelection::MatchesInternal(const std::string& name) const {
  bool named = std::any_of(include_.begin(), include_.end(), [&](const NamePattern& p) {
    return p.text() != "*" && p.text() != "/.*/" && p.Matches(name);
  });
  return named && Matches(name);
}

std::vector<std::string> TopicSelection::MissingFrom(const std::vector<std::string>& names) const {
  std::vector<std::string> missing;
  for (const NamePattern& p : include_) {
    if (p.literal() && std::find(names.begin(), names.end(), p.text()) == names.end()) {
      missing.push_back(p.text());
    }
  }
  return missing;
}

std::vector<std::string> TopicSelection::IdleOver(const std::vector<std::string>& names) const {
  std::vector<std::string> idle;
  for (const NamePattern& p : include_) {
    auto matches = [&](const std::string& name) { return p.Matches(name); };
    if (!p.literal() && std::none_of(names.begin(), names.end(), matches)) {
      idle.push_back(p.text());
    }
  }
  return idle;
}

Result<Renames> Renames::Parse(const std::vector<std::string>& rules) {
  Renames renames;
  for (const std::string& text : rules) {
    // A regular expression may hold '=' itself: its rule is split after the closing slash.
    size_t split = !text.empty() && text.front() == '/' ? text.rfind("/=") : text.find('=');
    if (split == std::string::npos) {
      return Status(Code::kInvalidArgument, "bad rename '" + text + "'")
          .WithHint("write FROM=TO, or /regex/=replacement with $1 for the first group");
    }
    Rule rule;
    rule.is_regex = text.front() == '/';
    rule.from = rule.is_regex ? text.substr(1, split - 1) : text.substr(0, split);
    rule.to = text.substr(split + (rule.is_regex ? 2 : 1));
    if (rule.from.empty() || rule.to.empty()) {
      return Status(Code::kInvalidArgument, "bad rename '" + text + "': both sides are needed");
    }
    if (rule.is_regex) {
      MB_ASSIGN_OR_RETURN(rule.regex, CompileRegex(rule.from));
    }
    renames.rules_.push_back(std::move(rule));
  }
  return renames;
}

std::string Renames::Apply(const std::string& name) const {
  for (const Rule& rule : rules_) {
    if (!rule.is_regex) {
      if (rule.from == name) return rule.to;
    } else if (std::regex_match(name, rule.regex)) {
      return std::regex_replace(name, rule.regex, rule.to);
    }
  }
  return name;
}

}  // namespace maxbrod::engine
