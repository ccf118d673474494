#include "engine/verify_live.h"

#include <algorithm>
#include <memory>
#include <set>

#include "engine/compare_sink.h"
#include "engine/read_ahead.h"
#include "engine/verify_packs.h"
#include "engine/verify_settings.h"
#include "kafka/errors.h"
#include "repo/pack_writer.h"

namespace maxbrod::engine {
namespace {

// A partition of the snapshot and where the cluster's log lies.
struct ComparedPartition {
  const ComparedTopic* topic = nullptr;
  int64_t start = 0, end = 0;  // of the snapshot
  int64_t earliest = -1;       // of the cluster
  int64_t last_stable = -1;
  std::vector<repo::BlockUse> blocks;
};

// One call of ReadRanges: at most one task per partition.
struct Round {
  std::vector<CompareTask> tasks;
  std::vector<const ComparedPartition*> of_task;
};

class ClusterVerifier {
 public:
  ClusterVerifier(repo::Repository& repository, kafka::Cluster& cluster,
                  const LiveVerifyOptions& options, Progress& progress, const CallContext& context)
      : repository_(repository),
        cluster_(cluster),
        options_(options),
        progress_(progress),
        context_(context),
        pace_(cluster, options.pace, options.connections_per_broker, *options.clock),
        gate_(repository.store(), options.cold, *options.clock, progress) {}

  Result<LiveVerifyReport> Run(const format::SnapshotRef& ref) {
    int64_t begun = options_.clock->MonotonicNanos();
    progress_.Begin("comparing topics and configs", 0, 0);
    report_.snapshot = ref.name();
    report_.sampler = options_.sampler;
    MB_ASSIGN_OR_RETURN(snapshot_, repository_.ReadSnapshot(ref, context_));
    MB_RETURN_IF_ERROR(MatchTopics());
    MB_RETURN_IF_ERROR(CompareConfigs(cluster_, &topics_, &differences_, &settings_, context_));
    MB_RETURN_IF_ERROR(MatchPartitions());
    MB_RETURN_IF_ERROR(AskOffsets());
    MB_RETURN_IF_ERROR(CompareData());
    if (options_.groups) MB_RETURN_IF_ERROR(CompareAllGroups());
    FillReport();
    report_.seconds = static_cast<double>(options_.clock->MonotonicNanos() - begun) / 1e9;
    report_.pace = pace_.Report();
    for (std::string& note : report_.pace.Notes(report_.seconds))
      report_.notes.push_back(std::move(note));
    return std::move(report_);
  }

 private:
  void Tell(DifferenceKind kind, const TopicPartition& tp, int64_t first, int64_t last,
            uint64_t count, std::string what) {
    differences_.Add({kind, tp.topic, tp.partition, first, last, count, "", std::move(what)});
  }

  Status MatchTopics() {
    std::vector<std::string> names;
    for (const auto& topic : snapshot_.topics) names.push_back(topic.topic());
    std::vector<std::string> unknown = options_.topics.MissingFrom(names);
    if (!unknown.empty()) {
      return Status(Code::kNotFound,
                    "snapshot '" + report_.snapshot + "' has no topic '" + unknown[0] + "'")
          .WithHint("maxbrod show lists what is in it");
    }
    MB_ASSIGN_OR_RETURN(auto metadata, cluster_.Refresh(context_));
    MB_ASSIGN_OR_RETURN(auto state, repository_.Refresh(context_));
    for (const auto& source : snapshot_.topics) {
      if (!options_.topics.Matches(source.topic())) continue;
      ComparedTopic topic;
      topic.source = &source;
      topic.target = options_.renames.Apply(source.topic());
      auto found = metadata->topics.find(topic.target);
      bool gone = found == metadata->topics.end() ||
                  found->second.error == kafka::error::kUnknownTopicOrPartition;
      if (!gone && found->second.error != 0) {
        return kafka::ErrorStatus(found->second.error, "topic '" + topic.target + "'");
      }
      if (gone) {
        uint64_t records = 0;
        for (const auto& p : source.partitions()) records += p.records();
        Tell(DifferenceKind::kMissing, {topic.target, -1}, -1, -1, records,
             "the topic is not on the cluster");
        continue;
      }
      topic.metadata = found->second;
      if (IsDense(*state, *metadata, topic)) {
        dense_.insert(topic.target);
        report_.notes.push_back("topic '" + topic.target +
                                "' was restored dense, with other offsets: its records and its "
                                "groups' offsets are not compared");
      }
      topics_.push_back(std::move(topic));
    }
    return Status::Ok();
  }

