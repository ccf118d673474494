#include "kafka/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "kafka/fake_broker_testing.h"
#include "kafka/messages/api_versions.h"
#include "kafka/messages/list_groups.h"
#include "kafka/messages/metadata.h"
#include "kafka/messages/sasl_authenticate.h"
#include "kafka/messages/sasl_handshake.h"
#include "os/socket.h"

namespace maxbrod::kafka {
namespace {

using testing::HasSubstr;
using testing::Not;

std::unique_ptr<Connection> Open(const FakeCluster& fake, const ClientConfig& config) {
  auto connection = Connection::Open(config, fake.address(1), {});
  EXPECT_TRUE(connection.ok()) << connection.status().ToString();
  return connection.ok() ? std::move(connection).value() : nullptr;
}

// A server that sends `answer` to whoever connects, after having read something, and hangs up.
class Talker {
 public:
  explicit Talker(std::string answer, bool read_first = true) {
    auto listener = Listener::BindLoopback();
    MB_CHECK(listener.ok());
    listener_ = std::move(listener).value();
    thread_ = std::jthread([this, answer, read_first](std::stop_token stop) {
      while (!stop.stop_requested()) {
        auto socket = listener_->Accept({Deadline::Never(), stop});
        if (!socket.ok()) return;
        uint8_t buffer[4096];
        if (read_first && !(*socket)->ReadSome(buffer, {Deadline::Never(), stop}).ok()) continue;
        (void)(*socket)->WriteAll(AsBytes(answer), {Deadline::Never(), stop}).ok();
      }
    });
  }
  HostPort address() const { return {"127.0.0.1", listener_->port()}; }

