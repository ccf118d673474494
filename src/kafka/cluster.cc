// Connecting to a cluster, and its metadata.
#include "kafka/cluster.h"

#include "kafka/cluster_impl.h"
#include "kafka/messages/metadata.h"

namespace maxbrod::kafka {
namespace {

Result<TopicMetadata> TopicFrom(const MetadataResponse::Topic& in) {
  TopicMetadata out;
  out.name = in.name.value_or("");
  out.id = TopicId{in.topic_id};
  out.error = in.error_code;
  out.internal = in.is_internal;
  for (const auto& p : in.partitions) {
    if (p.partition_index < 0) {
      return Status(Code::kProtocol, "Metadata: topic " + out.name + " has a partition " +
                                         std::to_string(p.partition_index));
    }
    out.partitions.push_back({p.partition_index, p.error_code, BrokerId(p.leader_id),
                              p.leader_epoch, p.replica_nodes, p.isr_nodes, p.offline_replicas});
  }
  std::sort(out.partitions.begin(), out.partitions.end(),
            [](const PartitionMetadata& a, const PartitionMetadata& b) {
              return a.partition < b.partition;
            });
  return out;
}

Status AddressesFrom(const MetadataResponse& response, ClusterMetadata* out) {
  out->cluster_id = response.cluster_id.value_or("");
  out->controller = BrokerId(response.controller_id);
  out->brokers.clear();
  for (const auto& b : response.brokers) {
    if (b.port <= 0 || b.port > std::numeric_limits<uint16_t>::max() || b.host.empty()) {
      return Status(Code::kProtocol, "Metadata: broker " + std::to_string(b.node_id) +
                                         " has the address \"" + b.host + ":" +
                                         std::to_string(b.port) + "\"");
    }
    BrokerId id(b.node_id);
    out->brokers[id] = Broker{id, {b.host, static_cast<uint16_t>(b.port)}, b.rack.value_or("")};
  }
  return Status::Ok();
}

}  // namespace

Cluster::Cluster(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Cluster::~Cluster() = default;
const ClientConfig& Cluster::config() const {
  return impl_->config;
}

Result<std::unique_ptr<Cluster>> Cluster::Connect(const ClientConfig& config,
                                                  const CallContext& context) {
  if (config.bootstrap.empty()) {
    return Status(Code::kInvalidArgument, "no bootstrap server given")
        .WithHint("set bootstrap.servers");
  }
  auto impl = std::make_unique<Impl>(config);
  MB_RETURN_IF_ERROR(impl->LoadTls());
  // Somebody waits to hear that an address or a listener is wrong: less patience than for a running
  // cluster.
  Retry retry(config, context.Within(config.connect_timeout));
  while (true) {
    Status status = impl->RefreshOnce(nullptr, retry.context());
    if (status.ok()) return std::unique_ptr<Cluster>(new Cluster(std::move(impl)));
    status = retry.Wait(std::move(status));
    if (!status.ok()) return std::move(status).WithContext("cannot reach the cluster");
  }
}

std::shared_ptr<const ClusterMetadata> Cluster::Impl::Snapshot() const {
  std::lock_guard lock(mutex);
  return metadata;
}

BrokerId Cluster::Impl::Controller() const {
  return Snapshot()->controller;
}

Status Cluster::Impl::RefreshOnce(const std::vector<std::string>* topics,
                                  const CallContext& context) {
  MetadataRequest request;
  request.allow_auto_topic_creation = false;
  if (topics == nullptr) {
    request.topics.reset();
  } else {
    for (const std::string& name : *topics) request.topics->push_back({Uuid(), name});
  }
  MB_ASSIGN_OR_RETURN(MetadataResponse response, CallAny(request, context));
  MB_RETURN_IF_ERROR(CallError(response.error_code, MetadataRequest::kApi, "", {}, BrokerId(-1)));
  std::vector<TopicMetadata> answered;
  for (const auto& topic : response.topics) {
    MB_ASSIGN_OR_RETURN(answered.emplace_back(), TopicFrom(topic));
  }
  std::lock_guard lock(mutex);
  auto next = std::make_shared<ClusterMetadata>();
  if (topics != nullptr) {
    next->topics = metadata->topics;
    for (const std::string& name : *topics) next->topics.erase(name);
  }
  MB_RETURN_IF_ERROR(AddressesFrom(response, next.get()));
  for (TopicMetadata& topic : answered) {
    // A topic that does not exist is not in the map.
    if (topic.error == error::kUnknownTopicOrPartition || topic.error == error::kUnknownTopicId)
      continue;
    std::string name = topic.name;
    next->topics[name] = std::move(topic);
  }
  metadata = std::move(next);
  return Status::Ok();
}

std::shared_ptr<const ClusterMetadata> Cluster::metadata() const {
  return impl_->Snapshot();
}

Result<std::shared_ptr<const ClusterMetadata>> Cluster::Refresh(const CallContext& context) {
  return impl_->Retrying<std::shared_ptr<const ClusterMetadata>>(
      context, [&](const CallContext& bounded) -> Result<std::shared_ptr<const ClusterMetadata>> {
        MB_RETURN_IF_ERROR(impl_->RefreshOnce(nullptr, bounded));
        return impl_->Snapshot();
      });
}

Result<std::shared_ptr<const ClusterMetadata>> Cluster::RefreshTopics(
    const std::vector<std::string>& topics, const CallContext& context) {
  if (topics.empty()) return Refresh(context);
  return impl_->Retrying<std::shared_ptr<const ClusterMetadata>>(
      context, [&](const CallContext& bounded) -> Result<std::shared_ptr<const ClusterMetadata>> {
        MB_RETURN_IF_ERROR(impl_->RefreshOnce(&topics, bounded));
        return impl_->Snapshot();
      });
}

BrokerId Cluster::LeaderOf(const TopicPartition& partition) const {
  auto snapshot = impl_->Snapshot();
  auto topic = snapshot->topics.find(partition.topic);
  if (topic == snapshot->topics.end()) return BrokerId(-1);
  const auto& list = topic->second.partitions;
  auto it = std::lower_bound(
      list.begin(), list.end(), partition.partition,
      [](const PartitionMetadata& p, int32_t index) { return p.partition < index; });
  return it == list.end() || it->partition != partition.partition ? BrokerId(-1) : it->leader;
}

}  // namespace maxbrod::kafka