  // Whether a restore of this snapshot into just this topic gave its records other offsets.
  bool IsDense(const repo::State& state, const kafka::ClusterMetadata& metadata,
               const ComparedTopic& topic) const {
    std::string id(AsText(topic.metadata.id.id.view()));
    for (const auto& [restore, record] : state.restores) {
      if (record.target_cluster_id() != metadata.cluster_id ||
          record.snapshot_id() != snapshot_.ref.id())
        continue;
      for (const auto& t : record.topics()) {
        if (t.dense() && t.target() == topic.target && t.target_topic_id() == id) return true;
      }
    }
    return false;
  }

  Status MatchPartitions() {
    for (const ComparedTopic& topic : topics_) {
      if (dense_.contains(topic.target)) continue;
      size_t live = topic.metadata.partitions.size();
      size_t stored = static_cast<size_t>(topic.source->partitions_size());
      if (live != stored) {
        Tell(DifferenceKind::kConfig, {topic.target, -1}, -1, -1, 1,
             std::to_string(live) + " partitions, the snapshot has " + std::to_string(stored));
      }
      auto blocks = repository_.ReadTopicBlocks(*topic.source, context_);
      if (!blocks.ok() && !IsDamage(blocks.status())) return blocks.status();
      if (!blocks.ok()) {
        problems_.Add({"snapshot '" + report_.snapshot + "'", topic.source->topic(), -1, -1, -1,
                       blocks.status().message()});
        continue;
      }
      for (const auto& p : topic.source->partitions()) {
        TopicPartition tp{topic.target, p.partition()};
        bool there = std::any_of(topic.metadata.partitions.begin(), topic.metadata.partitions.end(),
                                 [&](const auto& m) { return m.partition == p.partition(); });
        if (!there) {
          Tell(DifferenceKind::kMissing, tp, p.start_offset(), p.end_offset() - 1, p.records(),
               "the partition is not on the cluster");
          continue;
        }
        ComparedPartition compared;
        compared.topic = &topic;
        compared.start = p.start_offset();
        compared.end = p.end_offset();
        compared.blocks = std::move(blocks->partitions[p.partition()]);
        partitions_[tp] = std::move(compared);
      }
    }
    report_.topics = topics_.size();
    return Status::Ok();
  }

  Status AskOffsets() {
    kafka::PerPartition<int64_t> latest, earliest;
    for (const auto& [tp, p] : partitions_) {
      latest[tp] = kafka::kLatest;
      earliest[tp] = kafka::kEarliest;
    }
    if (latest.empty()) return Status::Ok();
    MB_ASSIGN_OR_RETURN(auto ends,
                        cluster_.ListOffsets(latest, kafka::Isolation::kReadCommitted, context_));
    MB_ASSIGN_OR_RETURN(
        auto starts, cluster_.ListOffsets(earliest, kafka::Isolation::kReadUncommitted, context_));
    for (auto p = partitions_.begin(); p != partitions_.end();) {
      int16_t error = ends[p->first].error != 0 ? ends[p->first].error : starts[p->first].error;
      if (error != 0) {
        report_.unread.push_back(
            {p->first, kafka::ErrorStatus(error, "ListOffsets of " + p->first.ToString())});
        p = partitions_.erase(p);
        continue;
      }
      p->second.last_stable = ends[p->first].offset;
      p->second.earliest = starts[p->first].offset;
      CompareEnds(p->first, p->second);
      ++p;
    }
    report_.partitions = partitions_.size();
    return Status::Ok();
  }

