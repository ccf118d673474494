#include "cli/show_metadata.h"

#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/folded.h"
#include "cli/output.h"
#include "cli/show_schemas.h"
#include "engine/scram_passwords.h"
#include "kafka/admin.h"

namespace maxbrod::cli {
namespace {

using Metadata = format::ClusterMetadata;
using Configs = google::protobuf::RepeatedPtrField<format::ConfigEntry>;

std::string ResourceTypeName(int32_t type) {
  switch (static_cast<kafka::ConfigResourceType>(type)) {
    case kafka::ConfigResourceType::kTopic:
      return "topic";
    case kafka::ConfigResourceType::kBroker:
      return "broker";
    case kafka::ConfigResourceType::kClientMetrics:
      return "client_metrics";
    case kafka::ConfigResourceType::kGroup:
      return "group";
  }
  return std::to_string(type);
}

std::string EntityText(const format::ClientQuota& quota) {
  std::string text;
  for (const auto& entity : quota.entities()) {
    text += (text.empty() ? "" : ", ") + entity.type() + "=" +
            (entity.is_default() ? "<default>" : entity.name());
  }
  return text;
}

std::string Number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.15g", value);
  return text;
}

std::string Shown(const format::ConfigEntry& config) {
  return config.has_value() ? config.value() : "(sensitive)";
}

size_t DynamicConfigs(const repo::Snapshot& snapshot) {
  size_t count = 0;
  for (const auto& resource : snapshot.metadata.configs())
    count += static_cast<size_t>(resource.configs_size());
  for (const auto& group : snapshot.groups) count += static_cast<size_t>(group.configs_size());
  return count;
}

std::string Counted(size_t count, const char* what) {
  return FormatCount(count) + " " + what + (count == 1 ? "" : "s");
}

std::string Ids(const Metadata& metadata, bool voters) {
  std::string text;
  for (const auto& replica : metadata.quorum()) {
    if (replica.voter() == voters)
      text += (text.empty() ? "" : ", ") + std::to_string(replica.id());
  }
  return text.empty() ? "none" : text;
}

void PrintAcls(const Metadata& metadata) {
  Table table({"RESOURCE", "NAME", "PATTERN", "PRINCIPAL", "HOST", "OPERATION", "PERMISSION"});
  for (const auto& acl : metadata.acls()) {
    table.Row({kafka::AclResourceTypeName(acl.resource_type()), acl.resource_name(),
               kafka::AclPatternTypeName(acl.pattern_type()), acl.principal(), acl.host(),
               kafka::AclOperationName(acl.operation()),
               kafka::AclPermissionName(acl.permission())});
  }
  PrintTable(table);
}

void PrintQuotasAndUsers(const Metadata& metadata) {
  Table quotas({"QUOTA OF", "KEY", ">VALUE"});
  for (const auto& quota : metadata.quotas()) {
    for (const auto& value : quota.values())
      quotas.Row({EntityText(quota), value.key(), Number(value.value())});
  }
  PrintTable(quotas);
  Table users({"SCRAM USER", "MECHANISM", ">ITERATIONS"});
  for (const auto& user : metadata.scram_users()) {
    for (const auto& c : user.credentials())
      users.Row(
          {user.user(), engine::ScramMechanismName(c.mechanism()), std::to_string(c.iterations())});
  }
  PrintTable(users);
}

void PrintConfigs(const repo::Snapshot& snapshot) {
  Table table({"DYNAMIC CONFIGS OF", "NAME", "CONFIG", "VALUE"});
  auto add = [&](const std::string& type, const std::string& name, const Configs& configs) {
    for (const auto& config : configs) table.Row({type, name, config.name(), Shown(config)});
  };
  for (const auto& resource : snapshot.metadata.configs()) {
    bool all = resource.type() == static_cast<int32_t>(kafka::ConfigResourceType::kBroker) &&
               resource.name().empty();
    add(ResourceTypeName(resource.type()), all ? "(all)" : resource.name(), resource.configs());
  }
  for (const auto& broker : snapshot.header.cluster().brokers()) {
    for (const auto& config : broker.configs()) {
      if (config.source() != static_cast<int32_t>(kafka::ConfigSource::kDynamicBroker)) continue;
      table.Row({"broker", std::to_string(broker.id()), config.name(), Shown(config)});
    }
  }
  for (const auto& group : snapshot.groups) add("group", group.group(), group.configs());
  PrintTable(table);
}

void PrintCluster(const Metadata& metadata) {
  Table features({"FEATURE", ">LEVEL", ">SUPPORTED FROM", ">TO"});
  for (const auto& feature : metadata.features()) {
    features.Row(
        {feature.name(), feature.finalized() == 0 ? "-" : std::to_string(feature.finalized()),
         std::to_string(feature.supported_min()), std::to_string(feature.supported_max())});
  }
  PrintTable(features);
  Table dirs({">BROKER", "LOG DIRECTORY", ">REPLICAS", ">SIZE", ">USABLE", ">TOTAL"});
  auto bytes = [](int64_t value) {
    return value < 0 ? std::string("-") : FormatBytes(static_cast<uint64_t>(value));
  };
  for (const auto& dir : metadata.log_dirs()) {
    dirs.Row({std::to_string(dir.broker()), dir.path(), FormatCount(dir.replicas()),
              FormatBytes(dir.replica_bytes()), bytes(dir.usable_bytes()),
              bytes(dir.total_bytes())});
  }
  PrintTable(dirs);
}

nlohmann::json ConfigsJson(const Configs& configs) {
  nlohmann::json out = nlohmann::json::object();
  for (const auto& config : configs)
    out[config.name()] = config.has_value() ? nlohmann::json(config.value()) : nlohmann::json();
  return out;
}

nlohmann::json AclsJson(const Metadata& metadata) {
  nlohmann::json out = nlohmann::json::array();
  for (const auto& acl : metadata.acls()) {
    out.push_back({{"resource_type", kafka::AclResourceTypeName(acl.resource_type())},
                   {"resource_name", acl.resource_name()},
                   {"pattern_type", kafka::AclPatternTypeName(acl.pattern_type())},
                   {"principal", acl.principal()},
                   {"host", acl.host()},
                   {"operation", kafka::AclOperationName(acl.operation())},
                   {"permission", kafka::AclPermissionName(acl.permission())}});
  }
  return out;
}

nlohmann::json QuotasJson(const Metadata& metadata) {
  nlohmann::json out = nlohmann::json::array();
  for (const auto& quota : metadata.quotas()) {
    nlohmann::json entity = nlohmann::json::object();
    for (const auto& e : quota.entities())
      entity[e.type()] = e.is_default() ? nlohmann::json() : nlohmann::json(e.name());
    nlohmann::json values = nlohmann::json::object();
    for (const auto& value : quota.values()) values[value.key()] = value.value();
    out.push_back({{"entity", entity}, {"values", values}});
  }
  return out;
}

nlohmann::json UsersJson(const Metadata& metadata) {
  nlohmann::json out = nlohmann::json::array();
  for (const auto& user : metadata.scram_users()) {
    nlohmann::json credentials = nlohmann::json::array();
    for (const auto& c : user.credentials()) {
      credentials.push_back({{"mechanism", engine::ScramMechanismName(c.mechanism())},
                             {"iterations", c.iterations()}});
    }
    out.push_back({{"user", user.user()}, {"credentials", credentials}});
  }
  return out;
}

nlohmann::json QuorumJson(const Metadata& metadata) {
  nlohmann::json replicas = nlohmann::json::array();
  for (const auto& replica : metadata.quorum()) {
    replicas.push_back({{"id", replica.id()},
                        {"voter", replica.voter()},
                        {"log_end_offset", replica.log_end_offset()}});
  }
  return {{"leader", metadata.quorum_leader()},
          {"leader_epoch", metadata.quorum_leader_epoch()},
          {"replicas", replicas}};
}

}  // namespace

