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

// How somebody reads what may have become cold. What it refers to must outlive it.
struct ColdReading {
  ThawOptions thaw;
  std::string reader;  // for messages: "the restore"
  Clock& clock;
  Progress& progress;
};

// Makes packs that no manifest holds yet (an interrupted backup's, a stream's) readable, thawed
// first where they have become cold. Without an archive nothing is asked. kUnavailable,
// kIncomplete: as ThawGate.
Status OpenLoosePacks(store::Store& store, const std::vector<format::LoosePack>& packs,
                      const ColdReading& reading, const CallContext& context);

// The indexes of the newest state's loose packs, which the next backup needs, read into the
// repository's cache.
Status ReadLooseIndexes(repo::Repository& repository, const ColdReading& reading,
                        const CallContext& context);

}  // namespace maxbrod::engine
