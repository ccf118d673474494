// maxbrod forget: lets snapshots go, by name or by a retention policy.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "cli/prune_output.h"
#include "cli/verbs.h"
#include "engine/forget.h"
#include "engine/forget_policy.h"

namespace maxbrod::cli {
namespace {

constexpr size_t kWhyWidth = 48;

struct ForgetFlags {
  RepositoryFlags repository;
  engine::ForgetOptions options;
  std::string keep, cluster, group_by = "cluster";
  std::vector<std::string> tags;
  bool policy = false, prune = false;
};

nlohmann::json NameJson(const format::SnapshotRef& s) {
  return {{"id", ToHex(AsBytes(s.id()))}, {"name", s.name()}};
}

void Print(const engine::ForgetReport& report, bool dry_run, const Globals& globals) {
  if (globals.json) {
    nlohmann::json snapshots = nlohmann::json::array();
    for (const format::SnapshotRef& s : report.forgotten) snapshots.push_back(NameJson(s));
    std::cout << nlohmann::json{{"dry_run", dry_run},
                                {"forgotten", snapshots},
                                {"last_of_topics", report.last_of},
                                {"none_left", report.none_left},
                                {"head", report.head.ToString()}}
                     .dump()
              << "\n";
    return;
  }
  for (const format::SnapshotRef& s : report.forgotten) {
    std::cout << (dry_run ? "would forget '" : "forgot '") << s.name() << "' ("
              << ToHex(AsBytes(s.id())).substr(0, 8) << ", " << FormatTime(s.started_ms()) << ")\n";
  }
  if (report.none_left) std::cout << "no snapshot is left then\n";
  for (const std::string& topic : report.last_of) {
    std::cout << "no other snapshot has topic '" << topic << "'\n";
  }
  std::cout << (dry_run ? "nothing was changed\n"
                        : "'maxbrod prune' frees what only they needed\n");
  if (!dry_run) std::cout << report.head.ToString() << "\n";
}

void PrintPolicyJson(const engine::PolicyReport& report, const engine::PolicyOptions& options) {
  nlohmann::json groups = nlohmann::json::array();
  for (const auto& group : report.groups) {
    nlohmann::json kept = nlohmann::json::array(), forgotten = nlohmann::json::array();
    for (const auto& line : group.lines) {
      nlohmann::json one = NameJson(line.snapshot);
      one["started_ms"] = line.snapshot.started_ms();
      if (line.keep) one["reasons"] = line.reasons;
      (line.keep ? kept : forgotten).push_back(std::move(one));
    }
    groups.push_back({{"group", group.text}, {"kept", kept}, {"forgotten", forgotten}});
  }
  std::cout << nlohmann::json{{"dry_run", options.dry_run},
                              {"policy", options.policy.Text()},
                              {"time_zone", options.zone.name()},
                              {"groups", groups},
                              {"kept_snapshots", report.kept},
                              {"forgotten_snapshots", report.forgotten},
                              {"other_snapshots", report.others},
                              {"last_of_topics", report.last_of},
                              {"warnings", report.warnings},
                              {"head", report.head.ToString()}}
                   .dump()
            << "\n";
}

// "daily 2026-11-28, weekly 2026-W48" in as many lines as it takes.
std::vector<std::string> WhyLines(const engine::PolicyReport::Line& line) {
  if (!line.keep) return {"-"};
  std::vector<std::string> out(1);
  for (const std::string& reason : line.reasons) {
    if (!out.back().empty() && out.back().size() + reason.size() + 3 > kWhyWidth) {
      out.back() += ",";
      out.emplace_back();
    }
    out.back() += (out.back().empty() ? "" : ", ") + reason;
  }
  return out;
}

void PrintPolicy(const engine::PolicyReport& report, const engine::PolicyOptions& options,
                 const Globals& globals) {
  if (globals.json) return PrintPolicyJson(report, options);
  for (const auto& group : report.groups) {
    if (!group.text.empty()) std::cout << group.text << ":\n";
    Table table({"", "ID", "NAME", "TIME", "WHY IT STAYS"});
    for (const auto& line : group.lines) {
      const std::vector<std::string> why = WhyLines(line);
      table.Row({line.keep ? "keep" : "forget", ToHex(AsBytes(line.snapshot.id())).substr(0, 8),
                 line.snapshot.name(), FormatTime(line.snapshot.started_ms()), why[0]});
      for (size_t i = 1; i < why.size(); ++i) table.Row({"", "", "", "", why[i]});
    }
    table.Print(std::cout);
  }
  for (const std::string& topic : report.last_of) {
    std::cout << "no snapshot that stays has topic '" << topic << "'\n";
  }
  for (const std::string& warning : report.warnings) std::cout << "warning: " << warning << "\n";
  std::cout << FormatCount(report.kept) << " kept, " << FormatCount(report.forgotten)
            << (options.dry_run ? " would be forgotten" : " forgotten");
  if (report.others > 0) std::cout << ", " << FormatCount(report.others) << " not looked at";
  std::cout << (options.dry_run ? "; nothing was changed\n" : "\n");
  if (!options.dry_run) std::cout << report.head.ToString() << "\n";
}

Status CheckFlags(const ForgetFlags& flags) {
  if (flags.policy == !flags.options.snapshots.empty()) {
    return Status(Code::kInvalidArgument, flags.policy
                                              ? "snapshots are named and a policy is given: which?"
                                              : "neither snapshots nor a policy were named")
        .WithHint("maxbrod forget NAME..., or maxbrod forget --keep 'daily 31, weekly 52'");
  }
  if (!flags.policy && (!flags.tags.empty() || !flags.cluster.empty())) {
    return Status(Code::kInvalidArgument, "--tag and --cluster choose what a policy looks at")
        .WithHint("add --keep");
  }
  return Status::Ok();
}

Status RunPolicy(const ForgetFlags& flags, repo::Repository& repository, const Globals& globals) {
  engine::PolicyOptions options;
  MB_ASSIGN_OR_RETURN(options.policy, engine::RetentionPolicy::Parse(flags.keep));
  MB_ASSIGN_OR_RETURN(options.group_by, engine::GroupBy::Parse(flags.group_by));
  options.zone = CurrentDisplay().zone;
  options.tags = flags.tags;
  options.cluster = flags.cluster;
  options.reason = flags.options.reason;
  options.dry_run = flags.options.dry_run;
  MB_ASSIGN_OR_RETURN(engine::PolicyReport report,
                      engine::ForgetByPolicy(repository, options, globals.context()));
  if (!options.dry_run) flags.repository.Remember(repository);
  PrintPolicy(report, options, globals);
  return Status::Ok();
}

Status RunNames(const ForgetFlags& flags, repo::Repository& repository, const Globals& globals) {
  MB_ASSIGN_OR_RETURN(engine::ForgetReport report,
                      engine::ForgetSnapshots(repository, flags.options, globals.context()));
  if (!flags.options.dry_run) flags.repository.Remember(repository);
  Print(report, flags.options.dry_run, globals);
  return Status::Ok();
}

Status Run(const ForgetFlags& flags, const Globals& globals) {
  MB_RETURN_IF_ERROR(CheckFlags(flags));
  // What cannot be read is refused before the repository is opened.
  if (flags.policy) MB_RETURN_IF_ERROR(engine::RetentionPolicy::Parse(flags.keep).status());
  MB_ASSIGN_OR_RETURN(auto repository, flags.repository.Open(globals));
  MB_RETURN_IF_ERROR(flags.policy ? RunPolicy(flags, *repository, globals)
                                  : RunNames(flags, *repository, globals));
  if (!flags.prune || flags.options.dry_run) return Status::Ok();
  engine::PruneOptions prune;
  if (flags.policy) prune.yes_delete = flags.options.yes_delete;
  return PruneAndPrint(*repository, prune, flags.repository, globals);
}

void AddPolicyFlags(CLI::App* verb, const std::shared_ptr<ForgetFlags>& flags) {
  verb->add_option("--tag", flags->tags,
                   "Policy: look only at snapshots with this tag (repeatable)")
      ->allow_extra_args(false);
  verb->add_option("--cluster", flags->cluster, "Policy: only at snapshots of this cluster id");
  verb->add_option("--group-by", flags->group_by,
                   "Policy: apply it to each of cluster (default), tags, cluster,tags or to all "
                   "(none)");
}

}  // namespace

void AddForget(CLI::App& app, Globals& globals) {
  auto flags = std::make_shared<ForgetFlags>();
  CLI::App* verb = app.add_subcommand(
      "forget", "Let snapshots go, by name or by a policy; 'prune' frees their data");
  verb->add_option("snapshot", flags->options.snapshots, "Names or ids");
  flags->repository.Add(verb);
  auto* keep = verb->add_option(
      "--keep", flags->keep,
      "A policy; what it does not keep goes: 'last 3, hourly 24, daily 31, weekly 52, monthly 12, "
      "yearly 5, within 14d, tag gold'");
  AddPolicyFlags(verb, flags);
  verb->add_flag("--dry-run", flags->options.dry_run, "Show what would go and change nothing");
  verb->add_option("--yes-delete", flags->options.yes_delete,
                   "How many snapshots are meant to go; needed where some topic would be left "
                   "without any. With --keep and --prune: how many objects prune may condemn");
  verb->add_flag("--prune", flags->prune, "Run 'prune' afterwards");
  verb->add_option("--reason", flags->options.reason, "A remark kept in the log");
  verb->footer(
      "Held snapshots stay ('maxbrod hold').\n"
      "Examples:\n"
      "  maxbrod forget nightly-0101 nightly-0102 --repo file:///backups/kafka --dry-run\n"
      "  maxbrod forget --keep 'daily 31, weekly 52' --prune --repo file:///backups/kafka\n"
      "  maxbrod forget --keep 'last 3, within 14d, tag gold' --time-zone Europe/Berlin \\\n"
      "      --repo file:///backups/kafka --dry-run");
  verb->callback([flags, keep, &globals] {
    globals.action = [flags, keep, &globals] {
      flags->policy = keep->count() > 0;
      return Run(*flags, globals);
    };
  });
}

}  // namespace maxbrod::cli
