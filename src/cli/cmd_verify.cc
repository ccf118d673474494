// maxbrod verify: reads a repository back, or compares a cluster with a snapshot.
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <tuple>

#include "cli/output.h"
#include "cli/pace_flags.h"
#include "cli/progress_printer.h"
#include "cli/source.h"
#include "cli/thaw_flags.h"
#include "cli/verbs.h"
#include "codec/hash.h"
#include "engine/verify_live.h"
#include "engine/verify_repository.h"

namespace maxbrod::cli {
namespace {

struct VerifyFlags {
  RepositoryFlags repository;
  ClusterFlags cluster;
  std::string snapshot;
  std::vector<std::string> topics, exclude, rename, groups;
  ThawFlags thaw;
  PaceFlags pace;
  std::string sample, cold = "fail";
  uint64_t seed = 0;
  bool no_groups = false, no_cluster = false;
  size_t connections = 2, threads = 2;
};

nlohmann::json OffsetJson(int64_t offset) {
  return offset < 0 ? nlohmann::json() : nlohmann::json(offset);
}

nlohmann::json ProblemsJson(const std::vector<engine::Problem>& problems) {
  nlohmann::json out = nlohmann::json::array();
  for (const engine::Problem& p : problems) {
    nlohmann::json one = {{"object", p.object}, {"what", p.what}};
    if (!p.topic.empty()) {
      one["topic"] = p.topic;
      one["partition"] = p.partition < 0 ? nlohmann::json() : nlohmann::json(p.partition);
      one["first_offset"] = OffsetJson(p.first_offset);
      one["last_offset"] = OffsetJson(p.last_offset);
    }
    out.push_back(std::move(one));
  }
  return out;
}

void PrintProblems(const std::vector<engine::Problem>& problems, uint64_t count) {
  if (problems.empty()) return;
  Table table({"OBJECT", "TOPIC", ">PART", ">FROM", ">TO", "PROBLEM"});
  for (const engine::Problem& p : problems) {
    table.Row({p.object, p.topic, p.partition < 0 ? "" : std::to_string(p.partition),
               p.first_offset < 0 ? "" : std::to_string(p.first_offset),
               p.last_offset < 0 ? "" : std::to_string(p.last_offset), p.what});
  }
  std::cout << "\n";
  table.Print(std::cout);
  if (count > problems.size())
    std::cout << "... and " << FormatCount(count - problems.size()) << " more\n";
}

nlohmann::json SampleJson(const engine::Sampler& sampler) {
  if (sampler.all()) return nlohmann::json();
  return {{"fraction", sampler.fraction()}, {"seed", sampler.seed()}};
}

std::string SampleText(const engine::Sampler& sampler) {
  if (sampler.all()) return std::string();
  char percent[32];
  std::snprintf(percent, sizeof(percent), "%g", sampler.fraction() * 100);
  return std::string("a sample of ") + percent + " % of the blocks (--seed " +
         std::to_string(sampler.seed()) + ")\n";
}

void PrintReport(const engine::VerifyReport& report, const std::string& snapshot,
                 const Globals& globals) {
  if (globals.json) {
    nlohmann::json out = {{"ok", report.problem_count == 0},
                          {"objects", report.objects},
                          {"commits", report.commits},
                          {"checkpoints", report.checkpoints},
                          {"manifests", report.manifests},
                          {"snapshots", report.snapshots},
                          {"packs", report.packs},
                          {"blocks", report.blocks},
                          {"bytes", report.bytes},
                          {"batches", report.batches},
                          {"records", report.records},
                          {"seconds", report.seconds},
                          {"sample", SampleJson(report.sampler)},
                          {"unreferenced_objects", report.unreferenced_objects},
                          {"unreferenced_bytes", report.unreferenced_bytes},
                          {"cold_packs", report.cold_packs},
                          {"cold_bytes", report.cold_bytes},
                          {"problem_count", report.problem_count},
                          {"problems", ProblemsJson(report.problems)}};
    if (!snapshot.empty()) out["snapshot"] = snapshot;
    std::cout << out.dump() << "\n";
    return;
  }
  double rate = report.seconds > 0 ? static_cast<double>(report.bytes) / report.seconds : 0;
  std::cout << (snapshot.empty() ? std::string("repository") : "snapshot '" + snapshot + "'")
            << ": read " << FormatCount(report.objects) << " objects, "
            << FormatCount(report.blocks) << " blocks, " << FormatCount(report.batches)
            << " batches, " << FormatCount(report.records) << " records, "
            << FormatBytes(report.bytes) << " in " << FormatDuration(report.seconds) << " ("
            << FormatBytes(static_cast<uint64_t>(rate)) << "/s)\n"
            << SampleText(report.sampler);
  if (report.unreferenced_objects > 0) {
    std::cout
        << FormatCount(report.unreferenced_objects) << " objects ("
        << FormatBytes(report.unreferenced_bytes)
        << ") that no commit names, left by interrupted runs: no harm but the room they take\n";
  }
  if (report.cold_packs > 0) {
    std::cout << "not read: " << FormatCount(report.cold_packs) << " packs ("
              << FormatBytes(report.cold_bytes) << ") in cold storage, which --thaw would read\n";
  }
  PrintProblems(report.problems, report.problem_count);
  if (report.problem_count == 0) std::cout << "no problem found\n";
}

auto OrderOf(const engine::Problem& p) {
  return std::tie(p.object, p.topic, p.partition, p.first_offset, p.what);
}
auto OrderOf(const engine::Difference& d) {
  return std::tie(d.topic, d.partition, d.group, d.first_offset, d.what);
}
template <typename OfPartition>
  requires requires(const OfPartition& p) { p.partition.topic; }
auto OrderOf(const OfPartition& p) {
  return std::tie(p.partition.topic, p.partition.partition);
}

// They come as they were found, by several threads.
template <typename List>
void Sort(List* list) {
  std::sort(list->begin(), list->end(),
            [](const auto& a, const auto& b) { return OrderOf(a) < OrderOf(b); });
}

nlohmann::json DifferencesJson(const engine::LiveVerifyReport& report) {
  nlohmann::json out = nlohmann::json::array();
  for (const engine::Difference& d : report.differences) {
    nlohmann::json one = {{"kind", engine::NameOf(d.kind)}, {"what", d.what}, {"records", d.count}};
    if (!d.group.empty()) one["group"] = d.group;
    if (!d.topic.empty()) one["topic"] = d.topic;
    if (d.partition >= 0) one["partition"] = d.partition;
    if (d.first_offset >= 0) {
      one["first_offset"] = d.first_offset;
      one["last_offset"] = std::max(d.first_offset, d.last_offset);
    }
    out.push_back(std::move(one));
  }
  return out;
}

nlohmann::json LiveJson(const engine::LiveVerifyReport& report) {
  nlohmann::json counts, records, removed = nlohmann::json::array(),
                                  unread = nlohmann::json::array();
  for (size_t kind = 0; kind < engine::kDifferenceKinds; ++kind) {
    const char* name = engine::NameOf(static_cast<engine::DifferenceKind>(kind));
    counts[name] = report.difference_counts[kind];
    records[name] = report.difference_records[kind];
  }
  for (const auto& r : report.removed_by_retention) {
    removed.push_back({{"topic", r.partition.topic},
                       {"partition", r.partition.partition},
                       {"first_offset", r.first_offset},
                       {"last_offset", r.last_offset}});
  }
  for (const auto& u : report.unread) {
    unread.push_back({{"topic", u.partition.topic},
                      {"partition", u.partition.partition},
                      {"why", u.status.message()}});
  }
  nlohmann::json out = {{"ok", report.Outcome().ok()},
                        {"snapshot", report.snapshot},
                        {"topics", report.topics},
                        {"partitions", report.partitions},
                        {"groups", report.groups},
                        {"configs", report.configs},
                        {"batches", report.data.batches},
                        {"batches_decoded", report.data.batches_decoded},
                        {"records", report.data.records},
                        {"bytes", report.data.bytes},
                        {"seconds", report.seconds},
                        {"sample", SampleJson(report.sampler)},
                        {"differences", DifferencesJson(report)},
                        {"difference_counts", counts},
                        {"difference_records", records},
                        {"removed_by_retention", removed},
                        {"superseded_by_compaction", report.data.compacted_records},
                        {"not_followed", report.data.not_followed},
                        {"partitions_moved_on", report.partitions_moved_on},
                        {"groups_moved_on", report.groups_moved_on},
                        {"unread", unread},
                        {"notes", report.notes},
                        {"cold_packs", report.cold_packs},
                        {"cold_bytes", report.cold_bytes},
                        {"problem_count", report.problem_count},
                        {"problems", ProblemsJson(report.problems)}};
  AddFetchJson(report.fetch, &out);
  AddPaceJson(report.pace, &out);
  return out;
}

void PrintDifferences(const engine::LiveVerifyReport& report) {
  if (report.differences.empty()) return;
  Table table({"KIND", "WHERE", ">RECORDS", "DIFFERENCE"});
  for (const engine::Difference& d : report.differences) {
    bool of_records = d.kind == engine::DifferenceKind::kMissing ||
                      d.kind == engine::DifferenceKind::kExtra ||
                      d.kind == engine::DifferenceKind::kChanged;
    table.Row({engine::NameOf(d.kind), d.Where(), of_records ? FormatCount(d.count) : "", d.what});
  }
  std::cout << "\n";
  table.Print(std::cout);
  uint64_t all = report.difference_count();
  if (all > report.differences.size()) {
    std::cout << "... and " << FormatCount(all - report.differences.size()) << " more\n";
  }
}

void PrintNotes(const engine::LiveVerifyReport& report) {
  for (const auto& r : report.removed_by_retention) {
    std::cout << "removed by retention: " << r.partition.ToString() << " offsets " << r.first_offset
              << " to " << r.last_offset << "\n";
  }
  if (report.partitions_moved_on > 0) {
    std::cout << "moved on: " << FormatCount(report.partitions_moved_on)
              << " partitions hold records beyond the snapshot's end\n";
  }
  if (report.groups_moved_on > 0) {
    std::cout << "moved on: " << FormatCount(report.groups_moved_on) << " groups\n";
  }
  if (report.data.compacted_records > 0) {
    std::cout << "compacted: " << FormatCount(report.data.compacted_records)
              << " records on one side only, a later one of the same key on both\n";
  }
  if (report.data.not_followed > 0) {
    std::cout << "compacted: " << FormatCount(report.data.not_followed)
              << " tombstones or sampled records on one side only, which nobody can judge\n";
  }
  for (const auto& u : report.unread) {
    std::cout << "not compared: " << u.partition.ToString() << ": " << u.status.message() << "\n";
  }
  for (const std::string& note : report.notes) std::cout << "note: " << note << "\n";
}

void PrintReport(const engine::LiveVerifyReport& report, const Globals& globals) {
  if (globals.json) {
    std::cout << LiveJson(report).dump() << "\n";
    return;
  }
  double rate = report.seconds > 0 ? static_cast<double>(report.data.bytes) / report.seconds : 0;
  std::cout << "snapshot '" << report.snapshot << "' and the cluster: compared "
            << FormatCount(report.topics) << " topics, " << FormatCount(report.partitions)
            << " partitions, " << FormatCount(report.data.records) << " records, "
            << FormatBytes(report.data.bytes) << ", " << FormatCount(report.configs) << " configs, "
            << FormatCount(report.groups) << " groups in " << FormatDuration(report.seconds) << " ("
            << FormatBytes(static_cast<uint64_t>(rate)) << "/s)\n"
            << SampleText(report.sampler);
  PrintDifferences(report);
  PrintProblems(report.problems, report.problem_count);
  PrintNotes(report);
  if (report.Outcome().ok()) std::cout << "no difference found\n";
}

Result<engine::Sampler> MakeSampler(const VerifyFlags& flags) {
  if (flags.sample.empty()) return engine::Sampler();
  MB_ASSIGN_OR_RETURN(double fraction, engine::ParsePercent(flags.sample));
  uint64_t seed = flags.seed;
  if (seed == 0) {
    uint8_t random[4];
    MB_RETURN_IF_ERROR(RandomBytes(random));
    seed = uint64_t{LoadBig<uint32_t>(random)} + 1;
  }
  return engine::Sampler(fraction, seed);
}

Result<engine::ColdPolicy> MakeColdPolicy(const VerifyFlags& flags) {
  engine::ColdPolicy policy;
  MB_ASSIGN_OR_RETURN(policy.thaw, flags.thaw.Options());
  policy.skip = flags.cold == "skip";
  return policy;
}

// The snapshot may be a point between snapshots too: what its restore has made is verified by it.
Status RunLive(const VerifyFlags& flags, repo::Repository& repository, const Globals& globals) {
  engine::LiveVerifyOptions options;
  MB_ASSIGN_OR_RETURN(options.topics, engine::TopicSelection::Parse(flags.topics, flags.exclude));
  MB_ASSIGN_OR_RETURN(options.renames, engine::Renames::Parse(flags.rename));
  for (const std::string& text : flags.groups) {
    MB_ASSIGN_OR_RETURN(engine::NamePattern pattern, engine::NamePattern::Parse(text));
    options.only_groups.push_back(std::move(pattern));
  }
  options.groups = !flags.no_groups;
  MB_ASSIGN_OR_RETURN(options.sampler, MakeSampler(flags));
  MB_RETURN_IF_ERROR(flags.repository.ShareMemory(globals, &options.read_ahead, &options.memory));
  MB_ASSIGN_OR_RETURN(options.cold, MakeColdPolicy(flags));
  options.connections_per_broker = flags.connections;
  MB_ASSIGN_OR_RETURN(options.pace, flags.pace.Options());
  MB_ASSIGN_OR_RETURN(auto cluster, flags.cluster.Connect(globals));
  engine::Progress progress;
  MB_ASSIGN_OR_RETURN(auto source, FindSource(repository, flags.snapshot, {}, options.cold.thaw,
                                              "the comparison", progress, globals));
  auto report = [&] {
    ProgressPrinter printer(progress, globals);
    return engine::VerifyCluster(repository, source.ref, *cluster, options, progress,
                                 globals.context());
  }();
  MB_RETURN_IF_ERROR(report.status());
  Sort(&report->differences);
  Sort(&report->problems);
  Sort(&report->removed_by_retention);
  Sort(&report->unread);
  PrintReport(*report, globals);
  return report->Outcome();
}

Status RunRepository(const VerifyFlags& flags, const format::SnapshotRef* snapshot,
                     repo::Repository& repository, const Globals& globals) {
  engine::VerifyOptions options;
  options.snapshot = snapshot;
  options.threads = flags.threads;
  MB_ASSIGN_OR_RETURN(options.cold, MakeColdPolicy(flags));
  MB_ASSIGN_OR_RETURN(options.sampler, MakeSampler(flags));
  engine::Progress progress;
  auto report = [&] {
    ProgressPrinter printer(progress, globals);
    return engine::VerifyRepository(repository, options, progress, globals.context());
  }();
  MB_RETURN_IF_ERROR(report.status());
  Sort(&report->problems);
  PrintReport(*report, snapshot == nullptr ? std::string() : snapshot->name(), globals);
  return flags.repository.WithAsOfHint(report->Outcome());
}

Status Run(const VerifyFlags& flags, const Globals& globals) {
  bool only_live = !flags.topics.empty() || !flags.exclude.empty() || !flags.rename.empty() ||
                   !flags.groups.empty() || flags.pace.given();
  bool live = flags.cluster.given() && !flags.no_cluster;
  if (!live && (only_live || flags.no_groups)) {
    return Status(Code::kInvalidArgument,
                  "--topics, --exclude, --rename, --groups and --no-groups choose what to "
                  "compare with a cluster, --rate-limit, --request-rate, --gentle and --rack how")
        .WithHint("add --bootstrap-server");
  }
  if (live && flags.snapshot.empty()) {
    return Status(Code::kInvalidArgument, "no snapshot was named to compare the cluster with")
        .WithHint(
            "maxbrod verify latest --bootstrap-server ..., or --no-cluster where "
            "MAXBROD_BOOTSTRAP_SERVER is set");
  }
  MB_ASSIGN_OR_RETURN(auto repository, flags.repository.Open(globals));
  if (flags.snapshot.empty()) return RunRepository(flags, nullptr, *repository, globals);
  if (live) return RunLive(flags, *repository, globals);
  MB_ASSIGN_OR_RETURN(auto snapshot, repository->FindSnapshot(flags.snapshot));
  return RunRepository(flags, &snapshot, *repository, globals);
}

}  // namespace

void AddVerify(CLI::App& app, Globals& globals) {
  auto flags = std::make_shared<VerifyFlags>();
  CLI::App* verb =
      app.add_subcommand("verify", "Read a repository back, or compare a cluster with a snapshot");
  verb->add_option("snapshot", flags->snapshot,
                   "Name, id or 'latest' (default: the whole repository); with a cluster also "
                   "@COMMIT or @TIME");
  flags->repository.Add(verb);
  flags->repository.AddAsOf(verb);
  flags->cluster.Add(verb, false);
  verb->add_flag("--no-cluster", flags->no_cluster,
                 "Only the repository, also where MAXBROD_BOOTSTRAP_SERVER is set");
  verb->add_option("--sample", flags->sample, "Only a part of the blocks, e.g. 1%");
  verb->add_option("--seed", flags->seed, "Of the sample: the same seed chooses the same blocks");
  verb->add_option("--threads", flags->threads, "Packs read at once (default 2)")
      ->check(CLI::Range(1, 64));
  verb->add_option("--topics", flags->topics,
                   "With a cluster: names, globs or /regular expressions/ (default: all)")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_option("--exclude", flags->exclude, "Topics left out, written as --topics")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_option("--rename", flags->rename, "FROM=TO as given to the restore (may be repeated)");
  auto* no_groups = verb->add_flag("--no-groups", flags->no_groups, "Leave consumer groups out");
  verb->add_option("--groups", flags->groups, "Only these groups (names, globs, /regex/)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->excludes(no_groups);
  verb->add_option("--connections", flags->connections, "Connections per broker (default 2)")
      ->check(CLI::Range(1, 64));
  flags->pace.AddReading(verb);
  auto* cold = verb->add_option("--cold", flags->cold,
                                "Packs in cold storage: fail before any pack is read, or skip them "
                                "(default fail; or give --thaw)")
                   ->check(CLI::IsMember({"fail", "skip"}));
  flags->thaw.Add(verb);
  cold->excludes(verb->get_option("--thaw"));
  verb->footer(
      "Exit code 12: the repository is damaged; 19: the cluster differs from the snapshot.\n"
      "Examples:\n"
      "  maxbrod verify --repo file:///backups/kafka\n"
      "  maxbrod verify nightly --repo ... --sample 1%\n"
      "  maxbrod verify --repo s3://... --cold skip\n"
      "  maxbrod verify nightly --repo ... --bootstrap-server n1:9092 --rename orders=orders-copy");
  verb->callback(
      [flags, &globals] { globals.action = [flags, &globals] { return Run(*flags, globals); }; });
}

}  // namespace maxbrod::cli
