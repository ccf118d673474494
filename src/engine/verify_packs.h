// Which blocks of which packs to read back, and the reading of one pack.
#pragma once

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/progress.h"
#include "engine/verify_block.h"
#include "repo/manifest.h"
#include "repo/pack_reader.h"
#include "store/store.h"

namespace maxbrod::engine {

// What manifests say of a pack's blocks, in 16 bytes each.
struct PackUse {
  struct Known {
    uint64_t pack_offset = 0;
    uint64_t digest = 0;
    auto operator<=>(const Known&) const = default;
  };
  format::PackRef ref;
  std::vector<Known> known;
  std::set<uint32_t> manifests;  // where to find the entries again, by number
  bool only_known = false;       // blocks that are not known do not matter
  uint64_t plain_bytes = 0;      // of the blocks to read, as far as that is known
};

// Not thread-safe while it is filled; afterwards only read.
class PackUses {
 public:
  // Gives the manifest a number, once; `fresh` tells whether it was not there yet.
  uint32_t AddManifest(const format::ObjectRef& ref, bool* fresh);
  const format::ObjectRef& manifest(uint32_t number) const { return manifests_[number]; }
  size_t manifest_count() const { return manifests_.size(); }
  // kCorrupt when the reference has no id.
  Result<PackUse*> Add(const format::PackRef& ref);
  // Sorts what is known; false (named in `problems`) where two manifests contradict each other.
  void Finish(ProblemList* problems);
  std::map<PackId, PackUse>& packs() { return packs_; }

 private:
  std::vector<format::ObjectRef> manifests_;
  std::map<std::string, uint32_t> manifest_numbers_;
  std::map<PackId, PackUse> packs_;
};

struct PackTotals {
  std::atomic<uint64_t> blocks{0}, bytes{0}, batches{0}, records{0};
};

// Thread-safe.
class PackVerifier {
 public:
  PackVerifier(store::Store& store, const PackUses& uses, const Sampler& sampler,
               ProblemList* problems, PackTotals* totals, Progress& progress)
      : store_(store),
        uses_(uses),
        sampler_(sampler),
        problems_(*problems),
        totals_(*totals),
        progress_(progress) {}

  // Damage goes to the problems; non-OK when nothing more can be read.
  Status Verify(const PackUse& use, const CallContext& context);

 private:
  using Entries = std::vector<const repo::BlockEntry*>;

  Status VerifyWithoutIndex(const PackUse& use, const Status& why, const CallContext& context);
  // Each block on its own where many at once fail, so that only what is damaged is named.
  Status ReadEach(const PackUse& use, Entries sorted, const CallContext& context);
  Status CheckEnds(const PackUse& use, const CallContext& context);
  void CheckKnown(const PackUse& use, const std::vector<repo::BlockEntry>& index);
  Status OnBlock(const std::string& object, const repo::BlockEntry& entry, ByteView batches);
  bool Wanted(const PackUse& use, const repo::BlockEntry& entry) const;

  store::Store& store_;
  const PackUses& uses_;
  const Sampler& sampler_;
  ProblemList& problems_;
  PackTotals& totals_;
  Progress& progress_;
};

// Whether the trouble lies in one object, so that the rest can still be read.
bool IsDamage(const Status& status);

}  // namespace maxbrod::engine
