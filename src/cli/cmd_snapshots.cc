// maxbrod snapshots: lists what is in a repository.
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "cli/verbs.h"

namespace maxbrod::cli {
namespace {

nlohmann::json ToJson(const format::SnapshotRef& s) {
  return {{"id", ToHex(AsBytes(s.id()))},
          {"name", s.name()},
          {"description", s.description()},
          {"tags", std::vector<std::string>(s.tags().begin(), s.tags().end())},
          {"cluster_id", s.cluster_id()},
          {"started_ms", s.started_ms()},
          {"finished_ms", s.finished_ms()},
          {"topics", s.stats().topics()},
          {"partitions", s.stats().partitions()},
          {"records", s.stats().records()},
          {"bytes", s.stats().bytes()},
          {"new_bytes", s.stats().new_bytes()},
          {"groups", s.stats().groups()},
          {"gaps", s.stats().gaps()},
          {"warnings", s.stats().warnings()},
          {"held", s.held()}};
}

Status Run(const RepositoryFlags& flags, const Globals& globals) {
  MB_ASSIGN_OR_RETURN(auto repository, flags.Open(globals));
  auto state = repository->state();
  if (globals.json) {
    for (const auto& snapshot : state->snapshots) std::cout << ToJson(snapshot).dump() << "\n";
    return Status::Ok();
  }
  Table table(
      {"ID", "NAME", "TIME", "?>TOPICS", "?>PARTS", ">RECORDS", ">SIZE", ">NEW", "?>TOOK", ""});
  for (const auto& s : state->snapshots) {
    double seconds = static_cast<double>(s.finished_ms() - s.started_ms()) / 1000;
    table.Row({ToHex(AsBytes(s.id())).substr(0, 8), s.name(), FormatTime(s.started_ms()),
               FormatCount(s.stats().topics()), FormatCount(s.stats().partitions()),
               FormatCount(s.stats().records()), FormatBytes(s.stats().bytes()),
               FormatBytes(s.stats().new_bytes()), FormatDuration(seconds),
               s.held() ? "held" : ""});
  }
  table.Print(std::cout);
  return Status::Ok();
}

}  // namespace

void AddSnapshots(CLI::App& app, Globals& globals) {
  auto flags = std::make_shared<RepositoryFlags>();
  CLI::App* verb = app.add_subcommand("snapshots", "List the snapshots of a repository");
  flags->Add(verb);
  flags->AddAsOf(verb);
  verb->footer("Example:\n  maxbrod snapshots --repo file:///backups/kafka");
  verb->callback(
      [flags, &globals] { globals.action = [flags, &globals] { return Run(*flags, globals); }; });
}

}  // namespace maxbrod::cli
