#include "repo/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "repo/content_object.h"
#include "repo/object.h"
#include "repo/pack_format.h"
#include "repo/vault.h"

namespace maxbrod::repo {
namespace {

const std::string kFolder = "manifest";
// So many pack references fit the header's record with ease; the rest are records of their own.
constexpr int kHeaderPacksMax = 4096;

Status Corrupt(std::string message) {
  return Status(Code::kCorrupt, std::move(message));
}

// Collects runs up to a shard's size, numbering the packs they use.
class ShardBuilder {
 public:
  ShardBuilder(TopicId topic_id, const std::string& topic,
               const std::vector<format::PackRef>& packs, const Keyring* keys)
      : packs_(packs), keys_(keys) {
    header_.set_topic_id(ToString(topic_id.id.view()));
    header_.set_topic(topic);
  }

  Status Add(format::BlockRun run) {
    size_t blocks = static_cast<size_t>(run.first_offset_delta_size());
    header_.set_blocks(header_.blocks() + blocks);
    Renumber(blocks, &run);
    format::ManifestRecord record;
    *record.mutable_run() = std::move(run);
    MB_ASSIGN_OR_RETURN(FramePayload payload, ObjectBuilder::Encode(record));
    bytes_ += payload.stored.size() + kFrameHeaderBytes + kSealedTrailerBytes;
    runs_.push_back(std::move(payload));
    return Status::Ok();
  }

  bool empty() const { return runs_.empty(); }
  uint64_t bytes() const { return bytes_; }

  // The shard's object; the builder is empty again.
  Result<Bytes> Finish() {
    ObjectBuilder builder(ObjectType::kManifest, keys_, kFolder);
    format::ManifestRecord record;
    *record.mutable_header() = header_;
    size_t used = 0;
    for (; used < order_.size() && used < kHeaderPacksMax; ++used) {
      *record.mutable_header()->add_packs() = packs_[order_[used]];
    }
    MB_RETURN_IF_ERROR(builder.Add(record));
    for (; used < order_.size(); ++used) {
      *record.mutable_pack() = packs_[order_[used]];
      MB_RETURN_IF_ERROR(builder.Add(record));
    }
    for (FramePayload& run : runs_) builder.Add(std::move(run));
    header_.set_blocks(0);
    numbers_.clear();
    order_.clear();
    runs_.clear();
    bytes_ = 0;
    return builder.Finish();
  }

 private:
  // From the caller's pack numbers to the shard's own.
  void Renumber(size_t blocks, format::BlockRun* run) {
    bool absent = run->pack_size() == 0;
    bool zeros = true;
    google::protobuf::RepeatedField<uint32_t> numbers;
    for (size_t i = 0; i < blocks; ++i) {
      uint32_t old = absent ? 0 : run->pack(static_cast<int>(i));
      auto [it, is_new] = numbers_.try_emplace(old, static_cast<uint32_t>(order_.size()));
      if (is_new) {
        order_.push_back(old);
        bytes_ += packs_[old].ByteSizeLong();
      }
      numbers.Add(it->second);
      zeros = zeros && it->second == 0;
    }
    run->mutable_pack()->Clear();
    if (!zeros) run->mutable_pack()->Swap(&numbers);
  }

  const std::vector<format::PackRef>& packs_;
  const Keyring* keys_;
  format::ManifestHeader header_;
  std::map<uint32_t, uint32_t> numbers_;
  std::vector<uint32_t> order_;
  std::vector<FramePayload> runs_;
  uint64_t bytes_ = 0;
};

struct ManifestReader {
  const std::string& name;
  TopicManifest manifest;
  bool has_header = false;
  uint64_t blocks = 0;

  Status Add(ByteView bytes) {
    format::ManifestRecord record;
    if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return Corrupt(name + ": a record does not parse");
    }
    if (!has_header) {
      if (!record.has_header()) return Corrupt(name + ": does not begin with its header");
      return AddHeader(record.header());
    }
    switch (record.record_case()) {
      case format::ManifestRecord::kHeader:
        return Corrupt(name + ": has two headers");
      case format::ManifestRecord::kPack:
        manifest.packs.push_back(record.pack());
        return Status::Ok();
      case format::ManifestRecord::kRun: {
        Status status = DecodeRun(record.run(), &manifest.entries);
        return status.ok() ? status : std::move(status).WithContext(name);
      }
      case format::ManifestRecord::RECORD_NOT_SET:
        break;
    }
    return Status(Code::kUnsupported, name + ": a record of an unknown kind")
        .WithHint("a newer maxbrod wrote this repository: use that version or a later one");
  }

  Status AddHeader(const format::ManifestHeader& header) {
    has_header = true;
    if (header.topic_id().size() != 16) return Corrupt(name + ": a topic id without 16 bytes");
    manifest.topic_id.id = Uuid::FromBytes(AsBytes(header.topic_id()).data());
    manifest.topic = header.topic();
    manifest.packs.assign(header.packs().begin(), header.packs().end());
    blocks = header.blocks();
    return Status::Ok();
  }

