// Dynamic configs of groups and client metrics subscriptions, by resource; of brokers, by config.
#include <algorithm>
#include <set>

#include "engine/metadata_planning.h"

namespace maxbrod::engine {
namespace {

using Values = std::map<std::string, std::string>;
using Type = kafka::ConfigResourceType;

std::string Text(const Values& values) {
  std::string text;
  for (const auto& [name, value] : values) {
    text += (text.empty() ? "" : ", ") + name + "=" + value;
  }
  return text;
}

Values OwnValues(const std::vector<kafka::ConfigValue>& configs, kafka::ConfigSource source) {
  Values values;
  for (const kafka::ConfigValue& config : configs) {
    if (config.source == source && config.value) values[config.name] = *config.value;
  }
  return values;
}

// Asks the target, without changing anything, whether it takes all changes of resources of one
// type. A config that its answer names (an unknown one, a value out of bounds) is taken out with a
// warning; a resource that is refused otherwise is left out.
class Validation {
 public:
  Validation(MetadataPlanning& planning, Type type) : planning_(planning), type_(type) {
    for (PlannedMetadata& item : planning_.plan->items) {
      auto* change = std::get_if<ConfigsChange>(&item.change);
      if (change != nullptr && change->type == type_) items_[change->name].push_back(&item);
    }
  }

  Status Run() {
    std::set<std::string> pending;
    for (const auto& [name, items] : items_) pending.insert(name);
    while (!pending.empty()) {
      std::set<std::string> again;
      MB_ASSIGN_OR_RETURN(auto statuses, Ask(pending));
      for (const auto& [name, status] : statuses) {
        if (status.ok()) continue;
        if (!TargetLacks(status)) return status;
        if (TakeOut(name, status)) again.insert(name);
      }
      pending = std::move(again);
    }
    if (refused_.empty()) return Status::Ok();
    size_t more = refused_.size() - 1;
    planning_.Warn("configs of " + Shown(refused_.front()) +
                   (more > 0 ? " and " + std::to_string(more) + " more" : "") +
                   " are not restored: " + why_);
    return Status::Ok();
  }

 private:
  using Changes = std::vector<kafka::ConfigChange>;

  Changes ChangesOf(const std::string& name) {
    Changes changes;
    for (PlannedMetadata* item : items_[name]) {
      const auto* change = std::get_if<ConfigsChange>(&item->change);
      if (change != nullptr)
        changes.insert(changes.end(), change->changes.begin(), change->changes.end());
    }
    return changes;
  }

  // One request for all, but for brokers' own configs: these answer for themselves only.
  Result<std::map<std::string, Status>> Ask(const std::set<std::string>& names) {
    constexpr bool kValidateOnly = true;
    std::map<std::string, Status> statuses;
    std::map<std::string, Changes> together;
    for (const std::string& name : names) {
      Changes changes = ChangesOf(name);
      if (changes.empty()) continue;
      if (type_ == Type::kBroker && !name.empty()) {
        statuses[name] = planning_.admin.AlterBrokerConfigs(BrokerId(std::stoi(name)), changes,
                                                            kValidateOnly, planning_.context);
      } else {
        together[name] = std::move(changes);
      }
    }
    if (together.empty()) return statuses;
    auto answers = planning_.admin.AlterConfigs(type_, together, kValidateOnly, planning_.context);
    for (const auto& [name, changes] : together) {
      statuses[name] = answers.ok() ? (*answers)[name] : answers.status();
    }
    return statuses;
  }

  // True when one config was taken out, and the rest is to be asked about again.
  bool TakeOut(const std::string& name, const Status& status) {
    PlannedMetadata* named_by = nullptr;
    std::string named;
    for (PlannedMetadata* item : items_[name]) {
      const auto* change = std::get_if<ConfigsChange>(&item->change);
      if (change == nullptr) continue;
      for (const kafka::ConfigChange& one : change->changes) {
        bool longer = one.name.size() > named.size();
        if (!longer || status.message().find(one.name) == std::string::npos) continue;
        named_by = item;
        named = one.name;
      }
    }
    if (named_by == nullptr) {
      if (refused_.empty()) why_ = WithHintText(status);
      refused_.push_back(name);
      for (PlannedMetadata* item : items_[name]) LeaveOut(WithHintText(status), item);
      return false;
    }
    auto& changes = std::get<ConfigsChange>(named_by->change).changes;
    std::erase_if(changes, [&](const kafka::ConfigChange& one) { return one.name == named; });
    planning_.Warn("config " + named + " of " + Shown(name) +
                   " is not restored: " + status.ToString());
    if (changes.empty()) LeaveOut(status.ToString(), named_by);
    return true;
  }

