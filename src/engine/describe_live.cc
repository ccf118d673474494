#include "engine/describe_live.h"

#include <algorithm>
#include <string>
#include <utility>

namespace maxbrod::engine {
namespace {

void FillPartition(const CapturedPartition& p, format::PartitionSnapshot* out) {
  out->set_partition(p.metadata.partition);
  out->set_start_offset(p.earliest);
  out->set_end_offset(std::max(p.last_stable, p.earliest));
  out->set_high_watermark(p.high_watermark);
  out->set_leader(p.metadata.leader.value());
  out->set_leader_epoch(p.metadata.leader_epoch);
  for (int32_t replica : p.metadata.replicas) out->add_replicas(replica);
  for (int32_t replica : p.metadata.isr) out->add_isr(replica);
}

format::TopicSnapshot DescribeTopic(const std::string& name, const CapturedTopic& topic,
                                    Progress& progress) {
  format::TopicSnapshot out;
  out.set_topic(name);
  out.set_topic_id(AsText(topic.metadata.id.id.view()).data(), 16);
  out.set_internal(topic.metadata.internal);
  for (const auto& config : topic.configs) *out.add_configs() = ToConfigEntry(config);
  for (const CapturedPartition& p : topic.partitions) {
    out.set_replication_factor(static_cast<int32_t>(p.metadata.replicas.size()));
    if (p.status.ok()) {
      FillPartition(p, out.add_partitions());
    } else {
      progress.Warn("partition " + name + "-" + std::to_string(p.metadata.partition) +
                    " is not compared: " + p.status.ToString());
    }
  }
  return out;
}

}  // namespace

Result<repo::Snapshot> DescribeLive(kafka::Cluster& cluster, const LiveOptions& options,
                                    Clock& clock, Progress& progress, const CallContext& context) {
  repo::Snapshot out;
  out.header.set_started_ms(clock.WallMillis());
  CaptureOptions capture;
  capture.selection = options.topics;
  capture.groups = options.groups;
  capture.topics_must_exist = false;
  capture.registry = options.registry;
  MB_ASSIGN_OR_RETURN(CapturedCluster captured,
                      Capture(cluster, capture, clock, progress, context));
  *out.header.mutable_cluster() = captured.info;
  for (const auto& [name, topic] : captured.topics)
    out.topics.push_back(DescribeTopic(name, topic, progress));
  out.groups = std::move(captured.groups);
  out.metadata = std::move(captured.metadata);
  out.header.set_finished_ms(clock.WallMillis());
  out.ref.set_started_ms(out.header.started_ms());
  out.ref.set_finished_ms(out.header.finished_ms());
  out.ref.set_cluster_id(captured.info.cluster_id());
  return out;
}

}  // namespace maxbrod::engine
