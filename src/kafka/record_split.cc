#include "kafka/record_split.h"

#include <algorithm>
#include <optional>
#include <string>

namespace maxbrod::kafka {
namespace {

// Takes records in their order and puts them into batches.
class Splitter {
 public:
  Splitter(const SplitOptions& options, CompressionType codec, std::vector<SplitBatch>* out)
      : options_(options), codec_(codec), out_(out) {}

  // Up to where holes are filled before the first record.
  void StartAt(int64_t offset) { next_ = offset; }

  Status Add(const RecordView& record) {
    if (!next_) next_ = record.offset;
    // Fillers before the first record take its own timestamp.
    if (!builder_) timestamp_ = record.timestamp;
    MB_RETURN_IF_ERROR(CrossHole(record.offset));
    Open(record.offset);
    builder_->AddCopy(record, record.offset, record.timestamp);
    ++records_;
    timestamp_ = record.timestamp;
    next_ = record.offset + 1;
    return Status::Ok();
  }

  // The last batch; holes up to `end` (not included) are filled.
  Status Finish(int64_t end) {
    if (builder_ && end > *next_) MB_RETURN_IF_ERROR(CrossHole(end));
    return Close();
  }

 private:
  // Offsets from next_ up to `end`: filled, or the batch ends here.
  Status CrossHole(int64_t end) {
    uint64_t width = static_cast<uint64_t>(end) - static_cast<uint64_t>(*next_);
    if (width == 0) return Status::Ok();
    if (!options_.fill_holes || width > options_.fillers_max - fillers_) return Close();
    fillers_ += width;
    Open(*next_);
    for (; *next_ < end; ++*next_) builder_->AddAt(*next_, timestamp_, std::nullopt, std::nullopt);
    return Status::Ok();
  }

  void Open(int64_t offset) {
    if (builder_) return;
    BatchSpec spec;
    spec.codec = codec_;
    spec.level = options_.level;
    spec.base_offset = offset;
    base_ = offset;
    builder_.emplace(spec);
  }

  Status Close() {
    if (!builder_) return Status::Ok();
    MB_ASSIGN_OR_RETURN(Bytes bytes, builder_->Build());
    out_->push_back({base_, *next_, records_, std::move(bytes)});
    builder_.reset();
    records_ = 0;
    return Status::Ok();
  }

  const SplitOptions& options_;
  const CompressionType codec_;
  std::vector<SplitBatch>* const out_;
  std::optional<RecordBatchBuilder> builder_;
  std::optional<int64_t> next_;  // the first offset that was not dealt with
  int64_t base_ = 0;             // of the batch being built
  int64_t timestamp_ = -1;       // for fillers
  uint64_t records_ = 0;         // in the batch being built
  uint64_t fillers_ = 0;         // in all
};

Status Split(RecordIterator it, const SplitOptions& options, std::vector<SplitBatch>* out) {
  const BatchHeader& h = it.header();
  bool v2 = h.magic == kMagicV2;
  if (v2 && h.is_control()) {
    return Status(Code::kInvalidArgument, "record batch at offset " +
                                              std::to_string(h.base_offset) +
                                              ": a control batch is no producer's to write");
  }
  MB_ASSIGN_OR_RETURN(CompressionType codec, CompressionTypeFromId(h.codec_id()));
  Splitter splitter(options, codec, out);
  if (v2) splitter.StartAt(std::max(h.base_offset, options.first_offset));
  int64_t end = v2 ? std::min(h.last_offset(), options.last_offset) + 1 : 0;
  RecordView record;
  while (it.Next(&record)) {
    if (record.offset < options.first_offset || record.offset > options.last_offset) continue;
    // Only the old formats can say that; their checks let any offset pass.
    if (record.offset < 0 || record.offset == std::numeric_limits<int64_t>::max()) {
      return Status(Code::kCorrupt,
                    "message at impossible offset " + std::to_string(record.offset));
    }
    MB_RETURN_IF_ERROR(splitter.Add(record));
  }
  MB_RETURN_IF_ERROR(it.status());
  return splitter.Finish(end);
}

}  // namespace

Status SplitEntry(ByteView entry, const SplitOptions& options, std::vector<SplitBatch>* out) {
  out->clear();
  Bytes buffer;
  MB_ASSIGN_OR_RETURN(RecordIterator it,
                      RecordIterator::Open(entry, &buffer, options.decompressed_max));
  Status status = Split(std::move(it), options, out);
  if (!status.ok()) out->clear();
  return status;
}

}  // namespace maxbrod::kafka
