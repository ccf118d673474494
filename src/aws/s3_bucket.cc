#include "aws/s3_bucket.h"

#include <fmt/format.h>

#include <charconv>

namespace maxbrod::aws {
namespace {

constexpr std::string_view kMinimumSizeHeader = "x-amz-transition-default-minimum-object-size";
constexpr int kDaysPerYear = 365;

XmlElement Leaf(std::string name, std::string text) {
  return XmlElement{std::move(name), std::move(text), {}};
}
XmlElement Node(std::string name, std::vector<XmlElement> children) {
  return XmlElement{std::move(name), "", std::move(children)};
}
XmlElement Flag(std::string name, bool value) {
  return Leaf(std::move(name), value ? "true" : "false");
}

// 0 for what is no number.
template <typename Number>
Number NumberIn(std::string_view text) {
  Number value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void ParseFilter(const XmlElement& filter, LifecycleRule* rule) {
  for (const XmlElement& part : filter.children) {
    if (part.name == "And") ParseFilter(part, rule);
    if (part.name == "Prefix") rule->prefix = part.text;
    if (part.name == "Tag") rule->by_tag = true;
    if (part.name == "ObjectSizeGreaterThan") {
      rule->size_greater_than = NumberIn<uint64_t>(part.text);
    }
  }
}

}  // namespace

LifecycleRule ParseLifecycleRule(const XmlElement& element) {
  LifecycleRule rule;
  rule.id = element.Text("ID");
  rule.enabled = element.Text("Status") == "Enabled";
  rule.prefix = element.Text("Prefix");  // the form of old rules, without a filter
  for (const XmlElement& part : element.children) {
    if (part.name == "Filter") ParseFilter(part, &rule);
    if (part.name == "Transition") {
      rule.transitions.push_back(
          {NumberIn<int>(part.Text("Days")), std::string(part.Text("StorageClass"))});
    }
    if (part.name == "Expiration") {
      rule.expires = part.Child("Days") != nullptr || part.Child("Date") != nullptr;
      rule.removes_delete_markers = part.Text("ExpiredObjectDeleteMarker") == "true";
    }
    if (part.name == "NoncurrentVersionExpiration") {
      rule.noncurrent_days = NumberIn<int>(part.Text("NoncurrentDays"));
    }
    if (part.name == "AbortIncompleteMultipartUpload") {
      rule.abort_days = NumberIn<int>(part.Text("DaysAfterInitiation"));
    }
  }
  return rule;
}

XmlElement ToXmlElement(const LifecycleRule& rule) {
  XmlElement element = Node("Rule", {Leaf("ID", rule.id)});
  XmlElement prefix = Leaf("Prefix", rule.prefix);
  if (rule.size_greater_than > 0) {
    XmlElement size = Leaf("ObjectSizeGreaterThan", std::to_string(rule.size_greater_than));
    element.children.push_back(Node("Filter", {Node("And", {std::move(prefix), std::move(size)})}));
  } else {
    element.children.push_back(Node("Filter", {std::move(prefix)}));
  }
  element.children.push_back(Leaf("Status", rule.enabled ? "Enabled" : "Disabled"));
  for (const LifecycleRule::Transition& transition : rule.transitions) {
    element.children.push_back(
        Node("Transition", {Leaf("Days", std::to_string(transition.days)),
                            Leaf("StorageClass", transition.storage_class)}));
  }
  if (rule.removes_delete_markers) {
    element.children.push_back(Node("Expiration", {Flag("ExpiredObjectDeleteMarker", true)}));
  }
  if (rule.noncurrent_days > 0) {
    element.children.push_back(
        Node("NoncurrentVersionExpiration",
             {Leaf("NoncurrentDays", std::to_string(rule.noncurrent_days))}));
  }
  if (rule.abort_days > 0) {
    element.children.push_back(
        Node("AbortIncompleteMultipartUpload",
             {Leaf("DaysAfterInitiation", std::to_string(rule.abort_days))}));
  }
  return element;
}

Result<HttpResponse> S3Bucket::Read(std::string_view subresource, std::string_view action,
                                    const CallContext& context) {
  S3Client::Call call{S3Request::kBucket, action, "GET"};
  call.query = {{std::string(subresource), ""}};
  S3Failure failure;
  MB_ASSIGN_OR_RETURN(HttpResponse response, client_.Perform(call, context, &failure));
  if (response.ok()) return response;
  if (failure.http_status == 404 && !failure.code.empty() && failure.code != "NoSuchBucket") {
    response.body.clear();
    return response;
  }
  return client_.StatusOf(call, failure);
}

Result<XmlElement> S3Bucket::ReadXml(std::string_view subresource, std::string_view action,
                                     std::string_view root, const CallContext& context) {
  MB_ASSIGN_OR_RETURN(HttpResponse response, Read(subresource, action, context));
  if (response.body.empty()) return XmlElement{};
  MB_ASSIGN_OR_RETURN(XmlElement xml, ParseXml(response.body));
  // Some imitations take a subresource that they do not know for a listing.
  if (xml.name == "ListBucketResult") {
    return Status(Code::kUnsupported,
                  fmt::format("bucket '{}': the endpoint does not know ?{}", name(), subresource));
  }
  if (xml.name.ends_with(root)) return xml;
  return Status(Code::kProtocol, fmt::format("bucket '{}': the answer to ?{} is a <{}>", name(),
                                             subresource, xml.name));
}

Status S3Bucket::Write(std::string_view subresource, std::string_view action,
                       const XmlElement& document, std::vector<HttpHeader> headers,
                       const CallContext& context) {
  const std::string body = ToXmlDocument(document);
  S3Client::Call call{S3Request::kBucket, action, "PUT"};
  call.query = {{std::string(subresource), ""}};
  call.headers = HeadersOfXml(body);
  for (HttpHeader& header : headers) call.headers.push_back(std::move(header));
  call.body = {AsBytes(body)};
  return client_.PerformOk(call, context).status();
}

Result<Versioning> S3Bucket::GetVersioning(const CallContext& context) {
  MB_ASSIGN_OR_RETURN(XmlElement xml, ReadXml("versioning", "s3:GetBucketVersioning", "", context));
  // Some imitations call it GetBucketVersioningResponse.
  if (!xml.name.empty() && xml.name.find("Versioning") == std::string::npos) {
    return Status(Code::kProtocol,
                  fmt::format("bucket '{}': its versioning is a <{}>", name(), xml.name));
  }
  std::string_view status = xml.Text("Status");
  if (status == "Enabled") return Versioning::kEnabled;
  return status == "Suspended" ? Versioning::kSuspended : Versioning::kNever;
}

Status S3Bucket::EnableVersioning(const CallContext& context) {
  return Write("versioning", "s3:PutBucketVersioning",
               Node("VersioningConfiguration", {Leaf("Status", "Enabled")}), {}, context);
}

Result<BucketLifecycle> S3Bucket::GetLifecycle(const CallContext& context) {
  BucketLifecycle lifecycle;
  MB_ASSIGN_OR_RETURN(HttpResponse response,
                      Read("lifecycle", "s3:GetLifecycleConfiguration", context));
  if (response.body.empty()) return lifecycle;
  lifecycle.minimum_size = response.Header(kMinimumSizeHeader);
  MB_ASSIGN_OR_RETURN(XmlElement xml, ParseXml(response.body));
  if (xml.name != "LifecycleConfiguration") {
    return Status(Code::kProtocol,
                  fmt::format("bucket '{}': the lifecycle rules are a <{}>", name(), xml.name));
  }
  for (XmlElement& rule : xml.children) {
    if (rule.name == "Rule") lifecycle.rules.push_back(std::move(rule));
  }
  return lifecycle;
}

Status S3Bucket::PutLifecycle(const BucketLifecycle& lifecycle, const CallContext& context) {
  constexpr std::string_view kAction = "s3:PutLifecycleConfiguration";
  if (lifecycle.rules.empty()) {
    S3Client::Call call{S3Request::kBucket, kAction, "DELETE"};
    call.query = {{"lifecycle", ""}};
    return client_.PerformOk(call, context).status();
  }
  std::vector<HttpHeader> headers;
  if (!lifecycle.minimum_size.empty()) {
    headers.push_back({std::string(kMinimumSizeHeader), lifecycle.minimum_size});
  }
  return Write("lifecycle", kAction, Node("LifecycleConfiguration", lifecycle.rules),
               std::move(headers), context);
}

Result<BucketObjectLock> S3Bucket::GetObjectLock(const CallContext& context) {
  BucketObjectLock lock;
  MB_ASSIGN_OR_RETURN(XmlElement xml, ReadXml("object-lock", "s3:GetBucketObjectLockConfiguration",
                                              "ObjectLockConfiguration", context));
  lock.enabled = xml.Text("ObjectLockEnabled") == "Enabled";
  const XmlElement* rule = xml.Child("Rule");
  const XmlElement* retention = rule == nullptr ? nullptr : rule->Child("DefaultRetention");
  if (retention == nullptr) return lock;
  lock.mode = retention->Text("Mode");
  lock.days = NumberIn<int>(retention->Text("Days"));
  if (lock.days == 0) {
    lock.days = kDaysPerYear * NumberIn<uint8_t>(retention->Text("Years"));
  }
  return lock;
}

Status S3Bucket::PutObjectLock(const BucketObjectLock& lock, const CallContext& context) {
  XmlElement document = Node("ObjectLockConfiguration", {Leaf("ObjectLockEnabled", "Enabled")});
  if (!lock.mode.empty()) {
    document.children.push_back(
        Node("Rule", {Node("DefaultRetention",
                           {Leaf("Mode", lock.mode), Leaf("Days", std::to_string(lock.days))})}));
  }
  return Write("object-lock", "s3:PutBucketObjectLockConfiguration", document, {}, context);
}

Result<BucketEncryption> S3Bucket::GetEncryption(const CallContext& context) {
  BucketEncryption encryption;
  MB_ASSIGN_OR_RETURN(XmlElement xml, ReadXml("encryption", "s3:GetEncryptionConfiguration",

                                              "ServerSideEncryptionConfiguration", context));
  const XmlElement* rule = xml.Child("Rule");
  if (rule == nullptr) return encryption;
  encryption.bucket_key = rule->Text("BucketKeyEnabled") == "true";
  const XmlElement* by_default = rule->Child("ApplyServerSideEncryptionByDefault");
  if (by_default == nullptr) return encryption;
  encryption.sse = by_default->Text("SSEAlgorithm");
  encryption.kms_key_id = by_default->Text("KMSMasterKeyID");
  return encryption;
}

Status S3Bucket::PutEncryption(const BucketEncryption& encryption, const CallContext& context) {
  XmlElement by_default =
      Node("ApplyServerSideEncryptionByDefault", {Leaf("SSEAlgorithm", encryption.sse)});
  if (!encryption.kms_key_id.empty()) {
    by_default.children.push_back(Leaf("KMSMasterKeyID", encryption.kms_key_id));
  }
  XmlElement rule = Node("Rule", {std::move(by_default)});
  if (encryption.bucket_key) rule.children.push_back(Flag("BucketKeyEnabled", true));
  return Write("encryption", "s3:PutEncryptionConfiguration",
               Node("ServerSideEncryptionConfiguration", {std::move(rule)}), {}, context);
}

Result<PublicAccessBlock> S3Bucket::GetPublicAccessBlock(const CallContext& context) {
  PublicAccessBlock block;
  MB_ASSIGN_OR_RETURN(XmlElement xml, ReadXml("publicAccessBlock", "s3:GetBucketPublicAccessBlock",

                                              "PublicAccessBlockConfiguration", context));
  block.block_acls = xml.Text("BlockPublicAcls") == "true";
  block.ignore_acls = xml.Text("IgnorePublicAcls") == "true";
  block.block_policy = xml.Text("BlockPublicPolicy") == "true";
  block.restrict_buckets = xml.Text("RestrictPublicBuckets") == "true";
  return block;
}

Status S3Bucket::PutPublicAccessBlock(const PublicAccessBlock& block, const CallContext& context) {
  return Write(
      "publicAccessBlock", "s3:PutBucketPublicAccessBlock",
      Node("PublicAccessBlockConfiguration",
           {Flag("BlockPublicAcls", block.block_acls), Flag("IgnorePublicAcls", block.ignore_acls),
            Flag("BlockPublicPolicy", block.block_policy),
            Flag("RestrictPublicBuckets", block.restrict_buckets)}),
      {}, context);
}

Result<std::string> S3Bucket::GetRegion(const CallContext& context) {
  MB_ASSIGN_OR_RETURN(XmlElement xml,
                      ReadXml("location", "s3:GetBucketLocation", "LocationConstraint", context));
  // The names that are older than regions' names.
  if (xml.text.empty() || xml.text == "US") return std::string("us-east-1");
  return xml.text == "EU" ? std::string("eu-west-1") : xml.text;
}

std::string_view ActionOf(BucketTry what) {
  switch (what) {
    case BucketTry::kList:
      return "s3:ListBucket";
    case BucketTry::kListVersions:
      return "s3:ListBucketVersions";
    case BucketTry::kListUploads:
      return "s3:ListBucketMultipartUploads";
    case BucketTry::kGet:
      return "s3:GetObject";
    case BucketTry::kGetVersion:
      return "s3:GetObjectVersion";
    case BucketTry::kGetRetention:
      return "s3:GetObjectRetention";
    case BucketTry::kRestore:
      return "s3:RestoreObject";
    case BucketTry::kDelete:
      return "s3:DeleteObject";
    case BucketTry::kDeleteVersion:
      return "s3:DeleteObjectVersion";
    case BucketTry::kAbortUpload:
      return "s3:AbortMultipartUpload";
  }
  return "";
}

std::string S3Bucket::PrepareTry(BucketTry what, S3Client::Call* call) {
  switch (what) {
    case BucketTry::kList:
      call->query = {{"list-type", "2"}, {"max-keys", "1"}, {"prefix", call->key}};
      break;
    case BucketTry::kListVersions:
      call->query = {{"max-keys", "1"}, {"prefix", call->key}, {"versions", ""}};
      break;
    case BucketTry::kListUploads:
      call->query = {{"max-uploads", "1"}, {"prefix", call->key}, {"uploads", ""}};
      break;
    case BucketTry::kGet:
      call->headers = {{"Range", "bytes=0-0"}};
      break;
    case BucketTry::kGetVersion:
      call->headers = {{"Range", "bytes=0-0"}};
      call->query = {{"versionId", "null"}};
      break;
    case BucketTry::kGetRetention:
      call->query = {{"retention", ""}};
      break;
    case BucketTry::kRestore:
      call->method = "POST";
      call->query = {{"restore", ""}};
      return ToXmlDocument(Node("RestoreRequest", {Leaf("Days", "1")}));
    case BucketTry::kDelete:
      // Without the condition a versioned bucket would get a delete marker.
      call->method = "DELETE";
      call->headers = {{"If-Match", "*"}};
      break;
    case BucketTry::kDeleteVersion:
      call->method = "DELETE";
      call->query = {{"versionId", "null"}};
      break;
    case BucketTry::kAbortUpload:
      call->method = "DELETE";
      // Of the form that S3 itself gives them: others are refused before rights are looked at.
      call->query = {{"uploadId", std::string(64, 'A')}};
      break;
  }
  return "";
}

Result<TriedAccess> S3Bucket::Try(BucketTry what, const std::string& key,
                                  const CallContext& context) {
  S3Client::Call call{S3Request::kBucket, ActionOf(what), "GET", key};
  const std::string body = PrepareTry(what, &call);
  if (!body.empty()) {
    call.headers = HeadersOfXml(body);
    call.body = {AsBytes(body)};
  }
  bool lists = what == BucketTry::kList || what == BucketTry::kListVersions ||
               what == BucketTry::kListUploads;
  if (lists) call.key.clear();
  S3Failure failure;
  MB_ASSIGN_OR_RETURN(HttpResponse response, client_.Perform(call, context, &failure));
  if (response.ok()) return TriedAccess{Access::kAllowed};
  TriedAccess tried{Access::kUnclear, failure.code.empty()
                                          ? fmt::format("HTTP status {}", failure.http_status)
                                          : failure.code};
  const Status status = client_.StatusOf(call, failure);
  if (failure.code == "AccessDenied" || (failure.code.empty() && failure.http_status == 403)) {
    tried.access = Access::kDenied;
  } else if (failure.http_status >= 500 && status.code() != Code::kUnsupported) {
    return status;
  } else if (failure.code == "NotImplemented" || failure.code == "MethodNotAllowed") {
    tried.access = Access::kUnsupported;
  } else if (status.code() == Code::kAuthentication || failure.code == "NoSuchBucket") {
    return status;
  } else if (failure.http_status == 404 || failure.http_status == 412 ||
             failure.http_status == 416 || failure.code == "InvalidObjectState" ||
             (what == BucketTry::kGetRetention && failure.http_status == 400)) {
    // S3 looks at rights before it looks whether the thing is there.
    tried.access = Access::kAllowed;
  }
  return tried;
}

}  // namespace maxbrod::aws
