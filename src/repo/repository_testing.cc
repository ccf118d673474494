#include "repo/repository_testing.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "repo/pack_reader.h"

namespace maxbrod::repo {

PackBuilder& PackBuilder::Block(const std::string& topic, int32_t partition, int64_t start,
                                int batches, uint64_t branch) {
  TestBlock block =
      MakeBlock(topic, partition, start, std::vector<size_t>(static_cast<size_t>(batches), 20));
  block.owner.topic_id = TopicId();
  block.owner.branch = branch;
  PackOptions options;
  options.small = true;
  sealed_.push_back(WritePack(store_, {block}, options));
  *packs_.add_packs() = sealed_.back().ref;
  return *this;
}

PackBuilder& PackBuilder::Claim(const std::string& topic, int32_t partition, int64_t start,
                                int64_t end, uint64_t branch) {
  format::TopicClaims* claims = packs_.add_topics();
  claims->set_topic(topic);
  format::RangeClaim* claim = claims->add_claims();
  claim->set_partition(partition);
  claim->set_branch(branch);
  claim->set_start_offset(start);
  claim->set_end_offset(end);
  return *this;
}

PackBuilder& PackBuilder::NewBranch(const format::Branch& branch) {
  auto* claims = packs_.mutable_topics(packs_.topics_size() - 1);
  *claims->mutable_claims(claims->claims_size() - 1)->mutable_new_branch() = branch;
  return *this;
}

format::AddPacks TestPack(store::Store& store, const std::string& topic, int64_t start, int batches,
                          int32_t partition) {
  return PackBuilder(store)
      .Block(topic, partition, start, batches)
      .Claim(topic, partition, start, start + 10 * batches)
      .packs();
}

SnapshotDraft TestDraft(const std::string& name,
                        const std::vector<std::pair<std::string, int64_t>>& topics) {
  SnapshotDraft draft;
  draft.header.set_name(name);
  for (const auto& [topic, end] : topics) {
    format::TopicSnapshot& out = draft.topics.emplace_back();
    out.set_topic(topic);
    format::PartitionSnapshot* partition = out.add_partitions();
    partition->set_end_offset(end);
  }
  return draft;
}

Status ReadWhole(Repository& repository, const format::SnapshotRef& ref) {
  CallContext context;
  MB_ASSIGN_OR_RETURN(Snapshot snapshot, repository.ReadSnapshot(ref, context));
  for (const format::TopicSnapshot& topic : snapshot.topics) {
    MB_ASSIGN_OR_RETURN(TopicBlocks blocks, repository.ReadTopicBlocks(topic, context));
    for (const format::PartitionSnapshot& partition : topic.partitions()) {
      OffsetRanges have;
      for (const format::Gap& gap : partition.gaps()) {
        have.Add(gap.start_offset(), gap.end_offset());
      }
      int64_t at = -1;
      for (const BlockUse& use : blocks.partitions[partition.partition()]) {
        if (use.use_from < at) return Status(Code::kDifferent, "an offset comes twice");
        at = use.use_to;
        Bytes batches;
        MB_RETURN_IF_ERROR(ReadBlock(repository.store(), use.pack, use.entry, &batches, context));
        have.Add(use.use_from, use.use_to);
      }
      for (auto [start, end] : have.Missing(partition.start_offset(), partition.end_offset())) {
        return Status(Code::kDifferent,
                      fmt::format("snapshot '{}': {}-{} lacks [{}, {})", ref.name(), topic.topic(),
                                  partition.partition(), start, end));
      }
    }
  }
  return Status::Ok();
}

}  // namespace maxbrod::repo
