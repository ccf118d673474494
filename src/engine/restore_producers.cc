#include "engine/restore_producers.h"

namespace maxbrod::engine {

std::string RestoreProducers::SlotId(const PlannedTopic& topic, int32_t partition,
                                     uint32_t slot) const {
  return Prefix() + topic.target + "-" + std::to_string(partition) + "-" + std::to_string(slot);
}

Status RestoreProducers::SettleMarkers(size_t marker_producers) {
  markers_.clear();
  std::set<std::string> ids;
  for (const auto& known : journal_.producers()) {
    if (known.markers()) ids.insert(known.transactional_id());
  }
  for (size_t i = 0; i < marker_producers; ++i) ids.insert(Prefix() + "m" + std::to_string(i));
  if (ids.empty()) return Status::Ok();
  // In the record before the first of them opens anything.
  for (const std::string& id : ids) journal_.SetProducer({id, -1, -1}, true);
  MB_RETURN_IF_ERROR(journal_.Save(context_));
  for (const std::string& id : ids) {
    MB_ASSIGN_OR_RETURN(auto producer, transactions_.Init(id, timeout_, context_));
    markers_.push_back(std::move(producer));
  }
  return Status::Ok();
}

Status RestoreProducers::Make(const RestorePlan& plan, const std::set<std::string>& topics,
                              bool renew) {
  for (const PlannedTopic& topic : plan.topics) {
    if (topics.count(topic.target) == 0 || topic.mode == OffsetsMode::kDense) continue;
    for (const PlannedPartition& p : topic.partitions) {
      for (uint32_t slot = 0; slot < p.aborted.slots(); ++slot) {
        std::string id = SlotId(topic, p.partition, slot);
        if (!renew && journal_.FindProducer(id) != nullptr) continue;
        MB_RETURN_IF_ERROR(context_.Check());
        MB_ASSIGN_OR_RETURN(auto producer, transactions_.Init(id, timeout_, context_));
        journal_.SetProducer(producer, false);
      }
    }
  }
  return journal_.Save(context_);
}

Status RestoreProducers::Ensure(const RestorePlan& plan, const std::set<std::string>& topics) {
  return Make(plan, topics, false);
}

Status RestoreProducers::Renew(const RestorePlan& plan, const std::set<std::string>& topics) {
  return Make(plan, topics, true);
}

std::vector<kafka::TransactionalProducer> RestoreProducers::SlotsOf(
    const PlannedTopic& topic, const PlannedPartition& partition) const {
  std::vector<kafka::TransactionalProducer> slots;
  if (partition.map) return slots;  // dense: aborted records are left out
  for (uint32_t slot = 0; slot < partition.aborted.slots(); ++slot) {
    const auto* known = journal_.FindProducer(SlotId(topic, partition.partition, slot));
    MB_CHECK(known != nullptr);
    slots.push_back({known->transactional_id(), known->producer_id(),
                     static_cast<int16_t>(known->producer_epoch())});
  }
  return slots;
}

}  // namespace maxbrod::engine
