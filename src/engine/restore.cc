#include "engine/restore.h"

#include <algorithm>
#include <set>

#include "engine/calibrate.h"
#include "engine/cleaner_heads.h"
#include "engine/log_starts.h"
#include "engine/plan_heads.h"
#include "engine/read_ahead.h"
#include "engine/repartition.h"
#include "engine/restore_groups.h"
#include "engine/restore_journal.h"
#include "engine/restore_producers.h"
#include "engine/restore_rest.h"
#include "engine/restore_thaw.h"
#include "engine/restore_topics.h"
#include "engine/settle.h"
#include "engine/target_configs.h"
#include "engine/transaction_steps.h"
#include "kafka/errors.h"
#include "os/crash_point.h"
#include "os/log.h"
#include "repo/offset_maps.h"

namespace maxbrod::engine {
namespace {

constexpr int kAttempts = 2;
// How often readable copies may end in mid-restore.
constexpr int kThawsMax = 10;
// From so many offsets to pad, or bytes, on the target is measured.
constexpr uint64_t kWorthOffsets = 500'000;
constexpr uint64_t kWorthBytes = 2 * kGiB;

// What shapes the result: a run with other options is another restore.
std::string OptionsText(const RestorePlan& plan, const RestoreSelection& selection) {
  std::string text = "offsets " + selection.offsets.Text() + "\n";
  if (selection.parts != RestoreParts()) text += "parts " + selection.parts.Text() + "\n";
  text += selection.config_rules.Text();
  if (selection.at_ms) text += "at " + std::to_string(*selection.at_ms) + "\n";
  for (const OffsetCut& cut : selection.to_offsets) {
    text += "to " + cut.topic + ":" + std::to_string(cut.partition) + ":" +
            std::to_string(cut.offset) + "\n";
  }
  for (const PlannedTopic& topic : plan.topics) {
    text +=
        topic.source + "=" + topic.target + "/" + std::to_string(topic.replication_factor) + "\n";
  }
  for (const PlannedTopic& topic : plan.repartitioned) {
    text += topic.source + "=" + topic.target + "/" + std::to_string(topic.replication_factor) +
            " partitions " + std::to_string(topic.repartition) + "\n";
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
  bool Complete() const { return end >= plan->log_end() && earliest >= plan->target_log_start(); }
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
        journal_(repository, *options.clock),
        thaw_(repository.store(), target, options.thaw, *options.clock, progress, context),
        topics_(target, *options.clock, progress, context),
        log_starts_(target, *options.clock, progress, context),
        transactions_(target),
        pace_(target, options.pace, options.connections_per_broker * ProduceOptions().in_flight,
              *options.clock) {}

  Result<RestoreReport> Run(const format::SnapshotRef& snapshot) {
    int64_t begun = options_.clock->MonotonicNanos();
    progress_.Begin("planning", 0, 0);
    MB_RETURN_IF_ERROR(PlanReadable(snapshot));
    if (!journal_.done()) {
      MB_ASSIGN_OR_RETURN(report_.plan.metadata,
                          PlanRest(options_.selection, target_, &report_.plan, context_));
    }
    for (const std::string& warning : report_.plan.warnings) progress_.Warn(warning);
    report_.restore_id = journal_.id_hex();
    if (journal_.done()) {
      report_.already_done = true;
      return std::move(report_);
    }
    if (options_.dry_run) return std::move(report_);
    MB_RETURN_IF_ERROR(report_.plan.Refusal());
    MB_RETURN_IF_ERROR(thaw_.Explain(Execute(), report_.plan));
    report_.seconds = SecondsSince(begun);
    report_.pace = pace_.Report();
    for (const std::string& note : report_.pace.Notes(report_.seconds)) progress_.Note(note);
    report_.warnings = progress_.warnings();
    return std::move(report_);
  }
  bool may_go_on() const { return thaw_.may_go_on(); }

 private:
  // Plans again after each thaw, until all that is read first is readable: only then is everything
  // known.
  Status PlanReadable(const format::SnapshotRef& snapshot) {
    for (bool anew = true; anew;) {
      MB_RETURN_IF_ERROR(Plan(snapshot));
      if (journal_.done()) return Status::Ok();
      MB_RETURN_IF_ERROR(thaw_.Inspect(report_.resumed, &report_.plan));
      if (options_.dry_run || !report_.plan.refusals.empty()) return Status::Ok();
      MB_ASSIGN_OR_RETURN(anew, thaw_.MakeReadable(report_.plan));
    }
    return Status::Ok();
  }

  // Planned twice when there was an earlier run: whose topics may hold data is only known with the
  // plan's names.
  Status Plan(const format::SnapshotRef& snapshot) {
    int64_t now = options_.clock->WallMillis();
    MB_ASSIGN_OR_RETURN(report_.plan,
                        MakeRestorePlan(repository_, snapshot, target_, options_.selection, nullptr,
                                        now, thaw_.cold(), context_));
    MB_RETURN_IF_ERROR(journal_.Find(snapshot, report_.plan.target_cluster_id,
                                     OptionsText(report_.plan, options_.selection), context_));
    if (!journal_.found()) return PlanMeasured(snapshot, now);
    MB_ASSIGN_OR_RETURN(EarlierRestore earlier, journal_.Earlier(context_));
    // Groups alone: they may have moved since.
    const bool no_topics = report_.plan.topics.empty() && report_.plan.repartitioned.empty();
    if (journal_.done() && (!StillThere(earlier) || no_topics)) {
      journal_.StartAnew();
      return PlanMeasured(snapshot, now);
    }
    report_.resumed = true;
    MB_ASSIGN_OR_RETURN(
        report_.plan, MakeRestorePlan(repository_, snapshot, target_, options_.selection, &earlier,
                                      now, thaw_.cold(), context_));
    return Status::Ok();
  }

  // Plans again with the target's own rates where much is to be padded.
  Status PlanMeasured(const format::SnapshotRef& snapshot, int64_t now) {
    const RestorePlan& plan = report_.plan;
    uint64_t offsets = plan.filler + plan.markers;
    for (const PlannedTopic& topic : plan.topics) offsets += topic.filled;
    bool worth = offsets >= kWorthOffsets || plan.bytes >= kWorthBytes;
    if (!options_.calibrate || !worth || !plan.refusals.empty()) return Status::Ok();
    // Measured when the data is there, unless this plan is all there will be.
    if (plan.thaw.cold() > 0 && !options_.dry_run) return Status::Ok();
    progress_.Begin("measuring the target", 0, 0);
    selection_ = options_.selection;
    MB_ASSIGN_OR_RETURN(selection_.rates, Calibrate(repository_, target_, plan, thaw_.cold(),
                                                    *options_.clock, context_));
    MB_ASSIGN_OR_RETURN(report_.plan, MakeRestorePlan(repository_, snapshot, target_, selection_,
                                                      nullptr, now, thaw_.cold(), context_));
    return Status::Ok();
  }

  // Whether what a finished restore made is what stands there now.
  bool StillThere(const EarlierRestore& earlier) const {
    auto stands = [&](const PlannedTopic& topic) {
      auto id = earlier.topics.find(topic.target);
      const TopicId& now = topic.exists ? topic.existing_id : topic.replaces;
      return topic.target_now && id != earlier.topics.end() && id->second == now;
    };
    const RestorePlan& plan = report_.plan;
    return std::all_of(plan.topics.begin(), plan.topics.end(), stands) &&
           std::all_of(plan.repartitioned.begin(), plan.repartitioned.end(), stands);
  }

  Status Execute() {
    MB_RETURN_IF_ERROR(SaveOffsetMaps());
    MB_RETURN_IF_ERROR(journal_.Begin(report_.plan, context_));
    MB_RETURN_IF_ERROR(PrepareProducers());
    MB_RETURN_IF_ERROR(DeleteReplaced());
    for (size_t wave = 0; wave < thaw_.waves().size(); ++wave) {
      MB_RETURN_IF_ERROR(thaw_.BeginWave(wave));
      MB_RETURN_IF_ERROR(RestoreTopics(thaw_.waves()[wave].topics));
    }
    MB_RETURN_IF_ERROR(RepartitionTopics());
    progress_.Begin("putting the topics' configs in force", 0, 0);
    MB_RETURN_IF_ERROR(topics_.PutRealConfigs(&report_.plan));
    MB_RETURN_IF_ERROR(topics_.PutConfigsOnly(report_.plan));
    MB_RETURN_IF_ERROR(RestoreGroups());
    if (report_.plan.metadata != nullptr) {
      // Late: quotas hold for this client as well.
      progress_.Begin("restoring ACLs, quotas, users and configs", 0, 0);
      MB_ASSIGN_OR_RETURN(report_.metadata,
                          ApplyMetadata(target_, *report_.plan.metadata, progress_, context_));
    }
    MB_RETURN_IF_ERROR(RestoreShareOffsets(options_.selection, target_, report_.plan, progress_,
                                           &report_.metadata, context_));
    if (report_.plan.filler > 0) {
      MB_RETURN_IF_ERROR(
          log_starts_.Await(report_.plan.checkpoint_wait_ms, &report_.log_start_seconds));
    }
    MB_RETURN_IF_ERROR(CheckLogs(target_, report_.plan, context_));
    CrashPoint("restore.before_done");
    return journal_.Done(context_);
  }

  // Those that an earlier run made are kFill here, by their ids.
  Status DeleteReplaced() {
    std::set<std::string> replaced;
    for (const auto* list : {&report_.plan.topics, &report_.plan.repartitioned}) {
      for (const PlannedTopic& topic : *list) {
        if (topic.action == TopicAction::kReplace) replaced.insert(topic.target);
      }
    }
    if (replaced.empty()) return Status::Ok();
    progress_.Begin("deleting topics that are replaced", 0, 0);
    MB_RETURN_IF_ERROR(topics_.Delete(replaced));
    CrashPoint("restore.after_replaced_deleted");
    return Status::Ok();
  }

  // Each as a whole: a run that was killed begins the topic anew.
  Status RepartitionTopics() {
    for (PlannedTopic& topic : report_.plan.repartitioned) {
      RestorePlan one;
      one.topics.push_back(topic);
      one.topics[0].partitions.assign(static_cast<size_t>(topic.repartition), PlannedPartition());
      progress_.Begin("giving the records of " + topic.source + " out anew", topic.bytes,
                      topic.records);
      MB_RETURN_IF_ERROR(topics_.Create(one, {topic.target}));
      MB_RETURN_IF_ERROR(journal_.Created(topics_.ids(), context_));
      MB_RETURN_IF_ERROR(topics_.PutWorkingConfigs({&one.topics[0]}));
      CrashPoint("restore.before_repartition");
      MB_ASSIGN_OR_RETURN(
          RepartitionReport done,
          Repartition(repository_.store(), target_, topic, topics_.ids().at(topic.target),
                      report_.plan.snapshot.groups, options_.memory, progress_, context_));
      report_.produced.requests += done.requests;
      topic.records = done.records;
      AddGroupOffsets(done.groups);
      MB_RETURN_IF_ERROR(topics_.PutRealConfigs(&one));
    }
    return Status::Ok();
  }

  void AddGroupOffsets(const std::vector<RepartitionedGroup>& groups) {
    for (const RepartitionedGroup& from : groups) {
      for (PlannedGroup& group : report_.plan.groups) {
        if (group.group != from.group) continue;
        group.offsets.insert(group.offsets.end(), from.offsets.begin(), from.offsets.end());
      }
    }
  }

  Status RestoreTopics(std::set<std::string> todo) {
    for (int attempt = 0; attempt < kAttempts && !todo.empty(); ++attempt) {
      progress_.Begin("creating topics", 0, 0);
      MB_RETURN_IF_ERROR(topics_.Create(report_.plan, todo));
      MB_RETURN_IF_ERROR(journal_.Created(topics_.ids(), context_));
      // Topics that are complete may already have their real configs in force: they keep them.
      MB_RETURN_IF_ERROR(ReadEnds(todo));
      MB_RETURN_IF_ERROR(topics_.PutWorkingConfigs(Incomplete(todo)));
      MB_RETURN_IF_ERROR(producers_->Ensure(report_.plan, todo));
      MB_RETURN_IF_ERROR(FillTopics(todo, &todo, attempt + 1 == kAttempts));
    }
    return Status::Ok();
  }

  // Before anything is produced: where appending began is known from nothing else later.
  Status SaveOffsetMaps() {
    if (journal_.found()) return Status::Ok();
    std::vector<repo::PartitionOffsetMap> maps;
    for (const PlannedTopic& topic : report_.plan.topics) {
      for (const PlannedPartition& p : topic.partitions) {
        if (p.map) maps.push_back({topic.source, topic.target, p.partition, *p.map});
      }
    }
    if (maps.empty()) return Status::Ok();
    MB_ASSIGN_OR_RETURN(auto stored, repo::WriteOffsetMaps(repository_.store(), maps, context_));
    journal_.SetOffsetMaps(stored);
    return Status::Ok();
  }

  Status PrepareProducers() {
    const TargetAbilities& abilities = report_.plan.abilities;
    producers_ = std::make_unique<RestoreProducers>(transactions_, journal_,
                                                    abilities.transaction_timeout, context_);
    size_t writers = 0;
    if (abilities.markers == MarkerMeans::kEndTxn)
      writers = options_.connections_per_broker * target_.metadata()->brokers.size();
    MB_RETURN_IF_ERROR(producers_->SettleMarkers(writers));
    if (abilities.markers == MarkerMeans::kWriteTxnMarkers) {
      MB_ASSIGN_OR_RETURN(auto id, target_.InitProducerId(context_));
      markers_ = {id.first, id.second};
    }
    steps_ =
        std::make_unique<TransactionSteps>(target_, transactions_, *options_.clock,
                                           abilities.transaction_timeout, producers_->markers());
    return Status::Ok();
  }

  std::vector<const PlannedTopic*> Incomplete(const std::set<std::string>& todo) const {
    std::vector<const PlannedTopic*> topics;
    for (const PlannedTopic& topic : report_.plan.topics) {
      if (todo.count(topic.target) > 0 && !topic.append && !TopicComplete(topic.target))
        topics.push_back(&topic);
    }
    return topics;
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
        if (end < p.log_end() || earliest < p.target_log_start()) return false;
      }
    }
    return true;
  }

