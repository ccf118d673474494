#include "repo/index_cache.h"

#include "repo/pack_reader.h"

namespace maxbrod::repo {
namespace {

std::shared_ptr<const std::vector<BlockEntry>> WithoutChecks(std::vector<BlockEntry> entries) {
  for (BlockEntry& entry : entries) {
    entry.place.DropChecks();
  }
  return std::make_shared<const std::vector<BlockEntry>>(std::move(entries));
}

}  // namespace

template <typename T>
void IndexCache::Shelf<T>::Put(const std::string& name, std::shared_ptr<const T> item, size_t count,
                               size_t max) {
  if (count > max || !items.emplace(name, std::move(item)).second) return;
  order.emplace_back(name, count);
  entries += count;
  while (entries > max) {
    entries -= order.front().second;
    items.erase(order.front().first);
    order.pop_front();
  }
}

void IndexCache::Remember(const SealedPack& pack) {
  auto entries = WithoutChecks(pack.blocks);
  std::lock_guard lock(mutex_);
  packs_.Put(pack.ref.id(), entries, entries->size(), kPackEntriesMax);
}

Result<std::shared_ptr<const std::vector<BlockEntry>>> IndexCache::PackEntries(
    store::Store& store, const format::PackRef& pack, const CallContext& context) {
  {
    std::lock_guard lock(mutex_);
    auto it = packs_.items.find(pack.id());
    if (it != packs_.items.end()) return it->second;
  }
  MB_ASSIGN_OR_RETURN(std::vector<BlockEntry> entries, ReadPackIndex(store, pack, context));
  auto shared = WithoutChecks(std::move(entries));
  std::lock_guard lock(mutex_);
  packs_.Put(pack.id(), shared, shared->size(), kPackEntriesMax);
  return shared;
}

Result<std::shared_ptr<const TopicManifest>> IndexCache::Manifest(store::Store& store,
                                                                  const format::ObjectRef& ref,
                                                                  const CallContext& context) {
  {
    std::lock_guard lock(mutex_);
    auto it = manifests_.items.find(ref.sha256());
    if (it != manifests_.items.end()) return it->second;
    auto kept = kept_.find(ref.sha256());
    if (kept != kept_.end()) return kept->second;
  }
  MB_ASSIGN_OR_RETURN(TopicManifest manifest, ReadManifest(store, ref, context));
  auto shared = std::make_shared<const TopicManifest>(std::move(manifest));
  std::lock_guard lock(mutex_);
  manifests_.Put(ref.sha256(), shared, shared->entries.size(), kManifestEntriesMax);
  return shared;
}

void IndexCache::Keep(const format::ObjectRef& ref, TopicManifest manifest) {
  auto shared = std::make_shared<const TopicManifest>(std::move(manifest));
  std::lock_guard lock(mutex_);
  kept_[ref.sha256()] = std::move(shared);
}

}  // namespace maxbrod::repo
