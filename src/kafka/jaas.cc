#include "kafka/jaas.h"

#include <cctype>
#include <optional>

namespace maxbrod::kafka {
namespace {

Status Bad(const std::string& what) {
  return Status(Code::kInvalidArgument, "sasl.jaas.config: " + what)
      .WithHint(
          "expected: org.apache.kafka.common.security.scram.ScramLoginModule required "
          "username=\"...\" "
          "password=\"...\";");
}

struct Token {
  enum class Kind : uint8_t { kEnd, kWord, kQuoted, kEquals, kSemicolon } kind = Kind::kEnd;
  std::string text;
};

class Tokenizer {
 public:
  explicit Tokenizer(std::string_view text) : rest_(text) {}

  Result<Token> Next() {
    MB_RETURN_IF_ERROR(SkipBlanksAndComments());
    if (rest_.empty()) return Token{};
    char c = rest_.front();
    if (c == '"' || c == '\'') return Quoted();
    if (c == '=' || c == ';') {
      rest_.remove_prefix(1);
      return Token{c == '=' ? Token::Kind::kEquals : Token::Kind::kSemicolon, std::string(1, c)};
    }
    size_t end = 0;
    while (end < rest_.size() && !std::isspace(static_cast<unsigned char>(rest_[end])) &&
           std::string_view("=;\"'").find(rest_[end]) == std::string_view::npos) {
      ++end;
    }
    Token token{Token::Kind::kWord, std::string(rest_.substr(0, end))};
    rest_.remove_prefix(end);
    return token;
  }

 private:
  Status SkipBlanksAndComments() {
    while (!rest_.empty()) {
      if (std::isspace(static_cast<unsigned char>(rest_.front()))) {
        rest_.remove_prefix(1);
      } else if (rest_.starts_with("//")) {
        rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
      } else if (rest_.starts_with("/*")) {
        size_t end = rest_.find("*/", 2);
        if (end == rest_.npos) return Bad("a comment does not end");
        rest_.remove_prefix(end + 2);
      } else {
        break;
      }
    }
    return Status::Ok();
  }

  // Escapes of java.io.StreamTokenizer: \a \b \f \n \r \t \v, up to three octal digits, else the
  // character.
  void Escape(size_t* i, std::string* out) const {
    char c = rest_[*i];
    if (c >= '0' && c <= '7') {
      int value = 0;
      size_t digits_max = c <= '3' ? 3 : 2;
      size_t from = *i;
      while (*i < rest_.size() && *i < from + digits_max && rest_[*i] >= '0' && rest_[*i] <= '7') {
        value = value * 8 + (rest_[(*i)++] - '0');
      }
      --*i;
      out->push_back(static_cast<char>(value));
      return;
    }
    constexpr std::string_view kNames = "abfnrtv", kValues = "\a\b\f\n\r\t\v";
    size_t at = kNames.find(c);
    out->push_back(at == kNames.npos ? c : kValues[at]);
  }

  Result<Token> Quoted() {
    char quote = rest_.front();
    Token token{Token::Kind::kQuoted, {}};
    for (size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == quote) {
        rest_.remove_prefix(i + 1);
        return token;
      }
      if (rest_[i] == '\\' && i + 1 < rest_.size()) {
        Escape(&++i, &token.text);
      } else {
        token.text.push_back(rest_[i]);
      }
    }
    return Bad("a quoted value does not end");
  }

  std::string_view rest_;
};

bool IsControlFlag(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text == "required" || text == "requisite" || text == "sufficient" || text == "optional";
}

}  // namespace

Result<JaasModule> ParseJaas(std::string_view text) {
  using Kind = Token::Kind;
  Tokenizer tokens(text);
  JaasModule module;
  MB_ASSIGN_OR_RETURN(Token name, tokens.Next());
  if (name.kind == Kind::kEnd) return Bad("is empty");
  if (name.kind != Kind::kWord) return Bad("does not begin with the class of a login module");
  module.login_module = name.text;
  MB_ASSIGN_OR_RETURN(Token flag, tokens.Next());
  if (flag.kind != Kind::kWord || !IsControlFlag(flag.text)) {
    return Bad(
        "after the login module one of required, requisite, sufficient, optional must follow");
  }
  while (true) {
    MB_ASSIGN_OR_RETURN(Token key, tokens.Next());
    if (key.kind == Kind::kSemicolon) return module;
    if (key.kind == Kind::kEnd) return Bad("does not end with a semicolon");
    if (key.kind != Kind::kWord)
      return Bad("the name of an option is expected where something else stands");
    MB_ASSIGN_OR_RETURN(Token equals, tokens.Next());
    if (equals.kind != Kind::kEquals) return Bad("no '=' after option " + key.text);
    MB_ASSIGN_OR_RETURN(Token value, tokens.Next());
    if (value.kind != Kind::kWord && value.kind != Kind::kQuoted) {
      return Bad("no value after option " + key.text);
    }
    module.options[key.text] = value.text;
  }
}

}  // namespace maxbrod::kafka
