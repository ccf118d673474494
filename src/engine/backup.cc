#include "engine/backup.h"

#include <algorithm>
#include <ctime>

#include "codec/hash.h"
#include "engine/branch_plan.h"
#include "engine/capture.h"
#include "engine/pack_sink.h"
#include "os/crash_point.h"

namespace maxbrod::engine {
namespace {

// Times a compacted log is read again from its start before giving up on a scan that outlasts its
// tombstones.
constexpr int kBaseReadsMax = 3;
// Pieces read after a compacted log's scan until one comes without a hole.
constexpr int kTailReadsMax = 20;
// Beside the reading, where the store holds no bytes: the disk's own flushes.
constexpr size_t kSealingPacks = 2;

std::string NameFromTime(int64_t wall_ms) {
  std::time_t seconds = wall_ms / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  std::strftime(text, sizeof(text), "%Y%m%dt%H%M%Sz", &utc);
  return text;
}

std::string RandomId() {
  uint8_t bytes[16];
  MB_CHECK(RandomBytes(bytes).ok());
  return ToString(bytes);
}

class Backup {
 public:
  Backup(kafka::Cluster& cluster, repo::Repository& repository, const BackupOptions& options,
         Progress& progress, const CallContext& context)
      : cluster_(cluster),
        repository_(repository),
        options_(options),
        progress_(progress),
        context_(context),
        pace_(cluster, options.pace, options.connections_per_broker, *options.clock) {}

  Result<BackupReport> Run() {
    started_ms_ = options_.clock->WallMillis();
    int64_t started_nanos = options_.clock->MonotonicNanos();
    MB_RETURN_IF_ERROR(CheckName());
    progress_.Begin("reading metadata", 0, 0);
    CaptureOptions capture;
    MB_ASSIGN_OR_RETURN(capture.selection,
                        TopicSelection::Parse(options_.topics, options_.exclude));
    capture.hanging_after = options_.hanging_after;
    capture.registry = options_.registry.get();
    MB_ASSIGN_OR_RETURN(captured_,
                        Capture(cluster_, capture, *options_.clock, progress_, context_));
    report_.hanging_transactions = captured_.hanging_transactions;
    MB_ASSIGN_OR_RETURN(auto state, repository_.Refresh(context_));
    MB_ASSIGN_OR_RETURN(plans_, PlanPartitions(cluster_, captured_, *state,
                                               options_.clock->WallMillis(), progress_, context_));
    format::AddPacks rest;
    MB_RETURN_IF_ERROR(Copy(&rest));
    MB_RETURN_IF_ERROR(Finish(rest));
    report_.seconds = static_cast<double>(options_.clock->MonotonicNanos() - started_nanos) / 1e9;
    report_.pace = pace_.Report();
    for (const std::string& note : report_.pace.Notes(report_.seconds)) progress_.Note(note);
    report_.warnings = progress_.warnings();
    return std::move(report_);
  }

 private:
  Status CheckName() {
    name_ = options_.name.empty() ? NameFromTime(started_ms_) : options_.name;
    if (name_ == "latest") {
      return Status(Code::kInvalidArgument,
                    "'latest' always means the newest snapshot: it cannot be a name");
    }
    for (const auto& snapshot : repository_.state()->snapshots) {
      if (snapshot.name() == name_) {
        return Status(Code::kAlreadyExists, "there is a snapshot named '" + name_ + "' already")
            .WithHint("choose another --name, or leave it out for a name made from the time");
      }
    }
    return Status::Ok();
  }

  FetchOptions MakeFetchOptions(size_t workers) const {
    FetchOptions fetch;
    fetch.connections_per_broker = options_.connections_per_broker;
    fetch.remote_reads = options_.pace.remote_reads;
    fetch.stall_limit = options_.stall_limit;
    fetch.clock = options_.clock;
    // Half of the budget is for response buffers; the rest is for what the allocator and the packs'
    // indexes need.
    fetch.ShareMemory(options_.memory / 2, workers);
    return fetch;
  }

  ReadRange MakeRange(const PartitionPlan& plan) const {
    ReadRange range;
    range.topic = plan.topic;
    range.topic_id = plan.topic_id;
    range.partition = plan.partition;
    range.start_offset = plan.start_offset;
    range.end_offset = plan.end_offset;
    range.compacted = plan.compacted;
    auto topic = captured_.topics.find(plan.topic);
    const kafka::ConfigValue* tiered = topic == captured_.topics.end()
                                           ? nullptr
                                           : topic->second.FindConfig("remote.storage.enable");
    range.tiered = tiered != nullptr && tiered->value == "true";
    range.cursor.next_offset = plan.start_offset;
    range.cursor.end_offset = plan.end_offset;
    return range;
  }

