#include "aws/msk_cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "aws/credentials_fake_testing.h"

namespace maxbrod::aws {
namespace {

using testing::HasSubstr;

constexpr const char* kArn = "arn:aws:kafka:eu-west-1:1:cluster/orders/u-1";

class Msk : public testing::Test {
 protected:
  Result<MskCluster> Find(const std::string& info, const std::string& brokers) {
    world_.handler = [=](const SeenRequest& request) {
      bool wants_brokers = request.url.ends_with("/bootstrap-brokers");
      return Answer(200, wants_brokers ? brokers : R"({"clusterInfo":)" + info + "}");
    };
    return FindMskCluster(world_.needs, credentials_, kArn, {});
  }

  FakeWorldOfAws world_;
  std::shared_ptr<CredentialsProvider> credentials_ =
      std::make_shared<StaticCredentials>(Credentials{"AK", "s", "", 0, ""});
};

TEST_F(Msk, KindsAreToldApart) {
  auto standard = Find(
      R"({"clusterType":"PROVISIONED","state":"ACTIVE","clusterName":"orders","provisioned":{
          "brokerNodeGroupInfo":{"instanceType":"kafka.m7g.large"},
          "currentBrokerSoftwareInfo":{"kafkaVersion":"3.9.x"}}})",
      R"({"bootstrapBrokerStringSaslIam":"b-1:9098,b-2:9098","bootstrapBrokerStringTls":""})");
  ASSERT_TRUE(standard.ok()) << standard.status().ToString();
  EXPECT_EQ(standard->kind, MskKind::kProvisioned);
  EXPECT_EQ(standard->kafka_version, "3.9.x");
  EXPECT_EQ(standard->bootstrap.size(), 1u);
  EXPECT_EQ(world_.http.seen()[0].url,
            "https://kafka.eu-west-1.amazonaws.com/api/v2/clusters/"
            "arn%3Aaws%3Akafka%3Aeu-west-1%3A1%3Acluster%2Forders%2Fu-1");
  EXPECT_EQ(Find(R"({"clusterType":"PROVISIONED","provisioned":{"brokerNodeGroupInfo":
                     {"instanceType":"express.m7g.large"}}})",
                 "{}")
                ->kind,
            MskKind::kExpress);
  EXPECT_EQ(Find(R"({"clusterType":"SERVERLESS"})", "{}")->kind, MskKind::kServerless);
}

TEST_F(Msk, BrokersByWayInAndNetwork) {
  auto cluster = Find(R"({"clusterType":"PROVISIONED"})", R"({
      "bootstrapBrokerString":"p:9092","bootstrapBrokerStringTls":"t:9094",
      "bootstrapBrokerStringSaslScram":"s:9096","bootstrapBrokerStringPublicSaslIam":"i:9198",
      "bootstrapBrokerStringVpcConnectivitySaslScram":"v:14001",
      "bootstrapBrokerStringSaslIamIpv6":"six:20098","bootstrapBrokerStringIpv6":"six:20092"})");
  ASSERT_TRUE(cluster.ok());
  EXPECT_EQ(*ChooseBootstrap(*cluster, MskAuth::kPlaintext, MskAccess::kPrivate), "p:9092");
  EXPECT_EQ(*ChooseBootstrap(*cluster, MskAuth::kTls, MskAccess::kPrivate), "t:9094");
  EXPECT_EQ(*ChooseBootstrap(*cluster, MskAuth::kScram, MskAccess::kPrivate), "s:9096");
  EXPECT_EQ(*ChooseBootstrap(*cluster, MskAuth::kIam, MskAccess::kPublic), "i:9198");
  EXPECT_EQ(*ChooseBootstrap(*cluster, MskAuth::kScram, MskAccess::kVpc), "v:14001");
  EXPECT_EQ(*ChooseBootstrap(*cluster, MskAuth::kIam, MskAccess::kIpv6), "six:20098");
  EXPECT_EQ(*ChooseBootstrap(*cluster, MskAuth::kPlaintext, MskAccess::kIpv6), "six:20092");
  EXPECT_EQ(*ParseMskAccess("ipv6"), MskAccess::kIpv6);
  EXPECT_FALSE(ParseMskAccess("ipv4").ok());
  auto none = ChooseBootstrap(*cluster, MskAuth::kIam, MskAccess::kPrivate);
  EXPECT_EQ(none.status().code(), Code::kUnsupported);
  EXPECT_THAT(
      none.status().message(),
      HasSubstr("it has: SCRAM (private), TLS (private), plaintext (private), IAM (public), "
                "SCRAM (vpc), IAM (ipv6), plaintext (ipv6)"));
}

