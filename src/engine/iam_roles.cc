#include "engine/iam_roles.h"

#include <fmt/format.h>

#include <array>
#include <map>
#include <optional>

namespace maxbrod::engine {
namespace {

using Json = nlohmann::ordered_json;

enum class Scope : uint8_t {
  kObjects,  // all of the repository
  kPacks,    // what may be in an archive
  kListing,  // of the bucket, below the prefix
  kBucket,   // of the bucket as a whole
};

struct Right {
  std::string_view action;
  Scope scope;
  std::array<Need, 4> needs;  // by Role
};

constexpr Need kNo = Need::kNone, kMust = Need::kMust, kUse = Need::kUseful, kNot = Need::kMustNot;

// backup, restore, prune, setup
constexpr Right kRights[] = {
    {"s3:GetObject", Scope::kObjects, {kMust, kMust, kMust, kMust}},
    {"s3:PutObject", Scope::kObjects, {kMust, kMust, kMust, kMust}},
    {"s3:ListBucket", Scope::kListing, {kMust, kMust, kMust, kMust}},
    {"s3:AbortMultipartUpload", Scope::kObjects, {kMust, kUse, kMust, kUse}},
    {"s3:DeleteObject", Scope::kObjects, {kNot, kNot, kMust, kNo}},
    {"s3:DeleteObjectVersion", Scope::kObjects, {kNot, kNot, kNot, kNot}},
    {"s3:RestoreObject", Scope::kPacks, {kNo, kUse, kNo, kNo}},
    {"s3:GetObjectVersion", Scope::kObjects, {kNo, kUse, kNo, kUse}},
    {"s3:ListBucketVersions", Scope::kListing, {kNo, kUse, kNo, kUse}},
    {"s3:GetObjectRetention", Scope::kObjects, {kNo, kNo, kNo, kUse}},
    {"s3:ListBucketMultipartUploads", Scope::kBucket, {kNo, kNo, kUse, kUse}},
    {"s3:GetBucketLocation", Scope::kBucket, {kNo, kNo, kNo, kUse}},
    {"s3:GetBucketVersioning", Scope::kBucket, {kNo, kNo, kNo, kMust}},
    {"s3:GetLifecycleConfiguration", Scope::kBucket, {kNo, kNo, kNo, kMust}},
    {"s3:GetEncryptionConfiguration", Scope::kBucket, {kNo, kNo, kNo, kMust}},
    {"s3:GetBucketPublicAccessBlock", Scope::kBucket, {kNo, kNo, kNo, kMust}},
    {"s3:GetBucketObjectLockConfiguration", Scope::kBucket, {kNo, kNo, kNo, kMust}},
    {"s3:PutBucketVersioning", Scope::kBucket, {kNot, kNot, kNot, kMust}},
    {"s3:PutLifecycleConfiguration", Scope::kBucket, {kNot, kNot, kNot, kMust}},
    {"s3:PutEncryptionConfiguration", Scope::kBucket, {kNot, kNot, kNot, kMust}},
    {"s3:PutBucketPublicAccessBlock", Scope::kBucket, {kNot, kNot, kNot, kMust}},
    {"s3:PutBucketObjectLockConfiguration", Scope::kBucket, {kNot, kNot, kNot, kMust}},
};

// What a restore writes: its own record. No packs, no keys.
constexpr std::string_view kRestoreWrites[] = {"config", "log/*", "checkpoint/*", "manifest/*",
                                               "offset-map/*"};

std::string_view PartitionOf(std::string_view region) {
  if (region.starts_with("cn-")) return "aws-cn";
  return region.starts_with("us-gov-") ? "aws-us-gov" : "aws";
}

// The ARNs of a subject.
class Arns {
 public:
  explicit Arns(const PolicySubject& subject)
      : bucket_(fmt::format("arn:{}:s3:::{}", PartitionOf(subject.region),
                            subject.bucket.empty() ? "BUCKET" : subject.bucket)),
        prefix_(subject.bucket.empty()   ? "PREFIX/"
                : subject.prefix.empty() ? ""
                                         : subject.prefix + "/") {}

  const std::string& bucket() const { return bucket_; }
  const std::string& prefix() const { return prefix_; }
  std::string Objects(std::string_view names = "*") const {
    return fmt::format("{}/{}{}", bucket_, prefix_, names);
  }

