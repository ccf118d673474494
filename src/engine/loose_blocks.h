// Blocks of packs that no manifest holds yet (an interrupted backup's, a stream's), as manifests in
// memory: a reader's view of what the next fold would store.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "engine/thaw_gate.h"
#include "repo/repository.h"

namespace maxbrod::engine {

// Of one state. Not thread-safe; what it is given must outlive it.
class LooseBlocks {
 public:
  LooseBlocks(repo::Repository& repository, const repo::State& state, const ColdReading& reading)
      : repository_(repository), state_(state), reading_(reading) {}

  // A reference under which the repository's index cache has the topic's loose blocks; none when it
  // has no such blocks. The first call reads the indexes of all loose packs, thawed if need be
  // (OpenLoosePacks); kNotFound when one is gone.
  Result<std::optional<format::ObjectRef>> Of(const repo::TopicKey& topic,
                                              const CallContext& context);

 private:
  Status Load(const CallContext& context);

  repo::Repository& repository_;
  const repo::State& state_;
  const ColdReading& reading_;
  bool loaded_ = false;
  std::map<repo::TopicKey, repo::TopicManifest> topics_;
};

}  // namespace maxbrod::engine
