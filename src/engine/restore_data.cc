#include "engine/restore_data.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/batch_feed.h"
#include "engine/cleaner_heads.h"
#include "engine/plan_heads.h"
#include "engine/produce_pool.h"
#include "engine/read_ahead.h"
#include "engine/restore_producers.h"
#include "engine/settle.h"
#include "engine/transaction_steps.h"
#include "kafka/errors.h"
#include "os/crash_point.h"

namespace maxbrod::engine {
namespace {

constexpr int kAttempts = 2;

struct PartitionWork {
  const PlannedTopic* topic = nullptr;
  const PlannedPartition* plan = nullptr;
  std::unique_ptr<BatchFeed> feed;
  int64_t end = 0;  // what the log holds
  int64_t earliest = 0;
  TopicPartition tp() const { return {topic->target, plan->partition}; }
  bool Complete() const { return end >= plan->log_end() && earliest >= plan->target_log_start(); }
};

}  // namespace

class RestoreData::Impl {
 public:
  explicit Impl(const RestoreShared& shared)
      : repository_(shared.repository),
        target_(shared.target),
        options_(shared.options),
        progress_(shared.progress),
        journal_(shared.journal),
        topics_(shared.topics),
        log_starts_(shared.log_starts),
        pace_(shared.pace),
        report_(shared.report),
        context_(shared.context),
        transactions_(shared.target) {}

  Status Prepare() {
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

 private:
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

  repo::Repository& repository_;
  kafka::Cluster& target_;
  const RestoreOptions& options_;
  Progress& progress_;
  RestoreJournal& journal_;
  TopicSetup& topics_;
  LogStarts& log_starts_;
  Pace& pace_;
  RestoreReport& report_;
  const CallContext& context_;
  kafka::Transactions transactions_;
  std::unique_ptr<RestoreProducers> producers_;
  std::unique_ptr<TransactionSteps> steps_;
  ProducerIdentity markers_;
  std::unique_ptr<ReadAhead> ahead_;  // of the current attempt
  kafka::FillerBatches fillers_;
  std::map<TopicPartition, std::pair<int64_t, int64_t>> ends_;  // log end, log start
};

RestoreData::RestoreData(const RestoreShared& shared) : impl_(std::make_unique<Impl>(shared)) {}
RestoreData::~RestoreData() = default;

Status RestoreData::Prepare() {
  return impl_->Prepare();
}

Status RestoreData::RestoreTopics(std::set<std::string> todo) {
  return impl_->RestoreTopics(std::move(todo));
}

}  // namespace maxbrod::engine
