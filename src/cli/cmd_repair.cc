// maxbrod repair: what breaks all the same.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "cli/progress_printer.h"
#include "cli/verbs.h"
#include "engine/repair.h"

namespace maxbrod::cli {
namespace {

constexpr size_t kRangesShown = 20;

struct RepairFlags {
  RepositoryFlags repository;
  engine::RepairOptions options;
};

void PrintJson(const engine::RepairReport& report, bool dry_run) {
  nlohmann::json items = nlohmann::json::array(), lost = nlohmann::json::array();
  for (const engine::RepairItem& item : report.items) {
    items.push_back({{"object", item.object},
                     {"what", item.what},
                     {"cure", item.cure},
                     {"curable", item.curable}});
  }
  for (const repo::LostRange& range : report.lost) {
    lost.push_back({{"topic", range.topic},
                    {"partition", range.partition},
                    {"first_offset", range.start_offset},
                    {"last_offset", range.end_offset - 1}});
  }
  std::cout << nlohmann::json{{"dry_run", dry_run},
                              {"items", items},
                              {"lost_ranges", lost},
                              {"edited_snapshots", report.lossy_snapshots},
                              {"copied_bytes", report.copied_bytes},
                              {"incurable", report.incurable},
                              {"changed", report.changed},
                              {"head", report.head.ToString()}}
                   .dump()
            << "\n";
}

void Print(const engine::RepairReport& report, bool dry_run, const Globals& globals) {
  if (globals.json) return PrintJson(report, dry_run);
  for (const engine::RepairItem& item : report.items) {
    std::cout << item.object << "\n  " << item.what << "\n  "
              << (item.curable ? "cure: " : "no cure here: ") << item.cure << "\n";
  }
  if (!report.lost.empty()) {
    Table table({"LOST OF", ">PART", ">FROM", ">TO"});
    for (size_t i = 0; i < std::min(report.lost.size(), kRangesShown); ++i) {
      const repo::LostRange& range = report.lost[i];
      table.Row({range.topic, std::to_string(range.partition), std::to_string(range.start_offset),
                 std::to_string(range.end_offset - 1)});
    }
    table.Print(std::cout);
    if (report.lost.size() > kRangesShown) {
      std::cout << "... and " << FormatCount(report.lost.size() - kRangesShown) << " more\n";
    }
  }
  if (!report.lossy_snapshots.empty()) {
    std::cout << "snapshots with a new index: "
              << fmt::format("{}", fmt::join(report.lossy_snapshots, ", ")) << "\n";
  }
  if (report.items.empty()) std::cout << "nothing is broken that repair looks for\n";
  if (dry_run && !report.lost.empty()) {
    std::cout << "a real run needs --yes-lose " << report.lost.size() << "\n";
  }
  std::cout << (report.changed ? "repaired; see it with 'maxbrod verify'\n"
                               : "nothing was changed\n")
            << report.head.ToString() << "\n";
}

Status Run(const RepairFlags& flags, const Globals& globals) {
  MB_ASSIGN_OR_RETURN(auto repository, flags.repository.Open(globals));
  engine::Progress progress;
  auto report = [&] {
    ProgressPrinter printer(progress, globals);
    return engine::RunRepair(*repository, flags.options, progress, globals.context());
  }();
  MB_RETURN_IF_ERROR(report.status());
  if (!flags.options.dry_run) flags.repository.Remember(*repository);
  Print(*report, flags.options.dry_run, globals);
  if (report->incurable == 0) return Status::Ok();
  return Status(Code::kCorrupt,
                fmt::format("{} damaged objects cannot be made from the rest of the "
                            "repository",
                            report->incurable))
      .WithHint("each is named above with what may be done");
}

}  // namespace

void AddRepair(CLI::App& app, Globals& globals) {
  auto flags = std::make_shared<RepairFlags>();
  CLI::App* verb =
      app.add_subcommand("repair", "Make a damaged repository whole again, as far as it can be");
  flags->repository.Add(verb);
  verb->add_flag("--dry-run", flags->options.dry_run,
                 "List what is broken and what would be done; change nothing");
  verb->add_flag("--read-data", flags->options.read_data,
                 "Read every block of every pack, as 'verify' does; else only missing and cut "
                 "objects are found");
  verb->add_option("--yes-lose", flags->options.yes_lose,
                   "How many ranges of offsets are given up; needed where data is lost");
  verb->footer(
      "Nothing is deleted. What is lost is read again by the next backup where the source still\n"
      "has it, and stands in snapshots as a gap.\n"
      "Examples:\n"
      "  maxbrod repair --repo file:///backups/kafka --dry-run\n"
      "  maxbrod repair --repo file:///backups/kafka --read-data --yes-lose 2");
  verb->callback(
      [flags, &globals] { globals.action = [flags, &globals] { return Run(*flags, globals); }; });
}

}  // namespace maxbrod::cli
