// What the processes of the simulator do: the real Repository, CommitLog and gc code.
#include <fmt/format.h>

#include "repo/reach.h"
#include "repo/repository_testing.h"
#include "repo/simulator_process_testing.h"

namespace maxbrod::repo {
namespace {

const char* const kTopics[] = {"orders", "payments"};

// Mostly seconds, so that writers meet; sometimes days, so that prune has something to do.
void Pause(SimWorld& world, SimWorld::Process& process) {
  world.Sleep(process,
              world.Chance(0.75) ? world.Random(0, 2000) : world.Random(3'600'000, 4 * kDayMs));
}

int64_t CoveredEnd(const State& state, const std::string& topic) {
  const TopicInfo* info = state.FindTopic(MakeTopicKey("", topic));
  if (info == nullptr || info->partitions.empty()) return 0;
  const BranchInfo* branch = info->partitions.begin()->second.Current();
  return branch == nullptr || branch->covered.empty() ? 0 : branch->covered.end();
}

// A pack of the next blocks of a topic, now and then of some that are there already.
Result<format::AddPacks> StorePack(SimWorld& world, Repository& repository) {
  const std::string topic = kTopics[world.Random(0, 1)];
  int64_t end = CoveredEnd(*repository.state(), topic);
  int64_t start = std::max<int64_t>(0, end - (world.Chance(0.3) ? 10 * world.Random(1, 2) : 0));
  auto batches = static_cast<size_t>(world.Random(1, 3));
  TestBlock block = MakeBlock(topic, 0, start, std::vector<size_t>(batches, 20));
  block.owner.topic_id = TopicId();
  PackOptions options;
  options.small = world.Chance(0.5);
  options.verify_writes = false;
  MB_ASSIGN_OR_RETURN(auto writer, PackWriter::Create(repository.store(), options, CallContext()));
  ByteView piece = block.batches;
  MB_RETURN_IF_ERROR(writer->AddBlock(block.owner, block.stats, {&piece, 1}));
  MB_ASSIGN_OR_RETURN(SealedPack sealed, writer->Seal(CallContext()));
  if (world.Chance(0.5)) repository.Remember(sealed);
  format::AddPacks packs;
  *packs.add_packs() = sealed.ref;
  format::TopicClaims* claims = packs.add_topics();
  claims->set_topic(topic);
  format::RangeClaim* claim = claims->add_claims();
  claim->set_start_offset(start);
  claim->set_end_offset(start + 10 * static_cast<int64_t>(batches));
  return packs;
}

SnapshotDraft DraftOf(const State& state, const std::string& name) {
  std::vector<std::pair<std::string, int64_t>> ends;
  for (const char* topic : kTopics) ends.emplace_back(topic, CoveredEnd(state, topic));
  return TestDraft(name, ends);
}

void ForgetOrHold(SimWorld& world, Repository& repository) {
  std::shared_ptr<const State> state = repository.state();
  if (state->snapshots.empty()) return;
  const format::SnapshotRef& ref = state->snapshots.front();
  std::vector<format::CommitRecord> actions(1);
  if (state->snapshots.size() > 2 && world.Chance(0.7)) {
    actions[0].mutable_forget_snapshot()->set_id(ref.id());
  } else if (world.Chance(0.4)) {
    actions[0].mutable_hold_snapshot()->set_id(ref.id());
    actions[0].mutable_hold_snapshot()->set_held(!ref.held());
  } else {
    return;
  }
  auto receipt = repository.CommitActions(actions, CallContext());
  if (receipt.ok()) {
    world.Acknowledge(*receipt);
  } else {
    world.Allowed("forget or hold", receipt.status());
  }
}

// For a mutation test: condemns the objects that it must not.
Status CondemnReachable(Repository& repository) {
  auto receipt = repository.log().Append(
      [&](const State& state, const CallContext& context) -> Result<Proposal> {
        MB_ASSIGN_OR_RETURN(auto objects, ReachableObjects(repository.store(), state,
                                                           repository.index_cache(), context));
        std::vector<std::string> names;
        for (const std::string& name : objects) {
          if (!state.condemned.contains(name)) names.push_back(name);
        }
        Proposal proposal;
        proposal.actions = SplitNames(NamesKind::kCondemn, names, state.gc_epoch + 1);
        return proposal;
      },
      CallContext());
  return receipt.status();
}

void Prune(SimWorld& world, Repository& repository, const char* what,
           const Result<GcReport>& report) {
  (void)repository;
  if (report.ok()) {
    world.Acknowledge(report->receipt);
  } else {
    world.Allowed(what, report.status());
  }
}

}  // namespace

void RunWriter(SimWorld& world, SimWorld::Process& process) {
  std::unique_ptr<Repository> repository = world.OpenRepository(process);
  while (repository != nullptr) {
    auto packs = StorePack(world, *repository);
    if (!packs.ok()) {
      world.Allowed("pack", packs.status());
      continue;
    }
    Pause(world, process);
    auto receipt = repository->CommitPacks(*packs, CallContext());
    if (receipt.ok()) {
      world.Acknowledge(*receipt);
    } else if (world.Allowed("commit", receipt.status()) && world.Chance(0.5)) {
      return;  // gives up; a new process begins
    }
    Pause(world, process);
  }
}

void RunSnapshotter(SimWorld& world, SimWorld::Process& process) {
  std::unique_ptr<Repository> repository = world.OpenRepository(process);
  while (repository != nullptr) {
    auto state = repository->Refresh(CallContext());
    if (!state.ok()) {
      world.Allowed("refresh", state.status());
      continue;
    }
    std::string name = fmt::format("s{}-{}", process.id, process.snapshots_taken++);
    SnapshotDraft draft = DraftOf(**state, name);
    draft.header.set_id(UuidToString(*RandomUuid()));
    format::AddPacks packs;
    if (world.Chance(0.3)) {
      auto stored = StorePack(world, *repository);
      if (stored.ok()) packs = *stored;
    }
    auto receipt = repository->CommitSnapshot(draft, packs, CallContext());
    if (receipt.ok()) {
      world.Acknowledge(*receipt);
      world.AcknowledgeSnapshot(draft.header.id());
    } else {
      world.Allowed("snapshot", receipt.status());
    }
    Pause(world, process);
    ForgetOrHold(world, *repository);
    Pause(world, process);
  }
}

void RunPruner(SimWorld& world, SimWorld::Process& process) {
  std::unique_ptr<Repository> repository = world.OpenRepository(process);
  while (repository != nullptr) {
    CommitLog& log = repository->log();
    IndexCache& cache = repository->index_cache();
    const GcOptions& gc = world.options().gc;
    switch (world.Random(0, 3)) {
      case 0:
        Prune(world, *repository, "condemn", CondemnUnreachable(log, cache, gc, CallContext()));
        if (world.options().condemn_blindly) {
          (void)CondemnReachable(*repository);
        }
        break;
      case 1:
        Prune(world, *repository, "sweep", SweepCondemned(log, gc, CallContext()));
        break;
      case 2:
        Prune(world, *repository, "trim", TrimOldLog(log, gc, CallContext()));
        break;
      default: {
        const std::string topic = kTopics[world.Random(0, 1)];
        int64_t limit = CoveredEnd(*repository->state(), topic) / 2;
        auto receipt =
            ReleaseBelow(log, cache, MakeTopicKey("", topic), {{0, limit}}, CallContext());
        if (receipt.ok()) {
          world.Acknowledge(*receipt);
        } else {
          world.Allowed("release", receipt.status());
        }
      }
    }
    Pause(world, process);
  }
}

// An operation that must be in the log once, or not at all: no planner makes it harmless.
void RunPinner(SimWorld& world, SimWorld::Process& process) {
  std::unique_ptr<Repository> repository = world.OpenRepository(process);
  while (repository != nullptr) {
    format::CommitRecord record;
    record.mutable_pin()->set_id(UuidToString(*RandomUuid()));
    record.mutable_pin()->set_until_ms(world.now_ms() + world.Random(1, 3'600'000));
    record.mutable_pin()->set_who("simulator");
    auto receipt = repository->log().Append(
        [&](const State&, const CallContext&) -> Result<Proposal> {
          Proposal proposal;
          proposal.actions.push_back(record);
          return proposal;
        },
        CallContext());
    if (receipt.ok()) {
      world.Acknowledge(*receipt);
      world.AcknowledgeOperation(record.pin().id());
    } else {
      world.Allowed("pin", receipt.status());
    }
    Pause(world, process);
  }
}

}  // namespace maxbrod::repo
