#include "os/tls.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "os/tls_testing.h"

namespace maxbrod {
namespace {

CallContext Seconds(int n) {
  return CallContext{Deadline::After(Millis(n * 1000)), {}};
}

TlsMaterial Pem(const std::string& pem) {
  return TlsMaterial{pem, "", ""};
}

TlsConfig Trusting(const std::string& ca_pem) {
  TlsConfig config;
  config.trust = Pem(ca_pem);
  return config;
}

TlsConfig Identity(const TestCertificate& certificate) {
  TlsConfig config;
  config.identity = Pem(certificate.certificate_pem + certificate.key_pem);
  return config;
}

// A server on the loopback that echoes what one client sends.
class EchoServer {
 public:
  EchoServer(const TlsConfig& config, ClientCertificate client_certificate) {
    auto made = TlsContext::Server(config, client_certificate);
    EXPECT_TRUE(made.ok()) << made.status().ToString();
    auto bound = Listener::BindLoopback();
    EXPECT_TRUE(bound.ok());
    listener_ = std::move(bound).value();
    thread_ = std::jthread([this, context = std::move(made).value()] { Serve(*context); });
  }

  uint16_t port() const { return listener_->port(); }
  Status Wait() {
    if (thread_.joinable()) thread_.join();
    return status_;
  }

 private:
  void Serve(const TlsContext& tls) {
    auto socket = listener_->Accept(Seconds(30));
    if (!socket.ok()) {
      status_ = socket.status();
      return;
    }
    auto stream = tls.Accept(std::move(socket).value(), Seconds(30));
    status_ = stream.status();
    if (!stream.ok()) return;
    Bytes buffer(100'000);
    for (;;) {
      auto n = (*stream)->ReadSome(buffer, Seconds(30));
      if (!n.ok()) return;
      if (!(*stream)->WriteAll(ByteView(buffer).first(*n), Seconds(30)).ok()) return;
    }
  }

  std::unique_ptr<Listener> listener_;
  Status status_;
  std::jthread thread_;
};

Result<std::unique_ptr<Transport>> ConnectTls(uint16_t port, const TlsConfig& config,
                                              const std::string& host) {
  MB_ASSIGN_OR_RETURN(auto context, TlsContext::Client(config));
  MB_ASSIGN_OR_RETURN(auto socket, Socket::Connect({"127.0.0.1", port}, {}, Seconds(30)));
  return context->Connect(std::move(socket), host, Seconds(30));
}

class Tls : public testing::Test {
 protected:
  Tls() {
    TestCertificateRequest request;
    request.common_name = "broker-1";
    request.dns_names = {"broker-1.example.com", "*.kafka.example.com"};
    request.addresses = {"127.0.0.1"};
    broker_ = ca_.Issue(request);
    request.common_name = "backup";
    client_ = ca_.Issue(request);
    folder_ =
        std::filesystem::path(testing::TempDir()) /
        ("tls_test_" + std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()));
    std::filesystem::create_directories(folder_);
  }
  ~Tls() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, ByteView bytes) {
    std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    return path;
  }

  // Connects and echoes one message; the client's first error.
  Status Echo(const TlsConfig& client, const std::string& host, const TlsConfig& server,
              ClientCertificate asked = ClientCertificate::kNotAsked) {
    EchoServer echo(server, asked);
    auto stream = ConnectTls(echo.port(), client, host);
    if (!stream.ok()) return stream.status();
    MB_RETURN_IF_ERROR((*stream)->WriteAll(AsBytes("hello"), Seconds(30)));
    Bytes got(5);
    MB_RETURN_IF_ERROR((*stream)->ReadFull(got, Seconds(30)));
    EXPECT_EQ(AsText(got), "hello");
    return Status::Ok();
  }

