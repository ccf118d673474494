// maxbrod edit: a snapshot's name, description and tags.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/edit_snapshot.h"

namespace maxbrod::cli {
namespace {

struct EditFlags {
  RepositoryFlags repository;
  std::string snapshot, name, description;
  engine::EditOptions options;
};

void Print(const engine::EditReport& report, const Globals& globals) {
  const format::SnapshotRef& after = report.after;
  if (globals.json) {
    std::cout << nlohmann::json{{"id", ToHex(AsBytes(after.id()))},
                                {"name", after.name()},
                                {"description", after.description()},
                                {"tags", std::vector<std::string>(after.tags().begin(),
                                                                  after.tags().end())},
                                {"changed", report.changed},
                                {"head", report.head.ToString()}}
                     .dump()
              << "\n";
    return;
  }
  if (!report.changed) std::cout << "nothing to change: it is so already\n";
  const std::string id = ToHex(AsBytes(after.id())).substr(0, 8);
  std::cout << "snapshot " << id << ": '" << after.name() << "'";
  if (after.name() != report.before.name()) std::cout << " (was '" << report.before.name() << "')";
  std::cout << "\n";
  if (!after.description().empty()) std::cout << "description: " << after.description() << "\n";
  std::cout << "tags: "
            << (after.tags().empty() ? "none" : fmt::format("{}", fmt::join(after.tags(), ", ")))
            << "\n"
            << report.head.ToString() << "\n";
}

Status Run(const EditFlags& flags, const Globals& globals) {
  MB_ASSIGN_OR_RETURN(auto repository, flags.repository.Open(globals));
  MB_ASSIGN_OR_RETURN(
      engine::EditReport report,
      engine::EditSnapshot(*repository, flags.snapshot, flags.options, globals.context()));
  flags.repository.Remember(*repository);
  Print(report, globals);
  return Status::Ok();
}

}  // namespace

void AddEdit(CLI::App& app, Globals& globals) {
  auto flags = std::make_shared<EditFlags>();
  CLI::App* verb =
      app.add_subcommand("edit", "Change a snapshot's name, description or tags afterwards");
  verb->add_option("snapshot", flags->snapshot, "Name, id or 'latest'")->required();
  flags->repository.Add(verb);
  auto* name = verb->add_option("--name", flags->name, "The new name");
  auto* description =
      verb->add_option("--description", flags->description, "The new description; '' for none");
  verb->add_option("--tag", flags->options.add_tags, "A tag to add (may be repeated)")
      ->allow_extra_args(false);
  verb->add_option("--untag", flags->options.remove_tags, "A tag to take away (may be repeated)")
      ->allow_extra_args(false);
  verb->add_flag("--clear-tags", flags->options.clear_tags, "Take all tags away first");
  verb->add_option("--reason", flags->options.reason, "A remark kept in the log");
  verb->footer(
      "Examples:\n"
      "  maxbrod edit nightly-0101 --tag gold --repo file:///backups/kafka\n"
      "  maxbrod edit latest --name before-move --description 'ticket 4711' --repo s3://b/kafka");
  verb->callback([flags, name, description, &globals] {
    globals.action = [flags, name, description, &globals] {
      if (name->count() > 0) flags->options.name = flags->name;
      if (description->count() > 0) flags->options.description = flags->description;
      return Run(*flags, globals);
    };
  });
}

}  // namespace maxbrod::cli
