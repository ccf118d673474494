// maxbrod metadata restore: a snapshot's ACLs, quotas, SCRAM users, configs and schemas into a
// cluster and a Schema Registry, without its data.
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/folded.h"
#include "cli/metadata_flags.h"
#include "cli/metadata_output.h"
#include "cli/output.h"
#include "cli/progress_printer.h"
#include "cli/verbs.h"
#include "engine/restore_metadata.h"
#include "engine/selection.h"

namespace maxbrod::cli {
namespace {

struct RestoreMetadataFlags {
  RepositoryFlags repository;
  ClusterFlags cluster;
  MetadataFlags metadata;
  std::string snapshot;
  std::vector<std::string> only, if_exists, rename;
  bool dry_run = false;
};

constexpr const char* kAcls = "acls";
constexpr const char* kQuotas = "quotas";
constexpr const char* kUsers = "users";
constexpr const char* kConfigs = "configs";
constexpr const char* kSchemas = "schemas";
constexpr const char* kShareOffsets = "share-offsets";

Result<engine::MetadataSelection> ToSelection(const RestoreMetadataFlags& flags) {
  engine::MetadataSelection selection;
  selection.schemas = true;
  MB_ASSIGN_OR_RETURN(selection.registry, flags.metadata.registry.Open());
  if (!flags.only.empty()) {
    auto has = [&](const char* part) {
      return std::find(flags.only.begin(), flags.only.end(), part) != flags.only.end();
    };
    selection.acls = has(kAcls);
    selection.quotas = has(kQuotas);
    selection.users = has(kUsers);
    selection.configs = has(kConfigs);
    selection.schemas = has(kSchemas);
    selection.share_offsets = has(kShareOffsets);
    if (selection.schemas && selection.registry == nullptr) {
      return Status(Code::kInvalidArgument, "--only schemas needs a Schema Registry to go to")
          .WithHint("--schema-registry http://host:8081");
    }
  }
  selection.broker_configs = flags.metadata.BrokerConfigs();
  for (const std::string& text : flags.if_exists)
    MB_RETURN_IF_ERROR(selection.policies.Parse(text));
  if (!flags.rename.empty()) {
    MB_ASSIGN_OR_RETURN(engine::Renames parsed, engine::Renames::Parse(flags.rename));
    auto renames = std::make_shared<const engine::Renames>(std::move(parsed));
    selection.topic_name = [renames](const std::string& topic) { return renames->Apply(topic); };
  }
  MB_ASSIGN_OR_RETURN(selection.passwords, flags.metadata.Passwords());
  return selection;
}

Status Restore(const RestoreMetadataFlags& flags, const Globals& globals) {
  MB_ASSIGN_OR_RETURN(engine::MetadataSelection selection, ToSelection(flags));
  MB_ASSIGN_OR_RETURN(auto repository, flags.repository.Open(globals));
  MB_ASSIGN_OR_RETURN(auto ref, repository->FindSnapshot(flags.snapshot));
  MB_ASSIGN_OR_RETURN(repo::Snapshot snapshot, repository->ReadSnapshot(ref, globals.context()));
  MB_ASSIGN_OR_RETURN(auto cluster, flags.cluster.Connect(globals));
  MB_ASSIGN_OR_RETURN(engine::MetadataPlan plan,
                      engine::PlanMetadata(snapshot, *cluster, selection, globals.context()));
  if (flags.dry_run || plan.refused()) {
    if (globals.json) {
      std::cout << MetadataPlanJson(plan).dump() << "\n";
    } else {
      PrintMetadataPlan(plan);
    }
    return plan.Refusal();
  }
  engine::Progress progress;
  auto report = [&] {
    ProgressPrinter printer(progress, globals);
    return engine::ApplyMetadata(*cluster, plan, progress, globals.context());
  }();
  MB_RETURN_IF_ERROR(report.status());
  if (globals.json) {
    nlohmann::json out = MetadataReportJson(*report);
    out["notes"] = plan.notes;
    std::cout << out.dump() << "\n";
  } else {
    PrintMetadataReport(*report);
    for (const std::string& note : plan.notes) PrintFolded("note: ", note);
  }
  return MetadataOutcome(*report);
}

}  // namespace

void AddMetadata(CLI::App& app, Globals& globals) {
  CLI::App* metadata = app.add_subcommand(
      "metadata", "ACLs, quotas, users, configs and schemas of a snapshot, without its data");
  metadata->require_subcommand(1);
  auto flags = std::make_shared<RestoreMetadataFlags>();
  CLI::App* verb = metadata->add_subcommand("restore", "Bring them into a cluster");
  verb->add_option("snapshot", flags->snapshot, "Name, id or 'latest'")->required();
  flags->repository.Add(verb);
  flags->repository.AddAsOf(verb);
  flags->cluster.Add(verb, true);
  verb->add_flag("--dry-run", flags->dry_run, "Show the plan and touch nothing");
  verb->add_option(
          "--only", flags->only,
          "Some of acls, quotas, users, configs, schemas (default: all five), and share-offsets: "
          "where share groups begin, once the topics are there at the same offsets")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember({kAcls, kQuotas, kUsers, kConfigs, kSchemas, kShareOffsets}));
  verb->add_option(
          "--if-exists", flags->if_exists,
          "What differs on the target: skip (default; of schemas fail), overwrite or fail; for "
          "one kind KIND=POLICY with acls, quotas, users, configs, schemas (may be "
          "repeated)")
      ->allow_extra_args(false);
  verb->add_option("--rename", flags->rename,
                   "FROM=TO, or /regex/=replacement with $1, of topics: ACLs follow (may be "
                   "repeated)")
      ->allow_extra_args(false);
  flags->metadata.Add(verb);
  verb->footer(
      "Examples:\n"
      "  maxbrod metadata restore nightly --repo file:///backups/kafka --bootstrap-server n1:9092 "
      "--dry-run\n"
      "  maxbrod metadata restore nightly --repo ... --bootstrap-server n1:9092 --only acls,users "
      "--scram-passwords users.txt\n"
      "  maxbrod metadata restore nightly --repo ... --bootstrap-server n1:9092 --if-exists "
      "quotas=overwrite\n"
      "  maxbrod metadata restore nightly --repo ... --bootstrap-server n1:9092 --only schemas "
      "--schema-registry http://sr:8081");
  verb->callback([flags, &globals] {
    globals.action = [flags, &globals] { return Restore(*flags, globals); };
  });
}

}  // namespace maxbrod::cli
