// Checkpoints: the whole state after one commit, so that opening a repository does not read its log
// from the start.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "repo/state.h"
#include "store/store.h"

namespace maxbrod::repo {

class Keyring;

// The stored bytes of a checkpoint of `state`. `previous` names the checkpoint before, or is empty.
Result<Bytes> EncodeCheckpoint(const State& state, const std::string& config_sha256,
                               const std::string& previous, const Keyring* keys = nullptr);
// Checks the name's hash and sequence against the bytes. kCorrupt, kUnsupported.
Result<State> DecodeCheckpoint(const std::string& name, ByteView stored,
                               const std::string& config_sha256, const Keyring* keys = nullptr);

struct CheckpointInfo {
  std::string name;
  Sequence sequence;
  int64_t modified_ms = 0;
};
// The newest `limit` checkpoints, newest first; by name only, none is read.
Result<std::vector<CheckpointInfo>> ListCheckpoints(store::Store& store, size_t limit,
                                                    const CallContext& context);
Result<State> ReadCheckpoint(store::Store& store, const CheckpointInfo& info,
                             const std::string& config_sha256, const CallContext& context);

// Two states are the same when these bytes are: the records of a checkpoint without its header's
// `previous`.
std::string CanonicalState(const State& state);

}  // namespace maxbrod::repo
