// ApplyMetadata: what was planned, kind by kind, few requests each.
#include "engine/restore_metadata.h"

#include <set>

#include "codec/hash.h"
#include "engine/restore_schemas.h"
#include "os/crash_point.h"

namespace maxbrod::engine {
namespace {

// What ends the run: nobody answers, or it was stopped. Everything else is the target's refusal.
bool Ends(const Status& status) {
  return status.code() == Code::kUnavailable || status.code() == Code::kTimeout ||
         status.code() == Code::kCancelled || status.code() == Code::kAuthentication;
}

class Execution {
 public:
  Execution(kafka::Cluster& target, const MetadataPlan& plan, Progress& progress,
            const CallContext& context)
      : admin_(target), plan_(plan), progress_(progress), context_(context) {}

  Result<MetadataReport> Run() {
    report_.warnings = plan_.warnings;
    for (const PlannedMetadata& item : plan_.items) Count(item);
    progress_.Begin("restoring users, quotas, configs and ACLs", 0, 0);
    MB_RETURN_IF_ERROR(Schemas());
    MB_RETURN_IF_ERROR(Users());
    CrashPoint("metadata.after_users");
    MB_RETURN_IF_ERROR(Quotas());
    CrashPoint("metadata.after_quotas");
    MB_RETURN_IF_ERROR(Configs());
    CrashPoint("metadata.after_configs");
    MB_RETURN_IF_ERROR(ShareOffsets());
    MB_RETURN_IF_ERROR(CreateAcls());
    CrashPoint("metadata.after_create_acls");
    MB_RETURN_IF_ERROR(DeleteAcls());
    for (const PlannedMetadata& item : plan_.items) {
      if (std::holds_alternative<std::monostate>(item.change) || failed_.contains(&item)) continue;
      ++(item.action == MetadataAction::kOverwrite ? report_.overwritten : report_.created);
    }
    return std::move(report_);
  }

 private:
  void Count(const PlannedMetadata& item) {
    switch (item.action) {
      case MetadataAction::kSame:
        ++report_.same;
        break;
      case MetadataAction::kSkip:
        ++report_.skipped;
        break;
      case MetadataAction::kLeftOut:
        ++report_.left_out;
        break;
      case MetadataAction::kSetAgain:
        report_.set_again.push_back(item.reason);
        break;
      case MetadataAction::kCreate:
      case MetadataAction::kOverwrite:
      case MetadataAction::kRefuse:
        break;
    }
  }

  // The error when the run cannot go on; other ones are noted at the item, its first only.
  Status Note(const PlannedMetadata& item, const Status& status) {
    if (status.ok()) return status;
    if (Ends(status)) return status;
    if (!failed_.insert(&item).second) return Status::Ok();
    std::string what = std::string(MetadataKindName(item.kind)) + " " + item.name + ": " +
                       status.ToString() + (status.hint().empty() ? "" : "; " + status.hint());
    progress_.Warn(what);
    report_.failed.push_back(std::move(what));
    if (report_.failure.ok()) report_.failure = status;
    return Status::Ok();
  }

  // `call` takes all inputs and answers with a Status for each, whose item is in `items`.
  template <typename Input, typename Call>
  Status ForEach(const std::vector<const PlannedMetadata*>& items, const std::vector<Input>& inputs,
                 const Call& call) {
    if (inputs.empty()) return Status::Ok();
    Result<std::vector<Status>> answers = call(inputs);
    for (size_t i = 0; i < items.size(); ++i) {
      MB_RETURN_IF_ERROR(Note(*items[i], answers.ok() ? (*answers)[i] : answers.status()));
    }
    return Status::Ok();
  }

  template <typename Change, typename Each>
  void ForChanges(const Each& each) {
    for (const PlannedMetadata& item : plan_.items) {
      if (const auto* change = std::get_if<Change>(&item.change)) each(item, *change);
    }
  }

  // First: nothing of the rest is of use to who cannot read the records.
  Status Schemas() {
    if (plan_.registry == nullptr) return Status::Ok();
    return RestoreSchemas(
        *plan_.registry, plan_,
        [this](const PlannedMetadata& item, const Status& status) { return Note(item, status); },
        progress_, context_);
  }

  Status Users() {
    std::vector<kafka::ScramUpsertion> upsert;
    std::vector<kafka::ScramDeletion> remove;
    std::map<std::string, const PlannedMetadata*> items;
    ForChanges<UserChange>([&](const PlannedMetadata& item, const UserChange& change) {
      items[change.user] = &item;
      for (const kafka::ScramCredential& credential : change.upsert) {
        const std::string* password = plan_.passwords->Find(change.user, credential.mechanism);
        MB_CHECK(password != nullptr);
        upsert.push_back({change.user, credential, *password});
      }
      for (int8_t mechanism : change.remove) remove.push_back({change.user, mechanism});
    });
    if (items.empty()) return Status::Ok();
    auto statuses = admin_.AlterScramUsers(upsert, remove, context_);
    for (kafka::ScramUpsertion& upsertion : upsert) {
      WipeSecret(
          {reinterpret_cast<uint8_t*>(upsertion.password.data()), upsertion.password.size()});
    }
    for (const auto& [user, item] : items) {
      MB_RETURN_IF_ERROR(Note(*item, statuses.ok() ? (*statuses)[user] : statuses.status()));
    }
    return Status::Ok();
  }