  void CompareEnds(const TopicPartition& tp, const ComparedPartition& p) {
    auto text = [](const char* what, int64_t live, int64_t stored) {
      return std::string(what) + " at offset " + std::to_string(live) + ", the snapshot's at " +
             std::to_string(stored);
    };
    if (p.earliest < p.start)
      Tell(DifferenceKind::kOffset, tp, -1, -1, 1, text("begins", p.earliest, p.start));
    if (p.earliest > p.start) {
      if (p.topic->retention_may_remove()) {
        report_.removed_by_retention.push_back({tp, p.start, std::min(p.earliest, p.end) - 1});
      } else {
        Tell(DifferenceKind::kOffset, tp, -1, -1, 1,
             text("begins", p.earliest, p.start) + ", although no retention is set");
      }
    }
    if (p.last_stable < p.end)
      Tell(DifferenceKind::kOffset, tp, -1, -1, 1, text("ends", p.last_stable, p.end));
    if (p.last_stable > p.end) ++report_.partitions_moved_on;
  }

  static CompareTask NewTask(const TopicPartition& tp, const ComparedPartition& p, int64_t start,
                             int64_t end) {
    CompareTask task;
    task.partition = tp;
    task.start = start;
    task.end = end;
    task.compacted = p.topic->compacted();
    task.retention_may_remove = p.topic->retention_may_remove();
    return task;
  }

  // Runs of chosen blocks of one partition, each one task.
  std::vector<CompareTask> TasksOf(const TopicPartition& tp, const ComparedPartition& p,
                                   const Sampler& sampler) const {
    std::vector<CompareTask> tasks;
    bool cold = std::any_of(p.blocks.begin(), p.blocks.end(),
                            [this](const repo::BlockUse& use) { return gate_.Skips(use.pack); });
    if (sampler.all() && !cold) {
      tasks.push_back(NewTask(tp, p, p.start, p.end));
      tasks.back().reads_on = tasks.back().compacted;
      tasks.back().blocks = p.blocks;
      return tasks;
    }
    bool goes_on = false;
    for (const repo::BlockUse& use : p.blocks) {
      bool taken = sampler.Takes(AsBytes(use.pack.id()), use.entry.place.pack_offset) &&
                   !gate_.Skips(use.pack);
      if (taken && !goes_on) tasks.push_back(NewTask(tp, p, use.use_from, use.use_to));
      if (taken) {
        tasks.back().end = use.use_to;
        tasks.back().blocks.push_back(use);
      }
      goes_on = taken;
    }
    return tasks;
  }

  std::vector<Round> PlanRounds() const {
    std::vector<Round> rounds;
    for (const auto& [tp, p] : partitions_) {
      std::vector<CompareTask> tasks = TasksOf(tp, p, options_.sampler);
      for (size_t i = 0; i < tasks.size(); ++i) {
        if (rounds.size() <= i) rounds.emplace_back();
        rounds[i].tasks.push_back(std::move(tasks[i]));
        rounds[i].of_task.push_back(&p);
      }
    }
    return rounds;
  }

  Status OpenPacks() {
    std::map<std::string, uint64_t> sizes;
    for (const auto& [tp, p] : partitions_) {
      for (const repo::BlockUse& use : p.blocks) {
        if (options_.sampler.Takes(AsBytes(use.pack.id()), use.entry.place.pack_offset))
          sizes[repo::PackName(use.pack)] = use.pack.length();
      }
    }
    std::vector<PackToRead> packs;
    for (const auto& [name, bytes] : sizes) packs.push_back({name, bytes});
    MB_RETURN_IF_ERROR(gate_.Open(packs, "verify", context_));
    report_.cold_packs = gate_.skipped();
    report_.cold_bytes = gate_.skipped_bytes();
    if (report_.cold_packs > 0) {
      report_.notes.push_back(std::to_string(report_.cold_packs) +
                              " packs are in cold storage: the records in them were not compared");
    }
    return Status::Ok();
  }

