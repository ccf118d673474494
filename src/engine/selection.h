// Which topics: by name, glob or regular expression, with exclusions.
#pragma once

#include <memory>
#include <regex>
#include <string>
#include <vector>

#include "base/status.h"

namespace maxbrod::engine {

// A pattern as users write it: a plain name, a glob (`*`, `?`, `[a-z]`) or `/regular expression/`
// (ECMAScript, must match the whole name). A value; thread-safe.
class NamePattern {
 public:
  // kInvalidArgument with the reason on a broken regular expression.
  static Result<NamePattern> Parse(const std::string& text);
  bool Matches(const std::string& name) const;
  // True for a plain name: then not finding it is an error.
  bool literal() const { return kind_ == Kind::kLiteral; }
  const std::string& text() const { return text_; }

 private:
  enum class Kind { kLiteral, kRegex };
  Kind kind_ = Kind::kLiteral;
  std::string text_;
  std::regex regex_;
};

// Include and exclude lists. Empty includes: everything.
class TopicSelection {
 public:
  static Result<TopicSelection> Parse(const std::vector<std::string>& include,
                                      const std::vector<std::string>& exclude);
  bool Matches(const std::string& name) const;
  // Internal topics (__consumer_offsets, ...) only when named or matched by an include that is not
  // just "*".
  bool MatchesInternal(const std::string& name) const;
  // Literal includes that are not in `names`.
  std::vector<std::string> MissingFrom(const std::vector<std::string>& names) const;
  // Includes that are patterns and match none of `names`.
  std::vector<std::string> IdleOver(const std::vector<std::string>& names) const;

 private:
  std::vector<NamePattern> include_, exclude_;
};

// FROM=TO or /regex/=replacement with $1.. (ECMAScript). Applied in order, the first that matches
// wins.
class Renames {
 public:
  static Result<Renames> Parse(const std::vector<std::string>& rules);
  std::string Apply(const std::string& name) const;
  bool empty() const { return rules_.empty(); }

 private:
  struct Rule {
    bool is_regex = false;
    std::string from, to;
    std::regex regex;
  };
  std::vector<Rule> rules_;
};

}  // namespace maxbrod::engine
