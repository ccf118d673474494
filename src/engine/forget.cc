#include "engine/forget.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

namespace maxbrod::engine {
namespace {

constexpr size_t kTopicsShown = 5;

Result<std::vector<format::SnapshotRef>> FindAll(const repo::Repository& repository,
                                                 const std::vector<std::string>& names) {
  std::vector<format::SnapshotRef> found;
  for (const std::string& name : names) {
    MB_ASSIGN_OR_RETURN(format::SnapshotRef ref, repository.FindSnapshot(name));
    bool twice = std::any_of(found.begin(), found.end(), [&](const format::SnapshotRef& other) {
      return other.id() == ref.id();
    });
    if (twice) continue;
    if (ref.held()) {
      return Status(Code::kConflict, fmt::format("snapshot '{}' is held", ref.name()))
          .WithHint(fmt::format("let it go first: maxbrod release {}", ref.name()));
    }
    found.push_back(std::move(ref));
  }
  return found;
}

std::string SomeOf(const std::vector<std::string>& names) {
  std::vector<std::string> shown(
      names.begin(), names.begin() + static_cast<ptrdiff_t>(std::min(names.size(), kTopicsShown)));
  std::string text = fmt::format("'{}'", fmt::join(shown, "', '"));
  if (names.size() > shown.size()) text += fmt::format(" and {} more", names.size() - shown.size());
  return text;
}

}  // namespace

Result<std::vector<std::string>> TopicsOnlyIn(repo::Repository& repository,
                                              const std::set<std::string>& going,
                                              const CallContext& context) {
  std::map<repo::TopicKey, std::string> lost;
  std::set<repo::TopicKey> kept;
  const std::shared_ptr<const repo::State> state = repository.state();
  for (const format::SnapshotRef& ref : state->snapshots) {
    MB_RETURN_IF_ERROR(context.Check());
    bool goes = going.contains(ref.id());
    Result<repo::Snapshot> snapshot = repository.ReadSnapshot(ref, context);
    if (!snapshot.ok()) {
      // One that cannot be read may be let go, but keeps no topic.
      if (snapshot.status().code() == Code::kCorrupt || snapshot.status().code() == Code::kNotFound)
        continue;
      return snapshot.status();
    }
    for (const format::TopicSnapshot& topic : snapshot->topics) {
      repo::TopicKey key = repo::MakeTopicKey(topic.topic_id(), topic.topic());
      if (goes) {
        lost[key] = topic.topic();
      } else {
        kept.insert(key);
      }
    }
  }
  std::set<std::string> names;
  for (const auto& [key, name] : lost) {
    if (!kept.contains(key)) names.insert(name);
  }
  return std::vector<std::string>(names.begin(), names.end());
}

Status CheckSaidAloud(const std::string& what, uint64_t number, std::optional<uint64_t> said) {
  if (said && *said == number) return Status::Ok();
  std::string text = said ? fmt::format("--yes-delete {}, but it is {}: {}", *said, number, what)
                          : fmt::format("refused without the number: {}", what);
  return Status(Code::kInvalidArgument, text)
      .WithHint(
          fmt::format("look at it with --dry-run; if it is meant, add --yes-delete {}", number));
}

Result<ForgetReport> ForgetSnapshots(repo::Repository& repository, const ForgetOptions& options,
                                     const CallContext& context) {
  ForgetReport report;
  MB_ASSIGN_OR_RETURN(report.forgotten, FindAll(repository, options.snapshots));
  std::set<std::string> going;
  for (const format::SnapshotRef& ref : report.forgotten) going.insert(ref.id());
  MB_ASSIGN_OR_RETURN(report.last_of, TopicsOnlyIn(repository, going, context));
  report.none_left = going.size() == repository.state()->snapshots.size();
  report.head = repository.head();
  if (options.dry_run) return report;
  if (report.none_left || !report.last_of.empty()) {
    std::string what = report.none_left ? "no snapshot would be left at all"
                                        : fmt::format("no other snapshot has the topics {}",
                                                      SomeOf(report.last_of));
    MB_RETURN_IF_ERROR(CheckSaidAloud(what, report.forgotten.size(), options.yes_delete));
  }
  std::vector<format::CommitRecord> actions;
  for (const format::SnapshotRef& ref : report.forgotten) {
    format::ForgetSnapshot* forget = actions.emplace_back().mutable_forget_snapshot();
    forget->set_id(ref.id());
    forget->set_reason(options.reason);
  }
  MB_ASSIGN_OR_RETURN(report.head, repository.CommitActions(actions, context));
  return report;
}

}  // namespace maxbrod::engine
