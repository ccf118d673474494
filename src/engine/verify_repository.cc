#include "engine/verify_repository.h"

#include <algorithm>
#include <functional>

#include "engine/parallel.h"
#include "engine/verify_packs.h"
#include "repo/check.h"
#include "repo/content_object.h"

namespace maxbrod::engine {
namespace {

bool IsCompacted(const format::TopicSnapshot& topic, const format::PartitionSnapshot& partition) {
  for (int i = 0; i < topic.branches_used_size() && i < topic.branches_used_partition_size(); ++i) {
    bool own = topic.branches_used_partition(i) == partition.partition() &&
               topic.branches_used(i).id() == partition.branch();
    if (own) return topic.branches_used(i).compacted();
  }
  return false;
}

// Offsets of [from, to) that the snapshot itself says it does not have.
int64_t KnownGaps(const format::PartitionSnapshot& partition, int64_t from, int64_t to) {
  int64_t sum = 0;
  for (const format::Gap& gap : partition.gaps()) {
    sum +=
        std::max<int64_t>(0, std::min(gap.end_offset(), to) - std::max(gap.start_offset(), from));
  }
  return sum;
}

class Verifier {
 public:
  Verifier(repo::Repository& repository, const VerifyOptions& options, Progress& progress,
           const CallContext& context)
      : repository_(repository),
        options_(options),
        progress_(progress),
        context_(context),
        gate_(repository.store(), options.cold, *options.clock, progress) {}

  Result<VerifyReport> Run() {
    int64_t begun = options_.clock->MonotonicNanos();
    progress_.Begin("checking the log, manifests and snapshots", 0, 0);
    MB_ASSIGN_OR_RETURN(
        repo::CheckReport check,
        repo::CheckRepository(repository_.log(), repository_.index_cache(), context_));
    MB_ASSIGN_OR_RETURN(state_, repository_.Refresh(context_));
    if (options_.snapshot != nullptr) {
      MB_RETURN_IF_ERROR(CollectSnapshot(*options_.snapshot));
    } else {
      MB_RETURN_IF_ERROR(CollectAll());
    }
    uses_.Finish(&problems_);
    MB_RETURN_IF_ERROR(ReadPacks());
    TakeOver(check);
    report_.blocks = totals_.blocks;
    report_.bytes = totals_.bytes;
    report_.batches = totals_.batches;
    report_.records = totals_.records;
    report_.problems = problems_.listed();
    report_.problem_count = problems_.count();
    report_.sampler = options_.sampler;
    report_.seconds = static_cast<double>(options_.clock->MonotonicNanos() - begun) / 1e9;
    return std::move(report_);
  }

 private:
  // What the check of the structure found, unless reading told more of it.
  void TakeOver(const repo::CheckReport& check) {
    for (const repo::CheckFinding& finding : check.errors) {
      if (!problems_.Names(finding.object)) {
        problems_.Add({finding.object, "", -1, -1, -1, finding.what});
      }
    }
    constexpr uint64_t kConfigs = 2;
    report_.commits = check.commits;
    report_.checkpoints = check.checkpoints;
    report_.manifests = check.manifests;
    report_.snapshots = check.snapshots;
    report_.packs = uses_.packs().size() - gate_.skipped();
    report_.objects = kConfigs + report_.commits + report_.checkpoints + report_.manifests +
                      check.offset_maps + report_.snapshots + report_.packs;
    report_.unreferenced_objects = check.unreferenced.size();
    report_.unreferenced_bytes = check.unreferenced_bytes;
  }

  // OK when the status was damage, which is then named.
  Status NameDamage(const Status& status, const std::string& object, const std::string& topic) {
    if (!IsDamage(status)) return status;
    problems_.Add({object, topic, -1, -1, -1, status.message()});
    return Status::Ok();
  }

  Status CollectAll() {
    for (const auto& [key, topic] : state_->topics) {
      for (const format::ObjectRef& ref : topic->manifests)
        MB_RETURN_IF_ERROR(CollectManifest(ref, topic->name));
    }
    for (const format::SnapshotRef& ref : state_->snapshots) {
      auto snapshot = repository_.ReadSnapshot(ref, context_);
      if (!snapshot.ok()) {
        MB_RETURN_IF_ERROR(
            NameDamage(snapshot.status(), repo::ContentName("snapshot", ref.object()), ""));
        continue;
      }
      for (const format::TopicSnapshot& topic : snapshot->topics) {
        for (const format::ObjectRef& m : topic.manifests())
          MB_RETURN_IF_ERROR(CollectManifest(m, topic.topic()));
      }
      MB_RETURN_IF_ERROR(CollectTopics(*snapshot, nullptr));
    }
    for (const format::LoosePack& loose : state_->loose_packs) {
      MB_RETURN_IF_ERROR(uses_.Add(loose.pack()).status());
    }
    return Status::Ok();
  }

  Status CollectManifest(const format::ObjectRef& ref, const std::string& topic) {
    bool fresh = false;
    uint32_t number = uses_.AddManifest(ref, &fresh);
    if (!fresh) return Status::Ok();
    MB_RETURN_IF_ERROR(context_.Check());
    auto manifest = repo::ReadManifest(repository_.store(), ref, context_);
    if (!manifest.ok()) return NameDamage(manifest.status(), repo::ManifestName(ref), topic);
    std::vector<PackUse*> packs;
    for (const format::PackRef& pack : manifest->packs) {
      MB_ASSIGN_OR_RETURN(PackUse * use, uses_.Add(pack));
      use->manifests.insert(number);
      packs.push_back(use);
    }
    for (const repo::BlockEntry& entry : manifest->entries) {
      packs[entry.pack]->known.push_back({entry.place.pack_offset, DigestOf(entry)});
    }
    return Status::Ok();
  }

