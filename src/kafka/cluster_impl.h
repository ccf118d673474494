// What cluster*.cc share. Not for others.
#pragma once

#include <algorithm>
#include <limits>
#include <set>

#include "kafka/call_error.h"
#include "kafka/cluster.h"
#include "kafka/retry.h"

namespace maxbrod::kafka {

template <typename Request>
VersionRange OurVersions() {
  return {Request::kApi.version_min, Request::kApi.version_max};
}

// As FindCoordinator knows them.
enum class CoordinatorType : int8_t { kGroup = 0, kTransaction = 1 };

// Thread-safe: `mutex` guards metadata, idle connections, coordinators; no I/O under it.
struct Cluster::Impl {
  // A connection taken out of the pool (or opened) for one call.
  struct Lease {
    std::unique_ptr<Connection> connection;
    bool reused = false;  // it may have been closed by the broker meanwhile
  };

  explicit Impl(ClientConfig c);

  // cluster_pool.cc
  Status LoadTls();
  Result<Lease> Borrow(const HostPort& address, bool fresh, const CallContext& context);
  void GiveBack(std::unique_ptr<Connection> connection);
  // Where the broker listens; kUnavailable (retryable) when the metadata does not have it.
  Result<HostPort> AddressOf(BrokerId broker) const;
  // All brokers, the one that answered last first, then the bootstrap servers.
  std::vector<HostPort> AnyOrder() const;
  void NoteGood(const HostPort& address);

  // cluster.cc
  std::shared_ptr<const ClusterMetadata> Snapshot() const;
  // Asks any broker and merges; all topics when null. One round over the brokers.
  Status RefreshOnce(const std::vector<std::string>* topics, const CallContext& context);
  BrokerId Controller() const;

  // cluster_group_offsets.cc
  Status ExplainMembers(Cluster* cluster, const std::string& group, const Status& status,
                        const CallContext& context);

  // One try, but a pooled connection that turns out to be closed is replaced silently.
  template <typename Request>
  Result<typename Request::Response> CallAt(const HostPort& address, const Request& request,
                                            const CallContext& context,
                                            VersionRange ours = OurVersions<Request>());
  template <typename Request>
  Result<typename Request::Response> CallOn(BrokerId broker, const Request& request,
                                            const CallContext& context,
                                            VersionRange ours = OurVersions<Request>());
  // Any broker: tries each once.
  template <typename Request>
  Result<typename Request::Response> CallAny(const Request& request, const CallContext& context,
                                             VersionRange ours = OurVersions<Request>());
  // The controller; without one any broker (in KRaft clusters each passes the request on).
  template <typename Request>
  Result<typename Request::Response> CallController(const Request& request,
                                                    const CallContext& context,
                                                    VersionRange ours = OurVersions<Request>());
  // Any broker, retried until the deadline.
  template <typename Request>
  Result<typename Request::Response> CallAnyRetrying(const Request& request,
                                                     const CallContext& context);
  // Retried while `once` says that it helps.
  template <typename T, typename Once>
  Result<T> Retrying(const CallContext& context, const Once& once);

  ClientConfig config;
  mutable std::mutex mutex;
  std::shared_ptr<const ClusterMetadata> metadata = std::make_shared<ClusterMetadata>();
  std::map<HostPort, std::vector<std::unique_ptr<Connection>>> idle;
  std::map<std::pair<CoordinatorType, std::string>, BrokerId> coordinators;
  HostPort last_good;
};

template <typename Request>
Result<typename Request::Response> Cluster::Impl::CallAt(const HostPort& address,
                                                         const Request& request,
                                                         const CallContext& context,
                                                         VersionRange ours) {
  for (bool fresh = false;; fresh = true) {
    MB_ASSIGN_OR_RETURN(Lease lease, Borrow(address, fresh, context));
    const ApiInfo& api = Request::kApi;
    auto version = lease.connection->NegotiateVersion(api.key, ours.min, ours.max);
    if (!version.ok()) {
      GiveBack(std::move(lease.connection));
      return version.status();
    }
    auto response = lease.connection->CallVersion(request, *version, context);
    if (response.ok()) {
      GiveBack(std::move(lease.connection));
      return response;
    }
    if (!lease.reused || response.status().code() != Code::kUnavailable) return response;
  }
}

template <typename Request>
Result<typename Request::Response> Cluster::Impl::CallOn(BrokerId broker, const Request& request,
                                                         const CallContext& context,
                                                         VersionRange ours) {
  MB_ASSIGN_OR_RETURN(HostPort address, AddressOf(broker));
  return CallAt(address, request, context, ours);
}

template <typename Request>
Result<typename Request::Response> Cluster::Impl::CallAny(const Request& request,
                                                          const CallContext& context,
                                                          VersionRange ours) {
  Status last(Code::kUnavailable, "no broker is known");
  for (const HostPort& address : AnyOrder()) {
    MB_RETURN_IF_ERROR(context.Check());
    auto response = CallAt(address, request, context, ours);
    if (response.ok()) NoteGood(address);
    if (response.ok() || !Retry::Helps(response.status())) return response;
    last = response.status();
  }
  return last;
}

template <typename Request>
Result<typename Request::Response> Cluster::Impl::CallController(const Request& request,
                                                                 const CallContext& context,
                                                                 VersionRange ours) {
  BrokerId controller = Controller();
  if (controller.value() < 0 || !AddressOf(controller).ok()) return CallAny(request, context, ours);
  return CallOn(controller, request, context, ours);
}

template <typename T, typename Once>
Result<T> Cluster::Impl::Retrying(const CallContext& context, const Once& once) {
  Retry retry(config, context);
  while (true) {
    Result<T> result = once(retry.context());
    if (result.ok()) return result;
    MB_RETURN_IF_ERROR(retry.Wait(result.status()));
  }
}

template <typename Request>
Result<typename Request::Response> Cluster::Impl::CallAnyRetrying(const Request& request,
                                                                  const CallContext& context) {
  return Retrying<typename Request::Response>(
      context, [&](const CallContext& bounded) { return CallAny(request, bounded); });
}

}  // namespace maxbrod::kafka
