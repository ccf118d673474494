#include "engine/locks.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "engine/list_prices.h"
#include "repo/checkpoint.h"
#include "repo/commit_codec.h"
#include "repo/reach.h"

namespace maxbrod::engine {
namespace {

constexpr size_t kListLimit = 1000;

std::string KindOf(const std::string& name) {
  return name == repo::kConfigCopyName ? repo::kConfigName : name.substr(0, name.find('/'));
}

// Part of the log that readers need, whoever names it.
bool IsOfLog(const std::string& name, uint64_t floor) {
  Sequence sequence;
  std::string hash;
  if (repo::ParseLogName(name, &sequence)) return sequence.value() >= floor;
  if (repo::ParseCheckpointName(name, &sequence, &hash)) return sequence.value() + 1 >= floor;
  return name == repo::kConfigName || name == repo::kConfigCopyName ||
         name.starts_with(repo::kKeyPrefix);
}

// Everything needed, with its size; what is needed and not there goes to `report->missing`.
Result<std::vector<store::ObjectInfo>> ListNeeded(repo::Repository& repository,
                                                  const repo::State& state, LocksReport* report,
                                                  const CallContext& context) {
  store::Store& store = repository.store();
  MB_ASSIGN_OR_RETURN(std::set<std::string> reached,
                      repo::ReachableObjects(store, state, repository.index_cache(), context));
  const uint64_t floor = std::max<uint64_t>(state.log_floor, 1);
  reached.insert(repo::kConfigName);
  for (uint64_t n = floor; n <= state.sequence.value(); ++n) {
    reached.insert(repo::LogName(Sequence(n)));
  }
  std::vector<store::ObjectInfo> needed;
  std::string after;
  while (true) {
    MB_RETURN_IF_ERROR(context.Check());
    MB_ASSIGN_OR_RETURN(store::ListPage page, store.List("", after, kListLimit, context));
    ++report->list_requests;
    for (store::ObjectInfo& info : page.objects) {
      after = info.name;
      bool named = reached.erase(info.name) > 0;
      if (named || IsOfLog(info.name, floor)) needed.push_back(std::move(info));
    }
    if (!page.truncated || page.objects.empty()) break;
  }
  report->missing.assign(reached.begin(), reached.end());
  return needed;
}

class Walk {
 public:
  Walk(repo::Repository& repository, const LockOptions& options, int64_t now_ms, Progress& progress,
       const CallContext& context)
      : control_(*repository.store().control()),
        options_(options),
        now_ms_(now_ms),
        progress_(progress),
        context_(context) {}

  Status Run(const std::vector<store::ObjectInfo>& objects) {
    {
      std::vector<std::jthread> threads;
      for (size_t i = 0; i < std::min(options_.threads, objects.size()); ++i) {
        threads.emplace_back([&] { Work(objects); });
      }
    }
    return status_;
  }

  void Fill(LocksReport* report) const {
    for (const auto& [name, kind] : kinds_) {
      report->kinds.push_back(kind);
      report->objects += kind.objects;
      report->bytes += kind.bytes;
      report->unlocked += kind.unlocked;
      report->ending += kind.ending;
    }
    report->weaker = weaker_;
    report->to_extend = to_extend_;
    report->to_extend_bytes = to_extend_bytes_;
    report->extended = extended_;
    report->missing.insert(report->missing.end(), missing_.begin(), missing_.end());
    report->head_requests = heads_;
  }

 private:
  void Work(const std::vector<store::ObjectInfo>& objects) {
    while (true) {
      size_t at = next_.fetch_add(1);
      if (at >= objects.size()) return;
      Status status = context_.Check();
      if (status.ok()) status = One(objects[at]);
      if (status.ok()) continue;
      std::lock_guard lock(mutex_);
      if (status_.ok()) status_ = std::move(status);
      next_ = objects.size();
    }
  }

  // The period of small packs ends when they are merged; a store gives them no more.
  int64_t PeriodOf(const std::string& name) const {
    constexpr int64_t kMergeWindowMs = 2 * int64_t{86'400'000};
    const int64_t period = options_.policy.period_ms();
    return name.starts_with(repo::kSmallPackPrefix) ? std::min(period, kMergeWindowMs) : period;
  }

