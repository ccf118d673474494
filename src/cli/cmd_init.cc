// maxbrod init: makes an empty repository.
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/verbs.h"
#include "store/open_store.h"

namespace maxbrod::cli {

void AddInit(CLI::App& app, Globals& globals) {
  auto flags = std::make_shared<RepositoryFlags>();
  CLI::App* verb = app.add_subcommand("init", "Make an empty repository");
  flags->Add(verb);
  verb->footer("Example:\n  maxbrod init --repo file:///backups/kafka");
  verb->callback([flags, &globals] {
    globals.action = [flags, &globals]() -> Status {
      store::OpenStoreOptions options;
      options.create = true;
      MB_ASSIGN_OR_RETURN(auto store, store::OpenStore(flags->url, options));
      MB_RETURN_IF_ERROR(repo::Repository::Init(*store, {ProgramName()}, globals.context()));
      MB_ASSIGN_OR_RETURN(auto repository, flags->Open(globals));
      std::string id = ToHex(AsBytes(repository->config().repository_id()));
      if (globals.json) {
        std::cout << nlohmann::json{{"repository", flags->url}, {"id", id}}.dump() << "\n";
      } else {
        std::cout << "repository " << id << " made at " << flags->url << "\n";
      }
      return Status::Ok();
    };
  });
}

}  // namespace maxbrod::cli
