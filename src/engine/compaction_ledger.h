// On a compacted topic two readers may see different records and both be right: what counts is that
// the later one of a key is on both sides. The ledger remembers what one side lacked until a later
// record of its key makes up for it.
#pragma once

#include <atomic>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "kafka/record.h"

namespace maxbrod::engine {

// Not thread-safe, except for the budget, which many ledgers share.
class CompactionLedger {
 public:
  // Keys that all ledgers of a verification may remember (about 64 bytes each).
  static constexpr int64_t kKeysMax = 2'000'000;

  explicit CompactionLedger(std::atomic<int64_t>* budget) : budget_(*budget) {}
  ~CompactionLedger() { budget_ += static_cast<int64_t>(missing_.size() + extra_.size()); }
  CompactionLedger(const CompactionLedger&) = delete;
  CompactionLedger& operator=(const CompactionLedger&) = delete;

  // A record of the snapshot that the cluster lacks, and the reverse. In ascending order of
  // offsets.
  void Missing(const kafka::RecordView& record);
  void Extra(const kafka::RecordView& record);
  // A record that both have.
  void Seen(const kafka::RecordView& record);
  // A record of the cluster's beyond the snapshot's end.
  void SeenBeyond(const kafka::RecordView& record);
  // Whether Seen can still change anything.
  bool waiting() const { return !missing_.empty() || !extra_.empty(); }

  // What no later record made up for, ascending.
  std::vector<int64_t> MissingForGood() const { return Offsets(missing_); }
  std::vector<int64_t> ExtraForGood() const { return Offsets(extra_); }
  uint64_t superseded() const { return superseded_; }
  // Tombstones, which the cleaner drops in time, and what there was no room to remember.
  uint64_t not_followed() const { return not_followed_; }

 private:
  using Keys =
      std::unordered_map<uint64_t, int64_t>;  // hash of the key -> offset of its latest record
  static std::vector<int64_t> Offsets(const Keys& keys);
  void Remember(const kafka::RecordView& record, Keys* keys);
  void Settle(uint64_t hash, Keys* keys);

  std::atomic<int64_t>& budget_;
  Keys missing_, extra_;
  uint64_t superseded_ = 0;
  uint64_t not_followed_ = 0;
};

}  // namespace maxbrod::engine