  // Reads everything that is missing. What is stored and not committed yet comes back in `rest`.
  Status Copy(format::AddPacks* rest) {
    MB_RETURN_IF_ERROR(CopyRanges(AllPlans(), rest));
    for (int pass = 0; pass < kBaseReadsMax; ++pass) {
      MB_RETURN_IF_ERROR(ReadCompactedTails(rest));
      std::vector<size_t> again = BasesToReadAgain();
      if (again.empty()) return Status::Ok();
      MB_RETURN_IF_ERROR(RefreshEnds(again));
      MB_RETURN_IF_ERROR(CopyRanges(again, rest));
    }
    MB_RETURN_IF_ERROR(ReadCompactedTails(rest));
    std::vector<size_t> late = BasesToReadAgain();
    if (late.empty()) return Status::Ok();
    const PartitionPlan& plan = plans_[late.front()];
    return Status(Code::kTimeout,
                  "partition " + plan.topic + "-" + std::to_string(plan.partition) +
                      ": reading it takes longer than its tombstones live (delete.retention.ms=" +
                      std::to_string(plan.delete_retention_ms) + ")")
        .WithHint(
            "raise delete.retention.ms on the topic, --rate-limit or --connections; or do without "
            "--gentle");
  }

  std::vector<size_t> AllPlans() const {
    std::vector<size_t> all(plans_.size());
    for (size_t i = 0; i < all.size(); ++i) all[i] = i;
    return all;
  }

  Status CopyRanges(const std::vector<size_t>& which, format::AddPacks* rest) {
    std::vector<ReadRange> ranges;
    std::vector<PartitionPlan> plans;
    uint64_t records = 0;
    for (size_t i : which) {
      ranges.push_back(MakeRange(plans_[i]));
      plans.push_back(plans_[i]);
      records += static_cast<uint64_t>(plans_[i].end_offset - plans_[i].start_offset);
    }
    progress_.Begin("copying", 0, records);
    FetchOptions fetch = MakeFetchOptions(1);
    size_t workers = WorkerCount(cluster_, ranges, fetch);
    fetch = MakeFetchOptions(workers);
    PackSinkOptions sink_options;
    sink_options.pack_bytes = options_.pack_bytes;
    sink_options.open_packs = workers;
    sink_options.sealing_packs = kSealingPacks;
    if (options_.held_packs > 0) {
      sink_options.open_packs = std::min(workers, std::max<size_t>(options_.held_packs / 2, 1));
      sink_options.sealing_packs =
          std::max<size_t>(options_.held_packs, 2) - sink_options.open_packs;
    }
    sink_options.commit_bytes = 1 * kGiB;
    sink_options.commit_interval = options_.commit_interval;
    sink_options.pack.zstd_level = options_.zstd_level;
    sink_options.clock = options_.clock;
    PackSink sink(repository_, ranges, plans, sink_options, context_);
    auto totals = ReadRanges(cluster_, ranges, sink, fetch, pace_, progress_, context_);
    MB_RETURN_IF_ERROR(totals.status());
    report_.fetch.Add(*totals);
    MB_ASSIGN_OR_RETURN(format::AddPacks more, sink.Finish());
    stored_bytes_ += sink.stored_bytes();
    new_bytes_ += sink.plain_bytes();
    for (size_t k = 0; k < which.size(); ++k)
      MB_RETURN_IF_ERROR(TakeOver(ranges[k], &plans_[which[k]]));
    rest->MergeFrom(more);
    return Status::Ok();
  }

  // What reading a range taught us.
  Status TakeOver(const ReadRange& range, PartitionPlan* plan) {
    if (!range.status.ok()) {
      bool gone =
          range.status.code() == Code::kNotFound || range.status.code() == Code::kPermission;
      if (!gone) return range.status;
      if (std::find(report_.topics_left_out.begin(), report_.topics_left_out.end(), plan->topic) ==
          report_.topics_left_out.end()) {
        report_.topics_left_out.push_back(plan->topic);
        progress_.Warn("topic '" + plan->topic + "' is left out: " + range.status.ToString());
      }
      return Status::Ok();
    }
    plan->log_start_offset = std::max(plan->log_start_offset, range.torn_to);
    plan->missing = range.cursor.missing;
    plan->new_branch = false;  // its claim is made
    return Status::Ok();
  }

