#include "engine/time_cut.h"

#include <algorithm>
#include <charconv>

#include "kafka/batch.h"
#include "kafka/record.h"
#include "repo/pack_reader.h"

namespace maxbrod::engine {
namespace {

class CutFinder {
 public:
  CutFinder(store::Store& store, int64_t start, int64_t end, int64_t time_ms,
            const BlockIsCold& cold)
      : store_(store), start_(start), end_(end), time_ms_(time_ms), cold_(cold) {
    cut_.offset = std::max(start, end);
    cut_.at_end = true;
  }

  Result<TimeCut> Run(const std::vector<repo::BlockUse>& blocks, const CallContext& context) {
    int64_t before = start_;  // end of the block before
    for (const repo::BlockUse& use : blocks) {
      // A compressed wrapper of the old formats is indexed by its last offset alone.
      bool old_magic = (use.entry.stats.flags & repo::kBlockOldMagic) != 0;
      int64_t from = old_magic ? before : std::max(use.use_from, start_);
      int64_t to = std::min(use.use_to, end_);
      if (from >= to) continue;
      before = to;
      if (use.entry.stats.max_timestamp <= time_ms_) {
        Keep(use.entry.stats.max_timestamp);
        continue;
      }
      MB_RETURN_IF_ERROR(context.Check());
      if (cold_ && cold_(use)) {
        Keep(time_ms_);
        cut_.bound = true;
        cut_.offset = to;
        cut_.at_end = false;
        break;
      }
      ByteView batches;
      MB_RETURN_IF_ERROR(
          repo::ReadBlock(store_, use.pack, use.entry, &storage_, &batches, context));
      MB_RETURN_IF_ERROR(ScanBlock(batches, from, to));
      if (!cut_.at_end) break;
    }
    return cut_;
  }

 private:
  void Keep(int64_t timestamp) {
    cut_.timestamp_of_last = std::max(cut_.timestamp_of_last, timestamp);
  }

  Status ScanBlock(ByteView batches, int64_t from, int64_t to) {
    kafka::BatchIterator it(batches);
    kafka::BatchEntry entry;
    // An old wrapper tells only where it ends: what begins at or behind `to` is known by the end of
    // the entry before.
    for (int64_t next = INT64_MIN; next < to && it.Next(&entry);) {
      const kafka::BatchHeader& h = entry.header;
      next = h.next_offset();
      if (next <= from || h.is_control() || h.record_count == 0) continue;
      if (h.max_timestamp <= time_ms_) {
        if (entry.old_magic || h.base_offset < to) Keep(h.max_timestamp);
        continue;
      }
      MB_RETURN_IF_ERROR(ScanBatch(entry.bytes, from, to));
      if (!cut_.at_end) return Status::Ok();
    }
    return it.status();
  }

  Status ScanBatch(ByteView batch, int64_t from, int64_t to) {
    MB_ASSIGN_OR_RETURN(auto it, kafka::RecordIterator::Open(batch, &decompressed_));
    kafka::RecordView record;
    while (it.Next(&record)) {
      if (record.offset < from) continue;
      if (record.offset >= to) break;
      if (record.timestamp > time_ms_) {
        cut_.offset = record.offset;
        cut_.at_end = false;
        return Status::Ok();
      }
      Keep(record.timestamp);
    }
    return it.status();
  }

  store::Store& store_;
  const int64_t start_, end_, time_ms_;
  const BlockIsCold& cold_;
  Bytes storage_, decompressed_;
  TimeCut cut_;
};

// A whole number that is not negative, nothing else.
template <typename Number>
bool ParseNumber(std::string_view text, Number* out) {
  if (text.empty() || text[0] < '0' || text[0] > '9') return false;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

Result<TimeCut> FindTimeCut(store::Store& store, const std::vector<repo::BlockUse>& blocks,
                            int64_t start, int64_t end, int64_t time_ms, const CallContext& context,
                            const BlockIsCold& cold) {
  return CutFinder(store, start, end, time_ms, cold).Run(blocks, context);
}

Result<OffsetCut> ParseToOffset(std::string_view text) {
  OffsetCut cut;
  size_t first = text.find(':');
  size_t second = first == std::string_view::npos ? first : text.find(':', first + 1);
  if (second == std::string_view::npos || first == 0 ||
      !ParseNumber(text.substr(first + 1, second - first - 1), &cut.partition) ||
      !ParseNumber(text.substr(second + 1), &cut.offset)) {
    return Status(Code::kInvalidArgument,
                  "'" + std::string(text) + "' is not a topic, a partition and an offset")
        .WithHint("write topic:partition:offset, e.g. orders:3:12345");
  }
  cut.topic = std::string(text.substr(0, first));
  return cut;
}

}  // namespace maxbrod::engine
