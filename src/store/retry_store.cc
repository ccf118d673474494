#include "store/retry_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <random>
#include <utility>

#include "codec/crc32c.h"
#include "store/pieces.h"

namespace maxbrod::store {
namespace {

const Status& StatusOf(const Status& status) {
  return status;
}
template <typename T>
Status StatusOf(const Result<T>& result) {
  return result.status();
}

// What a look at the object after a doubtful write tells; no value: still in doubt. `holds`
// compares.
template <typename Holds>
std::optional<PutResult> LookBack(Store& store, const std::string& name, const CallContext& context,
                                  Holds holds) {
  Result<ObjectInfo> info = store.Stat(name, context);
  if (!info.ok()) return std::nullopt;
  Result<bool> same = holds(*info);
  if (!same.ok()) return std::nullopt;
  return PutResult{*same ? PutOutcome::kExistsSame : PutOutcome::kExistsOther, info->modified_ms};
}

}  // namespace

// The tries of one call: decides whether and when the next one begins.
class RetryStore::Tries {
 public:
  Tries(RetryStore& owner, std::string what, const CallContext& context)
      : owner_(owner),
        what_(std::move(what)),
        context_(context),
        started_nanos_(owner.policy_.clock->MonotonicNanos()) {}

  CallContext TryContext() const {
    if (owner_.policy_.try_timeout.count() == 0) return context_;
    return context_.Within(owner_.policy_.try_timeout);
  }

  int count() const { return count_; }

  // Whether `status`, the outcome of a try, may be followed by another one; waits before it if so.
  bool Again(const Status& status) {
    bool passing =
        status.retryable() || (status.code() == Code::kTimeout && !context_.deadline.Expired());
    return passing && Wait(status.message());
  }

  // Waits before the next try; false when there is none, for lack of time or because of a stop
  // request.
  bool Wait(const std::string& reason) {
    const RetryPolicy& policy = owner_.policy_;
    Millis ceiling = policy.backoff_first;
    for (int i = 1; i < count_ && ceiling < policy.backoff_max; ++i) ceiling *= 2;
    ceiling = std::min(ceiling, policy.backoff_max);
    auto span = static_cast<uint64_t>(std::max<int64_t>(ceiling.count(), 0)) + 1;
    Millis wait(static_cast<int64_t>(owner_.NextRandom() % span));

    if (context_.stop.stop_requested()) return false;
    if (wait >= context_.deadline.Remaining() || Elapsed() + wait > policy.budget) return false;
    if (policy.on_retry) policy.on_retry(RetryEvent{what_, count_, wait, reason});
    if (!policy.clock->Sleep(wait, context_.stop)) return false;
    ++count_;
    owner_.retries_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }

  // The error of the last try, as the caller is told it.
  Status Final(Status status) const {
    if (context_.stop.stop_requested()) {
      return Status(Code::kCancelled,
                    fmt::format("{}: stopped; the last error was: {}", what_, status.message()));
    }
    if (context_.deadline.Expired()) {
      return Status(Code::kTimeout, fmt::format("{}: deadline passed; the last error was: {}",
                                                what_, status.message()));
    }
    if (count_ == 1) return status;
    return std::move(status).WithContext(
        fmt::format("{}: gave up after {} tries in {} ms", what_, count_, Elapsed().count()));
  }

 private:
  Millis Elapsed() const {
    return Millis((owner_.policy_.clock->MonotonicNanos() - started_nanos_) / 1'000'000);
  }

  RetryStore& owner_;
  const std::string what_;
  const CallContext& context_;
  const int64_t started_nanos_;
  int count_ = 1;
};

template <typename Operation>
auto RetryStore::Retry(const std::string& what, const CallContext& context, Operation operation) {
  using Return = decltype(operation(context));
  Tries tries(*this, what, context);
  while (true) {
    Return result = operation(tries.TryContext());
    if (result.ok()) return result;
    Status status = StatusOf(result);
    if (!tries.Again(status)) return Return(tries.Final(std::move(status)));
  }
}

class RetryStore::Writer : public ObjectWriter {
 public:
  Writer(RetryStore& store, std::string name, std::unique_ptr<ObjectWriter> inner,
         CallContext context)
      : store_(store),
        name_(std::move(name)),
        inner_(std::move(inner)),
        context_(std::move(context)) {}

  Status Append(std::span<const ByteView> pieces) override {
    Status status =
        store_.Retry(fmt::format("write of '{}'", name_), context_,
                     [&](const CallContext& /*context*/) { return inner_->Append(pieces); });
    if (status.ok()) {
      for (ByteView piece : pieces) crc_ = Crc32cExtend(crc_, piece);
    }
    return status;
  }

  Result<PutResult> Commit(const CallContext& context) override {
    Tries tries(store_, fmt::format("commit of '{}'", name_), context);
    while (true) {
      Result<PutResult> put = inner_->Commit(tries.TryContext());
      if (put.ok()) {
        return put->outcome == PutOutcome::kUnknown ? Resolve(tries, put->reason) : std::move(put);
      }
      if (!tries.Again(put.status())) return tries.Final(put.status());
    }
  }

  uint64_t bytes_written() const override { return inner_->bytes_written(); }

