#include "engine/restore_schemas.h"

#include <algorithm>
#include <map>
#include <set>

#include "engine/capture_registry.h"
#include "engine/parallel.h"
#include "os/crash_point.h"

namespace maxbrod::engine {
namespace {

// For putting modes back when the caller has no time left.
constexpr Millis kPutBackMax{30'000};

class SchemaRestore {
 public:
  SchemaRestore(registry::Registry& registry, const MetadataPlan& plan, const NoteItem& note,
                Progress& progress, const CallContext& context)
      : registry_(registry), note_(note), progress_(progress), context_(context) {
    for (const PlannedMetadata& item : plan.items) {
      const auto* change = std::get_if<SchemaChange>(&item.change);
      if (change == nullptr) continue;
      (change->subject.empty() ? whole_ : subjects_).push_back({&item, change});
    }
  }

  Status Run() {
    if (subjects_.empty() && whole_.empty()) return Status::Ok();
    progress_.Begin("restoring schemas", 0, 0);
    // The registry's level first: as long as it has no other subjects, it may be set.
    MB_RETURN_IF_ERROR(SetWhole(/*mode=*/false));
    Status status = ImportAll();
    Status finished = status.ok() ? FinishAll(context_) : status;
    // Not the caller's context: it may be stopped, and the modes are to be put back all the same.
    if (!finished.ok()) {
      if (status.ok()) status = finished;
      finished = FinishAll(CallContext().Within(kPutBackMax));
    }
    if (!status.ok() && !finished.ok()) {
      return std::move(status).WithHint(
          "subjects may stay in IMPORT mode, in which producers register nothing: the same command "
          "goes on, and puts the modes back");
    }
    MB_RETURN_IF_ERROR(status);
    return SetWhole(/*mode=*/true);
  }

 private:
  struct Item {
    const PlannedMetadata* planned = nullptr;
    const SchemaChange* change = nullptr;
    bool operator<(const Item& other) const { return planned < other.planned; }
  };
  // One call for one subject, with what may be in the way of the next.
  using Call = std::function<Status(const Item&)>;

  Status ImportAll() {
    MB_RETURN_IF_ERROR(EnterImportMode());
    CrashPoint("schemas.after_import_mode");
    MB_RETURN_IF_ERROR(RemoveAll());
    MB_RETURN_IF_ERROR(RegisterAll());
    CrashPoint("schemas.after_register");
    return DeleteAll();
  }

  // Calls are made by many threads, what they say is noted by this one. An item that failed before
  // is left alone.
  Status ForEach(const std::vector<Item>& items, const Call& call) {
    std::vector<Item> left;
    for (const Item& item : items) {
      if (!failed_.contains(item)) left.push_back(item);
    }
    std::vector<Status> statuses(left.size());
    Status ended = ForEachInParallel(left.size(), kRegistryRequestsMax, [&](size_t i) {
      statuses[i] = call(left[i]);
      return context_.Check();
    });
    for (size_t i = 0; i < left.size(); ++i) MB_RETURN_IF_ERROR(Note(left[i], statuses[i]));
    return ended;
  }

  Status Note(const Item& item, const Status& status) {
    if (status.ok()) return status;
    failed_.insert(item);
    return note_(*item.planned, status);
  }

  // The first alone: where it is refused, so would be all others, and nothing is touched.
  Status EnterImportMode() {
    std::vector<Item> items;
    for (const Item& item : subjects_) {
      if (item.change->import_mode) items.push_back(item);
    }
    if (items.empty()) return Status::Ok();
    auto enter = [&](const Item& item) {
      return registry_.SetMode(item.change->subject, registry::kImportMode, context_);
    };
    Status first = enter(items.front());
    shut_out_.insert(items.begin(), items.end());
    if (!first.ok()) {
      first = std::move(first).WithHint(
          "the registry must let this user change modes (mode.mutability), and know IMPORT, "
          "in which schemas keep their ids");
      for (const Item& item : items) MB_RETURN_IF_ERROR(Note(item, first));
      return Status::Ok();
    }
    MB_RETURN_IF_ERROR(ForEach({items.begin() + 1, items.end()}, enter));
    shut_out_ = failed_;
    return Status::Ok();
  }

  // Of one that never was in IMPORT mode only the mode is set, in case it was all the same.
  bool Untouched(const Item& item) const {
    return item.change->import_mode && shut_out_.contains(item);
  }

  // By level, from the lowest or the highest: subjects side by side, a subject's in order.
  template <typename T>
  Status ByLevel(SchemaChange::Leveled<T> SchemaChange::* list, bool highest_first,
                 const std::function<Status(const std::string& subject, const T&)>& call) {
    std::map<size_t, std::vector<Item>> levels;
    for (const Item& item : subjects_) {
      std::set<size_t> own;
      for (const auto& [level, element] : item.change->*list) own.insert(level);
      for (size_t level : own) levels[level].push_back(item);
    }
    auto at = [&](size_t level) {
      return ForEach(levels[level], [&, level](const Item& item) -> Status {
        for (const auto& [own, element] : item.change->*list) {
          if (own == level) MB_RETURN_IF_ERROR(call(item.change->subject, element));
        }
        return Status::Ok();
      });
    };
    std::vector<size_t> order;
    for (const auto& [level, items] : levels) order.push_back(level);
    if (highest_first) std::reverse(order.begin(), order.end());
    for (size_t level : order) MB_RETURN_IF_ERROR(at(level));
    return Status::Ok();
  }

  // A subject that lost its last version has lost its mode too.
  Status RemoveAll() {
    Status status = ByLevel<int32_t>(
        &SchemaChange::remove, /*highest_first=*/true,
        [&](const std::string& subject, int32_t version) -> Status {
          MB_RETURN_IF_ERROR(registry_.Delete(subject, version, /*for_good=*/false, context_));
          MB_RETURN_IF_ERROR(registry_.Delete(subject, version, /*for_good=*/true, context_));
          return registry_.SetMode(subject, registry::kImportMode, context_);
        });
    MB_RETURN_IF_ERROR(status);
    CrashPoint("schemas.after_remove");
    return Status::Ok();
  }

  // The first alone: a registry that gives ids of its own shall do so once.
  Status RegisterAll() {
    MB_RETURN_IF_ERROR(RegisterFirst());
    return ByLevel<registry::Version>(
        &SchemaChange::versions, /*highest_first=*/false,
        [&](const std::string& subject, const registry::Version& version) -> Status {
          MB_RETURN_IF_ERROR(registry_.Register(subject, version, context_));
          CrashPoint("schemas.registered");
          return Status::Ok();
        });
  }

  Status RegisterFirst() {
    const Item* first = nullptr;
    const std::pair<size_t, registry::Version>* version = nullptr;
    for (const Item& item : subjects_) {
      for (const auto& leveled : item.change->versions) {
        if (failed_.contains(item) || (version != nullptr && version->first <= leveled.first))
          continue;
        first = &item;
        version = &leveled;
      }
    }
    if (first == nullptr) return Status::Ok();
    Status status = registry_.Register(first->change->subject, version->second, context_);
    if (status.code() != Code::kConflict) return Note(*first, status);
    for (const Item& item : subjects_) {
      if (!item.change->versions.empty()) MB_RETURN_IF_ERROR(Note(item, status));
    }
    return Status::Ok();
  }

  Status DeleteAll() {
    return ByLevel<int32_t>(&SchemaChange::mark_deleted, /*highest_first=*/true,
                            [&](const std::string& subject, int32_t version) {
                              return registry_.Delete(subject, version, false, context_);
                            });
  }

  // Also of those that failed; their first error is the one that is told.
  Status FinishAll(const CallContext& context) {
    std::vector<Status> statuses(subjects_.size());
    Status ended = ForEachInParallel(subjects_.size(), kRegistryRequestsMax, [&](size_t i) {
      const SchemaChange& change = *subjects_[i].change;
      if (change.compatibility && !Untouched(subjects_[i]))
        statuses[i] = SetCompatibility(change, context);
      CrashPoint("schemas.before_mode");
      if (change.mode) {
        Status mode = registry_.SetMode(change.subject, *change.mode, context);
        if (!mode.ok() && change.import_mode) {
          mode = std::move(mode).WithContext("it stays in IMPORT mode, the same command goes on");
        }
        if (statuses[i].ok()) statuses[i] = mode;
      }
      return Status::Ok();
    });
    MB_RETURN_IF_ERROR(ended);
    for (size_t i = 0; i < subjects_.size(); ++i) {
      if (failed_.contains(subjects_[i])) continue;
      MB_RETURN_IF_ERROR(Note(subjects_[i], statuses[i]));
    }
    return Status::Ok();
  }

  Status SetCompatibility(const SchemaChange& change, const CallContext& context) {
    if (change.settings_anew)
      MB_RETURN_IF_ERROR(registry_.SetCompatibility(change.subject, {}, context));
    return registry_.SetCompatibility(change.subject, *change.compatibility, context);
  }

  Status SetWhole(bool mode) {
    for (const Item& item : whole_) {
      const SchemaChange& change = *item.change;
      Status status;
      if (mode && change.mode) status = registry_.SetMode("", *change.mode, context_);
      if (!mode && change.compatibility) status = SetCompatibility(change, context_);
      MB_RETURN_IF_ERROR(Note(item, status));
    }
    return Status::Ok();
  }

  registry::Registry& registry_;
  const NoteItem& note_;
  Progress& progress_;
  const CallContext& context_;
  std::vector<Item> subjects_, whole_;
  std::set<Item> failed_;
  std::set<Item> shut_out_;  // could not be put into IMPORT mode, or it is not known
};

}  // namespace

Status RestoreSchemas(registry::Registry& registry, const MetadataPlan& plan, const NoteItem& note,
                      Progress& progress, const CallContext& context) {
  return SchemaRestore(registry, plan, note, progress, context).Run();
}

}  // namespace maxbrod::engine