  bool LeftOut(const PartitionPlan& plan) const {
    return std::find(report_.topics_left_out.begin(), report_.topics_left_out.end(), plan.topic) !=
           report_.topics_left_out.end();
  }

  // A value that was alive at the cut may have been cleaned away by a newer one beyond it while we
  // read. Whatever superseded it is below the last stable offset of now: read on to there, until a
  // piece comes without a hole.
  Status ReadCompactedTails(format::AddPacks* rest) {
    std::vector<size_t> holed;
    for (size_t i = 0; i < plans_.size(); ++i) {
      if (plans_[i].compacted && plans_[i].missing > 0 && !LeftOut(plans_[i])) holed.push_back(i);
    }
    for (int pass = 0; !holed.empty() && pass < kTailReadsMax; ++pass) {
      MB_ASSIGN_OR_RETURN(auto ends, LastStableOffsets(holed));
      std::vector<size_t> grown;
      std::vector<uint64_t> missing_so_far;
      for (size_t i : holed) {
        PartitionPlan& plan = plans_[i];
        int64_t end = ends[{plan.topic, plan.partition}];
        if (end <= plan.end_offset) continue;
        plan.start_offset = plan.end_offset;
        plan.end_offset = end;
        missing_so_far.push_back(plan.missing);
        grown.push_back(i);
      }
      if (grown.empty()) return Status::Ok();
      MB_RETURN_IF_ERROR(CopyRanges(grown, rest));
      holed.clear();
      for (size_t k = 0; k < grown.size(); ++k) {
        if (plans_[grown[k]].missing > 0) holed.push_back(grown[k]);
        plans_[grown[k]].missing += missing_so_far[k];
      }
    }
    if (holed.empty()) return Status::Ok();
    const PartitionPlan& plan = plans_[holed.front()];
    return Status(Code::kTimeout,
                  "partition " + plan.topic + "-" + std::to_string(plan.partition) +
                      ": its cleaner runs ahead of the backup; no stable end was found")
        .WithHint("raise min.compaction.lag.ms on the topic for the time of the backup");
  }

  Result<std::map<TopicPartition, int64_t>> LastStableOffsets(const std::vector<size_t>& which) {
    kafka::PerPartition<int64_t> ask;
    for (size_t i : which) ask[{plans_[i].topic, plans_[i].partition}] = kafka::kLatest;
    MB_ASSIGN_OR_RETURN(auto listed,
                        cluster_.ListOffsets(ask, kafka::Isolation::kReadCommitted, context_));
    std::map<TopicPartition, int64_t> ends;
    for (const auto& [tp, offset] : listed) ends[tp] = offset.error == 0 ? offset.offset : -1;
    return ends;
  }

  // Compacted partitions whose copy may have missed a tombstone; made ready for a read from the log
  // start.
  std::vector<size_t> BasesToReadAgain() {
    std::vector<size_t> again;
    int64_t now = options_.clock->WallMillis();
    for (size_t i = 0; i < plans_.size(); ++i) {
      PartitionPlan& plan = plans_[i];
      if (!plan.compacted || LeftOut(plan) || !TombstonesMayBeLost(plan, now)) continue;
      BeginNewBase("base read again: the previous read is older than delete.retention.ms", now,
                   &plan);
      plan.read_started_ms = now;
      progress_.Note("partition " + plan.topic + "-" + std::to_string(plan.partition) +
                     ": read again from its log start, tombstones may have been cleaned away since "
                     "the last backup");
      again.push_back(i);
    }
    return again;
  }

  Status RefreshEnds(const std::vector<size_t>& which) {
    MB_ASSIGN_OR_RETURN(auto ends, LastStableOffsets(which));
    for (size_t i : which) {
      PartitionPlan& plan = plans_[i];
      plan.end_offset = std::max(plan.end_offset, ends[{plan.topic, plan.partition}]);
    }
    return Status::Ok();
  }

  Status Finish(const format::AddPacks& rest) {
    progress_.Begin("storing the snapshot", 0, 0);
    repo::SnapshotDraft draft = MakeDraft();
    CrashPoint("backup.before_snapshot_commit");
    MB_ASSIGN_OR_RETURN(report_.receipt, repository_.CommitSnapshot(draft, rest, context_));
    CrashPoint("backup.after_snapshot_commit");
    MB_ASSIGN_OR_RETURN(report_.snapshot,
                        repository_.FindSnapshot(ToHex(AsBytes(draft.header.id()))));
    return Status::Ok();
  }

