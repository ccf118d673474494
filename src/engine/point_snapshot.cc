#include "engine/point_snapshot.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "base/user_time.h"
#include "codec/hash.h"
#include "engine/loose_blocks.h"
#include "engine/parallel.h"
#include "repo/commit_codec.h"
#include "repo/pack_writer.h"
#include "repo/snapshot_fill.h"

namespace maxbrod::engine {
namespace {

// Packs looked for at once.
constexpr size_t kLookups = 16;

// When the topic was read last.
int64_t NewestRead(const repo::TopicInfo& topic) {
  int64_t newest = 0;
  for (const auto& [number, partition] : topic.partitions) {
    for (const repo::BranchInfo& branch : partition.branches) {
      newest = std::max(newest, branch.read_ended_ms);
    }
  }
  return newest;
}

const format::PartitionSnapshot* FindPartition(const format::TopicSnapshot* topic, int32_t number) {
  if (topic == nullptr) return nullptr;
  for (const format::PartitionSnapshot& p : topic->partitions()) {
    if (p.partition() == number) return &p;
  }
  return nullptr;
}

repo::TopicKey KeyOf(const format::TopicSnapshot& topic) {
  return repo::MakeTopicKey(topic.topic_id(), topic.topic());
}

const repo::PartitionInfo* FindPartition(const repo::TopicInfo* topic, int32_t number) {
  if (topic == nullptr) return nullptr;
  auto found = topic->partitions.find(number);
  return found == topic->partitions.end() ? nullptr : &found->second;
}

class Builder {
 public:
  Builder(repo::Repository& repository, const repo::State& then,
          const std::vector<std::string>& topic_ids, const ColdReading& reading,
          const CallContext& context)
      : repository_(repository),
        then_(then),
        head_(repository.state()),
        topic_ids_(topic_ids),
        context_(context),
        loose_then_(repository, then_, reading),
        loose_head_(repository, *head_, reading) {}

  Result<PointSnapshot> Build() {
    MB_RETURN_IF_ERROR(FindBase());
    MB_RETURN_IF_ERROR(ChooseTopics());
    for (const auto& [name, chosen] : chosen_) {
      Status added = AddTopic(chosen);
      if (!added.ok()) return std::move(added).WithContext("topic '" + name + "'");
    }
    TellEmpty();
    AddGroups();
    FillHeader();
    return std::move(out_);
  }

 private:
  struct Chosen {
    repo::TopicKey key;
    std::string name;
    const repo::TopicInfo* info = nullptr;          // in `then_`; null: the snapshot alone knows it
    const format::TopicSnapshot* before = nullptr;  // in the base
  };

  // A snapshot as the newest state refers to it; none when it cannot be read any more.
  Result<const repo::Snapshot*> Read(const format::SnapshotRef& ref) {
    auto [at, fresh] = read_.try_emplace(ref.id());
    if (!fresh) return at->second.get();
    const format::SnapshotRef* now = head_->FindSnapshotById(ref.id());
    auto snapshot = repository_.ReadSnapshot(now == nullptr ? ref : *now, context_);
    Code code = snapshot.ok() ? Code::kOk : snapshot.status().code();
    if (code == Code::kNotFound || code == Code::kCorrupt) return at->second.get();
    MB_RETURN_IF_ERROR(snapshot.status());
    at->second = std::make_unique<repo::Snapshot>(std::move(*snapshot));
    return at->second.get();
  }

  // All snapshots, nearest to the commit first: those before it from the newest on, then later
  // ones.
  std::vector<format::SnapshotRef> Nearest() const {
    std::vector<format::SnapshotRef> refs(then_.snapshots.rbegin(), then_.snapshots.rend());
    for (const format::SnapshotRef& ref : head_->snapshots) {
      if (then_.FindSnapshotById(ref.id()) == nullptr) refs.push_back(ref);
    }
    return refs;
  }

  Status FindBase() {
    for (const format::SnapshotRef& ref : Nearest()) {
      MB_ASSIGN_OR_RETURN(base_, Read(ref));
      if (base_ == nullptr) continue;
      later_ = then_.FindSnapshotById(ref.id()) == nullptr;
      const repo::Snapshot& base = *base_;
      std::string text = fmt::format("topics, configs and groups as in snapshot '{}' of {}",
                                     base.ref.name(), FormatUserTime(base.header.started_ms()));
      if (later_) {
        out_.warnings.push_back(text + ": it was taken later, none is older than the commit");
      } else {
        out_.notes.push_back(text);
      }
      return Status::Ok();
    }
    out_.warnings.push_back(
        "there is no snapshot: nothing is known of configs, replication factors and groups");
    return Status::Ok();
  }

