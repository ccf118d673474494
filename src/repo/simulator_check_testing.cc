// The invariants of the simulator, checked when a schedule is over.
#include <fmt/format.h>

#include "repo/checkpoint.h"
#include "repo/conflict.h"
#include "repo/pack_writer.h"
#include "repo/reach.h"
#include "repo/repository_testing.h"
#include "repo/simulator_process_testing.h"

namespace maxbrod::repo {

// The log is what each slot held first: folded from the very beginning, trimmed or not.
std::unique_ptr<State> SimWorld::FoldHistory() {
  auto state = std::make_unique<State>();
  std::map<std::string, int> operations;
  std::map<std::string, uint64_t> packs;
  for (const auto& [sequence, bytes] : first_commits_) {
    Result<Commit> commit = DecodeCommit(LogName(Sequence(sequence)), bytes, keys_.get());
    Status status =
        commit.ok() ? ApplyCommit(commit->records, commit->sha256, state.get()) : commit.status();
    if (!status.ok()) {
      Violation(fmt::format("commit {} does not fold: {}", sequence, status.ToString()));
      return nullptr;
    }
    for (const format::CommitRecord& record : commit->records) {
      if (record.has_pin() && ++operations[record.pin().id()] > 1) {
        Violation(fmt::format("an operation was committed twice, again at {}", sequence));
      }
    }
  }
  for (const std::string& id : pins_) {
    if (!operations.contains(id)) Violation("an acknowledged operation is not in the log");
  }
  return state;
}

void SimWorld::CheckAcknowledged(const State& state) {
  for (const Receipt& receipt : acknowledged_) {
    if (receipt.sequence == Sequence()) continue;
    auto it = first_commits_.find(receipt.sequence.value());
    if (it == first_commits_.end() || Sha256String(it->second) != receipt.sha256) {
      Violation(fmt::format("acknowledged commit {} is not in the log", receipt.sequence.value()));
    }
  }
  std::set<std::string> forgotten;
  for (const auto& [sequence, bytes] : first_commits_) {
    Result<Commit> commit = DecodeCommit(LogName(Sequence(sequence)), bytes, keys_.get());
    for (const format::CommitRecord& record : commit->records) {
      if (record.has_forget_snapshot()) forgotten.insert(record.forget_snapshot().id());
    }
  }
  for (const std::string& id : snapshots_) {
    if (state.FindSnapshotById(id) == nullptr && !forgotten.contains(id)) {
      Violation("an acknowledged snapshot is gone");
    }
  }
}

void SimWorld::CheckReadable(Repository& repository, const State& state) {
  IndexCache cache;
  auto objects = ReachableObjects(repository.store(), state, cache, CallContext());
  if (!objects.ok()) {
    Violation("what the log reaches cannot be read: " + objects.status().ToString());
    return;
  }
  for (const std::string& name : *objects) {
    if (!objects_.contains(name)) Violation("'" + name + "' is needed and gone");
    if (state.condemned.contains(name)) Violation("'" + name + "' is needed and condemned");
  }
  for (const format::SnapshotRef& ref : state.snapshots) {
    Status status = ReadWhole(repository, ref);
    ++counts_.snapshots_read;
    if (!status.ok()) {
      Violation("snapshot '" + ref.name() + "' is not whole: " + status.ToString());
    }
  }
}

// What claims say is stored lies in blocks.
void SimWorld::CheckClaims(Repository& repository, const State& state) {
  IndexCache cache;
  std::map<std::tuple<std::string, int32_t, uint64_t>, OffsetRanges> have;
  auto add = [&](const std::vector<BlockEntry>& entries) {
    for (const BlockEntry& entry : entries) {
      have[{entry.owner.topic, entry.owner.partition, entry.owner.branch}].Add(
          entry.stats.first_offset, entry.stats.last_offset + 1);
    }
  };
  for (const format::LoosePack& loose : state.loose_packs) {
    auto entries = cache.PackEntries(repository.store(), loose.pack(), CallContext());
    if (!entries.ok()) return Violation("a loose pack: " + entries.status().ToString());
    add(**entries);
  }
  for (const auto& [key, topic] : state.topics) {
    for (const format::ObjectRef& ref : topic->manifests) {
      auto manifest = cache.Manifest(repository.store(), ref, CallContext());
      if (!manifest.ok()) return Violation("a manifest: " + manifest.status().ToString());
      add((*manifest)->entries);
    }
  }
  for (const auto& [key, topic] : state.topics) {
    for (const auto& [number, partition] : topic->partitions) {
      for (const BranchInfo& branch : partition.branches) {
        for (auto [start, end] : branch.covered.ranges()) {
          if (have[{topic->name, number, branch.branch.id()}].Covers(start, end)) continue;
          Violation(fmt::format("claimed offsets {} to {} of {}-{} lie in no block", start, end,
                                topic->name, number));
        }
      }
    }
  }
}

void SimWorld::CheckFinal() {
  std::unique_ptr<State> folded = FoldHistory();
  if (folded == nullptr) return;
  CheckAcknowledged(*folded);
  OpenOptions options;
  options.program = "simulator";
  options.keys = &key_source_;
  auto repository =
      Repository::Open(std::make_unique<Handle>(*this, nullptr), options, CallContext());
  if (!repository.ok()) {
    return Violation("the repository does not open: " + repository.status().ToString());
  }
  std::shared_ptr<const State> state = (*repository)->state();
  if (CanonicalState(*state) != CanonicalState(*folded)) {
    Violation(fmt::format("a new reader sees commit {}, the log's history ends at {}",
                          state->sequence.value(), folded->sequence.value()));
  }
  CheckReadable(**repository, *state);
  CheckClaims(**repository, *state);
}

std::string SimWorld::History() {
  std::string out;
  for (const auto& [sequence, bytes] : first_commits_) {
    Result<Commit> commit = DecodeCommit(LogName(Sequence(sequence)), bytes, keys_.get());
    out += fmt::format("{:4} day {:5.2f}", sequence,
                       static_cast<double>(commit->header().store_time_ms() - 1'700'000'000'000) /
                           static_cast<double>(kDayMs));
    for (size_t i = 1; i < commit->records.size(); ++i) {
      out += fmt::format(" {}", ActionKindName(KindOf(commit->records[i])));
    }
    out += fmt::format(" (based on {}){}\n", commit->header().based_on(),
                       objects_.contains(LogName(Sequence(sequence))) ? "" : " trimmed");
  }
  return out;
}

}  // namespace maxbrod::repo
