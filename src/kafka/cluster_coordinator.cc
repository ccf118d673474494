// Which broker is responsible for a group or a transactional id, and calls that go there.
#include "kafka/cluster_coordinator.h"

#include "kafka/messages/find_coordinator.h"

namespace maxbrod::kafka {
namespace {

constexpr int16_t kManyKeysSince = 4;  // KIP-699
constexpr int8_t kKeyTypeGroup = 0;
constexpr int8_t kKeyTypeTransaction = 1;
constexpr size_t kKeysPerRequestMax = 1000;

struct Found {
  StatusByName statuses;
  std::map<std::string, BrokerId> brokers;

  void Add(const std::string& key, int8_t type, int16_t code, int32_t node,
           const std::string& message) {
    Resource resource{type == kKeyTypeGroup ? "Group" : "TransactionalId", key};
    statuses[key] =
        CallError(code, FindCoordinatorRequest::kApi, key, resource, BrokerId(-1), message);
    if (code == error::kNone) brokers[key] = BrokerId(node);
  }
};

// One by one, for brokers before 3.0.
Status FindEach(Cluster::Impl* cluster, const Names& keys, int8_t type, const CallContext& context,
                Found* out) {
  VersionRange ours{1, kManyKeysSince - 1};
  for (const std::string& key : keys) {
    FindCoordinatorRequest request;
    request.key = key;
    request.key_type = type;
    MB_ASSIGN_OR_RETURN(auto response, cluster->CallAny(request, context, ours));
    out->Add(key, type, response.error_code, response.node_id, response.error_message.value_or(""));
  }
  return Status::Ok();
}

Status Find(Cluster::Impl* cluster, const Names& keys, int8_t type, const CallContext& context,
            Found* out) {
  FindCoordinatorRequest request;
  request.key_type = type;
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

// Sorts groups by coordinator; those without one get a status.
Status Locate(Cluster::Impl* cluster, const Names& groups, const CallContext& context,
              StatusByName* statuses, std::map<BrokerId, Names>* by_broker) {
  Names unknown;
  {
    std::lock_guard lock(cluster->mutex);
    for (const std::string& group : groups) {
      auto it = cluster->coordinators.find(group);
      if (it == cluster->coordinators.end()) {
        unknown.push_back(group);
      } else {
        (*by_broker)[it->second].push_back(group);
      }
    }
  }
  Found found;
  for (size_t from = 0; from < unknown.size(); from += kKeysPerRequestMax) {
    auto begin = unknown.begin() + static_cast<ptrdiff_t>(from);
    Names chunk(
        begin, begin + static_cast<ptrdiff_t>(std::min(kKeysPerRequestMax, unknown.size() - from)));
    MB_RETURN_IF_ERROR(Find(cluster, chunk, kKeyTypeGroup, context, &found));
  }
  std::lock_guard lock(cluster->mutex);
  for (const std::string& group : unknown) {
    auto broker = found.brokers.find(group);
    if (broker != found.brokers.end()) {
      cluster->coordinators[group] = broker->second;
      (*by_broker)[broker->second].push_back(group);
    } else if (found.statuses.contains(group)) {
      (*statuses)[group] = found.statuses[group];
    }
  }
  return Status::Ok();
}

void Forget(Cluster::Impl* cluster, const std::string& group) {
  std::lock_guard lock(cluster->mutex);
  cluster->coordinators.erase(group);
}

}  // namespace

Result<StatusByName> CallCoordinators(Cluster::Impl* cluster, const ApiInfo& api,
                                      const Names& groups, const NamedOptions& options,
                                      const AskCoordinator& ask, const CallContext& context) {
  auto route = [&](const Names& names, const CallContext& bounded) -> Result<StatusByName> {
    StatusByName statuses;
    std::map<BrokerId, Names> by_broker;
    MB_RETURN_IF_ERROR(Locate(cluster, names, bounded, &statuses, &by_broker));
    for (const auto& [broker, share] : by_broker) {
      auto answer = ask(broker, share, bounded);
      if (!answer.ok() && !Retry::Helps(answer.status())) return answer.status();
      for (const std::string& group : share) {
        Status status = answer.status();
        if (answer.ok()) {
          auto it = answer->find(group);
          if (it == answer->end()) continue;  // CallByName says so
          status = it->second;
        }
        if (!answer.ok() || RefreshFor(status.kafka_error()) == Refresh::kCoordinator)
          Forget(cluster, group);
        statuses[group] = std::move(status);
      }
    }
    return statuses;
  };
  return CallByName(cluster, api, groups, options, route, context);
}

Result<BrokerId> Cluster::TransactionCoordinator(const std::string& transactional_id,
                                                 const CallContext& context) {
  return impl_->Retrying<BrokerId>(context, [&](const CallContext& bounded) -> Result<BrokerId> {
    Found found;
    MB_RETURN_IF_ERROR(Find(impl_.get(), {transactional_id}, kKeyTypeTransaction, bounded, &found));
    if (!found.statuses.contains(transactional_id)) {
      return Status(Code::kProtocol, "FindCoordinator: the broker left out " + transactional_id);
    }
    MB_RETURN_IF_ERROR(found.statuses[transactional_id]);
    return found.brokers[transactional_id];
  });
}

}  // namespace maxbrod::kafka
