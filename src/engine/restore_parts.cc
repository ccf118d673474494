#include "engine/restore_parts.h"

namespace maxbrod::engine {
namespace {

struct Part {
  const char* name;
  bool RestoreParts::* member;
  bool metadata;
};
constexpr Part kParts[] = {
    {"topics", &RestoreParts::topics, true},   {"data", &RestoreParts::data, false},
    {"groups", &RestoreParts::groups, false},  {"acls", &RestoreParts::acls, true},
    {"quotas", &RestoreParts::quotas, true},   {"users", &RestoreParts::users, true},
    {"configs", &RestoreParts::configs, true}, {"schemas", &RestoreParts::schemas, true},
};

Status Unknown(const std::string& name) {
  return Status(Code::kInvalidArgument, "no part of a snapshot is named '" + name + "'")
      .WithHint("topics, data, groups, acls, quotas, users, configs, schemas; metadata, all");
}

}  // namespace

Result<RestoreParts> RestoreParts::Parse(const std::vector<std::string>& names) {
  RestoreParts parts;
  if (names.empty()) return parts;
  for (const Part& part : kParts) parts.*part.member = false;
  for (const std::string& name : names) {
    bool found = false;
    for (const Part& part : kParts) {
      bool meant = name == part.name || name == "all" || (name == "metadata" && part.metadata);
      if (!meant) continue;
      parts.*part.member = true;
      found = true;
    }
    if (!found) return Unknown(name);
  }
  if (parts.groups && parts.topics && !parts.data) {
    return Status(Code::kInvalidArgument,
                  "groups' offsets point into data, and the topics would be created empty")
        .WithHint("add data, or restore groups later, alone, when the data is there");
  }
  return parts;
}

std::string RestoreParts::Text() const {
  std::string text;
  for (const Part& part : kParts) {
    if (!(this->*part.member)) continue;
    text += (text.empty() ? "" : ",") + std::string(part.name);
  }
  return text;
}

}  // namespace maxbrod::engine
