#include "engine/capture_metadata.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "kafka/admin.h"

namespace maxbrod::engine {
namespace {

class MetadataCapture {
 public:
  MetadataCapture(kafka::Cluster& cluster, const CallContext& context, CapturedCluster* out)
      : cluster_(cluster), admin_(cluster), context_(context), out_(out) {}

  Status ShareGroups() {
    return Part(part::kShareGroups, [&](const CallContext& c) { return CaptureShare(c); });
  }

  Status All() {
    out_->metadata.set_captured(true);
    MB_RETURN_IF_ERROR(Part(part::kAcls, [&](const CallContext& c) { return Acls(c); }));
    MB_RETURN_IF_ERROR(Part(part::kQuotas, [&](const CallContext& c) { return Quotas(c); }));
    MB_RETURN_IF_ERROR(Part(part::kScramUsers, [&](const CallContext& c) { return Users(c); }));
    MB_RETURN_IF_ERROR(
        Part(part::kBrokerConfigs, [&](const CallContext& c) { return BrokerDefaults(c); }));
    MB_RETURN_IF_ERROR(
        Part(part::kGroupConfigs, [&](const CallContext& c) { return GroupConfigs(c); }));
    MB_RETURN_IF_ERROR(
        Part(part::kClientMetrics, [&](const CallContext& c) { return ClientMetrics(c); }));
    MB_RETURN_IF_ERROR(Part(part::kFeatures, [&](const CallContext& c) { return Features(c); }));
    MB_RETURN_IF_ERROR(Part(part::kQuorum, [&](const CallContext& c) { return Quorum(c); }));
    return Part(part::kLogDirs, [&](const CallContext& c) { return LogDirs(c); });
  }

 private:
  // A part that fails is missing; the run goes on unless the caller's own time is over.
  template <typename Capture>
  Status Part(const char* name, const Capture& capture) {
    Status status = capture(context_.Within(kMetadataPartMax));
    MB_RETURN_IF_ERROR(context_.Check());
    if (!status.ok()) AddMissing(name, status, &out_->metadata);
    return Status::Ok();
  }

  Status Acls(const CallContext& context) {
    MB_ASSIGN_OR_RETURN(auto acls, admin_.DescribeAcls(context));
    for (const kafka::Acl& acl : acls) {
      format::Acl* to = out_->metadata.add_acls();
      to->set_resource_type(acl.resource_type);
      to->set_resource_name(acl.resource_name);
      to->set_pattern_type(acl.pattern_type);
      to->set_principal(acl.principal);
      to->set_host(acl.host);
      to->set_operation(acl.operation);
      to->set_permission(acl.permission);
    }
    return Status::Ok();
  }

  Status Quotas(const CallContext& context) {
    MB_ASSIGN_OR_RETURN(auto quotas, admin_.DescribeClientQuotas(context));
    for (const auto& [entity, values] : quotas) {
      format::ClientQuota* to = out_->metadata.add_quotas();
      for (const kafka::QuotaEntityPart& entity_part : entity) {
        auto* e = to->add_entities();
        e->set_type(entity_part.type);
        e->set_name(entity_part.name.value_or(""));
        e->set_is_default(!entity_part.name.has_value());
      }
      for (const auto& [key, value] : values) {
        auto* v = to->add_values();
        v->set_key(key);
        v->set_value(value);
      }
    }
    return Status::Ok();
  }

  Status Users(const CallContext& context) {
    MB_ASSIGN_OR_RETURN(auto users, admin_.DescribeScramUsers(context));
    for (const auto& [user, credentials] : users) {
      format::ScramUser* to = out_->metadata.add_scram_users();
      to->set_user(user);
      for (const kafka::ScramCredential& credential : credentials) {
        auto* c = to->add_credentials();
        c->set_mechanism(credential.mechanism);
        c->set_iterations(credential.iterations);
      }
    }
    return Status::Ok();
  }

  Status BrokerDefaults(const CallContext& context) {
    return Configs(kafka::ConfigResourceType::kBroker, kafka::ConfigSource::kDynamicDefaultBroker,
                   {""}, context);
  }

  // Every version that has configs of groups can be asked for those of groups known by name; only
  // newer ones list the others.
  Status GroupConfigs(const CallContext& context) {
    std::set<std::string> names;
    for (const format::GroupSnapshot& group : out_->groups) names.insert(group.group());
    auto listed = admin_.ListConfigResources(kafka::ConfigResourceType::kGroup, context);
    if (listed.ok()) {
      names = std::set<std::string>(listed->begin(), listed->end());
    } else if (listed.status().code() != Code::kUnsupported) {
      return listed.status();
    }
    return Configs(kafka::ConfigResourceType::kGroup, kafka::ConfigSource::kGroup,
                   {names.begin(), names.end()}, context);
  }

  Status ClientMetrics(const CallContext& context) {
    constexpr auto kType = kafka::ConfigResourceType::kClientMetrics;
    MB_ASSIGN_OR_RETURN(auto names, admin_.ListConfigResources(kType, context));
    return Configs(kType, kafka::ConfigSource::kClientMetrics, names, context);
  }

  // Those with configs of this source; the first error, when there is one, after all others.
  Status Configs(kafka::ConfigResourceType type, kafka::ConfigSource source,
                 const std::vector<std::string>& names, const CallContext& context) {
    if (names.empty()) return Status::Ok();
    MB_ASSIGN_OR_RETURN(auto described, admin_.DescribeConfigs(type, names, context));
    Status first;
    for (const auto& [name, configs] : described) {
      if (!configs.ok()) {
        if (first.ok()) first = configs.status();
        continue;
      }
      google::protobuf::RepeatedPtrField<format::ConfigEntry> entries;
      for (const kafka::ConfigValue& config : *configs) {
        if (config.source == source) *entries.Add() = ToConfigEntry(config);
      }
      if (!entries.empty()) *ConfigsOf(type, name) = std::move(entries);
    }
    return first;
  }