  Status OpenWork(const std::set<std::string>& todo, std::vector<PartitionWork>* work) {
    MB_ASSIGN_OR_RETURN(auto producer, ProducerId());
    ahead_ = std::make_unique<ReadAhead>(repository_.store(), options_.read_ahead, *options_.clock);
    for (const PlannedTopic& topic : report_.plan.topics) {
      if (todo.count(topic.target) == 0) continue;
      for (const PlannedPartition& p : topic.partitions) {
        PartitionWork w;
        w.topic = &topic;
        w.plan = &p;
        std::tie(w.end, w.earliest) = ends_.at({topic.target, p.partition});
        FeedOptions feed;
        feed.producer = producer;
        for (const auto& slot : producers_->SlotsOf(topic, p))
          feed.slots.push_back({slot.producer_id, slot.epoch});
        if (steps_->by_end_txn()) feed.markers_per_step = 1;
        feed.map = p.map.get();
        w.feed = std::make_unique<BatchFeed>(ahead_->store(), p, std::move(feed), fillers_);
        if (!w.Complete())
          ahead_->Expect(p.blocks, p.map ? p.map->SourceOf(w.end).value_or(0) : w.end);
        work->push_back(std::move(w));
      }
    }
    ahead_->Start();
    for (PartitionWork& w : *work) {
      if (!w.Complete()) MB_RETURN_IF_ERROR(w.feed->Open(context_).WithContext(w.tp().ToString()));
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
    MB_RETURN_IF_ERROR(Produce(&work, Phase::kPadding, &troubles));
    CrashPoint("restore.after_padding");
    MB_RETURN_IF_ERROR(CutLogStarts(&work, troubles));
    MB_RETURN_IF_ERROR(topics_.StopRolling(Unfinished(work, troubles)));
    CrashPoint("restore.before_data");
    progress_.Begin("restoring", bytes, records);
    MB_RETURN_IF_ERROR(FillHeads(&work, &troubles));
    MB_RETURN_IF_ERROR(Produce(&work, Phase::kAll, &troubles));
    CrashPoint("restore.after_data");
    failed->clear();
    for (auto& [topic, status] : troubles) {
      bool worth = status.code() == Code::kOffsetMismatch || journal_.Unfilled(topic);
      bool redo = worth && !last_attempt && !journal_.Adopted(topic);
      if (!redo) return std::move(status).WithContext("topic '" + topic + "'");
      failed->insert(topic);
    }
    return Redo(*failed, troubles);
  }

  std::vector<const PlannedTopic*> Unfinished(const std::vector<PartitionWork>& work,
                                              const std::map<std::string, Status>& troubles) const {
    std::vector<const PlannedTopic*> topics;
    for (const PartitionWork& w : work) {
      if (!topics.empty() && topics.back() == w.topic) continue;
      if (troubles.count(w.topic->target) == 0 && !TopicComplete(w.topic->target))
        topics.push_back(w.topic);
    }
    return topics;
  }

  // How far a round of producing goes.
  enum class Phase : uint8_t { kPadding, kHeads, kHeadMarkers, kAll };

  // None: the partition has nothing to do in this phase.
  static std::optional<int64_t> StopOf(const PartitionWork& w, Phase phase) {
    const PlannedPartition& p = *w.plan;
    bool done = w.end > p.fill_below;
    switch (phase) {
      case Phase::kPadding:
        if (p.target_log_start() == 0 || w.end >= w.feed->first_step_end()) return std::nullopt;
        return w.feed->first_step_end();
      case Phase::kHeads:
        if (p.fill_below == 0 || p.map || done) return std::nullopt;
        return p.fill_below;
      case Phase::kHeadMarkers:
        if (p.fill_below == 0 || p.map || done) return std::nullopt;
        return p.fill_below + 1;
      case Phase::kAll:
        break;
    }
    return p.log_end();
  }

  // Everything below the last wide hole, as the brokers' cleaner leaves it.
  Status FillHeads(std::vector<PartitionWork>* work, std::map<std::string, Status>* troubles) {
    std::vector<CleanerHead> heads;
    for (const PartitionWork& w : *work) {
      // Beyond the head's marker an earlier run had cleaned it.
      bool todo = w.plan->fill_below > 0 && !w.plan->map && w.end <= w.plan->fill_below + 1;
      if (todo && !w.Complete()) heads.push_back({w.topic, w.plan, w.end > w.plan->fill_below});
    }
    if (heads.empty()) return Status::Ok();
    MB_RETURN_IF_ERROR(Produce(work, Phase::kHeads, troubles));
    DropTroubled(*troubles, &heads);
    CleanerHeads cleaner(repository_, target_, topics_, *options_.clock, progress_,
                         options_.cleaner_limit, context_);
    MB_RETURN_IF_ERROR(cleaner.RollAtNextAppend(heads));
    MB_RETURN_IF_ERROR(Produce(work, Phase::kHeadMarkers, troubles));
    DropTroubled(*troubles, &heads);
    int64_t begun = options_.clock->MonotonicNanos();
    MB_ASSIGN_OR_RETURN(auto late, cleaner.Clean(heads));
    report_.cleaner_seconds += SecondsSince(begun);
    for (LateHead& head : late) {
      if (options_.selection.offsets.holes == HoleMeans::kCleaner) return std::move(head.why);
      journal_.SetUnfilled(head.head.topic->target);
      troubles->try_emplace(head.head.topic->target, std::move(head.why));
    }
    return Status::Ok();
  }

  double SecondsSince(int64_t nanos) const {
    return static_cast<double>(options_.clock->MonotonicNanos() - nanos) / 1e9;
  }

  static void DropTroubled(const std::map<std::string, Status>& troubles,
                           std::vector<CleanerHead>* heads) {
    std::erase_if(*heads,
                  [&](const CleanerHead& head) { return troubles.count(head.topic->target) > 0; });
  }

  Status Produce(std::vector<PartitionWork>* work, Phase phase,
                 std::map<std::string, Status>* troubles) {
    std::vector<ProduceTask> tasks;
    std::vector<PartitionWork*> of_task;
    for (PartitionWork& w : *work) {
      if (troubles->count(w.topic->target) > 0 || w.Complete()) continue;
      std::optional<int64_t> stop_at = StopOf(w, phase);
      if (!stop_at || w.end == *stop_at) continue;
      w.feed->StopAt(*stop_at);
      Status sought = w.feed->Seek(w.end, context_);
      w.feed->Unload();
      if (sought.code() == Code::kOffsetMismatch) {
        (*troubles)[w.topic->target] = sought.WithContext(w.tp().ToString());
        continue;
      }
      MB_RETURN_IF_ERROR(sought);
      ProduceTask task;
      task.topic = w.topic->target;
      task.topic_id = topics_.ids().at(task.topic);
      task.partition = w.plan->partition;
      task.feed = w.feed.get();
      task.aborted = &w.plan->aborted;
      task.slots = producers_->SlotsOf(*w.topic, *w.plan);
      task.cautious = true;
      tasks.push_back(std::move(task));
      of_task.push_back(&w);
    }
    if (tasks.empty()) return Status::Ok();
    ProduceOptions options;
    options.connections_per_broker = options_.connections_per_broker;
    options.memory = options_.memory / 2;
    options.quiet = options_.quiet;
    options.stall_limit = options_.stall_limit;
    options.clock = options_.clock;
    options.markers = markers_;
    options.transactions = steps_.get();
    options.pace = &pace_;
    MB_ASSIGN_OR_RETURN(ProduceTotals totals,
                        ProduceAll(target_, tasks, options, progress_, context_));
    report_.produced.Add(totals);
    for (size_t i = 0; i < tasks.size(); ++i) {
      if (tasks[i].status.ok()) {
        of_task[i]->end = tasks[i].feed->position();
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
      if (troubles.count(w.topic->target) > 0 || w.earliest >= w.plan->target_log_start()) continue;
      before[w.tp()] = w.plan->log_start;
    }
    if (before.empty()) return Status::Ok();
    MB_RETURN_IF_ERROR(log_starts_.Cut(before));
    for (PartitionWork& w : *work) {
      if (before.count(w.tp()) > 0) w.earliest = w.plan->log_start;
    }
    CrashPoint("restore.after_delete_records");
    return Status::Ok();
  }

  Status Redo(const std::set<std::string>& failed, const std::map<std::string, Status>& troubles) {
    if (failed.empty()) return Status::Ok();
    for (const std::string& name : failed) {
      progress_.Warn("topic '" + name +
                     "' is deleted and restored again: " + troubles.at(name).ToString());
      report_.redone.push_back(name);
    }
    MB_RETURN_IF_ERROR(producers_->Renew(report_.plan, failed));
    MB_RETURN_IF_ERROR(topics_.Delete(failed));
    for (PlannedTopic& topic : report_.plan.topics) {
      if (journal_.Unfilled(topic.target)) UseMarkersOnly(&topic);
    }
    // Not before the filled topics are gone: another run would leave the filler in them.
    return journal_.Save(context_);
  }

  Status RestoreGroups() {
    if (report_.plan.groups.empty()) return Status::Ok();
    progress_.Begin("restoring groups", 0, 0);
    const std::vector<PlannedGroup>& groups = report_.plan.groups;
    MB_ASSIGN_OR_RETURN(bool retained,
                        CommitGroups(target_, groups, options_.group_retention, context_));
    report_.groups_restored = groups.size();
    if (retained) {
      report_.groups_expire_ms = options_.clock->WallMillis() + options_.group_retention.count();
    } else {
      progress_.Warn(
          "the target keeps offsets of unused groups for a time of its own, 7 days by "
          "default (offsets.retention.minutes): start the groups before that");
    }
    return Status::Ok();
  }

  repo::Repository& repository_;
  kafka::Cluster& target_;
  const RestoreOptions& options_;
  Progress& progress_;
  const CallContext& context_;
  RestoreJournal journal_;
  RestoreThaw thaw_;
  TopicSetup topics_;
  LogStarts log_starts_;
  kafka::Transactions transactions_;
  Pace pace_;
  std::unique_ptr<RestoreProducers> producers_;
  std::unique_ptr<TransactionSteps> steps_;
  ProducerIdentity markers_;
  std::unique_ptr<ReadAhead> ahead_;  // of the current attempt
  kafka::FillerBatches fillers_;
  RestoreReport report_;
  RestoreSelection selection_;                                  // with measured rates
  std::map<TopicPartition, std::pair<int64_t, int64_t>> ends_;  // log end, log start
};

}  // namespace

Result<RestoreReport> RunRestore(repo::Repository& repository, const format::SnapshotRef& snapshot,
                                 kafka::Cluster& target, const RestoreOptions& options,
                                 Progress& progress, const CallContext& context) {
  for (int thaws = 1;; ++thaws) {
    Restore restore(repository, target, options, progress, context);
    auto report = restore.Run(snapshot);
    if (report.ok() || !restore.may_go_on() || thaws == kThawsMax) return report;
    progress.Warn(report.status().message());
  }
}

}  // namespace maxbrod::engine
