#include "engine/plan_limits.h"

namespace maxbrod::engine {
namespace {

void WarnOfPartitions(const aws::MskLimits& limits, const char* of, size_t count, size_t max,
                      RestorePlan* plan) {
  if (max == 0 || count <= max) return;
  plan->warnings.push_back("with this restore the cluster has " + std::to_string(count) +
                           " partitions of " + of + ", MSK " + aws::MskKindName(limits.kind) +
                           " takes " + std::to_string(max) +
                           " unless AWS has raised the quota; topics beyond it are not created");
}

}  // namespace

void CheckMskLimits(const aws::MskLimits& limits, const kafka::ClusterMetadata& metadata,
                    const TopicDefaults& defaults, RestorePlan* plan) {
  // What is there already counts as not compacted: its policy is not known here.
  size_t plain = 0, compacted = 0;
  for (const auto& [name, topic] : metadata.topics) {
    if (!topic.internal) plain += topic.partitions.size();
  }
  for (const PlannedTopic& topic : plan->topics) {
    int64_t largest = topic.largest_batch, taken = limits.BatchBytesMax();
    if (taken > 0 && largest > taken) {
      plan->Refuse(Code::kUnsupported,
                   "topic '" + topic.source + "' has a batch of " + std::to_string(largest) +
                       " bytes, MSK " + aws::MskKindName(limits.kind) + " takes none above " +
                       std::to_string(taken),
                   "leave the topic out with --exclude");
    }
    if (topic.exists) continue;
    auto policy = EffectiveConfig(topic, defaults, "cleanup.policy");
    bool is_compacted = policy && policy->find("compact") != std::string::npos;
    (is_compacted ? compacted : plain) += topic.partitions.size();
  }
  WarnOfPartitions(limits, "topics that are not compacted", plain, limits.partitions_max, plan);
  WarnOfPartitions(limits, "compacted topics", compacted, limits.compacted_partitions_max, plan);
}

}  // namespace maxbrod::engine
