#include "aws/msk_cluster.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "aws/credentials_endpoint.h"
#include "aws/json_read.h"
#include "aws/kms.h"
#include "aws/uri.h"

namespace maxbrod::aws {
namespace {

constexpr const char* kBatchBytes = "max.message.bytes";
constexpr int64_t kServerlessBatchBytesMax = 8'388'608;
constexpr int64_t kExpressCompactionLagMin = 604'800'000;  // seven days

std::optional<int64_t> Number(const std::string& text) {
  int64_t number = 0;
  auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

Status ReadMskError(const std::string& action, const std::string& arn, const ServiceError& error) {
  const std::string said = error.message.empty() ? error.type : error.message;
  if (error.http_status == 403 && error.type != "InvalidSignatureException" &&
      error.type.find("Token") == std::string::npos) {
    return Status(Code::kPermission, "cluster " + arn + ": not allowed: " + said)
        .WithHint("the caller's policy must allow kafka:" + action + " on this cluster");
  }
  if (error.type == "NotFoundException" || error.http_status == 404) {
    return Status(Code::kNotFound, "cluster " + arn + ": " + said)
        .WithHint("check the ARN's region and account");
  }
  return Status::Ok();
}

// "arn:aws:kafka:eu-west-1:123456789012:cluster/name/uuid".
Status CheckArn(const std::string& arn) {
  size_t service = arn.find(":kafka:");
  if (arn.starts_with("arn:") && service != arn.npos && !RegionOfArn(arn).empty() &&
      arn.find(":cluster/") != arn.npos && arn.find_first_of(" ?#\"\r\n") == arn.npos) {
    return Status::Ok();
  }
  return Status(Code::kInvalidArgument, "'" + arn + "' is not the ARN of an MSK cluster")
      .WithHint("e.g. arn:aws:kafka:eu-west-1:123456789012:cluster/orders/0a1b...-2");
}

const char* AuthName(MskAuth auth) {
  switch (auth) {
    case MskAuth::kIam:
      return "IAM";
    case MskAuth::kScram:
      return "SCRAM";
    case MskAuth::kTls:
      return "TLS";
    case MskAuth::kPlaintext:
      break;
  }
  return "plaintext";
}

const char* AccessName(MskAccess access) {
  switch (access) {
    case MskAccess::kPublic:
      return "public";
    case MskAccess::kVpc:
      return "vpc";
    case MskAccess::kIpv6:
      return "ipv6";
    case MskAccess::kPrivate:
      break;
  }
  return "private";
}

// The field of GetBootstrapBrokers; empty where MSK has no such thing.
std::string FieldOf(MskAuth auth, MskAccess access) {
  std::string field = "bootstrapBrokerString";
  if (access == MskAccess::kPublic) field += "Public";
  if (access == MskAccess::kVpc) field += "VpcConnectivity";
  const char* suffix = access == MskAccess::kIpv6 ? "Ipv6" : "";
  switch (auth) {
    case MskAuth::kIam:
      return field + "SaslIam" + suffix;
    case MskAuth::kScram:
      return field + "SaslScram" + suffix;
    case MskAuth::kTls:
      return field + "Tls" + suffix;
    case MskAuth::kPlaintext:
      break;
  }
  bool plain = access == MskAccess::kPrivate || access == MskAccess::kIpv6;
  return plain ? field + suffix : "";
}

// "IAM (private), TLS (public)"
std::string WaysIn(const MskCluster& cluster) {
  std::string ways;
  for (MskAccess access :
       {MskAccess::kPrivate, MskAccess::kPublic, MskAccess::kVpc, MskAccess::kIpv6}) {
    for (MskAuth auth : {MskAuth::kIam, MskAuth::kScram, MskAuth::kTls, MskAuth::kPlaintext}) {
      if (!cluster.bootstrap.contains(FieldOf(auth, access))) continue;
      ways +=
          std::string(ways.empty() ? "" : ", ") + AuthName(auth) + " (" + AccessName(access) + ")";
    }
  }
  return ways.empty() ? "none" : ways;
}

Result<MskCluster> ReadDescription(const std::string& arn, const nlohmann::json& answer) {
  const nlohmann::json& info = JsonObject(answer, "clusterInfo");
  MskCluster cluster;
  cluster.arn = arn;
  cluster.region = RegionOfArn(arn);
  cluster.name = JsonText(info, "clusterName");
  cluster.state = JsonText(info, "state");
  if (JsonText(info, "clusterType") == "SERVERLESS") {
    cluster.kind = MskKind::kServerless;
    return cluster;
  }
  const nlohmann::json& provisioned = JsonObject(info, "provisioned");
  std::string instance = JsonText(JsonObject(provisioned, "brokerNodeGroupInfo"), "instanceType");
  if (instance.starts_with("express.")) cluster.kind = MskKind::kExpress;
  cluster.kafka_version =
      JsonText(JsonObject(provisioned, "currentBrokerSoftwareInfo"), "kafkaVersion");
  return cluster;
}

}  // namespace

const char* MskKindName(MskKind kind) {
  switch (kind) {
    case MskKind::kServerless:
      return "serverless";
    case MskKind::kExpress:
      return "express";
    case MskKind::kProvisioned:
      break;
  }
  return "provisioned";
}

// "Configuration properties for MSK Serverless clusters", "Amazon MSK quota" and "Custom MSK
// Express broker configurations" of the MSK Developer Guide.
MskLimits LimitsOf(MskKind kind) {
  MskLimits limits;
  limits.kind = kind;
  if (kind == MskKind::kServerless) {
    limits.only_some_configs = true;
    limits.settable_configs = {"cleanup.policy",
                               "compression.type",
                               kBatchBytes,
                               "message.timestamp.difference.max.ms",
                               "message.timestamp.type",
                               "retention.bytes",
                               "retention.ms"};
    limits.creation_only_configs = {"cleanup.policy"};
    limits.bounds[kBatchBytes] = {0, kServerlessBatchBytesMax};
    limits.topic_defaults = {{"cleanup.policy", "delete"},
                             {kBatchBytes, "1048588"},
                             {"message.timestamp.type", "CreateTime"},
                             {"retention.bytes", "268435456000"},
                             {"retention.ms", "604800000"}};
    limits.replication_factor = 3;
    limits.partitions_max = 2400;
    limits.compacted_partitions_max = 120;
  }
  if (kind == MskKind::kExpress) {
    limits.only_some_configs = true;
    limits.settable_configs = {"cleanup.policy",
                               "compression.type",
                               "delete.retention.ms",
                               kBatchBytes,
                               "max.compaction.lag.ms",
                               "message.timestamp.after.max.ms",
                               "message.timestamp.before.max.ms",
                               "message.timestamp.type",
                               "min.compaction.lag.ms",
                               "retention.bytes",
                               "retention.ms"};
    limits.fixed_configs = {"min.insync.replicas", "unclean.leader.election.enable"};
    limits.bounds["max.compaction.lag.ms"] = {kExpressCompactionLagMin,
                                              std::numeric_limits<int64_t>::max()};
    limits.replication_factor = 3;
  }
  return limits;
}

std::string MskLimits::WhyNotConfig(const std::string& name, const std::string& value,
                                    bool at_creation) const {
  std::string here = std::string("MSK ") + MskKindName(kind);
  if (fixed_configs.contains(name)) return here + " sets " + name + " itself";
  if (only_some_configs && !settable_configs.contains(name))
    return here + " does not let " + name + " be set";
  if (!at_creation && creation_only_configs.contains(name))
    return here + " takes " + name + " at a topic's creation only";
  std::string nearest = Nearest(name, value);
  if (nearest == value) return {};
  bool above = bounds.at(name).max == Number(nearest);
  return here + " takes no " + name + (above ? " above " : " below ") + nearest;
}

std::string MskLimits::Nearest(const std::string& name, const std::string& value) const {
  auto found = bounds.find(name);
  std::optional<int64_t> number = Number(value);
  if (found == bounds.end() || !number) return value;
  int64_t nearest = std::clamp(*number, found->second.min, found->second.max);
  return nearest == *number ? value : std::to_string(nearest);
}

int64_t MskLimits::BatchBytesMax() const {
  auto found = bounds.find(kBatchBytes);
  return found == bounds.end() ? 0 : found->second.max;
}

Result<MskAccess> ParseMskAccess(const std::string& text) {
  if (text == "private") return MskAccess::kPrivate;
  if (text == "public") return MskAccess::kPublic;
  if (text == "vpc") return MskAccess::kVpc;
  if (text == "ipv6") return MskAccess::kIpv6;
  return Status(Code::kInvalidArgument, "--msk-access: there is no '" + text + "'")
      .WithHint("private, public, vpc or ipv6");
}

Result<MskCluster> FindMskCluster(const SourceNeeds& needs,
                                  std::shared_ptr<CredentialsProvider> credentials,
                                  const std::string& arn, const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckArn(arn));
  JsonServiceOptions options;
  options.name = "MSK";
  options.signing_name = "kafka";
  options.region = RegionOfArn(arn);
  options.endpoint = ServiceEndpoint(*needs.environment, "KAFKA", "kafka", options.region);
  JsonService service(needs, std::move(credentials), std::move(options));
  auto ask = [&](const std::string& action, const std::string& path) {
    return service.Get(action, path, context,
                       [&](const ServiceError& error) { return ReadMskError(action, arn, error); });
  };
  MB_ASSIGN_OR_RETURN(nlohmann::json described,
                      ask("DescribeClusterV2", "/api/v2/clusters/" + UriEncode(arn)));
  MB_ASSIGN_OR_RETURN(MskCluster cluster, ReadDescription(arn, described));
  if (cluster.state == "CREATING" || cluster.state == "DELETING" || cluster.state == "FAILED") {
    return Status(Code::kUnavailable, "cluster " + arn + " is " + cluster.state)
        .Retryable(cluster.state == "CREATING");
  }
  MB_ASSIGN_OR_RETURN(
      nlohmann::json brokers,
      ask("GetBootstrapBrokers", "/v1/clusters/" + UriEncode(arn) + "/bootstrap-brokers"));
  for (const auto& [field, value] : brokers.items()) {
    if (field.starts_with("bootstrapBrokerString") && value.is_string() &&
        !value.get_ref<const std::string&>().empty())
      cluster.bootstrap[field] = value.get<std::string>();
  }
  return cluster;
}

Result<std::string> ChooseBootstrap(const MskCluster& cluster, MskAuth auth, MskAccess access) {
  auto it = cluster.bootstrap.find(FieldOf(auth, access));
  if (it != cluster.bootstrap.end()) return it->second;
  return Status(Code::kUnsupported, "cluster " + cluster.arn + " has no brokers for " +
                                        AuthName(auth) + ", " + AccessName(access) +
                                        " access; it has: " + WaysIn(cluster))
      .WithHint(
          "--msk-access chooses the network; --command-config (security.protocol, "
          "sasl.mechanism) or --msk-secret how to authenticate");
}

MskAuth AuthOf(const kafka::ClientConfig& config) {
  using kafka::SaslMechanism;
  switch (config.security_protocol) {
    case kafka::SecurityProtocol::kPlaintext:
      return MskAuth::kPlaintext;
    case kafka::SecurityProtocol::kSsl:
      return MskAuth::kTls;
    case kafka::SecurityProtocol::kSaslPlaintext:
    case kafka::SecurityProtocol::kSaslSsl:
      break;
  }
  bool by_token = config.sasl_mechanism == SaslMechanism::kOAuthBearer ||
                  config.sasl_mechanism == SaslMechanism::kAwsMskIam;
  return by_token ? MskAuth::kIam : MskAuth::kScram;
}

}  // namespace maxbrod::aws
