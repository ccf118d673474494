#include "engine/verify_block.h"

#include <algorithm>

#include "engine/batch_scan.h"
#include "kafka/batch.h"

namespace maxbrod::engine {
namespace {

Problem ProblemOf(const std::string& object, const repo::BlockEntry& entry, int64_t first,
                  int64_t last, std::string what) {
  return {object, entry.owner.topic, entry.owner.partition, first, last, std::move(what)};
}

// Names each batch whose checksum is wrong, where the scan stopped at the first.
void NameBadBatches(const std::string& object, const repo::BlockEntry& entry, ByteView batches,
                    std::vector<Problem>* problems) {
  kafka::BatchIterator it(batches);
  kafka::BatchEntry batch;
  while (it.Next(&batch)) {
    Status crc = kafka::CheckBatchCrc(batch.bytes);
    if (crc.ok()) continue;
    problems->push_back(ProblemOf(object, entry, batch.header.base_offset,
                                  batch.header.last_offset(), crc.message()));
  }
  if (it.status().ok()) return;
  problems->push_back(ProblemOf(object, entry, entry.stats.first_offset, entry.stats.last_offset,
                                it.status().message()));
}

template <typename T>
void Compare(const char* name, T stored, T found, std::string* text) {
  if (stored == found) return;
  *text += (text->empty() ? "" : ", ") + std::string(name) + " " + std::to_string(stored) +
           " (the batches say " + std::to_string(found) + ")";
}

// What the index says wrongly, or nothing. Aborted transactions come from the broker's index of
// them, which the batches alone do not tell.
std::string WrongStats(const repo::BlockStats& stored, const repo::BlockStats& found) {
  std::string text;
  Compare("first offset", stored.first_offset, found.first_offset, &text);
  Compare("last offset", stored.last_offset, found.last_offset, &text);
  Compare("first epoch", stored.first_epoch, found.first_epoch, &text);
  Compare("last epoch", stored.last_epoch, found.last_epoch, &text);
  Compare("batches", stored.batches, found.batches, &text);
  Compare("records", stored.records, found.records, &text);
  Compare("holes inside batches", stored.holes_inside, found.holes_inside, &text);
  Compare("holes between batches", stored.holes_between, found.holes_between, &text);
  Compare("markers", stored.markers, found.markers, &text);
  Compare("earliest timestamp", stored.min_timestamp, found.min_timestamp, &text);
  Compare("latest timestamp", stored.max_timestamp, found.max_timestamp, &text);
  Compare("flags", stored.flags, found.flags, &text);
  Compare("largest batch", stored.largest_batch, found.largest_batch, &text);
  Compare("codecs", stored.codecs, found.codecs, &text);
  return text;
}

// Aborted transactions must lie where the block does.
bool AbortedFit(const repo::BlockStats& stats) {
  return std::all_of(
      stats.aborted.begin(), stats.aborted.end(), [&](const repo::AbortedTransaction& a) {
        bool ends_here = a.last_offset < 0 || (a.last_offset >= stats.first_offset &&
                                               a.last_offset <= stats.last_offset);
        return a.first_offset >= 0 && a.first_offset <= stats.last_offset && ends_here;
      });
}

}  // namespace

std::vector<Problem> CheckBlock(const std::string& object, const repo::BlockEntry& entry,
                                ByteView batches) {
  std::vector<Problem> problems;
  ScanCursor cursor;
  cursor.next_offset = std::max<int64_t>(
      entry.stats.first_offset - static_cast<int64_t>(entry.stats.missing_before), 0);
  cursor.end_offset = INT64_MAX;
  repo::BlockStats found;
  size_t scanned = 0;
  bool one_run = true;
  Status status = ScanBatches(batches, SIZE_MAX, &cursor, [&](const BatchRun& run) {
    one_run = scanned == 0;
    scanned += run.bytes.size();
    found = run.stats;
    return Status::Ok();
  });
  auto whole = [&](std::string what) {
    problems.push_back(ProblemOf(object, entry, entry.stats.first_offset, entry.stats.last_offset,
                                 std::move(what)));
  };
  if (!status.ok()) {
    NameBadBatches(object, entry, batches, &problems);
    if (problems.empty()) whole(status.message());
  } else if (!one_run || scanned != batches.size()) {
    whole("the block does not hold whole batches one after the other");
  } else {
    std::string wrong = WrongStats(entry.stats, found);
    if (!wrong.empty()) whole("the index says " + wrong);
    if (!AbortedFit(entry.stats))
      whole("the index names aborted transactions outside of the block");
  }
  return problems;
}

uint64_t DigestOf(const repo::BlockEntry& entry) {
  const repo::BlockStats& s = entry.stats;
  uint64_t h = Mix(0, entry.owner.topic_id.id.view());
  h = Mix(h, AsBytes(entry.owner.topic));
  auto add = [&h](auto value) { h = Mix(h, static_cast<uint64_t>(value)); };
  add(entry.owner.partition);
  add(entry.owner.branch);
  add(entry.owner.generation.value());
  for (int64_t v : {s.first_offset, s.last_offset, s.min_timestamp, s.max_timestamp}) add(v);
  add(s.first_epoch);
  add(s.last_epoch);
  for (uint64_t v : {s.records, s.holes_inside, s.holes_between, s.missing_before}) add(v);
  for (uint32_t v : {s.batches, s.markers, s.flags, s.largest_batch, s.codecs}) add(v);
  for (const repo::AbortedTransaction& a : s.aborted) {
    for (int64_t v : {a.producer_id, a.first_offset, a.last_offset}) add(v);
  }
  for (uint64_t v : {entry.place.pack_offset, entry.place.stored_bytes, entry.place.plain_bytes})
    add(v);
  add(entry.place.first_frame);
  add(entry.place.frames);
  return h;
}

}  // namespace maxbrod::engine