  // By name, since a cluster has one topic of each.
  Status ChooseTopics() {
    if (base_ != nullptr) {
      for (const format::TopicSnapshot& topic : base_->topics) {
        const repo::TopicInfo* info = then_.FindTopic(KeyOf(topic));
        if (later_ && info == nullptr) continue;
        chosen_[topic.topic()] = Chosen{KeyOf(topic), topic.topic(), info, &topic};
      }
    }
    // What was read since: topics that are new, or were made anew.
    int64_t since = base_ == nullptr || later_ ? 0 : base_->header.started_ms();
    for (const auto& [key, info] : then_.topics) {
      int64_t newest = NewestRead(*info);
      if (info->partitions.empty() || newest < since) continue;
      auto [at, fresh] = chosen_.try_emplace(info->name, Chosen{key, info->name, info.get()});
      if (fresh || at->second.key == key) continue;
      bool newer = at->second.info == nullptr || NewestRead(*at->second.info) < newest;
      const TopicId& left = newer ? at->second.key.id : key.id;
      out_.warnings.push_back(
          fmt::format("topic '{}' was made anew: the newer one is taken (the "
                      "older one: --topic-id {})",
                      info->name, left.id.ToBase64()));
      if (newer) at->second = Chosen{key, info->name, info.get()};
    }
    return ChooseByIds();
  }

  Status ChooseByIds() {
    for (const std::string& text : topic_ids_) {
      auto found = std::find_if(then_.topics.begin(), then_.topics.end(),
                                [&](const auto& entry) { return IsTopicId(text, entry.first.id); });
      if (found == then_.topics.end()) {
        return Status(Code::kNotFound, fmt::format("at commit {} the repository had no topic with "
                                                   "the id {}",
                                                   then_.sequence.value(), text))
            .WithHint("'maxbrod timeline' lists the ids");
      }
      const auto& [key, info] = *found;
      out_.topics.push_back(info->name);
      chosen_ids_.insert(key.id.id.ToHex());
      auto at = chosen_.find(info->name);
      if (at != chosen_.end() && at->second.key == key) continue;
      chosen_[info->name] = Chosen{key, info->name, info.get()};
    }
    return Status::Ok();
  }

  // The topic in the snapshot nearest to the commit that has it, and whether that was taken later.
  Result<const format::TopicSnapshot*> FindElsewhere(const repo::TopicKey& key, bool* later) {
    for (const format::SnapshotRef& ref : Nearest()) {
      MB_RETURN_IF_ERROR(context_.Check());
      MB_ASSIGN_OR_RETURN(const repo::Snapshot* snapshot, Read(ref));
      if (snapshot == nullptr) continue;
      for (const format::TopicSnapshot& topic : snapshot->topics) {
        if (KeyOf(topic) != key) continue;
        out_.notes.push_back(
            fmt::format("configs of topic '{}' as in snapshot '{}'", topic.topic(), ref.name()));
        *later = then_.FindSnapshotById(ref.id()) == nullptr;
        return &topic;
      }
    }
    return nullptr;
  }

  Status AddTopic(const Chosen& chosen) {
    const format::TopicSnapshot* like = chosen.before;
    bool later = later_;
    if (like == nullptr) {
      MB_ASSIGN_OR_RETURN(like, FindElsewhere(chosen.key, &later));
    }
    format::TopicSnapshot topic;
    if (like != nullptr) {
      topic = *like;
      topic.clear_partitions();
      topic.clear_manifests();
      topic.clear_branches_used();
      topic.clear_branches_used_partition();
    } else {
      topic.set_replication_factor(1);
      out_.warnings.push_back(
          fmt::format("topic '{}': no snapshot tells its configs and its "
                      "replication factor (1 is taken)",
                      chosen.name));
    }
    topic.set_topic(chosen.name);
    topic.set_topic_id(repo::UuidToString(chosen.key.id.id));
    int32_t count = like == nullptr ? 0 : like->partitions_size();
    if (chosen.info != nullptr && !chosen.info->partitions.empty())
      count = std::max(count, chosen.info->partitions.rbegin()->first + 1);
    for (int32_t number = 0; number < count; ++number) {
      const repo::PartitionInfo* info = FindPartition(chosen.info, number);
      const format::PartitionSnapshot* before = FindPartition(like, number);
      *topic.add_partitions() = PartitionThen(number, info, before, later);
      MB_RETURN_IF_ERROR(repo::FillPartition(info, topic.mutable_partitions(number), &topic));
    }
    MB_RETURN_IF_ERROR(AddManifests(chosen, &topic));
    MB_RETURN_IF_ERROR(AddFigures(&topic));
    out_.snapshot.topics.push_back(std::move(topic));
    return Status::Ok();
  }