  Status Check() const {
    if (blocks != manifest.entries.size()) return Corrupt(name + ": blocks are missing");
    for (const format::PackRef& pack : manifest.packs) {
      auto id = PackIdOf(pack);
      if (!id.ok()) return id.status().WithContext(name);
      if (pack.index_offset() > pack.length())
        return Corrupt(name + ": impossible length of a pack");
    }
    for (const BlockEntry& e : manifest.entries) {
      if (e.owner.topic_id != manifest.topic_id || e.owner.topic != manifest.topic) {
        return Corrupt(name + ": a block of another topic");
      }
      if (e.pack >= manifest.packs.size()) return Corrupt(name + ": a block of no pack");
      if (!e.place.frame_checks.empty() || !e.place.frame_tags.empty()) {
        return Corrupt(name + ": frame checks in a manifest");
      }
      if (e.place.pack_offset + e.place.stored_bytes > manifest.packs[e.pack].index_offset()) {
        return Corrupt(name + ": a block lies beyond its pack");
      }
    }
    return Status::Ok();
  }
};

// What was decoded from a shard must be the entries that went into it.
Status CheckReadsBack(ByteView bytes, std::span<const BlockEntry* const> entries,
                      const std::vector<format::PackRef>& packs, const Keyring* keys) {
  auto refuse = [] {
    return Status(Code::kInternal, "a manifest does not read back as it was written")
        .WithHint("nothing was stored; suspect this machine's memory or a bug");
  };
  auto again = DecodeManifest("manifest", bytes, keys);
  if (!again.ok() || again->entries.size() != entries.size()) return refuse();
  for (size_t i = 0; i < entries.size(); ++i) {
    BlockEntry& got = again->entries[i];
    const BlockEntry& want = *entries[i];
    if (again->packs[got.pack].id() != packs[want.pack].id()) return refuse();
    if (got.owner != want.owner || got.stats != want.stats || got.commit != want.commit ||
        got.place.pack_offset != want.place.pack_offset ||
        got.place.stored_bytes != want.place.stored_bytes ||
        got.place.plain_bytes != want.place.plain_bytes ||
        got.place.first_frame != want.place.first_frame || got.place.frames != want.place.frames) {
      return refuse();
    }
  }
  return Status::Ok();
}

Result<std::vector<const BlockEntry*>> SortedEntries(TopicId topic_id, const std::string& topic,
                                                     size_t packs,
                                                     const std::vector<BlockEntry>& entries) {
  std::vector<const BlockEntry*> sorted;
  sorted.reserve(entries.size());
  for (const BlockEntry& e : entries) {
    if (e.owner.topic_id != topic_id || e.owner.topic != topic || e.pack >= packs) {
      return Status(Code::kInternal,
                    fmt::format("block of {}-{} at offset {} is not of topic {}", e.owner.topic,
                                e.owner.partition, e.stats.first_offset, topic));
    }
    sorted.push_back(&e);
  }
  std::sort(sorted.begin(), sorted.end(), [](const BlockEntry* a, const BlockEntry* b) {
    auto order = a->owner <=> b->owner;
    if (order != 0) return order < 0;
    return std::tie(a->stats.first_offset, a->commit, a->pack, a->place.pack_offset) <
           std::tie(b->stats.first_offset, b->commit, b->pack, b->place.pack_offset);
  });
  return sorted;
}

}  // namespace

Result<TopicManifest> DecodeManifest(const std::string& name, ByteView bytes, const Keyring* keys) {
  ManifestReader reader{name, {}, false, 0};
  MB_RETURN_IF_ERROR(ReadObject(
      ObjectType::kManifest, name, bytes, [&](ByteView record) { return reader.Add(record); },
      keys));
  MB_RETURN_IF_ERROR(reader.Check());
  return std::move(reader.manifest);
}

Result<TopicManifest> ReadManifest(store::Store& store, const format::ObjectRef& ref,
                                   const CallContext& context) {
  MB_ASSIGN_OR_RETURN(Bytes bytes, GetContentObject(store, kFolder, ref, context));
  return DecodeManifest(ContentName(kFolder, ref), bytes, KeysOf(store));
}

Result<std::vector<format::ObjectRef>> WriteManifests(
    store::Store& store, TopicId topic_id, const std::string& topic,
    const std::vector<format::ObjectRef>& keep, const std::vector<format::PackRef>& packs,
    const std::vector<BlockEntry>& entries, const CallContext& context, uint64_t shard_bytes) {
  MB_ASSIGN_OR_RETURN(auto sorted, SortedEntries(topic_id, topic, packs.size(), entries));
  std::vector<format::ObjectRef> refs = keep;
  const Keyring* keys = KeysOf(store);
  ShardBuilder shard(topic_id, topic, packs, keys);
  std::span<const BlockEntry* const> left = sorted;
  size_t in_shard = 0;
  auto close = [&]() -> Status {
    MB_ASSIGN_OR_RETURN(Bytes bytes, shard.Finish());
    MB_RETURN_IF_ERROR(CheckReadsBack(bytes, left.first(in_shard), packs, keys));
    MB_ASSIGN_OR_RETURN(format::ObjectRef ref, PutContentObject(store, kFolder, bytes, context));
    refs.push_back(std::move(ref));
    left = left.subspan(in_shard);
    in_shard = 0;
    return Status::Ok();
  };
  for (format::BlockRun& run : EncodeRuns(sorted, RunUse::kManifest)) {
    in_shard += static_cast<size_t>(run.first_offset_delta_size());
    MB_RETURN_IF_ERROR(shard.Add(std::move(run)));
    if (shard.bytes() >= shard_bytes) MB_RETURN_IF_ERROR(close());
  }
  if (!shard.empty()) MB_RETURN_IF_ERROR(close());
  return refs;
}

}  // namespace maxbrod::repo
