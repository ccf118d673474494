// An actor of the simulator: rewrites packs that are not wholly live, and renames and tags
// snapshots, as prune and edit do.
#include <fmt/format.h>

#include "repo/pack_copier.h"
#include "repo/pack_reader.h"
#include "repo/rewrite.h"
#include "repo/simulator_process_testing.h"

namespace maxbrod::repo {
namespace {

void EditSomething(SimWorld& world, Repository& repository) {
  auto state = repository.state();
  if (state->snapshots.empty()) return;
  const auto last = static_cast<int64_t>(state->snapshots.size()) - 1;
  format::CommitRecord record;
  format::EditSnapshot* edit = record.mutable_edit_snapshot();
  edit->set_id(state->snapshots[static_cast<size_t>(world.Random(0, last))].id());
  if (world.Chance(0.5)) {
    edit->set_name(fmt::format("renamed{}", world.Random(0, 3)));
  } else {
    edit->set_set_tags(true);
    edit->add_tags("t");
  }
  auto receipt = repository.CommitActions({record}, CallContext());
  if (receipt.ok()) {
    world.Acknowledge(*receipt);
  } else {
    world.Allowed("edit", receipt.status());
  }
}

Status Rewrite(SimWorld& world, Repository& repository) {
  CallContext context;
  CommitLog& log = repository.log();
  MB_ASSIGN_OR_RETURN(auto state, repository.Refresh(context));
  IndexCache& cache = repository.index_cache();
  RewriteOptions options;
  options.live_share_max = 0.99;
  options.budget_bytes = kMiB;
  options.object_age_ms = 0;
  MB_ASSIGN_OR_RETURN(Liveness life, ComputeLiveness(repository.store(), *state, cache, context));
  MB_ASSIGN_OR_RETURN(RewritePlan plan, PlanRewrite(repository.store(), *state, life, options,
                                                    world.now_ms(), context));
  // Now and then a pack that is wholly live as well: the schedules have few others.
  for (const auto& [id, pack] : life.packs) {
    if (plan.packs.size() < 2 && !pack.loose && world.Chance(0.5)) plan.packs.push_back(id);
  }
  if (plan.packs.size() == 2 && plan.packs[0] == plan.packs[1]) plan.packs.pop_back();
  if (plan.packs.empty()) return Status::Ok();
  options.names_nothing = world.options().rewrite_names_nothing;
  MB_ASSIGN_OR_RETURN(RewriteReport report,
                      RewritePacks(log, cache, *state, life, plan, options, context));
  world.Acknowledge(report.receipt);
  if (report.snapshots > 0) world.CountRewrite();
  return Status::Ok();
}

}  // namespace

void RunRewriter(SimWorld& world, SimWorld::Process& process) {
  std::unique_ptr<Repository> repository = world.OpenRepository(process);
  while (repository != nullptr) {
    world.Sleep(process,
                world.Chance(0.5) ? world.Random(0, 5000) : world.Random(3'600'000, 4 * kDayMs));
    Status status = Rewrite(world, *repository);
    if (!status.ok()) world.Allowed("rewrite", status);
    if (world.Chance(0.3)) EditSomething(world, *repository);
  }
}

}  // namespace maxbrod::repo
