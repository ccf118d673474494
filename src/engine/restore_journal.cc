#include "engine/restore_journal.h"

#include <algorithm>

#include "codec/hash.h"
#include "os/crash_point.h"
#include "repo/offset_maps.h"

namespace maxbrod::engine {

Status RestoreJournal::Find(const format::SnapshotRef& snapshot,
                            const std::string& target_cluster_id, const std::string& options_text,
                            const CallContext& context) {
  MB_ASSIGN_OR_RETURN(auto state, repository_.Refresh(context));
  std::string options_hash = ToString(ByteView(Sha256(AsBytes(options_text))));
  for (const auto& [id, record] : state->restores) {
    if (record.target_cluster_id() != target_cluster_id || record.snapshot_id() != snapshot.id())
      continue;
    if (record.options_sha256() != options_hash ||
        record.state() == format::RestoreRecord::ABANDONED)
      continue;
    if (found_ && record.started_ms() < record_.started_ms()) continue;
    found_ = true;
    record_ = record;
  }
  producer_index_.clear();
  for (int i = 0; i < record_.producers_size(); ++i)
    producer_index_[record_.producers(i).transactional_id()] = i;
  if (found_) return Status::Ok();
  record_.set_snapshot_id(snapshot.id());
  record_.set_target_cluster_id(target_cluster_id);
  record_.set_options_sha256(options_hash);
  StartAnew();
  return Status::Ok();
}

void RestoreJournal::StartAnew() {
  found_ = false;
  uint8_t fresh[16];
  MB_CHECK(RandomBytes(fresh).ok());
  record_.set_restore_id(ToString(ByteView(fresh)));
  record_.set_started_ms(clock_.WallMillis());
  record_.clear_topics();
  record_.clear_producers();
  record_.clear_offset_maps();
  producer_index_.clear();
  record_.clear_state();
}

Result<EarlierRestore> RestoreJournal::Earlier(const CallContext& context) const {
  EarlierRestore earlier;
  if (!found_) return earlier;
  for (const auto& topic : record_.topics()) {
    if (topic.target_topic_id().size() != 16) continue;
    earlier.topics[topic.target()] =
        TopicId{Uuid::FromBytes(AsBytes(topic.target_topic_id()).data())};
    if (topic.dense()) earlier.dense.insert(topic.target());
    if (topic.filled()) earlier.filled.insert(topic.target());
    for (const format::ConfigEntry& config : topic.configs_before())
      earlier.configs[topic.target()].push_back(
          {config.name(), config.value(), "the target's own"});
  }
  auto note = [&](repo::PartitionOffsetMap map) {
    earlier.starts[{map.target_topic, map.partition}] = map.map.target_start();
    return Status::Ok();
  };
  MB_RETURN_IF_ERROR(repo::ForEachOffsetMap(repository_.store(), record_, note, context));
  return earlier;
}

std::string RestoreJournal::id_hex() const {
  return ToHex(AsBytes(record_.restore_id()));
}

Status RestoreJournal::Begin(const RestorePlan& plan, const CallContext& context) {
  if (found_) return Status::Ok();
  record_.set_state(format::RestoreRecord::BEGUN);
  for (const PlannedTopic& topic : plan.topics) {
    auto* t = record_.add_topics();
    t->set_source(topic.source);
    t->set_target(topic.target);
    t->set_partitions(static_cast<int32_t>(topic.partitions.size()));
    t->set_adopted(topic.exists);
    t->set_dense(topic.mode == OffsetsMode::kDense);
    t->set_filled(topic.filled > 0);
    // Adding to a topic that is not empty goes on only where this run began.
    if (!plan.parts.topics) {
      for (const PlannedConfig& config : topic.configs) {
        format::ConfigEntry* before = t->add_configs_before();
        before->set_name(config.name);
        before->set_value(config.value);
        before->set_has_value(true);
      }
    }
    if (topic.append) t->set_target_topic_id(AsText(topic.existing_id.id.view()).data(), 16);
  }
  for (const PlannedTopic& topic : plan.repartitioned) {
    auto* t = record_.add_topics();
    t->set_source(topic.source);
    t->set_target(topic.target);
    t->set_partitions(topic.repartition);
    t->set_dense(true);
  }
  return Commit(context);
}

Status RestoreJournal::Created(const std::map<std::string, TopicId>& ids,
                               const CallContext& context) {
  bool changed = record_.state() != format::RestoreRecord::CREATED;
  for (auto& topic : *record_.mutable_topics()) {
    auto id = ids.find(topic.target());
    if (id == ids.end()) continue;
    std::string bytes(AsText(id->second.id.view()));
    changed = changed || topic.target_topic_id() != bytes;
    topic.set_target_topic_id(bytes);
  }
  if (!changed) return Status::Ok();
  record_.set_state(format::RestoreRecord::CREATED);
  return Commit(context);
}

Status RestoreJournal::Done(const CallContext& context) {
  record_.set_state(format::RestoreRecord::DONE);
  return Commit(context);
}

bool RestoreJournal::Adopted(const std::string& target) const {
  return std::any_of(record_.topics().begin(), record_.topics().end(), [&](const auto& topic) {
    return topic.target() == target && topic.adopted();
  });
}

const format::RestoreRecord::TransactionalProducer* RestoreJournal::FindProducer(
    const std::string& id) const {
  auto found = producer_index_.find(id);
  return found == producer_index_.end() ? nullptr : &record_.producers(found->second);
}

void RestoreJournal::SetProducer(const kafka::TransactionalProducer& producer, bool markers) {
  auto [at, fresh] = producer_index_.try_emplace(producer.id, record_.producers_size());
  auto* entry = fresh ? record_.add_producers() : record_.mutable_producers(at->second);
  changed_ = changed_ || fresh || entry->producer_id() != producer.producer_id ||
             entry->producer_epoch() != producer.epoch;
  entry->set_transactional_id(producer.id);
  entry->set_producer_id(producer.producer_id);
  entry->set_producer_epoch(producer.epoch);
  entry->set_markers(markers);
}

void RestoreJournal::SetOffsetMaps(const std::vector<format::ObjectRef>& maps) {
  record_.clear_offset_maps();
  for (const auto& map : maps) *record_.add_offset_maps() = map;
  changed_ = true;
}

void RestoreJournal::SetUnfilled(const std::string& target) {
  for (auto& topic : *record_.mutable_topics()) {
    if (topic.target() != target || !topic.filled()) continue;
    topic.set_filled(false);
    unfilled_.insert(target);
    changed_ = true;
  }
}

Status RestoreJournal::Save(const CallContext& context) {
  return changed_ ? Commit(context) : Status::Ok();
}

Status RestoreJournal::Commit(const CallContext& context) {
  CrashPoint("restore.before_record");
  MB_RETURN_IF_ERROR(repository_.CommitRestore(record_, context).status());
  CrashPoint("restore.after_record");
  found_ = true;
  changed_ = false;
  return Status::Ok();
}

}  // namespace maxbrod::engine
