// The kinds of requests a store takes, for decorators that plan or count by them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace maxbrod::store {

enum class StoreMethod : uint8_t {
  kPutIfAbsent,
  kCreate,
  kAppend,  // of an ObjectWriter, as is
  kCommit,
  kGet,
  kGetRange,
  kStat,
  kList,
  kRemove,
  kNowMillis,
};
inline constexpr size_t kStoreMethods = 10;

// "put", "get_range", ...: stable, used as a label of metrics.
constexpr std::string_view NameOf(StoreMethod method) {
  constexpr std::string_view kNames[kStoreMethods] = {
      "put", "create", "append", "commit", "get", "get_range", "stat", "list", "remove", "now"};
  return kNames[static_cast<size_t>(method)];
}

}  // namespace maxbrod::store
