// SCRAM users. The protocol tells who has which mechanisms, never what is behind them: without a
// file of passwords a user can only be named.
#include <algorithm>

#include "engine/metadata_planning.h"

namespace maxbrod::engine {
namespace {

using Credentials = std::vector<kafka::ScramCredential>;

std::string Text(const Credentials& credentials) {
  std::string text;
  for (const kafka::ScramCredential& c : credentials) {
    text += (text.empty() ? "" : ", ") + std::string(ScramMechanismName(c.mechanism)) +
            " iterations=" + std::to_string(c.iterations);
  }
  return text;
}

// As kafka-configs.sh takes it; single quotes in names are rare, and written as the shell needs.
std::string Command(const std::string& user, const Credentials& credentials) {
  std::string quoted;
  for (char c : user) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  std::string configs;
  for (const kafka::ScramCredential& c : credentials) {
    configs += (configs.empty() ? "" : ",") + std::string(ScramMechanismName(c.mechanism)) +
               "=[iterations=" + std::to_string(c.iterations) + ",password=...]";
  }
  return "kafka-configs.sh --alter --entity-type users --entity-name '" + quoted +
         "' --add-config '" + configs + "'";
}

void PlanUser(MetadataPlanning& planning, const std::string& user, const Credentials& wanted,
              const Credentials* has) {
  PlannedMetadata& item =
      planning.Add(MetadataKind::kUser, user, Text(wanted), has == nullptr ? "" : Text(*has));
  UserChange change;
  change.user = user;
  Credentials unknown;
  for (const kafka::ScramCredential& credential : wanted) {
    bool there = has != nullptr && std::find(has->begin(), has->end(), credential) != has->end();
    if (there) continue;
    bool given = planning.selection.passwords != nullptr &&
                 planning.selection.passwords->Find(user, credential.mechanism) != nullptr;
    (given ? change.upsert : unknown).push_back(credential);
  }
  if (has != nullptr) {
    for (const kafka::ScramCredential& credential : *has) {
      bool kept = std::any_of(wanted.begin(), wanted.end(),
                              [&](const auto& w) { return w.mechanism == credential.mechanism; });
      if (!kept) change.remove.push_back(credential.mechanism);
    }
  }
  // As a run that was killed leaves it, the target has some of the snapshot's credentials only.
  bool other = has != nullptr && std::any_of(has->begin(), has->end(), [&](const auto& c) {
                 return std::find(wanted.begin(), wanted.end(), c) == wanted.end();
               });
  bool same = has != nullptr && *has == wanted;
  Decide(other, same, planning.selection.policies.users, change, &item);
  if (same) item.reason = "passwords cannot be compared";
  bool acts = item.action == MetadataAction::kCreate || item.action == MetadataAction::kOverwrite;
  if (!acts || unknown.empty()) return;
  item.reason = Command(user, unknown);
  item.action = MetadataAction::kSetAgain;
  if (change.upsert.empty()) item.change = std::monostate();
}

}  // namespace

Status PlanUsers(MetadataPlanning& planning) {
  const auto& users = planning.snapshot.metadata.scram_users();
  if (users.empty()) return Status::Ok();
  auto there = planning.admin.DescribeScramUsers(planning.context);
  if (!there.ok() && !TargetLacks(there.status())) return there.status();
  for (const format::ScramUser& user : users) {
    Credentials wanted;
    for (const auto& c : user.credentials()) {
      wanted.push_back({static_cast<int8_t>(c.mechanism()), c.iterations()});
    }
    std::sort(wanted.begin(), wanted.end());
    std::string name = MappedUser(planning.selection, user.user());
    if (name.empty()) {
      LeaveOut("not selected", &planning.Add(MetadataKind::kUser, user.user(), Text(wanted), ""));
    } else if (!there.ok()) {
      LeaveOut(WithHintText(there.status()),
               &planning.Add(MetadataKind::kUser, name, Text(wanted), ""));
    } else {
      auto found = there->find(name);
      PlanUser(planning, name, wanted, found == there->end() ? nullptr : &found->second);
    }
  }
  if (!there.ok()) {
    planning.Warn(std::to_string(users.size()) +
                  " SCRAM users are not restored: " + WithHintText(there.status()));
  }
  return Status::Ok();
}

}  // namespace maxbrod::engine