  Status One(const store::ObjectInfo& info) {
    Result<store::ObjectStanding> standing = control_.Standing(info.name, context_);
    if (standing.status().code() == Code::kNotFound) {
      std::lock_guard lock(mutex_);
      missing_.push_back(info.name);
      return Status::Ok();
    }
    MB_RETURN_IF_ERROR(standing.status());
    const int64_t period = PeriodOf(info.name);
    const bool locked =
        standing->lock != store::LockMode::kNone && standing->retain_until_ms > now_ms_;
    const bool ending = locked && standing->retain_until_ms - now_ms_ < period / 2;
    const bool weaker = locked && standing->lock < options_.policy.mode;
    const bool wants = !locked || ending || weaker;
    if (wants && options_.extend) {
      store::LockMode mode =
          std::max(options_.policy.mode, locked ? standing->lock : store::LockMode::kNone);
      int64_t until = std::max(now_ms_ + period, standing->retain_until_ms);
      Status kept = control_.Retain(info.name, mode, until, context_);
      if (!kept.ok()) return std::move(kept).WithContext("the lock was not extended");
    }
    Count(info, *standing, locked, ending, weaker, wants);
    progress_.Add(info.size, 1);
    return Status::Ok();
  }

  void Count(const store::ObjectInfo& info, const store::ObjectStanding& standing, bool locked,
             bool ending, bool weaker, bool wants) {
    std::lock_guard lock(mutex_);
    LockedKind& kind = kinds_[KindOf(info.name)];
    kind.kind = KindOf(info.name);
    ++heads_;
    ++kind.objects;
    kind.bytes += info.size;
    kind.unlocked += locked ? 0 : 1;
    kind.ending += ending ? 1 : 0;
    weaker_ += weaker ? 1 : 0;
    if (locked && (kind.first_end_ms == 0 || standing.retain_until_ms < kind.first_end_ms)) {
      kind.first_end_ms = standing.retain_until_ms;
    }
    if (!wants) return;
    ++to_extend_;
    to_extend_bytes_ += info.size;
    if (options_.extend) ++extended_;
  }

  store::ObjectControl& control_;
  const LockOptions& options_;
  const int64_t now_ms_;
  Progress& progress_;
  const CallContext& context_;
  std::atomic<size_t> next_{0};
  std::mutex mutex_;  // of all below
  Status status_;
  std::map<std::string, LockedKind> kinds_;
  std::vector<std::string> missing_;
  uint64_t heads_ = 0, weaker_ = 0, to_extend_ = 0, to_extend_bytes_ = 0, extended_ = 0;
};

}  // namespace

Result<LocksReport> RunLocks(repo::Repository& repository, const LockOptions& options,
                             Progress& progress, const CallContext& context) {
  if (repository.store().control() == nullptr) {
    return Status(Code::kUnsupported,
                  fmt::format("{} has no Object Lock", repository.store().Url()))
        .WithHint("locks are a matter of S3 repositories");
  }
  if (options.policy.mode == store::LockMode::kNone || options.policy.days <= 0) {
    return Status(Code::kInvalidArgument, "what lock the objects should have is not said")
        .WithHint("add it to the URL: --repo 's3://bucket/prefix?lock=compliance&lock_days=30'");
  }
  LocksReport report;
  progress.Begin("listing", 0, 0);
  MB_ASSIGN_OR_RETURN(std::shared_ptr<const repo::State> state, repository.Refresh(context));
  MB_ASSIGN_OR_RETURN(std::vector<store::ObjectInfo> needed,
                      ListNeeded(repository, *state, &report, context));
  MB_ASSIGN_OR_RETURN(int64_t now, repository.store().NowMillis(context));
  uint64_t bytes = 0;
  for (const store::ObjectInfo& info : needed) bytes += info.size;
  progress.Begin(options.extend ? "extending locks" : "looking at locks", bytes, needed.size());
  Walk walk(repository, options, now, progress, context);
  MB_RETURN_IF_ERROR(walk.Run(needed));
  walk.Fill(&report);
  report.retention_requests = report.to_extend;
  report.dollars =
      kWriteDollars * static_cast<double>(report.list_requests + report.retention_requests) +
      kReadDollars * static_cast<double>(report.head_requests);
  return report;
}

}  // namespace maxbrod::engine
