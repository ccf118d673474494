// What belongs to no topic: ACLs, quotas, users, dynamic configs, features.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "engine/diff_internal.h"

namespace maxbrod::engine {
namespace {

// ConfigResource.Type.
constexpr int32_t kBrokerResource = 4;
constexpr int32_t kClientMetricsResource = 16;
constexpr int32_t kGroupResource = 32;
// org.apache.kafka.common.resource.ResourceType and PatternType.
constexpr int32_t kTopicAcl = 2;
constexpr int32_t kLiteralPattern = 3;
constexpr int32_t kPrefixedPattern = 4;
constexpr int32_t kAllow = 3;

constexpr std::array<const char*, 8> kResources = {
    "unknown", "any", "topic", "group", "cluster", "transactional id", "delegation token", "user"};
constexpr std::array<const char*, 16> kOperations = {"unknown",
                                                     "any",
                                                     "all",
                                                     "read",
                                                     "write",
                                                     "create",
                                                     "delete",
                                                     "alter",
                                                     "describe",
                                                     "clusterAction",
                                                     "describeConfigs",
                                                     "alterConfigs",
                                                     "idempotentWrite",
                                                     "createTokens",
                                                     "describeTokens",
                                                     "twoPhaseCommit"};

template <size_t N>
std::string NameIn(const std::array<const char*, N>& names, int32_t value) {
  bool known = value >= 0 && static_cast<size_t>(value) < N;
  return known ? names[static_cast<size_t>(value)] : std::to_string(value);
}

std::string AclText(const format::Acl& acl, const std::string& resource) {
  std::string pattern = acl.pattern_type() == kLiteralPattern    ? ""
                        : acl.pattern_type() == kPrefixedPattern ? "prefix "
                                                                 : "pattern ";
  return fmt::format("acl on {} {}{}: {} {} {} from {}", NameIn(kResources, acl.resource_type()),
                     pattern, resource, acl.permission() == kAllow ? "allow" : "deny",
                     acl.principal(), NameIn(kOperations, acl.operation()), acl.host());
}

std::string EntityText(const format::ClientQuota& quota) {
  std::string out = "quota";
  for (const auto& entity : quota.entities()) {
    out += fmt::format("{}{}={}", &entity == &*quota.entities().begin() ? " " : ", ", entity.type(),
                       entity.is_default() ? "<default>" : entity.name());
  }
  return out;
}

std::string MechanismText(int32_t mechanism) {
  if (mechanism == 1) return "SCRAM-SHA-256";
  if (mechanism == 2) return "SCRAM-SHA-512";
  return "mechanism " + std::to_string(mechanism);
}

using Named = std::map<std::string, std::string>;

Named QuotaValues(const format::ClientQuota& quota) {
  Named out;
  for (const auto& value : quota.values()) out[value.key()] = fmt::format("{}", value.value());
  return out;
}

Named Credentials(const format::ScramUser& user) {
  Named out;
  for (const auto& c : user.credentials())
    out[MechanismText(c.mechanism())] = fmt::format("{} iterations", c.iterations());
  return out;
}

Named FeatureLevels(const format::ClusterMetadata& metadata) {
  Named out;
  for (const auto& feature : metadata.features())
    out[feature.name()] = "level " + std::to_string(feature.finalized());
  return out;
}

// Those that mean the same on any cluster, by what they are called in a report.
std::map<std::string, const format::ConfigResource*> SharedConfigs(
    const format::ClusterMetadata& metadata) {
  std::map<std::string, const format::ConfigResource*> out;
  for (const auto& resource : metadata.configs()) {
    if (resource.type() == kBrokerResource && resource.name().empty()) {
      out["brokers' defaults"] = &resource;
    } else if (resource.type() == kClientMetricsResource) {
      out["client metrics " + resource.name()] = &resource;
    } else if (resource.type() == kGroupResource) {
      out["group " + resource.name()] = &resource;
    }
  }
  return out;
}

const format::MissingPart* FindMissing(const format::ClusterMetadata& metadata,
                                       const std::string& part) {
  for (const auto& missing : metadata.missing()) {
    if (missing.part() == part) return &missing;
  }
  return nullptr;
}

}  // namespace

void Differ::CompareMetadata() {
  bool wanted = Wanted(DiffArea::kAcls) || Wanted(DiffArea::kQuotas) || Wanted(DiffArea::kUsers) ||
                Wanted(DiffArea::kCluster) || Wanted(DiffArea::kSchemas);
  if (!wanted) return;
  for (const auto* side : {&a_, &b_}) {
    if (side->metadata.captured()) continue;
    const DiffSide& named = side == &a_ ? report_.a : report_.b;
    report_.notes.push_back("ACLs, quotas, users and cluster settings are not compared: " +
                            named.name + " has none of them recorded");
    return;
  }
  CompareAcls();
  CompareQuotas();
  CompareUsers();
  CompareCluster();
  CompareSchemas();
}

// A part that one side could not see is not compared.
bool Differ::MetadataKnown(const char* part, DiffArea area) {
  if (!Wanted(area)) return false;
  for (const auto* side : {&a_, &b_}) {
    const format::MissingPart* missing = FindMissing(side->metadata, part);
    if (missing == nullptr) continue;
    report_.notes.push_back(fmt::format("{} are not compared: {} lacks them ({})", part,
                                        side == &a_ ? report_.a.name : report_.b.name,
                                        missing->reason()));
    return false;
  }
  return true;
}

void Differ::CompareAcls() {
  if (!MetadataKnown("acls", DiffArea::kAcls)) return;
  Named before, after;
  for (const format::Acl& acl : a_.metadata.acls()) {
    std::string resource = acl.resource_name();
    // As a restore renames them: literal names only.
    if (acl.resource_type() == kTopicAcl && acl.pattern_type() == kLiteralPattern &&
        resource != "*")
      resource = options_.renames.Apply(resource);
    before[AclText(acl, resource)] = "";
  }
  for (const format::Acl& acl : b_.metadata.acls()) after[AclText(acl, acl.resource_name())] = "";
  CompareMaps(DiffArea::kAcls, "", before, after);
}

void Differ::CompareParts(DiffArea area, const std::map<std::string, Named>& before,
                          const std::map<std::string, Named>& after) {
  static const Named kNone;
  std::map<std::string, std::pair<const Named*, const Named*>> all;
  for (const auto& [name, parts] : before) all[name] = {&parts, &kNone};
  for (const auto& [name, parts] : after) {
    auto& pair = all[name];
    if (pair.first == nullptr) pair.first = &kNone;
    pair.second = &parts;
  }
  for (const auto& [name, pair] : all) {
    for (const auto& [part, value] : *pair.first) {
      auto other = pair.second->find(part);
      if (other == pair.second->end()) {
        Add(area, DiffChange::kRemoved, name, part, value, "");
      } else {
        Compare(area, name, part, value, other->second);
      }
    }
    for (const auto& [part, value] : *pair.second) {
      if (!pair.first->contains(part)) Add(area, DiffChange::kAdded, name, part, "", value);
    }
  }
}

void Differ::CompareQuotas() {
  if (!MetadataKnown("quotas", DiffArea::kQuotas)) return;
  std::map<std::string, Named> before, after;
  for (const auto& quota : a_.metadata.quotas()) before[EntityText(quota)] = QuotaValues(quota);
  for (const auto& quota : b_.metadata.quotas()) after[EntityText(quota)] = QuotaValues(quota);
  CompareParts(DiffArea::kQuotas, before, after);
}

void Differ::CompareUsers() {
  if (!MetadataKnown("scram_users", DiffArea::kUsers)) return;
  std::map<std::string, Named> before, after;
  for (const auto& user : a_.metadata.scram_users())
    before["user " + user.user()] = Credentials(user);
  for (const auto& user : b_.metadata.scram_users())
    after["user " + user.user()] = Credentials(user);
  CompareParts(DiffArea::kUsers, before, after);
}

void Differ::CompareCluster() {
  auto before = SharedConfigs(a_.metadata), after = SharedConfigs(b_.metadata);
  std::set<std::string> names;
  for (const auto& [name, resource] : before) names.insert(name);
  for (const auto& [name, resource] : after) names.insert(name);
  bool brokers = MetadataKnown("broker_configs", DiffArea::kCluster);
  bool groups = MetadataKnown("group_configs", DiffArea::kGroups);
  bool metrics = MetadataKnown("client_metrics", DiffArea::kCluster);
  std::set<std::string> seen_with_group;  // their snapshots hold them: compared there
  for (const auto* side : {&a_, &b_}) {
    for (const auto& group : side->groups) {
      if (group.configs_size() > 0) seen_with_group.insert("group " + group.group());
    }
  }
  static const google::protobuf::RepeatedPtrField<format::ConfigEntry> kNone;
  for (const std::string& name : names) {
    auto a = before.find(name), b = after.find(name);
    const format::ConfigResource* one = a != before.end() ? a->second : b->second;
    bool of_group = one->type() == kGroupResource;
    if (of_group && (!groups || seen_with_group.contains(name) || !SelectedGroup(one->name())))
      continue;
    if (one->type() == kBrokerResource && !brokers) continue;
    if (one->type() == kClientMetricsResource && !metrics) continue;
    CompareConfigs(of_group ? DiffArea::kGroups : DiffArea::kCluster, name,
                   a == before.end() ? kNone : a->second->configs(),
                   b == after.end() ? kNone : b->second->configs());
  }
  if (MetadataKnown("features", DiffArea::kCluster))
    CompareMaps(DiffArea::kCluster, "feature ", FeatureLevels(a_.metadata),
                FeatureLevels(b_.metadata));
}

}  // namespace maxbrod::engine
