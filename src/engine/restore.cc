#include "engine/restore.h"

#include <algorithm>
#include <set>

#include "engine/restore_journal.h"
#include "engine/target_configs.h"
#include "kafka/errors.h"
#include "os/crash_point.h"

namespace maxbrod::engine {
namespace {

constexpr size_t kTopicsPerCall = 200;
constexpr int kAttempts = 2;
constexpr Millis kVisibleLimit{60'000};

// Looks often at first: most waits are for a few milliseconds of a broker's time.
class Poll {
 public:
  Poll(Clock& clock, const CallContext& context) : clock_(clock), context_(context) {}
  Status Wait() {
    Millis now = next_;
    next_ = std::min(next_ * 2, kLongest);
    if (clock_.Sleep(now, context_.stop)) return Status::Ok();
    return Status(Code::kCancelled, "stopped");
  }

 private:
  static constexpr Millis kLongest{200};
  Clock& clock_;
  const CallContext& context_;
  Millis next_{5};
};

// What shapes the result: a run with other options is another restore.
std::string OptionsText(const RestorePlan& plan) {
  std::string text;
  for (const PlannedTopic& topic : plan.topics) {
    text +=
        topic.source + "=" + topic.target + "/" + std::to_string(topic.replication_factor) + "\n";
  }
  return text;
}

struct PartitionWork {
  const PlannedTopic* topic = nullptr;
  const PlannedPartition* plan = nullptr;
  std::unique_ptr<BatchFeed> feed;
  int64_t end = 0;  // what the log holds
  int64_t earliest = 0;
  TopicPartition tp() const { return {topic->target, plan->partition}; }
  bool Complete() const { return end >= plan->end && earliest >= plan->log_start; }
};

class Restore {
 public:
  Restore(repo::Repository& repository, kafka::Cluster& target, const RestoreOptions& options,
          Progress& progress, const CallContext& context)
      : repository_(repository),
        target_(target),
        options_(options),
        progress_(progress),
        context_(context),
        journal_(repository, *options.clock) {}

  Result<RestoreReport> Run(const format::SnapshotRef& snapshot) {
    int64_t begun = options_.clock->MonotonicNanos();
    progress_.Begin("planning", 0, 0);
    MB_RETURN_IF_ERROR(Plan(snapshot));
    for (const std::string& warning : report_.plan.warnings) progress_.Warn(warning);
    report_.restore_id = journal_.id_hex();
    if (journal_.done()) {
      report_.already_done = true;
      return std::move(report_);
    }
    if (options_.dry_run) return std::move(report_);
    MB_RETURN_IF_ERROR(report_.plan.Refusal());
    MB_RETURN_IF_ERROR(Execute());
    report_.warnings = progress_.warnings();
    report_.seconds = static_cast<double>(options_.clock->MonotonicNanos() - begun) / 1e9;
    return std::move(report_);
  }

 private:
  // Planned twice when there was an earlier run: whose topics may hold data is only known with the
  // plan's names.
  Status Plan(const format::SnapshotRef& snapshot) {
    int64_t now = options_.clock->WallMillis();
    MB_ASSIGN_OR_RETURN(report_.plan, MakeRestorePlan(repository_, snapshot, target_,
                                                      options_.selection, nullptr, now, context_));
    MB_RETURN_IF_ERROR(journal_.Find(snapshot, report_.plan.target_cluster_id,
                                     OptionsText(report_.plan), context_));
    if (!journal_.found()) return Status::Ok();
    EarlierRestore earlier = journal_.Earlier();
    if (journal_.done() && !StillThere(earlier)) {
      journal_.StartAnew();
      return Status::Ok();
    }
    report_.resumed = true;
    MB_ASSIGN_OR_RETURN(report_.plan, MakeRestorePlan(repository_, snapshot, target_,
                                                      options_.selection, &earlier, now, context_));
    return Status::Ok();
  }

  // Whether what a finished restore made is what stands there now.
  bool StillThere(const EarlierRestore& earlier) const {
    return std::all_of(
        report_.plan.topics.begin(), report_.plan.topics.end(), [&](const PlannedTopic& topic) {
          auto id = earlier.topics.find(topic.target);
          return topic.exists && id != earlier.topics.end() && id->second == topic.existing_id;
        });
  }

  Status Execute() {
    MB_RETURN_IF_ERROR(journal_.Begin(report_.plan, context_));
    std::set<std::string> todo;
    for (const PlannedTopic& topic : report_.plan.topics) todo.insert(topic.target);
    for (int attempt = 0; attempt < kAttempts && !todo.empty(); ++attempt) {
      MB_RETURN_IF_ERROR(CreateTopics(todo));
      MB_RETURN_IF_ERROR(FillTopics(todo, &todo, attempt + 1 == kAttempts));
    }
    MB_RETURN_IF_ERROR(PutRealConfigs());
    MB_RETURN_IF_ERROR(RestoreGroups());
    MB_RETURN_IF_ERROR(AwaitLogStarts());
    MB_RETURN_IF_ERROR(CheckResult());
    CrashPoint("restore.before_done");
    return journal_.Done(context_);
  }

  Status CreateTopics(const std::set<std::string>& todo) {
    progress_.Begin("creating topics", 0, 0);
    MB_ASSIGN_OR_RETURN(auto metadata, target_.Refresh(context_));
    std::vector<kafka::NewTopic> missing;
    for (const PlannedTopic& topic : report_.plan.topics) {
      auto found = metadata->topics.find(topic.target);
      bool there = found != metadata->topics.end() && found->second.error == 0;
      if (todo.count(topic.target) == 0 || there) continue;
      kafka::NewTopic fresh;
      fresh.name = topic.target;
      fresh.partitions = static_cast<int32_t>(topic.partitions.size());
      fresh.replication_factor = topic.replication_factor;
      fresh.configs = CreationConfigs(topic, NeedsRoll(topic));
      missing.push_back(std::move(fresh));
    }
    for (size_t i = 0; i < missing.size(); i += kTopicsPerCall) {
      std::vector<kafka::NewTopic> some(
          missing.begin() + static_cast<ptrdiff_t>(i),
          missing.begin() + static_cast<ptrdiff_t>(std::min(i + kTopicsPerCall, missing.size())));
      MB_ASSIGN_OR_RETURN(auto created, target_.CreateTopics(some, false, context_));
      for (const auto& [name, result] : created) {
        // A lost answer, asked again: emptiness is checked by the first base offset.
        if (result.status.kafka_error() == kafka::error::kTopicAlreadyExists) continue;
        MB_RETURN_IF_ERROR(result.status.WithContext("creating topic '" + name + "'"));
      }
      CrashPoint("restore.after_create");
    }
    MB_RETURN_IF_ERROR(AwaitTopics(todo));
    MB_RETURN_IF_ERROR(journal_.Created(ids_, context_));
    return PutWorkingConfigs(todo);
  }

  static bool NeedsRoll(const PlannedTopic& topic) { return topic.filler > 0; }

  // Until every partition has a leader that this client sees.
  Status AwaitTopics(const std::set<std::string>& todo) {
    CallContext limited = context_.Within(kVisibleLimit);
    Poll poll(*options_.clock, context_);
    while (true) {
      MB_ASSIGN_OR_RETURN(auto metadata, target_.Refresh(context_));
      std::string waiting;
      for (const PlannedTopic& topic : report_.plan.topics) {
        if (todo.count(topic.target) == 0) continue;
        auto found = metadata->topics.find(topic.target);
        bool ready = found != metadata->topics.end() && found->second.error == 0 &&
                     found->second.partitions.size() == topic.partitions.size();
        for (size_t i = 0; ready && i < topic.partitions.size(); ++i) {
          ready = found->second.partitions[i].leader.value() >= 0;
        }
        if (!ready) {
          waiting = topic.target;
        } else {
          ids_[topic.target] = found->second.id;
        }
      }
      if (waiting.empty()) return Status::Ok();
      Status left = limited.Check();
      if (!left.ok())
        return left.WithContext("topic '" + waiting + "' has partitions without a leader");
      MB_RETURN_IF_ERROR(poll.Wait());
    }
  }

  Status PutWorkingConfigs(const std::set<std::string>& todo) {
    std::vector<std::string> names(todo.begin(), todo.end());
    if (names.empty()) return Status::Ok();
    if (known_configs_.empty()) {
      MB_ASSIGN_OR_RETURN(auto described, target_.DescribeTopicConfigs({names.front()}, context_));
      for (const auto& config : described[names.front()]) known_configs_.insert(config.name);
    }
    // Topics that are complete may already have their real configs in force: they keep them.
    MB_RETURN_IF_ERROR(ReadEnds(todo));
    std::map<std::string, std::vector<kafka::ConfigChange>> changes;
    for (const PlannedTopic& topic : report_.plan.topics) {
      if (todo.count(topic.target) == 0 || TopicComplete(topic.target)) continue;
      auto& list = changes[topic.target];
      list = WorkingChanges(topic, known_configs_);
      for (kafka::ConfigChange& change : list) {
        if (NeedsRoll(topic) && change.name == "segment.ms")
          change.value = std::to_string(kRollSegmentMs);
      }
    }
    return AlterConfigs(changes);
  }

  Status AlterConfigs(const std::map<std::string, std::vector<kafka::ConfigChange>>& changes) {
    if (changes.empty()) return Status::Ok();
    auto next = changes.begin();
    while (next != changes.end()) {
      std::map<std::string, std::vector<kafka::ConfigChange>> some;
      for (; next != changes.end() && some.size() < kTopicsPerCall; ++next) some.insert(*next);
      MB_ASSIGN_OR_RETURN(auto results, target_.AlterTopicConfigs(some, false, context_));
      for (const auto& [name, status] : results) {
        MB_RETURN_IF_ERROR(status.WithContext("configs of topic '" + name + "'"));
      }
    }
    return AwaitConfigs(changes);
  }

  // Until every broker shows them: a leader that has not heard yet would refuse old timestamps or
  // big batches.
  Status AwaitConfigs(const std::map<std::string, std::vector<kafka::ConfigChange>>& changes) {
    std::vector<std::string> names;
    for (const auto& [name, list] : changes) names.push_back(name);
    CallContext limited = context_.Within(kVisibleLimit);
    Poll poll(*options_.clock, context_);
    for (const auto& [broker, info] : target_.metadata()->brokers) {
      while (true) {
        MB_ASSIGN_OR_RETURN(auto shown, target_.DescribeTopicConfigsOn(broker, names, context_));
        std::string waiting = FirstNotShown(changes, shown);
        if (waiting.empty()) break;
        Status left = limited.Check();
        if (!left.ok()) {
          return left.WithContext("broker " + std::to_string(broker.value()) +
                                  " does not show config " + waiting);
        }
        MB_RETURN_IF_ERROR(poll.Wait());
      }
    }
    return Status::Ok();
  }

  static std::string FirstNotShown(
      const std::map<std::string, std::vector<kafka::ConfigChange>>& changes,
      const std::map<std::string, std::vector<kafka::ConfigValue>>& shown) {
    for (const auto& [name, list] : changes) {
      auto topic = shown.find(name);
      if (topic == shown.end()) return name;
      for (const kafka::ConfigChange& change : list) {
        for (const kafka::ConfigValue& value : topic->second) {
          if (value.name != change.name || value.sensitive) continue;
          bool on_topic = value.source == kafka::ConfigSource::kTopic;
          bool as_wanted = change.value ? on_topic && value.value == change.value : !on_topic;
          if (!as_wanted) return change.name + " of topic " + name;
        }
      }
    }
    return std::string();
  }

  // What the logs of these topics hold now. After an earlier run its last requests may still be
  // queued, so the ends must have settled first.
  Status ReadEnds(const std::set<std::string>& todo) {
    std::vector<TopicPartition> partitions;
    kafka::PerPartition<int64_t> earliest_ask, latest_ask;
    for (const PlannedTopic& topic : report_.plan.topics) {
      if (todo.count(topic.target) == 0) continue;
      for (const auto& p : topic.partitions) {
        partitions.push_back({topic.target, p.partition});
        earliest_ask[partitions.back()] = kafka::kEarliest;
        latest_ask[partitions.back()] = kafka::kLatest;
      }
    }
    std::map<TopicPartition, int64_t> ends;
    if (report_.resumed) {
      MB_ASSIGN_OR_RETURN(ends, WaitSettled(target_, partitions, options_.quiet, *options_.clock,
                                            context_.Within(options_.stall_limit)));
    } else {
      MB_ASSIGN_OR_RETURN(
          auto latest,
          target_.ListOffsets(latest_ask, kafka::Isolation::kReadUncommitted, context_));
      for (const auto& [tp, listed] : latest) {
        MB_RETURN_IF_ERROR(kafka::ErrorStatus(listed.error, "ListOffsets of " + tp.ToString()));
        ends[tp] = listed.offset;
      }
    }
    MB_ASSIGN_OR_RETURN(
        auto earliest,
        target_.ListOffsets(earliest_ask, kafka::Isolation::kReadUncommitted, context_));
    for (const TopicPartition& tp : partitions) {
      MB_RETURN_IF_ERROR(kafka::ErrorStatus(earliest[tp].error, "ListOffsets of " + tp.ToString()));
      ends_[tp] = {ends[tp], earliest[tp].offset};
    }
    return Status::Ok();
  }

  bool TopicComplete(const std::string& target) const {
    for (const PlannedTopic& topic : report_.plan.topics) {
      if (topic.target != target) continue;
      for (const auto& p : topic.partitions) {
        auto [end, earliest] = ends_.at({target, p.partition});
        if (end < p.end || earliest < p.log_start) return false;
      }
    }
    return true;
  }

  Status OpenWork(const std::set<std::string>& todo, std::vector<PartitionWork>* work) {
    MB_ASSIGN_OR_RETURN(auto producer, ProducerId());
    for (const PlannedTopic& topic : report_.plan.topics) {
      if (todo.count(topic.target) == 0) continue;
      for (const PlannedPartition& p : topic.partitions) {
        PartitionWork w;
        w.topic = &topic;
        w.plan = &p;
        std::tie(w.end, w.earliest) = ends_.at({topic.target, p.partition});
        w.feed = std::make_unique<BatchFeed>(repository_, p, producer, fillers_);
        if (!w.Complete())
          MB_RETURN_IF_ERROR(w.feed->Open(context_).WithContext(w.tp().ToString()));
        work->push_back(std::move(w));
      }
    }
    return Status::Ok();
  }

  // Sequence numbers catch reordering and repetition in today's data; where the right to them is
  // missing the base offsets alone have to.
  Result<ProducerIdentity> ProducerId() {
    auto id = target_.InitProducerId(context_);
    if (id.ok()) return ProducerIdentity{id->first, id->second};
    if (id.status().code() != Code::kPermission) return id.status();
    progress_.Note(
        "no right to an idempotent producer (IdempotentWrite): base offsets alone are checked");
    return ProducerIdentity{};
  }

  // Pads, produces, cuts off; topics that have to be done again come back in `failed`.
  Status FillTopics(const std::set<std::string>& todo, std::set<std::string>* failed,
                    bool last_attempt) {
    std::vector<PartitionWork> work;
    MB_RETURN_IF_ERROR(OpenWork(todo, &work));
    uint64_t bytes = 0, records = 0;
    for (const PartitionWork& w : work) {
      if (w.Complete()) continue;
      bytes += w.plan->bytes;
      records += w.plan->records;
    }
    std::map<std::string, Status> troubles;
    progress_.Begin("padding", 0, 0);
    MB_RETURN_IF_ERROR(Produce(&work, true, &troubles));
    CrashPoint("restore.after_padding");
    MB_RETURN_IF_ERROR(CutLogStarts(&work, troubles));
    MB_RETURN_IF_ERROR(StopRolling(work, troubles));
    CrashPoint("restore.before_data");
    progress_.Begin("restoring", bytes, records);
    MB_RETURN_IF_ERROR(Produce(&work, false, &troubles));
    CrashPoint("restore.after_data");
    failed->clear();
    for (auto& [topic, status] : troubles) {
      bool redo =
          status.code() == Code::kOffsetMismatch && !last_attempt && !journal_.Adopted(topic);
      if (!redo) return std::move(status).WithContext("topic '" + topic + "'");
      failed->insert(topic);
    }
    return Redo(*failed, troubles);
  }

  Status Produce(std::vector<PartitionWork>* work, bool only_padding,
                 std::map<std::string, Status>* troubles) {
    std::vector<ProduceTask> tasks;
    std::vector<PartitionWork*> of_task;
    for (PartitionWork& w : *work) {
      if (troubles->count(w.topic->target) > 0 || w.Complete()) continue;
      if (only_padding && w.plan->log_start == 0) continue;
      int64_t stop_at = only_padding ? w.feed->first_batch_end() : w.plan->end;
      if (w.end > w.plan->end) {
        (*troubles)[w.topic->target] = Status(
            Code::kOffsetMismatch, w.tp().ToString() + " ends at offset " + std::to_string(w.end) +
                                       ", beyond the snapshot's " + std::to_string(w.plan->end) +
                                       ": somebody else wrote to it");
        continue;
      }
      if (w.end >= stop_at) continue;
      Status sought = w.feed->Seek(w.end, context_);
      w.feed->Unload();
      if (sought.code() == Code::kOffsetMismatch) {
        (*troubles)[w.topic->target] = sought.WithContext(w.tp().ToString());
        continue;
      }
      MB_RETURN_IF_ERROR(sought);
      tasks.push_back({w.topic->target, ids_[w.topic->target], w.plan->partition, w.feed.get(),
                       stop_at, true, Status::Ok()});
      of_task.push_back(&w);
    }
    if (tasks.empty()) return Status::Ok();
    ProduceOptions options;
    options.connections_per_broker = options_.connections_per_broker;
    options.memory = options_.memory / 2;
    options.quiet = options_.quiet;
    options.stall_limit = options_.stall_limit;
    options.clock = options_.clock;
    MB_ASSIGN_OR_RETURN(ProduceTotals totals,
                        ProduceAll(target_, tasks, options, progress_, context_));
    report_.produced.requests += totals.requests;
    report_.produced.batches += totals.batches;
    report_.produced.partitions_in_requests += totals.partitions_in_requests;
    report_.produced.parked += totals.parked;
    for (size_t i = 0; i < tasks.size(); ++i) {
      if (tasks[i].status.ok()) {
        of_task[i]->end = tasks[i].stop_at;
      } else if (troubles->count(tasks[i].topic) == 0) {
        (*troubles)[tasks[i].topic] = tasks[i].status;
      }
    }
    return Status::Ok();
  }

  Status CutLogStarts(std::vector<PartitionWork>* work,
                      const std::map<std::string, Status>& troubles) {
    kafka::PerPartition<int64_t> before;
    for (const PartitionWork& w : *work) {
      if (troubles.count(w.topic->target) > 0 || w.earliest >= w.plan->log_start) continue;
      before[w.tp()] = w.plan->log_start;
    }
    if (before.empty()) return Status::Ok();
    MB_ASSIGN_OR_RETURN(auto results, target_.DeleteRecords(before, context_));
    for (PartitionWork& w : *work) {
      auto found = results.find(w.tp());
      if (found == results.end()) continue;
      MB_RETURN_IF_ERROR(
          found->second.status().WithContext("DeleteRecords of " + w.tp().ToString()));
      w.earliest = w.plan->log_start;
    }
    log_starts_cut_nanos_ = options_.clock->MonotonicNanos();
    CrashPoint("restore.after_delete_records");
    return Status::Ok();
  }

  Status StopRolling(const std::vector<PartitionWork>& work,
                     const std::map<std::string, Status>& troubles) {
    std::map<std::string, std::vector<kafka::ConfigChange>> changes;
    for (const PartitionWork& w : work) {
      const std::string& name = w.topic->target;
      if (!NeedsRoll(*w.topic) || troubles.count(name) > 0 || changes.count(name) > 0 ||
          TopicComplete(name))
        continue;
      for (kafka::ConfigChange& change : WorkingChanges(*w.topic, known_configs_)) {
        if (change.name == "segment.ms") changes[name].push_back(std::move(change));
      }
    }
    return AlterConfigs(changes);
  }

  Status Redo(const std::set<std::string>& failed, const std::map<std::string, Status>& troubles) {
    if (failed.empty()) return Status::Ok();
    for (const std::string& name : failed) {
      progress_.Warn("topic '" + name +
                     "' is deleted and restored again: " + troubles.at(name).ToString());
      report_.redone.push_back(name);
    }
    MB_ASSIGN_OR_RETURN(auto deleted,
                        target_.DeleteTopics({failed.begin(), failed.end()}, context_));
    for (const auto& [name, status] : deleted) {
      if (status.kafka_error() == kafka::error::kUnknownTopicOrPartition) continue;
      MB_RETURN_IF_ERROR(status.WithContext("deleting topic '" + name + "'"));
    }
    CallContext limited = context_.Within(kVisibleLimit);
    Poll poll(*options_.clock, context_);
    while (true) {
      MB_ASSIGN_OR_RETURN(auto metadata, target_.Refresh(context_));
      bool gone = std::none_of(failed.begin(), failed.end(), [&](const std::string& name) {
        auto found = metadata->topics.find(name);
        return found != metadata->topics.end() && found->second.error == 0;
      });
      if (gone) return Status::Ok();
      MB_RETURN_IF_ERROR(limited.Check());
      MB_RETURN_IF_ERROR(poll.Wait());
    }
  }

  Status PutRealConfigs() {
    progress_.Begin("putting the topics' configs in force", 0, 0);
    CrashPoint("restore.before_configs");
    std::map<std::string, std::vector<kafka::ConfigChange>> changes;
    for (PlannedTopic& topic : report_.plan.topics) {
      std::vector<std::string> unknown;
      changes[topic.target] = FinalChanges(topic, known_configs_, &unknown);
      for (const std::string& name : unknown) {
        topic.configs_left_out.push_back(name);
        progress_.Warn("topic '" + topic.target + "': the target does not know config " + name +
                       "; it is left out");
      }
    }
    MB_RETURN_IF_ERROR(AlterConfigs(changes));
    CrashPoint("restore.after_configs");
    return Status::Ok();
  }

  Status RestoreGroups() {
    progress_.Begin("restoring groups", 0, 0);
    std::vector<std::string> names;
    for (const PlannedGroup& group : report_.plan.groups) {
      MB_RETURN_IF_ERROR(
          target_.CommitGroupOffsets(group.group, group.offsets, options_.group_retention, context_)
              .WithContext("offsets of group '" + group.group + "'"));
      names.push_back(group.group);
      ++report_.groups_restored;
    }
    report_.groups_expire_ms = options_.clock->WallMillis() + options_.group_retention.count();
    CrashPoint("restore.after_groups");
    if (names.empty()) return Status::Ok();
    MB_ASSIGN_OR_RETURN(auto stored, target_.FetchGroupOffsets(names, context_));
    for (const PlannedGroup& group : report_.plan.groups) {
      MB_ASSIGN_OR_RETURN(auto offsets, stored.at(group.group));
      std::map<TopicPartition, int64_t> found;
      for (const auto& o : offsets) found[{o.topic, o.partition}] = o.offset;
      for (const auto& o : group.offsets) {
        TopicPartition tp{o.topic, o.partition};
        if (found.count(tp) > 0 && found[tp] == o.offset) continue;
        return Status(Code::kOffsetMismatch, "group '" + group.group +
                                                 "' does not stand at offset " +
                                                 std::to_string(o.offset) + " of " + tp.ToString() +
                                                 " after its offsets were committed");
      }
    }
    return Status::Ok();
  }

  // A broker killed before it wrote its log starts to disk would show the filler to consumers.
  Status AwaitLogStarts() {
    bool pads = report_.plan.filler > 0;
    if (!pads) return Status::Ok();
    progress_.Begin("waiting until the brokers have the log starts on disk", 0, 0);
    int64_t since =
        log_starts_cut_nanos_ != 0 ? log_starts_cut_nanos_ : options_.clock->MonotonicNanos();
    int64_t until = since + report_.plan.checkpoint_wait_ms * 1'000'000;
    int64_t left = until - options_.clock->MonotonicNanos();
    if (left > 0 && !options_.clock->Sleep(Millis(left / 1'000'000 + 1), context_.stop)) {
      return Status(Code::kCancelled, "stopped");
    }
    return Status::Ok();
  }

  Status CheckResult() {
    kafka::PerPartition<int64_t> latest_ask;
    for (const PlannedTopic& topic : report_.plan.topics) {
      for (const auto& p : topic.partitions)
        latest_ask[{topic.target, p.partition}] = kafka::kLatest;
    }
    kafka::PerPartition<int64_t> earliest_ask = latest_ask;
    for (auto& [tp, what] : earliest_ask) what = kafka::kEarliest;
    MB_ASSIGN_OR_RETURN(
        auto latest, target_.ListOffsets(latest_ask, kafka::Isolation::kReadUncommitted, context_));
    MB_ASSIGN_OR_RETURN(
        auto earliest,
        target_.ListOffsets(earliest_ask, kafka::Isolation::kReadUncommitted, context_));
    for (const PlannedTopic& topic : report_.plan.topics) {
      for (const auto& p : topic.partitions) {
        TopicPartition tp{topic.target, p.partition};
        bool end_right = latest[tp].error == 0 && latest[tp].offset == p.end;
        // Retention, in force again, may have moved it on already.
        bool start_right = earliest[tp].error == 0 && earliest[tp].offset >= p.log_start;
        if (end_right && start_right) continue;
        return Status(Code::kOffsetMismatch,
                      tp.ToString() + " holds offsets " + std::to_string(earliest[tp].offset) +
                          " to " + std::to_string(latest[tp].offset) + ", the plan says " +
                          std::to_string(p.log_start) + " to " + std::to_string(p.end));
      }
    }
    return Status::Ok();
  }

  repo::Repository& repository_;
  kafka::Cluster& target_;
  const RestoreOptions& options_;
  Progress& progress_;
  const CallContext& context_;
  RestoreJournal journal_;
  kafka::FillerBatches fillers_;
  RestoreReport report_;
  std::map<std::string, TopicId> ids_;
  std::set<std::string> known_configs_;
  std::map<TopicPartition, std::pair<int64_t, int64_t>> ends_;  // log end, log start
  int64_t log_starts_cut_nanos_ = 0;
};

}  // namespace

Result<RestoreReport> RunRestore(repo::Repository& repository, const format::SnapshotRef& snapshot,
                                 kafka::Cluster& target, const RestoreOptions& options,
                                 Progress& progress, const CallContext& context) {
  return Restore(repository, target, options, progress, context).Run(snapshot);
}

}  // namespace maxbrod::engine