 private:
  // A doubtful commit cannot be sent again, only looked after.
  PutResult Resolve(Tries& tries, const std::string& reason) {
    do {
      CallContext context = tries.TryContext();
      auto seen = LookBack(store_.inner(), name_, context, [&](const ObjectInfo& info) {
        return HoldsCrc(store_.inner(), info, inner_->bytes_written(), crc_, context);
      });
      if (seen) return *seen;
    } while (tries.Wait(reason));
    return PutResult{PutOutcome::kUnknown, 0, reason};
  }

  RetryStore& store_;
  const std::string name_;
  const std::unique_ptr<ObjectWriter> inner_;
  const CallContext context_;
  uint32_t crc_ = 0;
};

RetryStore::RetryStore(std::shared_ptr<Store> inner, RetryPolicy policy)
    : ForwardingStore(std::move(inner)),
      policy_(std::move(policy)),
      random_state_(policy_.seed != 0 ? policy_.seed : std::random_device{}()) {}

// splitmix64 (Steele, Lea, Flood 2014): its state is a counter, so threads need no lock.
uint64_t RetryStore::NextRandom() {
  uint64_t z = random_state_.fetch_add(0x9e3779b97f4a7c15, std::memory_order_relaxed);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

Result<PutResult> RetryStore::PutIfAbsent(const std::string& name, std::span<const ByteView> pieces,
                                          const CallContext& context) {
  Tries tries(*this, fmt::format("put of '{}'", name), context);
  bool doubt = false;
  while (true) {
    Result<PutResult> put = inner().PutIfAbsent(name, pieces, tries.TryContext());
    if (put.ok() && put->outcome != PutOutcome::kUnknown) return put;
    doubt = doubt || put.ok();
    const std::string reason = put.ok() ? put->reason : put.status().message();
    if (doubt) {
      CallContext read = tries.TryContext();
      auto seen = LookBack(inner(), name, read, [&](const ObjectInfo& info) {
        return HoldsBytes(inner(), info, pieces, read);
      });
      if (seen) return *seen;
    }
    if (put.ok() ? tries.Wait(reason) : tries.Again(put.status())) continue;
    if (doubt) return PutResult{PutOutcome::kUnknown, 0, reason};
    return tries.Final(put.status());
  }
}

Result<std::unique_ptr<ObjectWriter>> RetryStore::Create(const std::string& name,
                                                         const CallContext& context) {
  // The writer lives on with this context, so the bound of a single try must not be in it.
  MB_ASSIGN_OR_RETURN(auto writer,
                      Retry(fmt::format("creation of '{}'", name), context,
                            [&](const CallContext&) { return inner().Create(name, context); }));
  return std::unique_ptr<ObjectWriter>(
      std::make_unique<Writer>(*this, name, std::move(writer), context));
}

Result<Bytes> RetryStore::Get(const std::string& name, size_t size_max,
                              const CallContext& context) {
  return Retry(fmt::format("get of '{}'", name), context,
               [&](const CallContext& one) { return inner().Get(name, size_max, one); });
}

Status RetryStore::GetRange(const std::string& name, uint64_t offset, MutableByteView out,
                            const CallContext& context) {
  return Retry(fmt::format("get of '{}'", name), context,
               [&](const CallContext& one) { return inner().GetRange(name, offset, out, one); });
}

Result<ObjectInfo> RetryStore::Stat(const std::string& name, const CallContext& context) {
  return Retry(fmt::format("stat of '{}'", name), context,
               [&](const CallContext& one) { return inner().Stat(name, one); });
}

Result<ListPage> RetryStore::List(const std::string& prefix, const std::string& start_after,
                                  size_t limit, const CallContext& context) {
  return Retry(fmt::format("list of '{}'", prefix), context, [&](const CallContext& one) {
    return inner().List(prefix, start_after, limit, one);
  });
}

Status RetryStore::Remove(const std::string& name, const CallContext& context) {
  bool first = true;
  return Retry(fmt::format("removal of '{}'", name), context, [&](const CallContext& one) {
    Status status = inner().Remove(name, one);
    if (!std::exchange(first, false) && status.code() == Code::kNotFound) return Status::Ok();
    return status;
  });
}

Result<ObjectStanding> RetryStore::Standing(const std::string& name, const CallContext& context) {
  return Retry(fmt::format("look at '{}'", name), context,
               [&](const CallContext& one) { return inner().control()->Standing(name, one); });
}

Status RetryStore::Thaw(const std::string& name, int days, ThawTier tier,
                        const CallContext& context) {
  return Retry(fmt::format("thaw of '{}'", name), context, [&](const CallContext& one) {
    return inner().control()->Thaw(name, days, tier, one);
  });
}

Status RetryStore::Retain(const std::string& name, LockMode mode, int64_t until_ms,
                          const CallContext& context) {
  return Retry(fmt::format("retention of '{}'", name), context, [&](const CallContext& one) {
    return inner().control()->Retain(name, mode, until_ms, one);
  });
}

Status RetryStore::RemoveMany(std::span<const std::string> names, const CallContext& context) {
  return Retry(fmt::format("removal of {} objects", names.size()), context,
               [&](const CallContext& one) { return inner().control()->RemoveMany(names, one); });
}

Result<uint64_t> RetryStore::AbortStaleUploads(Millis age, const CallContext& context) {
  return Retry("abort of unfinished uploads", context, [&](const CallContext& one) {
    return inner().control()->AbortStaleUploads(age, one);
  });
}

Result<int64_t> RetryStore::NowMillis(const CallContext& context) {
  return Retry("reading the store's clock", context,
               [&](const CallContext& one) { return inner().NowMillis(one); });
}

}  // namespace maxbrod::store