  // Branch, start and end. `later`: of `before` only what does not change with time counts.
  format::PartitionSnapshot PartitionThen(int32_t number, const repo::PartitionInfo* info,
                                          const format::PartitionSnapshot* before, bool later) {
    format::PartitionSnapshot p;
    if (before != nullptr) p = *before;
    p.set_partition(number);
    const repo::BranchInfo* branch = info == nullptr ? nullptr : info->Current();
    if (branch == nullptr) {
      if (before != nullptr && !later) return p;
      p.set_branch(0);
      p.set_start_offset(0);
      p.set_end_offset(0);
      p.set_high_watermark(0);
      p.clear_gaps();
      ++empty_partitions_;
      return p;
    }
    int64_t end = branch->branch.has_parent() ? branch->branch.fork_offset() : 0;
    end = std::max({end, branch->covered.end(), branch->log_start_offset});
    int64_t start = branch->log_start_offset;
    if (before != nullptr && !later) {
      start = std::max(start, before->start_offset());
      if (before->branch() == branch->branch.id()) end = std::max(end, before->end_offset());
    }
    p.set_branch(branch->branch.id());
    p.set_start_offset(std::min(start, end));
    p.set_end_offset(end);
    p.set_high_watermark(end);
    return p;
  }

  // Whether today's state still claims all that the topic is read from.
  bool HeadHasAll(const Chosen& chosen, const format::TopicSnapshot& topic) const {
    const repo::TopicInfo* now = head_->FindTopic(chosen.key);
    if (now == nullptr || chosen.info == nullptr) return false;
    std::set<std::pair<int32_t, uint64_t>> used;
    for (int i = 0; i < topic.branches_used_size(); ++i)
      used.insert({topic.branches_used_partition(i), topic.branches_used(i).id()});
    for (const format::PartitionSnapshot& p : topic.partitions()) {
      const repo::PartitionInfo* was = FindPartition(chosen.info, p.partition());
      const repo::PartitionInfo* is = FindPartition(now, p.partition());
      if (was == nullptr) continue;
      if (is == nullptr) return false;
      for (const repo::BranchInfo& branch : was->branches) {
        if (!used.contains({p.partition(), branch.branch.id()})) continue;
        const repo::BranchInfo* same = is->Find(branch.branch.id());
        for (const auto& [first, last] : branch.covered.ranges()) {
          int64_t from = std::max(first, p.start_offset());
          int64_t to = std::min(last, p.end_offset());
          if (from < to && (same == nullptr || !same->covered.Covers(from, to))) return false;
        }
      }
    }
    return true;
  }

  Status AddManifests(const Chosen& chosen, format::TopicSnapshot* topic) {
    bool now = HeadHasAll(chosen, *topic);
    const repo::State& state = now ? *head_ : then_;
    const repo::TopicInfo* info = state.FindTopic(chosen.key);
    if (info != nullptr) {
      for (const format::ObjectRef& ref : info->manifests) *topic->add_manifests() = ref;
    }
    LooseBlocks& loose = now ? loose_head_ : loose_then_;
    auto ref = loose.Of(chosen.key, context_);
    if (!ref.ok()) return Removed(ref.status());
    if (*ref) *topic->add_manifests() = **ref;
    return now ? Status::Ok() : CheckThere(*topic);
  }

  // Of indexes that the newest state does not name any more: all that is read must still be there.
  Status CheckThere(const format::TopicSnapshot& topic) {
    auto blocks = repository_.ReadTopicBlocks(topic, context_);
    if (!blocks.ok()) return Removed(blocks.status());
    std::set<std::string> packs;
    for (const auto& [partition, uses] : blocks->partitions) {
      for (const repo::BlockUse& use : uses) packs.insert(repo::PackName(use.pack));
    }
    std::vector<std::string> list(packs.begin(), packs.end());
    Status there = ForEachInParallel(list.size(), kLookups, [&](size_t i) -> Status {
      return repository_.store().Stat(list[i], context_).status().WithContext(list[i]);
    });
    if (!there.ok()) return Removed(there);
    std::set<std::string> names = std::move(packs);
    for (const format::ObjectRef& ref : topic.manifests()) names.insert(repo::ManifestName(ref));
    for (const std::string& name : names) {
      auto found = head_->condemned.find(name);
      if (found == head_->condemned.end()) continue;
      if (found->second.doomed()) return Removed(Status(Code::kNotFound, name));
      out_.condemned = true;
    }
    return Status::Ok();
  }

