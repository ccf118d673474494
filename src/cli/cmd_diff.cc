// maxbrod diff: where two snapshots differ, or a snapshot and a cluster.
#include <fmt/format.h>

#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/folded.h"
#include "cli/output.h"
#include "cli/progress_printer.h"
#include "cli/registry_flags.h"
#include "cli/thaw_flags.h"
#include "cli/verbs.h"
#include "engine/describe_live.h"
#include "engine/diff.h"
#include "engine/restore_source.h"

namespace maxbrod::cli {
namespace {

constexpr size_t kValueShown = 40;  // characters of a value in a line
constexpr size_t kLineWidth = 100;

struct DiffFlags {
  RepositoryFlags repository;
  ClusterFlags cluster;
  ThawFlags thaw;
  RegistryFlags registry;
  std::string a, b, repo_b;
  std::vector<std::string> topics, exclude, groups, only, rename;
  bool placement = false, strict = false, summary = false;
};

nlohmann::json SideJson(const engine::DiffSide& side) {
  nlohmann::json out = {
      {"name", side.name},       {"time_ms", side.time_ms}, {"cluster_id", side.cluster_id},
      {"brokers", side.brokers}, {"topics", side.topics},   {"groups", side.groups}};
  out["id"] = side.id.empty() ? nlohmann::json() : nlohmann::json(side.id);
  return out;
}

nlohmann::json ValueJson(const std::string& value, bool there) {
  return there ? nlohmann::json(value) : nlohmann::json();
}

nlohmann::json CountsJson(const engine::DiffReport& report) {
  nlohmann::json out = nlohmann::json::object();
  for (size_t area = 0; area < engine::kDiffAreas; ++area) {
    nlohmann::json& counts = out[engine::NameOf(static_cast<engine::DiffArea>(area))];
    for (size_t change = 0; change < engine::kDiffChanges; ++change) {
      counts[engine::NameOf(static_cast<engine::DiffChange>(change))] = report.counts[area][change];
    }
  }
  return out;
}

void PrintJson(const engine::DiffReport& report, bool summary) {
  nlohmann::json out = {{"same", report.entries.empty()},
                        {"a", SideJson(report.a)},
                        {"b", SideJson(report.b)},
                        {"counts", CountsJson(report)},
                        {"notes", report.notes}};
  if (!summary) {
    nlohmann::json differences = nlohmann::json::array();
    for (const engine::DiffEntry& e : report.entries) {
      differences.push_back(
          {{"area", engine::NameOf(e.area)},
           {"change", engine::NameOf(e.change)},
           {"object", e.object},
           {"what", e.what},
           {"before", ValueJson(e.before, e.change != engine::DiffChange::kAdded)},
           {"after", ValueJson(e.after, e.change != engine::DiffChange::kRemoved)},
           {"note", e.note}});
    }
    out["differences"] = differences;
  }
  std::cout << out.dump() << "\n";
}

std::string Shortened(const std::string& value) {
  return value.size() <= kValueShown ? value : value.substr(0, kValueShown - 3) + "...";
}

// "  ~ orders retention.ms: 1000 -> 2000 (note)"; what does not fit goes on in another line.
void PrintEntry(const engine::DiffEntry& e) {
  static constexpr const char* kSigns[] = {"+", "-", "~"};
  std::string line = std::string("  ") + kSigns[static_cast<size_t>(e.change)] + " " + e.object;
  if (!e.what.empty()) line += " " + e.what;
  std::string values;
  if (e.change == engine::DiffChange::kChanged) {
    values = Shortened(e.before) + " -> " + Shortened(e.after);
  } else {
    values = Shortened(e.change == engine::DiffChange::kAdded ? e.after : e.before);
  }
  if (!e.note.empty()) values += (values.empty() ? "(" : "  (") + e.note + ")";
  if (values.empty()) {
    std::cout << line << "\n";
  } else if (line.size() + 2 + values.size() <= kLineWidth) {
    std::cout << line << ": " << values << "\n";
  } else {
    std::cout << line << ":\n      " << values << "\n";
  }
}

std::string Count(uint64_t count, const char* what) {
  return FormatCount(count) + " " + what + (count == 1 ? "" : "s");
}

void PrintSide(const char* sign, const engine::DiffSide& side) {
  std::cout << sign << " " << side.name << ", " << FormatTime(side.time_ms) << ", cluster "
            << (side.cluster_id.empty() ? "(not known)" : side.cluster_id) << ", "
            << Count(side.brokers.size(), "broker") << ", " << Count(side.topics, "topic") << ", "
            << Count(side.groups, "group") << "\n";
  for (const std::string& broker : side.brokers) std::cout << "      broker " << broker << "\n";
}

void PrintCounts(const engine::DiffReport& report) {
  Table table({"AREA", ">ADDED", ">REMOVED", ">CHANGED"});
  for (size_t area = 0; area < engine::kDiffAreas; ++area) {
    const auto& counts = report.counts[area];
    table.Row({engine::NameOf(static_cast<engine::DiffArea>(area)), FormatCount(counts[0]),
               FormatCount(counts[1]), FormatCount(counts[2])});
  }
  table.Print(std::cout);
}

void PrintText(const engine::DiffReport& report, bool summary) {
  PrintSide("a", report.a);
  PrintSide("b", report.b);
  if (summary) {
    std::cout << "\n";
    PrintCounts(report);
  } else {
    const engine::DiffEntry* before = nullptr;
    for (const engine::DiffEntry& e : report.entries) {
      if (before == nullptr || before->area != e.area)
        std::cout << "\n" << engine::NameOf(e.area) << "\n";
      PrintEntry(e);
      before = &e;
    }
  }
  for (const std::string& note : report.notes) PrintFolded("note: ", note);
  if (report.entries.empty()) std::cout << "no difference found\n";
}

Result<repo::Snapshot> ReadSide(repo::Repository& repository, const std::string& name,
                                const DiffFlags& flags, engine::Progress& progress,
                                const Globals& globals) {
  MB_ASSIGN_OR_RETURN(engine::ThawOptions thaw, flags.thaw.Options());
  const engine::ColdReading reading{thaw, "the comparison", Clock::System(), progress};
  MB_ASSIGN_OR_RETURN(engine::RestoreSource source,
                      engine::FindRestoreSource(repository, name, {}, reading, globals.context()));
  for (const std::string& warning : source.warnings) progress.Warn(warning);
  return repository.ReadSnapshot(source.ref, globals.context());
}

// The other repository is opened with the same keys.
Result<repo::Snapshot> ReadOther(const DiffFlags& flags, engine::Progress& progress,
                                 const Globals& globals) {
  RepositoryFlags other = flags.repository;
  other.url = flags.repo_b;
  other.repository_id.clear();
  other.expect_head.clear();
  other.as_of.clear();
  MB_ASSIGN_OR_RETURN(auto repository, other.Open(globals));
  return ReadSide(*repository, flags.b, flags, progress, globals);
}

Result<repo::Snapshot> ReadCluster(const DiffFlags& flags, const engine::DiffOptions& options,
                                   engine::Progress& progress, const Globals& globals) {
  engine::LiveOptions live;
  // With other names the selection, which is by the snapshot's, says nothing here.
  if (flags.rename.empty()) live.topics = options.topics;
  MB_ASSIGN_OR_RETURN(auto registry, flags.registry.Open());
  live.registry = registry.get();
  MB_ASSIGN_OR_RETURN(auto cluster, flags.cluster.Connect(globals));
  progress.Begin("reading the cluster's metadata", 0, 0);
  return engine::DescribeLive(*cluster, live, Clock::System(), progress, globals.context());
}

Result<engine::DiffOptions> ToOptions(const DiffFlags& flags) {
  engine::DiffOptions options;
  MB_ASSIGN_OR_RETURN(options.topics, engine::TopicSelection::Parse(flags.topics, flags.exclude));
  MB_ASSIGN_OR_RETURN(options.renames, engine::Renames::Parse(flags.rename));
  MB_ASSIGN_OR_RETURN(options.only, engine::ParseDiffAreas(flags.only));
  for (const std::string& text : flags.groups) {
    MB_ASSIGN_OR_RETURN(engine::NamePattern pattern, engine::NamePattern::Parse(text));
    options.groups.push_back(std::move(pattern));
  }
  options.placement = flags.placement;
  options.strict = flags.strict;
  return options;
}

// Two snapshots, or one and a cluster. The variable stands for a cluster that is used mostly: it
// counts only where nothing else was named.
Status CheckSides(const DiffFlags& flags) {
  if (flags.b.empty()) {
    if (!flags.repo_b.empty()) {
      return Status(Code::kInvalidArgument, "--repo-b without a second snapshot");
    }
    if (flags.cluster.given()) return Status::Ok();
    return Status(Code::kInvalidArgument, "nothing was named to compare with")
        .WithHint("give a second snapshot, or a cluster with --bootstrap-server");
  }
  const char* variable = std::getenv("MAXBROD_BOOTSTRAP_SERVER");
  bool by_flag = flags.cluster.given() &&
                 !(variable != nullptr && flags.cluster.bootstrap == variable &&
                   flags.cluster.command_config.empty() && flags.cluster.msk_cluster.empty());
  if (!by_flag) return Status::Ok();
  return Status(Code::kInvalidArgument, "two snapshots and a cluster were named; give two of them");
}

Status Run(const DiffFlags& flags, const Globals& globals) {
  MB_RETURN_IF_ERROR(CheckSides(flags));
  MB_ASSIGN_OR_RETURN(engine::DiffOptions options, ToOptions(flags));
  MB_ASSIGN_OR_RETURN(auto repository, flags.repository.Open(globals));
  bool live = flags.b.empty();
  engine::Progress progress;
  auto report = [&]() -> Result<engine::DiffReport> {
    ProgressPrinter printer(progress, globals);
    MB_ASSIGN_OR_RETURN(repo::Snapshot a, ReadSide(*repository, flags.a, flags, progress, globals));
    auto b = live                   ? ReadCluster(flags, options, progress, globals)
             : flags.repo_b.empty() ? ReadSide(*repository, flags.b, flags, progress, globals)
                                    : ReadOther(flags, progress, globals);
    MB_RETURN_IF_ERROR(b.status());
    MB_RETURN_IF_ERROR(engine::CheckTopicNames(a, *b, options.topics));
    return engine::DiffSnapshots(a, *b, live, options);
  }();
  MB_RETURN_IF_ERROR(report.status());
  if (globals.json) {
    PrintJson(*report, flags.summary);
  } else {
    PrintText(*report, flags.summary);
  }
  return report->Outcome();
}

}  // namespace

void AddDiff(CLI::App& app, Globals& globals) {
  auto flags = std::make_shared<DiffFlags>();
  CLI::App* verb = app.add_subcommand(
      "diff", "Show where two snapshots differ, or a snapshot and a cluster as it is now");
  verb->add_option("a", flags->a, "A snapshot: name, id, 'latest', @COMMIT or @TIME")->required();
  verb->add_option("b", flags->b, "Another one (default: the cluster)");
  flags->repository.Add(verb);
  flags->repository.AddAsOf(verb);
  flags->cluster.Add(verb, false);
  flags->thaw.Add(verb);
  flags->registry.Add(verb, "Also compare with this Schema Registry");
  verb->add_option("--repo-b", flags->repo_b, "Repository of the second snapshot, if another");
  verb->add_option("--topics", flags->topics,
                   "Names, globs or /regular expressions/ (default: all)")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_option("--exclude", flags->exclude, "Topics left out, written as --topics")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_option("--groups", flags->groups, "Only these groups (names, globs, /regex/)")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_option("--only", flags->only,
                   "Only these: topics, configs, data, groups, acls, quotas, users, "
                   "cluster, schemas")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_option("--rename", flags->rename, "FROM=TO as given to the restore (may be repeated)")
      ->allow_extra_args(false);
  verb->add_flag("--placement", flags->placement, "Also which brokers hold which replicas");
  verb->add_flag("--strict", flags->strict,
                 "Also configs that are the same in effect and set at another level");
  verb->add_flag("--summary", flags->summary, "Only how many differences there are of what");
  verb->footer(
      "Exit code 0: the same; 19: they differ.\n"
      "Examples:\n"
      "  maxbrod diff monday tuesday --repo file:///backups/kafka\n"
      "  maxbrod diff nightly --repo ... --bootstrap-server n1:9092 --only configs,acls\n"
      "  maxbrod diff nightly --repo ... --bootstrap-server n1:9092 --rename orders=orders-copy");
  verb->callback(
      [flags, &globals] { globals.action = [flags, &globals] { return Run(*flags, globals); }; });
}

}  // namespace maxbrod::cli
