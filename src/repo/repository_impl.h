// Inside of Repository; only repository*.cc include it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "repo/repository.h"

namespace maxbrod::repo {

struct Repository::Impl {
  std::unique_ptr<store::Store> store;
  OpenOptions options;
  std::unique_ptr<CommitLog> log;
  IndexCache cache;
  std::mutex points_mutex;
  std::map<std::string, Snapshot> points;  // by id; guarded by points_mutex
  bool HasPoint(const std::string& id) {
    std::lock_guard lock(points_mutex);
    return points.contains(id);
  }
};

// The plan of CommitSnapshot (repository_snapshot.cc).
class SnapshotPlanner {
 public:
  SnapshotPlanner(store::Store& store, IndexCache& cache, const SnapshotDraft& draft,
                  std::string id, std::shared_ptr<const State> base)
      : store_(store), cache_(cache), draft_(draft), id_(std::move(id)), base_(std::move(base)) {}

  // Stores manifests and the snapshot object for this state. No actions when the snapshot is in the
  // log already (a lost reply).
  Result<Proposal> Plan(const State& state, const CallContext& context);

 private:
  Status FillTopic(const State& state, const std::vector<format::ObjectRef>* folded,
                   const format::TopicSnapshot* before, format::TopicSnapshot* topic,
                   const CallContext& context);
  Status FillFigures(const format::TopicSnapshot* before, format::TopicSnapshot* topic,
                     const CallContext& context);
  Status LoadBefore(const State& state, const CallContext& context);

  store::Store& store_;
  IndexCache& cache_;
  const SnapshotDraft& draft_;
  const std::string id_;
  const std::shared_ptr<const State> base_;  // when the run decided what to read
  // The newest snapshot in the log: figures of what did not change are taken over.
  std::string before_id_;
  std::map<std::pair<std::string, std::string>, format::TopicSnapshot> before_;  // by id and name
};

}  // namespace maxbrod::repo