 private:
  const std::string bucket_;
  const std::string prefix_;
};

Json Statement(std::string_view id, const Json& actions, const Json& resources) {
  return {{"Sid", id}, {"Effect", "Allow"}, {"Action", actions}, {"Resource", resources}};
}

// The actions of a scope that the role gets, but PutObject, which has conditions of its own.
Json ActionsOf(Role role, Scope scope, const PolicySubject& subject) {
  Json actions = Json::array();
  for (const Right& right : kRights) {
    Need need = right.needs[static_cast<size_t>(role)];
    if (right.scope != scope || right.action == "s3:PutObject") continue;
    if (need == Need::kMust || need == Need::kUseful) actions.push_back(right.action);
  }
  bool retains = role == Role::kBackup || role == Role::kPrune;
  if (scope == Scope::kObjects && subject.object_lock && retains) {
    actions.push_back("s3:GetObjectRetention");
    actions.push_back("s3:PutObjectRetention");
  }
  return actions;
}

void AddS3(Role role, const PolicySubject& subject, const Arns& arns, Json* out) {
  out->push_back(Statement("Objects", ActionsOf(role, Scope::kObjects, subject), arns.Objects()));
  Json written = arns.Objects();
  if (role == Role::kRestore) {
    written = Json::array();
    for (std::string_view names : kRestoreWrites) written.push_back(arns.Objects(names));
  }
  // Every write of ours is conditional: nothing that is there can be overwritten with this policy.
  Json create = Statement("CreateNeverOverwrite", "s3:PutObject", written);
  create["Condition"] = {{"Null", {{"s3:if-none-match", "false"}}}};
  out->push_back(std::move(create));
  // Parts of an upload have no condition; the request that ends it has.
  Json parts = Statement("PartsOfUploads", "s3:PutObject", written);
  parts["Condition"] = {{"Bool", {{"s3:ObjectCreationOperation", "false"}}}};
  out->push_back(std::move(parts));
  if (Json actions = ActionsOf(role, Scope::kPacks, subject); !actions.empty()) {
    out->push_back(Statement("Thaw", actions, arns.Objects("pack/*")));
  }
  Json listing = Statement("List", ActionsOf(role, Scope::kListing, subject), arns.bucket());
  if (!arns.prefix().empty()) {
    listing["Condition"] = {{"StringLike", {{"s3:prefix", arns.prefix() + "*"}}}};
  }
  out->push_back(std::move(listing));
  if (Json actions = ActionsOf(role, Scope::kBucket, subject); !actions.empty()) {
    out->push_back(Statement("Bucket", actions, arns.bucket()));
  }
}

// A key by ARN; by alias or id alone the resource names all keys, and the alias is a condition.
Json KmsStatement(std::string_view id, const Json& actions, const std::string& key,
                  std::string_view partition) {
  if (key.find(":alias/") != std::string::npos || key.starts_with("alias/")) {
    Json statement = Statement(id, actions, fmt::format("arn:{}:kms:*:*:key/*", partition));
    statement["Condition"] = {
        {"ForAnyValue:StringEquals", {{"kms:ResourceAliases", key.substr(key.find("alias/"))}}}};
    return statement;
  }
  bool arn = key.starts_with("arn:");
  return Statement(id, actions, arn ? key : fmt::format("arn:{}:kms:*:*:key/{}", partition, key));
}

void AddKms(Role role, const PolicySubject& subject, const Arns& arns, Json* out) {
  const std::string_view partition = PartitionOf(subject.region);
  size_t number = 0;
  for (const std::string& key : subject.slot_keys) {
    Json actions = {"kms:Decrypt"};
    if (role == Role::kSetup) actions = {"kms:DescribeKey", "kms:Encrypt", "kms:Decrypt"};
    Json statement =
        KmsStatement(fmt::format("OpenRepository{}", ++number), actions, key, partition);
    // A repository that is still to be made has no id yet.
    if (!subject.repository_id.empty()) {
      statement["Condition"]["StringEquals"] = {
          {"kms:EncryptionContext:maxbrod:repository", subject.repository_id}};
      // DescribeKey has no encryption context.
      if (role == Role::kSetup) statement["Action"] = {"kms:Encrypt", "kms:Decrypt"};
    }
    out->push_back(std::move(statement));
    if (role == Role::kSetup && !subject.repository_id.empty()) {
      out->push_back(
          KmsStatement(fmt::format("DescribeKey{}", number), "kms:DescribeKey", key, partition));
    }
  }
  if (subject.sse_key.empty()) return;
  Json statement = KmsStatement("ServerSideEncryption", {"kms:Decrypt", "kms:GenerateDataKey"},
                                subject.sse_key, partition);
  // With a bucket key S3 names the bucket to KMS, without one the object.
  statement["Condition"]["StringLike"] = {
      {"kms:EncryptionContext:aws:s3:arn", {arns.bucket(), arns.Objects()}}};
  if (!subject.region.empty()) {
    statement["Condition"]["StringEquals"] = {
        {"kms:ViaService",
         fmt::format("s3.{}.amazonaws.com{}", subject.region, partition == "aws-cn" ? ".cn" : "")}};
  }
  out->push_back(std::move(statement));
}

// "arn:aws:kafka:eu-west-1:123456789012:cluster/name/uuid", in parts.
struct ClusterArn {
  std::string head;  // "arn:aws:kafka:eu-west-1:123456789012:"
  std::string tail;  // "name/uuid"
  std::string Of(std::string_view kind, std::string_view names) const {
    return fmt::format("{}{}/{}/{}", head, kind, tail, names);
  }
};

std::optional<ClusterArn> ParseClusterArn(const std::string& arn) {
  constexpr std::string_view kMark = ":cluster/";
  size_t at = arn.find(kMark);
  if (!arn.starts_with("arn:") || arn.find(":kafka:") == std::string::npos ||
      at == std::string::npos) {
    return std::nullopt;
  }
  ClusterArn parsed{arn.substr(0, at + 1), arn.substr(at + kMark.size())};
  size_t slash = parsed.tail.find('/');
  if (slash == 0 || slash == std::string::npos || slash + 1 == parsed.tail.size()) {
    return std::nullopt;
  }
  return parsed;
}

Status AddKafka(Role role, const std::string& arn, Json* out) {
  std::optional<ClusterArn> cluster = ParseClusterArn(arn);
  if (!cluster) {
    return Status(Code::kInvalidArgument, fmt::format("'{}' is no ARN of an MSK cluster", arn))
        .WithHint("write arn:aws:kafka:REGION:ACCOUNT:cluster/NAME/UUID");
  }
  if (role != Role::kBackup && role != Role::kRestore) return Status::Ok();
  Json on_cluster = {"kafka-cluster:Connect", "kafka-cluster:DescribeCluster",
                     "kafka-cluster:DescribeClusterDynamicConfiguration"};
  Json on_topics = {"kafka-cluster:DescribeTopic",
                    "kafka-cluster:DescribeTopicDynamicConfiguration", "kafka-cluster:ReadData"};
  Json on_groups = {"kafka-cluster:DescribeGroup"};
  if (role == Role::kRestore) {
    on_cluster.push_back("kafka-cluster:WriteDataIdempotently");
    for (const char* action :
         {"CreateTopic", "WriteData", "AlterTopicDynamicConfiguration", "DeleteTopic"}) {
      on_topics.push_back(fmt::format("kafka-cluster:{}", action));
    }
    on_groups.push_back("kafka-cluster:AlterGroup");
  }
  out->push_back(
      Statement("FindBrokers", {"kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers"}, arn));
  out->push_back(Statement("KafkaCluster", on_cluster, arn));
  out->push_back(Statement("KafkaTopics", on_topics, cluster->Of("topic", "*")));
  out->push_back(Statement("KafkaGroups", on_groups, cluster->Of("group", "*")));
  if (role == Role::kRestore) {
    out->push_back(
        Statement("KafkaTransactions",
                  {"kafka-cluster:DescribeTransactionalId", "kafka-cluster:AlterTransactionalId"},
                  cluster->Of("transactional-id", "maxbrod-*")));
  }
  return Status::Ok();
}

}  // namespace

Result<Role> ParseRole(std::string_view name) {
  for (Role role : {Role::kBackup, Role::kRestore, Role::kPrune, Role::kSetup}) {
    if (name == NameOf(role)) return role;
  }
  return Status(Code::kInvalidArgument, fmt::format("'{}' is no role", name))
      .WithHint("there are backup, restore, prune, setup");
}

std::string_view NameOf(Role role) {
  constexpr std::string_view kNames[] = {"backup", "restore", "prune", "setup"};
  return kNames[static_cast<size_t>(role)];
}

Need NeedOf(Role role, std::string_view action) {
  for (const Right& right : kRights) {
    if (right.action == action) return right.needs[static_cast<size_t>(role)];
  }
  return Need::kNone;
}

Result<nlohmann::ordered_json> PolicyOf(Role role, const PolicySubject& subject) {
  const Arns arns(subject);
  Json statements = Json::array();
  AddS3(role, subject, arns, &statements);
  AddKms(role, subject, arns, &statements);
  if (!subject.msk_cluster.empty()) {
    MB_RETURN_IF_ERROR(AddKafka(role, subject.msk_cluster, &statements));
  }
  return Json{{"Version", "2012-10-17"}, {"Statement", std::move(statements)}};
}

}  // namespace maxbrod::engine