  Status Removed(const Status& status) const {
    if (status.code() != Code::kNotFound) return status;
    return Status(Code::kNotFound, fmt::format("prune has removed some of what commit {} held: {}",
                                               then_.sequence.value(), status.message()))
        .WithHint(
            "take a later commit, leave the topic out with --exclude, or restore a snapshot: "
            "'maxbrod timeline' shows what there is");
  }

  Status AddFigures(format::TopicSnapshot* topic) {
    MB_ASSIGN_OR_RETURN(repo::TopicBlocks blocks, repository_.ReadTopicBlocks(*topic, context_));
    for (format::PartitionSnapshot& p : *topic->mutable_partitions()) {
      repo::UseTotals totals = repo::SumUses(blocks.partitions[p.partition()]);
      p.set_records(totals.records);
      p.set_bytes(totals.bytes);
      p.set_max_timestamp(totals.max_timestamp);
    }
    return Status::Ok();
  }

  void TellEmpty() {
    if (empty_partitions_ == 0) return;
    out_.warnings.push_back(fmt::format(
        "{} partitions are empty: nothing of them was stored by then", empty_partitions_));
  }

  // Never beyond the data; not for a topic that is another one now.
  void AddGroups() {
    if (base_ == nullptr) return;
    std::map<std::string, const format::TopicSnapshot*> topics;
    for (const format::TopicSnapshot& topic : out_.snapshot.topics) topics[topic.topic()] = &topic;
    for (const format::GroupSnapshot& before : base_->groups) {
      format::GroupSnapshot group = before;
      group.clear_offsets();
      for (format::GroupOffset offset : before.offsets()) {
        auto topic = topics.find(offset.topic());
        const format::TopicSnapshot* was = base_->FindTopic(offset.topic());
        if (topic == topics.end() || was == nullptr || KeyOf(*was) != KeyOf(*topic->second))
          continue;
        const auto* p = FindPartition(topic->second, offset.partition());
        if (p != nullptr && offset.offset() > p->end_offset()) {
          offset.set_offset(p->end_offset());
          offset.set_leader_epoch(-1);
        }
        *group.add_offsets() = std::move(offset);
      }
      out_.snapshot.groups.push_back(std::move(group));
    }
  }

  void FillHeader() {
    std::string text = "maxbrod point\n" + then_.commit_sha256;
    for (const std::string& id : chosen_ids_) text += "\n" + id;
    format::SnapshotHeader& header = out_.snapshot.header;
    if (base_ != nullptr) {
      *header.mutable_cluster() = base_->header.cluster();
      out_.snapshot.metadata = base_->metadata;
    }
    header.set_id(ToString(ByteView(Sha256(AsBytes(text)))).substr(0, 16));
    header.set_name("@" + std::to_string(then_.sequence.value()));
    header.set_started_ms(then_.store_time_ms);
    header.set_finished_ms(then_.store_time_ms);
    repo::FillStats(out_.snapshot.topics, out_.snapshot.groups.size(), &header);
    format::SnapshotRef& ref = out_.snapshot.ref;
    ref.set_id(header.id());
    ref.set_name(header.name());
    ref.set_started_ms(header.started_ms());
    ref.set_finished_ms(header.finished_ms());
    *ref.mutable_stats() = header.stats();
    ref.set_cluster_id(header.cluster().cluster_id());
  }

  repo::Repository& repository_;
  const repo::State& then_;
  const std::shared_ptr<const repo::State> head_;
  const std::vector<std::string>& topic_ids_;
  const CallContext& context_;
  LooseBlocks loose_then_, loose_head_;
  std::map<std::string, std::unique_ptr<repo::Snapshot>> read_;  // by id; null: not readable
  const repo::Snapshot* base_ = nullptr;
  bool later_ = false;  // the base was taken after the commit
  std::map<std::string, Chosen> chosen_;
  std::set<std::string> chosen_ids_;  // of topic_ids_, in hex
  size_t empty_partitions_ = 0;
  PointSnapshot out_;
};

}  // namespace

bool HoldsData(const repo::State& state) {
  if (!state.snapshots.empty()) return true;
  for (const auto& [key, topic] : state.topics) {
    for (const auto& [number, partition] : topic->partitions) {
      for (const repo::BranchInfo& branch : partition.branches) {
        if (!branch.covered.empty()) return true;
      }
    }
  }
  return false;
}

bool IsTopicId(const std::string& text, const TopicId& id) {
  return !id.id.IsZero() && (text == id.id.ToBase64() || text == id.id.ToHex());
}

Result<PointSnapshot> MakePointSnapshot(repo::Repository& repository, const repo::State& then,
                                        const std::vector<std::string>& topic_ids,
                                        const ColdReading& reading, const CallContext& context) {
  return Builder(repository, then, topic_ids, reading, context).Build();
}

}  // namespace maxbrod::engine
