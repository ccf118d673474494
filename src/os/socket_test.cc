#include "os/socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>

namespace maxbrod {
namespace {

using std::chrono::steady_clock;

CallContext Seconds(int n) {
  return CallContext{Deadline::After(Millis(n * 1000)), {}};
}

Millis Since(steady_clock::time_point start) {
  return std::chrono::duration_cast<Millis>(steady_clock::now() - start);
}

struct Pair {
  std::unique_ptr<Socket> client, server;
};

Pair Connected(const SocketOptions& options = {}) {
  auto listener = Listener::BindLoopback();
  EXPECT_TRUE(listener.ok()) << listener.status().ToString();
  auto client = Socket::Connect({"127.0.0.1", (*listener)->port()}, options, Seconds(30));
  EXPECT_TRUE(client.ok()) << client.status().ToString();
  auto server = (*listener)->Accept(Seconds(30));
  EXPECT_TRUE(server.ok()) << server.status().ToString();
  return {std::move(client).value(), std::move(server).value()};
}

Bytes Pattern(size_t size) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(i * 131 + (i >> 12));
  return bytes;
}

TEST(HostPort, ParsesAndPrints) {
  auto parsed = ParseHostPort("broker-1.example.com:9092");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed, (HostPort{"broker-1.example.com", 9092}));
  EXPECT_EQ(parsed->ToString(), "broker-1.example.com:9092");
  auto v6 = ParseHostPort("[::1]:9093");
  ASSERT_TRUE(v6.ok());
  EXPECT_EQ(*v6, (HostPort{"::1", 9093}));
  EXPECT_EQ(v6->ToString(), "[::1]:9093");
  for (const char* text : {"", "host", "host:", ":9092", "host:0", "host:65536", "host:-1",
                           "host:9092x", "::1:9092", "[]:1", "host: 1"}) {
    EXPECT_EQ(ParseHostPort(text).status().code(), Code::kInvalidArgument) << text;
  }
}

TEST(Socket, CarriesBytesBothWays) {
  Pair pair = Connected();
  ASSERT_TRUE(pair.client->WriteAll(AsBytes("ping"), Seconds(30)).ok());
  Bytes got(4);
  ASSERT_TRUE(pair.server->ReadFull(got, Seconds(30)).ok());
  EXPECT_EQ(AsText(got), "ping");
  ASSERT_TRUE(pair.server->WriteAll(AsBytes("pong!"), Seconds(30)).ok());
  Bytes some(100);
  auto n = pair.client->ReadSome(some, Seconds(30));
  ASSERT_TRUE(n.ok());
  EXPECT_EQ(AsText(ByteView(some).first(*n)), "pong!");
  EXPECT_TRUE(pair.client->peer().starts_with("127.0.0.1:"));
}

// More pieces than one system call takes, empty ones among them, more bytes than the buffers hold.
TEST(Socket, WritesManyPieces) {
  SocketOptions small;
  small.receive_buffer_bytes = 4096;
  small.send_buffer_bytes = 4096;
  Pair pair = Connected(small);
  Bytes all = Pattern(3'000'001);
  std::vector<ByteView> pieces = {ByteView()};
  for (size_t at = 0, step = 1; at < all.size(); step = step % 4099 + 1) {
    size_t n = std::min(step, all.size() - at);
    pieces.push_back(ByteView(all).subspan(at, n));
    if (at % 3 == 0) pieces.push_back({});
    at += n;
  }
  ASSERT_GT(pieces.size(), 1500u);
  std::jthread writer([&] { EXPECT_TRUE(pair.client->WriteAll(pieces, Seconds(60)).ok()); });
  Bytes got(all.size());
  ASSERT_TRUE(pair.server->ReadFull(got, Seconds(60)).ok());
  EXPECT_TRUE(got == all);
}

TEST(Socket, NobodyThereIsUnavailable) {
  uint16_t port = 0;
  {
    auto listener = Listener::BindLoopback();
    ASSERT_TRUE(listener.ok());
    port = (*listener)->port();
  }
  auto socket = Socket::Connect({"127.0.0.1", port}, {}, Seconds(30));
  ASSERT_FALSE(socket.ok());
  EXPECT_EQ(socket.status().code(), Code::kUnavailable);
  EXPECT_TRUE(socket.status().retryable());
  EXPECT_FALSE(socket.status().hint().empty());
  EXPECT_EQ(socket.status().message(),
            "connect 127.0.0.1:" + std::to_string(port) + ": Connection refused");
}

TEST(Socket, AnUnknownNameIsUnavailable) {
  auto socket = Socket::Connect({"no-such-host.invalid", 9092}, {}, Seconds(30));
  ASSERT_FALSE(socket.ok());
  EXPECT_TRUE(socket.status().retryable());
  EXPECT_NE(socket.status().message().find("no-such-host.invalid"), std::string::npos);
}