  std::string Shown(const std::string& name) const {
    if (type_ == Type::kGroup) return "group " + name;
    if (type_ == Type::kClientMetrics) return "client metrics " + name;
    return name.empty() ? "all brokers" : "broker " + name;
  }

  MetadataPlanning& planning_;
  Type type_;
  std::map<std::string, std::vector<PlannedMetadata*>> items_;  // by resource
  std::vector<std::string> refused_;                            // resources
  std::string why_;                                             // of the first
};

struct WantedConfigs {
  Values values;
  std::vector<std::string> sensitive;

  void Add(const google::protobuf::RepeatedPtrField<format::ConfigEntry>& configs) {
    for (const format::ConfigEntry& config : configs) {
      if (config.has_value()) {
        values[config.name()] = config.value();
      } else {
        sensitive.push_back(config.name());
      }
    }
  }
};

void AddSensitive(MetadataPlanning& planning, MetadataKind kind, const std::string& resource,
                  const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    PlannedMetadata& item = planning.Add(kind, resource + ": " + name, "(sensitive)", "");
    item.action = MetadataAction::kSetAgain;
    item.reason = "the value of " + name + " is not told by the source: set it again";
  }
}

Status PlanType(MetadataPlanning& planning, Type type, MetadataKind kind,
                kafka::ConfigSource source, const std::map<std::string, WantedConfigs>& wanted) {
  if (wanted.empty()) return Status::Ok();
  std::vector<std::string> names;
  for (const auto& [name, configs] : wanted) names.push_back(name);
  auto there = planning.admin.DescribeConfigs(type, names, planning.context);
  if (!there.ok() && !TargetLacks(there.status())) return there.status();
  size_t left_out = 0;
  std::string why;
  for (const auto& [name, configs] : wanted) {
    Status status = there.ok() ? there->at(name).status() : there.status();
    Values has = status.ok() ? OwnValues(*there->at(name), source) : Values();
    PlannedMetadata& item = planning.Add(kind, name, Text(configs.values), Text(has));
    if (!status.ok()) {
      if (!TargetLacks(status)) return status;
      if (left_out++ == 0) why = WithHintText(status);
      LeaveOut(WithHintText(status), &item);
      continue;
    }
    ConfigsChange change{type, name, {}};
    for (const auto& [config, value] : configs.values) {
      auto found = has.find(config);
      if (found == has.end() || found->second != value) change.changes.push_back({config, value});
    }
    for (const auto& [config, value] : has) {
      if (!configs.values.contains(config)) change.changes.push_back({config, std::nullopt});
    }
    Decide(!has.empty(), has == configs.values, planning.selection.policies.configs,
           std::move(change), &item);
    AddSensitive(planning, kind, name, configs.sensitive);
  }
  if (left_out > 0) {
    planning.Warn(std::string(MetadataKindName(kind)) + " of " + std::to_string(left_out) +
                  " are not restored: " + why);
  }
  return Validation(planning, type).Run();
}

// What the target's brokers say of a config: unknown, read-only. Empty when it may be set.
std::string WhyNotOnTarget(const std::vector<kafka::ConfigValue>& known, const std::string& name) {
  auto found = std::find_if(known.begin(), known.end(),
                            [&](const kafka::ConfigValue& c) { return c.name == name; });
  if (found == known.end()) return "the target's version does not know it";
  return found->read_only ? "it is read-only on the target" : "";
}

// Each config is an item: brokers have some of their own that nobody wants to lose.
void PlanBroker(MetadataPlanning& planning, const std::string& id, const std::string& shown,
                const WantedConfigs& wanted, const Values& has,
                const std::vector<kafka::ConfigValue>& known) {
  for (const auto& [name, value] : wanted.values) {
    auto found = has.find(name);
    bool there = found != has.end();
    PlannedMetadata& item = planning.Add(MetadataKind::kBrokerConfigs, shown + ": " + name, value,
                                         there ? found->second : "");
    std::string why_not = WhyNotBrokerConfig(name);
    if (why_not.empty() && !there) {
      why_not = WhyNotOnTarget(known, name);
      if (!why_not.empty())
        planning.Warn("config " + name + " of " + shown + " is not restored: " + why_not);
    }
    if (!why_not.empty()) {
      LeaveOut(why_not, &item);
      continue;
    }
    Decide(there, there && found->second == value, planning.selection.policies.configs,
           ConfigsChange{Type::kBroker, id, {{name, value}}}, &item);
  }
  AddSensitive(planning, MetadataKind::kBrokerConfigs, shown, wanted.sensitive);
}

Status PlanClusterWide(MetadataPlanning& planning, const std::vector<kafka::ConfigValue>& known) {
  WantedConfigs wanted;
  for (const format::ConfigResource& resource : planning.snapshot.metadata.configs()) {
    if (resource.type() == static_cast<int32_t>(Type::kBroker) && resource.name().empty())
      wanted.Add(resource.configs());
  }
  if (wanted.values.empty() && wanted.sensitive.empty()) return Status::Ok();
  MB_ASSIGN_OR_RETURN(auto there,
                      planning.admin.DescribeConfigs(Type::kBroker, {""}, planning.context));
  MB_ASSIGN_OR_RETURN(auto configs, there.at(""));
  PlanBroker(planning, "", "all brokers", wanted,
             OwnValues(configs, kafka::ConfigSource::kDynamicDefaultBroker), known);
  return Status::Ok();
}

Status PlanEachBroker(MetadataPlanning& planning) {
  auto metadata = planning.cluster.metadata();
  for (const format::BrokerInfo& broker : planning.snapshot.header.cluster().brokers()) {
    WantedConfigs wanted;
    for (const format::ConfigEntry& config : broker.configs()) {
      google::protobuf::RepeatedPtrField<format::ConfigEntry> one;
      if (config.source() != static_cast<int32_t>(kafka::ConfigSource::kDynamicBroker)) continue;
      *one.Add() = config;
      wanted.Add(one);
    }
    if (wanted.values.empty() && wanted.sensitive.empty()) continue;
    std::string shown = "broker " + std::to_string(broker.id());
    if (!metadata->brokers.contains(BrokerId(broker.id()))) {
      planning.Warn("dynamic configs of " + shown +
                    " are not restored: the target has no broker of this id");
      continue;
    }
    MB_ASSIGN_OR_RETURN(auto configs, planning.cluster.DescribeBrokerConfigs(BrokerId(broker.id()),
                                                                             planning.context));
    PlanBroker(planning, std::to_string(broker.id()), shown, wanted,
               OwnValues(configs, kafka::ConfigSource::kDynamicBroker), configs);
  }
  return Status::Ok();
}

}  // namespace

