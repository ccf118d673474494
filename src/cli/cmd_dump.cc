// maxbrod dump: any object of a repository as text.
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/verbs.h"
#include "repo/dump.h"
#include "store/open_store.h"

namespace maxbrod::cli {
namespace {

struct DumpFlags {
  RepositoryFlags repository;
  std::string object, prefix;
};

Status List(store::Store& store, const std::string& prefix, const Globals& globals) {
  std::string after;
  while (true) {
    MB_ASSIGN_OR_RETURN(store::ListPage page, store.List(prefix, after, 1000, globals.context()));
    for (const auto& object : page.objects) {
      if (globals.json) {
        std::cout << nlohmann::json{{"object", object.name}, {"bytes", object.size}}.dump() << "\n";
      } else {
        // Exact, for whoever compares with what lies in the store.
        std::cout << object.name << "  " << object.size << "\n";
      }
    }
    if (!page.truncated) return Status::Ok();
    after = page.objects.back().name;
  }
}

Status Run(const DumpFlags& flags, const Globals& globals) {
  MB_ASSIGN_OR_RETURN(auto store, flags.repository.OpenStore(globals));
  if (flags.object.empty()) return List(*store, flags.prefix, globals);
  repo::DumpOptions options;
  options.json = globals.json;
  return repo::DumpObject(*store, flags.object, std::cout, options, globals.context());
}

}  // namespace

void AddDump(CLI::App& app, Globals& globals) {
  auto flags = std::make_shared<DumpFlags>();
  CLI::App* verb =
      app.add_subcommand("dump", "Show an object of a repository, never a record's content");
  verb->add_option("object", flags->object, "Name of the object; left out: list them");
  flags->repository.Add(verb);
  flags->repository.AddAsOf(verb);
  verb->add_option("--prefix", flags->prefix, "List only names that begin so");
  verb->footer(
      "Examples:\n"
      "  maxbrod dump --repo file:///backups/kafka --prefix log/\n"
      "  maxbrod dump config --repo file:///backups/kafka");
  verb->callback(
      [flags, &globals] { globals.action = [flags, &globals] { return Run(*flags, globals); }; });
}

}  // namespace maxbrod::cli
