#include "engine/cold_packs.h"

#include <optional>
#include <utility>

#include "engine/list_prices.h"
#include "engine/parallel.h"
#include "repo/pack_writer.h"

namespace maxbrod::engine {
namespace {

// So many packs are asked for singly rather than listed.
constexpr size_t kAskedSingly = 16;
constexpr size_t kListLimit = 1000;
constexpr size_t kThreads = 8;

// A name just before this one, for lists that begin behind it.
std::string JustBefore(const std::string& name) {
  return name.substr(0, name.size() - 1);
}

}  // namespace

Result<std::vector<std::string>> ColdPacks::ListClasses(const Sizes& packs,
                                                        const CallContext& context) {
  std::vector<std::string> maybe;
  auto next = packs.begin();
  while (next != packs.end()) {
    MB_RETURN_IF_ERROR(context.Check());
    const std::string prefix = next->first.substr(0, next->first.find('/') + 1);
    MB_ASSIGN_OR_RETURN(store::ListPage page,
                        store_.List(prefix, JustBefore(next->first), kListLimit, context));
    for (const store::ObjectInfo& info : page.objects) {
      if (packs.contains(info.name) && MayBeArchived(info.storage_class))
        maybe.push_back(info.name);
    }
    const std::string last = page.objects.empty() ? std::string() : page.objects.back().name;
    // What the page would have shown is known: it goes on at the first wanted name behind it.
    auto shown = [&](const std::string& name) {
      return page.truncated ? name <= last : name.starts_with(prefix);
    };
    auto before = next;
    while (next != packs.end() && shown(next->first)) ++next;
    // Nothing but keys that are no objects: this one is asked for singly.
    if (next == before) maybe.push_back((next++)->first);
  }
  return maybe;
}

Status ColdPacks::Look(const std::vector<PackToRead>& packs, const CallContext& context) {
  store::ObjectControl* control = store_.control();
  if (control == nullptr) return Status::Ok();
  Sizes fresh, wanted;
  for (const PackToRead& pack : packs) {
    if (hot_.contains(pack.name)) continue;
    wanted[pack.name] = pack.bytes;
    if (!archived_.contains(pack.name)) fresh[pack.name] = pack.bytes;
  }
  std::vector<std::string> ask;
  if (fresh.size() > kAskedSingly) {
    MB_ASSIGN_OR_RETURN(ask, ListClasses(fresh, context));
  } else {
    for (const auto& [name, bytes] : fresh) ask.push_back(name);
  }
  for (const auto& [name, bytes] : wanted) {
    if (!fresh.contains(name)) ask.push_back(name);
  }
  std::vector<store::ObjectStanding> standings(ask.size());
  MB_RETURN_IF_ERROR(ForEachInParallel(ask.size(), kThreads, [&](size_t i) {
    auto standing = control->Standing(ask[i], context);
    if (standing.ok()) standings[i] = *std::move(standing);
    return standing.status().code() == Code::kNotFound ? Status::Ok() : standing.status();
  }));
  for (const auto& [name, bytes] : fresh) hot_.insert(name);
  for (size_t i = 0; i < ask.size(); ++i) {
    store::ObjectStanding& standing = standings[i];
    if (!standing.archived) {
      archived_.erase(ask[i]);
      hot_.insert(ask[i]);
      continue;
    }
    hot_.erase(ask[i]);
    archived_[ask[i]] = {ask[i], wanted[ask[i]], std::move(standing.storage_class),
                         standing.thawing, standing.thawed_until_ms};
  }
  return Status::Ok();
}

bool ColdPacks::Has(const format::PackRef& pack) const {
  if (archived_.empty()) return false;
  const ArchivedPack* archived = Find(repo::PackName(pack));
  return archived != nullptr && archived->cold();
}

const ArchivedPack* ColdPacks::Find(const std::string& name) const {
  auto found = archived_.find(name);
  return found == archived_.end() ? nullptr : &found->second;
}

std::vector<ArchivedPack> ColdPacks::ArchivedOf(const std::vector<PackToRead>& packs) const {
  std::vector<ArchivedPack> archived;
  for (const PackToRead& pack : packs) {
    if (const ArchivedPack* found = Find(pack.name); found != nullptr) archived.push_back(*found);
  }
  return archived;
}

}  // namespace maxbrod::engine