std::string WhyNotBrokerConfig(const std::string& name) {
  static constexpr const char* kOfTheMachine[] = {"listener",
                                                  "advertised.listener",
                                                  "control.plane.listener",
                                                  "controller.listener",
                                                  "node.id",
                                                  "broker.id",
                                                  "broker.rack",
                                                  "log.dir",
                                                  "ssl.",
                                                  "sasl.",
                                                  "metadata.log.dir"};
  for (const char* prefix : kOfTheMachine) {
    if (name.starts_with(prefix)) return "it belongs to the source's machines";
  }
  if (name.find("throttled") != std::string::npos || name.starts_with("replica.alter.log.dirs"))
    return "a throttle of a reassignment, not a setting";
  return "";
}

Status PlanResourceConfigs(MetadataPlanning& planning) {
  std::map<std::string, WantedConfigs> groups;
  std::map<std::string, WantedConfigs> metrics;
  auto add_group = [&](const std::string& source, const auto& configs) {
    if (configs.empty()) return;
    std::string name = Mapped(planning.selection.group_name, source);
    if (!name.empty()) {
      groups[name].Add(configs);
    } else {
      LeaveOut("not selected", &planning.Add(MetadataKind::kGroupConfigs, source,
                                             std::to_string(configs.size()) + " configs", ""));
    }
  };
  for (const format::GroupSnapshot& group : planning.snapshot.groups) {
    add_group(group.group(), group.configs());
  }
  for (const format::ConfigResource& resource : planning.snapshot.metadata.configs()) {
    if (resource.type() == static_cast<int32_t>(Type::kGroup))
      add_group(resource.name(), resource.configs());
    if (resource.type() == static_cast<int32_t>(Type::kClientMetrics))
      metrics[resource.name()].Add(resource.configs());
  }
  MB_RETURN_IF_ERROR(PlanType(planning, Type::kGroup, MetadataKind::kGroupConfigs,
                              kafka::ConfigSource::kGroup, groups));
  return PlanType(planning, Type::kClientMetrics, MetadataKind::kClientMetrics,
                  kafka::ConfigSource::kClientMetrics, metrics);
}

Status PlanBrokerConfigs(MetadataPlanning& planning) {
  auto metadata = planning.cluster.metadata();
  if (metadata->brokers.empty())
    return Status(Code::kUnavailable, "the target cluster shows no broker");
  auto known =
      planning.cluster.DescribeBrokerConfigs(metadata->brokers.begin()->first, planning.context);
  Status status = known.status();
  if (status.ok()) status = PlanClusterWide(planning, *known);
  if (status.ok() && planning.selection.broker_configs == BrokerConfigs::kEach)
    status = PlanEachBroker(planning);
  if (status.ok()) return Validation(planning, Type::kBroker).Run();
  if (!TargetLacks(status)) return status;
  planning.Warn("configs of brokers are not restored: " + WithHintText(status));
  return Status::Ok();
}

}  // namespace maxbrod::engine
