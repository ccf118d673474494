#include "store/as_of_store.h"

#include <fmt/format.h>

#include <utility>

#include "base/user_time.h"
#include "store/object_name.h"

namespace maxbrod::store {
namespace {

// What every repository has, made before all else (and its copy).
constexpr std::string_view kFirstName = "config";
constexpr std::string_view kNoVersion = "null";
constexpr int64_t kSecondMs = 1'000;
// What two clocks may differ, and a Date in whole seconds may lag.
constexpr int64_t kFutureMs = 5'000;

std::string FolderOf(const std::string& name) {
  size_t slash = name.find('/');
  return slash == std::string::npos ? name : name.substr(0, slash + 1);
}

}  // namespace

struct AsOfStore::Fold {
  std::string name;
  bool seen = false;         // something of it is from the time or before
  bool deleted = false;      // then
  bool any_object = false;   // a version with bytes, of any time
  bool any_version = false;  // one with an id
  int64_t oldest_ms = 0;     // of the versions with bytes
  int64_t deleted_ms = 0;    // the last mark before the time
  Entry oldest;

  void Add(ObjectVersion version, int64_t as_of_ms) {
    if (!seen && version.modified_ms <= as_of_ms) {
      seen = true;
      deleted = version.deleted;
      deleted_ms = version.modified_ms;
    }
    any_version = any_version || version.version != kNoVersion;
    if (version.deleted) return;
    any_object = true;
    oldest_ms = version.modified_ms;
    oldest = {std::move(version.version), version.size, version.modified_ms / kSecondMs * kSecondMs,
              std::move(version.storage_class)};
  }
  bool there(int64_t as_of_ms) const {
    return seen && !deleted && any_object && oldest_ms <= as_of_ms;
  }
};

AsOfStore::AsOfStore(std::shared_ptr<Store> store, ObjectVersions& versions, int64_t as_of_ms)
    : ReadOnlyStore(std::move(store)), versions_(versions), as_of_ms_(as_of_ms) {}

std::string AsOfStore::Url() const {
  return fmt::format("{} as of {}", inner().Url(), FormatUserTime(as_of_ms_));
}

void AsOfStore::Take(const Fold& fold) {
  if (fold.there(as_of_ms_)) entries_[fold.name] = fold.oldest;
}

Status AsOfStore::Load(const std::string& prefix, Fold* last, const CallContext& context) {
  std::string next_name, next_version;
  Fold fold;
  do {
    MB_RETURN_IF_ERROR(context.Check());
    MB_ASSIGN_OR_RETURN(VersionPage page,
                        versions_.ListVersions(prefix, next_name, next_version, context));
    for (ObjectVersion& version : page.versions) {
      if (version.name != fold.name) {
        Take(fold);
        fold = Fold();
        fold.name = version.name;
      }
      fold.Add(std::move(version), as_of_ms_);
    }
    next_name = std::move(page.next_name);
    next_version = std::move(page.next_version);
  } while (!next_name.empty());
  Take(fold);
  if (last != nullptr) *last = std::move(fold);
  loaded_.insert(prefix);
  return Status::Ok();
}

// Why there was no repository: for people who look for the right time.
Status AsOfStore::NothingThen(const Fold& newest, const CallContext& context) {
  const std::string then = FormatUserTime(as_of_ms_);
  if (newest.any_object && !newest.any_version) {
    Result<bool> keeps = versions_.KeepsVersions(context);
    if (keeps.ok() && !*keeps) {
      return Status(Code::kUnsupported, fmt::format("{}: the bucket keeps no versions of objects, "
                                                    "so there is only what is there now",
                                                    inner().Url()))
          .WithHint("leave --as-of out; versioning has to be on before something happens");
    }
  }
  Status none(Code::kNotFound, fmt::format("no repository at {} at {}", inner().Url(), then));
  if (newest.seen && newest.deleted) {
    return std::move(none).WithHint(fmt::format("it was deleted at {}; give a time before that",
                                                FormatUserTime(newest.deleted_ms)));
  }
  if (newest.any_object) {
    return std::move(none).WithHint(
        fmt::format("the oldest version of its config is of {}", FormatUserTime(newest.oldest_ms)));
  }
  return std::move(none).WithHint("nor at any other time: check the URL");
}

Status AsOfStore::CheckTime(const CallContext& context) {
  if (checked_) return Status::Ok();
  MB_ASSIGN_OR_RETURN(int64_t now, inner().NowMillis(context));
  if (as_of_ms_ >= now + kFutureMs) {
    return Status(Code::kInvalidArgument,
                  fmt::format("--as-of {} lies in the future: by the clock of {} it is {}",
                              FormatUserTime(as_of_ms_), inner().Url(), FormatUserTime(now)))
        .WithHint("give a time in the past, e.g. the hour before the attack");
  }
  Fold copy;
  MB_RETURN_IF_ERROR(Load(std::string(kFirstName), &copy, context));
  if (entries_.empty()) {
    loaded_.clear();
    return NothingThen(copy, context);
  }
  // A bucket that keeps no versions would answer with what is there now.
  bool unversioned = true;
  for (const auto& [name, entry] : entries_) {
    unversioned = unversioned && entry.version == kNoVersion;
  }
  if (unversioned) {
    Result<bool> keeps = versions_.KeepsVersions(context);
    if (keeps.ok() && !*keeps) {
      entries_.clear();
      loaded_.clear();
      return NothingThen(copy, context);
    }
  }
  checked_ = true;
  return Status::Ok();
}

Status AsOfStore::LoadFolderOf(const std::string& name, const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckTime(context));
  const std::string folder = FolderOf(name);
  for (const std::string& prefix : loaded_) {
    if (folder.starts_with(prefix)) return Status::Ok();
  }
  return Load(folder, nullptr, context);
}

