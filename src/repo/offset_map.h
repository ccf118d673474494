// Where the records of one partition went in a restore that could not keep their offsets.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/status.h"

namespace maxbrod::repo {

// The records at source offsets [source_first, source_first + count) lie, one by one and in order,
// at [target_first, target_first + count) of the target.
struct OffsetRange {
  int64_t source_first = 0;
  int64_t target_first = 0;
  int64_t count = 0;
  int64_t source_end() const { return source_first + count; }
  int64_t target_end() const { return target_first + count; }
  bool operator==(const OffsetRange&) const = default;
};

// Ranges ascending in both offsets; what touches on both sides is one range. Offsets of the source
// that are in no range hold no record that was restored (compaction, markers, aborted data, gaps);
// offsets of the target in no range hold somebody else's records. Takes 24 bytes a range. A value;
// not thread-safe for writing.
class OffsetMap {
 public:
  OffsetMap() = default;
  // What is restored of the source, [source_start, source_end), and where on the target it may
  // begin.
  OffsetMap(int64_t source_start, int64_t source_end, int64_t target_start)
      : source_start_(source_start), source_end_(source_end), target_start_(target_start) {}

  // `count` more records. kInternal when they are not behind those added before or not inside what
  // is restored; kOffsetMismatch when the target's offset lies before the end of what it has.
  Status Add(int64_t source, int64_t target, int64_t count);

  // For a group's committed offset, which names the next record to read: the target offset of the
  // first mapped record at or after it; end() when there is none.
  int64_t Translate(int64_t source_offset) const;
  // The offset of exactly this record on the other side; none when it is in no range.
  std::optional<int64_t> TargetOf(int64_t source_offset) const;
  std::optional<int64_t> SourceOf(int64_t target_offset) const;

  int64_t source_start() const { return source_start_; }
  int64_t source_end() const { return source_end_; }
  int64_t target_start() const { return target_start_; }
  // The target's offset after the last mapped record; target_start() when nothing is mapped.
  int64_t end() const { return ranges_.empty() ? target_start_ : ranges_.back().target_end(); }
  // The source's offset after the last mapped record; source_start() when nothing is mapped.
  int64_t mapped_source_end() const {
    return ranges_.empty() ? source_start_ : ranges_.back().source_end();
  }
  int64_t records() const { return records_; }
  const std::vector<OffsetRange>& ranges() const { return ranges_; }
  bool empty() const { return ranges_.empty(); }
  size_t memory_bytes() const { return ranges_.capacity() * sizeof(OffsetRange); }
  // Gives back what growing took in advance.
  void ShrinkToFit() { ranges_.shrink_to_fit(); }

  bool operator==(const OffsetMap&) const = default;

 private:
  int64_t source_start_ = 0;
  int64_t source_end_ = 0;
  int64_t target_start_ = 0;
  int64_t records_ = 0;
  std::vector<OffsetRange> ranges_;
};

}  // namespace maxbrod::repo
