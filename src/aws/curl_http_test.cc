#include "aws/curl_http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <latch>
#include <thread>

#include "aws/http_server_testing.h"
#include "base/limits.h"
#include "os/tls_testing.h"

namespace maxbrod::aws {
namespace {

using ::testing::HasSubstr;

CurlHttpOptions Quick() {
  CurlHttpOptions options;
  options.proxy = "";  // whatever the environment says
  options.stall_timeout = Millis(500);
  return options;
}

HttpRequest Get(const std::string& url) {
  HttpRequest request;
  request.method = "GET";
  request.url = url;
  return request;
}

CallContext Soon() {
  return CallContext{Deadline::After(Millis(20'000)), {}};
}

TEST(CurlHttpTest, SendsWhatItIsToldAndNothingElse) {
  ServedRequest seen;
  HttpServerForTests server([&](const ServedRequest& request) {
    seen = request;
    return ServedReply{201, {{"ETag", "\"x\""}, {"X-Twice", "a"}, {"X-Twice", "b"}}, "done"};
  });
  CurlHttpClient client(Quick());
  const std::string big(3 * kMiB + 5, 'b');
  HttpRequest request;
  request.method = "PUT";
  request.url = server.url() + "/a/../b//c%2F?x=%20&y";
  request.headers = {{"X-Amz-Date", "now"}, {"X-Empty", ""}};
  request.body = {AsBytes("one "), ByteView(), AsBytes(big), AsBytes(" end")};
  auto response = client.Send(request, Soon());
  ASSERT_TRUE(response.ok()) << response.status().message();
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(ToString(response->body), "done");
  EXPECT_EQ(response->Header("etag"), "\"x\"");
  EXPECT_EQ(response->Header("x-twice"), "a");
  EXPECT_EQ(response->Header("absent"), "");
  EXPECT_EQ(seen.method, "PUT");
  EXPECT_EQ(seen.target, "/a/../b//c%2F?x=%20&y");
  EXPECT_EQ(seen.headers["content-length"], std::to_string(big.size() + 8));
  EXPECT_EQ(seen.headers["x-amz-date"], "now");
  EXPECT_TRUE(seen.headers.contains("x-empty"));
  for (const char* name : {"content-type", "expect", "transfer-encoding", "accept-encoding"}) {
    EXPECT_FALSE(seen.headers.contains(name)) << name;
  }
  EXPECT_TRUE(seen.body == "one " + big + " end");
}

TEST(CurlHttpTest, MethodsWithoutABody) {
  std::vector<ServedRequest> seen;
  HttpServerForTests server([&](const ServedRequest& request) {
    seen.push_back(request);
    return ServedReply{request.method == "DELETE" ? 204 : 200, {}, "body"};
  });
  CurlHttpClient client(Quick());
  for (const char* method : {"GET", "HEAD", "DELETE", "POST", "PUT"}) {
    HttpRequest request = Get(server.url());
    request.method = method;
    auto response = client.Send(request, Soon());
    ASSERT_TRUE(response.ok()) << method << ": " << response.status().message();
    bool bodyless = std::string_view(method) == "HEAD" || std::string_view(method) == "DELETE";
    EXPECT_EQ(ToString(response->body), bodyless ? "" : "body") << method;
    EXPECT_EQ(seen.back().method, method);
  }
  EXPECT_FALSE(seen[0].headers.contains("content-length"));
  EXPECT_EQ(seen[3].headers["content-length"], "0");
  EXPECT_EQ(seen[4].headers["content-length"], "0");
  EXPECT_EQ(server.connections(), 1);
}

TEST(CurlHttpTest, KeepsConnections) {
  HttpServerForTests server([](const ServedRequest&) { return ServedReply{200, {}, "x"}; });
  CurlHttpClient client(Quick());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(client.Send(Get(server.url()), Soon()).ok());
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(client.connections_made(), 1u);
}

TEST(CurlHttpTest, ManyAtOnce) {
  constexpr int kThreads = 8;
  std::latch all_there(kThreads);
  HttpServerForTests server([&](const ServedRequest& request) {
    if (request.target == "/first") all_there.arrive_and_wait();
    return ServedReply{200, {}, request.target};
  });
  CurlHttpClient client(Quick());
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        auto first = client.Send(Get(server.url() + "/first"), Soon());
        std::string target = "/" + std::to_string(i);
        for (int n = 0; n < 20; ++n) {
          auto response = client.Send(Get(server.url() + target), Soon());
          if (first.ok() && response.ok() && ToString(response->body) == target) ++good;
        }
      });
    }
  }
  EXPECT_EQ(good, kThreads * 20);
  EXPECT_EQ(server.connections(), kThreads);
}

TEST(CurlHttpTest, AConnectionTheServerHasClosedIsReplacedUnnoticed) {
  HttpServerForTests server([](const ServedRequest& request) {
    ServedReply reply{200, {}, request.body};
    reply.close = true;
    return reply;
  });
  CurlHttpClient client(Quick());
  for (int i = 0; i < 5; ++i) {
    HttpRequest request = Get(server.url());
    request.method = "PUT";
    std::string body(100'000, static_cast<char>('a' + i));
    request.body = {AsBytes(body)};
    auto response = client.Send(request, Soon());
    ASSERT_TRUE(response.ok()) << response.status().message();
    EXPECT_TRUE(ToString(response->body) == body);
  }
  EXPECT_EQ(server.connections(), 5);
}

TEST(CurlHttpTest, FillsTheCallersBuffer) {
  HttpServerForTests server([](const ServedRequest& request) {
    return ServedReply{request.target == "/error" ? 404 : 206, {}, std::string(1000, 'r')};
  });
  CurlHttpClient client(Quick());
  Bytes out(1001, 'x');
  HttpRequest request = Get(server.url());
  request.into = out;
  auto response = client.Send(request, Soon());
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->into_bytes, 1000u);
  EXPECT_TRUE(response->body.empty());
  EXPECT_EQ(ToString(out), std::string(1000, 'r') + "x");
  // What an error says is no part of the object.
  request.url += "/error";
  std::ranges::fill(out, uint8_t{'x'});
  response = client.Send(request, Soon());
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->into_bytes, 0u);
  EXPECT_EQ(response->body.size(), 1000u);
  EXPECT_EQ(ToString(out), std::string(1001, 'x'));
  // More than fits.
  request.url = server.url();
  request.into = MutableByteView(out).first(999);
  response = client.Send(request, Soon());
  EXPECT_EQ(response.status().code(), Code::kProtocol);
  EXPECT_FALSE(response.status().retryable());
}