 private:
  std::unique_ptr<Listener> listener_;
  std::jthread thread_;
};

ClientConfig Impatient() {
  ClientConfig config;
  config.request_timeout = Millis(3'000);
  config.connect_timeout = Millis(3'000);
  return config;
}

Status OpenAt(const HostPort& address, const ClientConfig& config = Impatient()) {
  return Connection::Open(config, address, {}).status();
}

TEST(Connection, LearnsTheVersionsAndCalls) {
  FakeCluster fake({.release = FakeRelease::k39});
  auto connection = Open(fake, fake.config());
  EXPECT_EQ(*connection->NegotiateVersion(MetadataRequest::kApi), 12);
  EXPECT_EQ(*connection->NegotiateVersion(MetadataRequest::kApi.key, 0, 5), 5);
  auto metadata = connection->Call(MetadataRequest(), {});
  ASSERT_TRUE(metadata.ok()) << metadata.status().ToString();
  EXPECT_EQ(metadata->cluster_id, "fake");
  EXPECT_EQ(connection->in_flight(), 0u);
  EXPECT_EQ(connection->answered_version(), 12);
}

TEST(Connection, NoVersionInCommonNamesBrokerApiAndVersions) {
  FakeCluster fake;
  auto connection = Open(fake, fake.config());
  auto version = connection->NegotiateVersion(MetadataRequest::kApi.key, 90, 99);
  EXPECT_EQ(version.status().code(), Code::kUnsupported);
  EXPECT_THAT(version.status().message(), HasSubstr(fake.address(1).ToString()));
  EXPECT_THAT(version.status().message(), HasSubstr("Metadata"));
  EXPECT_THAT(version.status().message(), HasSubstr("90 to 99"));
  EXPECT_EQ(connection->NegotiateVersion(9999, 0, 1).status().code(), Code::kUnsupported);
}

TEST(Connection, AnOlderApiVersionsIsTried) {
  FakeCluster fake;
  fake.Once(kApiVersionsKey, [](const FakeRequest& request) {
    EXPECT_EQ(request.header.api_version, 3);
    FakeAction action;
    action.change = [](const FakeRequest& in, Bytes) {
      ApiVersionsResponse refusal;
      refusal.error_code = 35;
      WireWriter writer;
      MB_CHECK(EncodeResponseFrame(refusal, 0, in.header.correlation_id, &writer).ok());
      return writer.Flatten();
    };
    return action;
  });
  int version = -1;
  fake.ControlKey(kApiVersionsKey, [&](const FakeRequest& request) {
    version = request.header.api_version;
    return std::nullopt;
  });
  auto connection = Open(fake, fake.config());
  EXPECT_EQ(version, 0);
  EXPECT_TRUE(connection->NegotiateVersion(MetadataRequest::kApi).ok());
}

TEST(Connection, PipelinedAnswersComeInOrder) {
  FakeCluster fake;
  auto connection = Open(fake, fake.config());
  WireWriter groups, metadata;
  ASSERT_TRUE(EncodeMessage(ListGroupsRequest(), 4, &groups).ok());
  ASSERT_TRUE(EncodeMessage(MetadataRequest(), 12, &metadata).ok());
  ASSERT_TRUE(connection->Send(ListGroupsRequest::kApi, 4, groups.Pieces(), {}).ok());
  ASSERT_TRUE(connection->Send(MetadataRequest::kApi.key, 12, metadata.Pieces(), {}).ok());
  EXPECT_EQ(connection->in_flight(), 2u);
  Bytes buffer;
  ByteView body;
  ASSERT_TRUE(connection->Receive(&buffer, &body, {}).ok());
  ListGroupsResponse list;
  EXPECT_TRUE(DecodeMessage(body, 4, &list).ok());
  ASSERT_TRUE(connection->Receive(&buffer, &body, {}).ok());
  MetadataResponse response;
  EXPECT_TRUE(DecodeMessage(body, 12, &response).ok());
  EXPECT_EQ(connection->in_flight(), 0u);
}

TEST(Connection, TheBufferNeverShrinks) {
  FakeCluster fake;
  auto connection = Open(fake, fake.config());
  WireWriter writer;
  ASSERT_TRUE(EncodeMessage(ListGroupsRequest(), 4, &writer).ok());
  Bytes buffer(10'000);
  const uint8_t* memory = buffer.data();
  ASSERT_TRUE(connection->Send(ListGroupsRequest::kApi, 4, writer.Pieces(), {}).ok());
  ByteView body;
  ASSERT_TRUE(connection->Receive(&buffer, &body, {}).ok());
  EXPECT_EQ(buffer.size(), 10'000u);
  EXPECT_EQ(buffer.data(), memory);
  EXPECT_LT(body.size(), 100u);
}

struct Broken {
  const char* name;
  FakeControl control;
  Code code;
  const char* message;
};

TEST(Connection, WhateverBreaksClosesIt) {
  const Broken kCases[] = {
      {"hang up", FakeHangUp(), Code::kUnavailable, "closed"},
      {"hang up in the length", FakeHangUp(3), Code::kUnavailable, "closed"},
      {"hang up in the body", FakeHangUp(9), Code::kUnavailable, "closed"},
      {"silence", FakeSilence(), Code::kTimeout, ""},
      {"correlation id", FakeWrongCorrelationId(), Code::kProtocol, "correlation id"},
      {"length 0", FakeLength(0), Code::kProtocol, "announces 0 bytes"},
      {"length -1", FakeLength(-1), Code::kProtocol, "announces -1 bytes"},
      {"length 2 GiB", FakeLength(0x7FFFFFFF), Code::kProtocol, "announces"},
      {"too long", FakeLength(4000), Code::kTimeout, ""},
      {"too short", FakeLength(6), Code::kProtocol, "Metadata"},
  };
  for (const Broken& broken : kCases) {
    SCOPED_TRACE(broken.name);
    FakeCluster fake;
    ClientConfig config = fake.config();
    config.request_timeout = Millis(800);
    auto connection = Open(fake, config);
    fake.Once(MetadataRequest::kApi.key, broken.control);
    Status status = connection->Call(MetadataRequest(), {}).status();
    EXPECT_EQ(status.code(), broken.code) << status.ToString();
    EXPECT_THAT(status.message(), HasSubstr(broken.message));
    EXPECT_THAT(status.message(), HasSubstr(fake.address(1).ToString()));
    EXPECT_TRUE(connection->closed());
    EXPECT_EQ(fake.unused_controls(), 0u);
    EXPECT_EQ(connection->Call(MetadataRequest(), {}).status().code(), Code::kUnavailable);
  }
}

TEST(Connection, TheCallersDeadlineAndStopEndTheWait) {
  FakeCluster fake;
  fake.ControlKey(MetadataRequest::kApi.key, FakeSilence());
  auto connection = Open(fake, fake.config());
  CallContext context{Deadline::After(Millis(50)), {}};
  EXPECT_EQ(connection->Call(MetadataRequest(), context).status().code(), Code::kTimeout);
  connection = Open(fake, fake.config());
  std::stop_source stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(Millis(50));
    stop.request_stop();
  });
  EXPECT_EQ(
      connection->Call(MetadataRequest(), {Deadline::Never(), stop.get_token()}).status().code(),
      Code::kCancelled);
}

TEST(Connection, OtherProtocolsAreRecognised) {
  Status http = OpenAt(Talker("HTTP/1.1 400 Bad Request\r\n\r\n").address());
  EXPECT_EQ(http.code(), Code::kProtocol);
  EXPECT_THAT(http.hint(), HasSubstr("Kafka"));
  Status ssh = OpenAt(Talker("SSH-2.0-OpenSSH_9.2\r\n", /*read_first=*/false).address());
  EXPECT_EQ(ssh.code(), Code::kProtocol);
  Status tls = OpenAt(Talker(std::string("\x15\x03\x03\x00\x02\x02\x50", 7)).address());
  EXPECT_EQ(tls.code(), Code::kTls);
  EXPECT_THAT(tls.hint(), HasSubstr("security.protocol=SSL"));
  Status gone = OpenAt(Talker("").address());
  EXPECT_EQ(gone.code(), Code::kUnavailable);
  EXPECT_THAT(gone.hint(), HasSubstr("security.protocol"));
}

TEST(Connection, TlsToAPortWithoutTlsIsExplained) {
  ClientConfig config = Impatient();
  config.security_protocol = SecurityProtocol::kSsl;
  FakeCluster fake;
  Status status = OpenAt(fake.address(1), config);
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.hint(), HasSubstr("security.protocol"));
}

TEST(Connection, NobodyThereIsUnavailable) {
  HostPort address;
  {
    address = Talker("").address();
  }
  Status status = OpenAt(address);
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_TRUE(status.retryable());
  EXPECT_THAT(status.message(), HasSubstr(address.ToString()));
}

TEST(Connection, SaslPlain) {
  FakeCluster fake({.username = "alice", .password = "secret"});
  auto connection = Open(fake, fake.config());
  EXPECT_TRUE(connection->Call(MetadataRequest(), {}).ok());
  fake.With([](FakeWorld& world) { EXPECT_EQ(world.authentications, 1); });
}

TEST(Connection, AWrongPasswordNamesUserAndMechanismOnly) {
  FakeCluster fake({.username = "alice", .password = "secret"});
  ClientConfig config = fake.config();
  config.sasl_password = "geheim";
  Status status = OpenAt(fake.address(1), config);
  EXPECT_EQ(status.code(), Code::kAuthentication);
  EXPECT_FALSE(status.retryable());
  EXPECT_THAT(status.message(), HasSubstr("alice"));
  EXPECT_THAT(status.message(), HasSubstr("PLAIN"));
  EXPECT_THAT(status.message() + status.hint(), Not(HasSubstr("geheim")));
}

TEST(Connection, AMechanismTheListenerDoesNotTakeIsNamedWithThoseItTakes) {
  FakeCluster fake({.username = "alice", .password = "secret"});
  ClientConfig config = fake.config();
  config.sasl_mechanism = SaslMechanism::kScramSha512;
  Status status = OpenAt(fake.address(1), config);
  EXPECT_EQ(status.code(), Code::kAuthentication);
  EXPECT_THAT(status.message(), HasSubstr("SCRAM-SHA-512"));
  EXPECT_THAT(status.message(), HasSubstr("but PLAIN"));
}

TEST(Connection, AListenerThatWantsSaslIsExplained) {
  FakeCluster fake;
  fake.ControlKey(MetadataRequest::kApi.key, FakeHangUp());
  auto connection = Open(fake, fake.config());
  Status status = connection->Call(MetadataRequest(), {}).status();
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_THAT(status.hint(), HasSubstr("SASL"));
}

TEST(Connection, ThrottlingIsWaitedOutBeforeTheNextRequest) {
  FakeCluster fake;
  auto connection = Open(fake, fake.config());
  fake.With([](FakeWorld& world) { world.throttle_ms = 250; });
  ASSERT_TRUE(connection->Call(MetadataRequest(), {}).ok());
  int64_t before = Clock::System().MonotonicNanos();
  ASSERT_TRUE(connection->Call(MetadataRequest(), {}).ok());
  EXPECT_GE(Clock::System().MonotonicNanos() - before, 240'000'000);
  // A deadline before the end of the throttling is a timeout that says why.
  Status status = connection->Call(MetadataRequest(), {Deadline::After(Millis(20)), {}}).status();
  EXPECT_EQ(status.code(), Code::kTimeout);
  EXPECT_THAT(status.message(), HasSubstr("throttles"));
}

TEST(Connection, ReauthenticatesWhenTheSessionIsNearlyOver) {
  FakeCluster fake({.username = "alice", .password = "secret"});
  fake.With([](FakeWorld& world) { world.session_lifetime_ms = 1500; });
  auto connection = Open(fake, fake.config());
  EXPECT_FALSE(connection->ReauthenticationDue());
  ASSERT_TRUE(connection->Call(MetadataRequest(), {}).ok());
  fake.With([](FakeWorld& world) { EXPECT_EQ(world.authentications, 1); });
  std::this_thread::sleep_for(Millis(1300));
  EXPECT_TRUE(connection->ReauthenticationDue());
  ASSERT_TRUE(connection->Call(MetadataRequest(), {}).ok());
  fake.With([](FakeWorld& world) { EXPECT_EQ(world.authentications, 2); });
  EXPECT_FALSE(connection->ReauthenticationDue());
}

TEST(Connection, ReauthenticationKeepsAnswersInFlight) {
  FakeCluster fake({.username = "alice", .password = "secret"});
  fake.With([](FakeWorld& world) { world.session_lifetime_ms = 1000; });
  auto connection = Open(fake, fake.config());
  WireWriter groups, metadata;
  ASSERT_TRUE(EncodeMessage(ListGroupsRequest(), 4, &groups).ok());
  ASSERT_TRUE(EncodeMessage(MetadataRequest(), 12, &metadata).ok());
  ASSERT_TRUE(connection->Send(ListGroupsRequest::kApi, 4, groups.Pieces(), {}).ok());
  std::this_thread::sleep_for(Millis(1000));
  ASSERT_TRUE(connection->Send(MetadataRequest::kApi, 12, metadata.Pieces(), {}).ok());
  fake.With([](FakeWorld& world) { EXPECT_EQ(world.authentications, 2); });
  EXPECT_EQ(connection->in_flight(), 2u);
  Bytes buffer;
  ByteView body;
  ASSERT_TRUE(connection->Receive(&buffer, &body, {}).ok());
  EXPECT_EQ(connection->answered_version(), 4);
  ListGroupsResponse list;
  EXPECT_TRUE(DecodeMessage(body, 4, &list).ok());
  ASSERT_TRUE(connection->Receive(&buffer, &body, {}).ok());
  MetadataResponse response;
  EXPECT_TRUE(DecodeMessage(body, 12, &response).ok());
}

TEST(Connection, AFailedReauthenticationClosesIt) {
  FakeCluster fake({.username = "alice", .password = "secret"});
  fake.With([](FakeWorld& world) { world.session_lifetime_ms = 100; });
  auto connection = Open(fake, fake.config());
  std::this_thread::sleep_for(Millis(120));
  fake.Once(SaslAuthenticateRequest::kApi.key,
            FakeEdit<SaslAuthenticateResponse>([](auto& response) { response.error_code = 58; }));
  Status status = connection->Call(MetadataRequest(), {}).status();
  EXPECT_EQ(status.code(), Code::kAuthentication);
  EXPECT_THAT(status.message(), HasSubstr("re-authentication"));
  EXPECT_TRUE(connection->closed());
}

}  // namespace
}  // namespace maxbrod::kafka
