// Administration beyond topics and groups: ACLs, quotas, SCRAM users, configs of any resource,
// features, the quorum, share groups' offsets.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kafka/cluster.h"

namespace maxbrod::kafka {

// Numbers of org.apache.kafka.common.resource.ResourceType, PatternType,
// org.apache.kafka.common.acl.AclOperation and AclPermissionType.
struct Acl {
  int8_t resource_type = 0;  // 2 topic, 3 group, 4 cluster, 5 transactional id, 6 token, 7 user
  std::string resource_name;
  int8_t pattern_type = 3;  // 3 literal, 4 prefixed
  std::string principal;    // "User:alice", "User:*"
  std::string host = "*";
  int8_t operation = 0;
  int8_t permission = 0;  // 2 deny, 3 allow
  auto operator<=>(const Acl&) const = default;
};
// "Topic", "Describe", "Allow", "prefixed": Kafka's words; the number where it is new.
std::string AclResourceTypeName(int32_t type);
std::string AclOperationName(int32_t operation);
std::string AclPermissionName(int32_t permission);
std::string AclPatternTypeName(int32_t type);

// What a quota is for; ordered as the broker tells it apart: by type.
struct QuotaEntityPart {
  std::string type;                 // "user", "client-id", "ip"
  std::optional<std::string> name;  // none: the type's default
  auto operator<=>(const QuotaEntityPart&) const = default;
};
using QuotaEntity = std::vector<QuotaEntityPart>;  // ascending by type
using QuotaValues = std::map<std::string, double>;
struct QuotaAlteration {
  QuotaEntity entity;
  std::map<std::string, std::optional<double>> values;  // none: removed
};

struct ScramCredential {
  int8_t mechanism = 0;  // 1 SCRAM-SHA-256, 2 SCRAM-SHA-512
  int32_t iterations = 0;
  auto operator<=>(const ScramCredential&) const = default;
};
struct ScramUpsertion {
  std::string user;
  ScramCredential credential;
  std::string password;  // secret
};
struct ScramDeletion {
  std::string user;
  int8_t mechanism = 0;
};

struct FeatureLevels {
  int16_t supported_min = 0, supported_max = 0;
  int16_t finalized = 0;  // 0: not finalized
};

struct QuorumReplicaState {
  int32_t id = -1;
  bool voter = false;
  int64_t log_end_offset = -1;
};
struct QuorumState {
  int32_t leader = -1;
  int32_t leader_epoch = -1;
  std::vector<QuorumReplicaState> replicas;  // voters, then observers, ascending
};

// org.apache.kafka.common.config.ConfigResource.Type
enum class ConfigResourceType : int8_t {
  kTopic = 2,
  kBroker = 4,  // name "": the cluster-wide dynamic default
  kClientMetrics = 16,
  kGroup = 32,
};

struct ShareGroupState {
  std::string state;
  size_t members = 0;
};

// Kafka's error of a broker without authorizer, in Status::kafka_error().
inline constexpr int16_t kSecurityDisabled = 54;

// Thread-safe. The cluster must outlive it.
//
// Errors of all calls: kUnsupported where the cluster has not the API, or not in a version we
// speak, and, with kafka_error() kSecurityDisabled, where it has no authorizer; kPermission with a
// hint naming the right that is needed. Retries as in Cluster.
class Admin {
 public:
  explicit Admin(Cluster& cluster) : cluster_(cluster) {}

  // All of them (DescribeAcls with a filter that matches any), ascending.
  Result<std::vector<Acl>> DescribeAcls(const CallContext& context);
  // A Status for each, in order. An ACL that is there already is OK.
  Result<std::vector<Status>> CreateAcls(const std::vector<Acl>& acls, const CallContext& context);
  // A Status for each, in order. One that is not there is OK.
  Result<std::vector<Status>> DeleteAcls(const std::vector<Acl>& acls, const CallContext& context);

  Result<std::map<QuotaEntity, QuotaValues>> DescribeClientQuotas(const CallContext& context);
  // A Status for each, in order.
  Result<std::vector<Status>> AlterClientQuotas(const std::vector<QuotaAlteration>& alterations,
                                                bool validate_only, const CallContext& context);

  // All users with their credentials, ascending by mechanism.
  Result<std::map<std::string, std::vector<ScramCredential>>> DescribeScramUsers(
      const CallContext& context);
  // Salts are random; fewer than 4,096 iterations are raised to that (ScramMechanism's minimum). A
  // Status by user, whose changes are made one after another and end at the first that fails.
  Result<std::map<std::string, Status>> AlterScramUsers(const std::vector<ScramUpsertion>& upsert,
                                                        const std::vector<ScramDeletion>& remove,
                                                        const CallContext& context);

  // By name. From the answer to ApiVersions, so any user may ask.
  Result<std::map<std::string, FeatureLevels>> DescribeFeatures(const CallContext& context);
  // kUnsupported in clusters with ZooKeeper.
  Result<QuorumState> DescribeQuorum(const CallContext& context);

  // One resource type, many names, few requests. A name the broker refuses has its error. Of
  // brokers only the cluster-wide default, "".
  Result<std::map<std::string, Result<std::vector<ConfigValue>>>> DescribeConfigs(
      ConfigResourceType type, const std::vector<std::string>& names, const CallContext& context);
  Result<std::map<std::string, Status>> AlterConfigs(
      ConfigResourceType type, const std::map<std::string, std::vector<ConfigChange>>& changes,
      bool validate_only, const CallContext& context);
  // One broker's own dynamic configs, sent to that broker. (Read: Cluster::DescribeBrokerConfigs.)
  Status AlterBrokerConfigs(BrokerId broker, const std::vector<ConfigChange>& changes,
                            bool validate_only, const CallContext& context);
  // Names of resources of this type that have dynamic configs (KIP-1142; client metrics since
  // KIP-1000, in 3.7).
  Result<std::vector<std::string>> ListConfigResources(ConfigResourceType type,
                                                       const CallContext& context);

  Result<std::map<std::string, Result<ShareGroupState>>> DescribeShareGroups(
      const std::vector<std::string>& groups, const CallContext& context);
  // Share-partition start offsets. Partitions without one are left out.
  Result<std::map<std::string, Result<std::vector<CommittedOffset>>>> DescribeShareGroupOffsets(
      const std::vector<std::string>& groups, const CallContext& context);
  // The group must have no members. A Status for each partition.
  Result<PerPartition<Status>> AlterShareGroupOffsets(const std::string& group,
                                                      const PerPartition<int64_t>& offsets,
                                                      const CallContext& context);

 private:
  Cluster& cluster_;
};

}  // namespace maxbrod::kafka
