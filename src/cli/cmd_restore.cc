// maxbrod restore: a snapshot back into a cluster, at the same offsets.
#include <iostream>

#include "base/user_time.h"
#include "cli/metadata_output.h"
#include "cli/output.h"
#include "cli/pace_flags.h"
#include "cli/progress_printer.h"
#include "cli/restore_output.h"
#include "cli/shape_flags.h"
#include "cli/source.h"
#include "cli/thaw_flags.h"
#include "cli/verbs.h"
#include "engine/restore.h"

namespace maxbrod::cli {
namespace {

struct RestoreFlags {
  RepositoryFlags repository;
  ClusterFlags cluster;
  ThawFlags thaw;
  ShapeFlags shape;
  PaceFlags pace;
  std::string snapshot;
  std::vector<std::string> topics, topic_ids, exclude, rename, groups, offsets, to_offset;
  std::string pad_limit = "1h", cleaner_wait = "5m", at, markers = "auto", holes = "auto";
  bool dry_run = false, leave_retention_off = false, append = false, calibrate = false,
       no_calibrate = false;
  size_t connections = 2;
};

Result<engine::RestoreOptions> ToOptions(const RestoreFlags& flags, const Globals& globals) {
  engine::RestoreOptions options;
  MB_ASSIGN_OR_RETURN(options.selection.topics,
                      engine::TopicSelection::Parse(flags.topics, flags.exclude));
  MB_ASSIGN_OR_RETURN(options.selection.renames, engine::Renames::Parse(flags.rename));
  for (const std::string& text : flags.groups) {
    MB_ASSIGN_OR_RETURN(engine::NamePattern pattern, engine::NamePattern::Parse(text));
    options.selection.only_groups.push_back(std::move(pattern));
  }
  engine::OffsetsPolicy& policy = options.selection.offsets;
  for (const std::string& text : flags.offsets) MB_RETURN_IF_ERROR(policy.ParseMode(text));
  MB_RETURN_IF_ERROR(policy.ParsePadLimit(flags.pad_limit));
  policy.append = flags.append;
  if (flags.markers == "write-txn-markers") policy.markers = engine::MarkerMeans::kWriteTxnMarkers;
  if (flags.markers == "end-txn") policy.markers = engine::MarkerMeans::kEndTxn;
  if (flags.holes == "markers") policy.holes = engine::HoleMeans::kMarkers;
  if (flags.holes == "cleaner") policy.holes = engine::HoleMeans::kCleaner;
  MB_ASSIGN_OR_RETURN(int64_t cleaner_wait, ParseUserDuration(flags.cleaner_wait));
  options.cleaner_limit = Millis(cleaner_wait);
  if (!flags.at.empty()) {
    MB_ASSIGN_OR_RETURN(options.selection.at_ms, ParseUserTime(flags.at));
  }
  for (const std::string& text : flags.to_offset) {
    MB_ASSIGN_OR_RETURN(engine::OffsetCut cut, engine::ParseToOffset(text));
    options.selection.to_offsets.push_back(std::move(cut));
  }
  MB_RETURN_IF_ERROR(flags.shape.Fill(&options.selection));
  if (flags.leave_retention_off) options.selection.leave_retention_off = true;
  options.dry_run = flags.dry_run;
  MB_ASSIGN_OR_RETURN(options.thaw, flags.thaw.Options());
  options.calibrate = flags.calibrate || (!flags.dry_run && !flags.no_calibrate);
  options.connections_per_broker = flags.connections;
  MB_ASSIGN_OR_RETURN(options.pace, flags.pace.Options());
  MB_RETURN_IF_ERROR(flags.repository.ShareMemory(globals, &options.read_ahead, &options.memory));
  return options;
}

Status Run(const RestoreFlags& flags, const Globals& globals) {
  MB_ASSIGN_OR_RETURN(engine::RestoreOptions options, ToOptions(flags, globals));
  MB_ASSIGN_OR_RETURN(auto repository, flags.repository.Open(globals));
  engine::Progress progress;
  // A dry run costs nothing, so it thaws nothing either.
  MB_ASSIGN_OR_RETURN(engine::RestoreSource source,
                      FindSource(*repository, flags.snapshot, flags.topic_ids,
                                 flags.dry_run ? engine::ThawOptions() : options.thaw,
                                 "the restore", progress, globals));
  if (!source.topics.empty()) {
    source.topics.insert(source.topics.end(), flags.topics.begin(), flags.topics.end());
    MB_ASSIGN_OR_RETURN(options.selection.topics,
                        engine::TopicSelection::Parse(source.topics, flags.exclude));
  }
  aws::MskCluster msk;
  MB_ASSIGN_OR_RETURN(auto cluster, flags.cluster.Connect(globals, &msk));
  if (!msk.arn.empty())
    options.selection.limits = std::make_shared<const aws::MskLimits>(aws::LimitsOf(msk.kind));
  if (!flags.dry_run) MB_RETURN_IF_ERROR(engine::PinSource(*repository, source, globals.context()));
  auto report = [&] {
    ProgressPrinter printer(progress, globals);
    return engine::RunRestore(*repository, source.ref, *cluster, options, progress,
                              globals.context());
  }();
  MB_RETURN_IF_ERROR(report.status());
  if (flags.dry_run) {
    PrintPlan(report->plan, options.thaw, globals);
    return report->plan.Refusal();
  }
  PrintRestoreReport(*report, options.thaw, globals);
  MB_RETURN_IF_ERROR(engine::UnpinSource(*repository, source, globals.context()));
  return report->metadata ? MetadataOutcome(*report->metadata) : Status::Ok();
}

}  // namespace

void AddRestore(CLI::App& app, Globals& globals) {
  auto flags = std::make_shared<RestoreFlags>();
  CLI::App* verb =
      app.add_subcommand("restore", "Restore a snapshot into a cluster, at the same offsets");
  verb->add_option("snapshot", flags->snapshot,
                   "Name, id or 'latest'; or @COMMIT or @TIME, between snapshots")
      ->required();
  flags->repository.Add(verb);
  flags->repository.AddAsOf(verb, /*writes=*/true);
  flags->cluster.Add(verb, true);
  verb->add_flag("--dry-run", flags->dry_run, "Show the plan and touch nothing");
  auto* calibrate = verb->add_flag("--calibrate", flags->calibrate,
                                   "With --dry-run: measure the target too, in a topic that is "
                                   "made and deleted");
  verb->add_flag("--no-calibrate", flags->no_calibrate, "Estimate by guesses, measure nothing")
      ->excludes(calibrate);
  verb->add_option("--topics", flags->topics,
                   "Names, globs or /regular expressions/ (default: all)")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_option("--topic-id", flags->topic_ids,
                   "Topics by id, as 'maxbrod timeline' lists them: with @COMMIT or @TIME also one "
                   "that was made anew since (may be repeated)")
      ->allow_extra_args(false);
  verb->add_option("--exclude", flags->exclude, "Topics left out, written as --topics")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_option("--rename", flags->rename,
                   "FROM=TO, or /regex/=replacement with $1 (may be repeated)")
      ->allow_extra_args(false);
  verb->add_option("--groups", flags->groups, "Only these groups (names, globs, /regex/)")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_option("--offsets", flags->offsets,
                   "auto, exact or dense (default auto: exact within --pad-limit); for some topics "
                   "TOPIC=MODE (may be repeated)")
      ->allow_extra_args(false);
  verb->add_option("--pad-limit", flags->pad_limit,
                   "What auto may pad in one topic: offsets (5000000) or time (30m, 2h) "
                   "(default 1h)");
  verb->add_flag("--append", flags->append,
                 "Add to topics that are not empty: other offsets, see 'maxbrod offsets'");
  verb->add_option("--at", flags->at,
                   "Nothing newer than this time, e.g. 2026-11-20T10:00:00Z; per partition up to "
                   "the first newer record");
  verb->add_option("--to-offset", flags->to_offset,
                   "TOPIC:PARTITION:OFFSET, of this partition only offsets below (may be repeated)")
      ->allow_extra_args(false);
  verb->add_option("--markers", flags->markers,
                   "How offsets without a record are made: auto, write-txn-markers or end-txn "
                   "(default auto)")
      ->check(CLI::IsMember({"auto", "write-txn-markers", "end-txn"}));
  verb->add_option("--holes", flags->holes,
                   "How the holes of compacted topics are made: auto (by cost), markers, or "
                   "cleaner: filled, and emptied by the brokers' cleaner (default auto)")
      ->check(CLI::IsMember({"auto", "markers", "cleaner"}));
  verb->add_option("--cleaner-wait", flags->cleaner_wait,
                   "How long a broker's cleaner may do nothing (90s, 10m) before the holes become "
                   "markers after all, or with --holes cleaner the restore fails (default 5m)");
  flags->shape.Add(verb);
  verb->add_flag("--leave-retention-off", flags->leave_retention_off,
                 "Restored topics keep everything (retention.ms=-1) until you change it");
  verb->add_option("--connections", flags->connections, "Connections per broker (default 2)")
      ->check(CLI::Range(1, 64));
  flags->pace.Add(verb);
  flags->thaw.Add(verb);
  verb->footer(
      "Killed or stopped at any moment, the same command goes on where it was.\n"
      "Examples:\n"
      "  maxbrod restore nightly --repo file:///backups/kafka --bootstrap-server n1:9092 "
      "--dry-run\n"
      "  maxbrod restore nightly --repo ... --bootstrap-server n1:9092 --rename orders=orders-copy "
      "--no-groups\n"
      "  maxbrod restore nightly --repo ... --bootstrap-server n1:9092 --at 2026-11-20T10:00:00Z\n"
      "  maxbrod restore @2026-11-28T10:00:00Z --repo ... --bootstrap-server n1:9092 --dry-run\n"
      "  maxbrod restore nightly --repo ... --bootstrap-server n1:9092 --offsets 'events-*=dense'\n"
      "  maxbrod restore nightly --repo ... --bootstrap-server n1:9092 --parts all "
      "--replication-factor fit\n"
      "  maxbrod restore nightly --repo ... --bootstrap-server test1:9092 --profile small "
      "--config 'logs-*:cleanup.policy=delete'\n"
      "  maxbrod restore nightly --repo s3://... --bootstrap-server n1:9092 --thaw standard "
      "--wait");
  verb->callback([flags, &globals] {
    flags->repository.as_of_writes = !flags->dry_run;
    globals.action = [flags, &globals] { return Run(*flags, globals); };
  });
}

}  // namespace maxbrod::cli
