// maxbrod snapshots: lists what is in a repository.
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/user_time.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/edit_snapshot.h"

namespace maxbrod::cli {
namespace {

constexpr size_t kTagsWidth = 20;

struct SnapshotsFlags {
  RepositoryFlags repository;
  std::vector<std::string> tags;
  std::string cluster, since, until;
  size_t limit = 0;
};

nlohmann::json ToJson(const format::SnapshotRef& s) {
  return {{"id", ToHex(AsBytes(s.id()))},
          {"name", s.name()},
          {"description", s.description()},
          {"tags", std::vector<std::string>(s.tags().begin(), s.tags().end())},
          {"cluster_id", s.cluster_id()},
          {"started_ms", s.started_ms()},
          {"finished_ms", s.finished_ms()},
          {"topics", s.stats().topics()},
          {"partitions", s.stats().partitions()},
          {"records", s.stats().records()},
          {"bytes", s.stats().bytes()},
          {"new_bytes", s.stats().new_bytes()},
          {"groups", s.stats().groups()},
          {"gaps", s.stats().gaps()},
          {"warnings", s.stats().warnings()},
          {"held", s.held()}};
}

// Which snapshots are shown, and why none is.
class Filter {
 public:
  static Result<Filter> Make(const SnapshotsFlags& flags) {
    Filter filter(flags);
    if (!flags.since.empty()) {
      MB_ASSIGN_OR_RETURN(filter.since_ms_, ParseUserTime(flags.since));
    }
    if (!flags.until.empty()) {
      MB_ASSIGN_OR_RETURN(filter.until_ms_, ParseUserTime(flags.until));
    }
    if (filter.until_ms_ <= filter.since_ms_) {
      return Status(Code::kInvalidArgument, "--until lies before --since");
    }
    return filter;
  }
  bool narrows() const {
    return !flags_.tags.empty() || !flags_.cluster.empty() || !flags_.since.empty() ||
           !flags_.until.empty();
  }
  // In the log's order; the newest `limit`.
  std::vector<const format::SnapshotRef*> Apply(const std::vector<format::SnapshotRef>& all) const {
    std::vector<const format::SnapshotRef*> out;
    for (const format::SnapshotRef& ref : all) {
      if (Matches(ref)) out.push_back(&ref);
    }
    if (flags_.limit > 0 && out.size() > flags_.limit) {
      out.erase(out.begin(), out.end() - static_cast<ptrdiff_t>(flags_.limit));
    }
    return out;
  }
  Status Nothing(const std::vector<format::SnapshotRef>& all) const {
    for (const std::string& tag : flags_.tags) {
      if (std::none_of(all.begin(), all.end(),
                       [&](const format::SnapshotRef& ref) { return engine::HasTag(ref, tag); })) {
        return Status(Code::kNotFound, "no snapshot has the tag '" + tag + "'");
      }
    }
    return Status(Code::kNotFound, "no snapshot fits all of what was asked for")
        .WithHint("ask for less: 'maxbrod snapshots' alone shows all of them");
  }

 private:
  explicit Filter(const SnapshotsFlags& flags) : flags_(flags) {}
  bool Matches(const format::SnapshotRef& ref) const {
    if (!flags_.cluster.empty() && ref.cluster_id() != flags_.cluster) return false;
    if (ref.started_ms() < since_ms_ || ref.started_ms() >= until_ms_) return false;
    return engine::HasTags(ref, flags_.tags);
  }

  const SnapshotsFlags& flags_;
  int64_t since_ms_ = INT64_MIN;
  int64_t until_ms_ = INT64_MAX;
};

// "held" and the tags, in as many lines as they take.
std::vector<std::string> TagLines(const format::SnapshotRef& ref) {
  std::vector<std::string> out(1, ref.held() ? "[held]" : "");
  for (const std::string& tag : ref.tags()) {
    if (!out.back().empty() && out.back().size() + tag.size() + 1 > kTagsWidth) out.emplace_back();
    out.back() += (out.back().empty() ? "" : " ") + tag;
  }
  return out;
}

void Print(const std::vector<const format::SnapshotRef*>& shown) {
  Table table({"ID", "NAME", "TIME", "?>TOPICS", ">RECORDS", ">SIZE", ">NEW", "?>TOOK", "TAGS"});
  for (const format::SnapshotRef* s : shown) {
    double seconds = static_cast<double>(s->finished_ms() - s->started_ms()) / 1000;
    const std::vector<std::string> tags = TagLines(*s);
    table.Row({ToHex(AsBytes(s->id())).substr(0, 8), s->name(), FormatTime(s->started_ms()),
               FormatCount(s->stats().topics()), FormatCount(s->stats().records()),
               FormatBytes(s->stats().bytes()), FormatBytes(s->stats().new_bytes()),
               FormatDuration(seconds), tags[0]});
    for (size_t i = 1; i < tags.size(); ++i) table.Row({"", "", "", "", "", "", "", "", tags[i]});
  }
  table.Print(std::cout);
}

Status Run(const SnapshotsFlags& flags, const Globals& globals) {
  MB_ASSIGN_OR_RETURN(Filter filter, Filter::Make(flags));
  MB_ASSIGN_OR_RETURN(auto repository, flags.repository.Open(globals));
  auto state = repository->state();
  const std::vector<const format::SnapshotRef*> shown = filter.Apply(state->snapshots);
  if (shown.empty() && filter.narrows()) return filter.Nothing(state->snapshots);
  if (globals.json) {
    for (const format::SnapshotRef* snapshot : shown) std::cout << ToJson(*snapshot).dump() << "\n";
    return Status::Ok();
  }
  Print(shown);
  return Status::Ok();
}

}  // namespace

void AddSnapshots(CLI::App& app, Globals& globals) {
  auto flags = std::make_shared<SnapshotsFlags>();
  CLI::App* verb = app.add_subcommand("snapshots", "List the snapshots of a repository");
  flags->repository.Add(verb);
  flags->repository.AddAsOf(verb);
  verb->add_option("--tag", flags->tags, "Only those with this tag (may be repeated: with all)")
      ->allow_extra_args(false);
  verb->add_option("--cluster", flags->cluster, "Only those of this cluster id");
  verb->add_option("--since", flags->since, "Only those begun at this time or later");
  verb->add_option("--until", flags->until, "Only those begun before this time");
  verb->add_option("--limit", flags->limit, "Only the newest so many");
  verb->footer(
      "Examples:\n"
      "  maxbrod snapshots --repo file:///backups/kafka\n"
      "  maxbrod snapshots --tag gold --since 2026-11-01T00:00:00Z --repo file:///backups/kafka");
  verb->callback(
      [flags, &globals] { globals.action = [flags, &globals] { return Run(*flags, globals); }; });
}

}  // namespace maxbrod::cli
