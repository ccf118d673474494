// What a snapshot records of a cluster beyond topics and groups: ACLs, quotas, SCRAM users, dynamic
// configs, features, the quorum, log directories; and of share groups where they begin.
#pragma once

#include <string>

#include "engine/capture.h"

namespace maxbrod::engine {

// Names of parts in format::MissingPart.
namespace part {
inline constexpr const char* kAcls = "acls";
inline constexpr const char* kQuotas = "quotas";
inline constexpr const char* kScramUsers = "scram_users";
inline constexpr const char* kBrokerConfigs = "broker_configs";  // the cluster-wide ones
inline constexpr const char* kGroupConfigs = "group_configs";
inline constexpr const char* kClientMetrics = "client_metrics";
inline constexpr const char* kShareGroups = "share_groups";
inline constexpr const char* kFeatures = "features";
inline constexpr const char* kQuorum = "quorum";
inline constexpr const char* kLogDirs = "log_dirs";
inline constexpr const char* kSchemas = "schemas";  // of a Schema Registry (capture_registry.h)
}  // namespace part

// Lists a part in out->missing, with the reason and the hint.
void AddMissing(const char* name, const Status& status, format::ClusterMetadata* out);

// Of ListGroups' type.
bool IsShareGroup(const std::string& type);

// State and start offsets of the share groups among out->groups. Like consumer groups' offsets:
// before the cut.
Status CaptureShareGroups(kafka::Cluster& cluster, const CallContext& context,
                          CapturedCluster* out);

// Everything else, each part with few requests and at most kMetadataPartMax long. What the cluster
// lacks, refuses to tell or does not tell in time is listed in out->metadata.missing. Errors are
// the caller's own: its deadline, or kCancelled.
inline constexpr Millis kMetadataPartMax{30'000};
Status CaptureMetadata(kafka::Cluster& cluster, const CallContext& context, CapturedCluster* out);

}  // namespace maxbrod::engine
