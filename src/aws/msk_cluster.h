// A cluster of Amazon MSK, found by its ARN: where its brokers are, and what kind of cluster it is.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "aws/json_call.h"
#include "kafka/client_config.h"

namespace maxbrod::aws {

enum class MskKind : uint8_t { kProvisioned, kExpress, kServerless };
const char* MskKindName(MskKind kind);  // "provisioned", ...

struct MskBounds {
  int64_t min = 0, max = 0;
};

// What such a cluster does not let a client do, as AWS documents it. DeleteRecords, transactions
// and markers are not in it: brokers are asked for them (engine/target_abilities.h), since they
// depend on the caller's policy, on the version, and (serverless has no DeleteRecords) on APIs that
// are announced or not.
struct MskLimits {
  MskKind kind = MskKind::kProvisioned;
  // Serverless and express: the only topic configs that may be set at all.
  bool only_some_configs = false;
  std::set<std::string> settable_configs;
  // Set at a topic's creation or never (serverless: cleanup.policy).
  std::set<std::string> creation_only_configs;
  // Express: the cluster's own value stays, whatever a topic asks for.
  std::set<std::string> fixed_configs;
  // By name, of those that are settable and narrower than Kafka's own.
  std::map<std::string, MskBounds> bounds;
  // What holds for a topic without configs of its own, where clients cannot ask the brokers for it.
  std::map<std::string, std::string> topic_defaults;
  int replication_factor = 0;  // the only one there is; 0: any
  // Quotas of the whole cluster, which AWS raises on request; 0: none known. Replicas do not count.
  size_t partitions_max = 0, compacted_partitions_max = 0;

  // Empty, or why this kind of cluster does not take the config (of a topic that exists, or of one
  // that is being created).
  std::string WhyNotConfig(const std::string& name, const std::string& value,
                           bool at_creation) const;
  // The value, or the nearest one within the bounds.
  std::string Nearest(const std::string& name, const std::string& value) const;
  // Of a record batch; 0: the broker's own.
  int64_t BatchBytesMax() const;
};
MskLimits LimitsOf(MskKind kind);

struct MskCluster {
  std::string arn, name, region;
  MskKind kind = MskKind::kProvisioned;
  std::string state;          // "ACTIVE"
  std::string kafka_version;  // empty for serverless
  // "bootstrapBrokerStringSaslIam" -> "b-1...:9098,..."; only those the cluster has.
  std::map<std::string, std::string> bootstrap;
};

enum class MskAuth : uint8_t { kIam, kScram, kTls, kPlaintext };
enum class MskAccess : uint8_t { kPrivate, kPublic, kVpc, kIpv6 };
// "private", "public", "vpc" (multi-VPC connectivity), "ipv6" (of dual-stack clusters).
// kInvalidArgument.
Result<MskAccess> ParseMskAccess(const std::string& text);

// Asks DescribeClusterV2 and GetBootstrapBrokers. kInvalidArgument for what is no ARN of a cluster,
// kNotFound, kPermission naming the action, and what JsonService says. The needs must outlive it.
Result<MskCluster> FindMskCluster(const SourceNeeds& needs,
                                  std::shared_ptr<CredentialsProvider> credentials,
                                  const std::string& arn, const CallContext& context);

// The brokers to begin with. kUnsupported names those ways in that the cluster has.
Result<std::string> ChooseBootstrap(const MskCluster& cluster, MskAuth auth, MskAccess access);

// What the client's settings ask for.
MskAuth AuthOf(const kafka::ClientConfig& config);

}  // namespace maxbrod::aws
