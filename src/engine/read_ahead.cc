#include "engine/read_ahead.h"

#include "repo/pack_writer.h"
#include "repo/vault.h"

namespace maxbrod::engine {

ReadAhead::ReadAhead(store::Store& store, uint64_t memory, Clock& clock)
    : store_(std::shared_ptr<void>(), &store) {  // not ours to destroy
  if (memory == 0) return;
  store::ReadAheadOptions options;
  options.memory = memory;
  options.clock = &clock;
  ahead_ = std::make_shared<store::ReadAheadStore>(store_, options);
  store_ = repo::WithKeysOf(store, ahead_);
}

void ReadAhead::Expect(const std::vector<repo::BlockUse>& blocks, int64_t from) {
  if (ahead_ == nullptr) return;
  std::vector<store::ExpectedRead> reads;
  for (const repo::BlockUse& use : blocks) {
    if (use.use_to <= from || use.entry.place.stored_bytes == 0) continue;
    reads.push_back(
        {repo::PackName(use.pack), use.entry.place.pack_offset, use.entry.place.stored_bytes});
  }
  ahead_->Expect(reads);
}

void ReadAhead::Start() {
  if (ahead_ != nullptr) ahead_->Start();
}

}  // namespace maxbrod::engine
