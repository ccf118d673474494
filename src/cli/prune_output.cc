#include "cli/prune_output.h"

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "cli/progress_printer.h"

namespace maxbrod::cli {
namespace {

constexpr size_t kDeferredShown = 20;

nlohmann::json RewriteJson(const engine::PruneReport& report) {
  nlohmann::json dead = nlohmann::json::array();
  for (const engine::TopicSpace& topic : report.dead) {
    dead.push_back({{"topic", topic.topic.empty() ? nlohmann::json() : nlohmann::json(topic.topic)},
                    {"dead_bytes", topic.dead_bytes},
                    {"live_bytes", topic.live_bytes}});
  }
  const repo::RewritePlan& plan = report.rewrite;
  return {{"dead_topics", dead},
          {"packs", plan.packs.size()},
          {"copy_bytes", plan.copy_bytes},
          {"freed_bytes", plan.freed_bytes},
          {"left_packs", plan.over_packs},
          {"left_copy_bytes", plan.over_copy_bytes},
          {"left_freed_bytes", plan.over_freed_bytes},
          {"archived_packs", plan.archived_packs},
          {"locked_packs", plan.locked_packs},
          {"young_packs", plan.young_packs},
          {"loose_packs", plan.loose_packs},
          {"read_bytes", report.rewritten.read_bytes},
          {"written_bytes", report.rewritten.written_bytes},
          {"edited_snapshots", report.rewritten.snapshots},
          {"damaged_packs", report.rewritten.damaged}};
}

void PrintRewrite(const engine::PruneReport& report, const std::string& would) {
  const repo::RewritePlan& plan = report.rewrite;
  if (!plan.packs.empty()) {
    std::cout << would << "rewritten: " << FormatCount(plan.packs.size())
              << " packs that are mostly dead, " << FormatBytes(plan.copy_bytes)
              << " copied; the next prunes free " << FormatBytes(plan.freed_bytes) << "\n";
  }
  if (plan.over_packs > 0) {
    std::cout << "left: " << FormatCount(plan.over_packs) << " mostly dead packs; "
              << FormatBytes(plan.over_freed_bytes) << " to be won by --rewrite-budget "
              << FormatBytes(std::max<uint64_t>(plan.over_copy_bytes, 1)) << "\n";
  }
  const uint64_t spared =
      plan.archived_packs + plan.locked_packs + plan.young_packs + plan.loose_packs;
  if (spared > 0) {
    std::cout << "left: " << FormatCount(plan.archived_packs) << " mostly dead packs in archives, "
              << FormatCount(plan.locked_packs) << " under lock, "
              << FormatCount(plan.young_packs + plan.loose_packs) << " too young\n";
  }
  for (const std::string& name : report.rewritten.damaged) {
    std::cout << "damaged, left as it is: " << name << " (maxbrod repair)\n";
  }
  if (report.dead.empty()) return;
  Table table({"DEAD BYTES OF", ">DEAD", ">LIVE"});
  for (size_t i = 0; i < std::min(report.dead.size(), kDeferredShown); ++i) {
    const engine::TopicSpace& topic = report.dead[i];
    table.Row({topic.topic.empty() ? "(named by no index)" : topic.topic,
               FormatBytes(topic.dead_bytes), FormatBytes(topic.live_bytes)});
  }
  table.Print(std::cout);
}

void PrintJson(const engine::PruneReport& report, bool dry_run) {
  nlohmann::json released = nlohmann::json::array(), deferred = nlohmann::json::array();
  for (const auto& topic : report.released) {
    released.push_back({{"topic", topic.topic}, {"wholly", topic.wholly}});
  }
  for (const repo::DeferredObject& object : report.deferred) {
    nlohmann::json until =
        object.until_ms == 0 ? nlohmann::json() : nlohmann::json(object.until_ms);
    deferred.push_back({{"object", object.name}, {"bytes", object.bytes}, {"until_ms", until}});
  }
  auto or_null = [](int64_t ms) { return ms == 0 ? nlohmann::json() : nlohmann::json(ms); };
  std::cout << nlohmann::json{{"dry_run", dry_run},
                              {"released_topics", released},
                              {"condemned_objects", report.condemned_objects},
                              {"condemned_bytes", report.condemned_bytes},
                              {"condemned_due_ms", or_null(report.condemned_due_ms)},
                              {"stored_objects", report.stored_objects},
                              {"stored_bytes", report.stored_bytes},
                              {"removed_objects", report.removed_objects},
                              {"removed_bytes", report.removed_bytes},
                              {"waiting_objects", report.waiting_objects},
                              {"next_due_ms", or_null(report.next_due_ms)},
                              {"pinned_until_ms", or_null(report.pinned_until_ms)},
                              {"deferred", deferred},
                              {"trimmed_objects", report.trimmed_objects},
                              {"log_floor", report.log_floor},
                              {"aborted_uploads", report.aborted_uploads},
                              {"rewrite", RewriteJson(report)},
                              {"needs_number", report.needs_number},
                              {"head", report.head.ToString()}}
                   .dump()
            << "\n";
}

void PrintDeferred(const std::vector<repo::DeferredObject>& deferred) {
  if (deferred.empty()) return;
  Table table({"UNDER LOCK", ">SIZE", "DEFERRED UNTIL"});
  for (size_t i = 0; i < std::min(deferred.size(), kDeferredShown); ++i) {
    const repo::DeferredObject& object = deferred[i];
    table.Row({object.name, FormatBytes(object.bytes),
               object.until_ms == 0 ? "the legal hold is lifted" : FormatTime(object.until_ms)});
  }
  std::cout << "\n";
  table.Print(std::cout);
  if (deferred.size() > kDeferredShown) {
    std::cout << "... and " << FormatCount(deferred.size() - kDeferredShown) << " more\n";
  }
}

}  // namespace

void PrintPrune(const engine::PruneReport& report, bool dry_run, const Globals& globals) {
  if (globals.json) return PrintJson(report, dry_run);
  const std::string would = dry_run ? "would be " : "";
  for (const auto& topic : report.released) {
    std::cout << "topic '" << topic.topic << "': "
              << (topic.wholly ? "nothing is kept, no snapshot has it\n"
                               : "data older than every snapshot is let go\n");
  }
  double share = report.stored_bytes == 0 ? 0
                                          : 100 * static_cast<double>(report.condemned_bytes) /
                                                static_cast<double>(report.stored_bytes);
  std::cout << would << "condemned: " << FormatCount(report.condemned_objects) << " objects, "
            << FormatBytes(report.condemned_bytes) << " ("
            << FormatCount(static_cast<uint64_t>(share)) << " % of what is stored)";
  if (report.condemned_due_ms != 0) {
    std::cout << ", removed by a prune after " << FormatTime(report.condemned_due_ms);
  }
  std::cout << "\n"
            << would << "removed: " << FormatCount(report.removed_objects) << " objects, "
            << FormatBytes(report.removed_bytes) << "\n";
  if (report.waiting_objects > 0) {
    std::cout << "waiting: " << FormatCount(report.waiting_objects)
              << " condemned objects, the first until " << FormatTime(report.next_due_ms) << "\n";
  }
  if (report.pinned_until_ms != 0) {
    std::cout << "a reader lets nothing more go before " << FormatTime(report.pinned_until_ms)
              << "\n";
  }
  std::cout << would << "trimmed: " << FormatCount(report.trimmed_objects)
            << " old commits and checkpoints\n";
  if (report.aborted_uploads > 0) {
    std::cout << "ended: " << FormatCount(report.aborted_uploads) << " unfinished uploads\n";
  }
  PrintRewrite(report, would);
  PrintDeferred(report.deferred);
  if (dry_run && report.needs_number) {
    std::cout << "a real run needs --yes-delete " << report.condemned_objects << "\n";
  }
  std::cout << (dry_run ? "nothing was changed" : report.head.ToString()) << "\n";
}

Status PruneAndPrint(repo::Repository& repository, const engine::PruneOptions& options,
                     const RepositoryFlags& flags, const Globals& globals) {
  engine::Progress progress;
  auto report = [&] {
    ProgressPrinter printer(progress, globals);
    return engine::RunPrune(repository, options, progress, globals.context());
  }();
  MB_RETURN_IF_ERROR(report.status());
  if (!options.dry_run) flags.Remember(repository);
  PrintPrune(*report, options.dry_run, globals);
  return Status::Ok();
}

}  // namespace maxbrod::cli
