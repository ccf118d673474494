// Which object names are valid, in every store alike: a repository can be copied between stores.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/status.h"

namespace maxbrod::store {

inline constexpr size_t kObjectNameBytesMax = 512;
// What file systems allow as the name of a file.
inline constexpr size_t kNameSegmentBytesMax = 255;
// The most objects one List may be asked for.
inline constexpr size_t kListLimitMax = 1000;

// kInvalidArgument, saying what is wrong, unless `name` is a valid object name (rules: store.h).
Status CheckObjectName(std::string_view name);

// The same as a predicate, cheap: for names found in a folder or a bucket.
bool IsObjectName(std::string_view name);

// kInvalidArgument unless 1 <= limit <= kListLimitMax.
Status CheckListLimit(size_t limit);

}  // namespace maxbrod::store
