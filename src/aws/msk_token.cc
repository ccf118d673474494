#include "aws/msk_token.h"

#include <chrono>
#include <mutex>
#include <set>

#include "aws/credentials_cache.h"
#include "aws/credentials_chain.h"
#include "aws/credentials_endpoint.h"
#include "aws/json_read.h"
#include "aws/sigv4.h"
#include "aws/sts.h"
#include "aws/uri.h"
#include "codec/hash.h"

namespace maxbrod::aws {
namespace {

constexpr const char* kService = "kafka-cluster";
constexpr const char* kAction = "?Action=kafka-cluster%3AConnect";

Result<std::string> Presign(const Credentials& credentials, const std::string& host,
                            const MskSigning& signing) {
  if (credentials.access_key_id.empty() || credentials.secret_access_key.empty())
    return Status(Code::kInvalidArgument, "the AWS credentials are empty");
  return PresignUrl(credentials, {signing.region, kService}, "GET",
                    "https://" + host + "/" + kAction, PayloadHash({}),
                    std::chrono::seconds(kMskTokenSeconds), signing.now_ms);
}

// The value of a parameter in the query of a URL, decoded.
std::string Parameter(const std::string& url, const std::string& name) {
  size_t from = url.find("&" + name + "=");
  if (from == url.npos) return {};
  from += name.size() + 2;
  return UriDecode(url.substr(from, url.find('&', from) - from)).value_or("");
}

class MskTokens : public kafka::TokenSource {
 public:
  MskTokens(const SourceNeeds& needs, kafka::SaslMechanism mechanism,
            std::shared_ptr<CredentialsProvider> provider, std::string profile, std::string region)
      : needs_(needs),
        mechanism_(mechanism),
        provider_(std::move(provider)),
        profile_(std::move(profile)),
        region_(std::move(region)) {}

  Result<kafka::SaslToken> Get(const HostPort& broker, const CallContext& context) override {
    MB_ASSIGN_OR_RETURN(Credentials credentials, provider_->Get(context));
    MskSigning signing;
    signing.now_ms = needs_.clock->WallMillis();
    signing.region = RegionOfBroker(broker.host);
    if (signing.region.empty()) {
      MB_ASSIGN_OR_RETURN(signing.region, OwnRegion(context));
    }
    auto text = mechanism_ == kafka::SaslMechanism::kAwsMskIam
                    ? MskIamMessage(credentials, broker.host, signing)
                    : MskOAuthToken(credentials, signing);
    if (!text.ok()) return text.status();
    return kafka::SaslToken{std::move(text).value(), {}};
  }

 private:
  // For brokers behind names of the user's own.
  Result<std::string> OwnRegion(const CallContext& context) {
    std::lock_guard lock(mutex_);
    if (region_.empty()) {
      MB_ASSIGN_OR_RETURN(region_, ResolveRegion(needs_, profile_, context));
    }
    return region_;
  }

  const SourceNeeds needs_;
  const kafka::SaslMechanism mechanism_;
  const std::shared_ptr<CredentialsProvider> provider_;
  const std::string profile_;
  std::mutex mutex_;
  std::string region_;
};

}  // namespace

Result<std::string> MskOAuthToken(const Credentials& credentials, const MskSigning& signing) {
  std::string host = "kafka." + signing.region + ".amazonaws.com";
  MB_ASSIGN_OR_RETURN(std::string url, Presign(credentials, host, signing));
  return Base64UrlEncode(AsBytes(url + "&User-Agent=" + UriEncode(signing.user_agent)));
}

Result<std::string> MskIamMessage(const Credentials& credentials, const std::string& broker_host,
                                  const MskSigning& signing) {
  MB_ASSIGN_OR_RETURN(std::string url, Presign(credentials, broker_host, signing));
  nlohmann::ordered_json message;
  message["x-amz-date"] = Parameter(url, "X-Amz-Date");
  message["x-amz-signedheaders"] = Parameter(url, "X-Amz-SignedHeaders");
  message["x-amz-signature"] = Parameter(url, "X-Amz-Signature");
  message["host"] = broker_host;
  message["action"] = "kafka-cluster:Connect";
  message["x-amz-expires"] = Parameter(url, "X-Amz-Expires");
  if (!credentials.session_token.empty())
    message["x-amz-security-token"] = credentials.session_token;
  message["version"] = "2020_10_22";
  message["x-amz-algorithm"] = "AWS4-HMAC-SHA256";
  message["x-amz-credential"] = Parameter(url, "X-Amz-Credential");
  message["user-agent"] = signing.user_agent;
  return message.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string RegionOfBroker(const std::string& host) {
  // [b-1.]cluster.id.c2.kafka[-serverless].REGION.amazonaws.com[.cn]
  size_t end = host.find(".amazonaws.");
  if (end == host.npos || end == 0) return {};
  size_t from = host.rfind('.', end - 1);
  if (from == host.npos) return {};
  size_t service = from == 0 ? host.npos : host.rfind('.', from - 1);
  std::string before =
      service == host.npos ? host.substr(0, from) : host.substr(service + 1, from - service - 1);
  if (!before.starts_with("kafka")) return {};
  std::string region = host.substr(from + 1, end - from - 1);
  return IsRegionName(region) ? region : "";
}

Result<std::shared_ptr<kafka::TokenSource>> MakeMskTokens(
    const SourceNeeds& needs, kafka::SaslMechanism mechanism,
    const std::map<std::string, std::string>& options, const std::string& region) {
  static const std::set<std::string> kKnown = {
      "awsProfileName",      "awsRoleArn",         "awsRoleSessionName",
      "awsRoleExternalId",   "awsRoleAccessKeyId", "awsRoleSecretAccessKey",
      "awsRoleSessionToken", "awsStsRegion",       "awsDebugCreds",
      "awsMaxRetries",       "awsMaxBackOffTimeMs"};
  for (const auto& [name, value] : options) {
    if (!kKnown.contains(name)) {
      return Status(Code::kInvalidArgument,
                    "sasl.jaas.config: there is no option " + name + " for AWS credentials")
          .WithHint(
              "awsProfileName, awsRoleArn, awsRoleSessionName, awsRoleExternalId, "
              "awsStsRegion");
    }
  }
  auto option = [&](const char* name) {
    auto it = options.find(name);
    return it == options.end() ? std::string() : it->second;
  };
  CredentialsOptions wanted;
  wanted.profile = option("awsProfileName");
  wanted.role_arn = option("awsRoleArn");
  wanted.role_session_name = option("awsRoleSessionName");
  wanted.role_external_id = option("awsRoleExternalId");
  wanted.sts_region = option("awsStsRegion");
  Credentials keys{option("awsRoleAccessKeyId"), option("awsRoleSecretAccessKey"),
                   option("awsRoleSessionToken"), 0, "sasl.jaas.config"};
  std::shared_ptr<CredentialsProvider> provider;
  if (!keys.access_key_id.empty() && !keys.secret_access_key.empty() && !wanted.role_arn.empty()) {
    RoleRequest role{wanted.role_arn,         wanted.role_session_name,
                     wanted.role_external_id, 0,
                     wanted.sts_region,       ""};
    provider = std::make_shared<CachingCredentials>(
        std::make_unique<AssumeRoleSource>(needs, std::move(role),
                                           std::make_shared<StaticCredentials>(keys)),
        *needs.clock);
  } else {
    provider = MakeCredentials(needs, wanted);
  }
  return std::shared_ptr<kafka::TokenSource>(
      std::make_shared<MskTokens>(needs, mechanism, std::move(provider), wanted.profile, region));
}

}  // namespace maxbrod::aws
