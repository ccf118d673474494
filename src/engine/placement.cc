#include "engine/placement.h"

#include <algorithm>

namespace maxbrod::engine {
namespace {

std::string BrokersText(int count) {
  return std::to_string(count) + (count == 1 ? " broker" : " brokers");
}

void PlanFactor(const format::TopicSnapshot& source, const PlacementRule& rule,
                const aws::MskLimits* limits, int brokers, PlannedTopic* topic, RestorePlan* plan) {
  int wanted = rule.replication_factor > 0 ? rule.replication_factor : source.replication_factor();
  if (rule.fit && wanted > brokers) {
    plan->warnings.push_back("topic '" + topic->target + "': replication factor " +
                             std::to_string(brokers) + " instead of " + std::to_string(wanted) +
                             ", the target has " + BrokersText(brokers));
    wanted = brokers;
  }
  const int only = limits == nullptr ? 0 : limits->replication_factor;
  if (only > 0 && only != wanted) {
    bool asked = rule.replication_factor > 0;
    plan->warnings.push_back("topic '" + topic->target + "': MSK " + MskKindName(limits->kind) +
                             " has replication factor " + std::to_string(only) + " only (" +
                             (asked ? "asked for: " : "source's: ") + std::to_string(wanted) + ")");
    if (!asked) wanted = only;
  }
  topic->replication_factor = static_cast<int16_t>(wanted);
  // Where there is one factor only, the service finds the places.
  if (wanted > brokers && wanted != only) {
    plan->Refuse(
        Code::kInvalidArgument,
        "topic '" + topic->source + "' has replication factor " + std::to_string(wanted) +
            ", the target has " + BrokersText(brokers),
        "give --replication-factor fit (as many as there are), or " + std::to_string(brokers));
  }
}

bool CheckBroker(int32_t id, const std::string& of, const std::string& hint,
                 const kafka::ClusterMetadata& target, RestorePlan* plan) {
  if (target.brokers.contains(BrokerId(id))) return true;
  plan->Refuse(
      Code::kInvalidArgument,
      of + " would lie on broker " + std::to_string(id) + ", which the target does not have", hint);
  return false;
}

// As on the source: the first replicas, the preferred leader among them, where there are fewer.
void PlaceAsSource(const format::TopicSnapshot& source, const PlacementRule& rule,
                   const kafka::ClusterMetadata& target, PlannedTopic* topic, RestorePlan* plan) {
  std::map<int32_t, const format::PartitionSnapshot*> by_number;
  for (const auto& p : source.partitions()) by_number[p.partition()] = &p;
  for (PlannedPartition& p : topic->partitions) {
    const auto found = by_number.find(p.partition);
    if (found == by_number.end()) continue;
    for (int32_t id : found->second->replicas()) {
      if (p.replicas.size() == static_cast<size_t>(topic->replication_factor)) break;
      auto mapped = rule.broker_map.find(id);
      int32_t to = mapped == rule.broker_map.end() ? id : mapped->second;
      if (!CheckBroker(to, topic->target + "-" + std::to_string(p.partition),
                       "map it with --broker-map " + std::to_string(id) + "=TARGET", target, plan))
        return;
      if (std::find(p.replicas.begin(), p.replicas.end(), to) == p.replicas.end())
        p.replicas.push_back(to);
    }
    if (p.replicas.size() != static_cast<size_t>(topic->replication_factor)) {
      plan->Refuse(Code::kInvalidArgument,
                   topic->target + "-" + std::to_string(p.partition) + " has " +
                       std::to_string(p.replicas.size()) + " places on the source, " +
                       std::to_string(topic->replication_factor) + " replicas are wanted",
                   "--placement auto, or a file that lists them");
      return;
    }
  }
}

void PlaceAsListed(const PlacementRule& rule, const kafka::ClusterMetadata& target,
                   PlannedTopic* topic, RestorePlan* plan) {
  size_t listed = 0;
  for (PlannedPartition& p : topic->partitions) {
    auto found = rule.listed.find({topic->target, p.partition});
    if (found == rule.listed.end()) continue;
    ++listed;
    p.replicas = found->second;
    for (int32_t id : p.replicas) {
      if (!CheckBroker(id, topic->target + "-" + std::to_string(p.partition),
                       "correct the file of --placement", target, plan))
        return;
    }
  }
  if (listed == 0) return;  // the brokers choose
  if (listed != topic->partitions.size()) {
    plan->Refuse(Code::kInvalidArgument,
                 "the file of --placement lists " + std::to_string(listed) + " of the " +
                     std::to_string(topic->partitions.size()) + " partitions of topic '" +
                     topic->target + "'",
                 "list all of a topic's partitions, or none");
    return;
  }
  topic->replication_factor = static_cast<int16_t>(topic->partitions.front().replicas.size());
  for (const PlannedPartition& p : topic->partitions) {
    if (p.replicas.size() == static_cast<size_t>(topic->replication_factor)) continue;
    plan->Refuse(Code::kInvalidArgument,
                 "the file of --placement gives the partitions of topic '" + topic->target +
                     "' different numbers of replicas",
                 "brokers create topics with one replication factor");
    return;
  }
}

}  // namespace

void PlanPlacement(const format::TopicSnapshot& source, const PlacementRule& rule,
                   const aws::MskLimits* limits, const kafka::ClusterMetadata& target,
                   PlannedTopic* topic, RestorePlan* plan) {
  const bool listed = rule.where == PlacementRule::Where::kListed && !topic->partitions.empty() &&
                      rule.listed.contains({topic->target, topic->partitions.front().partition});
  if (!listed) {
    PlanFactor(source, rule, limits, static_cast<int>(target.brokers.size()), topic, plan);
  }
  if (rule.where == PlacementRule::Where::kSource) PlaceAsSource(source, rule, target, topic, plan);
  if (rule.where == PlacementRule::Where::kListed) PlaceAsListed(rule, target, topic, plan);
}

}  // namespace maxbrod::engine
