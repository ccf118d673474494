#include "engine/timeline.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "engine/parallel.h"
#include "repo/commit_codec.h"
#include "repo/snapshot_fill.h"
#include "repo/state_at.h"

namespace maxbrod::engine {
namespace {

constexpr uint64_t kCommitsAtOnce = 256;
constexpr size_t kReaders = 16;

using BranchKey = std::tuple<repo::TopicKey, int32_t, uint64_t>;

struct FirstAndLast {
  TimelineCommit first, last;
};

class Teller {
 public:
  Teller(repo::Repository& repository, const TimelineOptions& options, const CallContext& context)
      : repository_(repository), options_(options), context_(context) {}

  Result<Timeline> Run() {
    MB_ASSIGN_OR_RETURN(state_, repository_.Refresh(context_));
    MB_RETURN_IF_ERROR(CheckNames());
    MB_RETURN_IF_ERROR(TellWindow());
    MB_RETURN_IF_ERROR(ReadCommits());
    TellTopics();
    MB_RETURN_IF_ERROR(ReadSnapshots());
    MarkOlder();
    return std::move(out_);
  }

 private:
  Status CheckNames() {
    std::vector<std::string> names;
    for (const auto& [key, topic] : state_->topics) names.push_back(topic->name);
    std::vector<std::string> missing = options_.topics.MissingFrom(names);
    if (missing.empty()) return Status::Ok();
    return Status(Code::kNotFound, "the repository holds no topic '" + missing[0] + "'");
  }

  Status TellWindow() {
    repo::LogWindow window = repo::WindowOf(*state_);
    if (window.first == Sequence()) return Status::Ok();
    MB_ASSIGN_OR_RETURN(int64_t first_ms,
                        repo::CommitTime(repository_.log(), window.first, context_));
    out_.first = {window.first.value(), first_ms};
    out_.last = {window.last.value(), state_->store_time_ms};
    return Status::Ok();
  }

  Status ReadCommits() {
    if (out_.last.sequence == 0) return Status::Ok();
    uint64_t from = std::max(out_.first.sequence, state_->log_floor);
    if (out_.last.sequence - from >= options_.commits_max)
      from = out_.last.sequence - options_.commits_max + 1;
    out_.commits_read_from = from;
    for (uint64_t at = from; at <= out_.last.sequence; at += kCommitsAtOnce) {
      uint64_t count = std::min(kCommitsAtOnce, out_.last.sequence - at + 1);
      std::vector<std::optional<repo::Commit>> commits(count);
      MB_RETURN_IF_ERROR(ForEachInParallel(
          count, kReaders, [&](size_t i) { return Read(Sequence(at + i), &commits[i]); }));
      for (const auto& commit : commits) Note(*commit);
    }
    return Status::Ok();
  }

  Status Read(Sequence sequence, std::optional<repo::Commit>* out) {
    repo::CommitLog& log = repository_.log();
    MB_ASSIGN_OR_RETURN(*out,
                        repo::ReadCommit(log.store(), sequence, log.config().sha256, context_));
    return Status::Ok();
  }

  void Note(const repo::Commit& commit) {
    TimelinePoint point;
    point.commit = {commit.header().sequence(), commit.header().store_time_ms()};
    std::set<repo::TopicKey> topics;
    std::set<std::pair<repo::TopicKey, int32_t>> partitions;
    for (const format::CommitRecord& record : commit.records) {
      if (record.has_add_snapshot()) point.snapshots.push_back(record.add_snapshot().name());
      for (const format::TopicClaims& claims : record.add_packs().topics()) {
        if (!options_.topics.Matches(claims.topic())) continue;
        repo::TopicKey key = repo::MakeTopicKey(claims.topic_id(), claims.topic());
        for (const format::RangeClaim& claim : claims.claims()) {
          if (claim.end_offset() <= claim.start_offset()) continue;
          topics.insert(key);
          partitions.insert({key, claim.partition()});
          point.offsets += static_cast<uint64_t>(claim.end_offset() - claim.start_offset());
          FirstAndLast& seen = seen_[{key, claim.partition(), claim.branch()}];
          if (seen.first.sequence == 0) seen.first = point.commit;
          seen.last = point.commit;
        }
      }
    }
    point.topics = topics.size();
    point.partitions = partitions.size();
    if (point.partitions > 0 || !point.snapshots.empty()) out_.points.push_back(std::move(point));
  }

  void TellTopics() {
    for (const auto& [key, info] : state_->topics) {
      if (info->partitions.empty() || !options_.topics.Matches(info->name)) continue;
      TimelineTopic topic;
      topic.topic = info->name;
      topic.id = key.id;
      for (const auto& [number, partition] : info->partitions) {
        TimelinePartition told;
        told.partition = number;
        for (const repo::BranchInfo& branch : partition.branches) {
          told.branches.push_back(TellBranch(branch, {key, number, branch.branch.id()}));
          told.branches.back().current = &branch == partition.Current();
        }
        topic.partitions.push_back(std::move(told));
      }
      out_.topics.push_back(std::move(topic));
      keys_.push_back(key);
    }
  }

