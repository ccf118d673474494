#include "kafka/fake_broker_testing.h"

#include <list>
#include <thread>

#include "kafka/fake_handlers_testing.h"
#include "os/socket.h"

namespace maxbrod::kafka {

struct FakeCluster::Impl {
  struct Served {
    std::shared_ptr<Socket> socket;
    std::jthread thread;
  };
  struct Server {
    std::unique_ptr<Listener> listener;
    std::jthread thread;
    std::list<Served> connections;  // guarded by mutex
    bool up = true;                 // guarded by mutex
    HostPort address;
    std::map<int16_t, int> seen;  // guarded by mutex
  };
  struct Scheduled {
    int16_t api_key;
    FakeControl control;
  };

  FakeOptions options;
  FakeHandlers handlers;
  mutable std::mutex mutex;
  FakeWorld world;
  std::list<Scheduled> once;
  std::map<int16_t, FakeControl> always;
  std::map<int32_t, Server> servers;
  std::stop_source stopping;

  void Accept(int32_t id, Server* server);
  void Serve(int32_t id, const std::shared_ptr<Socket>& socket);
  // False when the connection is to be closed.
  bool Answer(int32_t id, ByteView frame, Socket* socket, bool* authenticated);
  FakeAction Decide(const FakeRequest& request);
  Result<Bytes> Handle(const FakeRequest& request, bool* authenticated);
  CallContext context() const { return {Deadline::Never(), stopping.get_token()}; }
};

FakeCluster::FakeCluster(FakeOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->options = std::move(options);
  AddFakeConnectionHandlers(&impl_->handlers);
  AddFakeDataHandlers(&impl_->handlers);
  AddFakeTopicHandlers(&impl_->handlers);
  AddFakeGroupHandlers(&impl_->handlers);
  AddFakeTransactionHandlers(&impl_->handlers);
  AddFakeGoverningHandlers(&impl_->handlers);
  for (int32_t id = 1; id <= impl_->options.brokers; ++id) {
    Impl::Server& server = impl_->servers[id];
    auto listener = Listener::BindLoopback();
    MB_CHECK(listener.ok());
    server.listener = std::move(listener).value();
    server.address = {"127.0.0.1", server.listener->port()};
  }
  for (auto& [id, server] : impl_->servers) {
    server.thread = std::jthread([this, broker = id, s = &server] { impl_->Accept(broker, s); });
  }
}

FakeCluster::~FakeCluster() {
  impl_->stopping.request_stop();
  for (auto& [id, server] : impl_->servers) {
    if (server.thread.joinable()) server.thread.join();
    for (Impl::Served& served : server.connections) served.socket->Close();
    server.connections.clear();
  }
}

ClientConfig FakeCluster::config() const {
  ClientConfig config;
  for (const auto& [id, server] : impl_->servers) config.bootstrap.push_back(server.address);
  config.connect_timeout = Millis(5'000);
  config.request_timeout = Millis(10'000);
  config.api_timeout = Millis(30'000);
  config.retry_backoff = Millis(5);
  config.retry_backoff_max = Millis(50);
  if (!impl_->options.username.empty()) {
    config.security_protocol = SecurityProtocol::kSaslPlaintext;
    config.sasl_username = impl_->options.username;
    config.sasl_password = impl_->options.password;
  }
  return config;
}

HostPort FakeCluster::address(int32_t broker) const {
  return impl_->servers.at(broker).address;
}

void FakeCluster::With(const std::function<void(FakeWorld&)>& use) {
  std::lock_guard lock(impl_->mutex);
  use(impl_->world);
}

void FakeCluster::Once(int16_t api_key, FakeControl control) {
  std::lock_guard lock(impl_->mutex);
  impl_->once.push_back({api_key, std::move(control)});
}

void FakeCluster::ControlKey(int16_t api_key, FakeControl control) {
  std::lock_guard lock(impl_->mutex);
  impl_->always[api_key] = std::move(control);
}

size_t FakeCluster::unused_controls() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->once.size();
}

int FakeCluster::Seen(int16_t api_key, std::optional<int32_t> broker) const {
  std::lock_guard lock(impl_->mutex);
  int sum = 0;
  for (const auto& [id, server] : impl_->servers) {
    auto it = server.seen.find(api_key);
    if ((!broker || *broker == id) && it != server.seen.end()) sum += it->second;
  }
  return sum;
}

void FakeCluster::CloseConnections(int32_t broker) {
  std::list<Impl::Served> ended;
  {
    std::lock_guard lock(impl_->mutex);
    ended.swap(impl_->servers.at(broker).connections);
  }
  for (Impl::Served& served : ended) served.socket->Close();
}

void FakeCluster::Stop(int32_t broker) {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->servers.at(broker).up = false;
  }
  CloseConnections(broker);
}

void FakeCluster::Start(int32_t broker) {
  std::lock_guard lock(impl_->mutex);
  impl_->servers.at(broker).up = true;
}

void FakeCluster::Impl::Accept(int32_t id, Server* server) {
  while (!stopping.stop_requested()) {
    auto accepted = server->listener->Accept(context());
    if (!accepted.ok()) continue;
    std::shared_ptr<Socket> socket = std::move(accepted).value();
    std::lock_guard lock(mutex);
    if (!server->up) continue;  // closed at once, much as a refused connection
    server->connections.push_back(
        {socket, std::jthread([this, id, socket] { Serve(id, socket); })});
  }
}

void FakeCluster::Impl::Serve(int32_t id, const std::shared_ptr<Socket>& socket) {
  bool authenticated = options.username.empty();
  while (true) {
    uint8_t prefix[4];
    if (!socket->ReadFull(prefix, context()).ok()) break;
    auto size = LoadBig<int32_t>(prefix);
    if (size < 8 || size > (64 << 20)) break;  // not Kafka, or larger than socket.request.max.bytes
    Bytes frame(static_cast<size_t>(size));
    if (!socket->ReadFull(frame, context()).ok()) break;
    if (!Answer(id, frame, socket.get(), &authenticated)) break;
  }
  socket->Close();
}

bool FakeCluster::Impl::Answer(int32_t id, ByteView frame, Socket* socket, bool* authenticated) {
  auto peeked = PeekRequest(frame);
  if (!peeked.ok()) return false;
  FakeRequest request;
  request.broker = id;
  const ApiInfo* api = FindApi(peeked->api_key);
  if (api == nullptr) return false;
  WireReader reader(frame);
  // A version we do not have may have any header; ApiVersions says so with a body of version 0.
  DecodeRequestHeader(&reader, api->Flexible(peeked->api_version), &request.header);
  request.body = frame.subspan(reader.position());
  {
    std::lock_guard lock(mutex);
    request.count = ++servers[id].seen[api->key];
  }
  FakeAction action = Decide(request);
  if (action.delay > Millis(0)) Clock::System().Sleep(action.delay, stopping.get_token());
  if (action.silent) return true;
  Result<Bytes> answer = Handle(request, authenticated);
  if (!answer.ok()) return false;
  Bytes bytes = std::move(answer).value();
  if (action.change) bytes = action.change(request, std::move(bytes));
  ByteView out(bytes);
  if (action.hang_up_after) out = out.first(std::min(out.size(), *action.hang_up_after));
  if (!out.empty() && !socket->WriteAll(out, context()).ok()) return false;
  return !action.hang_up_after;
}

FakeAction FakeCluster::Impl::Decide(const FakeRequest& request) {
  std::lock_guard lock(mutex);
  for (auto it = once.begin(); it != once.end(); ++it) {
    if (it->api_key != request.header.api_key) continue;
    std::optional<FakeAction> action = it->control(request);
    if (!action) continue;
    once.erase(it);
    return std::move(*action);
  }
  auto it = always.find(request.header.api_key);
  if (it == always.end() || !it->second) return {};
  return it->second(request).value_or(FakeAction());
}

Result<Bytes> FakeCluster::Impl::Handle(const FakeRequest& request, bool* authenticated) {
  auto handler = handlers.find(request.header.api_key);
  if (handler == handlers.end()) return Status(Code::kUnsupported, "no handler");
  std::lock_guard lock(mutex);
  FakeCall call;
  call.world = &world;
  call.self = request.broker;
  call.version = request.header.api_version;
  call.release = options.release;
  call.username = options.username;
  call.password = options.password;
  call.authenticated = authenticated;
  for (const auto& [id, server] : servers) {
    if (server.up) call.brokers[id] = server.address;
  }
  return handler->second(request, &call);
}

FakeControl FakeHangUp(size_t after_bytes) {
  return [after_bytes](const FakeRequest&) {
    FakeAction action;
    action.hang_up_after = after_bytes;
    return action;
  };
}

FakeControl FakeSilence() {
  return [](const FakeRequest&) {
    FakeAction action;
    action.silent = true;
    return action;
  };
}

FakeControl FakeDelay(Millis delay) {
  return [delay](const FakeRequest&) {
    FakeAction action;
    action.delay = delay;
    return action;
  };
}

FakeControl FakeLength(int32_t length) {
  return [length](const FakeRequest&) {
    FakeAction action;
    action.change = [length](const FakeRequest&, Bytes frame) {
      StoreBig(frame.data(), length);
      return frame;
    };
    return action;
  };
}

FakeControl FakeWrongCorrelationId() {
  return [](const FakeRequest&) {
    FakeAction action;
    action.change = [](const FakeRequest& request, Bytes frame) {
      StoreBig(frame.data() + 4, request.header.correlation_id + 1);
      return frame;
    };
    return action;
  };
}

}  // namespace maxbrod::kafka