  Status CollectSnapshot(const format::SnapshotRef& ref) {
    auto snapshot = repository_.ReadSnapshot(ref, context_);
    if (!snapshot.ok())
      return NameDamage(snapshot.status(), repo::ContentName("snapshot", ref.object()), "");
    auto note = [this](const format::TopicSnapshot& topic, const repo::TopicBlocks& blocks) {
      return NoteBlocks(topic, blocks);
    };
    return CollectTopics(*snapshot, note);
  }

  // Every snapshot's offsets must lie in blocks. `note` sees each topic's blocks.
  Status CollectTopics(
      const repo::Snapshot& snapshot,
      const std::function<Status(const format::TopicSnapshot&, const repo::TopicBlocks&)>& note) {
    for (const format::TopicSnapshot& topic : snapshot.topics) {
      auto blocks = repository_.ReadTopicBlocks(topic, context_);
      if (!blocks.ok()) {
        const std::string object = repo::ContentName("snapshot", snapshot.ref.object());
        MB_RETURN_IF_ERROR(NameDamage(blocks.status(), object, topic.topic()));
        continue;
      }
      CheckCoverage(snapshot, topic, *blocks);
      if (note) MB_RETURN_IF_ERROR(note(topic, *blocks));
    }
    return Status::Ok();
  }

  // Between two blocks only what the reader saw missing may be missing. (Of a compacted log nobody
  // can tell.)
  void CheckCoverage(const repo::Snapshot& snapshot, const format::TopicSnapshot& topic,
                     const repo::TopicBlocks& blocks) {
    for (const format::PartitionSnapshot& p : topic.partitions()) {
      auto found = blocks.partitions.find(p.partition());
      if (found == blocks.partitions.end() || IsCompacted(topic, p)) continue;
      int64_t next = p.start_offset();
      auto check = [&](int64_t to, uint64_t seen_missing) {
        int64_t unaccounted =
            to - next - KnownGaps(p, next, to) - static_cast<int64_t>(seen_missing);
        if (unaccounted <= 0) return;
        problems_.Add({repo::ContentName("snapshot", snapshot.ref.object()), topic.topic(),
                       p.partition(), next, to - 1, "offsets of the snapshot that no block holds"});
      };
      for (const repo::BlockUse& use : found->second) {
        check(use.use_from,
              use.use_from == use.entry.stats.first_offset ? use.entry.stats.missing_before : 0);
        next = std::max(next, use.use_to);
      }
      check(p.end_offset(), 0);
    }
  }

  Status NoteBlocks(const format::TopicSnapshot& topic, const repo::TopicBlocks& blocks) {
    std::vector<uint32_t> numbers;
    for (const format::ObjectRef& ref : topic.manifests()) {
      bool fresh = false;
      numbers.push_back(uses_.AddManifest(ref, &fresh));
    }
    for (const auto& [partition, uses] : blocks.partitions) {
      for (const repo::BlockUse& block : uses) {
        MB_ASSIGN_OR_RETURN(PackUse * use, uses_.Add(block.pack));
        use->only_known = true;
        use->manifests.insert(numbers.begin(), numbers.end());
        use->known.push_back({block.entry.place.pack_offset, DigestOf(block.entry)});
        use->plain_bytes += block.entry.place.plain_bytes;
      }
    }
    return Status::Ok();
  }

  Status ReadPacks() {
    std::vector<PackToRead> packs_to_read;
    for (const auto& [id, use] : uses_.packs())
      packs_to_read.push_back({repo::PackName(use.ref), use.ref.length()});
    MB_RETURN_IF_ERROR(gate_.Open(packs_to_read, "verify", context_));
    report_.cold_packs = gate_.skipped();
    report_.cold_bytes = gate_.skipped_bytes();
    std::vector<const PackUse*> jobs;
    uint64_t bytes = 0;
    for (const auto& [id, use] : uses_.packs()) {
      if (gate_.Skips(use.ref)) continue;
      jobs.push_back(&use);
      bytes += use.only_known ? use.plain_bytes : use.ref.plain_bytes();
    }
    double fraction = options_.sampler.fraction();
    progress_.Begin("reading packs back",
                    static_cast<uint64_t>(static_cast<double>(bytes) * fraction), 0);
    PackVerifier packs(repository_.store(), uses_, options_.sampler, &problems_, &totals_,
                       progress_);
    return ForEachInParallel(jobs.size(), options_.threads, [&](size_t i) {
      return packs.Verify(*jobs[i], context_).WithContext(repo::PackName(jobs[i]->ref));
    });
  }

  repo::Repository& repository_;
  const VerifyOptions& options_;
  Progress& progress_;
  const CallContext& context_;
  ThawGate gate_;
  std::shared_ptr<const repo::State> state_;
  PackUses uses_;
  ProblemList problems_;
  PackTotals totals_;
  VerifyReport report_;
};

}  // namespace

Status VerifyReport::Outcome() const {
  if (problem_count == 0) return Status::Ok();
  std::string text =
      problem_count == 1 ? "1 problem: " : std::to_string(problem_count) + " problems, the first: ";
  return Status(Code::kCorrupt, "the repository is damaged: " + text + problems.front().ToString())
      .WithHint(
          "restore the named objects from a copy of the repository; what was not named is sound");
}

Result<VerifyReport> VerifyRepository(repo::Repository& repository, const VerifyOptions& options,
                                      Progress& progress, const CallContext& context) {
  return Verifier(repository, options, progress, context).Run();
}

}  // namespace maxbrod::engine
