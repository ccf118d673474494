// Restores a snapshot into a cluster at the same offsets.
//
// Order: plan -> thaw -> record -> create topics -> record their ids -> pad below the log starts,
// first batches -> DeleteRecords
// -> data -> the real configs -> groups -> log starts safe on the brokers' disks -> record that it
// is done. Killed anywhere, the same call goes on: only into the topic ids in its record, from the
// end offsets the logs show.
#pragma once

#include <string>
#include <vector>

#include "base/limits.h"
#include "engine/produce_pool.h"
#include "engine/progress.h"
#include "engine/restore_plan.h"

namespace maxbrod::engine {

struct RestoreOptions {
  RestoreSelection selection;
  size_t memory = 512 * kMiB;  // without what is read ahead
  size_t read_ahead = 0;       // bytes of packs held before they are needed (read_ahead.h)
  size_t connections_per_broker = 2;
  Millis quiet{1'500};
  Millis stall_limit{180'000};
  Millis cleaner_limit{300'000};  // without any replica's head cleaned
  Millis group_retention{int64_t{90} * 24 * 3600 * 1000};
  bool dry_run = false;
  // Measures the target before planning what has much to pad: it makes and deletes a topic. Without
  // it guesses are used.
  bool calibrate = true;
  ThawOptions thaw;  // of packs in cold storage
  PaceOptions pace;
  Clock* clock = &Clock::System();
};

struct RestoreReport {
  RestorePlan plan;
  std::string restore_id;     // hex
  bool already_done = false;  // an earlier run had finished: nothing was touched
  bool resumed = false;
  ProduceTotals produced;
  PaceReport pace;
  size_t groups_restored = 0;
  std::optional<MetadataReport> metadata;  // of plan.metadata
  // Committed offsets of unused groups live at least until then; 0: the target decides.
  int64_t groups_expire_ms = 0;
  std::vector<std::string> redone;  // topics deleted and restored again after a mismatch
  std::vector<std::string> warnings;
  double seconds = 0;
  double cleaner_seconds = 0;    // waiting for the brokers' cleaner, and reading back
  double log_start_seconds = 0;  // waiting until log starts are on the brokers' disks
};

// What is read of cold storage is thawed first, if options.thaw allows it: kIncomplete when that
// was asked for and nobody waits. Where readable copies end in mid-restore, it thaws them again and
// goes on (with options.thaw.wait), or ends with kUnavailable, and the same call goes on.
Result<RestoreReport> RunRestore(repo::Repository& repository, const format::SnapshotRef& snapshot,
                                 kafka::Cluster& target, const RestoreOptions& options,
                                 Progress& progress, const CallContext& context);

}  // namespace maxbrod::engine
