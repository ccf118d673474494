// maxbrod locks show|extend: Object Lock of what a repository needs.
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "cli/progress_printer.h"
#include "cli/verbs.h"
#include "engine/locks.h"
#include "store/s3_store_url.h"

namespace maxbrod::cli {
namespace {

struct LocksFlags {
  RepositoryFlags repository;
  bool dry_run = false;
  size_t threads = 8;
};

void PrintJson(const engine::LocksReport& report, const store::LockPolicy& policy, bool extend) {
  nlohmann::json kinds = nlohmann::json::array();
  for (const engine::LockedKind& kind : report.kinds) {
    kinds.push_back({{"kind", kind.kind},
                     {"objects", kind.objects},
                     {"bytes", kind.bytes},
                     {"unlocked", kind.unlocked},
                     {"ending", kind.ending},
                     {"first_end_ms", kind.first_end_ms == 0 ? nlohmann::json()
                                                             : nlohmann::json(kind.first_end_ms)}});
  }
  std::cout << nlohmann::json{{"mode", policy.mode == store::LockMode::kCompliance ? "compliance"
                                                                                   : "governance"},
                              {"days", policy.days},
                              {"extend", extend},
                              {"objects", report.objects},
                              {"bytes", report.bytes},
                              {"unlocked", report.unlocked},
                              {"ending", report.ending},
                              {"weaker", report.weaker},
                              {"to_extend", report.to_extend},
                              {"to_extend_bytes", report.to_extend_bytes},
                              {"extended", report.extended},
                              {"missing", report.missing},
                              {"kinds", kinds},
                              {"list_requests", report.list_requests},
                              {"head_requests", report.head_requests},
                              {"retention_requests", report.retention_requests},
                              {"dollars", report.dollars}}
                   .dump()
            << "\n";
}

void Print(const engine::LocksReport& report, const store::LockPolicy& policy, bool extend,
           const Globals& globals) {
  if (globals.json) return PrintJson(report, policy, extend);
  Table table({"KIND", ">OBJECTS", ">SIZE", ">NO LOCK", ">ENDING", "FIRST ENDS"});
  for (const engine::LockedKind& kind : report.kinds) {
    table.Row({kind.kind, FormatCount(kind.objects), FormatBytes(kind.bytes),
               FormatCount(kind.unlocked), FormatCount(kind.ending),
               kind.first_end_ms == 0 ? "-" : FormatTime(kind.first_end_ms)});
  }
  table.Print(std::cout);
  char dollars[32];
  std::snprintf(dollars, sizeof(dollars), "%.4f", report.dollars);
  std::cout << (extend ? "extended: " : "to extend: ")
            << FormatCount(extend ? report.extended : report.to_extend) << " of "
            << FormatCount(report.objects) << " objects, " << FormatBytes(report.to_extend_bytes)
            << " (no lock, or less than " << FormatCount(static_cast<uint64_t>(policy.days) / 2)
            << " of " << FormatCount(static_cast<uint64_t>(policy.days)) << " days left)\n"
            << "requests: " << FormatCount(report.list_requests) << " LIST, "
            << FormatCount(report.head_requests) << " HEAD, "
            << FormatCount(report.retention_requests) << " PUT: $" << dollars << " at list price\n";
  for (const std::string& name : report.missing) std::cout << "missing: " << name << "\n";
}

Status Run(const LocksFlags& flags, bool extend, const Globals& globals) {
  engine::LockOptions options;
  options.extend = extend && !flags.dry_run;
  options.threads = flags.threads;
  if (flags.repository.url.starts_with("s3:")) {
    MB_ASSIGN_OR_RETURN(store::S3Location location, store::ParseS3Url(flags.repository.url));
    options.policy = location.store.lock;
  }
  MB_ASSIGN_OR_RETURN(auto repository, flags.repository.Open(globals));
  engine::Progress progress;
  auto report = [&] {
    ProgressPrinter printer(progress, globals);
    return engine::RunLocks(*repository, options, progress, globals.context());
  }();
  MB_RETURN_IF_ERROR(report.status());
  Print(*report, options.policy, options.extend, globals);
  if (report->missing.empty()) return Status::Ok();
  return Status(Code::kCorrupt, "objects that the repository needs are missing, e.g. '" +
                                    report->missing.front() + "'")
      .WithHint("on a bucket with versions, read it as it was: --as-of TIME");
}

void AddSub(CLI::App* locks, const char* name, const char* what, bool extend, Globals& globals) {
  auto flags = std::make_shared<LocksFlags>();
  CLI::App* verb = locks->add_subcommand(name, what);
  flags->repository.Add(verb);
  verb->add_option("--threads", flags->threads, "Requests at once (default 8)")
      ->check(CLI::Range(1, 64));
  if (extend) {
    verb->add_flag("--dry-run", flags->dry_run, "Show what would be extended and what it costs");
  }
  verb->callback([flags, extend, &globals] {
    globals.action = [flags, extend, &globals] { return Run(*flags, extend, globals); };
  });
}

}  // namespace

void AddLocks(CLI::App& app, Globals& globals) {
  CLI::App* locks =
      app.add_subcommand("locks", "Object Lock of what a repository in S3 needs to be whole");
  locks->require_subcommand(1);
  AddSub(locks, "show", "What is under lock, and until when", false, globals);
  AddSub(locks, "extend", "Lock anew what has less than half of the period left", true, globals);
  locks->footer(
      "Mode and period are those of the URL: lock=governance|compliance&lock_days=N.\n"
      "Examples:\n"
      "  maxbrod locks show --repo 's3://bucket/kafka?lock=compliance&lock_days=30'\n"
      "  maxbrod locks extend --repo 's3://bucket/kafka?lock=compliance&lock_days=30'");
}

}  // namespace maxbrod::cli
