#include "store/metrics_store.h"

#include <utility>

#include "store/pieces.h"

namespace maxbrod::store {
namespace {

void Add(std::atomic<uint64_t>& counter, uint64_t value) {
  counter.fetch_add(value, std::memory_order_relaxed);
}

void RaiseTo(std::atomic<uint64_t>& highest, uint64_t value) {
  uint64_t seen = highest.load(std::memory_order_relaxed);
  while (seen < value && !highest.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

Code CodeOf(const Status& status) {
  return status.code();
}
template <typename T>
Code CodeOf(const Result<T>& result) {
  return result.status().code();
}

}  // namespace

uint64_t StoreMetrics::bytes_up() const {
  uint64_t sum = 0;
  for (const MethodMetrics& method : by_method) sum += method.bytes_up;
  return sum;
}

uint64_t StoreMetrics::bytes_down() const {
  uint64_t sum = 0;
  for (const MethodMetrics& method : by_method) sum += method.bytes_down;
  return sum;
}

MetricsStore::MetricsStore(std::shared_ptr<Store> inner, Clock& clock)
    : ForwardingStore(std::move(inner)), clock_(clock) {}

template <typename Call>
auto MetricsStore::Timed(StoreMethod method, Call call) {
  int64_t began = clock_.MonotonicNanos();
  auto result = call();
  auto took = static_cast<uint64_t>(clock_.MonotonicNanos() - began);
  Counters& counters = Of(method);
  Add(counters.calls, 1);
  Add(counters.nanos_total, took);
  RaiseTo(counters.nanos_max, took);
  Code code = CodeOf(result);
  if (code == Code::kNotFound) {
    Add(counters.not_found, 1);
  } else if (code != Code::kOk) {
    Add(counters.errors, 1);
  }
  return result;
}

void MetricsStore::CountOutcome(StoreMethod method, const Result<PutResult>& put, uint64_t bytes) {
  if (!put.ok()) return;
  Add(Of(method).bytes_up, bytes);
  Add(outcomes_[static_cast<size_t>(put->outcome)], 1);
  if (put->outcome == PutOutcome::kUnknown) Add(Of(method).errors, 1);
}

class MetricsStore::Writer : public ObjectWriter {
 public:
  Writer(MetricsStore& store, std::unique_ptr<ObjectWriter> inner)
      : store_(store), inner_(std::move(inner)) {}

  Status Append(std::span<const ByteView> pieces) override {
    Status status = store_.Timed(StoreMethod::kAppend, [&] { return inner_->Append(pieces); });
    if (status.ok()) Add(store_.Of(StoreMethod::kAppend).bytes_up, TotalBytes(pieces));
    return status;
  }
  Result<PutResult> Commit(const CallContext& context) override {
    auto put = store_.Timed(StoreMethod::kCommit, [&] { return inner_->Commit(context); });
    store_.CountOutcome(StoreMethod::kCommit, put, 0);
    return put;
  }
  uint64_t bytes_written() const override { return inner_->bytes_written(); }

 private:
  MetricsStore& store_;
  const std::unique_ptr<ObjectWriter> inner_;
};

StoreMetrics MetricsStore::Snapshot() const {
  StoreMetrics out;
  auto load = [](const std::atomic<uint64_t>& counter) {
    return counter.load(std::memory_order_relaxed);
  };
  for (size_t i = 0; i < kStoreMethods; ++i) {
    const Counters& in = counters_[i];
    out.by_method[i] = MethodMetrics{load(in.calls),    load(in.not_found),  load(in.errors),
                                     load(in.bytes_up), load(in.bytes_down), load(in.nanos_total),
                                     load(in.nanos_max)};
  }
  auto outcome = [&](PutOutcome which) { return load(outcomes_[static_cast<size_t>(which)]); };
  out.created = outcome(PutOutcome::kCreated);
  out.exists_same = outcome(PutOutcome::kExistsSame);
  out.exists_other = outcome(PutOutcome::kExistsOther);
  out.unknown = outcome(PutOutcome::kUnknown);
  return out;
}

Result<PutResult> MetricsStore::PutIfAbsent(const std::string& name,
                                            std::span<const ByteView> pieces,
                                            const CallContext& context) {
  auto put =
      Timed(StoreMethod::kPutIfAbsent, [&] { return inner().PutIfAbsent(name, pieces, context); });
  CountOutcome(StoreMethod::kPutIfAbsent, put, TotalBytes(pieces));
  return put;
}

Result<std::unique_ptr<ObjectWriter>> MetricsStore::Create(const std::string& name,
                                                           const CallContext& context) {
  MB_ASSIGN_OR_RETURN(auto writer,
                      Timed(StoreMethod::kCreate, [&] { return inner().Create(name, context); }));
  return std::unique_ptr<ObjectWriter>(std::make_unique<Writer>(*this, std::move(writer)));
}

Result<Bytes> MetricsStore::Get(const std::string& name, size_t size_max,
                                const CallContext& context) {
  auto bytes = Timed(StoreMethod::kGet, [&] { return inner().Get(name, size_max, context); });
  if (bytes.ok()) Add(Of(StoreMethod::kGet).bytes_down, bytes->size());
  return bytes;
}

Status MetricsStore::GetRange(const std::string& name, uint64_t offset, MutableByteView out,
                              const CallContext& context) {
  Status status =
      Timed(StoreMethod::kGetRange, [&] { return inner().GetRange(name, offset, out, context); });
  if (status.ok()) Add(Of(StoreMethod::kGetRange).bytes_down, out.size());
  return status;
}

Result<ObjectInfo> MetricsStore::Stat(const std::string& name, const CallContext& context) {
  return Timed(StoreMethod::kStat, [&] { return inner().Stat(name, context); });
}

Result<ListPage> MetricsStore::List(const std::string& prefix, const std::string& start_after,
                                    size_t limit, const CallContext& context) {
  return Timed(StoreMethod::kList,
               [&] { return inner().List(prefix, start_after, limit, context); });
}

Status MetricsStore::Remove(const std::string& name, const CallContext& context) {
  return Timed(StoreMethod::kRemove, [&] { return inner().Remove(name, context); });
}

Result<int64_t> MetricsStore::NowMillis(const CallContext& context) {
  return Timed(StoreMethod::kNowMillis, [&] { return inner().NowMillis(context); });
}

}  // namespace maxbrod::store
