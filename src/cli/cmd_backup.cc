// maxbrod backup: takes a snapshot of a cluster.
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "cli/pace_flags.h"
#include "cli/progress_printer.h"
#include "cli/registry_flags.h"
#include "cli/thaw_flags.h"
#include "cli/verbs.h"
#include "engine/backup.h"
#include "engine/thaw_gate.h"
#include "store/s3_memory.h"

namespace maxbrod::cli {
namespace {

struct BackupFlags {
  RepositoryFlags repository;
  ClusterFlags cluster;
  std::vector<std::string> topics, exclude, tags;
  std::string name, description, pack_size, compression = "none";
  size_t connections = 4;
  PaceFlags pace;
  ThawFlags thaw;
  RegistryFlags registry;
};

// How large packs are, and what is left of the memory for everything else. In a bucket a pack
// should be one request.
Status SetSizes(const BackupFlags& flags, const Globals& globals, engine::BackupOptions* options) {
  MB_ASSIGN_OR_RETURN(options->memory, ParseBytes(globals.memory));
  if (flags.repository.holds_writes()) {
    const store::S3Memory memory = store::ShareS3Memory(options->memory);
    options->pack_bytes = memory.part_bytes;
    options->held_packs = memory.parts;
    options->memory = memory.rest;
  }
  if (!flags.pack_size.empty()) {
    MB_ASSIGN_OR_RETURN(options->pack_bytes, ParseBytes(flags.pack_size));
  }
  return Status::Ok();
}

Result<engine::BackupOptions> ToOptions(const BackupFlags& flags, const Globals& globals) {
  engine::BackupOptions options;
  options.topics = flags.topics;
  options.exclude = flags.exclude;
  options.tags = flags.tags;
  options.name = flags.name;
  options.description = flags.description;
  options.connections_per_broker = flags.connections;
  options.program = ProgramName();
  MB_ASSIGN_OR_RETURN(options.registry, flags.registry.Open());
  MB_ASSIGN_OR_RETURN(options.pace, flags.pace.Options());
  MB_RETURN_IF_ERROR(SetSizes(flags, globals, &options));
  if (flags.compression != "none") options.zstd_level = 3;
  return options;
}

void PrintReport(const engine::BackupReport& report, const Globals& globals) {
  const auto& stats = report.snapshot.stats();
  if (globals.json) {
    nlohmann::json out = {{"snapshot", report.snapshot.name()},
                          {"id", ToHex(AsBytes(report.snapshot.id()))},
                          {"topics", stats.topics()},
                          {"partitions", stats.partitions()},
                          {"records", stats.records()},
                          {"bytes", stats.bytes()},
                          {"new_bytes", stats.new_bytes()},
                          {"stored_bytes", stats.stored_bytes()},
                          {"groups", stats.groups()},
                          {"gaps", stats.gaps()},
                          {"seconds", report.seconds},
                          {"warnings", report.warnings},
                          {"topics_left_out", report.topics_left_out},
                          {"hanging_transactions", report.hanging_transactions},
                          {"head", report.receipt.ToString()}};
    AddFetchJson(report.fetch, &out);
    AddPaceJson(report.pace, &out);
    std::cout << out.dump() << "\n";
    return;
  }
  double rate = report.seconds > 0 ? static_cast<double>(stats.new_bytes()) / report.seconds : 0;
  std::cout << "snapshot '" << report.snapshot.name() << "' ("
            << ToHex(AsBytes(report.snapshot.id())).substr(0, 8)
            << "): " << FormatCount(stats.topics()) << " topics, "
            << FormatCount(stats.partitions()) << " partitions, " << FormatCount(stats.records())
            << " records, " << FormatBytes(stats.bytes()) << ", " << FormatCount(stats.groups())
            << " groups\n"
            << "new: " << FormatBytes(stats.new_bytes()) << " in " << FormatDuration(report.seconds)
            << " (" << FormatBytes(static_cast<uint64_t>(rate)) << "/s, "
            << FormatCount(report.fetch.requests) << " fetch requests)\n"
            << report.receipt.ToString() << "\n";
}

Status Run(const BackupFlags& flags, const Globals& globals) {
  MB_ASSIGN_OR_RETURN(engine::BackupOptions options, ToOptions(flags, globals));
  MB_ASSIGN_OR_RETURN(engine::ThawOptions thaw, flags.thaw.Options());
  MB_ASSIGN_OR_RETURN(auto repository, flags.repository.Open(globals));
  MB_ASSIGN_OR_RETURN(auto cluster, flags.cluster.Connect(globals));
  engine::Progress progress;
  auto report = [&]() -> Result<engine::BackupReport> {
    ProgressPrinter printer(progress, globals);
    MB_RETURN_IF_ERROR(engine::ReadLooseIndexes(
        *repository,
        {thaw, "the backup, of what an interrupted one left,", Clock::System(), progress},
        globals.context()));
    return engine::RunBackup(*cluster, *repository, options, progress, globals.context());
  }();
  MB_RETURN_IF_ERROR(report.status());
  flags.repository.Remember(*repository);
  PrintReport(*report, globals);
  if (report->complete()) return Status::Ok();
  if (!report->topics_left_out.empty()) {
    std::string list;
    for (const std::string& topic : report->topics_left_out)
      list += (list.empty() ? "" : ", ") + topic;
    return Status(Code::kIncomplete, "the snapshot lacks " + list)
        .WithHint("the warnings above tell why; run the backup again");
  }
  return Status(Code::kIncomplete, "hanging transactions hold the last stable offset where it is")
      .WithHint("kafka-transactions.sh find-hanging and abort");
}

}  // namespace

void AddBackup(CLI::App& app, Globals& globals) {
  auto flags = std::make_shared<BackupFlags>();
  CLI::App* verb =
      app.add_subcommand("backup", "Take a snapshot of a cluster; only what is new is copied");
  flags->repository.Add(verb);
  flags->cluster.Add(verb, true);
  verb->add_option("--name", flags->name, "Name of the snapshot (default: the time)");
  verb->add_option("--description", flags->description, "A remark kept with it");
  verb->add_option("--tag", flags->tags, "A tag kept with it (may be repeated)")
      ->allow_extra_args(false);
  verb->add_option("--topics", flags->topics,
                   "Names, globs or /regular expressions/ (default: all but internal ones)")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_option("--exclude", flags->exclude, "Topics left out, written as --topics")
      ->delimiter(',')
      ->allow_extra_args(false);
  flags->pace.AddReading(verb);
  verb->add_option("--connections", flags->connections, "Connections per broker (default 4)")
      ->check(CLI::Range(1, 64));
  verb->add_option("--pack-size", flags->pack_size,
                   "Size of a pack at most (default 128MiB, in S3 64MiB)");
  verb->add_option("--compression", flags->compression,
                   "none, or zstd where it pays (default none)")
      ->check(CLI::IsMember({"none", "zstd"}));
  flags->registry.Add(verb, "Keep the subjects of this Schema Registry as well");
  // Only the indexes of what interrupted backups left are read.
  flags->thaw.Add(verb);
  verb->footer(
      "Examples:\n"
      "  maxbrod backup --repo file:///backups/kafka --bootstrap-server b1:9092 --name nightly\n"
      "  maxbrod backup --repo ... --bootstrap-server b1:9092 --topics 'orders*,/iot-[0-9]+/' "
      "--exclude '*-tmp'\n"
      "  maxbrod backup --repo ... --bootstrap-server b1:9092 --schema-registry http://sr:8081\n"
      "  maxbrod backup --repo ... --bootstrap-server b1:9092 --gentle --rack eu-central-1a");
  verb->callback(
      [flags, &globals] { globals.action = [flags, &globals] { return Run(*flags, globals); }; });
}

}  // namespace maxbrod::cli
