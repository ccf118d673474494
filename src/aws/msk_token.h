// What Amazon MSK's brokers take in place of a password: a request signed with AWS credentials and
// never sent. The same bytes as AWS's own signers make (aws-msk-iam-sasl-signer-python,
// aws-msk-iam-auth for Java), but for who says that it made them.
#pragma once

#include <memory>
#include <string>

#include "aws/credentials.h"
#include "aws/credentials_source.h"
#include "base/clock.h"
#include "kafka/oauthbearer.h"

namespace maxbrod::aws {

inline constexpr int kMskTokenSeconds = 900;

struct MskSigning {
  std::string region;
  int64_t now_ms = 0;
  std::string user_agent = "maxbrod";
};

// For SASL/OAUTHBEARER: the presigned URL of kafka-cluster:Connect at the region's endpoint in
// base64url without padding. kInvalidArgument for credentials without keys.
Result<std::string> MskOAuthToken(const Credentials& credentials, const MskSigning& signing);

// For SASL/AWS_MSK_IAM: the same, for a broker's host name, as JSON; its fields stand in the order
// of Java's HashMap.
Result<std::string> MskIamMessage(const Credentials& credentials, const std::string& broker_host,
                                  const MskSigning& signing);

// The region in "b-1.name.abc.c2.kafka.eu-west-1.amazonaws.com" (also of kafka-serverless and of
// vpce names). Empty for other names.
std::string RegionOfBroker(const std::string& host);

// What signs for brokers with the credentials of a provider; each token is new, so that one made
// for a re-authentication lives as long as any. Options as aws-msk-iam-auth takes them:
// awsProfileName, awsRoleArn, awsRoleSessionName, awsRoleExternalId, awsRoleAccessKeyId,
// awsRoleSecretAccessKey, awsRoleSessionToken, awsStsRegion; those for its debugging and retries
// are accepted. Others are kInvalidArgument. `region` is for brokers whose names do not tell it;
// empty: ResolveRegion. The needs must outlive it.
Result<std::shared_ptr<kafka::TokenSource>> MakeMskTokens(
    const SourceNeeds& needs, kafka::SaslMechanism mechanism,
    const std::map<std::string, std::string>& options, const std::string& region = "");

}  // namespace maxbrod::aws