void PrintMetadataSummary(const repo::Snapshot& snapshot) {
  const Metadata& metadata = snapshot.metadata;
  if (!metadata.captured()) {
    std::cout << "metadata     not recorded (by an older program)\n";
    return;
  }
  std::cout << "metadata     " << Counted(static_cast<size_t>(metadata.acls_size()), "ACL") << ", "
            << Counted(static_cast<size_t>(metadata.quotas_size()), "quota") << ", "
            << Counted(static_cast<size_t>(metadata.scram_users_size()), "SCRAM user") << ", "
            << Counted(DynamicConfigs(snapshot), "dynamic config") << "\n";
  for (const auto& feature : metadata.features()) {
    if (feature.name() == "metadata.version")
      std::cout << "features     metadata.version " << feature.finalized() << " (of "
                << metadata.features_size() << " features)\n";
  }
  if (metadata.quorum_size() > 0) {
    std::cout << "quorum       leader " << metadata.quorum_leader() << " in epoch "
              << metadata.quorum_leader_epoch() << ", voters " << Ids(metadata, true)
              << ", observers " << Ids(metadata, false) << "\n";
  }
  uint64_t replicas = 0, bytes = 0;
  for (const auto& dir : metadata.log_dirs()) {
    replicas += dir.replicas();
    bytes += dir.replica_bytes();
  }
  if (metadata.log_dirs_size() > 0) {
    std::cout << "disks        " << FormatCount(replicas) << " replicas, " << FormatBytes(bytes)
              << " in " << metadata.log_dirs_size() << " log directories\n";
  }
  PrintSchemasSummary(metadata);
  for (const auto& missing : metadata.missing())
    PrintFolded("missing      ", missing.part() + ": " + missing.reason());
}

