#include "engine/thaw_gate.h"

#include "repo/pack_writer.h"

namespace maxbrod::engine {
namespace {

// What reading is taken to be, of packs in S3.
constexpr double kBytesPerSecond = 100e6;

}  // namespace

Status ThawGate::Open(const std::vector<PackToRead>& packs, const std::string& reader,
                      const CallContext& context) {
  double seconds = 0;
  for (const PackToRead& pack : packs) seconds += static_cast<double>(pack.bytes) / kBytesPerSecond;
  for (;;) {
    MB_RETURN_IF_ERROR(cold_.Look(packs, context));
    need_.packs = packs.size();
    need_.archived = cold_.ArchivedOf(packs);
    if (need_.cold() == 0 || policy_.skip) break;
    if (!policy_.thaw.tier) return ColdRefusal(need_, seconds, reader);
    MB_RETURN_IF_ERROR(thaw_.MakeReadable(need_.archived, seconds, context));
  }
  if (need_.archived.empty() || policy_.skip || !policy_.thaw.tier) return Status::Ok();
  MB_RETURN_IF_ERROR(thaw_.Request(need_.archived, seconds, context));
  keeper_ = std::make_unique<ThawKeeper>(thaw_, clock_, progress_);
  return Status::Ok();
}

Status ReadLooseIndexes(repo::Repository& repository, const ThawOptions& thaw, Clock& clock,
                        Progress& progress, const CallContext& context) {
  if (repository.store().control() == nullptr) return Status::Ok();
  auto state = repository.state();
  std::vector<PackToRead> packs;
  for (const format::LoosePack& loose : state->loose_packs) {
    if (!loose.pack().small())
      packs.push_back({repo::PackName(loose.pack()), loose.pack().length()});
  }
  if (packs.empty()) return Status::Ok();
  ThawGate gate(repository.store(), {thaw, false}, clock, progress);
  Status open = gate.Open(packs, "the backup, of what an interrupted one left,", context);
  if (!open.ok()) return open;
  for (const format::LoosePack& loose : state->loose_packs) {
    MB_RETURN_IF_ERROR(
        repository.index_cache().PackEntries(repository.store(), loose.pack(), context).status());
  }
  return Status::Ok();
}

}  // namespace maxbrod::engine
