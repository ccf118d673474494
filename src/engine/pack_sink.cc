#include "engine/pack_sink.h"

#include <algorithm>

#include "base/limits.h"
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

// What the index adds for each block, and the rest of what is not data, generously.
constexpr uint64_t kIndexBytesPerBlock = 400;
constexpr uint64_t kTailBytes = 16 * kKiB;

}  // namespace

PackSink::PackSink(repo::Repository& repository, std::vector<ReadRange>& ranges,
                   const std::vector<PartitionPlan>& plans, const PackSinkOptions& options,
                   const CallContext& context)
    : repository_(repository),
      ranges_(ranges),
      plans_(plans),
      options_(options),
      context_(context),
      lanes_(std::max<size_t>(options.open_packs, 1)),
      states_(ranges.size()),
      last_commit_nanos_(options.clock->MonotonicNanos()),
      sealers_(std::max<size_t>(options.sealing_packs, 1), context) {
  for (size_t i = 0; i < ranges.size(); ++i) {
    states_[i].position = ranges[i].start_offset;
    states_[i].claimed = ranges[i].start_offset;
  }
}

bool PackSink::Fits(const repo::PackWriter& pack, const BatchRun& run) const {
  uint64_t index = (pack.blocks() + 1) * kIndexBytesPerBlock + kTailBytes;
  return pack.stored_bytes() + run.bytes.size() + index <= options_.pack_bytes;
}

PackSink::PieceRef PackSink::AddPiece(size_t range, const BatchRun& run) {
  std::lock_guard lock(mutex_);
  RangeState& state = states_[range];
  int64_t from = std::max(state.position, ranges_[range].torn_to);
  state.pieces.push_back(
      {std::min(from, run.stats.first_offset), run.stats.last_offset + 1, run.stats.last_epoch});
  state.position = run.stats.last_offset + 1;
  return {range, state.first_number + state.pieces.size() - 1};
}

Status PackSink::OnRun(size_t worker, ReadRange& range, const BatchRun& run,
                       const std::vector<std::pair<int64_t, int64_t>>& aborted) {
  size_t index = static_cast<size_t>(&range - ranges_.data());
  const PartitionPlan& plan = plans_[index];
  repo::BlockOwner owner{range.topic_id, range.topic, range.partition, plan.branch.id(),
                         Generation(plan.branch.generation())};
  repo::BlockStats stats = run.stats;
  stats.aborted = AbortedIn(run, aborted);
  Lane& lane = lanes_[worker % lanes_.size()];
  std::lock_guard lock(lane.mutex);
  if (lane.pack != nullptr && !Fits(*lane.pack, run)) MB_RETURN_IF_ERROR(Close(&lane));
  if (lane.pack == nullptr) {
    MB_ASSIGN_OR_RETURN(lane.pack,
                        repo::PackWriter::Create(repository_.store(), options_.pack, context_));
  }
  MB_RETURN_IF_ERROR(lane.pack->AddBlock(owner, stats, std::span<const ByteView>(&run.bytes, 1),
                                         repo::BatchChecks::kVerified));
  lane.pieces.push_back(AddPiece(index, run));
  return Status::Ok();
}

Status PackSink::OnDone(size_t, ReadRange&) {
  return Status::Ok();
}

// The pack stays open for the lane's other workers.
Status PackSink::OnWorkerEnd(size_t) {
  return Status::Ok();
}

Status PackSink::Close(Lane* lane) {
  if (lane->pack == nullptr) return Status::Ok();
  std::shared_ptr<repo::PackWriter> pack = std::move(lane->pack);
  auto pieces = std::make_shared<std::vector<PieceRef>>(std::move(lane->pieces));
  lane->pieces.clear();
  return sealers_.Submit([this, pack = std::move(pack), pieces](const CallContext& context) {
    return Seal(*pack, *pieces, context);
  });
}

Status PackSink::Seal(repo::PackWriter& pack, const std::vector<PieceRef>& pieces,
                      const CallContext& context) {
  CrashPoint("backup.before_pack_seal");
  uint64_t plain = pack.plain_bytes();
  MB_ASSIGN_OR_RETURN(repo::SealedPack sealed, pack.Seal(context));
  CrashPoint("backup.after_pack_seal");
  repository_.Remember(sealed);
  {
    std::lock_guard lock(mutex_);
    sealed_bytes_ += sealed.ref.length();
    stored_total_ += sealed.ref.length();
    plain_total_ += plain;
    sealed_.push_back(std::move(sealed.ref));
    for (const PieceRef& piece : pieces) {
      RangeState& state = states_[piece.range];
      state.pieces[piece.number - state.first_number].stored = true;
    }
  }
  return MaybeCommit(context);
}

Status PackSink::MaybeCommit(const CallContext& context) {
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
  auto receipt = repository_.CommitPacks(packs, context);
  CrashPoint("backup.after_interim_commit");
  std::lock_guard lock(mutex_);
  committing_ = false;
  return receipt.status();
}

void PackSink::ClaimStored(size_t range, bool without_holes, format::AddPacks* out) {
  RangeState& state = states_[range];
  while (!state.pieces.empty() && state.pieces.front().stored) {
    const int64_t from = std::max(state.pieces.front().from, state.claimed);
    int64_t to = from;
    // As far as pieces join on; what lies between others is not stored anywhere.
    while (!state.pieces.empty() && state.pieces.front().stored &&
           (to == from || state.pieces.front().from <= to)) {
      to = std::max(to, state.pieces.front().to);
      state.last_epoch = state.pieces.front().epoch;
      state.pieces.pop_front();
      ++state.first_number;
    }
    if (to <= state.claimed) continue;
    AddClaim(range, from, to, without_holes, out);
    state.claimed = to;
  }
}

void PackSink::CollectClaims(bool final, format::AddPacks* out) {
  for (size_t i = 0; i < ranges_.size(); ++i) {
    RangeState& state = states_[i];
    const bool complete = final && ranges_[i].done;
    const bool without_holes = complete && ranges_[i].cursor.missing == 0;
    if (plans_[i].compacted) {
      // A scan of a compacted log means nothing before it is complete.
      if (!complete) continue;
      if (!state.pieces.empty()) state.last_epoch = state.pieces.back().epoch;
      AddClaim(i, ranges_[i].start_offset, ranges_[i].end_offset, without_holes, out);
      continue;
    }
    ClaimStored(i, final && ranges_[i].cursor.missing == 0, out);
    if (complete && state.claimed < ranges_[i].end_offset) {
      int64_t from = std::max(state.claimed, ranges_[i].torn_to);
      if (from < ranges_[i].end_offset) {
        AddClaim(i, from, ranges_[i].end_offset, without_holes, out);
      }
    }
    // An empty partition: its branch exists from now on.
    if (complete && plans_[i].new_branch && !state.any_claim) {
      AddClaim(i, ranges_[i].end_offset, ranges_[i].end_offset, without_holes, out);
    }
  }
}

void PackSink::AddClaim(size_t range, int64_t from, int64_t to, bool without_holes,
                        format::AddPacks* out) {
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
  claim->set_without_holes(without_holes);
  states_[range].any_claim = true;
  if (plan.new_branch) *claim->mutable_new_branch() = plan.branch;
}

Result<format::AddPacks> PackSink::Finish() {
  for (Lane& lane : lanes_) {
    std::lock_guard lock(lane.mutex);
    MB_RETURN_IF_ERROR(Close(&lane));
  }
  MB_RETURN_IF_ERROR(sealers_.Drain());
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
