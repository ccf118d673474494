// maxbrod prune: frees what no snapshot needs.
#include "cli/prune_output.h"
#include "cli/verbs.h"
#include "engine/verify.h"

namespace maxbrod::cli {
namespace {

struct PruneFlags {
  RepositoryFlags repository;
  engine::PruneOptions options;
  std::string rewrite_below, rewrite_budget;
};

Status Run(PruneFlags& flags, const Globals& globals) {
  if (!flags.rewrite_below.empty()) {
    MB_ASSIGN_OR_RETURN(flags.options.rewrite_below, engine::ParsePercent(flags.rewrite_below));
  }
  if (!flags.rewrite_budget.empty()) {
    MB_ASSIGN_OR_RETURN(flags.options.rewrite_budget, ParseBytes(flags.rewrite_budget));
  }
  MB_ASSIGN_OR_RETURN(auto repository, flags.repository.Open(globals));
  return PruneAndPrint(*repository, flags.options, flags.repository, globals);
}

}  // namespace

void AddPrune(CLI::App& app, Globals& globals) {
  auto flags = std::make_shared<PruneFlags>();
  CLI::App* verb = app.add_subcommand(
      "prune", "Free what no snapshot needs: marked now, removed by a prune a week later");
  flags->repository.Add(verb);
  verb->add_flag("--dry-run", flags->options.dry_run,
                 "Show what would be marked and removed, and when; change nothing");
  verb->add_option("--yes-delete", flags->options.yes_delete,
                   "How many objects are meant to be condemned; needed for more than 30 % of the "
                   "bytes, and for a topic that no snapshot has any more");
  verb->add_option("--rewrite-below", flags->rewrite_below,
                   "Rewrite packs of which less than this share is still needed (default 25%)");
  verb->add_option("--rewrite-budget", flags->rewrite_budget,
                   "How much may be copied for it, e.g. 2GiB (default 0: only wholly dead packs, "
                   "which copies nothing)");
  verb->footer(
      "Objects under lock are deferred, and looked at again by the next prune.\n"
      "Examples:\n"
      "  maxbrod prune --repo file:///backups/kafka --dry-run\n"
      "  maxbrod prune --repo file:///backups/kafka --rewrite-budget 2GiB");
  verb->callback(
      [flags, &globals] { globals.action = [flags, &globals] { return Run(*flags, globals); }; });
}

}  // namespace maxbrod::cli
