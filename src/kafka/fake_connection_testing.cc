// ApiVersions, SASL, Metadata, and what the releases announce.
#include <algorithm>
#include <iterator>

#include "kafka/errors.h"
#include "kafka/fake_handlers_testing.h"
#include "kafka/messages/all.h"

namespace maxbrod::kafka {
namespace {

// As ApiVersions of the real releases answers, for the APIs we speak.
struct Announced {
  int16_t api_key;
  VersionRange k28, k39, k43, serverless;
};
constexpr VersionRange kNone{0, -1};
constexpr Announced kAnnounced[] = {
    {0, {0, 9}, {0, 11}, {3, 13}, {7, 9}},     // Produce
    {1, {0, 12}, {0, 17}, {4, 18}, {10, 12}},  // Fetch
    {2, {0, 6}, {0, 9}, {1, 11}, {5, 6}},      // ListOffsets
    {3, {0, 11}, {0, 12}, {0, 13}, {7, 11}},   // Metadata
    {8, {0, 8}, {0, 9}, {2, 10}, {6, 8}},      // OffsetCommit
    {9, {0, 7}, {0, 9}, {1, 10}, {5, 7}},      // OffsetFetch
    {10, {0, 3}, {0, 6}, {0, 6}, {2, 3}},      // FindCoordinator
    {15, {0, 5}, {0, 5}, {0, 6}, {2, 5}},      // DescribeGroups
    {16, {0, 4}, {0, 5}, {0, 5}, {2, 4}},      // ListGroups
    {17, {0, 1}, {0, 1}, {0, 1}, {1, 1}},      // SaslHandshake
    {18, {0, 3}, {0, 4}, {0, 4}, {2, 3}},      // ApiVersions
    {19, {0, 7}, {0, 7}, {2, 7}, {3, 7}},      // CreateTopics
    {20, {0, 6}, {0, 6}, {1, 6}, {3, 6}},      // DeleteTopics
    {21, {0, 2}, {0, 2}, {0, 2}, kNone},       // DeleteRecords
    {22, {0, 4}, {0, 5}, {0, 6}, {1, 4}},      // InitProducerId
    {23, {0, 4}, {0, 4}, {2, 4}, {2, 4}},      // OffsetForLeaderEpoch
    {24, {0, 3}, {0, 5}, {0, 5}, {1, 3}},      // AddPartitionsToTxn
    {26, {0, 3}, {0, 4}, {0, 5}, {1, 3}},      // EndTxn
    {27, {0, 0}, {0, 1}, {1, 2}, kNone},       // WriteTxnMarkers
    {29, {0, 2}, {0, 3}, {1, 3}, kNone},       // DescribeAcls
    {30, {0, 2}, {0, 3}, {1, 3}, kNone},       // CreateAcls
    {31, {0, 2}, {0, 3}, {1, 3}, kNone},       // DeleteAcls
    {32, {0, 4}, {0, 4}, {1, 4}, {1, 4}},      // DescribeConfigs
    {35, {0, 2}, {0, 4}, {1, 5}, kNone},       // DescribeLogDirs
    {36, {0, 2}, {0, 2}, {0, 2}, {0, 2}},      // SaslAuthenticate
    {44, {0, 1}, {0, 1}, {0, 1}, {0, 1}},      // IncrementalAlterConfigs
    {48, {0, 1}, {0, 1}, {0, 1}, kNone},       // DescribeClientQuotas
    {49, {0, 1}, {0, 1}, {0, 1}, kNone},       // AlterClientQuotas
    {50, {0, 0}, {0, 0}, {0, 0}, kNone},       // DescribeUserScramCredentials
    {51, {0, 0}, {0, 0}, {0, 0}, kNone},       // AlterUserScramCredentials
    {55, kNone, {0, 2}, {0, 2}, kNone},        // DescribeQuorum
    {61, {0, 0}, {0, 0}, {0, 0}, kNone},       // DescribeProducers
    {65, kNone, {0, 0}, {0, 0}, kNone},        // DescribeTransactions
    {69, kNone, {0, 0}, {0, 1}, kNone},        // ConsumerGroupDescribe
    {74, kNone, {0, 0}, {0, 1}, kNone},        // ListConfigResources
};

ApiVersionsResponse HandleApiVersions(const ApiVersionsRequest&, FakeCall* call) {
  ApiVersionsResponse response;
  for (const Announced& api : kAnnounced) {
    VersionRange range = FakeVersions(call->release, api.api_key);
    if (range.max >= range.min) response.api_keys.push_back({api.api_key, range.min, range.max});
  }
  if (call->version >= 3 && call->release == FakeRelease::k43) {
    response.supported_features = {{"metadata.version", 7, 29}};
    response.finalized_features = {{"metadata.version", 29, 29}};
  }
  return response;
}

SaslHandshakeResponse HandleHandshake(const SaslHandshakeRequest& request, FakeCall* call) {
  SaslHandshakeResponse response;
  response.mechanisms = {"PLAIN"};
  if (call->username.empty()) response.error_code = 34;        // ILLEGAL_SASL_STATE
  if (request.mechanism != "PLAIN") response.error_code = 33;  // UNSUPPORTED_SASL_MECHANISM
  return response;
}

SaslAuthenticateResponse HandleAuthenticate(const SaslAuthenticateRequest& request,
                                            FakeCall* call) {
  SaslAuthenticateResponse response;
  std::string expected =
      std::string(1, '\0') + call->username + std::string(1, '\0') + call->password;
  if (AsText(request.auth_bytes) != expected) {
    response.error_code = 58;  // SASL_AUTHENTICATION_FAILED
    response.error_message = "Authentication failed: Invalid username or password";
    return response;
  }
  *call->authenticated = true;
  ++call->world->authentications;
  response.session_lifetime_ms = call->world->session_lifetime_ms;
  return response;
}

MetadataResponse::Topic DescribeTopic(const std::string& name, const FakeTopic& topic) {
  MetadataResponse::Topic out;
  out.name = name;
  out.topic_id = topic.id;
  int32_t index = 0;
  for (const FakePartition& p : topic.partitions) {
    auto& partition = out.partitions.emplace_back();
    partition.partition_index = index++;
    partition.leader_id = p.leader;
    partition.leader_epoch = p.leader_epoch;
    partition.error_code = p.leader < 0 ? error::kLeaderNotAvailable : error::kNone;
    partition.replica_nodes = partition.isr_nodes = {std::max(p.leader, 1)};
  }
  return out;
}

MetadataResponse HandleMetadata(const MetadataRequest& request, FakeCall* call) {
  MetadataResponse response;
  response.cluster_id = "fake";
  response.controller_id = call->world->controller;
  for (const auto& [id, address] : call->brokers) {
    response.brokers.push_back({id, address.host, address.port, "rack-" + std::to_string(id)});
  }
  if (!request.topics) {
    for (const auto& [name, topic] : call->world->topics)
      response.topics.push_back(DescribeTopic(name, topic));
    return response;
  }
  for (const auto& asked : *request.topics) {
    auto it = call->world->topics.find(asked.name.value_or(""));
    if (it != call->world->topics.end()) {
      response.topics.push_back(DescribeTopic(it->first, it->second));
    } else {
      auto& topic = response.topics.emplace_back();
      topic.name = asked.name;
      topic.error_code = error::kUnknownTopicOrPartition;
    }
  }
  return response;
}

// A broker answers a version it does not have in the form of version 0, and names its own
// (KIP-511).
Result<Bytes> AnswerApiVersions(const FakeRequest& in, FakeCall* call) {
  if (in.header.api_version <= FakeVersions(call->release, kApiVersionsKey).max) {
    return MakeFakeHandler<ApiVersionsRequest>(&HandleApiVersions)(in, call);
  }
  ApiVersionsResponse response;
  response.error_code = error::kUnsupportedVersion;
  WireWriter writer;
  MB_RETURN_IF_ERROR(EncodeResponseFrame(response, 0, in.header.correlation_id, &writer));
  return writer.Flatten();
}

}  // namespace

VersionRange FakeVersions(FakeRelease release, int16_t api_key) {
  const auto* found = std::find_if(std::begin(kAnnounced), std::end(kAnnounced),
                                   [&](const Announced& api) { return api.api_key == api_key; });
  if (found == std::end(kAnnounced)) return kNone;
  switch (release) {
    case FakeRelease::k28:
      return found->k28;
    case FakeRelease::k39:
      return found->k39;
    case FakeRelease::k43:
      return found->k43;
    case FakeRelease::kServerless:
      return found->serverless;
  }
  return kNone;
}

void AddFakeConnectionHandlers(FakeHandlers* handlers) {
  (*handlers)[ApiVersionsRequest::kApi.key] = AnswerApiVersions;
  (*handlers)[SaslHandshakeRequest::kApi.key] =
      MakeFakeHandler<SaslHandshakeRequest>(&HandleHandshake);
  (*handlers)[SaslAuthenticateRequest::kApi.key] =
      MakeFakeHandler<SaslAuthenticateRequest>(&HandleAuthenticate);
  (*handlers)[MetadataRequest::kApi.key] = MakeFakeHandler<MetadataRequest>(&HandleMetadata);
}

}  // namespace maxbrod::kafka
