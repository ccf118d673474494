#include "engine/compaction_ledger.h"

#include <algorithm>

#include "engine/verify.h"

namespace maxbrod::engine {

void CompactionLedger::Settle(uint64_t hash, Keys* keys) {
  if (keys->erase(hash) == 0) return;
  ++superseded_;
  ++budget_;
}

void CompactionLedger::Remember(const kafka::RecordView& record, Keys* keys) {
  // The cleaner drops records without a key at once, tombstones after delete.retention.ms.
  if (!record.key || !record.value) {
    ++not_followed_;
    return;
  }
  uint64_t hash = Mix(0, *record.key);
  auto known = keys->find(hash);
  if (known != keys->end()) {
    known->second = record.offset;
    ++superseded_;
    return;
  }
  if (--budget_ < 0) {
    ++budget_;
    ++not_followed_;
    return;
  }
  keys->emplace(hash, record.offset);
}

void CompactionLedger::Missing(const kafka::RecordView& record) {
  if (record.key) Settle(Mix(0, *record.key), &extra_);
  Remember(record, &missing_);
}

void CompactionLedger::Extra(const kafka::RecordView& record) {
  if (record.key) Settle(Mix(0, *record.key), &missing_);
  Remember(record, &extra_);
}

void CompactionLedger::Seen(const kafka::RecordView& record) {
  if (!record.key || !waiting()) return;
  uint64_t hash = Mix(0, *record.key);
  Settle(hash, &missing_);
  Settle(hash, &extra_);
}

void CompactionLedger::SeenBeyond(const kafka::RecordView& record) {
  if (record.key && !missing_.empty()) Settle(Mix(0, *record.key), &missing_);
}

std::vector<int64_t> CompactionLedger::Offsets(const Keys& keys) {
  std::vector<int64_t> offsets;
  for (const auto& [hash, offset] : keys) offsets.push_back(offset);
  std::sort(offsets.begin(), offsets.end());
  return offsets;
}

}  // namespace maxbrod::engine
