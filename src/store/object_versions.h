// What a bucket with versioning keeps of its objects: every version that was written, and when
// which name was deleted. For reading a repository as it was (as_of_store.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "os/deadline.h"
#include "store/object_control.h"

namespace maxbrod::store {

struct ObjectVersion {
  std::string name;
  std::string version;   // "null": written before the bucket kept versions
  bool deleted = false;  // the mark that the name was deleted
  uint64_t size = 0;
  int64_t modified_ms = 0;
  std::string storage_class{};
};

struct VersionPage {
  std::vector<ObjectVersion> versions;  // ascending by name, of one name the newest first
  std::string next_name, next_version;  // of the next page; both empty: this was the last
};

// Thread-safe; lives as long as its store. Errors are the store's.
class ObjectVersions {
 public:
  virtual ~ObjectVersions() = default;
  // All versions of names with that prefix, page by page.
  virtual Result<VersionPage> ListVersions(const std::string& prefix, const std::string& next_name,
                                           const std::string& next_version,
                                           const CallContext& context) = 0;
  virtual Result<Bytes> GetVersion(const std::string& name, const std::string& version,
                                   size_t size_max, const CallContext& context) = 0;
  // Fills `out`, which must not be empty.
  virtual Status GetRangeOfVersion(const std::string& name, const std::string& version,
                                   uint64_t offset, MutableByteView out,
                                   const CallContext& context) = 0;
  virtual Result<ObjectStanding> StandingOfVersion(const std::string& name,
                                                   const std::string& version,
                                                   const CallContext& context) = 0;
  virtual Status ThawVersion(const std::string& name, const std::string& version, int days,
                             ThawTier tier, const CallContext& context) = 0;
  // Whether versions are kept, or were once.
  virtual Result<bool> KeepsVersions(const CallContext& context) = 0;
};

}  // namespace maxbrod::store
