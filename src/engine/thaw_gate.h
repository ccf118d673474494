// For readers that know their packs beforehand and have no plan of their own: nothing is read
// before all is readable, or what is cold is left out by choice.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/thaw.h"
#include "repo/repository.h"

namespace maxbrod::engine {

struct ColdPolicy {
  ThawOptions thaw;
  bool skip = false;  // what is cold is left out instead
};

// Not thread-safe, but Skips is while nobody calls Open. Everything given must outlive it; copies
// are lengthened while it lives.
class ThawGate {
 public:
  ThawGate(store::Store& store, const ColdPolicy& policy, Clock& clock, Progress& progress)
      : policy_(policy),
        clock_(clock),
        progress_(progress),
        cold_(store),
        thaw_(store, policy.thaw, clock, progress) {}

  // Looks where the packs lie and thaws what is cold, as Thaw::MakeReadable. kUnavailable when
  // something is cold and may neither be thawed nor skipped. `reader` for messages: "verify".
  Status Open(const std::vector<PackToRead>& packs, const std::string& reader,
              const CallContext& context);
  // Whether the pack is left out.
  bool Skips(const format::PackRef& pack) const { return policy_.skip && cold_.Has(pack); }
  size_t skipped() const { return policy_.skip ? need_.cold() : 0; }
  uint64_t skipped_bytes() const { return policy_.skip ? need_.cold_bytes() : 0; }

 private:
  const ColdPolicy policy_;
  Clock& clock_;
  Progress& progress_;
  ColdPacks cold_;
  Thaw thaw_;
  ThawNeed need_;
  std::unique_ptr<ThawKeeper> keeper_;  // last: it uses thaw_
};

// A backup that was interrupted leaves packs that no manifest holds yet; the next one needs their
// indexes. Reads them into the repository's cache, thawed first if they have become cold meanwhile.
// kUnavailable, kIncomplete: as ThawGate. Without such packs nothing is asked.
Status ReadLooseIndexes(repo::Repository& repository, const ThawOptions& thaw, Clock& clock,
                        Progress& progress, const CallContext& context);

}  // namespace maxbrod::engine