void PrintMetadataTables(const repo::Snapshot& snapshot) {
  PrintAcls(snapshot.metadata);
  PrintQuotasAndUsers(snapshot.metadata);
  PrintConfigs(snapshot);
  PrintCluster(snapshot.metadata);
  PrintSchemasTables(snapshot.metadata);
}

nlohmann::json MetadataJson(const Metadata& metadata) {
  nlohmann::json out = {{"captured", metadata.captured()}};
  out["acls"] = AclsJson(metadata);
  out["quotas"] = QuotasJson(metadata);
  out["scram_users"] = UsersJson(metadata);
  out["quorum"] = QuorumJson(metadata);
  out["schema_registry"] = SchemasJson(metadata);
  for (const char* list : {"dynamic_configs", "features", "log_dirs", "missing"})
    out[list] = nlohmann::json::array();
  for (const auto& resource : metadata.configs()) {
    out["dynamic_configs"].push_back({{"type", ResourceTypeName(resource.type())},
                                      {"name", resource.name()},
                                      {"configs", ConfigsJson(resource.configs())}});
  }
  for (const auto& feature : metadata.features()) {
    out["features"].push_back({{"name", feature.name()},
                               {"level", feature.finalized()},
                               {"supported_min", feature.supported_min()},
                               {"supported_max", feature.supported_max()}});
  }
  for (const auto& dir : metadata.log_dirs()) {
    out["log_dirs"].push_back({{"broker", dir.broker()},
                               {"path", dir.path()},
                               {"replicas", dir.replicas()},
                               {"replica_bytes", dir.replica_bytes()},
                               {"usable_bytes", dir.usable_bytes()},
                               {"total_bytes", dir.total_bytes()}});
  }
  for (const auto& missing : metadata.missing()) {
    out["missing"].push_back({{"part", missing.part()},
                              {"reason", missing.reason()},
                              {"kafka_error", missing.kafka_error()}});
  }
  return out;
}

}  // namespace maxbrod::cli
