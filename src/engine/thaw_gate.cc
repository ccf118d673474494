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

Status OpenLoosePacks(store::Store& store, const std::vector<format::LoosePack>& packs,
                      const ColdReading& reading, const CallContext& context) {
  if (store.control() == nullptr) return Status::Ok();
  std::vector<PackToRead> large;
  for (const format::LoosePack& loose : packs) {
    if (!loose.pack().small())
      large.push_back({repo::PackName(loose.pack()), loose.pack().length()});
  }
  if (large.empty()) return Status::Ok();
  return ThawGate(store, {reading.thaw, false}, reading.clock, reading.progress)
      .Open(large, reading.reader, context);
}

Status ReadLooseIndexes(repo::Repository& repository, const ColdReading& reading,
                        const CallContext& context) {
  if (repository.store().control() == nullptr) return Status::Ok();
  const auto state = repository.state();
  MB_RETURN_IF_ERROR(OpenLoosePacks(repository.store(), state->loose_packs, reading, context));
  for (const format::LoosePack& loose : state->loose_packs) {
    MB_RETURN_IF_ERROR(
        repository.index_cache().PackEntries(repository.store(), loose.pack(), context).status());
  }
  return Status::Ok();
}

}  // namespace maxbrod::engine
