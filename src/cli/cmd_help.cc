// maxbrod help [VERB]: what --help says.
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/command_tree.h"
#include "cli/output.h"
#include "cli/suggest.h"
#include "cli/verbs.h"

namespace maxbrod::cli {
namespace {

// What --help prints. (App::help() would tell of the verb that was parsed, which is `help`.)
std::string HelpOf(CLI::App* verb) {
  const std::string path = VerbPath(*verb);
  return verb->get_formatter()->make_help(verb, "maxbrod" + (path.empty() ? "" : " " + path),
                                          CLI::AppFormatMode::Normal);
}

Status Run(CLI::App& app, const std::vector<std::string>& words, const Globals& globals) {
  CLI::App* at = &app;
  for (const std::string& word : words) {
    const auto found = at->get_subcommands([&](CLI::App* sub) { return sub->get_name() == word; });
    if (found.empty()) {
      const std::string near = NearestVerb(*at, word);
      const std::string verb = VerbPath(*at);
      return Status(Code::kInvalidArgument,
                    "there is no verb '" + (verb.empty() ? "" : verb + " ") + word + "'")
          .WithHint(near.empty() ? "'maxbrod help' lists the verbs" : "did you mean " + near + "?");
    }
    at = found.front();
  }
  if (!globals.json) {
    std::cout << HelpOf(at);
    return Status::Ok();
  }
  const TreeVerb tree = ReadTree(*at);
  nlohmann::json verbs = nlohmann::json::array();
  for (const TreeVerb& below : tree.verbs) {
    verbs.push_back({{"verb", below.Name()}, {"what", below.description}});
  }
  std::cout << nlohmann::json{{"verb", tree.Name()},
                              {"what", tree.description},
                              {"verbs", std::move(verbs)},
                              {"text", HelpOf(at)}}
                   .dump()
            << "\n";
  return Status::Ok();
}

}  // namespace

void AddHelp(CLI::App& app, Globals& globals) {
  auto words = std::make_shared<std::vector<std::string>>();
  CLI::App* verb = app.add_subcommand("help", "Tell what a verb does, and its flags");
  verb->add_option("verb", *words, "A verb, and one below it (default: all verbs)")
      ->type_name("VERB");
  verb->footer("Examples:\n  maxbrod help restore\n  maxbrod help keys add");
  verb->callback([&app, words, &globals] {
    globals.action = [&app, words, &globals] { return Run(app, *words, globals); };
  });
}

}  // namespace maxbrod::cli
