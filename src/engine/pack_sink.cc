#include "engine/pack_sink.h"

#include <algorithm>

#include "kafka/batch.h"
#include "os/crash_point.h"

namespace maxbrod::engine {

namespace {

// The transactions aborted within a run. One whose marker lies in a later run ends at -1 here and
// stands, with its end, in that run's list too.
std::vector<repo::AbortedTransaction> AbortedIn(
    const BatchRun& run, const std::vector<std::pair<int64_t, int64_t>>& aborted) {
  std::vector<repo::AbortedTransaction> found;
  for (auto [producer, first] : aborted) {
    if (first > run.stats.last_offset) continue;
    repo::AbortedTransaction transaction{producer, first, -1};
    kafka::BatchIterator it(run.bytes);
    kafka::BatchEntry entry;
    while (transaction.last_offset < 0 && it.Next(&entry)) {
      const kafka::BatchHeader& h = entry.header;
      if (h.is_control() && h.producer_id == producer && h.base_offset > first) {
        transaction.last_offset = h.base_offset;
      }
    }
    bool ended_before = transaction.last_offset < 0 && first < run.stats.first_offset;
    if (!ended_before) found.push_back(transaction);
  }
  return found;
}

}  // namespace

PackSink::PackSink(repo::Repository& repository, std::vector<ReadRange>& ranges,
                   const std::vector<PartitionPlan>& plans, size_t workers,
                   const PackSinkOptions& options, const CallContext& context)
    : repository_(repository),
      ranges_(ranges),
      plans_(plans),
      options_(options),
      context_(context),
      workers_(workers),
      states_(ranges.size()),
      last_commit_nanos_(options.clock->MonotonicNanos()) {
  for (size_t i = 0; i < ranges.size(); ++i) {
    states_[i].position = ranges[i].start_offset;
    states_[i].claimed = ranges[i].start_offset;
  }
}

Status PackSink::OnRun(size_t worker, ReadRange& range, const BatchRun& run,
                       const std::vector<std::pair<int64_t, int64_t>>& aborted) {
  size_t index = static_cast<size_t>(&range - ranges_.data());
  const PartitionPlan& plan = plans_[index];
  RangeState& state = states_[index];  // only the worker that reads the range touches `position`
  Worker& w = workers_[worker];
  if (w.pack == nullptr) {
    MB_ASSIGN_OR_RETURN(w.pack,
                        repo::PackWriter::Create(repository_.store(), options_.pack, context_));
  }
  repo::BlockOwner owner{range.topic_id, range.topic, range.partition, plan.branch.id(),
                         Generation(plan.branch.generation())};
  repo::BlockStats stats = run.stats;
  stats.aborted = AbortedIn(run, aborted);
  MB_RETURN_IF_ERROR(w.pack->AddBlock(owner, stats, std::span<const ByteView>(&run.bytes, 1),
                                      repo::BatchChecks::kVerified));
  int64_t from = std::max(state.position, range.torn_to);
  w.claims.push_back(
      {index, std::min(from, stats.first_offset), stats.last_offset + 1, stats.last_epoch});
  state.position = stats.last_offset + 1;
  if (w.pack->stored_bytes() >= options_.pack_bytes) MB_RETURN_IF_ERROR(Seal(&w));
  return Status::Ok();
}

Status PackSink::OnDone(size_t, ReadRange&) {
  return Status::Ok();
}

Status PackSink::OnWorkerEnd(size_t worker) {
  return Seal(&workers_[worker]);
}

Status PackSink::Seal(Worker* worker) {
  if (worker->pack == nullptr) return Status::Ok();
  CrashPoint("backup.before_pack_seal");
  uint64_t plain = worker->pack->plain_bytes();
  MB_ASSIGN_OR_RETURN(repo::SealedPack sealed, worker->pack->Seal(context_));
  CrashPoint("backup.after_pack_seal");
  worker->pack.reset();
  {
    std::lock_guard lock(mutex_);
    sealed_bytes_ += sealed.ref.length();
    stored_total_ += sealed.ref.length();
    plain_total_ += plain;
    sealed_.push_back(std::move(sealed.ref));
    for (const PendingClaim& claim : worker->claims) {
      RangeState& state = states_[claim.range];
      if (claim.to > state.stored.end()) state.last_epoch = claim.epoch;
      state.stored.Add(claim.from, claim.to);
    }
  }
  worker->claims.clear();
  return MaybeCommit();
}

Status PackSink::MaybeCommit() {
  format::AddPacks packs;
  {
    std::lock_guard lock(mutex_);
    int64_t now = options_.clock->MonotonicNanos();
    bool late = now - last_commit_nanos_ > options_.commit_interval.count() * 1'000'000;
    if (committing_ || sealed_.empty() || (!late && sealed_bytes_ < options_.commit_bytes))
      return Status::Ok();
    committing_ = true;
    last_commit_nanos_ = now;
    for (auto& ref : sealed_) *packs.add_packs() = std::move(ref);
    sealed_.clear();
    sealed_bytes_ = 0;
    CollectClaims(false, &packs);
  }
  CrashPoint("backup.before_interim_commit");
  auto receipt = repository_.CommitPacks(packs, context_);
  CrashPoint("backup.after_interim_commit");
  std::lock_guard lock(mutex_);
  committing_ = false;
  return receipt.status();
}

void PackSink::CollectClaims(bool final, format::AddPacks* out) {
  for (size_t i = 0; i < ranges_.size(); ++i) {
    RangeState& state = states_[i];
    if (plans_[i].compacted) {
      // A scan of a compacted log means nothing before it is complete.
      if (final && ranges_[i].done)
        AddClaim(i, ranges_[i].start_offset, ranges_[i].end_offset, final, out);
      continue;
    }
    for (const auto& [from, to] : state.stored.ranges()) {
      if (to > state.claimed) AddClaim(i, std::max(from, state.claimed), to, final, out);
    }
    if (!state.stored.empty()) state.claimed = std::max(state.claimed, state.stored.end());
    if (final && ranges_[i].done && state.claimed < ranges_[i].end_offset) {
      int64_t from = std::max(state.claimed, ranges_[i].torn_to);
      if (from < ranges_[i].end_offset) AddClaim(i, from, ranges_[i].end_offset, final, out);
    }
    // An empty partition: its branch exists from now on.
    if (final && ranges_[i].done && plans_[i].new_branch && !state.any_claim) {
      AddClaim(i, ranges_[i].end_offset, ranges_[i].end_offset, final, out);
    }
  }
}

void PackSink::AddClaim(size_t range, int64_t from, int64_t to, bool final, format::AddPacks* out) {
  const PartitionPlan& plan = plans_[range];
  if (from >= to && !plan.new_branch) return;
  format::TopicClaims* topic = nullptr;
  if (out->topics_size() > 0 && out->topics(out->topics_size() - 1).topic() == plan.topic) {
    topic = out->mutable_topics(out->topics_size() - 1);
  } else {
    topic = out->add_topics();
    topic->set_topic(plan.topic);
    topic->set_topic_id(AsText(plan.topic_id.id.view()).data(), 16);
  }
  format::RangeClaim* claim = topic->add_claims();
  claim->set_partition(plan.partition);
  claim->set_branch(plan.branch.id());
  claim->set_start_offset(from);
  claim->set_end_offset(to);
  claim->set_last_epoch(states_[range].last_epoch);
  claim->set_read_started_ms(plan.read_started_ms);
  claim->set_read_ended_ms(options_.clock->WallMillis());
  claim->set_log_start_offset(plan.log_start_offset);
  claim->set_without_holes(final && ranges_[range].cursor.missing == 0);
  states_[range].any_claim = true;
  if (plan.new_branch) *claim->mutable_new_branch() = plan.branch;
}

format::AddPacks PackSink::TakeRest() {
  std::lock_guard lock(mutex_);
  format::AddPacks packs;
  for (auto& ref : sealed_) *packs.add_packs() = std::move(ref);
  sealed_.clear();
  sealed_bytes_ = 0;
  CollectClaims(true, &packs);
  return packs;
}

uint64_t PackSink::stored_bytes() const {
  std::lock_guard lock(mutex_);
  return stored_total_;
}

uint64_t PackSink::plain_bytes() const {
  std::lock_guard lock(mutex_);
  return plain_total_;
}

}  // namespace maxbrod::engine
