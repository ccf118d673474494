#include "kafka/pem.h"

#include <algorithm>
#include <cctype>

namespace maxbrod::kafka {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";
constexpr std::string_view kDashes = "-----";
constexpr size_t kLineChars = 64;

bool IsBlank(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

// Base64 in lines of 64; a body with headers (old encrypted keys: "Proc-Type: ...") only has its
// lines trimmed.
void AppendBody(std::string_view body, std::string* out) {
  if (body.find(':') != body.npos) {
    body = Trim(body);
    while (!body.empty()) {
      size_t end = std::min(body.find('\n'), body.size());
      *out += Trim(body.substr(0, end));
      *out += '\n';
      body.remove_prefix(std::min(end + 1, body.size()));
    }
    return;
  }
  size_t in_line = 0;
  for (char c : body) {
    if (IsBlank(c)) continue;
    *out += c;
    if (++in_line == kLineChars) {
      *out += '\n';
      in_line = 0;
    }
  }
  if (in_line > 0) *out += '\n';
}

}  // namespace

std::string NormalizePem(std::string_view text) {
  std::string out;
  std::string_view rest = text;
  while (true) {
    size_t begin = rest.find(kBegin);
    if (begin == rest.npos) break;
    size_t label = begin + kBegin.size();
    size_t body = rest.find(kDashes, label);
    if (body == rest.npos) return std::string(text);
    std::string name(rest.substr(label, body - label));
    std::string last = std::string(kEnd) + name + std::string(kDashes);
    body += kDashes.size();
    size_t end = rest.find(last, body);
    if (end == rest.npos) return std::string(text);
    out += std::string(kBegin) + name + std::string(kDashes) + "\n";
    AppendBody(rest.substr(body, end - body), &out);
    out += last + "\n";
    rest.remove_prefix(end + last.size());
  }
  return out.empty() ? std::string(text) : out;
}

}  // namespace maxbrod::kafka
