// maxbrod stats: how much a repository holds, and what that costs.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/list_prices.h"
#include "engine/stats.h"

namespace maxbrod::cli {
namespace {

struct StatsFlags {
  RepositoryFlags repository;
  size_t limit = 20;
};

double ShareOf(uint64_t part, uint64_t all) {
  return all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
}

void PrintJson(const engine::StatsReport& report) {
  nlohmann::json topics = nlohmann::json::array(), kinds = nlohmann::json::array(),
                 classes = nlohmann::json::array();
  const uint64_t all = report.live_bytes + report.dead_bytes;
  for (const engine::TopicSpace& topic : report.topics) {
    topics.push_back(
        {{"topic", topic.topic.empty() ? nlohmann::json() : nlohmann::json(topic.topic)},
         {"live_bytes", topic.live_bytes},
         {"dead_bytes", topic.dead_bytes},
         {"records", topic.records},
         {"share", ShareOf(topic.live_bytes + topic.dead_bytes, all)}});
  }
  for (const engine::KindStats& kind : report.kinds) {
    kinds.push_back({{"kind", kind.kind}, {"objects", kind.objects}, {"bytes", kind.bytes}});
  }
  for (const engine::ClassStats& of : report.classes) {
    classes.push_back({{"storage_class", of.storage_class},
                       {"objects", of.objects},
                       {"bytes", of.bytes},
                       {"dollars_per_month",
                        report.priced ? nlohmann::json(of.dollars_per_month) : nlohmann::json()}});
  }
  std::cout << nlohmann::json{{"topics", topics},
                              {"live_bytes", report.live_bytes},
                              {"dead_bytes", report.dead_bytes},
                              {"records", report.records},
                              {"snapshots", report.snapshots},
                              {"snapshot_bytes", report.snapshot_bytes},
                              {"kinds", kinds},
                              {"classes", classes},
                              {"objects", report.objects},
                              {"bytes", report.bytes},
                              {"condemned_objects", report.condemned_objects},
                              {"dollars_per_month", report.priced
                                                        ? nlohmann::json(report.dollars_per_month)
                                                        : nlohmann::json()},
                              {"head", report.head.ToString()}}
                   .dump()
            << "\n";
}

std::string Percent(uint64_t part, uint64_t all) {
  return fmt::format("{:.1f} %", 100 * ShareOf(part, all));
}

void Print(const engine::StatsReport& report, size_t limit) {
  const uint64_t all = report.live_bytes + report.dead_bytes;
  Table topics({"TOPIC", ">RECORDS", ">LIVE", ">DEAD", ">SHARE"});
  for (size_t i = 0; i < std::min(report.topics.size(), limit); ++i) {
    const engine::TopicSpace& topic = report.topics[i];
    topics.Row({topic.topic.empty() ? "(named by no index)" : topic.topic,
                FormatCount(topic.records), FormatBytes(topic.live_bytes),
                FormatBytes(topic.dead_bytes), Percent(topic.live_bytes + topic.dead_bytes, all)});
  }
  topics.Row({fmt::format("all {} topics", report.topics.size()), FormatCount(report.records),
              FormatBytes(report.live_bytes), FormatBytes(report.dead_bytes), ""});
  topics.Print(std::cout);
  std::cout << "\n";
  Table kinds({"KIND", ">OBJECTS", ">SIZE"});
  for (const engine::KindStats& kind : report.kinds) {
    kinds.Row({kind.kind, FormatCount(kind.objects), FormatBytes(kind.bytes)});
  }
  kinds.Print(std::cout);
  if (report.priced) {
    std::cout << "\n";
    Table classes({"STORAGE CLASS", ">OBJECTS", ">SIZE", ">$ A MONTH"});
    for (const engine::ClassStats& of : report.classes) {
      classes.Row({of.storage_class, FormatCount(of.objects), FormatBytes(of.bytes),
                   fmt::format("{:.2f}", of.dollars_per_month)});
    }
    classes.Print(std::cout);
  }
  std::cout << "\n"
            << FormatCount(report.objects) << " objects, " << FormatBytes(report.bytes) << "; "
            << FormatCount(report.snapshots) << " snapshots of "
            << FormatBytes(report.snapshot_bytes) << " in all";
  if (report.condemned_objects > 0) {
    std::cout << "; " << FormatCount(report.condemned_objects) << " objects wait for prune";
  }
  std::cout << "\n";
  if (report.priced) {
    std::cout << fmt::format("about ${:.2f} a month at list price ({}), without old versions\n",
                             report.dollars_per_month, engine::kListPricesOf);
  }
}

Status Run(const StatsFlags& flags, const Globals& globals) {
  MB_ASSIGN_OR_RETURN(auto repository, flags.repository.Open(globals));
  const bool priced = flags.repository.url.starts_with("s3:");
  MB_ASSIGN_OR_RETURN(engine::StatsReport report,
                      engine::CollectStats(*repository, priced, globals.context()));
  if (globals.json) {
    PrintJson(report);
  } else {
    Print(report, flags.limit);
  }
  return Status::Ok();
}

}  // namespace

void AddStats(CLI::App& app, Globals& globals) {
  auto flags = std::make_shared<StatsFlags>();
  CLI::App* verb = app.add_subcommand(
      "stats", "How much a repository holds, by topic and kind, and what it costs");
  flags->repository.Add(verb);
  flags->repository.AddAsOf(verb);
  verb->add_option("--limit", flags->limit, "Show so many topics (default 20)");
  verb->footer("Example:\n  maxbrod stats --repo file:///backups/kafka");
  verb->callback(
      [flags, &globals] { globals.action = [flags, &globals] { return Run(*flags, globals); }; });
}

}  // namespace maxbrod::cli
