#include "engine/thaw_testing.h"

#include "base/status.h"
#include "engine/list_prices.h"

namespace maxbrod::engine {

void ArchiveStore::MoveTo(const std::string& name, const std::string& storage_class) {
  std::lock_guard lock(mutex_);
  places_[name] = Place{storage_class};
}

void ArchiveStore::MovePacksTo(const std::string& storage_class) {
  std::string after;
  for (bool more = true; more;) {
    auto page = inner().List("pack/", after, 1000, {});
    MB_CHECK(page.ok());
    for (const store::ObjectInfo& info : page->objects) MoveTo(after = info.name, storage_class);
    more = page->truncated;
  }
}

void ArchiveStore::Freeze(const std::string& name) {
  std::lock_guard lock(mutex_);
  places_.at(name) = Place{places_.at(name).storage_class};
}

std::vector<std::string> ArchiveStore::requests() const {
  std::lock_guard lock(mutex_);
  return requests_;
}

void ArchiveStore::Settle(Place* place) {
  int64_t now = clock_.WallMillis();
  if (place->ready_ms != 0 && place->ready_ms <= now) {
    place->until_ms = place->ready_ms + place->days * int64_t{86'400'000};
    place->ready_ms = 0;
  }
  if (place->until_ms != 0 && place->until_ms <= now) place->until_ms = 0;
}

Result<store::ObjectStanding> ArchiveStore::Standing(const std::string& name,
                                                     const CallContext& context) {
  ++standings_;
  MB_RETURN_IF_ERROR(inner().Stat(name, context).status());
  std::lock_guard lock(mutex_);
  store::ObjectStanding standing;
  standing.storage_class = "STANDARD";
  auto found = places_.find(name);
  if (found == places_.end()) return standing;
  Settle(&found->second);
  standing.storage_class = found->second.storage_class;
  standing.archived = MayBeArchived(standing.storage_class);
  standing.thawing = found->second.ready_ms != 0;
  standing.thawed_until_ms = found->second.until_ms;
  return standing;
}

Status ArchiveStore::Thaw(const std::string& name, int days, store::ThawTier tier,
                          const CallContext&) {
  std::lock_guard lock(mutex_);
  if (!thaw_answer_.ok()) return thaw_answer_;
  requests_.push_back(name + " " + std::to_string(days) + " " + std::string(NameOf(tier)));
  Place& place = places_.at(name);
  Settle(&place);
  place.days = days;
  if (place.until_ms != 0) {
    place.until_ms = clock_.WallMillis() + days * int64_t{86'400'000};
  } else if (place.ready_ms == 0) {
    place.ready_ms = clock_.WallMillis() + thaw_time_.count();
  }
  return Status::Ok();
}

Status ArchiveStore::Retain(const std::string&, store::LockMode, int64_t, const CallContext&) {
  return Status(Code::kUnsupported, "no Object Lock here");
}

Status ArchiveStore::CheckReadable(const std::string& name) {
  std::lock_guard lock(mutex_);
  auto found = places_.find(name);
  if (found == places_.end() || !MayBeArchived(found->second.storage_class)) return Status::Ok();
  Settle(&found->second);
  if (found->second.until_ms != 0) return Status::Ok();
  ++cold_reads_;
  return Status(Code::kUnavailable, "object '" + name + "': InvalidObjectState");
}

Result<Bytes> ArchiveStore::Get(const std::string& name, size_t size_max,
                                const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckReadable(name));
  return inner().Get(name, size_max, context);
}

Status ArchiveStore::GetRange(const std::string& name, uint64_t offset, MutableByteView out,
                              const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckReadable(name));
  return inner().GetRange(name, offset, out, context);
}

Result<store::ListPage> ArchiveStore::List(const std::string& prefix,
                                           const std::string& start_after, size_t limit,
                                           const CallContext& context) {
  ++lists_;
  MB_ASSIGN_OR_RETURN(store::ListPage page, inner().List(prefix, start_after, limit, context));
  std::lock_guard lock(mutex_);
  for (store::ObjectInfo& info : page.objects) {
    auto found = places_.find(info.name);
    if (found != places_.end()) info.storage_class = found->second.storage_class;
  }
  return page;
}

}  // namespace maxbrod::engine
