#include "engine/forget_policy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "engine/edit_snapshot.h"
#include "engine/forget.h"

namespace maxbrod::engine {
namespace {

bool Matches(const format::SnapshotRef& ref, const PolicyOptions& options) {
  if (!options.cluster.empty() && ref.cluster_id() != options.cluster) return false;
  return HasTags(ref, options.tags);
}

Status NothingMatches(const PolicyOptions& options) {
  std::string what = "no snapshot";
  if (!options.tags.empty())
    what += fmt::format(" has the tag '{}'", fmt::join(options.tags, "' and '"));
  if (!options.cluster.empty()) {
    what +=
        fmt::format("{} is of cluster '{}'", options.tags.empty() ? "" : " and", options.cluster);
  }
  return Status(Code::kNotFound, std::move(what))
      .WithHint("'maxbrod snapshots' shows what there is");
}

// The report's groups, for the state as it is.
Status Decide(const repo::State& state, const PolicyOptions& options, int64_t now_ms,
              PolicyReport* report) {
  std::vector<RetentionSnapshot> snapshots;
  std::map<std::string, const format::SnapshotRef*> refs;
  *report = PolicyReport();
  for (const format::SnapshotRef& ref : state.snapshots) {
    if (!Matches(ref, options)) {
      ++report->others;
      continue;
    }
    refs[ref.id()] = &ref;
    snapshots.push_back({ref.id(), ref.name(), ref.started_ms(), ref.cluster_id(),
                         std::vector<std::string>(ref.tags().begin(), ref.tags().end()),
                         ref.held()});
  }
  if (snapshots.empty()) {
    if (!options.tags.empty() || !options.cluster.empty()) return NothingMatches(options);
    return Status(Code::kNotFound, "there is no snapshot");
  }
  MB_ASSIGN_OR_RETURN(RetentionPlan plan, ApplyRetention(options.policy, snapshots,
                                                         options.group_by, options.zone, now_ms));
  report->warnings = std::move(plan.warnings);
  for (RetentionGroup& group : plan.groups) {
    PolicyReport::Group& out = report->groups.emplace_back();
    out.text = group.Text();
    uint64_t kept = 0;
    for (RetentionDecision& decision : group.decisions) {
      out.lines.push_back(
          {*refs.at(decision.snapshot->id), decision.keep, std::move(decision.reasons)});
      kept += decision.keep ? 1 : 0;
    }
    MB_CHECK(kept > 0);  // ApplyRetention leaves no group without
    report->kept += kept;
    report->forgotten += out.lines.size() - kept;
  }
  return Status::Ok();
}

repo::Proposal Forgets(const PolicyReport& report, const PolicyOptions& options) {
  repo::Proposal proposal;
  std::string reason = "policy '" + options.policy.Text() + "'";
  if (!options.reason.empty()) reason += ": " + options.reason;
  for (const PolicyReport::Group& group : report.groups) {
    for (const PolicyReport::Line& line : group.lines) {
      if (line.keep) continue;
      format::ForgetSnapshot* forget = proposal.actions.emplace_back().mutable_forget_snapshot();
      forget->set_id(line.snapshot.id());
      forget->set_reason(reason);
    }
  }
  return proposal;
}

}  // namespace

Result<PolicyReport> ForgetByPolicy(repo::Repository& repository, const PolicyOptions& options,
                                    const CallContext& context) {
  PolicyReport report;
  MB_ASSIGN_OR_RETURN(std::shared_ptr<const repo::State> state, repository.Refresh(context));
  MB_ASSIGN_OR_RETURN(int64_t now_ms, repository.store().NowMillis(context));
  MB_RETURN_IF_ERROR(Decide(*state, options, now_ms, &report));
  std::set<std::string> going;
  for (const format::CommitRecord& action : Forgets(report, options).actions) {
    going.insert(action.forget_snapshot().id());
  }
  std::vector<std::string> last_of;
  if (!going.empty()) {
    MB_ASSIGN_OR_RETURN(last_of, TopicsOnlyIn(repository, going, context));
  }
  if (options.dry_run || going.empty()) {
    report.last_of = std::move(last_of);
    report.head = repository.head();
    return report;
  }
  auto planner = [&](const repo::State& now, const CallContext&) -> Result<repo::Proposal> {
    MB_RETURN_IF_ERROR(Decide(now, options, now_ms, &report));
    return Forgets(report, options);
  };
  MB_ASSIGN_OR_RETURN(report.head, repository.log().Append(planner, context));
  report.last_of = std::move(last_of);
  return report;
}

}  // namespace maxbrod::engine