Result<AsOfStore::Entry> AsOfStore::Find(const std::string& name, const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckObjectName(name));
  MB_RETURN_IF_ERROR(context.Check());
  std::lock_guard lock(mutex_);
  MB_RETURN_IF_ERROR(LoadFolderOf(name, context));
  auto found = entries_.find(name);
  if (found != entries_.end()) return found->second;
  return Status(Code::kNotFound, fmt::format("no object '{}' in {}", name, Url()));
}

Result<Bytes> AsOfStore::Get(const std::string& name, size_t size_max, const CallContext& context) {
  MB_ASSIGN_OR_RETURN(Entry entry, Find(name, context));
  return versions_.GetVersion(name, entry.version, size_max, context);
}

Status AsOfStore::GetRange(const std::string& name, uint64_t offset, MutableByteView out,
                           const CallContext& context) {
  MB_ASSIGN_OR_RETURN(Entry entry, Find(name, context));
  if (offset > entry.size || out.size() > entry.size - offset) {
    return Status(Code::kCorrupt, fmt::format("object '{}' has {} bytes; {} from {} were asked for",
                                              name, entry.size, out.size(), offset));
  }
  if (out.empty()) return Status::Ok();
  return versions_.GetRangeOfVersion(name, entry.version, offset, out, context);
}

Result<ObjectInfo> AsOfStore::Stat(const std::string& name, const CallContext& context) {
  MB_ASSIGN_OR_RETURN(Entry entry, Find(name, context));
  return ObjectInfo{name, entry.size, entry.modified_ms, std::move(entry.storage_class)};
}

Result<ListPage> AsOfStore::List(const std::string& prefix, const std::string& start_after,
                                 size_t limit, const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckListLimit(limit));
  MB_RETURN_IF_ERROR(context.Check());
  std::lock_guard lock(mutex_);
  MB_RETURN_IF_ERROR(LoadFolderOf(prefix, context));
  ListPage page;
  auto at = start_after < prefix ? entries_.lower_bound(prefix) : entries_.upper_bound(start_after);
  for (; at != entries_.end() && at->first.starts_with(prefix); ++at) {
    if (page.objects.size() == limit) {
      page.truncated = true;
      break;
    }
    page.objects.push_back(
        {at->first, at->second.size, at->second.modified_ms, at->second.storage_class});
  }
  return page;
}

Result<ObjectStanding> AsOfStore::Standing(const std::string& name, const CallContext& context) {
  MB_ASSIGN_OR_RETURN(Entry entry, Find(name, context));
  return versions_.StandingOfVersion(name, entry.version, context);
}

Status AsOfStore::Thaw(const std::string& name, int days, ThawTier tier,
                       const CallContext& context) {
  MB_ASSIGN_OR_RETURN(Entry entry, Find(name, context));
  return versions_.ThawVersion(name, entry.version, days, tier, context);
}

Status AsOfStore::Retain(const std::string& name, LockMode /*mode*/, int64_t /*until_ms*/,
                         const CallContext& /*context*/) {
  return Status(Code::kReadOnly,
                fmt::format("object '{}' cannot be locked: {} is for reading", name, Url()));
}

}  // namespace maxbrod::store
