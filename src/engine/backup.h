// Takes a snapshot of a cluster into a repository.
//
// Order: capture (groups, then the cut) -> packs -> manifests -> snapshot -> commit; packs already
// stored are committed every so often, so that a backup that was cut short loses little. Safe to
// run twice at once.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/limits.h"
#include "engine/fetch_pool.h"
#include "engine/progress.h"
#include "kafka/cluster.h"
#include "registry/registry.h"
#include "repo/repository.h"

namespace maxbrod::engine {

struct BackupOptions {
  std::vector<std::string> topics, exclude;  // patterns (selection.h)
  std::string name;                          // empty: made from the time
  std::string description;
  std::vector<std::string> tags;
  PaceOptions pace;
  size_t memory = 512 * kMiB;  // without the packs held
  size_t pack_bytes = 128 * kMiB;
  // Where the store holds packs in memory until they are whole: so many at once, some being filled
  // and some on their way. 0: it does not, every worker fills one of its own.
  size_t held_packs = 0;
  size_t connections_per_broker = 4;
  int zstd_level = 0;
  Millis commit_interval{60'000};
  Millis stall_limit{120'000};
  Millis hanging_after{20 * 60 * 1000};
  std::string program;
  std::shared_ptr<registry::Registry> registry;  // a Schema Registry to read as well; null: none
  Clock* clock = &Clock::System();
};

struct BackupReport {
  format::SnapshotRef snapshot;
  repo::Receipt receipt;
  FetchTotals fetch;
  PaceReport pace;
  double seconds = 0;
  std::vector<std::string> warnings;
  std::vector<std::string> topics_left_out;  // vanished or not readable
  uint64_t hanging_transactions = 0;
  // True when nothing was left out and no transaction hangs.
  bool complete() const { return topics_left_out.empty() && hanging_transactions == 0; }
};

Result<BackupReport> RunBackup(kafka::Cluster& cluster, repo::Repository& repository,
                               const BackupOptions& options, Progress& progress,
                               const CallContext& context);

}  // namespace maxbrod::engine