  repo::SnapshotDraft MakeDraft() {
    repo::SnapshotDraft draft;
    format::SnapshotHeader& header = draft.header;
    header.set_id(RandomId());
    header.set_name(name_);
    header.set_description(options_.description);
    for (const std::string& tag : options_.tags) header.add_tags(tag);
    header.set_started_ms(started_ms_);
    header.set_finished_ms(options_.clock->WallMillis());
    header.set_program(options_.program);
    header.set_cut_without_open_transactions(captured_.open_transactions == 0);
    *header.mutable_cluster() = captured_.info;
    header.mutable_stats()->set_new_bytes(new_bytes_);
    header.mutable_stats()->set_stored_bytes(stored_bytes_);
    for (const std::string& warning : progress_.warnings()) header.add_warnings(warning);
    std::map<TopicPartition, int64_t> ends;
    for (size_t i = 0; i < plans_.size(); ++i) {
      if (!LeftOut(plans_[i])) ends[{plans_[i].topic, plans_[i].partition}] = plans_[i].end_offset;
    }
    AddTopics(&draft);
    for (format::GroupSnapshot group : captured_.groups) {
      ClipGroup(ends, &group);
      draft.groups.push_back(std::move(group));
    }
    draft.metadata = captured_.metadata;
    return draft;
  }

  void AddTopics(repo::SnapshotDraft* draft) {
    std::map<TopicPartition, const PartitionPlan*> by_partition;
    for (const PartitionPlan& plan : plans_) by_partition[{plan.topic, plan.partition}] = &plan;
    for (const auto& [name, topic] : captured_.topics) {
      format::TopicSnapshot t;
      t.set_topic(name);
      t.set_topic_id(AsText(topic.metadata.id.id.view()).data(), 16);
      t.set_internal(topic.metadata.internal);
      for (const auto& config : topic.configs) *t.add_configs() = ToConfigEntry(config);
      for (const CapturedPartition& p : topic.partitions) {
        const PartitionPlan* plan = by_partition[{name, p.metadata.partition}];
        if (plan == nullptr || LeftOut(*plan)) continue;
        t.set_replication_factor(static_cast<int32_t>(p.metadata.replicas.size()));
        FillPartition(p, *plan, t.add_partitions());
      }
      if (t.partitions_size() > 0) draft->topics.push_back(std::move(t));
    }
  }

  static void FillPartition(const CapturedPartition& p, const PartitionPlan& plan,
                            format::PartitionSnapshot* out) {
    out->set_partition(plan.partition);
    out->set_branch(plan.branch.id());
    out->set_generation(plan.branch.generation());
    out->set_start_offset(plan.log_start_offset);
    out->set_end_offset(plan.end_offset);
    out->set_high_watermark(p.high_watermark);
    out->set_leader(p.metadata.leader.value());
    out->set_leader_epoch(p.metadata.leader_epoch);
    for (int32_t replica : p.metadata.replicas) out->add_replicas(replica);
    for (int32_t replica : p.metadata.isr) out->add_isr(replica);
  }

  // A group may have committed after its offsets' cut, or beyond what is stable: never beyond the
  // snapshot's data.
  static void ClipGroup(const std::map<TopicPartition, int64_t>& ends,
                        format::GroupSnapshot* group) {
    for (auto& offset : *group->mutable_offsets()) {
      auto end = ends.find({offset.topic(), offset.partition()});
      if (end == ends.end() || offset.offset() <= end->second) continue;
      offset.set_offset(end->second);
      offset.set_leader_epoch(-1);
    }
  }

  kafka::Cluster& cluster_;
  repo::Repository& repository_;
  const BackupOptions& options_;
  Progress& progress_;
  const CallContext& context_;
  Pace pace_;

  int64_t started_ms_ = 0;
  std::string name_;
  CapturedCluster captured_;
  std::vector<PartitionPlan> plans_;
  uint64_t new_bytes_ = 0, stored_bytes_ = 0;
  BackupReport report_;
};

}  // namespace

Result<BackupReport> RunBackup(kafka::Cluster& cluster, repo::Repository& repository,
                               const BackupOptions& options, Progress& progress,
                               const CallContext& context) {
  return Backup(cluster, repository, options, progress, context).Run();
}

}  // namespace maxbrod::engine
