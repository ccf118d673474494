// The roles that share the work on a repository in S3: what each needs of AWS, and must not have.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace maxbrod::engine {

// kSetup: who makes the repository, runs 'bucket check|setup' and 'doctor'.
enum class Role : uint8_t { kBackup, kRestore, kPrune, kSetup };
// kInvalidArgument.
Result<Role> ParseRole(std::string_view name);
std::string_view NameOf(Role role);

enum class Need : uint8_t {
  kNone,
  kMust,
  kUseful,   // for some of its features
  kMustNot,  // with it, a thief of its credentials can destroy what the role is to protect
};
// `action`: "s3:DeleteObject".
Need NeedOf(Role role, std::string_view action);

// What a policy is about. Everything empty: placeholders in capitals.
struct PolicySubject {
  std::string bucket, prefix;
  std::string region;                  // the partition follows from it; empty: aws
  std::vector<std::string> slot_keys;  // KMS keys of the repository's key slots
  std::string repository_id;           // 32 hex digits, where it is known
  std::string sse_key;                 // KMS key of the bucket's encryption; empty: none
  std::string msk_cluster;             // ARN; empty: no Kafka actions
  bool object_lock = false;            // objects get a retention of their own
};

// The least policy of the role, as IAM takes it. kInvalidArgument for what is no ARN of a cluster.
Result<nlohmann::ordered_json> PolicyOf(Role role, const PolicySubject& subject);

}  // namespace maxbrod::engine