  Status Quotas() {
    std::vector<const PlannedMetadata*> items;
    std::vector<kafka::QuotaAlteration> alterations;
    ForChanges<QuotaChange>([&](const PlannedMetadata& item, const QuotaChange& change) {
      items.push_back(&item);
      alterations.push_back(change.alteration);
    });
    return ForEach(items, alterations, [&](const auto& inputs) {
      return admin_.AlterClientQuotas(inputs, /*validate_only=*/false, context_);
    });
  }

  // By type: the changes of each resource together, since a resource may stand in several items.
  Status Configs() {
    using Type = kafka::ConfigResourceType;
    std::map<Type, std::map<std::string, std::vector<kafka::ConfigChange>>> all;
    std::map<std::pair<Type, std::string>, std::vector<const PlannedMetadata*>> items;
    ForChanges<ConfigsChange>([&](const PlannedMetadata& item, const ConfigsChange& change) {
      auto& changes = all[change.type][change.name];
      changes.insert(changes.end(), change.changes.begin(), change.changes.end());
      items[{change.type, change.name}].push_back(&item);
    });
    for (auto& [type, by_name] : all) {
      std::map<std::string, Status> statuses;
      for (auto it = by_name.begin(); type == Type::kBroker && it != by_name.end();) {
        if (it->first.empty()) {
          ++it;
          continue;
        }
        statuses[it->first] = admin_.AlterBrokerConfigs(BrokerId(std::stoi(it->first)), it->second,
                                                        /*validate_only=*/false, context_);
        it = by_name.erase(it);
      }
      auto altered = by_name.empty()
                         ? Result<std::map<std::string, Status>>(std::map<std::string, Status>())
                         : admin_.AlterConfigs(type, by_name, /*validate_only=*/false, context_);
      for (const auto& [name, changes] : by_name) {
        statuses[name] = altered.ok() ? (*altered)[name] : altered.status();
      }
      for (const auto& [name, status] : statuses) {
        for (const PlannedMetadata* item : items[{type, name}])
          MB_RETURN_IF_ERROR(Note(*item, status));
      }
    }
    return Status::Ok();
  }

  Status ShareOffsets() {
    for (const PlannedMetadata& item : plan_.items) {
      const auto* change = std::get_if<ShareOffsetsChange>(&item.change);
      if (change == nullptr) continue;
      auto statuses = admin_.AlterShareGroupOffsets(change->group, change->offsets, context_);
      MB_RETURN_IF_ERROR(Note(item, statuses.status()));
      if (!statuses.ok()) continue;
      for (const auto& [tp, status] : *statuses) MB_RETURN_IF_ERROR(Note(item, status));
    }
    return Status::Ok();
  }

  // First what is to be there, then what is not: nobody loses a right in between.
  Status CreateAcls() {
    std::vector<const PlannedMetadata*> items;
    std::vector<kafka::Acl> acls;
    ForChanges<AclChange>([&](const PlannedMetadata& item, const AclChange& change) {
      for (const kafka::Acl& acl : change.create) {
        items.push_back(&item);
        acls.push_back(acl);
      }
    });
    return ForEach(items, acls,
                   [&](const auto& inputs) { return admin_.CreateAcls(inputs, context_); });
  }

  Status DeleteAcls() {
    std::vector<const PlannedMetadata*> items;
    std::vector<kafka::Acl> acls;
    ForChanges<AclChange>([&](const PlannedMetadata& item, const AclChange& change) {
      for (const kafka::Acl& acl : change.remove) {
        if (failed_.contains(&item)) continue;
        items.push_back(&item);
        acls.push_back(acl);
      }
    });
    return ForEach(items, acls,
                   [&](const auto& inputs) { return admin_.DeleteAcls(inputs, context_); });
  }

  kafka::Admin admin_;
  const MetadataPlan& plan_;
  Progress& progress_;
  const CallContext& context_;
  MetadataReport report_;
  std::set<const PlannedMetadata*> failed_;
};

}  // namespace

Result<MetadataReport> ApplyMetadata(kafka::Cluster& target, const MetadataPlan& plan,
                                     Progress& progress, const CallContext& context) {
  MB_RETURN_IF_ERROR(plan.Refusal());
  return Execution(target, plan, progress, context).Run();
}

}  // namespace maxbrod::engine
