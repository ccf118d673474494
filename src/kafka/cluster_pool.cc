// Connections of a cluster's own, for calls off the data path.
#include "kafka/call_pace.h"
#include "kafka/cluster_impl.h"
#include "kafka/connection_impl.h"

namespace maxbrod::kafka {
namespace {

// Several threads may call one broker at once; more connections than this are not kept.
constexpr size_t kIdlePerBrokerMax = 4;
// Not reused after that: load balancers drop idle connections silently (AWS NLB after 350 s,
// brokers after connections.max.idle.ms, 10 minutes by default).
constexpr int64_t kIdleNanosMax = int64_t{240} * 1'000'000'000;

}  // namespace

Cluster::Impl::Impl(ClientConfig c) : config(std::move(c)) {
  if (config.pace == nullptr) config.pace = std::make_shared<CallPace>();
}

Status Cluster::Impl::LoadTls() {
  bool uses_tls = config.security_protocol == SecurityProtocol::kSsl ||
                  config.security_protocol == SecurityProtocol::kSaslSsl;
  if (!uses_tls || config.tls != nullptr) return Status::Ok();
  MB_ASSIGN_OR_RETURN(config.tls, MakeTlsContext(config.ssl));
  return Status::Ok();
}

Result<Cluster::Impl::Lease> Cluster::Impl::Borrow(const HostPort& address, bool fresh,
                                                   const CallContext& context) {
  std::vector<std::unique_ptr<Connection>> dropped;  // closed outside of the lock
  {
    std::lock_guard lock(mutex);
    auto& list = idle[address];
    int64_t oldest = Clock::System().MonotonicNanos() - kIdleNanosMax;
    while (!list.empty()) {
      std::unique_ptr<Connection> connection = std::move(list.back());
      list.pop_back();
      if (!fresh && connection->last_used_nanos() >= oldest)
        return Lease{std::move(connection), true};
      dropped.push_back(std::move(connection));
    }
  }
  MB_ASSIGN_OR_RETURN(auto connection, Connection::Open(config, address, context));
  return Lease{std::move(connection), false};
}

void Cluster::Impl::GiveBack(std::unique_ptr<Connection> connection) {
  if (connection->closed()) return;
  std::lock_guard lock(mutex);
  auto& list = idle[connection->address()];
  if (list.size() < kIdlePerBrokerMax) list.push_back(std::move(connection));
}

Result<HostPort> Cluster::Impl::AddressOf(BrokerId broker) const {
  auto snapshot = Snapshot();
  auto it = snapshot->brokers.find(broker);
  if (it != snapshot->brokers.end()) return it->second.address;
  return Status(Code::kUnavailable, "broker " + std::to_string(broker.value()) +
                                        " is not up: the cluster's metadata "
                                        "does not have it")
      .Retryable();
}

std::vector<HostPort> Cluster::Impl::AnyOrder() const {
  std::lock_guard lock(mutex);
  std::vector<HostPort> order;
  for (const auto& [id, broker] : metadata->brokers) order.push_back(broker.address);
  auto good = std::find(order.begin(), order.end(), last_good);
  if (good != order.end()) std::rotate(order.begin(), good, order.end());
  for (const HostPort& address : config.bootstrap) {
    if (std::find(order.begin(), order.end(), address) == order.end()) order.push_back(address);
  }
  return order;
}

void Cluster::Impl::NoteGood(const HostPort& address) {
  std::lock_guard lock(mutex);
  last_good = address;
}

Result<std::unique_ptr<Connection>> Cluster::OpenConnection(BrokerId broker,
                                                            const CallContext& context) {
  auto address = impl_->AddressOf(broker);
  if (!address.ok()) {
    MB_RETURN_IF_ERROR(impl_->RefreshOnce(nullptr, context.Within(impl_->config.request_timeout)));
    address = impl_->AddressOf(broker);
  }
  if (!address.ok()) return address.status();
  return Connection::Open(impl_->config, *address, context);
}

}  // namespace maxbrod::kafka
