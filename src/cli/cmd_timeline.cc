// maxbrod timeline: what can be restored, from when to when.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/timeline.h"

namespace maxbrod::cli {
namespace {

// Per topic, without --partitions.
constexpr size_t kGapsShown = 5;
constexpr size_t kNamesShown = 3;
constexpr size_t kPointsShown = 20;

struct TimelineFlags {
  RepositoryFlags repository;
  std::vector<std::string> topics, exclude;
  bool partitions = false, commits = false;
};

nlohmann::json CommitJson(const engine::TimelineCommit& commit) {
  if (commit.sequence == 0) return nullptr;
  return {{"commit", commit.sequence}, {"time_ms", commit.time_ms}};
}

nlohmann::json BranchJson(const engine::TimelineBranch& b) {
  nlohmann::json held = nlohmann::json::array(), gaps = nlohmann::json::array(),
                 snapshots = nlohmann::json::array();
  for (auto [from, to] : b.held) held.push_back({{"from", from}, {"to", to}});
  for (const auto& gap : b.gaps)
    gaps.push_back({{"from", gap.start_offset}, {"to", gap.end_offset}, {"reason", gap.reason}});
  for (const auto& s : b.snapshots) {
    snapshots.push_back(
        {{"snapshot", s.name}, {"time_ms", s.time_ms}, {"end_offset", s.end_offset}});
  }
  nlohmann::json out = {{"branch", b.id},
                        {"generation", b.generation},
                        {"compacted", b.compacted},
                        {"current", b.current},
                        {"reason", b.reason},
                        {"created_ms", b.created_ms},
                        {"read_started_ms", b.read_started_ms},
                        {"read_ended_ms", b.read_ended_ms},
                        {"log_start_offset", b.log_start_offset},
                        {"offsets", b.offsets()},
                        {"held", held},
                        {"gaps", gaps},
                        {"first_commit", CommitJson(b.first)},
                        {"last_commit", CommitJson(b.last)},
                        {"snapshots", snapshots}};
  out["parent"] = b.parent ? nlohmann::json(*b.parent) : nlohmann::json();
  if (b.parent) out["fork_offset"] = b.fork_offset;
  return out;
}

nlohmann::json TopicJson(const engine::TimelineTopic& topic) {
  nlohmann::json partitions = nlohmann::json::array();
  for (const auto& p : topic.partitions) {
    nlohmann::json branches = nlohmann::json::array();
    for (const auto& b : p.branches) branches.push_back(BranchJson(b));
    partitions.push_back({{"partition", p.partition}, {"branches", branches}});
  }
  return {{"topic", topic.topic},
          {"topic_id", topic.id.id.ToBase64()},
          {"current", topic.current},
          {"snapshots", topic.snapshots},
          {"partitions", partitions}};
}

void PrintJson(const engine::Timeline& timeline) {
  nlohmann::json topics = nlohmann::json::array(), points = nlohmann::json::array(),
                 snapshots = nlohmann::json::array();
  for (const auto& topic : timeline.topics) topics.push_back(TopicJson(topic));
  for (const auto& p : timeline.points) {
    points.push_back({{"commit", p.commit.sequence},
                      {"time_ms", p.commit.time_ms},
                      {"topics", p.topics},
                      {"partitions", p.partitions},
                      {"offsets", p.offsets},
                      {"snapshots", p.snapshots}});
  }
  for (const auto& ref : timeline.snapshots) {
    snapshots.push_back({{"snapshot", ref.name()},
                         {"id", ToHex(AsBytes(ref.id()))},
                         {"time_ms", ref.started_ms()}});
  }
  nlohmann::json out = {{"first_commit", CommitJson(timeline.first)},
                        {"last_commit", CommitJson(timeline.last)},
                        {"commits_read_from", timeline.commits_read_from},
                        {"points", points},
                        {"snapshots", snapshots},
                        {"topics", topics}};
  std::cout << out.dump() << "\n";
}

std::string SomeNames(const std::vector<std::string>& names) {
  if (names.empty()) return "no snapshot";
  std::string out = names.size() == 1 ? "snapshot " : "snapshots ";
  size_t first = names.size() > kNamesShown ? names.size() - kNamesShown : 0;
  if (first > 0) out = FormatCount(names.size()) + " snapshots, the newest ";
  for (size_t i = first; i < names.size(); ++i) out += (i > first ? ", " : "") + names[i];
  return out;
}

std::string TimeOr(int64_t time_ms, const char* otherwise) {
  return time_ms > 0 ? FormatTime(time_ms) : otherwise;
}

void PrintGap(const std::string& where, const engine::TimelineGap& gap) {
  std::cout << fmt::format("    gap{}: {} to {}: {}\n", where, gap.start_offset, gap.end_offset - 1,
                           gap.reason);
}

void PrintPartition(const engine::TimelinePartition& p) {
  for (const auto& b : p.branches) {
    int64_t from = b.parent ? b.fork_offset : b.held.empty() ? 0 : b.held.front().first;
    int64_t to = b.held.empty() ? from : b.held.back().second;
    std::cout << fmt::format("  {:>4}  {:>13} to {:<13} {}  {}{}\n", p.partition,
                             FormatCount(static_cast<uint64_t>(from)),
                             FormatCount(static_cast<uint64_t>(to)), TimeOr(b.read_ended_ms, "-"),
                             b.current ? "" : "ended; ", b.reason.empty() ? "read" : b.reason);
    for (const auto& gap : b.gaps) PrintGap("", gap);
    if (b.snapshots.empty()) continue;
    std::vector<std::string> names;
    for (const auto& s : b.snapshots)
      names.push_back(s.name + " at " + FormatCount(static_cast<uint64_t>(s.end_offset)));
    std::cout << "    " << SomeNames(names) << "\n";
  }
}

// Partitions together: those that began a branch for the same reason.
struct History {
  uint64_t partitions = 0, offsets = 0, current = 0;
  int64_t from_ms = INT64_MAX, to_ms = 0;
};

void PrintTogether(const engine::TimelineTopic& topic) {
  std::vector<std::string> order;
  std::map<std::string, History> histories;
  for (const auto& p : topic.partitions) {
    for (const auto& b : p.branches) {
      std::string why = b.reason.empty() ? "read" : b.reason;
      auto [at, fresh] = histories.try_emplace(why);
      if (fresh) order.push_back(why);
      History& h = at->second;
      ++h.partitions;
      h.offsets += b.offsets();
      if (b.current) ++h.current;
      h.from_ms = std::min(h.from_ms, b.created_ms);
      h.to_ms = std::max(h.to_ms, b.read_ended_ms);
    }
  }
  for (const std::string& why : order) {
    const History& h = histories[why];
    std::cout << fmt::format("  {} to {}  {:>5} {} {:>14} offsets{}\n    {}\n",
                             TimeOr(h.from_ms, "-"), TimeOr(h.to_ms, "-"), h.partitions,
                             h.partitions == 1 ? "partition " : "partitions",
                             FormatCount(h.offsets), h.current == 0 ? "  ended" : "", why);
  }
  size_t gaps = 0;
  for (const auto& p : topic.partitions) {
    for (const auto& b : p.branches) {
      for (const auto& gap : b.gaps) {
        if (++gaps <= kGapsShown) PrintGap(" in partition " + std::to_string(p.partition), gap);
      }
    }
  }
  if (gaps > kGapsShown) std::cout << "    ... and " << gaps - kGapsShown << " more gaps\n";
}

void PrintPoints(const engine::Timeline& timeline, bool all) {
  Table table({">COMMIT", "TIME", ">TOPICS", ">PARTS", ">OFFSETS", "SNAPSHOT"});
  size_t skip =
      all || timeline.points.size() <= kPointsShown ? 0 : timeline.points.size() - kPointsShown;
  for (size_t i = skip; i < timeline.points.size(); ++i) {
    const auto& p = timeline.points[i];
    table.Row({"@" + std::to_string(p.commit.sequence), FormatTime(p.commit.time_ms),
               FormatCount(p.topics), FormatCount(p.partitions), FormatCount(p.offsets),
               p.snapshots.empty() ? "" : p.snapshots.front()});
  }
  if (skip > 0)
    std::cout << "the newest " << kPointsShown << " of " << FormatCount(timeline.points.size())
              << " commits with data (all: --commits)\n";
  if (!table.empty()) table.Print(std::cout);
}

void PrintText(const engine::Timeline& timeline, const TimelineFlags& flags) {
  if (timeline.last.sequence == 0) {
    std::cout << "the repository is empty\n";
    return;
  }
  std::cout << fmt::format("any commit from @{} ({}) to @{} ({}) can be restored",
                           timeline.first.sequence, FormatTime(timeline.first.time_ms),
                           timeline.last.sequence, FormatTime(timeline.last.time_ms));
  std::cout << (timeline.first.sequence > 1 ? ";\nbefore that only snapshots\n" : "\n");
  PrintPoints(timeline, flags.commits);
  for (const auto& topic : timeline.topics) {
    std::cout << fmt::format("\n{}{}\n  id {}, {} {}, {}\n", topic.topic,
                             topic.current ? "" : "  (made anew since: --topic-id restores it)",
                             topic.id.id.ToBase64(), topic.partitions.size(),
                             topic.partitions.size() == 1 ? "partition" : "partitions",
                             SomeNames(topic.snapshots));
    if (!flags.partitions) {
      PrintTogether(topic);
      continue;
    }
    std::cout << fmt::format("  PART  {:>13}    {:<13} READ LAST\n", "FROM", "TO");
    for (const auto& p : topic.partitions) PrintPartition(p);
  }
}

Status Run(const TimelineFlags& flags, const Globals& globals) {
  engine::TimelineOptions options;
  MB_ASSIGN_OR_RETURN(options.topics, engine::TopicSelection::Parse(flags.topics, flags.exclude));
  MB_ASSIGN_OR_RETURN(auto repository, flags.repository.Open(globals));
  MB_ASSIGN_OR_RETURN(engine::Timeline timeline,
                      engine::MakeTimeline(*repository, options, globals.context()));
  if (globals.json) {
    PrintJson(timeline);
  } else {
    PrintText(timeline, flags);
  }
  return Status::Ok();
}

}  // namespace

void AddTimeline(CLI::App& app, Globals& globals) {
  auto flags = std::make_shared<TimelineFlags>();
  CLI::App* verb = app.add_subcommand(
      "timeline", "Show what can be restored, from when to when: commits, branches, gaps");
  flags->repository.Add(verb);
  flags->repository.AddAsOf(verb);
  verb->add_option("--topics", flags->topics,
                   "Names, globs or /regular expressions/ (default: all)")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_option("--exclude", flags->exclude, "Topics left out, written as --topics")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_flag("--partitions", flags->partitions, "Each partition by itself (JSON always)");
  verb->add_flag("--commits", flags->commits, "All commits with data (JSON always)");
  verb->footer(
      "Restore to one of these points with 'maxbrod restore @COMMIT' or 'maxbrod restore @TIME'.\n"
      "Examples:\n"
      "  maxbrod timeline --repo file:///backups/kafka\n"
      "  maxbrod timeline --repo file:///backups/kafka --topics orders --partitions");
  verb->callback(
      [flags, &globals] { globals.action = [flags, &globals] { return Run(*flags, globals); }; });
}

}  // namespace maxbrod::cli
