// Which packs of a repository lie in an archive (GLACIER, DEEP_ARCHIVE), moved there by a rule of
// the bucket, and cannot be read at once.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "os/deadline.h"
#include "repo/format.pb.h"
#include "store/object_control.h"
#include "store/store.h"

namespace maxbrod::engine {

struct PackToRead {
  std::string name;
  uint64_t bytes = 0;  // of the whole object: thawing it costs all of it
};

// A pack in an archive. Cold until there is a readable copy.
struct ArchivedPack {
  std::string name;
  uint64_t bytes = 0;
  std::string storage_class;
  bool thawing = false;         // a copy was asked for and is not there yet
  int64_t thawed_until_ms = 0;  // the copy's end; 0: none
  bool cold() const { return thawed_until_ms == 0; }
};

// Remembers what it has learnt. Not thread-safe; must not outlive the store.
class ColdPacks {
 public:
  explicit ColdPacks(store::Store& store) : store_(store) {}

  // Learns where these packs lie. Those seen outside of an archive are not asked for again. With
  // many of them their classes come from listings (at most one request per pack, one for a thousand
  // where they lie close), and only archived ones are asked for singly. A pack that does not exist
  // counts as readable: whoever reads it will say so. Nothing is asked of a store without classes.
  Status Look(const std::vector<PackToRead>& packs, const CallContext& context);

  // Whether the pack cannot be read now.
  bool Has(const format::PackRef& pack) const;
  // Null unless the pack lies in an archive.
  const ArchivedPack* Find(const std::string& name) const;
  // Those of `packs` that lie in an archive, in their order.
  std::vector<ArchivedPack> ArchivedOf(const std::vector<PackToRead>& packs) const;

 private:
  using Sizes = std::map<std::string, uint64_t>;
  // Names of those that may lie in an archive, by their classes.
  Result<std::vector<std::string>> ListClasses(const Sizes& packs, const CallContext& context);

  store::Store& store_;
  std::set<std::string> hot_;
  std::map<std::string, ArchivedPack> archived_;
};

}  // namespace maxbrod::engine
