// Any bytes as a commit, a config, a checkpoint or a snapshot, and any records as ones whose checks
// are right; commits that decode are folded into a state.
#include <cstdlib>

#include "object_input.h"
#include "repo/checkpoint.h"
#include "repo/commit_codec.h"
#include "repo/snapshot_codec.h"
#include "repo/state.h"

using namespace maxbrod;  // NOLINT
using repo::ObjectType;

namespace {

void Fold(ByteView bytes) {
  auto commit = repo::DecodeCommit("fuzz", bytes);
  if (!commit.ok()) return;
  // A state that this commit claims to follow, so that its actions are reached.
  repo::State state;
  if (commit->header().sequence() > 0) state.sequence = Sequence(commit->header().sequence() - 1);
  state.commit_sha256 = commit->header().previous_sha256();
  state.gc_epoch = commit->header().gc_epoch();
  state.store_time_ms = commit->header().store_time_ms();
  if (!repo::ApplyCommit(commit->records, std::string(32, 'h'), &state).ok()) return;
  if (state.sequence.value() != commit->header().sequence()) std::abort();
  (void)repo::EncodeCheckpoint(state, std::string(32, 'c'), "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteView input(data, size);
  std::vector<Bytes> records = fuzz::SplitRecords(input);
  for (bool wrapped : {false, true}) {
    auto object = [&](ObjectType type) {
      return wrapped ? fuzz::Wrap(type, records) : Bytes(input.begin(), input.end());
    };
    Fold(object(ObjectType::kCommit));
    (void)repo::DecodeConfig("fuzz", object(ObjectType::kConfig));
    (void)repo::DecodeSnapshot("fuzz", object(ObjectType::kSnapshot));
    Bytes checkpoint = object(ObjectType::kCheckpoint);
    std::string name = repo::CheckpointName(Sequence(1), repo::Sha256String(checkpoint));
    (void)repo::DecodeCheckpoint(name, checkpoint, std::string(32, 'c'));
  }
  return 0;
}
