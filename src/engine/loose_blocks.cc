#include "engine/loose_blocks.h"

#include <string>
#include <vector>

#include "codec/hash.h"
#include "engine/parallel.h"
#include "repo/pack_writer.h"

namespace maxbrod::engine {
namespace {

// Indexes read at once.
constexpr size_t kReaders = 8;

}  // namespace

Status LooseBlocks::Load(const CallContext& context) {
  if (loaded_) return Status::Ok();
  const std::vector<format::LoosePack>& packs = state_.loose_packs;
  MB_RETURN_IF_ERROR(OpenLoosePacks(repository_.store(), packs, reading_, context));
  std::vector<std::shared_ptr<const std::vector<repo::BlockEntry>>> indexes(packs.size());
  MB_RETURN_IF_ERROR(ForEachInParallel(packs.size(), kReaders, [&](size_t i) -> Status {
    auto entries =
        repository_.index_cache().PackEntries(repository_.store(), packs[i].pack(), context);
    if (!entries.ok()) return entries.status().WithContext(repo::PackName(packs[i].pack()));
    indexes[i] = std::move(*entries);
    return Status::Ok();
  }));
  for (size_t i = 0; i < packs.size(); ++i) {
    std::map<repo::TopicKey, uint32_t> numbers;  // of this pack, in each topic
    for (repo::BlockEntry entry : *indexes[i]) {
      repo::TopicKey key{entry.owner.topic_id,
                         entry.owner.topic_id.id.IsZero() ? entry.owner.topic : std::string()};
      repo::TopicManifest& topic = topics_[key];
      auto [number, first] = numbers.try_emplace(key, static_cast<uint32_t>(topic.packs.size()));
      if (first) topic.packs.push_back(packs[i].pack());
      topic.topic_id = entry.owner.topic_id;
      topic.topic = entry.owner.topic;
      entry.pack = number->second;
      entry.commit = packs[i].commit();
      topic.entries.push_back(std::move(entry));
    }
  }
  loaded_ = true;
  return Status::Ok();
}

Result<std::optional<format::ObjectRef>> LooseBlocks::Of(const repo::TopicKey& topic,
                                                         const CallContext& context) {
  MB_RETURN_IF_ERROR(Load(context));
  auto found = topics_.find(topic);
  if (found == topics_.end()) return std::optional<format::ObjectRef>();
  std::string text =
      "maxbrod loose blocks\n" + state_.commit_sha256 + topic.id.id.ToHex() + topic.name;
  format::ObjectRef ref;
  ref.set_sha256(ToString(ByteView(Sha256(AsBytes(text)))));
  repository_.index_cache().Keep(ref, found->second);
  return std::optional<format::ObjectRef>(std::move(ref));
}

}  // namespace maxbrod::engine
