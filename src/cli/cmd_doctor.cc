// maxbrod doctor: what is missing for the safety of a repository.
#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "base/user_time.h"
#include "cli/bucket_flags.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/doctor.h"
#include "store/object_control.h"
#include "store/open_store.h"

namespace maxbrod::cli {
namespace {

using engine::Check;
using engine::CheckGrade;
using engine::Checks;

constexpr std::string_view kFileUrl = "file://";

struct DoctorFlags {
  RepositoryFlags repository;
  ClusterFlags cluster;
  std::string role, abort_uploads;
};

void Append(Checks more, Checks* checks) {
  for (Check& check : more) checks->push_back(std::move(check));
}

Check FromStatus(std::string area, std::string name, CheckGrade grade, const Status& status) {
  return {std::move(area), std::move(name), grade, status.message(), status.hint()};
}

// Opens it as every verb does; without a key of an encrypted one that is not to be had.
Check OpenRepository(const DoctorFlags& flags, const Globals& globals) {
  auto repository = flags.repository.Open(globals, /*ask=*/false);
  if (!repository.ok()) {
    bool no_key = repository.status().code() == Code::kAuthentication;
    return FromStatus("repository", "open", no_key ? CheckGrade::kNote : CheckGrade::kFailure,
                      repository.status());
  }
  auto state = (*repository)->state();
  return {
      "repository", "open", CheckGrade::kOk,
      fmt::format("{} snapshots, {}", state->snapshots.size(), (*repository)->head().ToString()),
      ""};
}

// The config object as it lies there; empty where there is none.
Result<Bytes> RawConfig(store::Store& store, const CallContext& context) {
  constexpr size_t kConfigBytesMax = 1 << 20;
  Result<Bytes> bytes = store.Get(repo::kConfigName, kConfigBytesMax, context);
  Code code = bytes.status().code();
  // Denied: the rights say so.
  if (code == Code::kNotFound || code == Code::kPermission) return Bytes{};
  return bytes;
}

Status CheckBucketPlace(const DoctorFlags& flags, std::optional<engine::Role> role,
                        store::Store& store, const Globals& globals, Checks* checks) {
  const CallContext context = globals.context();
  MB_ASSIGN_OR_RETURN(BucketPlace place, BucketPlace::Open(flags.repository.url));
  aws::S3Bucket bucket(*place.client);
  MB_ASSIGN_OR_RETURN(store::BucketState state, store::ReadBucketState(bucket, context));
  Append(engine::CheckBucketSettings(
             store::JudgeBucket(state, store::BucketWishes::Usual(), place.prefix), role),
         checks);
  MB_ASSIGN_OR_RETURN(Bytes config, RawConfig(store, context));
  MB_ASSIGN_OR_RETURN(Checks rights,
                      engine::CheckRights(bucket, store, place.prefix, config, role, context));
  Append(std::move(rights), checks);
  if (!flags.abort_uploads.empty()) {
    MB_ASSIGN_OR_RETURN(int64_t age, ParseUserDuration(flags.abort_uploads));
    MB_CHECK(store.control() != nullptr);  // an S3 store has one
    MB_ASSIGN_OR_RETURN(uint64_t aborted, store.control()->AbortStaleUploads(Millis(age), context));
    checks->push_back(
        {"uploads", "aborted", CheckGrade::kOk, fmt::format("{} ended", aborted), ""});
  }
  Append(engine::CheckUploads(*place.client, place.prefix, Clock::System(), context), checks);
  return Status::Ok();
}

Status CheckKafka(const DoctorFlags& flags, const Globals& globals, Checks* checks) {
  auto cluster = flags.cluster.Connect(globals);
  if (!cluster.ok()) {
    Code code = cluster.status().code();
    if (code == Code::kInvalidArgument || code == Code::kCancelled) return cluster.status();
    checks->push_back(FromStatus("cluster", "connect", CheckGrade::kFailure, cluster.status()));
    return Status::Ok();
  }
  auto found = engine::CheckCluster(**cluster, globals.context());
  if (!found.ok()) {
    checks->push_back(FromStatus("cluster", "metadata", CheckGrade::kFailure, found.status()));
    return Status::Ok();
  }
  Append(std::move(*found), checks);
  return Status::Ok();
}

Result<Checks> RunChecks(const DoctorFlags& flags, const Globals& globals) {
  const CallContext context = globals.context();
  std::optional<engine::Role> role;
  if (!flags.role.empty()) {
    MB_ASSIGN_OR_RETURN(role, engine::ParseRole(flags.role));
  }
  MB_ASSIGN_OR_RETURN(auto store, store::OpenStore(flags.repository.url));
  const std::string where = store->Url();
  bool in_folder = where.starts_with(kFileUrl);
  Checks checks;
  auto config = repo::ReadConfig(*store, {}, context);
  bool encrypted = config.ok() && config->config.crypto() != format::CRYPTO_PLAIN;
  if (config.ok()) {
    MB_RETURN_IF_ERROR(flags.repository.CheckId(config->config.repository_id(), where));
    checks.push_back(OpenRepository(flags, globals));
    Append(engine::CheckKeys(*store, config->config, !in_folder, context), &checks);
  } else if (config.status().code() == Code::kNotFound) {
    checks.push_back(
        {"repository", "open", CheckGrade::kNote, "there is none yet", "make it: maxbrod init"});
  } else {
    checks.push_back(FromStatus("repository", "open", CheckGrade::kFailure, config.status()));
  }
  if (in_folder) {
    Append(engine::CheckFolder(where.substr(kFileUrl.size()), encrypted), &checks);
  } else if (where.starts_with("s3://")) {
    MB_RETURN_IF_ERROR(CheckBucketPlace(flags, role, *store, globals, &checks));
  }
  Append(engine::CheckClock(*store, Clock::System(), context), &checks);
  if (flags.cluster.given()) MB_RETURN_IF_ERROR(CheckKafka(flags, globals, &checks));
  return checks;
}

void Print(const Checks& checks, size_t failures, size_t warnings, const Globals& globals) {
  if (globals.json) {
    nlohmann::json list = nlohmann::json::array();
    for (const Check& check : checks) {
      list.push_back({{"area", check.area},
                      {"check", check.name},
                      {"grade", NameOf(check.grade)},
                      {"what", check.what},
                      {"advice", check.advice}});
    }
    std::cout << nlohmann::json{{"ok", failures == 0},
                                {"failures", failures},
                                {"warnings", warnings},
                                {"checks", std::move(list)}}
                     .dump()
              << "\n";
    return;
  }
  Table table({"", "AREA", "CHECK", "WHAT"});
  std::string advice;
  for (const Check& check : checks) {
    table.Row({check.grade == CheckGrade::kOk ? "" : std::string(NameOf(check.grade)), check.area,
               check.name, check.what});
    if (check.advice.empty() || check.grade == CheckGrade::kOk) continue;
    advice += check.area + " " + check.name + ": " + check.advice + "\n";
  }
  table.Print(std::cout);
  std::cout << advice;
}

Status Run(const DoctorFlags& flags, const Globals& globals) {
  MB_ASSIGN_OR_RETURN(Checks checks, RunChecks(flags, globals));
  std::vector<std::string> failed;
  size_t warnings = 0;
  for (const Check& check : checks) {
    if (check.grade == CheckGrade::kFailure) failed.push_back(check.area + " " + check.name);
    if (check.grade == CheckGrade::kWarning) ++warnings;
  }
  Print(checks, failed.size(), warnings, globals);
  if (failed.empty()) return Status::Ok();
  return Status(Code::kIncomplete, fmt::format("{} of {} checks failed: {}", failed.size(),
                                               checks.size(), fmt::join(failed, ", ")));
}

}  // namespace

void AddDoctor(CLI::App& app, Globals& globals) {
  auto flags = std::make_shared<DoctorFlags>();
  CLI::App* verb = app.add_subcommand("doctor", "Tell what is missing for a repository's safety");
  flags->repository.Add(verb);
  flags->cluster.Add(verb, /*required=*/false);
  verb->add_option(
          "--role", flags->role,
          "Compare what we may do with what this role needs: backup, restore, prune, setup")
      ->check(CLI::IsMember({"backup", "restore", "prune", "setup"}));
  verb->add_option("--abort-uploads", flags->abort_uploads,
                   "End multipart uploads that began longer ago: 1d, 12h");
  verb->footer(
      "Examples:\n"
      "  maxbrod doctor --repo s3://backups/kafka --role backup\n"
      "  maxbrod doctor --repo file:///backups/kafka --bootstrap-server b1:9092");
  verb->callback(
      [flags, &globals] { globals.action = [flags, &globals] { return Run(*flags, globals); }; });
}

}  // namespace maxbrod::cli
