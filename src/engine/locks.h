// Object Lock of what a repository needs: who is kept from removing it, until when, and the
// renewal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/progress.h"
#include "os/deadline.h"
#include "repo/repository.h"
#include "store/object_control.h"

namespace maxbrod::engine {

struct LockOptions {
  store::LockPolicy policy;  // mode and period R
  // Give R anew to what has less than R/2 left, a weaker mode, or no lock; else only look.
  bool extend = false;
  size_t threads = 8;  // requests at once
};

// By folder ("pack", "log", ...; "config" has its copy with it).
struct LockedKind {
  std::string kind;
  uint64_t objects = 0, bytes = 0;
  uint64_t unlocked = 0;     // no lock, or one that has run out
  uint64_t ending = 0;       // less than half the period is left
  int64_t first_end_ms = 0;  // of those that are locked; 0: none is
};

struct LocksReport {
  std::vector<LockedKind> kinds;
  uint64_t objects = 0, bytes = 0;                // that the repository's state needs
  uint64_t unlocked = 0, ending = 0, weaker = 0;  // weaker: governance where compliance is wanted
  uint64_t to_extend = 0, to_extend_bytes = 0;
  uint64_t extended = 0;             // in this run
  std::vector<std::string> missing;  // the state needs them, and they are not there
  uint64_t list_requests = 0, head_requests = 0, retention_requests = 0;
  double dollars = 0;  // of these requests, with those that an extension would take; list price
};

// Looks at every object that the state needs: snapshots, manifests, packs, offset maps, the log
// from its floor on with the checkpoints that cover it, config, key slots. One HEAD for each, and
// one PUT for each extension. kUnsupported where the store has no locks; the first object that
// cannot be extended ends it (what was extended stays so). Safe to stop and to run again.
Result<LocksReport> RunLocks(repo::Repository& repository, const LockOptions& options,
                             Progress& progress, const CallContext& context);

}  // namespace maxbrod::engine
