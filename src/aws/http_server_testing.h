// A small HTTP/1.1 server on loopback that answers as a test tells it to, wrongly too.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "os/socket.h"
#include "os/tls.h"

namespace maxbrod::aws {

struct ServedRequest {
  std::string method, target;                  // "PUT", "/bucket/key?x=1"
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

struct ServedReply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
  std::optional<size_t> announced{};  // Content-Length, where it is to be a lie
  bool close = false;                 // after the answer
  bool hang = false;                  // answer nothing, and keep the connection
  bool drop = false;                  // close without an answer
  std::string raw{};                  // sent as it is, instead of all else
};

using ServeRequest = std::function<ServedReply(const ServedRequest&)>;

// Answers each connection in a thread of its own; `serve` is called by many at once.
class HttpServerForTests {
 public:
  explicit HttpServerForTests(ServeRequest serve, std::shared_ptr<const TlsContext> tls = nullptr);
  ~HttpServerForTests();
  HttpServerForTests(const HttpServerForTests&) = delete;
  HttpServerForTests& operator=(const HttpServerForTests&) = delete;

  // "http://127.0.0.1:1234" (https with TLS).
  std::string url() const;
  uint16_t port() const { return listener_->port(); }
  int connections() const { return connections_; }
  int requests() const { return requests_; }

 private:
  void AcceptAll();
  void Serve(std::unique_ptr<Socket> socket);
  // Whether the connection lives on.
  bool Answer(Transport& stream, const ServedRequest& request);

  const ServeRequest serve_;
  const std::shared_ptr<const TlsContext> tls_;
  std::unique_ptr<Listener> listener_;
  std::atomic<int> connections_{0}, requests_{0};
  std::stop_source stop_;
  std::mutex mutex_;
  std::vector<std::jthread> threads_;
  std::jthread acceptor_;
};

}  // namespace maxbrod::aws