  // A group's configs stand with the group, if the snapshot has it.
  google::protobuf::RepeatedPtrField<format::ConfigEntry>* ConfigsOf(kafka::ConfigResourceType type,
                                                                     const std::string& name) {
    auto group = std::find_if(out_->groups.begin(), out_->groups.end(),
                              [&](const auto& g) { return g.group() == name; });
    if (type == kafka::ConfigResourceType::kGroup && group != out_->groups.end())
      return group->mutable_configs();
    format::ConfigResource* resource = out_->metadata.add_configs();
    resource->set_type(static_cast<int32_t>(type));
    resource->set_name(name);
    return resource->mutable_configs();
  }

  Status Features(const CallContext& context) {
    MB_ASSIGN_OR_RETURN(auto features, admin_.DescribeFeatures(context));
    for (const auto& [name, levels] : features) {
      format::Feature* to = out_->metadata.add_features();
      to->set_name(name);
      to->set_supported_min(levels.supported_min);
      to->set_supported_max(levels.supported_max);
      to->set_finalized(levels.finalized);
    }
    return Status::Ok();
  }

  Status Quorum(const CallContext& context) {
    MB_ASSIGN_OR_RETURN(auto quorum, admin_.DescribeQuorum(context));
    out_->metadata.set_quorum_leader(quorum.leader);
    out_->metadata.set_quorum_leader_epoch(quorum.leader_epoch);
    for (const kafka::QuorumReplicaState& replica : quorum.replicas) {
      format::QuorumReplica* to = out_->metadata.add_quorum();
      to->set_id(replica.id);
      to->set_voter(replica.voter);
      to->set_log_end_offset(replica.log_end_offset);
    }
    return Status::Ok();
  }

  Status LogDirs(const CallContext& context) {
    MB_ASSIGN_OR_RETURN(auto dirs, cluster_.DescribeLogDirs(context));
    std::map<std::pair<BrokerId, std::string>, format::LogDir> sums;
    for (const kafka::LogDirSpace& space : dirs.second) {
      format::LogDir& dir = sums[{space.broker, space.path}];
      dir.set_broker(space.broker.value());
      dir.set_path(space.path);
      dir.set_total_bytes(space.total);
      dir.set_usable_bytes(space.usable);
    }
    for (const kafka::LogDirEntry& entry : dirs.first) {
      format::LogDir& dir = sums[{entry.broker, entry.path}];
      dir.set_replicas(dir.replicas() + 1);
      dir.set_replica_bytes(dir.replica_bytes() +
                            static_cast<uint64_t>(std::max<int64_t>(entry.size, 0)));
    }
    for (auto& [key, dir] : sums) *out_->metadata.add_log_dirs() = std::move(dir);
    return Status::Ok();
  }

  Status CaptureShare(const CallContext& context) {
    std::map<std::string, format::GroupSnapshot*> groups;
    std::vector<std::string> names;
    for (format::GroupSnapshot& group : out_->groups) {
      if (!IsShareGroup(group.type())) continue;
      groups[group.group()] = &group;
      names.push_back(group.group());
    }
    if (names.empty()) return Status::Ok();
    MB_ASSIGN_OR_RETURN(auto states, admin_.DescribeShareGroups(names, context));
    for (const auto& [name, state] : states) {
      if (!state.ok()) continue;  // the listing's state stays
      groups[name]->set_state(state->state);
      groups[name]->set_members(static_cast<uint32_t>(state->members));
    }
    MB_ASSIGN_OR_RETURN(auto offsets, admin_.DescribeShareGroupOffsets(names, context));
    for (const auto& [name, list] : offsets) {
      if (!list.ok()) {
        groups[name]->set_problem(list.status().ToString());
        continue;
      }
      for (const kafka::CommittedOffset& offset : *list) AddOffset(offset, groups[name]);
    }
    return Status::Ok();
  }

  static void AddOffset(const kafka::CommittedOffset& from, format::GroupSnapshot* group) {
    if (from.error != 0) return;
    format::GroupOffset* to = group->add_offsets();
    to->set_topic(from.topic);
    to->set_partition(from.partition);
    to->set_offset(from.offset);
    to->set_leader_epoch(from.leader_epoch);
    to->set_offset_before_clip(from.offset);
  }

  kafka::Cluster& cluster_;
  kafka::Admin admin_;
  const CallContext& context_;
  CapturedCluster* out_;
};

}  // namespace

void AddMissing(const char* name, const Status& status, format::ClusterMetadata* out) {
  format::MissingPart* missing = out->add_missing();
  missing->set_part(name);
  missing->set_reason(status.ToString() + (status.hint().empty() ? "" : "; " + status.hint()));
  missing->set_kafka_error(status.kafka_error());
}

// Brokers write it with a capital letter or without, by version.
bool IsShareGroup(const std::string& type) {
  static constexpr std::string_view kShare = "share";
  return std::equal(type.begin(), type.end(), kShare.begin(), kShare.end(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == b;
  });
}

Status CaptureShareGroups(kafka::Cluster& cluster, const CallContext& context,
                          CapturedCluster* out) {
  return MetadataCapture(cluster, context, out).ShareGroups();
}

Status CaptureMetadata(kafka::Cluster& cluster, const CallContext& context, CapturedCluster* out) {
  return MetadataCapture(cluster, context, out).All();
}

}  // namespace maxbrod::engine
