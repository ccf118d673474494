#include "aws/profile.h"

#include <algorithm>
#include <cctype>
#include <optional>

namespace maxbrod::aws {
namespace {

constexpr std::string_view kBlanks = " \t\r\f\v";

std::string_view Trim(std::string_view text) {
  size_t from = text.find_first_not_of(kBlanks);
  if (from == text.npos) return {};
  return text.substr(from, text.find_last_not_of(kBlanks) - from + 1);
}

bool IsBlank(char c) {
  return kBlanks.find(c) != kBlanks.npos;
}

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// Without the comment that may follow a value: '#' or ';' after a blank.
std::string_view WithoutComment(std::string_view value) {
  for (size_t i = 1; i < value.size(); ++i) {
    if ((value[i] == '#' || value[i] == ';') && IsBlank(value[i - 1])) return value.substr(0, i);
  }
  return value;
}

struct Section {
  bool wanted = false;    // a profile, rather than [sso-session x], [services x] ...
  bool prefixed = false;  // [profile x]
  std::string name;
};

// What stands between the brackets.
Section ParseSection(std::string_view title, bool is_config) {
  title = Trim(title);
  Section section;
  std::string_view name = title;
  size_t blank = title.find_first_of(kBlanks);
  if (is_config && title.starts_with("profile") && blank == 7) {
    section.prefixed = true;
    name = Trim(title.substr(7));
  }
  if (name.size() >= 2 && (name.front() == '"' || name.front() == '\'') &&
      name.back() == name.front()) {
    name = name.substr(1, name.size() - 2);
  }
  section.name = std::string(name);
  section.wanted = !is_config || section.prefixed || title == "default";
  return section;
}

using Profiles = std::map<std::string, Profile>;

class FileParser {
 public:
  FileParser(bool is_config, const std::string& path) : is_config_(is_config), path_(path) {}

  Result<Profiles> Parse(std::string_view text) {
    while (!text.empty()) {
      size_t end = text.find('\n');
      std::string_view line = text.substr(0, end);
      text.remove_prefix(end == text.npos ? text.size() : end + 1);
      ++line_number_;
      MB_RETURN_IF_ERROR(Line(line));
    }
    return std::move(profiles_);
  }

 private:
  Status Bad(const std::string& what) const {
    return Status(Code::kInvalidArgument,
                  "'" + path_ + "', line " + std::to_string(line_number_) + ": " + what);
  }

  Status Line(std::string_view line) {
    std::string_view trimmed = Trim(line);
    if (trimmed.empty() || trimmed.front() == '#' || trimmed.front() == ';') return Status::Ok();
    if (trimmed.front() == '[') return Header(trimmed);
    if (!seen_header_) return Bad("stands before the first [section]");
    // An indented line goes on with the property above it; only nested settings (s3 = ...) use
    // that, and none of them concerns us.
    if (IsBlank(line.front())) return Status::Ok();
    size_t equals = trimmed.find('=');
    if (equals == trimmed.npos) return Bad("expected name = value");
    std::string key = Lower(Trim(trimmed.substr(0, equals)));
    if (key.empty()) return Bad("no name before the '='");
    if (current_ != nullptr)
      current_->values[key] = std::string(Trim(WithoutComment(trimmed.substr(equals + 1))));
    return Status::Ok();
  }

  Status Header(std::string_view line) {
    size_t close = line.find(']');
    if (close == line.npos) return Bad("a [section] without its closing bracket");
    seen_header_ = true;
    Section section = ParseSection(line.substr(1, close - 1), is_config_);
    current_ = nullptr;
    if (!section.wanted || section.name.empty()) return Status::Ok();
    // [profile default] replaces [default], in whatever order they stand.
    if (is_config_ && section.name == "default") {
      if (section.prefixed && !prefixed_default_) profiles_.erase("default");
      if (!section.prefixed && prefixed_default_) return Status::Ok();
      prefixed_default_ = prefixed_default_ || section.prefixed;
    }
    current_ = &profiles_[section.name];
    current_->name = section.name;
    return Status::Ok();
  }

  bool is_config_;
  std::string path_;
  int line_number_ = 0;
  bool seen_header_ = false;
  bool prefixed_default_ = false;
  Profiles profiles_;
  Profile* current_ = nullptr;
};

std::string PathOf(Environment& environment, const std::string& variable, const std::string& name) {
  std::string home = environment.Variable("HOME").value_or("");
  auto path = environment.Variable(variable);
  if (!path) return home + "/.aws/" + name;
  if (*path == "~" || path->starts_with("~/")) return home + path->substr(1);
  return *path;
}

Result<std::string> ReadIfThere(Environment& environment, const std::string& path) {
  auto text = environment.ReadFile(path);
  if (!text.ok() && text.status().code() == Code::kNotFound) return std::string();
  return text;
}

}  // namespace

const std::string& Profile::Get(const std::string& key) const {
  static const std::string kNone;
  auto it = values.find(key);
  return it == values.end() ? kNone : it->second;
}

Result<ProfileFiles> ProfileFiles::Parse(std::string_view config, std::string_view credentials,
                                         const std::string& config_path,
                                         const std::string& credentials_path) {
  ProfileFiles files;
  files.where_ = "'" + config_path + "' and '" + credentials_path + "'";
  MB_ASSIGN_OR_RETURN(files.profiles_, FileParser(true, config_path).Parse(config));
  MB_ASSIGN_OR_RETURN(Profiles secrets, FileParser(false, credentials_path).Parse(credentials));
  for (auto& [name, profile] : secrets) {
    Profile& into = files.profiles_[name];
    into.name = name;
    for (auto& [key, value] : profile.values) into.values[key] = std::move(value);
  }
  return files;
}

Result<ProfileFiles> ProfileFiles::Read(Environment& environment) {
  std::string config_path = PathOf(environment, "AWS_CONFIG_FILE", "config");
  std::string credentials_path = PathOf(environment, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
  MB_ASSIGN_OR_RETURN(std::string config, ReadIfThere(environment, config_path));
  MB_ASSIGN_OR_RETURN(std::string credentials, ReadIfThere(environment, credentials_path));
  return Parse(config, credentials, config_path, credentials_path);
}

const Profile* ProfileFiles::Find(const std::string& name) const {
  auto it = profiles_.find(name);
  return it == profiles_.end() ? nullptr : &it->second;
}

std::string ProfileName(Environment& environment, const std::string& explicit_name) {
  if (!explicit_name.empty()) return explicit_name;
  return environment.Variable("AWS_PROFILE").value_or("default");
}

}  // namespace maxbrod::aws