  TimelineBranch TellBranch(const repo::BranchInfo& info, const BranchKey& key) const {
    TimelineBranch out;
    out.id = info.branch.id();
    if (info.branch.has_parent()) out.parent = info.branch.parent();
    out.fork_offset = info.branch.fork_offset();
    out.generation = info.branch.generation();
    out.compacted = info.branch.compacted();
    out.reason = info.branch.reason();
    out.created_ms = info.branch.created_ms();
    out.read_started_ms = info.read_started_ms;
    out.read_ended_ms = info.read_ended_ms;
    out.log_start_offset = info.log_start_offset;
    for (auto [start, end] : info.covered.ranges()) {
      if (!out.held.empty()) out.gaps.push_back({out.held.back().second, start, repo::kNeverRead});
      out.held.emplace_back(start, end);
    }
    // A fork that was read late.
    if (out.parent && !out.held.empty() && out.held.front().first > out.fork_offset)
      out.gaps.insert(out.gaps.begin(),
                      {out.fork_offset, out.held.front().first, repo::kNeverRead});
    auto seen = seen_.find(key);
    if (seen != seen_.end()) {
      out.first = seen->second.first;
      out.last = seen->second.last;
    }
    return out;
  }

  Status ReadSnapshots() {
    out_.snapshots = state_->snapshots;
    for (const format::SnapshotRef& ref : state_->snapshots) {
      MB_RETURN_IF_ERROR(context_.Check());
      auto snapshot = repository_.ReadSnapshot(ref, context_);
      Code code = snapshot.status().code();
      if (code == Code::kCorrupt || code == Code::kNotFound) continue;
      MB_RETURN_IF_ERROR(snapshot.status());
      for (const format::TopicSnapshot& topic : snapshot->topics) {
        auto key = repo::MakeTopicKey(topic.topic_id(), topic.topic());
        auto at = std::find(keys_.begin(), keys_.end(), key);
        if (at == keys_.end()) continue;
        TimelineTopic& told = out_.topics[static_cast<size_t>(at - keys_.begin())];
        told.snapshots.push_back(ref.name());
        for (const format::PartitionSnapshot& p : topic.partitions()) AddPoint(ref, p, &told);
      }
    }
    return Status::Ok();
  }

  // The snapshot on its branch, and the reasons that it tells for gaps.
  static void AddPoint(const format::SnapshotRef& ref, const format::PartitionSnapshot& p,
                       TimelineTopic* topic) {
    for (TimelinePartition& partition : topic->partitions) {
      if (partition.partition != p.partition()) continue;
      for (TimelineBranch& branch : partition.branches) {
        if (branch.id == p.branch())
          branch.snapshots.push_back({ref.name(), ref.started_ms(), p.end_offset()});
        for (TimelineGap& gap : branch.gaps) {
          for (const format::Gap& told : p.gaps()) {
            if (told.start_offset() < gap.end_offset && gap.start_offset < told.end_offset() &&
                !told.reason().empty())
              gap.reason = told.reason();
          }
        }
      }
    }
  }

  static int64_t NewestRead(const TimelineTopic& topic) {
    int64_t newest = 0;
    for (const TimelinePartition& p : topic.partitions) {
      for (const TimelineBranch& b : p.branches) newest = std::max(newest, b.read_ended_ms);
    }
    return newest;
  }

  // Topics of one name: the one read last is today's.
  void MarkOlder() {
    std::stable_sort(
        out_.topics.begin(), out_.topics.end(), [](const TimelineTopic& a, const TimelineTopic& b) {
          return std::make_pair(a.topic, NewestRead(a)) < std::make_pair(b.topic, NewestRead(b));
        });
    for (size_t i = 0; i + 1 < out_.topics.size(); ++i)
      out_.topics[i].current = out_.topics[i].topic != out_.topics[i + 1].topic;
  }

  repo::Repository& repository_;
  const TimelineOptions& options_;
  const CallContext& context_;
  std::shared_ptr<const repo::State> state_;
  std::map<BranchKey, FirstAndLast> seen_;
  std::vector<repo::TopicKey> keys_;  // of out_.topics, until they are sorted
  Timeline out_;
};

}  // namespace

uint64_t TimelineBranch::offsets() const {
  uint64_t sum = 0;
  for (auto [start, end] : held) sum += static_cast<uint64_t>(end - start);
  return sum;
}

Result<Timeline> MakeTimeline(repo::Repository& repository, const TimelineOptions& options,
                              const CallContext& context) {
  return Teller(repository, options, context).Run();
}

}  // namespace maxbrod::engine
