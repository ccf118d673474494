#include "engine/branch_plan.h"

#include <algorithm>

#include "codec/hash.h"

namespace maxbrod::engine {
namespace {

// Clocks of the hosts that ran two backups may differ by this much.
constexpr int64_t kClockSkewMs = 60'000;

uint64_t RandomBranchId() {
  uint8_t bytes[8];
  MB_CHECK(RandomBytes(bytes).ok());
  return LoadBig<uint64_t>(bytes) | 1;
}

// The same fork seen by two writers gets the same id, so that their claims meet in one branch.
uint64_t ForkId(uint64_t parent, int64_t fork_offset, int32_t epoch) {
  Bytes text = {'f', 'o', 'r', 'k'};
  AppendBig<uint64_t>(text, parent);
  AppendBig<int64_t>(text, fork_offset);
  AppendBig<int32_t>(text, epoch);
  auto digest = Sha256(text);
  return LoadBig<uint64_t>(digest.data()) | 1;
}

void ForkBranch(const repo::BranchInfo& parent, int64_t fork_offset, int32_t epoch, int64_t now_ms,
                PartitionPlan* plan) {
  plan->branch = format::Branch();
  plan->branch.set_id(ForkId(parent.branch.id(), fork_offset, epoch));
  plan->branch.set_generation(parent.branch.generation());
  plan->branch.set_parent(parent.branch.id());
  plan->branch.set_has_parent(true);
  plan->branch.set_fork_offset(fork_offset);
  plan->branch.set_compacted(plan->compacted);
  plan->branch.set_created_ms(now_ms);
  plan->branch.set_reason("log truncated at offset " + std::to_string(fork_offset) +
                          " (leader epoch " + std::to_string(epoch) + ")");
  plan->new_branch = true;
  plan->start_offset = std::max(fork_offset, plan->log_start_offset);
}

void FirstBranch(int64_t now_ms, PartitionPlan* plan) {
  if (plan->compacted) {
    BeginNewBase("first read", now_ms, plan);
    return;
  }
  plan->branch.set_id(0);
  plan->branch.set_compacted(false);
  plan->branch.set_created_ms(now_ms);
  plan->branch.set_reason("first read");
  plan->new_branch = true;
  plan->start_offset = plan->log_start_offset;
}

// The first offset from the source's log start on, inside of what the branch holds, that it lacks.
int64_t FirstHole(const repo::BranchInfo& branch, int64_t log_start) {
  if (branch.covered.empty()) return INT64_MAX;
  const int64_t own = branch.branch.has_parent() ? branch.branch.fork_offset() : 0;
  return branch.covered.NextMissing(std::max(log_start, own));
}

}  // namespace

void BeginNewBase(const std::string& reason, int64_t now_ms, PartitionPlan* plan) {
  uint32_t generation = plan->branch.reason().empty() ? 0 : plan->branch.generation() + 1;
  plan->branch = format::Branch();
  plan->branch.set_id(RandomBranchId());
  plan->branch.set_generation(generation);
  plan->branch.set_compacted(true);
  plan->branch.set_created_ms(now_ms);
  plan->branch.set_reason(reason);
  plan->new_branch = true;
  plan->start_offset = plan->log_start_offset;
  plan->previous_read_started_ms = 0;
  plan->missing = 0;
}

bool TombstonesMayBeLost(const PartitionPlan& plan, int64_t read_ended_ms) {
  if (plan.missing == 0) return false;  // nothing was cleaned away in what was read
  int64_t since =
      plan.previous_read_started_ms != 0 ? plan.previous_read_started_ms : plan.read_started_ms;
  int64_t skew = plan.previous_read_started_ms != 0
                     ? std::min(kClockSkewMs, plan.delete_retention_ms / 10)
                     : 0;
  return read_ended_ms - since + skew >= plan.delete_retention_ms;
}

Result<std::vector<PartitionPlan>> PlanPartitions(kafka::Cluster& cluster,
                                                  const CapturedCluster& captured,
                                                  const repo::State& state, int64_t now_ms,
                                                  Progress& progress, const CallContext& context) {
  std::vector<PartitionPlan> plans;
  std::vector<const repo::BranchInfo*> current;
  kafka::PerPartition<int32_t> epochs;
  for (const auto& [name, topic] : captured.topics) {
    repo::TopicKey key{topic.metadata.id, topic.metadata.id.id.IsZero() ? name : std::string()};
    const repo::TopicInfo* known = state.FindTopic(key);
    for (const CapturedPartition& p : topic.partitions) {
      if (!p.status.ok()) return p.status;
      PartitionPlan plan;
      plan.topic = name;
      plan.topic_id = topic.metadata.id;
      plan.partition = p.metadata.partition;
      plan.compacted = topic.compacted;
      plan.delete_retention_ms = topic.delete_retention_ms;
      plan.log_start_offset = p.earliest;
      plan.end_offset = std::max(p.last_stable, p.earliest);
      plan.read_started_ms = now_ms;
      const repo::BranchInfo* branch = nullptr;
      if (known != nullptr) {
        auto found = known->partitions.find(plan.partition);
        if (found != known->partitions.end()) branch = found->second.Current();
      }
      if (branch != nullptr && branch->last_epoch >= 0 && !branch->covered.empty()) {
        epochs[{name, plan.partition}] = branch->last_epoch;
      }
      current.push_back(branch);
      plans.push_back(std::move(plan));
    }
  }
  kafka::PerPartition<kafka::EpochEnd> ends;
  if (!epochs.empty()) {
    MB_ASSIGN_OR_RETURN(ends, cluster.OffsetsForLeaderEpoch(epochs, context));
  }
  for (size_t i = 0; i < plans.size(); ++i) {
    PartitionPlan& plan = plans[i];
    const repo::BranchInfo* branch = current[i];
    if (branch == nullptr) {
      FirstBranch(now_ms, &plan);
      continue;
    }
    plan.branch = branch->branch;
    plan.previous_read_started_ms = branch->read_started_ms;
    int64_t held = branch->covered.empty() ? branch->branch.fork_offset() : branch->covered.end();
    int64_t shared = held;  // up to here the log and the branch are the same
    int32_t epoch = branch->last_epoch;
    auto end = ends.find({plan.topic, plan.partition});
    if (end != ends.end() && end->second.error == 0 && end->second.end_offset >= 0) {
      shared = std::min(shared, end->second.end_offset);
      epoch = end->second.leader_epoch;
    }
    shared = std::min(shared, plan.end_offset);
    if (shared < held) {
      progress.Warn("partition " + plan.topic + "-" + std::to_string(plan.partition) +
                    ": the log was truncated at offset " + std::to_string(shared) +
                    " (the repository holds up to " + std::to_string(held) +
                    "): its history goes on as a new branch");
      if (plan.compacted) {
        BeginNewBase("base read again: log truncated at offset " + std::to_string(shared), now_ms,
                     &plan);
      } else {
        ForkBranch(*branch, shared, epoch, now_ms, &plan);
      }
      continue;
    }
    plan.start_offset = std::max(held, plan.log_start_offset);
    plan.end_offset = std::max(plan.end_offset, plan.start_offset);
    // A hole that the source may still fill: repair released what was lost.
    const int64_t hole = FirstHole(*branch, plan.log_start_offset);
    if (hole < held) {
      const std::string text = "offsets from " + std::to_string(hole) + " on were lost";
      progress.Warn("partition " + plan.topic + "-" + std::to_string(plan.partition) + ": " + text +
                    " in the repository: read again");
      if (plan.compacted) {
        BeginNewBase("base read again: " + text, now_ms, &plan);
        continue;
      }
      plan.start_offset = hole;
    }
    if (plan.compacted && !branch->branch.compacted() && branch->branch.id() == 0) {
      // Once "delete", now "compact": older batches are older states of the same keys, which is
      // fine; but from now on two readers may see different batches, so the branch of verbatim data
      // ends here.
      BeginNewBase("base read: the topic became compacted", now_ms, &plan);
    } else if (plan.start_offset > held && plan.start_offset > 0 && !plan.compacted) {
      progress.Warn("partition " + plan.topic + "-" + std::to_string(plan.partition) +
                    ": offsets " + std::to_string(held) + " to " +
                    std::to_string(plan.start_offset - 1) +
                    " were removed by retention before this backup: a gap");
    }
  }
  return plans;
}

}  // namespace maxbrod::engine
