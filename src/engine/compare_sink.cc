#include "engine/compare_sink.h"

#include "kafka/batch.h"

namespace maxbrod::engine {

Status CompareSink::OnRun(size_t, ReadRange& range, const BatchRun& run,
                          const std::vector<std::pair<int64_t, int64_t>>&) {
  PartitionComparer& comparer = ComparerOf(range);
  uint64_t before = comparer.loaded_bytes();
  MB_RETURN_IF_ERROR(MoveLogStart(range, &comparer));
  kafka::BatchIterator it(run.bytes);
  kafka::BatchEntry batch;
  while (it.Next(&batch)) MB_RETURN_IF_ERROR(comparer.OnBatch(batch, context_));
  MB_RETURN_IF_ERROR(it.status());
  uint64_t after = comparer.loaded_bytes();
  uint64_t loaded = loaded_ += after - before;
  if (loaded > memory_) {
    comparer.Unload();
    loaded_ -= after - comparer.loaded_bytes();
  }
  return Status::Ok();
}

Status CompareSink::OnDone(size_t, ReadRange& range) {
  PartitionComparer& comparer = ComparerOf(range);
  uint64_t before = comparer.loaded_bytes();
  MB_RETURN_IF_ERROR(MoveLogStart(range, &comparer));
  MB_RETURN_IF_ERROR(comparer.Finish(context_));
  loaded_ -= before;
  return Status::Ok();
}

Status CompareSink::OnWorkerEnd(size_t) {
  return Status::Ok();
}

Status CompareSink::MoveLogStart(const ReadRange& range, PartitionComparer* comparer) {
  if (range.torn_to <= comparer->position()) return Status::Ok();
  if (comparer->task().retention_may_remove) {
    comparer->OnRemoved(range.torn_to);
    return Status::Ok();
  }
  return comparer->OnNothing(range.torn_to, context_);
}

}  // namespace maxbrod::engine
