// Subjects of a Schema Registry: what a snapshot has, held against all that the target has.
#include <algorithm>
#include <set>

#include "engine/capture_metadata.h"
#include "engine/capture_registry.h"
#include "engine/metadata_planning.h"
#include "engine/schema_order.h"

namespace maxbrod::engine {
namespace {

using format::RegistrySubject;
using registry::Version;

constexpr const char* kWhole = "(registry)";
constexpr size_t kHoldersNamed = 3;

std::string LevelText(const registry::Compatibility& compatibility) {
  return compatibility.level + (compatibility.settings.empty() ? "" : " and more settings");
}

registry::Compatibility CompatibilityOf(const RegistrySubject& subject) {
  return {subject.compatibility(), subject.settings()};
}

bool SameCompatibility(const registry::Compatibility& a, const registry::Compatibility& b) {
  return a.level == b.level && registry::SameJson(a.settings, b.settings);
}

std::string SettingsText(const std::string& mode, const registry::Compatibility& compatibility) {
  std::string text;
  if (!compatibility.level.empty() || !compatibility.settings.empty())
    text += ", " + LevelText(compatibility);
  if (!mode.empty()) text += ", mode " + mode;
  return text;
}

// "3 versions (1 deleted), ids 1 2 7, BACKWARD".
std::string Text(const RegistrySubject& subject) {
  constexpr int kIdsMax = 8;
  int deleted = 0;
  std::string ids;
  for (int i = 0; i < subject.versions_size(); ++i) {
    deleted += subject.versions(i).deleted() ? 1 : 0;
    if (i < kIdsMax) ids += " " + std::to_string(subject.versions(i).id());
    if (i == kIdsMax) ids += " ...";
  }
  std::string text = std::to_string(subject.versions_size()) +
                     (subject.versions_size() == 1 ? " version" : " versions");
  if (deleted > 0) text += " (" + std::to_string(deleted) + " deleted)";
  if (!ids.empty()) text += ", ids" + ids;
  return text + SettingsText(subject.mode(), CompatibilityOf(subject));
}

const Version* Find(const RegistrySubject* subject, int32_t version) {
  if (subject == nullptr) return nullptr;
  for (const Version& v : subject->versions()) {
    if (v.version() == version) return &v;
  }
  return nullptr;
}

class SchemaPlanning {
 public:
  SchemaPlanning(MetadataPlanning& planning, const format::ClusterMetadata& there)
      : planning_(planning),
        here_(planning.snapshot.metadata),
        there_(there),
        policy_(planning.selection.policies.schemas),
        levels_(SchemaLevels(here_.registry_subjects())),
        levels_there_(SchemaLevels(there.registry_subjects())) {
    for (const RegistrySubject& subject : here_.registry_subjects()) {
      for (const Version& version : subject.versions())
        schemas_[{subject.subject(), version.version()}] = &version;
    }
    for (const RegistrySubject& subject : there.registry_subjects()) {
      subjects_[subject.subject()] = &subject;
      for (const Version& version : subject.versions())
        holders_[{registry::ContextOf(subject.subject()), version.id()}].push_back(
            {&subject, &version});
    }
  }

  void Run() {
    PlanWhole();
    const size_t first = planning_.plan->items.size();
    for (const RegistrySubject& subject : here_.registry_subjects()) PlanSubject(subject);
    // Only now it is known what is removed.
    for (size_t i = first; i < planning_.plan->items.size(); ++i) {
      auto* change = std::get_if<SchemaChange>(&planning_.plan->items[i].change);
      if (change == nullptr) continue;
      std::string why = WhyNot(*change);
      if (!why.empty()) Refuse(why, &planning_.plan->items[i]);
    }
    while (RefuseReferrers(first)) {
    }
  }

 private:
  struct Holder {
    const RegistrySubject* subject = nullptr;
    const Version* version = nullptr;
    SchemaKey key() const { return {subject->subject(), version->version()}; }
  };

