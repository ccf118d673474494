// RepackBatch: batches that a target would not take, or not take whole.
#include <algorithm>
#include <string>

#include "kafka/record.h"

namespace maxbrod::kafka {
namespace {

// Sequences wrap from 2^31 - 1 to 0 (DefaultRecordBatch.incrementSequence).
int32_t SequenceAfter(int32_t base, int64_t records) {
  if (base < 0) return base;
  return static_cast<int32_t>((int64_t{base} + records) & std::numeric_limits<int32_t>::max());
}

// What one pass over the records tells; nothing is kept, since views are many times a small
// record's size.
struct Survey {
  bool all_deltas_zero = true;
  std::optional<int64_t> first_kept_offset;
};

Result<Survey> Look(RecordIterator it, const RepackOptions& options) {
  Survey survey;
  RecordView record;
  while (it.Next(&record)) {
    survey.all_deltas_zero = survey.all_deltas_zero && record.timestamp_delta == 0;
    bool kept = record.offset >= options.first_offset && record.offset <= options.last_offset;
    if (kept && !survey.first_kept_offset) survey.first_kept_offset = record.offset;
  }
  MB_RETURN_IF_ERROR(it.status());
  return survey;
}

struct Plan {
  BatchHeader header;  // of the entry
  bool to_create_time = false;
  bool keeps_all = false;
  int16_t clear_attributes = 0;
};

Plan MakePlan(const BatchHeader& header, const RepackOptions& options) {
  Plan plan;
  plan.header = header;
  plan.to_create_time = options.append_time_to_create_time && header.is_log_append_time();
  plan.keeps_all = header.magic == kMagicV2 && options.first_offset <= header.base_offset &&
                   options.last_offset >= header.last_offset();
  plan.clear_attributes = options.clear_attributes;
  if (plan.to_create_time) {
    // The base timestamp becomes the append time, so it can no longer be a delete horizon.
    plan.clear_attributes |= BatchAttributes::kLogAppendTime | BatchAttributes::kDeleteHorizon;
  }
  return plan;
}

Status CopyAndPatch(ByteView entry, const Plan& plan, Bytes* out) {
  out->assign(entry.begin(), entry.end());
  BatchPatch patch;
  patch.clear_attributes = plan.clear_attributes;
  if (plan.to_create_time) patch.base_timestamp = plan.header.max_timestamp;
  return PatchBatch(*out, patch);
}

BatchSpec SpecFor(const Plan& plan, const RepackOptions& options, int64_t first_kept_offset) {
  const BatchHeader& h = plan.header;
  BatchSpec spec;
  spec.level = options.level;
  spec.attributes = static_cast<int16_t>(h.attributes & ~plan.clear_attributes);
  spec.partition_leader_epoch = h.partition_leader_epoch;
  spec.producer_id = h.producer_id;
  spec.producer_epoch = h.producer_epoch;
  if (h.magic == kMagicV2) {
    spec.base_offset = std::max(h.base_offset, options.first_offset);
    spec.last_offset = std::min(h.last_offset(), options.last_offset);
    spec.base_sequence = SequenceAfter(h.base_sequence, spec.base_offset - h.base_offset);
    // The old base stays, because it may be a delete horizon; deltas refer to it either way.
    if (!plan.to_create_time) spec.base_timestamp = h.base_timestamp;
  } else {
    spec.base_offset = first_kept_offset;
  }
  bool append_time = (spec.attributes & BatchAttributes::kLogAppendTime) != 0;
  if (append_time) spec.max_timestamp = h.max_timestamp;
  return spec;
}

Result<Bytes> Rebuild(const Plan& plan, const RepackOptions& options, const Survey& survey,
                      RecordIterator it) {
  if (!survey.first_kept_offset) {
    return Status(Code::kNotFound, "the record batch at offset " +
                                       std::to_string(plan.header.base_offset) +
                                       " has no record among the offsets asked for");
  }
  BatchSpec spec = SpecFor(plan, options, *survey.first_kept_offset);
  MB_ASSIGN_OR_RETURN(spec.codec, CompressionTypeFromId(plan.header.codec_id()));
  RecordBatchBuilder builder(spec);
  // Under LogAppendTime the stored deltas are the producer's own times; they are kept if the mark
  // is.
  bool keeps_deltas =
      (spec.attributes & BatchAttributes::kLogAppendTime) != 0 && spec.base_timestamp;
  RecordView record;
  while (it.Next(&record)) {
    if (record.offset < options.first_offset || record.offset > options.last_offset) continue;
    int64_t timestamp = record.timestamp;
    if (keeps_deltas) {
      timestamp = static_cast<int64_t>(static_cast<uint64_t>(*spec.base_timestamp) +
                                       static_cast<uint64_t>(record.timestamp_delta));
    }
    builder.AddCopy(record, record.offset, timestamp);
  }
  MB_RETURN_IF_ERROR(it.status());
  return builder.Build();
}

}  // namespace

Status RepackBatch(ByteView entry, const RepackOptions& options, Bytes* out) {
  Bytes buffer;
  BatchIterator batches(entry);
  BatchEntry parsed;
  if (!batches.Next(&parsed) || batches.position() != entry.size()) {
    MB_RETURN_IF_ERROR(batches.status());
    return Status(Code::kCorrupt, "record batch: its size is not what its header says");
  }
  Plan plan = MakePlan(parsed.header, options);
  if (plan.keeps_all && !plan.to_create_time) return CopyAndPatch(entry, plan, out);
  MB_ASSIGN_OR_RETURN(RecordIterator it,
                      RecordIterator::Open(entry, &buffer, options.decompressed_max));
  MB_ASSIGN_OR_RETURN(Survey survey, Look(it, options));
  if (plan.keeps_all && survey.all_deltas_zero) return CopyAndPatch(entry, plan, out);
  MB_ASSIGN_OR_RETURN(*out, Rebuild(plan, options, survey, std::move(it)));
  return Status::Ok();
}

}  // namespace maxbrod::kafka