  Status CompareData() {
    MB_RETURN_IF_ERROR(OpenPacks());
    std::vector<Round> rounds = PlanRounds();
    uint64_t bytes = 0, records = 0;
    for (const Round& round : rounds) {
      for (const CompareTask& task : round.tasks) {
        for (const repo::BlockUse& use : task.blocks) {
          bytes += use.entry.place.plain_bytes;
          records += use.entry.stats.records;
        }
      }
    }
    if (rounds.empty() && !partitions_.empty() && !options_.sampler.all()) {
      report_.notes.push_back("the sample holds no block: no record was compared");
    }
    progress_.Begin("comparing records", bytes, records);
    for (const Round& round : rounds) MB_RETURN_IF_ERROR(CompareRound(round));
    return Status::Ok();
  }

  static ReadRange MakeRange(const CompareTask& task, const ComparedPartition& p) {
    ReadRange range;
    range.topic = task.partition.topic;
    range.topic_id = p.topic->metadata.id;
    range.partition = task.partition.partition;
    range.start_offset = std::max(task.start, p.earliest);
    range.end_offset = task.reads_on ? p.last_stable : std::min(task.end, p.last_stable);
    range.end_offset = std::max(range.start_offset, range.end_offset);
    range.compacted = task.compacted;
    range.tiered = p.topic->Config("remote.storage.enable") == "true";
    range.cursor.next_offset = range.start_offset;
    // The snapshot may end inside of a batch as the cluster has it: batches are taken whole.
    range.cursor.end_offset = std::max(range.start_offset, p.last_stable);
    return range;
  }

  FetchOptions MakeFetchOptions(size_t workers) const {
    FetchOptions fetch;
    fetch.connections_per_broker = options_.connections_per_broker;
    fetch.remote_reads = options_.pace.remote_reads;
    fetch.stall_limit = options_.stall_limit;
    fetch.clock = options_.clock;
    // A quarter of the budget for responses, a quarter for blocks; a block being read may be held
    // twice.
    fetch.ShareMemory(options_.memory / 4, workers);
    return fetch;
  }

  Status CompareRound(const Round& round) {
    std::vector<ReadRange> ranges;
    std::vector<std::unique_ptr<PartitionComparer>> comparers;
    ReadAhead ahead(repository_.store(), options_.read_ahead, *options_.clock);
    for (const CompareTask& task : round.tasks) ahead.Expect(task.blocks, task.start);
    ahead.Start();
    for (size_t i = 0; i < round.tasks.size(); ++i) {
      const CompareTask& task = round.tasks[i];
      const ComparedPartition& p = *round.of_task[i];
      comparers.push_back(std::make_unique<PartitionComparer>(ahead.store(), task, &differences_,
                                                              &problems_, &ledger_budget_));
      if (task.retention_may_remove) {
        comparers.back()->OnRemoved(p.earliest);
      } else {
        MB_RETURN_IF_ERROR(comparers.back()->OnNothing(p.earliest, context_));
      }
      ranges.push_back(MakeRange(task, p));
    }
    size_t workers = WorkerCount(cluster_, ranges, MakeFetchOptions(1));
    CompareSink sink(ranges, comparers, options_.memory / 4, context_);
    MB_ASSIGN_OR_RETURN(
        FetchTotals fetch,
        ReadRanges(cluster_, ranges, sink, MakeFetchOptions(workers), pace_, progress_, context_));
    report_.fetch.Add(fetch);
    for (size_t i = 0; i < ranges.size(); ++i)
      MB_RETURN_IF_ERROR(EndOf(ranges[i], comparers[i].get()));
    return Status::Ok();
  }

