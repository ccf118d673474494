// maxbrod forget: lets snapshots go, by name.
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/forget.h"

namespace maxbrod::cli {
namespace {

struct ForgetFlags {
  RepositoryFlags repository;
  engine::ForgetOptions options;
};

void Print(const engine::ForgetReport& report, bool dry_run, const Globals& globals) {
  if (globals.json) {
    nlohmann::json snapshots = nlohmann::json::array();
    for (const format::SnapshotRef& s : report.forgotten) {
      snapshots.push_back({{"id", ToHex(AsBytes(s.id()))}, {"name", s.name()}});
    }
    std::cout << nlohmann::json{{"dry_run", dry_run},
                                {"forgotten", snapshots},
                                {"last_of_topics", report.last_of},
                                {"none_left", report.none_left},
                                {"head", report.head.ToString()}}
                     .dump()
              << "\n";
    return;
  }
  for (const format::SnapshotRef& s : report.forgotten) {
    std::cout << (dry_run ? "would forget '" : "forgot '") << s.name() << "' ("
              << ToHex(AsBytes(s.id())).substr(0, 8) << ", " << FormatTime(s.started_ms()) << ")\n";
  }
  if (report.none_left) std::cout << "no snapshot is left then\n";
  for (const std::string& topic : report.last_of) {
    std::cout << "no other snapshot has topic '" << topic << "'\n";
  }
  std::cout << (dry_run ? "nothing was changed\n"
                        : "'maxbrod prune' frees what only they needed\n");
  if (!dry_run) std::cout << report.head.ToString() << "\n";
}

Status Run(const ForgetFlags& flags, const Globals& globals) {
  MB_ASSIGN_OR_RETURN(auto repository, flags.repository.Open(globals));
  MB_ASSIGN_OR_RETURN(engine::ForgetReport report,
                      engine::ForgetSnapshots(*repository, flags.options, globals.context()));
  if (!flags.options.dry_run) flags.repository.Remember(*repository);
  Print(report, flags.options.dry_run, globals);
  return Status::Ok();
}

}  // namespace

void AddForget(CLI::App& app, Globals& globals) {
  auto flags = std::make_shared<ForgetFlags>();
  CLI::App* verb = app.add_subcommand("forget", "Let snapshots go; 'prune' frees their data");
  verb->add_option("snapshot", flags->options.snapshots, "Names or ids")->required();
  flags->repository.Add(verb);
  verb->add_flag("--dry-run", flags->options.dry_run, "Show what would go and change nothing");
  verb->add_option("--yes-delete", flags->options.yes_delete,
                   "How many snapshots are meant to go; needed where some topic would be left "
                   "without any");
  verb->add_option("--reason", flags->options.reason, "A remark kept in the log");
  verb->footer(
      "Held snapshots stay ('maxbrod hold').\n"
      "Examples:\n"
      "  maxbrod forget nightly-0101 nightly-0102 --repo file:///backups/kafka --dry-run\n"
      "  maxbrod forget nightly-0101 --repo file:///backups/kafka --reason 'ticket 4711'");
  verb->callback(
      [flags, &globals] { globals.action = [flags, &globals] { return Run(*flags, globals); }; });
}

}  // namespace maxbrod::cli