  TestAuthority ca_{"Test Root"};
  TestCertificate broker_, client_;
  std::filesystem::path folder_;
};

TEST_F(Tls, EchoesWithEachVersion) {
  for (TlsVersion version : {TlsVersion::kTls12, TlsVersion::kTls13}) {
    TlsConfig client = Trusting(ca_.pem());
    client.version_min = client.version_max = version;
    Status status = Echo(client, "broker-1.example.com", Identity(broker_));
    EXPECT_TRUE(status.ok()) << status.ToString();
  }
}

TEST_F(Tls, HostNamesWildcardsAndAddresses) {
  for (const char* host :
       {"broker-1.example.com", "b-2.kafka.example.com", "127.0.0.1", "broker-1.example.com."}) {
    Status status = Echo(Trusting(ca_.pem()), host, Identity(broker_));
    EXPECT_TRUE(status.ok()) << host << ": " << status.ToString();
  }
}

TEST_F(Tls, AnotherHostIsRefusedUnlessSwitchedOff) {
  for (const char* host : {"broker-2.example.com", "127.0.0.2", "a.b.kafka.example.com"}) {
    Status status = Echo(Trusting(ca_.pem()), host, Identity(broker_));
    EXPECT_EQ(status.code(), Code::kTls) << host;
    EXPECT_FALSE(status.retryable());
    EXPECT_NE(status.message().find("another host: broker-1.example.com, *.kafka.example.com, "
                                    "127.0.0.1"),
              std::string::npos)
        << status.ToString();
    EXPECT_NE(status.hint().find("ssl.endpoint.identification.algorithm"), std::string::npos);
  }
  TlsConfig lax = Trusting(ca_.pem());
  lax.verify_hostname = false;
  EXPECT_TRUE(Echo(lax, "broker-2.example.com", Identity(broker_)).ok());
}

TEST_F(Tls, ExpiredAndFutureCertificates) {
  TestCertificateRequest request;
  request.dns_names = {"b"};
  request.valid_from_seconds = -7200;
  request.valid_until_seconds = -3600;
  Status status = Echo(Trusting(ca_.pem()), "b", Identity(ca_.Issue(request)));
  EXPECT_EQ(status.code(), Code::kTls);
  EXPECT_NE(status.message().find("expired on 2"), std::string::npos) << status.ToString();
  request.valid_from_seconds = 3600;
  request.valid_until_seconds = 7200;
  status = Echo(Trusting(ca_.pem()), "b", Identity(ca_.Issue(request)));
  EXPECT_EQ(status.code(), Code::kTls);
  EXPECT_NE(status.message().find("not valid before"), std::string::npos) << status.ToString();
}

TEST_F(Tls, AForeignAuthorityIsNamed) {
  TestAuthority other("Foreign Root");
  TestCertificateRequest request;
  request.dns_names = {"b"};
  Status status = Echo(Trusting(ca_.pem()), "b", Identity(other.Issue(request)));
  EXPECT_EQ(status.code(), Code::kTls);
  EXPECT_NE(status.message().find("not trusted: CN=Foreign Root"), std::string::npos)
      << status.ToString();
  EXPECT_NE(status.hint().find("ssl.truststore.location"), std::string::npos);
  // The system's authorities do not know it either.
  EXPECT_EQ(Echo(TlsConfig(), "b", Identity(other.Issue(request))).code(), Code::kTls);
}

TEST_F(Tls, TheCertificateItselfMayBeTheAnchor) {
  Status status = Echo(Trusting(broker_.certificate_pem), "127.0.0.1", Identity(broker_));
  EXPECT_TRUE(status.ok()) << status.ToString();
}

TEST_F(Tls, APlaintextListenerIsRecognised) {
  auto listener = Listener::BindLoopback();
  ASSERT_TRUE(listener.ok());
  for (bool answers : {true, false}) {
    std::jthread server([&] {
      auto socket = (*listener)->Accept(Seconds(30));
      ASSERT_TRUE(socket.ok());
      Bytes some(1000);
      ASSERT_TRUE((*socket)->ReadSome(some, Seconds(30)).ok());
      if (answers) {
        ASSERT_TRUE(
            (*socket)->WriteAll(AsBytes("HTTP/1.1 400 Bad Request\r\n\r\n"), Seconds(30)).ok());
      }
    });
    auto stream = ConnectTls((*listener)->port(), Trusting(ca_.pem()), "127.0.0.1");
    ASSERT_FALSE(stream.ok());
    EXPECT_EQ(stream.status().code(), answers ? Code::kTls : Code::kUnavailable);
    EXPECT_NE(stream.status().hint().find("is this a PLAINTEXT listener?"), std::string::npos)
        << stream.status().ToString();
  }
}

TEST_F(Tls, MutualTls) {
  TlsConfig server = Identity(broker_);
  server.trust = Pem(ca_.pem());
  TlsConfig client = Identity(client_);
  client.trust = Pem(ca_.pem());
  for (TlsVersion version : {TlsVersion::kTls12, TlsVersion::kTls13}) {
    client.version_max = client.version_min = version;
    Status status = Echo(client, "127.0.0.1", server, ClientCertificate::kRequired);
    EXPECT_TRUE(status.ok()) << status.ToString();
  }
}

TEST_F(Tls, ADemandedClientCertificateIsNamed) {
  TlsConfig server = Identity(broker_);
  server.trust = Pem(ca_.pem());
  for (TlsVersion version : {TlsVersion::kTls12, TlsVersion::kTls13}) {
    TlsConfig client = Trusting(ca_.pem());
    client.version_max = client.version_min = version;
    Status status = Echo(client, "127.0.0.1", server, ClientCertificate::kRequired);
    EXPECT_EQ(status.code(), Code::kAuthentication) << status.ToString();
    EXPECT_NE(status.message().find("demands a client certificate"), std::string::npos)
        << status.ToString();
    EXPECT_NE(status.hint().find("ssl.keystore.location"), std::string::npos);
  }
}

TEST_F(Tls, ARefusedClientCertificateIsNamed) {
  TestAuthority other("Foreign Root");
  TlsConfig server = Identity(broker_);
  server.trust = Pem(ca_.pem());
  for (TlsVersion version : {TlsVersion::kTls12, TlsVersion::kTls13}) {
    TlsConfig client = Identity(other.Issue({}));
    client.trust = Pem(ca_.pem());
    client.version_max = client.version_min = version;
    Status status = Echo(client, "127.0.0.1", server, ClientCertificate::kRequired);
    EXPECT_EQ(status.code(), Code::kAuthentication) << status.ToString();
    EXPECT_NE(status.message().find("does not accept our certificate"), std::string::npos)
        << status.ToString();
  }
}

TEST_F(Tls, NoCommonVersion) {
  TlsConfig server = Identity(broker_);
  server.version_min = TlsVersion::kTls13;
  TlsConfig client = Trusting(ca_.pem());
  client.version_max = TlsVersion::kTls12;
  Status status = Echo(client, "127.0.0.1", server);
  EXPECT_EQ(status.code(), Code::kTls);
  EXPECT_NE(status.hint().find("no TLS version"), std::string::npos) << status.ToString();
}

TEST_F(Tls, StoresOfEachKind) {
  TlsConfig server = Identity(broker_);
  server.trust = Pem(ca_.pem());
  TlsMaterial trust_p12{"", Write("trust.p12", MakePkcs12(ca_.pem(), "", "changeit")), "changeit"};
  TlsMaterial trust_pem{"", Write("trust.pem", AsBytes("# a comment\n" + ca_.pem())), ""};
  TlsMaterial key_p12{
      "",
      Write("key.p12", MakePkcs12(client_.certificate_pem + ca_.pem(), client_.key_pem, "s3cret")),
      "s3cret"};
  TlsMaterial key_pem{"", Write("key.pem", AsBytes(client_.certificate_pem + client_.key_pem)), ""};
  TlsMaterial locked{client_.certificate_pem + EncryptKeyPem(client_.key_pem, "pass"), "", "pass"};
  for (const TlsMaterial& trust : {trust_p12, trust_pem}) {
    for (const TlsMaterial& identity : {key_p12, key_pem, locked}) {
      TlsConfig client;
      client.trust = trust;
      client.identity = identity;
      Status status = Echo(client, "127.0.0.1", server, ClientCertificate::kRequired);
      EXPECT_TRUE(status.ok()) << status.ToString();
    }
  }
  TlsConfig apart = Trusting(ca_.pem());
  apart.identity = Pem(client_.certificate_pem);
  apart.key = Pem(client_.key_pem);
  EXPECT_TRUE(Echo(apart, "127.0.0.1", server, ClientCertificate::kRequired).ok());
}

TEST_F(Tls, BadStoresAreExplained) {
  auto code = [](const TlsMaterial& trust) {
    TlsConfig config;
    config.trust = trust;
    return TlsContext::Client(config).status();
  };
  Bytes jks = {0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2};
  Status status = code({"", Write("trust.jks", jks), "changeit"});
  EXPECT_EQ(status.code(), Code::kUnsupported);
  EXPECT_NE(status.hint().find("keytool -importkeystore"), std::string::npos);
  EXPECT_NE(status.hint().find("-deststoretype PKCS12"), std::string::npos);

  std::string p12 = Write("t.p12", MakePkcs12(ca_.pem(), "", "right"));
  status = code({"", p12, "wrong"});
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_NE(status.message().find("wrong password"), std::string::npos) << status.ToString();
  EXPECT_EQ(status.message().find("right"), std::string::npos);

  EXPECT_EQ(code({"", (folder_ / "absent.pem").string(), ""}).code(), Code::kNotFound);
  EXPECT_EQ(code({"", Write("noise", Bytes(100, 0x30)), ""}).code(), Code::kInvalidArgument);
  EXPECT_EQ(code({"", Write("empty", {}), ""}).code(), Code::kInvalidArgument);
  EXPECT_EQ(code(Pem("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")).code(),
            Code::kInvalidArgument);
  EXPECT_EQ(code(Pem(client_.key_pem)).code(), Code::kInvalidArgument);  // no certificate

  TlsConfig config = Trusting(ca_.pem());
  config.identity = Pem(client_.certificate_pem);
  EXPECT_NE(TlsContext::Client(config).status().message().find("no private key"),
            std::string::npos);
  config.key = Pem(broker_.key_pem);
  EXPECT_NE(TlsContext::Client(config).status().message().find("does not belong"),
            std::string::npos);
  config.key = TlsMaterial{EncryptKeyPem(client_.key_pem, "pass"), "", ""};
  EXPECT_NE(TlsContext::Client(config).status().hint().find("ssl.key.password"), std::string::npos);
  config.key.password = "wrong";
  EXPECT_NE(TlsContext::Client(config).status().message().find("wrong password"),
            std::string::npos);
}

// Both directions at once, from two threads, with small and large pieces.
TEST_F(Tls, CarriesMuchBothWaysAtOnce) {
  EchoServer echo(Identity(broker_), ClientCertificate::kNotAsked);
  auto stream = ConnectTls(echo.port(), Trusting(ca_.pem()), "127.0.0.1");
  ASSERT_TRUE(stream.ok()) << stream.status().ToString();
  Bytes all(20'000'000);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint8_t>(i * 37 + (i >> 13));
  std::jthread writer([&] {
    std::vector<ByteView> pieces;
    for (size_t at = 0, step = 1; at < all.size(); step = step % 70'001 + 997) {
      size_t n = std::min(step, all.size() - at);
      pieces.push_back(ByteView(all).subspan(at, n));
      at += n;
    }
    EXPECT_TRUE((*stream)->WriteAll(pieces, Seconds(60)).ok());
  });
  Bytes got(all.size());
  Status status = (*stream)->ReadFull(got, Seconds(60));
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_TRUE(got == all);
  writer.join();
  (*stream)->Close();
  EXPECT_EQ((*stream)->ReadSome(got, Seconds(30)).status().code(), Code::kUnavailable);
  EXPECT_TRUE(echo.Wait().ok());
}

TEST_F(Tls, DeadlineAndStopDuringHandshakeAndRead) {
  auto listener = Listener::BindLoopback();  // accepts in the kernel, never answers
  ASSERT_TRUE(listener.ok());
  auto context = TlsContext::Client(Trusting(ca_.pem()));
  ASSERT_TRUE(context.ok());
  auto socket = Socket::Connect({"127.0.0.1", (*listener)->port()}, {}, Seconds(30));
  ASSERT_TRUE(socket.ok());
  auto stream = (*context)->Connect(std::move(socket).value(), "127.0.0.1",
                                    CallContext{Deadline::After(Millis(100)), {}});
  EXPECT_EQ(stream.status().code(), Code::kTimeout);
  EXPECT_TRUE(stream.status().retryable());

  EchoServer echo(Identity(broker_), ClientCertificate::kNotAsked);
  auto open = ConnectTls(echo.port(), Trusting(ca_.pem()), "127.0.0.1");
  ASSERT_TRUE(open.ok());
  std::stop_source source;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(Millis(50));
    source.request_stop();
  });
  Bytes some(10);
  EXPECT_EQ((*open)->ReadSome(some, CallContext{{}, source.get_token()}).status().code(),
            Code::kCancelled);
}

}  // namespace
}  // namespace maxbrod
