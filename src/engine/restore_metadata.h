// A cluster's ACLs, quotas, SCRAM users and dynamic configs from a snapshot into another cluster,
// and a Schema Registry's subjects into another one: a plan that compares the two, and its
// execution.
//
// Everything is done by calls that say what shall be (CreateAcls, AlterClientQuotas, ...), so a run
// that was killed is repeated by the same call: what is as in the snapshot by then is "same".
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/merge_policy.h"
#include "engine/progress.h"
#include "engine/scram_passwords.h"
#include "kafka/admin.h"
#include "kafka/cluster.h"
#include "registry/registry.h"
#include "repo/repository.h"

namespace maxbrod::engine {

enum class BrokerConfigs : uint8_t {
  kNone,
  kDefault,  // the cluster-wide dynamic ones
  kEach,     // and each broker's own, where the target has a broker of the same id
};

// A source's name -> the target's; empty: not restored. Null: as it is.
using NameMap = std::function<std::string(const std::string& name)>;

struct MetadataSelection {
  bool acls = true, quotas = true, users = true;
  bool configs = true;  // of groups and client metrics subscriptions
  BrokerConfigs broker_configs = BrokerConfigs::kNone;
  // Share groups' start offsets. Only once the topics are there, for which `share_offset` has to
  // answer.
  bool share_offsets = false;
  bool schemas = false;  // into `registry`; where that is null they are left out, with a warning
  std::shared_ptr<registry::Registry> registry;
  MergePolicies policies;

  NameMap topic_name;      // ACLs on topics follow (literal names only; prefixes stay)
  NameMap group_name;      // ACLs on groups, group configs and share groups follow
  NameMap principal_name;  // "User:alice"; ACLs, quotas and SCRAM users follow
  // Where a share-partition start offset of a source's topic lies on the target; nullopt: not set,
  // and told. Null: the same offset.
  std::function<std::optional<int64_t>(const std::string& topic, int32_t partition, int64_t offset)>
      share_offset;
  std::shared_ptr<const ScramPasswords> passwords;  // null: users are only listed
};

enum class MetadataKind : uint8_t {
  kAcls,  // of one resource pattern
  kQuota,
  kUser,
  kGroupConfigs,
  kClientMetrics,
  kBrokerConfigs,
  kShareOffsets,
  kSchemas,  // of one subject, or what is configured for the whole registry
};
const char* MetadataKindName(MetadataKind kind);  // "acls", "quota", "user", "group_configs", ...

enum class MetadataAction : uint8_t {
  kCreate,     // not on the target
  kSame,       // as in the snapshot already
  kSkip,       // differs, stays (policy skip)
  kOverwrite,  // differs, becomes the snapshot's
  kRefuse,     // differs, and the policy is fail; or cannot be done beside what is there (schemas)
  kLeftOut,    // cannot be restored, or shall not be: see the reason
  kSetAgain,   // only its owner knows it (a password, a sensitive value): see the reason
};
const char* MetadataActionName(MetadataAction action);  // "create", "same", ...

struct AclChange {
  std::vector<kafka::Acl> create, remove;
};
struct QuotaChange {
  kafka::QuotaAlteration alteration;
};
struct UserChange {
  std::string user;
  std::vector<kafka::ScramCredential> upsert;  // the password is looked up when it is executed
  std::vector<int8_t> remove;                  // mechanisms that the snapshot lacks
};
struct ConfigsChange {
  kafka::ConfigResourceType type = kafka::ConfigResourceType::kGroup;
  std::string name;
  std::vector<kafka::ConfigChange> changes;
};
struct ShareOffsetsChange {
  std::string group;
  kafka::PerPartition<int64_t> offsets;
};
// Into a Schema Registry, in this order; an empty subject: the registry itself. Versions have the
// level of schema_order.h.
struct SchemaChange {
  template <typename T>
  using Leveled = std::vector<std::pair<size_t, T>>;
  std::string subject;
  bool import_mode = false;             // what follows needs it
  Leveled<int32_t> remove;              // for good: in the way of others (policy overwrite)
  Leveled<registry::Version> versions;  // registered
  Leveled<int32_t> mark_deleted;
  std::optional<registry::Compatibility> compatibility;
  bool settings_anew = false;       // what is configured goes first: setting only adds to it
  std::optional<std::string> mode;  // of its own, when all else is done; empty: none
};

// One thing of the snapshot, and what becomes of it.
struct PlannedMetadata {
  MetadataKind kind = MetadataKind::kAcls;
  std::string name;         // with the target's names: "Topic:orders", "user=alice, client-id=*"
  std::string in_snapshot;  // for people; no secrets
  std::string on_target;    // empty: not there
  MetadataAction action = MetadataAction::kCreate;
  std::string reason;
  std::variant<std::monostate, AclChange, QuotaChange, UserChange, ConfigsChange,
               ShareOffsetsChange, SchemaChange>
      change;  // what is executed; with kSetAgain what could be done all the same
};

struct MetadataPlan {
  std::vector<PlannedMetadata> items;  // by kind, then by name
  std::vector<std::string> warnings;   // what is not restored, and why
  std::vector<std::string> notes;      // worth knowing: principals unknown here, other features
  std::shared_ptr<const ScramPasswords> passwords;
  std::shared_ptr<registry::Registry> registry;  // that the items of kSchemas are for

  bool refused() const { return !Refusal().ok(); }
  // kAlreadyExists naming what is met under policy fail; OK when there is none.
  Status Refusal() const;
  size_t Count(MetadataAction action) const;
};

struct MetadataReport {
  size_t created = 0, overwritten = 0, same = 0, skipped = 0, left_out = 0;
  std::vector<std::string> set_again;  // passwords and sensitive values, with the command to use
  std::vector<std::string> warnings;
  std::vector<std::string> failed;  // what the target refused, each with its error
  Status failure;                   // the first of them
};

// Changes nothing. Parts that the target does not have or does not let us see become warnings, and
// their items kLeftOut; errors are those of an unreachable cluster. Of a snapshot without metadata
// (of an older program) the plan is empty, with a warning.
Result<MetadataPlan> PlanMetadata(const repo::Snapshot& snapshot, kafka::Cluster& target,
                                  const MetadataSelection& selection, const CallContext& context);

// Refusal() when the plan has one: nothing was touched. What the target refuses is listed in the
// report and does not stop the rest; lost connections end it with their error.
Result<MetadataReport> ApplyMetadata(kafka::Cluster& target, const MetadataPlan& plan,
                                     Progress& progress, const CallContext& context);

}  // namespace maxbrod::engine
