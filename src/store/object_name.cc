#include "store/object_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace maxbrod::store {
namespace {

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

// What is wrong with `segment`, or nullptr.
const char* WrongWithSegment(std::string_view segment) {
  if (segment.empty()) return "has an empty segment";
  // Also keeps clear of what file servers put into folders (".snapshot", ".nfs0000...").
  if (segment.front() == '.') return "has a segment that begins with a dot";
  if (segment.size() > kNameSegmentBytesMax) return "has a segment of more than 255 bytes";
  if (!std::ranges::all_of(segment, IsNameCharacter)) {
    return "has characters other than a-z 0-9 . _ - /";
  }
  return nullptr;
}

const char* WrongWithName(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.size() > kObjectNameBytesMax) return "has more than 512 bytes";
  if (name == "tmp" || name.starts_with("tmp/")) return "lies in tmp/, which is the store's own";
  for (size_t at = 0; at <= name.size();) {
    size_t end = std::min(name.find('/', at), name.size());
    if (const char* wrong = WrongWithSegment(name.substr(at, end - at))) return wrong;
    at = end + 1;
  }
  return nullptr;
}

}  // namespace

bool IsObjectName(std::string_view name) {
  return WrongWithName(name) == nullptr;
}

Status CheckObjectName(std::string_view name) {
  const char* wrong = WrongWithName(name);
  if (wrong == nullptr) return Status::Ok();
  return Status(Code::kInvalidArgument,
                fmt::format("object name '{}' {}", name.substr(0, kObjectNameBytesMax), wrong));
}

Status CheckListLimit(size_t limit) {
  if (limit >= 1 && limit <= kListLimitMax) return Status::Ok();
  return Status(Code::kInvalidArgument,
                fmt::format("a list of {} objects was asked for; 1 to {} are possible", limit,
                            kListLimitMax));
}

}  // namespace maxbrod::store