  // The registry's own mode and level hold for all subjects, so in a registry with other subjects
  // they are changed by policy only.
  void PlanWhole() {
    registry::Compatibility wanted{here_.registry_compatibility(), here_.registry_settings()};
    registry::Compatibility has{there_.registry_compatibility(), there_.registry_settings()};
    std::set<std::string> ours;
    for (const RegistrySubject& subject : here_.registry_subjects()) ours.insert(subject.subject());
    bool others = std::any_of(
        there_.registry_subjects().begin(), there_.registry_subjects().end(),
        [&](const RegistrySubject& subject) { return !ours.contains(subject.subject()); });
    SchemaChange change;
    if (!SameCompatibility(wanted, has)) change.compatibility = wanted;
    change.settings_anew = !has.settings.empty();
    if (here_.registry_mode() != there_.registry_mode()) change.mode = here_.registry_mode();
    bool same = !change.compatibility && !change.mode;
    PlannedMetadata& item = planning_.Add(MetadataKind::kSchemas, kWhole,
                                          LevelText(wanted) + ", mode " + here_.registry_mode(),
                                          LevelText(has) + ", mode " + there_.registry_mode());
    Decide(others, same, policy_, std::move(change), &item);
    if (item.action == MetadataAction::kRefuse)
      item.reason = "it has other subjects, for which this would change too";
  }

  void PlanSubject(const RegistrySubject& subject) {
    auto found = subjects_.find(subject.subject());
    const RegistrySubject* there = found == subjects_.end() ? nullptr : found->second;
    SchemaChange change;
    change.subject = subject.subject();
    why_.clear();
    bool differs = CompareVersions(subject, there, &change);
    differs |= CompareSettings(subject, there, &change);
    change.import_mode =
        !change.remove.empty() || !change.versions.empty() || !change.mark_deleted.empty();
    // A subject of which everything was deleted for good has lost it.
    if (!change.remove.empty()) change.compatibility = CompatibilityOf(subject);
    // Whatever is done, the mode comes last, and is put back.
    const std::string mode_there = there == nullptr ? "" : there->mode();
    if (change.import_mode && !change.mode) change.mode = mode_there;
    if (change.compatibility && IsReadOnly(mode_there)) {
      change.import_mode = true;
      if (!change.mode) change.mode = mode_there;
    }
    bool same = !change.import_mode && !change.compatibility && !change.mode;
    PlannedMetadata& item = planning_.Add(MetadataKind::kSchemas, subject.subject(), Text(subject),
                                          there == nullptr ? "" : Text(*there));
    std::vector<SchemaKey> removed;
    for (const auto& [level, version] : change.remove)
      removed.emplace_back(change.subject, version);
    Decide(differs, same, policy_, std::move(change), &item);
    if (item.action == MetadataAction::kOverwrite) removed_.insert(removed.begin(), removed.end());
    if (item.action == MetadataAction::kRefuse || item.action == MetadataAction::kSkip)
      item.reason = why_;
    if (item.action == MetadataAction::kCreate && there != nullptr) item.reason = "completed";
  }

  bool IsReadOnly(const std::string& mode) const {
    return (mode.empty() ? there_.registry_mode() : mode).starts_with("READONLY");
  }

