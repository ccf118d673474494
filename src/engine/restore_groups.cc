#include "engine/restore_groups.h"

#include <map>
#include <string>

#include "os/crash_point.h"

namespace maxbrod::engine {

Result<bool> CommitGroups(kafka::Cluster& target, const std::vector<PlannedGroup>& groups,
                          Millis retention, const CallContext& context) {
  std::vector<std::string> names;
  bool retained = true;
  for (const PlannedGroup& group : groups) {
    auto committed = target.CommitGroupOffsets(group.group, group.offsets, retention, context);
    MB_RETURN_IF_ERROR(committed.status().WithContext("offsets of group '" + group.group + "'"));
    retained = retained && *committed;
    names.push_back(group.group);
  }
  CrashPoint("restore.after_groups");
  if (names.empty()) return retained;
  MB_ASSIGN_OR_RETURN(auto stored, target.FetchGroupOffsets(names, context));
  for (const PlannedGroup& group : groups) {
    MB_ASSIGN_OR_RETURN(auto offsets, stored.at(group.group));
    std::map<TopicPartition, int64_t> found;
    for (const auto& o : offsets) found[{o.topic, o.partition}] = o.offset;
    for (const auto& o : group.offsets) {
      TopicPartition tp{o.topic, o.partition};
      if (found.count(tp) > 0 && found[tp] == o.offset) continue;
      return Status(Code::kOffsetMismatch, "group '" + group.group + "' does not stand at offset " +
                                               std::to_string(o.offset) + " of " + tp.ToString() +
                                               " after its offsets were committed");
    }
  }
  return retained;
}

}  // namespace maxbrod::engine
