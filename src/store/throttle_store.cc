#include "store/throttle_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "store/pieces.h"

namespace maxbrod::store {

TokenBucket::TokenBucket(uint64_t bytes_per_second, uint64_t burst_bytes, Clock& clock)
    : rate_per_nano_(static_cast<double>(bytes_per_second) / 1e9),
      burst_(static_cast<double>(std::max<uint64_t>(burst_bytes, 1))),
      clock_(clock),
      tokens_(burst_),
      refilled_nanos_(clock.MonotonicNanos()) {}

void TokenBucket::Refill() {
  int64_t now = clock_.MonotonicNanos();
  auto passed = static_cast<double>(std::max<int64_t>(now - refilled_nanos_, 0));
  tokens_ = std::min(burst_, tokens_ + passed * rate_per_nano_);
  refilled_nanos_ = std::max(now, refilled_nanos_);
}

void TokenBucket::Charge(uint64_t bytes) {
  if (rate_per_nano_ <= 0) return;
  std::lock_guard lock(mutex_);
  Refill();
  tokens_ -= static_cast<double>(bytes);
}

Status TokenBucket::Take(uint64_t bytes, const CallContext& context) {
  MB_RETURN_IF_ERROR(context.Check());
  if (rate_per_nano_ <= 0) return Status::Ok();
  auto wanted = static_cast<double>(bytes);
  Millis wait(0);
  {
    // The tokens are taken now and the debt is waited for: later callers queue behind it.
    std::lock_guard lock(mutex_);
    Refill();
    double missing = std::min(wanted, burst_) - tokens_;
    tokens_ -= wanted;
    if (missing > 0) wait = Millis(std::llround(std::ceil(missing / rate_per_nano_ / 1e6)));
  }
  Status status;
  if (wait.count() > 0 && wait >= context.deadline.Remaining()) {
    status =
        Status(Code::kTimeout,
               fmt::format("the rate limit lets {} bytes pass only in {} ms, after the deadline",
                           bytes, wait.count()));
  } else if (wait.count() > 0 && !clock_.Sleep(wait, context.stop)) {
    status = Status(Code::kCancelled, "stopped while waiting for the rate limit");
  }
  if (!status.ok()) {
    std::lock_guard lock(mutex_);
    tokens_ += wanted;
  }
  return status;
}

class ThrottleStore::Writer : public ObjectWriter {
 public:
  Writer(ThrottleStore& store, std::unique_ptr<ObjectWriter> inner, CallContext context)
      : store_(store), inner_(std::move(inner)), context_(std::move(context)) {}

  Status Append(std::span<const ByteView> pieces) override {
    MB_RETURN_IF_ERROR(store_.up_.Take(TotalBytes(pieces), context_));
    return inner_->Append(pieces);
  }
  Result<PutResult> Commit(const CallContext& context) override { return inner_->Commit(context); }
  uint64_t bytes_written() const override { return inner_->bytes_written(); }

 private:
  ThrottleStore& store_;
  const std::unique_ptr<ObjectWriter> inner_;
  const CallContext context_;
};

ThrottleStore::ThrottleStore(std::shared_ptr<Store> inner, const ThrottleOptions& options)
    : ForwardingStore(std::move(inner)),
      up_(options.upload_bytes_per_second, options.burst_bytes, *options.clock),
      down_(options.download_bytes_per_second, options.burst_bytes, *options.clock) {}

Result<PutResult> ThrottleStore::PutIfAbsent(const std::string& name,
                                             std::span<const ByteView> pieces,
                                             const CallContext& context) {
  MB_RETURN_IF_ERROR(up_.Take(TotalBytes(pieces), context));
  return inner().PutIfAbsent(name, pieces, context);
}

Result<std::unique_ptr<ObjectWriter>> ThrottleStore::Create(const std::string& name,
                                                            const CallContext& context) {
  MB_ASSIGN_OR_RETURN(auto writer, inner().Create(name, context));
  return std::unique_ptr<ObjectWriter>(std::make_unique<Writer>(*this, std::move(writer), context));
}

Result<Bytes> ThrottleStore::Get(const std::string& name, size_t size_max,
                                 const CallContext& context) {
  MB_RETURN_IF_ERROR(down_.Take(0, context));
  Result<Bytes> bytes = inner().Get(name, size_max, context);
  if (bytes.ok()) down_.Charge(bytes->size());
  return bytes;
}

Status ThrottleStore::GetRange(const std::string& name, uint64_t offset, MutableByteView out,
                               const CallContext& context) {
  MB_RETURN_IF_ERROR(down_.Take(out.size(), context));
  return inner().GetRange(name, offset, out, context);
}

}  // namespace maxbrod::store