  // Whether the target's differ from the snapshot's, rather than being some of them, as a run that
  // was killed leaves it.
  bool CompareVersions(const RegistrySubject& subject, const RegistrySubject* there,
                       SchemaChange* change) {
    bool differs = false;
    auto differ = [&](const Version& version, const char* how) {
      if (!differs) AddWhy("version " + std::to_string(version.version()) + " " + how);
      differs = true;
    };
    for (const Version& version : subject.versions()) {
      const SchemaKey key{subject.subject(), version.version()};
      const size_t level = levels_.at(key);
      const Version* has = Find(there, version.version());
      bool same =
          has != nullptr && has->id() == version.id() && registry::SameSchema(*has, version);
      if (has != nullptr && !same) {
        differ(version, has->id() == version.id() ? "is another schema there" : "has another id");
        change->remove.emplace_back(levels_there_.at(key), version.version());
      }
      if (same && has->deleted() && !version.deleted()) differ(version, "is deleted there");
      if (!same || (has->deleted() && !version.deleted()))
        change->versions.emplace_back(level, version);
      if (version.deleted() && !(same && has->deleted()))
        change->mark_deleted.emplace_back(level, version.version());
    }
    if (there == nullptr) return differs;
    for (const Version& version : there->versions()) {
      if (version.deleted() || Find(&subject, version.version()) != nullptr) continue;
      differ(version, "is newer than the snapshot");
      // Softly: what was written with its id is read as before.
      change->mark_deleted.emplace_back(levels_there_.at({subject.subject(), version.version()}),
                                        version.version());
    }
    return differs;
  }

  void AddWhy(const std::string& text) { why_ += (why_.empty() ? "" : "; ") + text; }

  bool CompareSettings(const RegistrySubject& subject, const RegistrySubject* there,
                       SchemaChange* change) {
    RegistrySubject none;
    const RegistrySubject& has = there == nullptr ? none : *there;
    if (!SameCompatibility(CompatibilityOf(subject), CompatibilityOf(has)))
      change->compatibility = CompatibilityOf(subject);
    change->settings_anew = !has.settings().empty();
    if (subject.mode() != has.mode()) change->mode = subject.mode();
    if (!change->compatibility && !change->mode) return false;
    // IMPORT is what a run that was killed leaves behind.
    if (there == nullptr || has.mode() == registry::kImportMode) return false;
    if (change->compatibility) AddWhy("another compatibility level");
    if (change->mode) AddWhy("another mode");
    return true;
  }

  std::string WhyNot(const SchemaChange& change) const {
    if (there_.registry_mode() == "READONLY_OVERRIDE" && change.import_mode)
      return "the registry's mode is READONLY_OVERRIDE: nothing can be registered";
    for (const auto& [level, version] : change.versions) {
      std::string why = TakenId(change.subject, version);
      if (!why.empty()) return why;
    }
    for (const auto& [level, version] : change.remove) {
      std::string why = StillReferredTo({change.subject, version});
      if (!why.empty()) return why;
    }
    return "";
  }

  // The target's schemas under this id, if they are others and stay.
  std::string TakenId(const std::string& subject, const Version& version) const {
    auto found = holders_.find({registry::ContextOf(subject), version.id()});
    if (found == holders_.end()) return "";
    std::string named;
    size_t count = 0;
    for (const Holder& holder : found->second) {
      if (removed_.contains(holder.key()) || registry::SameSchema(*holder.version, version))
        continue;
      if (++count > kHoldersNamed) continue;
      named += (named.empty() ? "" : ", ") + holder.subject->subject() + " version " +
               std::to_string(holder.version->version()) +
               (holder.version->deleted() ? " (deleted)" : "");
    }
    if (count == 0) return "";
    if (count > kHoldersNamed) named += ", ...";
    return "id " + std::to_string(version.id()) + " of version " +
           std::to_string(version.version()) + " is another schema there: " + named;
  }

  // A registry does not delete for good what others refer to.
  std::string StillReferredTo(const SchemaKey& key) const {
    for (const RegistrySubject& subject : there_.registry_subjects()) {
      for (const Version& version : subject.versions()) {
        if (removed_.contains({subject.subject(), version.version()})) continue;
        for (const auto& reference : version.references()) {
          if (reference.version() != key.second ||
              registry::Qualified(reference.subject(), subject.subject()) != key.first)
            continue;
          return "version " + std::to_string(key.second) +
                 " cannot be replaced: " + subject.subject() + " version " +
                 std::to_string(version.version()) + " refers to it";
        }
      }
    }
    return "";
  }

