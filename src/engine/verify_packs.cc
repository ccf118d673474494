#include "engine/verify_packs.h"

#include <algorithm>
#include <span>

#include "repo/pack_format.h"
#include "repo/pack_writer.h"
#include "repo/vault.h"

namespace maxbrod::engine {
namespace {

const PackUse::Known* FindKnown(const PackUse& use, uint64_t pack_offset) {
  auto found = std::lower_bound(use.known.begin(), use.known.end(), PackUse::Known{pack_offset, 0});
  return found != use.known.end() && found->pack_offset == pack_offset ? &*found : nullptr;
}

Problem OfBlock(const std::string& object, const repo::BlockEntry& entry, std::string what) {
  return {object,
          entry.owner.topic,
          entry.owner.partition,
          entry.stats.first_offset,
          entry.stats.last_offset,
          std::move(what)};
}

bool ByPlace(const repo::BlockEntry* a, const repo::BlockEntry* b) {
  return a->place.pack_offset < b->place.pack_offset;
}

}  // namespace

bool IsDamage(const Status& status) {
  switch (status.code()) {
    case Code::kCorrupt:
    case Code::kNotFound:
    case Code::kIo:  // a bad sector
    case Code::kUnsupported:
      return true;
    default:
      return false;
  }
}

uint32_t PackUses::AddManifest(const format::ObjectRef& ref, bool* fresh) {
  auto [at, inserted] =
      manifest_numbers_.try_emplace(ref.sha256(), static_cast<uint32_t>(manifests_.size()));
  if (inserted) manifests_.push_back(ref);
  *fresh = inserted;
  return at->second;
}

Result<PackUse*> PackUses::Add(const format::PackRef& ref) {
  MB_ASSIGN_OR_RETURN(PackId id, repo::PackIdOf(ref));
  PackUse& use = packs_[id];
  if (use.ref.id().empty()) use.ref = ref;
  return &use;
}

void PackUses::Finish(ProblemList* problems) {
  for (auto& [id, use] : packs_) {
    std::sort(use.known.begin(), use.known.end());
    use.known.erase(std::unique(use.known.begin(), use.known.end()), use.known.end());
    auto same_place = [](const PackUse::Known& a, const PackUse::Known& b) {
      return a.pack_offset == b.pack_offset;
    };
    auto twice = std::adjacent_find(use.known.begin(), use.known.end(), same_place);
    if (twice == use.known.end()) continue;
    problems->Add({repo::PackName(use.ref), "", -1, -1, -1,
                   "manifests contradict each other about the block at byte " +
                       std::to_string(twice->pack_offset)});
  }
}

bool PackVerifier::Wanted(const PackUse& use, const repo::BlockEntry& entry) const {
  if (use.only_known && FindKnown(use, entry.place.pack_offset) == nullptr) return false;
  return sampler_.Takes(AsBytes(use.ref.id()), entry.place.pack_offset);
}

Status PackVerifier::OnBlock(const std::string& object, const repo::BlockEntry& entry,
                             ByteView batches) {
  std::vector<Problem> wrong = CheckBlock(object, entry, batches);
  for (Problem& problem : wrong) problems_.Add(std::move(problem));
  if (wrong.empty()) {
    ++totals_.blocks;
    totals_.batches += entry.stats.batches;
    totals_.records += entry.stats.records;
  }
  totals_.bytes += batches.size();
  progress_.Add(batches.size(), entry.stats.records);
  return Status::Ok();
}

Status PackVerifier::Verify(const PackUse& use, const CallContext& context) {
  MB_RETURN_IF_ERROR(context.Check());
  auto index = repo::ReadPackIndex(store_, use.ref, context);
  if (!index.ok()) {
    if (!IsDamage(index.status())) return index.status();
    return VerifyWithoutIndex(use, index.status(), context);
  }
  CheckKnown(use, *index);
  Entries chosen;
  for (const repo::BlockEntry& entry : *index) {
    if (Wanted(use, entry)) chosen.push_back(&entry);
  }
  MB_RETURN_IF_ERROR(CheckEnds(use, context));
  return ReadEach(use, chosen, context);
}

// The index is what was committed; the manifests were made from it.
void PackVerifier::CheckKnown(const PackUse& use, const std::vector<repo::BlockEntry>& index) {
  size_t found = 0;
  for (const repo::BlockEntry& entry : index) {
    const PackUse::Known* known = FindKnown(use, entry.place.pack_offset);
    if (known == nullptr) continue;
    ++found;
    if (known->digest == DigestOf(entry)) continue;
    problems_.Add(OfBlock(repo::PackName(use.ref), entry,
                          "a manifest says something else of the block than the index"));
  }
  if (found >= use.known.size()) return;
  problems_.Add({repo::PackName(use.ref), "", -1, -1, -1,
                 "manifests name " + std::to_string(use.known.size() - found) +
                     " blocks that its index does not have"});
}

// What belongs to no block: the header and the length.
Status PackVerifier::CheckEnds(const PackUse& use, const CallContext& context) {
  const std::string object = repo::PackName(use.ref);
  Bytes header(repo::kObjectHeaderBytes);
  Status status = store_.GetRange(object, 0, header, context);
  if (status.ok())
    status = repo::CheckObjectHeader(repo::ObjectType::kPack, object, header, repo::KeysOf(store_));
  if (status.ok()) {
    repo::Salt salt = repo::HeaderSalt(header);
    bool ours = AsText(salt).substr(0, use.ref.id().size()) == use.ref.id();
    if (!ours) status = Status(Code::kCorrupt, "the header is another pack's");
  }
  if (status.ok()) {
    auto info = store_.Stat(object, context);
    status = info.status();
    if (info.ok() && info->size != use.ref.length()) {
      status = Status(Code::kCorrupt, std::to_string(info->size) + " bytes long, committed were " +
                                          std::to_string(use.ref.length()));
    }
  }
  if (status.ok()) return Status::Ok();
  if (!IsDamage(status)) return status;
  problems_.Add({object, "", -1, -1, -1, status.message()});
  return Status::Ok();
}

Status PackVerifier::ReadEach(const PackUse& use, Entries sorted, const CallContext& context) {
  std::sort(sorted.begin(), sorted.end(), ByPlace);
  const std::string object = repo::PackName(use.ref);
  auto on_block = [&](const repo::BlockEntry& entry, ByteView batches) {
    return OnBlock(object, entry, batches);
  };
  size_t done = 0;
  while (done < sorted.size()) {
    Status status = repo::ReadBlocks(
        store_, use.ref, std::span(sorted).subspan(done),
        [&](const repo::BlockEntry& entry, ByteView batches) {
          ++done;
          return on_block(entry, batches);
        },
        context);
    if (status.ok()) return Status::Ok();
    if (!IsDamage(status)) return status;
    // The range that failed begins at this block, but another one in it may be the damaged one.
    const repo::BlockEntry* entry = sorted[done++];
    status = repo::ReadBlocks(store_, use.ref, {&entry, 1}, on_block, context);
    if (status.ok()) continue;
    if (!IsDamage(status)) return status;
    problems_.Add(OfBlock(object, *entry, status.message()));
  }
  return Status::Ok();
}

// Manifests say where the blocks are, too; without them the pack's content cannot even be named.
Status PackVerifier::VerifyWithoutIndex(const PackUse& use, const Status& why,
                                        const CallContext& context) {
  const std::string object = repo::PackName(use.ref);
  problems_.Add({object, "", -1, -1, -1, why.message()});
  std::set<uint64_t> seen;  // manifests written anew repeat the blocks of those before them
  for (uint32_t number : use.manifests) {
    auto manifest = repo::ReadManifest(store_, uses_.manifest(number), context);
    if (!manifest.ok()) continue;  // named when it was read first
    Entries entries;
    for (const repo::BlockEntry& entry : manifest->entries) {
      bool here = manifest->packs[entry.pack].id() == use.ref.id();
      if (!here || !Wanted(use, entry) || !seen.insert(entry.place.pack_offset).second) continue;
      entries.push_back(&entry);
    }
    if (why.code() == Code::kNotFound) {
      for (const repo::BlockEntry* entry : entries) {
        problems_.Add(OfBlock(object, *entry, "the pack is missing"));
      }
    } else {
      MB_RETURN_IF_ERROR(ReadEach(use, entries, context));
    }
  }
  return Status::Ok();
}

}  // namespace maxbrod::engine