TEST_F(Msk, RefusalsNameTheAction) {
  world_.handler = [](const SeenRequest&) {
    HttpResponse response = Answer(403, R"({"message":"User x is not authorized"})");
    response.headers = {{"x-amzn-errortype", "AccessDeniedException:http://x/"}};
    return response;
  };
  Status status = FindMskCluster(world_.needs, credentials_, kArn, {}).status();
  EXPECT_EQ(status.code(), Code::kPermission);
  EXPECT_THAT(status.hint(), HasSubstr("kafka:DescribeClusterV2"));
  world_.handler = [](const SeenRequest&) { return Answer(404, R"({"message":"gone"})"); };
  EXPECT_EQ(FindMskCluster(world_.needs, credentials_, kArn, {}).status().code(), Code::kNotFound);
  for (const char* arn : {"", "orders", "arn:aws:s3:::x", "arn:aws:kafka::1:cluster/x/y",
                          "arn:aws:kafka:eu-west-1:1:topic/x"}) {
    EXPECT_EQ(FindMskCluster(world_.needs, credentials_, arn, {}).status().code(),
              Code::kInvalidArgument);
  }
  EXPECT_EQ(Find(R"({"clusterType":"PROVISIONED","state":"DELETING"})", "{}").status().code(),
            Code::kUnavailable);
}

TEST(MskLimits, OfEachKind) {
  MskLimits serverless = LimitsOf(MskKind::kServerless);
  EXPECT_EQ(serverless.WhyNotConfig("retention.ms", "1", false), "");
  EXPECT_EQ(serverless.WhyNotConfig("cleanup.policy", "compact", true), "");
  EXPECT_THAT(serverless.WhyNotConfig("cleanup.policy", "compact", false), HasSubstr("creation"));
  EXPECT_THAT(serverless.WhyNotConfig("segment.ms", "1", true), HasSubstr("segment.ms"));
  EXPECT_THAT(serverless.WhyNotConfig("max.message.bytes", "8388609", true), HasSubstr("8388608"));
  EXPECT_EQ(serverless.WhyNotConfig("max.message.bytes", "8388608", true), "");
  EXPECT_EQ(serverless.Nearest("max.message.bytes", "8388609"), "8388608");
  EXPECT_EQ(serverless.Nearest("retention.ms", "8388609"), "8388609");
  EXPECT_EQ(serverless.BatchBytesMax(), 8388608);
  MskLimits express = LimitsOf(MskKind::kExpress);
  EXPECT_EQ(express.WhyNotConfig("cleanup.policy", "compact", false), "");
  EXPECT_THAT(express.WhyNotConfig("segment.bytes", "1048576", true), HasSubstr("segment.bytes"));
  EXPECT_THAT(express.WhyNotConfig("segment.ms", "1", true), HasSubstr("does not let"));
  EXPECT_THAT(express.WhyNotConfig("min.insync.replicas", "1", true), HasSubstr("itself"));
  EXPECT_THAT(express.WhyNotConfig("max.compaction.lag.ms", "3600000", true),
              HasSubstr("no max.compaction.lag.ms below 604800000"));
  EXPECT_EQ(express.Nearest("max.compaction.lag.ms", "3600000"), "604800000");
  EXPECT_EQ(express.WhyNotConfig("max.compaction.lag.ms", "9223372036854775807", true), "");
  EXPECT_EQ(express.WhyNotConfig("max.compaction.lag.ms", "no number", true), "");
  EXPECT_EQ(express.BatchBytesMax(), 0);
  EXPECT_EQ(LimitsOf(MskKind::kProvisioned).WhyNotConfig("segment.ms", "1", false), "");
}

}  // namespace
}  // namespace maxbrod::aws