  // What refers to a schema that is not there, and will not be, cannot be registered, or would
  // refer to another one. Whether something was refused: others may refer to that.
  bool RefuseReferrers(size_t first) const {
    std::set<SchemaKey> registered;
    for (const PlannedMetadata& item : planning_.plan->items) {
      if (const auto* change = std::get_if<SchemaChange>(&item.change)) {
        for (const auto& [level, version] : change->versions)
          registered.emplace(change->subject, version.version());
      }
    }
    bool refused = false;
    for (size_t i = first; i < planning_.plan->items.size(); ++i) {
      PlannedMetadata& item = planning_.plan->items[i];
      const auto* change = std::get_if<SchemaChange>(&item.change);
      if (change == nullptr) continue;
      std::string why = LacksReference(*change, registered);
      if (why.empty()) continue;
      Refuse(why, &item);
      refused = true;
    }
    return refused;
  }

  std::string LacksReference(const SchemaChange& change,
                             const std::set<SchemaKey>& registered) const {
    for (const auto& [level, version] : change.versions) {
      for (const auto& reference : version.references()) {
        const SchemaKey key{registry::Qualified(reference.subject(), change.subject),
                            reference.version()};
        auto wanted = schemas_.find(key);
        if (registered.contains(key) || wanted == schemas_.end()) continue;
        auto there = subjects_.find(key.first);
        const Version* has = there == subjects_.end() ? nullptr : Find(there->second, key.second);
        if (has != nullptr && has->id() == wanted->second->id() &&
            registry::SameSchema(*has, *wanted->second))
          continue;
        return "version " + std::to_string(version.version()) + " refers to " + key.first +
               " version " + std::to_string(key.second) + ", which is not the snapshot's there";
      }
    }
    return "";
  }

  void Refuse(const std::string& why, PlannedMetadata* item) const {
    item->action = policy_ == MergePolicy::kSkip ? MetadataAction::kSkip : MetadataAction::kRefuse;
    item->reason = why;
    item->change = std::monostate();
    if (policy_ == MergePolicy::kSkip)
      planning_.Warn("subject " + item->name + " is not restored: " + why);
  }

  MetadataPlanning& planning_;
  const format::ClusterMetadata& here_;
  const format::ClusterMetadata& there_;
  const MergePolicy policy_;
  const std::map<SchemaKey, size_t> levels_, levels_there_;
  std::map<SchemaKey, const Version*> schemas_;                             // the snapshot's
  std::map<std::string, const RegistrySubject*> subjects_;                  // the target's
  std::map<std::pair<std::string, int32_t>, std::vector<Holder>> holders_;  // by context and id
  std::set<SchemaKey> removed_;
  std::string why_;  // the subject at hand differs
};

}  // namespace

Status PlanSchemas(MetadataPlanning& planning) {
  const format::ClusterMetadata& metadata = planning.snapshot.metadata;
  if (metadata.registry_url().empty()) {
    const bool missing = std::any_of(metadata.missing().begin(), metadata.missing().end(),
                                     [](const auto& m) { return m.part() == part::kSchemas; });
    if (planning.selection.registry != nullptr && !missing)
      planning.plan->notes.push_back("the snapshot has no schemas: its backup read no registry");
    return Status::Ok();
  }
  const std::string count = std::to_string(metadata.registry_subjects_size()) + " subjects";
  if (planning.selection.registry == nullptr) {
    planning.Warn(count +
                  " of the Schema Registry are not restored: no --schema-registry was given");
    return Status::Ok();
  }
  format::ClusterMetadata there;
  MB_RETURN_IF_ERROR(ReadRegistry(*planning.selection.registry,
                                  planning.context.Within(kRegistryReadMax), &there));
  SchemaPlanning(planning, there).Run();
  return Status::Ok();
}

}  // namespace maxbrod::engine
