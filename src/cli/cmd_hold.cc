// maxbrod hold, maxbrod release: keep snapshots from being forgotten, and no longer.
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "cli/verbs.h"

namespace maxbrod::cli {
namespace {

struct HoldFlags {
  RepositoryFlags repository;
  std::vector<std::string> snapshots;
  std::string reason;
};

Status Run(const HoldFlags& flags, bool held, const Globals& globals) {
  MB_ASSIGN_OR_RETURN(auto repository, flags.repository.Open(globals));
  std::vector<format::CommitRecord> actions;
  std::vector<std::string> names;
  for (const std::string& text : flags.snapshots) {
    MB_ASSIGN_OR_RETURN(format::SnapshotRef ref, repository->FindSnapshot(text));
    format::HoldSnapshot* hold = actions.emplace_back().mutable_hold_snapshot();
    hold->set_id(ref.id());
    hold->set_held(held);
    hold->set_reason(flags.reason);
    names.push_back(ref.name());
  }
  MB_ASSIGN_OR_RETURN(repo::Receipt head, repository->CommitActions(actions, globals.context()));
  flags.repository.Remember(*repository);
  if (globals.json) {
    std::cout
        << nlohmann::json{{held ? "held" : "released", names}, {"head", head.ToString()}}.dump()
        << "\n";
    return Status::Ok();
  }
  for (const std::string& name : names) {
    std::cout << (held ? "held '" : "released '") << name << "'\n";
  }
  std::cout << head.ToString() << "\n";
  return Status::Ok();
}

void AddVerb(CLI::App& app, Globals& globals, bool held) {
  auto flags = std::make_shared<HoldFlags>();
  CLI::App* verb =
      held ? app.add_subcommand("hold", "Keep snapshots from being forgotten")
           : app.add_subcommand("release", "Undo 'hold': the snapshots may be forgotten again");
  verb->add_option("snapshot", flags->snapshots, "Names, ids or 'latest'")->required();
  flags->repository.Add(verb);
  verb->add_option("--reason", flags->reason, "A remark kept in the log");
  verb->footer(held ? "Example:\n  maxbrod hold before-migration --repo file:///backups/kafka"
                    : "Example:\n  maxbrod release before-migration --repo file:///backups/kafka");
  verb->callback([flags, held, &globals] {
    globals.action = [flags, held, &globals] { return Run(*flags, held, globals); };
  });
}

}  // namespace

void AddHold(CLI::App& app, Globals& globals) {
  AddVerb(app, globals, true);
}

void AddRelease(CLI::App& app, Globals& globals) {
  AddVerb(app, globals, false);
}

}  // namespace maxbrod::cli
