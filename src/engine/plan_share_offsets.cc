// Share groups: where their share-partitions begin.
#include "engine/capture_metadata.h"
#include "engine/metadata_planning.h"
#include "kafka/errors.h"

namespace maxbrod::engine {
namespace {

using Offsets = kafka::PerPartition<int64_t>;

std::string Text(const Offsets& offsets) {
  std::string text;
  for (const auto& [tp, offset] : offsets) {
    text += (text.empty() ? "" : ", ") + tp.ToString() + "=" + std::to_string(offset);
  }
  return text;
}

// With the target's names and offsets; what has none there is counted.
Offsets MapOffsets(const MetadataSelection& selection, const format::GroupSnapshot& group,
                   size_t* without) {
  Offsets out;
  for (const format::GroupOffset& offset : group.offsets()) {
    std::string topic = Mapped(selection.topic_name, offset.topic());
    std::optional<int64_t> there = offset.offset();
    if (!topic.empty() && selection.share_offset)
      there = selection.share_offset(offset.topic(), offset.partition(), offset.offset());
    if (topic.empty() || !there) {
      ++*without;
    } else {
      out[{topic, offset.partition()}] = *there;
    }
  }
  return out;
}

// Of those wanted, what the target has.
Offsets Existing(const std::vector<kafka::CommittedOffset>& committed, const Offsets& wanted) {
  Offsets out;
  for (const kafka::CommittedOffset& offset : committed) {
    TopicPartition tp{offset.topic, offset.partition};
    if (offset.error == 0 && wanted.contains(tp)) out[tp] = offset.offset;
  }
  return out;
}

}  // namespace

Status PlanShareOffsets(MetadataPlanning& planning) {
  std::map<std::string, Offsets> wanted;
  for (const format::GroupSnapshot& group : planning.snapshot.groups) {
    if (!IsShareGroup(group.type()) || group.offsets().empty()) continue;
    std::string name = Mapped(planning.selection.group_name, group.group());
    size_t without = 0;
    Offsets offsets = MapOffsets(planning.selection, group, &without);
    if (name.empty()) continue;
    if (without > 0) {
      planning.Warn("share group '" + group.group() + "': " + std::to_string(without) +
                    " start offsets are not set, since their topics are not restored at the same "
                    "offsets");
    }
    if (!offsets.empty()) wanted[name] = std::move(offsets);
  }
  if (wanted.empty()) return Status::Ok();
  std::vector<std::string> names;
  for (const auto& [name, offsets] : wanted) names.push_back(name);
  auto there = planning.admin.DescribeShareGroupOffsets(names, planning.context);
  if (!there.ok() && !TargetLacks(there.status())) return there.status();
  for (const auto& [name, offsets] : wanted) {
    Status status = there.ok() ? there->at(name).status() : there.status();
    bool fresh = status.kafka_error() == kafka::error::kGroupIdNotFound;
    Offsets has = status.ok() ? Existing(*there->at(name), offsets) : Offsets();
    PlannedMetadata& item =
        planning.Add(MetadataKind::kShareOffsets, name, Text(offsets), Text(has));
    if (!status.ok() && !fresh) {
      if (!TargetLacks(status)) return status;
      LeaveOut(WithHintText(status), &item);
      planning.Warn("start offsets of share group '" + name +
                    "' are not set: " + WithHintText(status));
      continue;
    }
    Decide(!has.empty(), has == offsets, planning.selection.policies.groups,
           ShareOffsetsChange{name, offsets}, &item);
  }
  return Status::Ok();
}

}  // namespace maxbrod::engine
