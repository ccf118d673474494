#include "engine/restore.h"

#include <algorithm>
#include <set>

#include "engine/calibrate.h"
#include "engine/log_starts.h"
#include "engine/repartition.h"
#include "engine/restore_data.h"
#include "engine/restore_groups.h"
#include "engine/restore_journal.h"
#include "engine/restore_rest.h"
#include "engine/restore_thaw.h"
#include "engine/restore_topics.h"
#include "engine/target_configs.h"
#include "os/crash_point.h"
#include "os/log.h"
#include "repo/offset_maps.h"

namespace maxbrod::engine {
namespace {

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
    report_.seconds = static_cast<double>(options_.clock->MonotonicNanos() - begun) / 1e9;
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
    MB_RETURN_IF_ERROR(data_.Prepare());
    MB_RETURN_IF_ERROR(DeleteReplaced());
    for (size_t wave = 0; wave < thaw_.waves().size(); ++wave) {
      MB_RETURN_IF_ERROR(thaw_.BeginWave(wave));
      MB_RETURN_IF_ERROR(data_.RestoreTopics(thaw_.waves()[wave].topics));
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
  Pace pace_;
  RestoreReport report_;
  RestoreSelection selection_;  // with measured rates
  RestoreData data_{{repository_, target_, options_, progress_, journal_, topics_, log_starts_,
                     pace_, report_, context_}};
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