  Status EndOf(const ReadRange& range, PartitionComparer* comparer) {
    if (range.status.code() == Code::kCorrupt) {
      Tell(DifferenceKind::kChanged, range.tp(), range.cursor.next_offset, -1, 1,
           "the cluster's batch is damaged: " + range.status.message());
    } else if (!range.status.ok()) {
      report_.unread.push_back({range.tp(), range.status});
    } else if (!comparer->finished()) {
      MB_RETURN_IF_ERROR(comparer->Finish(context_));  // there was nothing to read
    }
    report_.data.Add(comparer->totals());
    return Status::Ok();
  }

  Status CompareAllGroups() {
    progress_.Begin("comparing groups", 0, 0);
    GroupComparison what;
    what.groups = &snapshot_.groups;
    what.only = options_.only_groups;
    for (const ComparedTopic& topic : topics_) {
      if (!dense_.contains(topic.target)) what.targets[topic.source->topic()] = topic.target;
    }
    for (const auto& [tp, p] : partitions_) what.log_moved_on[tp] = p.last_stable > p.end;
    return CompareGroups(cluster_, what, &differences_, &settings_, context_);
  }

  void FillReport() {
    report_.difference_counts = differences_.counts();
    report_.difference_records = differences_.records();
    report_.differences = differences_.listed();
    report_.problems = problems_.listed();
    report_.problem_count = problems_.count();
    report_.configs = settings_.configs;
    report_.groups = settings_.groups;
    report_.groups_moved_on = settings_.groups_moved_on;
    report_.notes.insert(report_.notes.end(), settings_.notes.begin(), settings_.notes.end());
  }

  repo::Repository& repository_;
  kafka::Cluster& cluster_;
  const LiveVerifyOptions& options_;
  Progress& progress_;
  const CallContext& context_;
  Pace pace_;
  ThawGate gate_;
  repo::Snapshot snapshot_;
  std::vector<ComparedTopic> topics_;
  std::set<std::string> dense_;                             // of them
  std::map<TopicPartition, ComparedPartition> partitions_;  // by the cluster's names
  DifferenceList differences_;
  ProblemList problems_;
  SettingsTotals settings_;
  std::atomic<int64_t> ledger_budget_{CompactionLedger::kKeysMax};
  LiveVerifyReport report_;
};

}  // namespace

uint64_t LiveVerifyReport::difference_count() const {
  uint64_t sum = 0;
  for (uint64_t count : difference_counts) sum += count;
  return sum;
}

Status LiveVerifyReport::Outcome() const {
  if (problem_count > 0) {
    return Status(Code::kCorrupt, "the repository is damaged (" + std::to_string(problem_count) +
                                      " problems), the first: " + problems.front().ToString())
        .WithHint("maxbrod verify without --bootstrap-server names all that is damaged");
  }
  if (difference_count() > 0) {
    std::string counts;
    for (size_t kind = 0; kind < kDifferenceKinds; ++kind) {
      if (difference_counts[kind] == 0) continue;
      counts += (counts.empty() ? "" : ", ") + std::to_string(difference_counts[kind]) + " " +
                NameOf(static_cast<DifferenceKind>(kind));
    }
    return Status(Code::kDifferent, "the cluster differs from snapshot '" + snapshot + "': " +
                                        counts + "; the first: " + differences.front().ToString());
  }
  if (unread.empty()) return Status::Ok();
  return unread.front().status.WithContext(std::to_string(unread.size()) +
                                           " partitions could not be compared");
}

Result<LiveVerifyReport> VerifyCluster(repo::Repository& repository,
                                       const format::SnapshotRef& snapshot, kafka::Cluster& cluster,
                                       const LiveVerifyOptions& options, Progress& progress,
                                       const CallContext& context) {
  return ClusterVerifier(repository, cluster, options, progress, context).Run(snapshot);
}

}  // namespace maxbrod::engine
