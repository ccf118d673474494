// Block indexes in memory: of packs that this process wrote and of manifests read lately.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "repo/manifest.h"
#include "repo/pack_writer.h"
#include "store/store.h"

namespace maxbrod::repo {

// Thread-safe. Bounded by the number of entries held (one takes about 300 bytes); the oldest go
// first.
class IndexCache {
 public:
  static constexpr size_t kPackEntriesMax = 200'000;
  static constexpr size_t kManifestEntriesMax = 400'000;

  // Keeps the pack's entries, so that the next fold need not read its index back.
  void Remember(const SealedPack& pack);
  // Entries without frame checks; from memory, or from the pack's index.
  Result<std::shared_ptr<const std::vector<BlockEntry>>> PackEntries(store::Store& store,
                                                                     const format::PackRef& pack,
                                                                     const CallContext& context);
  Result<std::shared_ptr<const TopicManifest>> Manifest(store::Store& store,
                                                        const format::ObjectRef& ref,
                                                        const CallContext& context);
  // Answers for this reference from now on, though no such object is stored: the blocks of a state
  // whose loose packs nobody has folded. Kept as long as the cache lives.
  void Keep(const format::ObjectRef& ref, TopicManifest manifest);

 private:
  template <typename T>
  struct Shelf {
    std::map<std::string, std::shared_ptr<const T>> items;
    std::deque<std::pair<std::string, size_t>> order;  // name and entries, oldest first
    size_t entries = 0;
    void Put(const std::string& name, std::shared_ptr<const T> item, size_t count, size_t max);
  };
  std::mutex mutex_;
  Shelf<std::vector<BlockEntry>> packs_;
  Shelf<TopicManifest> manifests_;
  std::map<std::string, std::shared_ptr<const TopicManifest>> kept_;
};

}  // namespace maxbrod::repo
