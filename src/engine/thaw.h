// Thawing: makes packs that lie in an archive readable, for as long as somebody reads them.
//
// What is cold is asked for once; the requests stay with the store, so that a process that ends
// loses nothing, and the next one finds thaws under way. The copies end by themselves: they are
// asked for with time to spare, and lengthened while reading goes on.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "engine/cold_packs.h"
#include "engine/progress.h"
#include "store/object_control.h"

namespace maxbrod::engine {

// What must be thawed, as a plan has it.
struct ThawNeed {
  size_t packs = 0;                    // read in all, those outside of archives too
  std::vector<ArchivedPack> archived;  // of them, in read order
  std::vector<std::string> unknown;    // what the plan can tell only after the thaw
  size_t cold() const;                 // how many cannot be read now
  uint64_t cold_bytes() const;
  size_t thawing() const;                    // of the cold ones: asked for already
  void AddUnknown(const std::string& what);  // once
};

struct ThawOptions {
  std::optional<store::ThawTier> tier;  // none: nothing is thawed
  int days = 0;                         // that copies live; 0: by the time that reading takes
  bool wait = false;                    // until all is readable
};

// What thawing the packs that are cold and not asked for yet would take, by one tier.
struct ThawOffer {
  store::ThawTier tier = store::ThawTier::kStandard;
  bool available = true;    // false: some pack's class does not have the tier
  double dollars = 0;       // requests, retrieval and the copies' storage, at list price
  int64_t seconds_min = 0;  // until the first are there; 0: not known
  int64_t seconds_max = 0;  // until all are there, typically
  int days = 0;             // that the copies live
};
// For each tier, the fastest first. `reading_seconds`: what reading will take.
std::vector<ThawOffer> ThawOffers(const std::vector<ArchivedPack>& packs, int days,
                                  double reading_seconds);
// Days that copies must live: until the slowest is there, and twice what reading takes; at least 1.
int ThawDays(int64_t thaw_seconds_max, double reading_seconds);
// "3 h to 5 h", "up to 12 h".
std::string ThawTimeText(int64_t seconds_min, int64_t seconds_max);
// kUnavailable: what is cold, and which flags thaw it at what price. `reader`: "the restore".
Status ColdRefusal(const ThawNeed& need, double reading_seconds, const std::string& reader);

// Thread-safe where said. The store, clock and progress must outlive it.
class Thaw {
 public:
  Thaw(store::Store& store, const ThawOptions& options, Clock& clock, Progress& progress)
      : store_(store), options_(options), clock_(clock), progress_(progress) {}

  // kInvalidArgument when a class among the packs does not have the tier that was chosen.
  Status CheckTier(const std::vector<ArchivedPack>& packs) const;
  // Asks for what is cold and not asked for yet, and returns at once. A copy that is there is taken
  // note of. Needs a tier when something is cold.
  Status Request(const std::vector<ArchivedPack>& packs, double reading_seconds,
                 const CallContext& context);
  // Request, and then waits until all are readable: OK. Without options.wait: kIncomplete when they
  // are not. kCancelled on a stop, kTimeout (retryable) when it takes far longer than it should;
  // what was asked for stays asked for.
  Status MakeReadable(const std::vector<ArchivedPack>& packs, double reading_seconds,
                      const CallContext& context);
  // Lengthens the copies known so far that end soon. Without a tier nothing is lengthened.
  // Thread-safe.
  Status Extend(const CallContext& context);

 private:
  Status RequestOne(ArchivedPack* pack, const CallContext& context);
  Status Await(std::vector<ArchivedPack> pending, const CallContext& context);
  // Drops from `pending` what has become readable.
  Status Poll(std::vector<ArchivedPack>* pending, const CallContext& context);
  void Keep(const ArchivedPack& pack);
  void Show(const std::vector<ArchivedPack>& pending, size_t packs, uint64_t bytes,
            int64_t elapsed_seconds);
  Status StillThawing(const std::vector<ArchivedPack>& pending) const;
  int64_t SecondsMin(const std::vector<ArchivedPack>& packs) const;
  int64_t SecondsMax(const std::vector<ArchivedPack>& packs) const;
  store::ThawTier tier() const { return options_.tier.value_or(store::ThawTier::kStandard); }

  store::Store& store_;
  const ThawOptions options_;
  Clock& clock_;
  Progress& progress_;
  std::mutex mutex_;
  std::map<std::string, ArchivedPack> kept_;  // copies that are there
  int days_ = 1;                              // of the last request
};

// Lengthens copies in the background while it lives.
class ThawKeeper {
 public:
  ThawKeeper(Thaw& thaw, Clock& clock, Progress& progress);

 private:
  std::jthread thread_;
};

}  // namespace maxbrod::engine
