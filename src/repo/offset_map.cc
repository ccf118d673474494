#include "repo/offset_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace maxbrod::repo {

Status OffsetMap::Add(int64_t source, int64_t target, int64_t count) {
  if (count <= 0 || source < mapped_source_end() || source > source_end_ ||
      count > source_end_ - source) {
    return Status(Code::kInternal,
                  fmt::format("{} records at source offset {} do not follow on {} or lie beyond {}",
                              count, source, mapped_source_end(), source_end_));
  }
  if (target < end() || target > std::numeric_limits<int64_t>::max() - count) {
    return Status(Code::kOffsetMismatch,
                  fmt::format("source offset {} came to target offset {}, behind {} already there",
                              source, target, end()));
  }
  records_ += count;
  if (!ranges_.empty() && ranges_.back().source_end() == source &&
      ranges_.back().target_end() == target) {
    ranges_.back().count += count;
  } else {
    ranges_.push_back(OffsetRange{source, target, count});
  }
  return Status::Ok();
}

int64_t OffsetMap::Translate(int64_t source_offset) const {
  auto it = std::partition_point(ranges_.begin(), ranges_.end(), [&](const OffsetRange& range) {
    return range.source_end() <= source_offset;
  });
  if (it == ranges_.end()) return end();
  return it->target_first + std::max<int64_t>(0, source_offset - it->source_first);
}

std::optional<int64_t> OffsetMap::TargetOf(int64_t source_offset) const {
  auto it = std::partition_point(ranges_.begin(), ranges_.end(), [&](const OffsetRange& range) {
    return range.source_end() <= source_offset;
  });
  if (it == ranges_.end() || it->source_first > source_offset) return std::nullopt;
  return it->target_first + (source_offset - it->source_first);
}

std::optional<int64_t> OffsetMap::SourceOf(int64_t target_offset) const {
  auto it = std::partition_point(ranges_.begin(), ranges_.end(), [&](const OffsetRange& range) {
    return range.target_end() <= target_offset;
  });
  if (it == ranges_.end() || it->target_first > target_offset) return std::nullopt;
  return it->source_first + (target_offset - it->target_first);
}

}  // namespace maxbrod::repo
