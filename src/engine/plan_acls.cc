// ACLs: compared and restored by resource pattern.
#include <algorithm>
#include <iterator>
#include <set>

#include "engine/metadata_planning.h"

namespace maxbrod::engine {
namespace {

constexpr int8_t kTopic = 2, kGroup = 3, kUserResource = 7;
constexpr int8_t kLiteral = 3;
constexpr const char* kWildcard = "*";

struct Pattern {
  int8_t resource_type = 0;
  std::string name;
  int8_t pattern_type = 0;
  auto operator<=>(const Pattern&) const = default;

  std::string Text() const {
    std::string text = kafka::AclResourceTypeName(resource_type) + ":" + name;
    if (pattern_type != kLiteral) text += " (" + kafka::AclPatternTypeName(pattern_type) + ")";
    return text;
  }
};
using AclsByPattern = std::map<Pattern, std::set<kafka::Acl>>;

Pattern PatternOf(const kafka::Acl& acl) {
  return {acl.resource_type, acl.resource_name, acl.pattern_type};
}

std::string Text(const std::set<kafka::Acl>& acls) {
  std::string text;
  for (const kafka::Acl& acl : acls) {
    text += (text.empty() ? "" : "; ") + kafka::AclPermissionName(acl.permission) + " " +
            kafka::AclOperationName(acl.operation) + " " + acl.principal;
    if (acl.host != kWildcard) text += " from " + acl.host;
  }
  return text;
}

kafka::Acl FromFormat(const format::Acl& acl) {
  return {static_cast<int8_t>(acl.resource_type()),
          acl.resource_name(),
          static_cast<int8_t>(acl.pattern_type()),
          acl.principal(),
          acl.host(),
          static_cast<int8_t>(acl.operation()),
          static_cast<int8_t>(acl.permission())};
}

// With the target's names; the reason when it is not restored.
std::string MapAcl(const MetadataSelection& selection, kafka::Acl* acl) {
  bool literal = acl->pattern_type == kLiteral && acl->resource_name != kWildcard;
  if (literal && acl->resource_type == kTopic) {
    acl->resource_name = Mapped(selection.topic_name, acl->resource_name);
    if (acl->resource_name.empty()) return "its topic is not restored";
  }
  if (literal && acl->resource_type == kGroup) {
    acl->resource_name = Mapped(selection.group_name, acl->resource_name);
    if (acl->resource_name.empty()) return "its group is not restored";
  }
  if (literal && acl->resource_type == kUserResource) {
    acl->resource_name = Mapped(selection.principal_name, acl->resource_name);
    if (acl->resource_name.empty()) return "its user is not restored";
  }
  acl->principal = Mapped(selection.principal_name, acl->principal);
  return acl->principal.empty() ? "its principal is not restored" : "";
}

std::set<kafka::Acl> Without(const std::set<kafka::Acl>& all, const std::set<kafka::Acl>& some) {
  std::set<kafka::Acl> left;
  std::set_difference(all.begin(), all.end(), some.begin(), some.end(),
                      std::inserter(left, left.end()));
  return left;
}

// Principals that no SCRAM user of the target, now or after this restore, stands behind. Told only
// where the target has such users at all: others come by certificate or token.
Status NoteUnknownPrincipals(MetadataPlanning& planning, const AclsByPattern& wanted) {
  auto users = planning.admin.DescribeScramUsers(planning.context);
  if (!users.ok()) return TargetLacks(users.status()) ? Status::Ok() : users.status();
  if (users->empty()) return Status::Ok();
  std::set<std::string> known;
  for (const auto& [user, credentials] : *users) known.insert("User:" + user);
  for (const PlannedMetadata& item : planning.plan->items) {
    if (std::holds_alternative<UserChange>(item.change)) known.insert("User:" + item.name);
  }
  std::set<std::string> unknown;
  for (const auto& [pattern, acls] : wanted) {
    for (const kafka::Acl& acl : acls) {
      bool named = acl.principal.starts_with("User:") && acl.principal != "User:*";
      if (named && !known.contains(acl.principal)) unknown.insert(acl.principal);
    }
  }
  for (const std::string& principal : unknown) {
    planning.plan->notes.push_back("ACLs name " + principal +
                                   ", which is no SCRAM user of the target");
  }
  return Status::Ok();
}

}  // namespace

// A pattern counts as met only where the target has ACLs on it that the snapshot lacks: a run that
// was killed between two of a pattern's ACLs adds the others.
Status PlanAcls(MetadataPlanning& planning) {
  AclsByPattern wanted;
  for (const format::Acl& one : planning.snapshot.metadata.acls()) {
    kafka::Acl acl = FromFormat(one);
    std::string source = PatternOf(acl).Text();
    std::string why_not = MapAcl(planning.selection, &acl);
    if (why_not.empty()) {
      wanted[PatternOf(acl)].insert(std::move(acl));
    } else {
      LeaveOut(why_not, &planning.Add(MetadataKind::kAcls, source, Text({FromFormat(one)}), ""));
    }
  }
  if (wanted.empty()) return Status::Ok();
  auto there = planning.admin.DescribeAcls(planning.context);
  if (!there.ok()) {
    if (!TargetLacks(there.status())) return there.status();
    std::string why = there.status().kafka_error() == kafka::kSecurityDisabled
                          ? "the target has no authorizer (authorizer.class.name)"
                          : WithHintText(there.status());
    for (const auto& [pattern, acls] : wanted) {
      LeaveOut(why, &planning.Add(MetadataKind::kAcls, pattern.Text(), Text(acls), ""));
    }
    planning.Warn("ACLs on " + std::to_string(wanted.size()) +
                  " resource patterns are not restored: " + why);
    return Status::Ok();
  }
  AclsByPattern existing;
  for (kafka::Acl& acl : *there) existing[PatternOf(acl)].insert(acl);
  for (const auto& [pattern, acls] : wanted) {
    const std::set<kafka::Acl>& has = existing[pattern];
    std::set<kafka::Acl> missing = Without(acls, has);
    std::set<kafka::Acl> other = Without(has, acls);
    PlannedMetadata& item =
        planning.Add(MetadataKind::kAcls, pattern.Text(), Text(acls), Text(has));
    AclChange change{{missing.begin(), missing.end()}, {other.begin(), other.end()}};
    Decide(!other.empty(), missing.empty() && other.empty(), planning.selection.policies.acls,
           std::move(change), &item);
  }
  return NoteUnknownPrincipals(planning, wanted);
}

}  // namespace maxbrod::engine
