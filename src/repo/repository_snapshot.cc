// CommitSnapshot. The order of writes is here: packs (committed before), manifests, snapshot
// object, commit; a crash between two of them leaves objects that no commit names, and nothing
// else.
#include <algorithm>

#include "os/crash_point.h"
#include "repo/content_object.h"
#include "repo/fold.h"
#include "repo/repository_impl.h"
#include "repo/snapshot_codec.h"
#include "repo/snapshot_fill.h"
#include "repo/vault.h"

namespace maxbrod::repo {
namespace {

bool SameManifests(const format::TopicSnapshot& a, const format::TopicSnapshot& b) {
  if (a.manifests_size() != b.manifests_size()) return false;
  for (int i = 0; i < a.manifests_size(); ++i) {
    if (a.manifests(i).sha256() != b.manifests(i).sha256()) return false;
  }
  return true;
}

const format::PartitionSnapshot* FindPartition(const format::TopicSnapshot& topic,
                                               int32_t partition) {
  for (const format::PartitionSnapshot& other : topic.partitions()) {
    if (other.partition() == partition) return &other;
  }
  return nullptr;
}

// Takes the figures of an earlier snapshot over where the same blocks are used.
bool CopyFigures(const format::TopicSnapshot& before, format::TopicSnapshot* topic) {
  if (!SameManifests(before, *topic)) return false;
  for (format::PartitionSnapshot& now : *topic->mutable_partitions()) {
    const format::PartitionSnapshot* old = FindPartition(before, now.partition());
    if (old == nullptr || old->branch() != now.branch() ||
        old->start_offset() != now.start_offset() || old->end_offset() != now.end_offset()) {
      return false;
    }
    now.set_records(old->records());
    now.set_bytes(old->bytes());
    now.set_max_timestamp(old->max_timestamp());
  }
  return true;
}

format::SnapshotRef RefTo(const format::SnapshotHeader& header, const format::ObjectRef& object) {
  format::SnapshotRef ref;
  ref.set_id(header.id());
  ref.set_name(header.name());
  *ref.mutable_object() = object;
  ref.set_started_ms(header.started_ms());
  ref.set_finished_ms(header.finished_ms());
  *ref.mutable_stats() = header.stats();
  ref.set_description(header.description());
  *ref.mutable_tags() = header.tags();
  ref.set_cluster_id(header.cluster().cluster_id());
  return ref;
}

// Prune must not have taken back what the run counted on between its decision and now.
Status CheckNothingReleased(const State& base, const State& now,
                            const format::TopicSnapshot& topic) {
  TopicKey key = MakeTopicKey(topic.topic_id(), topic.topic());
  const TopicInfo* before = base.FindTopic(key);
  const TopicInfo* after = now.FindTopic(key);
  if (before == after || before == nullptr || after == nullptr) return Status::Ok();
  for (const format::PartitionSnapshot& partition : topic.partitions()) {
    auto was = before->partitions.find(partition.partition());
    auto is = after->partitions.find(partition.partition());
    if (was == before->partitions.end() || is == after->partitions.end()) continue;
    for (const BranchInfo& branch : was->second.branches) {
      const BranchInfo* same = is->second.Find(branch.branch.id());
      if (same == nullptr) continue;
      for (auto [start, end] : branch.covered.ranges()) {
        int64_t from = std::max(start, partition.start_offset());
        int64_t to = std::min(end, partition.end_offset());
        if (from >= to || same->covered.Covers(from, to)) continue;
        return Status(Code::kConflict, "prune released offsets of '" + topic.topic() +
                                           "' while this run relied on them")
            .WithHint("run the backup again: it reads them anew");
      }
    }
  }
  return Status::Ok();
}

}  // namespace

Result<Proposal> SnapshotPlanner::Plan(const State& state, const CallContext& context) {
  if (const format::SnapshotRef* there = state.FindSnapshotById(id_)) {
    if (there->name() == draft_.header.name()) return Proposal();
  }
  if (state.FindSnapshotByName(draft_.header.name()) != nullptr) {
    return Status(Code::kAlreadyExists,
                  "a snapshot named '" + draft_.header.name() + "' exists already")
        .WithHint("choose another name, or forget that snapshot first");
  }
  MB_ASSIGN_OR_RETURN(FoldResult fold, FoldLoosePacks(store_, state, cache_, context));
  CrashPoint("manifests.stored");
  MB_RETURN_IF_ERROR(LoadBefore(state, context));
  SnapshotContents contents{draft_.header, draft_.topics, draft_.groups, draft_.metadata};
  contents.header.set_id(id_);
  Proposal proposal;
  for (format::TopicSnapshot& topic : contents.topics) {
    MB_RETURN_IF_ERROR(CheckNothingReleased(*base_, state, topic));
    auto folded = fold.manifests.find(MakeTopicKey(topic.topic_id(), topic.topic()));
    auto before = before_.find({topic.topic_id(), topic.topic()});
    Status status = FillTopic(state, folded == fold.manifests.end() ? nullptr : &folded->second,
                              before == before_.end() ? nullptr : &before->second, &topic, context);
    if (!status.ok()) return std::move(status).WithContext("topic '" + topic.topic() + "'");
    for (const format::ObjectRef& ref : topic.manifests()) {
      proposal.references.push_back(ManifestName(ref));
    }
  }
  FillStats(contents.topics, contents.groups.size(), &contents.header);
  MB_ASSIGN_OR_RETURN(Bytes stored, EncodeSnapshot(contents, KeysOf(store_)));
  MB_ASSIGN_OR_RETURN(format::ObjectRef object,
                      PutContentObject(store_, "snapshot", stored, context));
  CrashPoint("snapshot.stored");
  proposal.actions = std::move(fold.actions);
  *proposal.actions.emplace_back().mutable_add_snapshot() = RefTo(contents.header, object);
  return proposal;
}

// Figures of the newest snapshot; without it they are computed.
Status SnapshotPlanner::LoadBefore(const State& state, const CallContext& context) {
  if (state.snapshots.empty() || state.snapshots.back().id() == before_id_) return Status::Ok();
  const format::SnapshotRef& ref = state.snapshots.back();
  before_.clear();
  before_id_ = ref.id();
  Result<Bytes> stored = GetContentObject(store_, "snapshot", ref.object(), context);
  Result<SnapshotContents> decoded =
      stored.ok() ? DecodeSnapshot(SnapshotObjectName(ref.object()), *stored, KeysOf(store_))
                  : stored.status();
  if (!decoded.ok()) {
    // A damaged old snapshot does not keep a new one from being taken.
    Code code = decoded.status().code();
    if (code == Code::kCorrupt || code == Code::kNotFound) return Status::Ok();
    return decoded.status();
  }
  SnapshotContents& contents = *decoded;
  for (format::TopicSnapshot& topic : contents.topics) {
    std::pair<std::string, std::string> key{topic.topic_id(), topic.topic()};
    before_[key] = std::move(topic);
  }
  return Status::Ok();
}

Status SnapshotPlanner::FillTopic(const State& state, const std::vector<format::ObjectRef>* folded,
                                  const format::TopicSnapshot* before, format::TopicSnapshot* topic,
                                  const CallContext& context) {
  const TopicInfo* info = state.FindTopic(MakeTopicKey(topic->topic_id(), topic->topic()));
  topic->clear_manifests();
  topic->clear_branches_used();
  topic->clear_branches_used_partition();
  if (folded != nullptr) {
    for (const format::ObjectRef& ref : *folded) *topic->add_manifests() = ref;
  } else if (info != nullptr) {
    for (const format::ObjectRef& ref : info->manifests) *topic->add_manifests() = ref;
  }
  for (format::PartitionSnapshot& partition : *topic->mutable_partitions()) {
    const PartitionInfo* known = nullptr;
    if (info != nullptr) {
      auto it = info->partitions.find(partition.partition());
      if (it != info->partitions.end()) known = &it->second;
    }
    MB_RETURN_IF_ERROR(FillPartition(known, &partition, topic));
  }
  return FillFigures(before, topic, context);
}

Status SnapshotPlanner::FillFigures(const format::TopicSnapshot* before,
                                    format::TopicSnapshot* topic, const CallContext& context) {
  if (before != nullptr && CopyFigures(*before, topic)) return Status::Ok();
  std::vector<std::shared_ptr<const TopicManifest>> shards;
  for (const format::ObjectRef& ref : topic->manifests()) {
    MB_ASSIGN_OR_RETURN(auto shard, cache_.Manifest(store_, ref, context));
    shards.push_back(std::move(shard));
  }
  MB_ASSIGN_OR_RETURN(TopicBlocks blocks, ResolveBlocks(*topic, shards));
  for (format::PartitionSnapshot& partition : *topic->mutable_partitions()) {
    UseTotals totals = SumUses(blocks.partitions[partition.partition()]);
    partition.set_records(totals.records);
    partition.set_bytes(totals.bytes);
    partition.set_max_timestamp(totals.max_timestamp);
  }
  return Status::Ok();
}

}  // namespace maxbrod::repo