TEST(CurlHttpTest, AnswersAreBounded) {
  HttpServerForTests server([](const ServedRequest& request) {
    ServedReply reply{200, {}, "short"};
    if (request.target == "/announced") reply.announced = size_t{1} << 60;
    if (request.target == "/long") reply.body = std::string(1001, 'x');
    if (request.target == "/chunked") {
      reply.raw = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
      for (int i = 0; i < 200; ++i) reply.raw += "a\r\n0123456789\r\n";
      reply.raw += "0\r\n\r\n";
    }
    if (request.target == "/headers") {
      reply.raw = "HTTP/1.1 200 OK\r\n";
      for (int i = 0; i < 10'000; ++i) reply.raw += "X-Filler: 012345678901234567890123456789\r\n";
    }
    if (request.target == "/error") reply = ServedReply{404, {}, std::string(30'000, 'e')};
    return reply;
  });
  CurlHttpClient client(Quick());
  for (const char* target : {"/announced", "/long", "/chunked", "/headers"}) {
    HttpRequest request = Get(server.url() + target);
    request.body_max = 1000;
    auto response = client.Send(request, Soon());
    EXPECT_EQ(response.status().code(), Code::kProtocol) << target;
    EXPECT_FALSE(response.status().retryable()) << target;
  }
  HttpRequest request = Get(server.url());
  request.body_max = 5;
  EXPECT_TRUE(client.Send(request, Soon()).ok());
  // An error's own text has room all the same.
  request = Get(server.url() + "/error");
  request.body_max = 0;
  auto response = client.Send(request, Soon());
  ASSERT_TRUE(response.ok()) << response.status().message();
  EXPECT_EQ(response->body.size(), 30'000u);
}

TEST(CurlHttpTest, TornAnswersAreRetryable) {
  HttpServerForTests server([](const ServedRequest& request) {
    ServedReply reply{200, {}, "half of it"};
    reply.announced = 20;
    reply.close = true;
    if (request.target == "/dropped") reply.drop = true;
    if (request.target == "/status") reply.raw = "HTTP/1.1 200";
    if (request.target == "/chunk") {
      reply.raw = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nxx";
    }
    if (request.target == "/garbage") reply.raw = "SSH-2.0-OpenSSH_9.2\r\n";
    return reply;
  });
  CurlHttpClient client(Quick());
  for (const char* target : {"/body", "/dropped", "/status", "/chunk", "/garbage"}) {
    auto response = client.Send(Get(server.url() + target), Soon());
    ASSERT_FALSE(response.ok()) << target;
    EXPECT_EQ(response.status().code(), Code::kProtocol) << response.status().message();
    EXPECT_TRUE(response.status().retryable()) << target;
    EXPECT_THAT(response.status().message(), HasSubstr(server.url()));
  }
}

TEST(CurlHttpTest, SilenceEndsInATimeout) {
  HttpServerForTests server([](const ServedRequest& request) {
    ServedReply reply{200, {}, "x"};
    if (request.target == "/hang") reply.hang = true;
    return reply;
  });
  CurlHttpClient client(Quick());
  auto response = client.Send(Get(server.url() + "/hang"), CallContext{});
  EXPECT_EQ(response.status().code(), Code::kTimeout);
  EXPECT_TRUE(response.status().retryable());
  // The caller's own deadline comes first.
  auto started = std::chrono::steady_clock::now();
  response = client.Send(Get(server.url() + "/hang"), CallContext{}.Within(Millis(50)));
  EXPECT_EQ(response.status().code(), Code::kTimeout);
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::milliseconds(450));
  // The client is as good as new.
  EXPECT_TRUE(client.Send(Get(server.url()), Soon()).ok());
}

TEST(CurlHttpTest, StopsWhenTold) {
  std::stop_source stop;
  HttpServerForTests server([&](const ServedRequest&) {
    stop.request_stop();
    ServedReply reply;
    reply.hang = true;
    return reply;
  });
  CurlHttpOptions options = Quick();
  options.stall_timeout = Millis(60'000);
  CurlHttpClient client(options);
  auto started = std::chrono::steady_clock::now();
  auto response = client.Send(Get(server.url()), CallContext{Deadline(), stop.get_token()});
  EXPECT_EQ(response.status().code(), Code::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::milliseconds(900));
  EXPECT_EQ(
      client.Send(Get(server.url()), CallContext{Deadline(), stop.get_token()}).status().code(),
      Code::kCancelled);
  EXPECT_EQ(server.requests(), 1);
}

TEST(CurlHttpTest, NobodyThereMeansNothingWasSent) {
  uint16_t port = 0;
  {
    auto listener = Listener::BindLoopback();
    ASSERT_TRUE(listener.ok());
    port = (*listener)->port();
  }
  CurlHttpClient client(Quick());
  auto response = client.Send(Get("http://127.0.0.1:" + std::to_string(port)), Soon());
  EXPECT_EQ(response.status().code(), Code::kUnavailable);
  EXPECT_TRUE(response.status().retryable());
  response = client.Send(Get("http://no-such-host.invalid/"), Soon());
  EXPECT_EQ(response.status().code(), Code::kUnavailable);
  EXPECT_FALSE(response.status().hint().empty());
  EXPECT_EQ(client.Send(Get("ftp://127.0.0.1/"), Soon()).status().code(), Code::kInvalidArgument);
  HttpRequest split = Get("http://127.0.0.1/");
  split.headers = {{"X", "a\r\nY: b"}};
  EXPECT_EQ(client.Send(split, Soon()).status().code(), Code::kInvalidArgument);
}

TEST(CurlHttpTest, FollowsNoRedirect) {
  HttpServerForTests server([](const ServedRequest&) {
    return ServedReply{301, {{"Location", "http://127.0.0.1:1/"}}, "moved"};
  });
  CurlHttpClient client(Quick());
  auto response = client.Send(Get(server.url()), Soon());
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->status, 301);
}

TEST(CurlHttpTest, AProxyIsAskedWhereOneIsNamed) {
  std::string target;
  HttpServerForTests proxy([&](const ServedRequest& request) {
    target = request.target;
    return ServedReply{200, {}, "by proxy"};
  });
  CurlHttpOptions options = Quick();
  options.proxy = proxy.url();
  CurlHttpClient client(options);
  auto response = client.Send(Get("http://storage.invalid/x"), Soon());
  ASSERT_TRUE(response.ok()) << response.status().message();
  EXPECT_EQ(ToString(response->body), "by proxy");
  EXPECT_EQ(target, "http://storage.invalid/x");
}

class CurlTlsTest : public ::testing::Test {
 protected:
  // A server with a certificate for `address`.
  std::unique_ptr<HttpServerForTests> Serve(const std::string& address) {
    TestCertificate certificate = authority_.Issue({"server", {}, {address}});
    TlsConfig config;
    config.identity.pem = certificate.certificate_pem;
    config.key.pem = certificate.key_pem;
    auto context = TlsContext::Server(config, ClientCertificate::kNotAsked);
    MB_CHECK(context.ok());
    return std::make_unique<HttpServerForTests>(
        [](const ServedRequest& request) { return ServedReply{200, {}, request.body}; }, *context);
  }

  std::string CaFile() {
    std::string path = ::testing::TempDir() + "curl_http_test_ca.pem";
    std::ofstream(path) << authority_.pem();
    return path;
  }

  TestAuthority authority_{"curl test"};
};

TEST_F(CurlTlsTest, TrustsTheAuthorityItWasGiven) {
  auto server = Serve("127.0.0.1");
  CurlHttpOptions options = Quick();
  options.ca_file = CaFile();
  CurlHttpClient client(options);
  for (int i = 0; i < 3; ++i) {
    HttpRequest request = Get(server->url());
    request.method = "PUT";
    const std::string body(200'000, 't');
    request.body = {AsBytes(body)};
    auto response = client.Send(request, Soon());
    ASSERT_TRUE(response.ok()) << response.status().message();
    EXPECT_TRUE(ToString(response->body) == body);
  }
  EXPECT_EQ(server->connections(), 1);
}

TEST_F(CurlTlsTest, RefusesWhatItCannotTrust) {
  auto server = Serve("127.0.0.1");
  auto unknown = CurlHttpClient(Quick()).Send(Get(server->url()), Soon());
  EXPECT_EQ(unknown.status().code(), Code::kTls) << unknown.status().message();
  EXPECT_FALSE(unknown.status().retryable());
  EXPECT_THAT(unknown.status().hint(), HasSubstr("ca_file"));

  CurlHttpOptions options = Quick();
  options.ca_file = CaFile();
  auto other_host = CurlHttpClient(options).Send(Get(Serve("127.0.0.2")->url()), Soon());
  EXPECT_EQ(other_host.status().code(), Code::kTls) << other_host.status().message();

  options.ca_file = "/nowhere/ca.pem";
  auto no_file = CurlHttpClient(options).Send(Get(server->url()), Soon());
  EXPECT_EQ(no_file.status().code(), Code::kTls) << no_file.status().message();
  EXPECT_FALSE(no_file.status().retryable());
  EXPECT_EQ(server->requests(), 0);
}

TEST_F(CurlTlsTest, PlainServerIsNotTakenForATlsOne) {
  HttpServerForTests plain([](const ServedRequest&) { return ServedReply(); });
  // It waits for the end of what it takes for a head; what it is asked to do is given up.
  auto response = CurlHttpClient(Quick()).Send(
      Get("https://127.0.0.1:" + std::to_string(plain.port())), Soon());
  EXPECT_FALSE(response.ok());
  EXPECT_EQ(plain.requests(), 0);
}

}  // namespace
}  // namespace maxbrod::aws
