#include "engine/capture.h"

#include <algorithm>
#include <cstdlib>

#include "engine/capture_metadata.h"
#include "engine/capture_registry.h"
#include "engine/target_configs.h"
#include "kafka/errors.h"

namespace maxbrod::engine {
namespace {

void SelectTopics(const kafka::ClusterMetadata& metadata, const TopicSelection& selection,
                  CapturedCluster* out) {
  for (const auto& [name, topic] : metadata.topics) {
    bool wanted = topic.internal ? selection.MatchesInternal(name) : selection.Matches(name);
    if (wanted) out->topics[name].metadata = topic;
  }
}

// Topics that a pattern is for may come later: no error, but not passed over in silence either.
Status CheckNames(const kafka::ClusterMetadata& metadata, const TopicSelection& selection,
                  Progress& progress) {
  std::vector<std::string> names;
  for (const auto& [name, topic] : metadata.topics) names.push_back(name);
  for (const std::string& pattern : selection.IdleOver(names)) {
    progress.Warn("no topic matches '" + pattern + "'");
  }
  std::vector<std::string> missing = selection.MissingFrom(names);
  if (missing.empty()) return Status::Ok();
  std::string list;
  for (const std::string& name : missing) list += (list.empty() ? "'" : ", '") + name + "'";
  return Status(Code::kNotFound, "no such topic: " + list)
      .WithHint("the name may be wrong, or Describe on the topic is not allowed to this user");
}

Status CaptureBrokers(kafka::Cluster& cluster, const kafka::ClusterMetadata& metadata,
                      Progress& progress, const CallContext& context, format::ClusterInfo* info) {
  info->set_cluster_id(metadata.cluster_id);
  info->set_controller_id(metadata.controller.value());
  for (const auto& [id, broker] : metadata.brokers) {
    format::BrokerInfo* b = info->add_brokers();
    b->set_id(id.value());
    b->set_host(broker.address.host);
    b->set_port(broker.address.port);
    b->set_rack(broker.rack);
    auto configs = cluster.DescribeBrokerConfigs(id, context);
    if (!configs.ok()) {
      if (!HidesBrokerConfigs(configs.status())) return configs.status();
      progress.Warn("broker configs are not in the snapshot: " + configs.status().ToString());
      continue;
    }
    for (const kafka::ConfigValue& config : *configs) {
      if (config.source != kafka::ConfigSource::kDefault) *b->add_configs() = ToConfigEntry(config);
    }
  }
  return Status::Ok();
}

Status CaptureConfigs(kafka::Cluster& cluster, const CallContext& context, CapturedCluster* out) {
  std::vector<std::string> names;
  for (const auto& [name, topic] : out->topics) names.push_back(name);
  if (names.empty()) return Status::Ok();
  MB_ASSIGN_OR_RETURN(auto configs, cluster.DescribeTopicConfigs(names, context));
  for (auto& [name, values] : configs) {
    CapturedTopic& topic = out->topics[name];
    topic.configs = std::move(values);
    if (const auto* policy = topic.FindConfig("cleanup.policy"); policy && policy->value) {
      topic.compacted = policy->value->find("compact") != std::string::npos;
    }
    if (const auto* retention = topic.FindConfig("delete.retention.ms");
        retention && retention->value) {
      topic.delete_retention_ms = std::strtoll(retention->value->c_str(), nullptr, 10);
    }
  }
  return Status::Ok();
}

Status CaptureGroups(kafka::Cluster& cluster, Progress& progress, const CallContext& context,
                     CapturedCluster* out) {
  MB_ASSIGN_OR_RETURN(auto listings, cluster.ListGroups(context));
  MB_ASSIGN_OR_RETURN(auto descriptions, cluster.DescribeGroups(listings, context));
  std::map<std::string, const kafka::GroupDescription*> described;
  for (const auto& d : descriptions) described[d.group] = &d;
  std::vector<std::string> names;
  for (const auto& listing : listings) {
    if (!IsShareGroup(listing.type)) names.push_back(listing.group);
  }
  MB_ASSIGN_OR_RETURN(auto offsets, cluster.FetchGroupOffsets(names, context));
  for (const auto& listing : listings) {
    format::GroupSnapshot group;
    group.set_group(listing.group);
    group.set_type(listing.type.empty() ? "classic" : listing.type);
    group.set_protocol_type(listing.protocol_type);
    group.set_state(listing.state);
    if (auto d = described.find(listing.group); d != described.end()) {
      if (d->second->status.ok()) {
        group.set_protocol(d->second->protocol);
        group.set_members(static_cast<uint32_t>(d->second->members.size()));
        if (!d->second->state.empty()) group.set_state(d->second->state);
      } else {
        group.set_problem(d->second->status.ToString());
      }
    }
    auto found = offsets.find(listing.group);
    if (IsShareGroup(listing.type)) {
      // It has start offsets, which are asked for in another way.
    } else if (found == offsets.end() || !found->second.ok()) {
      std::string why = found == offsets.end() ? "no answer" : found->second.status().ToString();
      group.set_problem(why);
      progress.Warn("offsets of group '" + listing.group + "' are not in the snapshot: " + why);
    } else {
      for (const kafka::CommittedOffset& c : *found->second) {
        if (c.error != 0 || c.offset < 0) continue;
        format::GroupOffset* offset = group.add_offsets();
        offset->set_topic(c.topic);
        offset->set_partition(c.partition);
        offset->set_offset(c.offset);
        offset->set_leader_epoch(c.leader_epoch);
        offset->set_metadata(c.metadata);
        offset->set_offset_before_clip(c.offset);
      }
    }
    out->groups.push_back(std::move(group));
  }
  return Status::Ok();
}

// Asks for one kind of offset of every partition and stores it where `place` says.
Status AskOffsets(kafka::Cluster& cluster, int64_t what, kafka::Isolation isolation,
                  const CallContext& context, CapturedCluster* out,
                  void (*place)(const kafka::ListedOffset& listed, CapturedPartition* partition)) {
  kafka::PerPartition<int64_t> ask;
  for (const auto& [name, topic] : out->topics) {
    for (const auto& p : topic.partitions) {
      if (p.status.ok()) ask[{name, p.metadata.partition}] = what;
    }
  }
  MB_ASSIGN_OR_RETURN(auto answers, cluster.ListOffsets(ask, isolation, context));
  for (auto& [name, topic] : out->topics) {
    for (auto& p : topic.partitions) {
      auto found = answers.find({name, p.metadata.partition});
      if (found == answers.end()) continue;
      if (found->second.error != 0) {
        p.status =
            kafka::ErrorStatus(found->second.error, "ListOffsets of " + name + "-" +
                                                        std::to_string(p.metadata.partition));
      } else {
        place(found->second, &p);
      }
    }
  }
  return Status::Ok();
}

Status TakeCut(kafka::Cluster& cluster, const CallContext& context, CapturedCluster* out) {
  for (auto& [name, topic] : out->topics) {
    for (const auto& metadata : topic.metadata.partitions) {
      CapturedPartition p;
      p.metadata = metadata;
      topic.partitions.push_back(std::move(p));
    }
  }
  MB_RETURN_IF_ERROR(AskOffsets(cluster, kafka::kLatest, kafka::Isolation::kReadCommitted, context,
                                out, [](const kafka::ListedOffset& o, CapturedPartition* p) {
                                  p->last_stable = o.offset;
                                  p->last_stable_epoch = o.leader_epoch;
                                }));
  MB_RETURN_IF_ERROR(AskOffsets(
      cluster, kafka::kLatest, kafka::Isolation::kReadUncommitted, context, out,
      [](const kafka::ListedOffset& o, CapturedPartition* p) { p->high_watermark = o.offset; }));
  return AskOffsets(
      cluster, kafka::kEarliest, kafka::Isolation::kReadUncommitted, context, out,
      [](const kafka::ListedOffset& o, CapturedPartition* p) { p->earliest = o.offset; });
}

// A transaction that never ends holds the last stable offset, and with it every later backup, where
// it is.
Status LookForHangingTransactions(kafka::Cluster& cluster, const CaptureOptions& options,
                                  Clock& clock, Progress& progress, const CallContext& context,
                                  CapturedCluster* out) {
  std::vector<TopicPartition> open;
  for (const auto& [name, topic] : out->topics) {
    for (const auto& p : topic.partitions) {
      if (p.status.ok() && p.last_stable < p.high_watermark)
        open.push_back({name, p.metadata.partition});
    }
  }
  out->open_transactions = open.size();
  if (open.empty()) return Status::Ok();
  auto producers = cluster.DescribeProducers(open, context);
  if (!producers.ok()) {
    progress.Warn("cannot tell how long the transactions open in " + std::to_string(open.size()) +
                  " partitions have been open: " + producers.status().ToString());
    return Status::Ok();
  }
  for (const auto& [tp, list] : *producers) {
    for (const kafka::ActiveProducer& producer : list) {
      if (producer.current_txn_start_offset < 0) continue;
      int64_t age_ms = clock.WallMillis() - producer.last_timestamp;
      if (age_ms < options.hanging_after.count()) continue;
      ++out->hanging_transactions;
      progress.Warn(
          "hanging transaction: " + tp.ToString() + " from offset " +
          std::to_string(producer.current_txn_start_offset) + ", producer id " +
          std::to_string(producer.producer_id) + ", silent for " + std::to_string(age_ms / 60000) +
          " min; nothing beyond it is backed up until it ends (kafka-transactions.sh abort)");
    }
  }
  return Status::Ok();
}

// Asked for by name, so what is missing is told aloud.
Status CaptureSchemas(registry::Registry& registry, Progress& progress, const CallContext& context,
                      CapturedCluster* out) {
  progress.Begin("reading the Schema Registry", 0, 0);
  const int missing = out->metadata.missing_size();
  MB_RETURN_IF_ERROR(CaptureRegistry(registry, context, &out->metadata));
  if (out->metadata.missing_size() > missing)
    progress.Warn("no schemas: " + out->metadata.missing().rbegin()->reason());
  return Status::Ok();
}

}  // namespace

format::ConfigEntry ToConfigEntry(const kafka::ConfigValue& config) {
  format::ConfigEntry entry;
  entry.set_name(config.name);
  entry.set_source(static_cast<int32_t>(config.source));
  entry.set_sensitive(config.sensitive);
  entry.set_has_value(config.value.has_value());
  if (config.value) entry.set_value(*config.value);
  return entry;
}

const kafka::ConfigValue* CapturedTopic::FindConfig(const std::string& name) const {
  for (const auto& config : configs) {
    if (config.name == name) return &config;
  }
  return nullptr;
}

Result<CapturedCluster> Capture(kafka::Cluster& cluster, const CaptureOptions& options,
                                Clock& clock, Progress& progress, const CallContext& context) {
  CapturedCluster out;
  MB_ASSIGN_OR_RETURN(auto metadata, cluster.Refresh(context));
  if (options.topics_must_exist)
    MB_RETURN_IF_ERROR(CheckNames(*metadata, options.selection, progress));
  SelectTopics(*metadata, options.selection, &out);
  MB_RETURN_IF_ERROR(CaptureBrokers(cluster, *metadata, progress, context, &out.info));
  MB_RETURN_IF_ERROR(CaptureConfigs(cluster, context, &out));
  if (options.groups) MB_RETURN_IF_ERROR(CaptureGroups(cluster, progress, context, &out));
  if (options.groups) MB_RETURN_IF_ERROR(CaptureShareGroups(cluster, context, &out));
  MB_RETURN_IF_ERROR(TakeCut(cluster, context, &out));
  MB_RETURN_IF_ERROR(LookForHangingTransactions(cluster, options, clock, progress, context, &out));
  MB_RETURN_IF_ERROR(CaptureMetadata(cluster, context, &out));
  // After the cut: it has the schema of every record below.
  if (options.registry != nullptr)
    MB_RETURN_IF_ERROR(CaptureSchemas(*options.registry, progress, context, &out));
  return out;
}

}  // namespace maxbrod::engine