TEST(Socket, TriesEachAddressOfAName) {
  // "localhost" is ::1 and 127.0.0.1 on most machines; the listener has only the second.
  auto listener = Listener::BindLoopback();
  ASSERT_TRUE(listener.ok());
  auto socket = Socket::Connect({"localhost", (*listener)->port()}, {}, Seconds(30));
  ASSERT_TRUE(socket.ok()) << socket.status().ToString();
  EXPECT_EQ((*socket)->peer(), "localhost:" + std::to_string((*listener)->port()));
}

TEST(Socket, EndOfStreamIsUnavailableEvenInTheMiddle) {
  Pair pair = Connected();
  ASSERT_TRUE(pair.server->WriteAll(AsBytes("abc"), Seconds(30)).ok());
  pair.server.reset();
  Bytes got(4);
  Status status = pair.client->ReadFull(got, Seconds(30));
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_TRUE(status.retryable());
}

TEST(Socket, ResetIsUnavailableAndWritingToItRaisesNoSignal) {
  Pair pair = Connected();
  linger hard{1, 0};
  ASSERT_EQ(::setsockopt(pair.server->fd(), SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
  pair.server.reset();
  Bytes got(4);
  Status status = pair.client->ReadFull(got, Seconds(30));
  EXPECT_EQ(status.code(), Code::kUnavailable) << status.ToString();
  for (int i = 0; i < 3; ++i) {
    status = pair.client->WriteAll(AsBytes("x"), Seconds(30));
    EXPECT_EQ(status.code(), Code::kUnavailable) << status.ToString();
    EXPECT_TRUE(status.retryable());
  }
}

TEST(Socket, ReadsTimeOut) {
  Pair pair = Connected();
  Bytes got(4);
  auto start = steady_clock::now();
  Status status = pair.client->ReadFull(got, CallContext{Deadline::After(Millis(150)), {}});
  EXPECT_EQ(status.code(), Code::kTimeout);
  EXPECT_TRUE(status.retryable());
  EXPECT_GE(Since(start), Millis(149));
  EXPECT_LT(Since(start), Millis(5000));
}

TEST(Socket, WritesTimeOut) {
  Pair pair = Connected();
  Bytes much(64 << 20);
  Status status =
      pair.client->WriteAll(ByteView(much), CallContext{Deadline::After(Millis(200)), {}});
  EXPECT_EQ(status.code(), Code::kTimeout);
  EXPECT_TRUE(status.retryable());
}

TEST(Socket, AStopRequestEndsABlockedRead) {
  Pair pair = Connected();
  std::stop_source source;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(Millis(50));
    source.request_stop();
  });
  Bytes got(4);
  auto start = steady_clock::now();
  Status status = pair.client->ReadFull(got, CallContext{{}, source.get_token()});
  EXPECT_EQ(status.code(), Code::kCancelled);
  EXPECT_FALSE(status.retryable());
  EXPECT_LT(Since(start), Millis(5000));
}

TEST(Socket, CloseWakesAReaderInAnotherThread) {
  Pair pair = Connected();
  std::jthread closer([&] {
    std::this_thread::sleep_for(Millis(50));
    pair.client->Close();
  });
  Bytes got(4);
  EXPECT_EQ(pair.client->ReadFull(got, Seconds(30)).code(), Code::kUnavailable);
}

TEST(Socket, ConnectHonoursStopAndDeadline) {
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ(
      Socket::Connect({"localhost", 9}, {}, CallContext{{}, source.get_token()}).status().code(),
      Code::kCancelled);
  EXPECT_EQ(Socket::Connect({"localhost", 9}, {}, CallContext{Deadline::After(Millis(0)), {}})
                .status()
                .code(),
            Code::kTimeout);
}

TEST(Listener, AcceptTimesOutAndStops) {
  auto listener = Listener::BindLoopback();
  ASSERT_TRUE(listener.ok());
  EXPECT_EQ((*listener)->Accept(CallContext{Deadline::After(Millis(50)), {}}).status().code(),
            Code::kTimeout);
  std::stop_source source;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(Millis(30));
    source.request_stop();
  });
  EXPECT_EQ((*listener)->Accept(CallContext{{}, source.get_token()}).status().code(),
            Code::kCancelled);
}

TEST(Listener, APortInUseIsSaid) {
  auto first = Listener::BindLoopback();
  ASSERT_TRUE(first.ok());
  auto second = Listener::BindLoopback((*first)->port());
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), Code::kAlreadyExists);
}

TEST(NetworkStatus, ClassesOfErrors) {
  for (int error : {ECONNREFUSED, ECONNRESET, EPIPE, ENETUNREACH, EHOSTUNREACH}) {
    Status status = NetworkStatus(error, "connect", "b:1");
    EXPECT_EQ(status.code(), Code::kUnavailable);
    EXPECT_TRUE(status.retryable());
  }
  EXPECT_EQ(NetworkStatus(ETIMEDOUT, "connect", "b:1").code(), Code::kTimeout);
  EXPECT_TRUE(NetworkStatus(ETIMEDOUT, "connect", "b:1").retryable());
  EXPECT_FALSE(NetworkStatus(EBADF, "connect", "b:1").retryable());
}

}  // namespace
}  // namespace maxbrod
