// Which broker is responsible for a group or a transactional id, and calls that go there.
#include "kafka/cluster_coordinator.h"

#include "kafka/messages/find_coordinator.h"

namespace maxbrod::kafka {
namespace {

constexpr int16_t kManyKeysSince = 4;  // KIP-699
constexpr size_t kKeysPerRequestMax = 1000;

struct Found {
  StatusByName statuses;
  std::map<std::string, BrokerId> brokers;

  void Add(const std::string& key, CoordinatorType type, int16_t code, int32_t node,
           const std::string& message) {
    Resource resource{type == CoordinatorType::kGroup ? "Group" : "TransactionalId", key};
    statuses[key] =
        CallError(code, FindCoordinatorRequest::kApi, key, resource, BrokerId(-1), message);
    if (code == error::kNone) brokers[key] = BrokerId(node);
  }
};

// One by one, for brokers before 3.0.
Status FindEach(Cluster::Impl* cluster, const Names& keys, CoordinatorType type,
                const CallContext& context, Found* out) {
  VersionRange ours{1, kManyKeysSince - 1};
  for (const std::string& key : keys) {
    FindCoordinatorRequest request;
    request.key = key;
    request.key_type = static_cast<int8_t>(type);
    MB_ASSIGN_OR_RETURN(auto response, cluster->CallAny(request, context, ours));
    out->Add(key, type, response.error_code, response.node_id, response.error_message.value_or(""));
  }
  return Status::Ok();
}

Status Find(Cluster::Impl* cluster, const Names& keys, CoordinatorType type,
            const CallContext& context, Found* out) {
  FindCoordinatorRequest request;
  request.key_type = static_cast<int8_t>(type);
  request.coordinator_keys = keys;
  VersionRange ours{kManyKeysSince, FindCoordinatorRequest::kApi.version_max};
  auto response = cluster->CallAny(request, context, ours);
  if (response.status().code() == Code::kUnsupported)
    return FindEach(cluster, keys, type, context, out);
  if (!response.ok()) return response.status();
  for (const auto& c : response->coordinators) {
    out->Add(c.key, type, c.error_code, c.node_id, c.error_message.value_or(""));
  }
  return Status::Ok();
}

// Sorts names by coordinator; those without one get a status.
Status Locate(Cluster::Impl* cluster, CoordinatorType type, const Names& names,
              const CallContext& context, StatusByName* statuses,
              std::map<BrokerId, Names>* by_broker) {
  Names unknown;
  {
    std::lock_guard lock(cluster->mutex);
    for (const std::string& name : names) {
      auto it = cluster->coordinators.find({type, name});
      if (it == cluster->coordinators.end()) {
        unknown.push_back(name);
      } else {
        (*by_broker)[it->second].push_back(name);
      }
    }
  }
  Found found;
  for (size_t from = 0; from < unknown.size(); from += kKeysPerRequestMax) {
    auto begin = unknown.begin() + static_cast<ptrdiff_t>(from);
    Names chunk(
        begin, begin + static_cast<ptrdiff_t>(std::min(kKeysPerRequestMax, unknown.size() - from)));
    MB_RETURN_IF_ERROR(Find(cluster, chunk, type, context, &found));
  }
  std::lock_guard lock(cluster->mutex);
  for (const std::string& name : unknown) {
    auto broker = found.brokers.find(name);
    if (broker != found.brokers.end()) {
      cluster->coordinators[{type, name}] = broker->second;
      (*by_broker)[broker->second].push_back(name);
    } else if (found.statuses.contains(name)) {
      (*statuses)[name] = found.statuses[name];
    }
  }
  return Status::Ok();
}

}  // namespace

Result<BrokerId> LocateCoordinator(Cluster::Impl* cluster, CoordinatorType type,
                                   const std::string& name, const CallContext& context) {
  StatusByName statuses;
  std::map<BrokerId, Names> by_broker;
  MB_RETURN_IF_ERROR(Locate(cluster, type, {name}, context, &statuses, &by_broker));
  if (!by_broker.empty()) return by_broker.begin()->first;
  if (statuses.empty())
    return Status(Code::kProtocol, "FindCoordinator: the broker left out " + name);
  return statuses[name];
}

void ForgetCoordinator(Cluster::Impl* cluster, CoordinatorType type, const std::string& name) {
  std::lock_guard lock(cluster->mutex);
  cluster->coordinators.erase({type, name});
}

Result<StatusByName> CallCoordinators(Cluster::Impl* cluster, const ApiInfo& api, const Names& all,
                                      const NamedOptions& options, const AskCoordinator& ask,
                                      const CallContext& context, CoordinatorType type) {
  auto route = [&](const Names& names, const CallContext& bounded) -> Result<StatusByName> {
    StatusByName statuses;
    std::map<BrokerId, Names> by_broker;
    MB_RETURN_IF_ERROR(Locate(cluster, type, names, bounded, &statuses, &by_broker));
    for (const auto& [broker, share] : by_broker) {
      auto answer = ask(broker, share, bounded);
      if (!answer.ok() && !Retry::Helps(answer.status())) return answer.status();
      for (const std::string& name : share) {
        Status status = answer.status();
        if (answer.ok()) {
          auto it = answer->find(name);
          if (it == answer->end()) continue;  // CallByName says so
          status = it->second;
        }
        if (!answer.ok() || RefreshFor(status.kafka_error()) == Refresh::kCoordinator)
          ForgetCoordinator(cluster, type, name);
        statuses[name] = std::move(status);
      }
    }
    return statuses;
  };
  return CallByName(cluster, api, all, options, route, context);
}

Result<BrokerId> Cluster::TransactionCoordinator(const std::string& transactional_id,
                                                 const CallContext& context) {
  constexpr CoordinatorType kType = CoordinatorType::kTransaction;
  return impl_->Retrying<BrokerId>(context, [&](const CallContext& bounded) {
    ForgetCoordinator(impl_.get(), kType, transactional_id);
    return LocateCoordinator(impl_.get(), kType, transactional_id, bounded);
  });
}

}  // namespace maxbrod::kafka
