// A cluster of Amazon MSK, found by its ARN: where its brokers are, and what kind of cluster it is.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "aws/json_call.h"
#include "kafka/client_config.h"

namespace maxbrod::aws {

enum class MskKind : uint8_t { kProvisioned, kExpress, kServerless };
const char* MskKindName(MskKind kind);  // "provisioned", ...

// What such a cluster does not let a client do, as AWS documents it. Whether DeleteRecords and
// transactions are allowed depends on the caller's policy (and is documented for none of the kinds
// as impossible), so that brokers are asked (engine/target_abilities.h).
struct MskLimits {
  MskKind kind = MskKind::kProvisioned;
  // Serverless: the only topic configs that may be set at all.
  bool only_some_configs = false;
  std::set<std::string> settable_configs;
  // Set at a topic's creation or never (serverless: cleanup.policy).
  std::set<std::string> creation_only_configs;
  // Express: the cluster's own value stays, whatever a topic asks for.
  std::set<std::string> fixed_configs;
  int64_t message_bytes_max = 0;  // upper bound of max.message.bytes; 0: the broker's own
  int replication_factor = 0;     // the only one there is; 0: any

  // Empty, or why this kind of cluster does not take the config (of a topic that exists, or of one
  // that is being created).
  std::string WhyNotConfig(const std::string& name, const std::string& value,
                           bool at_creation) const;
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
enum class MskAccess : uint8_t { kPrivate, kPublic, kVpc };
// "private", "public", "vpc" (multi-VPC connectivity). kInvalidArgument.
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
