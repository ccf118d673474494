// Java's .properties syntax, as java.util.Properties.load reads it.
#include "base/bytes.h"
#include "kafka/client_config.h"

namespace maxbrod::kafka {
namespace {

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\f';
}

// A line after continuation lines were joined, and the number of its first line.
struct LogicalLine {
  std::string text;
  size_t number = 0;
};

// A line continues when it ends in an odd number of backslashes; blanks in front of the next are
// dropped.
bool Continues(std::string_view line) {
  size_t slashes = 0;
  while (slashes < line.size() && line[line.size() - 1 - slashes] == '\\') ++slashes;
  return slashes % 2 == 1;
}

std::vector<LogicalLine> LogicalLines(std::string_view text) {
  std::vector<LogicalLine> lines;
  bool continuing = false;
  size_t number = 0;
  while (!text.empty()) {
    size_t end = text.find_first_of("\r\n");
    std::string_view line = text.substr(0, end);
    size_t eol = end == text.npos ? 0 : text.substr(end, 2) == "\r\n" ? 2 : 1;
    text.remove_prefix(line.size() + eol);
    ++number;
    while (!line.empty() && IsBlank(line.front())) line.remove_prefix(1);
    if (!continuing && (line.empty() || line.front() == '#' || line.front() == '!')) continue;
    bool more = Continues(line);
    if (more) line.remove_suffix(1);
    if (continuing) {
      lines.back().text += line;
    } else {
      lines.push_back({std::string(line), number});
    }
    continuing = more;
  }
  return lines;
}

void AppendUtf8(uint32_t c, std::string* out) {
  if (c < 0x80) {
    out->push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out->push_back(static_cast<char>(0xC0 | (c >> 6)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else if (c < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | (c >> 12)));
    out->push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else {
    out->push_back(static_cast<char>(0xF0 | (c >> 18)));
    out->push_back(static_cast<char>(0x80 | ((c >> 12) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3F)));
  }
}

bool ParseHex4(std::string_view text, uint32_t* out) {
  Bytes bytes;
  if (text.size() < 4 || !FromHex(text.substr(0, 4), &bytes)) return false;
  *out = LoadBig<uint16_t>(bytes.data());
  return true;
}

// Undoes \t \n \r \f \uXXXX (pairs of surrogates too); a backslash before anything else vanishes.
bool Unescape(std::string_view text, std::string* out) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out->push_back(text[i]);
      continue;
    }
    if (++i == text.size()) break;  // only at the end of the file
    switch (text[i]) {
      case 't':
        out->push_back('\t');
        break;
      case 'n':
        out->push_back('\n');
        break;
      case 'r':
        out->push_back('\r');
        break;
      case 'f':
        out->push_back('\f');
        break;
      case 'u': {
        uint32_t c = 0, low = 0;
        if (!ParseHex4(text.substr(i + 1), &c)) return false;
        i += 4;
        if (c >= 0xD800 && c < 0xDC00 && text.substr(i + 1, 2) == "\\u" &&
            ParseHex4(text.substr(i + 3), &low) && low >= 0xDC00 && low < 0xE000) {
          c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
          i += 6;
        }
        AppendUtf8(c, out);
        break;
      }
      default:
        out->push_back(text[i]);
    }
  }
  return true;
}

// Position of the first unescaped '=', ':' or blank.
size_t KeyEnd(std::string_view line) {
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == '=' || line[i] == ':' || IsBlank(line[i])) {
      return i;
    }
  }
  return line.size();
}

}  // namespace

Result<std::map<std::string, std::string>> ParseProperties(const std::string& text) {
  std::map<std::string, std::string> properties;
  std::string_view all = text;
  if (all.starts_with("\xEF\xBB\xBF")) all.remove_prefix(3);  // editors on Windows put it there
  for (const LogicalLine& line : LogicalLines(all)) {
    std::string_view rest = line.text;
    size_t key_end = KeyEnd(rest);
    std::string_view raw_key = rest.substr(0, key_end);
    rest.remove_prefix(key_end);
    while (!rest.empty() && IsBlank(rest.front())) rest.remove_prefix(1);
    if (!rest.empty() && (rest.front() == '=' || rest.front() == ':')) rest.remove_prefix(1);
    while (!rest.empty() && IsBlank(rest.front())) rest.remove_prefix(1);
    std::string key, value;
    if (!Unescape(raw_key, &key) || !Unescape(rest, &value)) {
      return Status(Code::kInvalidArgument,
                    "line " + std::to_string(line.number) +
                        " of the properties: \\u without four hexadecimal digits")
          .WithHint("write a backslash in a value twice: \\\\");
    }
    if (key.empty()) {
      return Status(Code::kInvalidArgument,
                    "line " + std::to_string(line.number) + " of the properties has no key");
    }
    properties[key] = value;
  }
  return properties;
}

}  // namespace maxbrod::kafka
