#include "engine/restore_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/user_time.h"
#include "engine/point_snapshot.h"
#include "repo/state_at.h"

namespace maxbrod::engine {
namespace {

// More digits are a time in milliseconds (base/user_time.h).
constexpr size_t kCommitDigitsMax = 11;
constexpr int64_t kPinMs = int64_t{7} * 24 * 3600 * 1000;

bool IsCommitNumber(const std::string& text) {
  return !text.empty() && text.size() <= kCommitDigitsMax &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
}

std::string CommitText(Sequence sequence, int64_t time_ms) {
  return fmt::format("commit {} of {}", sequence.value(), FormatUserTime(time_ms));
}

// Older than all that the log tells: perhaps there is a snapshot.
std::string HintBefore(const repo::State& head, int64_t time_ms) {
  const format::SnapshotRef* newest = nullptr;
  for (const format::SnapshotRef& ref : head.snapshots) {
    if (ref.finished_ms() > time_ms) continue;
    if (newest == nullptr || ref.finished_ms() > newest->finished_ms()) newest = &ref;
  }
  if (newest == nullptr) return "'maxbrod timeline' shows what can be restored";
  return fmt::format("snapshot '{}' of {} is the newest before that", newest->name(),
                     FormatUserTime(newest->finished_ms()));
}

Result<Sequence> CommitOfTime(repo::Repository& repository, int64_t time_ms,
                              const CallContext& context) {
  repo::CommitLog& log = repository.log();
  std::shared_ptr<const repo::State> head = repository.state();
  repo::LogWindow window = repo::WindowOf(*head);
  if (window.first == Sequence()) return Status(Code::kInvalidArgument, "the repository is empty");
  if (time_ms > head->store_time_ms) {
    return Status(Code::kInvalidArgument,
                  FormatUserTime(time_ms) +
                      " lies after all that the repository knows: its last is " +
                      CommitText(window.last, head->store_time_ms))
        .WithHint(fmt::format("the newest that can be restored is @{}", window.last.value()));
  }
  MB_ASSIGN_OR_RETURN(Sequence found, repo::CommitAtTime(log, time_ms, context));
  if (found != Sequence()) return found;
  MB_ASSIGN_OR_RETURN(int64_t first_ms, repo::CommitTime(log, window.first, context));
  return Status(Code::kInvalidArgument, FormatUserTime(time_ms) +
                                            " lies before all that the log tells: its first is " +
                                            CommitText(window.first, first_ms))
      .WithHint(HintBefore(*head, time_ms));
}

Status NoDataYet(repo::Repository& repository, const repo::State& then,
                 const CallContext& context) {
  std::string first = "none has come since";
  auto look = [&](const repo::Commit& commit) -> Result<bool> {
    for (const format::CommitRecord& record : commit.records) {
      if (!record.has_add_packs()) continue;
      first = "the first came with " +
              CommitText(Sequence(commit.header().sequence()), commit.header().store_time_ms());
      return false;
    }
    return true;
  };
  MB_RETURN_IF_ERROR(repo::VisitCommits(repository.log(), then.sequence.Next(),
                                        repository.state()->sequence, look, context));
  return Status(Code::kInvalidArgument,
                fmt::format("at {} the repository held no data: {}",
                            CommitText(then.sequence, then.store_time_ms), first))
      .WithHint("'maxbrod timeline' shows what can be restored");
}

Result<RestoreSource> FindPoint(repo::Repository& repository, const std::string& point,
                                const std::vector<std::string>& topic_ids,
                                const ColdReading& reading, const CallContext& context) {
  MB_RETURN_IF_ERROR(repository.Refresh(context).status());
  Sequence sequence;
  if (IsCommitNumber(point)) {
    sequence = Sequence(std::stoull(point));
  } else {
    Result<int64_t> time = ParseUserTime(point);
    if (!time.ok()) {
      return time.status().WithContext("'@" + point +
                                       "' is neither '@' and a commit's number, nor "
                                       "'@' and a time");
    }
    MB_ASSIGN_OR_RETURN(sequence, CommitOfTime(repository, *time, context));
  }
  MB_ASSIGN_OR_RETURN(repo::State then, repo::StateAt(repository.log(), sequence, context));
  if (!HoldsData(then)) return NoDataYet(repository, then, context);
  MB_ASSIGN_OR_RETURN(PointSnapshot made,
                      MakePointSnapshot(repository, then, topic_ids, reading, context));
  RestoreSource out;
  out.ref = made.snapshot.ref;
  out.topics = std::move(made.topics);
  out.notes.push_back("restoring what the repository held at " +
                      CommitText(then.sequence, then.store_time_ms));
  out.notes.insert(out.notes.end(), made.notes.begin(), made.notes.end());
  out.warnings = std::move(made.warnings);
  out.commit = sequence;
  out.condemned = made.condemned;
  repository.AddPoint(std::move(made.snapshot));
  return out;
}

Status CommitPin(repo::Repository& repository, const RestoreSource& source, bool release,
                 const CallContext& context) {
  if (!source.condemned) return Status::Ok();
  MB_ASSIGN_OR_RETURN(int64_t now, repository.store().NowMillis(context));
  format::CommitRecord record;
  format::Pin* pin = record.mutable_pin();
  pin->set_id(source.ref.id());
  pin->set_until_ms(now + kPinMs);
  pin->set_who("restore " + source.ref.name());
  pin->set_release(release);
  return repository.CommitActions({record}, context).status();
}

}  // namespace

Result<RestoreSource> FindRestoreSource(repo::Repository& repository, const std::string& text,
                                        const std::vector<std::string>& topic_ids,
                                        const ColdReading& reading, const CallContext& context) {
  if (text.starts_with("@"))
    return FindPoint(repository, text.substr(1), topic_ids, reading, context);
  RestoreSource out;
  MB_ASSIGN_OR_RETURN(out.ref, repository.FindSnapshot(text));
  if (topic_ids.empty()) return out;
  MB_ASSIGN_OR_RETURN(repo::Snapshot snapshot, repository.ReadSnapshot(out.ref, context));
  for (const std::string& id : topic_ids) {
    auto found = std::find_if(snapshot.topics.begin(), snapshot.topics.end(), [&](const auto& t) {
      return IsTopicId(id, TopicId{repo::UuidFromString(t.topic_id())});
    });
    if (found == snapshot.topics.end()) {
      return Status(Code::kNotFound,
                    "snapshot '" + out.ref.name() + "' has no topic with the id " + id)
          .WithHint("'maxbrod timeline' lists the ids, and which snapshots have them");
    }
    out.topics.push_back(found->topic());
  }
  return out;
}

Status PinSource(repo::Repository& repository, const RestoreSource& source,
                 const CallContext& context) {
  return CommitPin(repository, source, false, context);
}

Status UnpinSource(repo::Repository& repository, const RestoreSource& source,
                   const CallContext& context) {
  return CommitPin(repository, source, true, context);
}

}  // namespace maxbrod::engine
