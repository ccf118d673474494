// Any bytes as a pack: its index, its blocks, its repair. The input is taken as the whole pack, as
// what follows a good header, and as the records of an index whose checks are right.
#include <cstdlib>

#include "codec/hash.h"
#include "object_input.h"
#include "repo/pack_format.h"
#include "repo/pack_reader.h"
#include "repo/pack_writer.h"
#include "store/mem_store.h"

using namespace maxbrod;  // NOLINT

namespace {

const PackId kId{Uuid::FromBytes(fuzz::FixedSalt().data())};

void ReadAll(const Bytes& pack) {
  store::MemStore store;
  if (!store.PutIfAbsent(repo::PackName(kId, false), pack, {}).ok()) std::abort();
  std::vector<repo::PackDamage> damage;
  auto block = [](const repo::BlockEntry& e, ByteView batches) {
    if (batches.size() != e.place.plain_bytes) std::abort();
    return Status::Ok();
  };
  (void)repo::SalvagePack(store, kId, false, block, &damage, {});
  auto ref = repo::RecoverPackRef(store, kId, false, {});
  if (!ref.ok()) return;
  if (!repo::ReadPackIndex(store, *ref, {}).ok()) std::abort();
  (void)repo::ScanPack(store, *ref, block, &damage, {});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteView input(data, size);
  ReadAll(Bytes(input.begin(), input.end()));

  Bytes pack(repo::kObjectHeaderBytes);
  repo::EncodeObjectHeader(repo::ObjectType::kPack, fuzz::FixedSalt(), pack.data());
  Bytes behind_header = pack;
  Append(behind_header, input);
  ReadAll(behind_header);

  // Data of the first record's length (it need not be frames), then an index of the other records.
  std::vector<Bytes> records = fuzz::SplitRecords(input);
  if (records.size() < 2) return 0;
  Append(pack, records[0]);
  repo::FrameChecker checker(kId.id.view());
  uint32_t first = records[0].empty() ? 0 : records[0][0];
  repo::PackTrailer trailer{pack.size(), first, static_cast<uint32_t>(records.size() - 1)};
  for (size_t i = 1; i < records.size(); ++i) {
    repo::AppendFrame(checker, first + static_cast<uint32_t>(i) - 1, repo::FrameKind::kRecord,
                      i + 1 == records.size() ? repo::kFrameLastOfObject : 0,
                      repo::EncodePayload(records[i]), &pack);
  }
  pack.resize(pack.size() + repo::kPackTrailerBytes);
  trailer.Encode(kId, pack.data() + pack.size() - repo::kPackTrailerBytes);
  ReadAll(pack);
  return 0;
}
