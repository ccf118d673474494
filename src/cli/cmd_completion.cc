// maxbrod completion bash|zsh|fish: a completion script for the shell.
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/completion.h"
#include "cli/verbs.h"

namespace maxbrod::cli {
namespace {

Status Run(const CLI::App& app, const std::string& shell, const Globals& globals) {
  const TreeVerb program = ReadTree(app);
  const std::string script = shell == "bash"  ? BashCompletion(program)
                             : shell == "zsh" ? ZshCompletion(program)
                                              : FishCompletion(program);
  if (globals.json) {
    std::cout << nlohmann::json{{"shell", shell}, {"script", script}}.dump() << "\n";
  } else {
    std::cout << script;
  }
  return Status::Ok();
}

}  // namespace

void AddCompletion(CLI::App& app, Globals& globals) {
  auto shell = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("completion", "Print a completion script for a shell");
  verb->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  verb->footer(
      "It completes verbs, flags and their values; names of snapshots where --repo is on the line\n"
      "or in MAXBROD_REPO.\n"
      "Examples:\n"
      "  source <(maxbrod completion bash)\n"
      "  maxbrod completion zsh > /usr/local/share/zsh/site-functions/_maxbrod\n"
      "  maxbrod completion fish > ~/.config/fish/completions/maxbrod.fish");
  verb->callback([&app, shell, &globals] {
    globals.action = [&app, shell, &globals] { return Run(app, *shell, globals); };
  });
}

}  // namespace maxbrod::cli
