#include "store/fault_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "store/pieces.h"

namespace maxbrod::store {
namespace {

constexpr int kLateCallsMax = 20;

Status ReplyLost() {
  return Status(Code::kUnavailable, "planned fault: the reply was lost").Retryable();
}

PutResult LostPut() {
  return PutResult{PutOutcome::kUnknown, 0, "planned fault: no reply came"};
}

void FlipBitOf(MutableByteView bytes, uint64_t bit) {
  if (bytes.empty()) return;
  uint64_t at = bit % (uint64_t{bytes.size()} * 8);
  bytes[at / 8] = static_cast<uint8_t>(bytes[at / 8] ^ (1U << (at % 8)));
}

Bytes Concatenate(std::span<const ByteView> pieces) {
  Bytes bytes;
  bytes.reserve(static_cast<size_t>(TotalBytes(pieces)));
  for (ByteView piece : pieces) Append(bytes, piece);
  return bytes;
}

bool Writes(StoreMethod method) {
  return method == StoreMethod::kPutIfAbsent || method == StoreMethod::kCommit;
}
bool Reads(StoreMethod method) {
  return method == StoreMethod::kGet || method == StoreMethod::kGetRange;
}

}  // namespace

Fault& Fault::ErrorInstead(Status status) {
  effect_.instead = std::move(status);
  return *this;
}
Fault& Fault::ErrorAfter() {
  return ErrorAfter(ReplyLost());
}
Fault& Fault::ErrorAfter(Status status) {
  effect_.after = std::move(status);
  return *this;
}
Fault& Fault::UnknownInstead() {
  effect_.unknown_instead = true;
  return *this;
}
Fault& Fault::PutAppliedLater(int calls) {
  effect_.late_calls = calls;
  return *this;
}
Fault& Fault::SleepFor(Millis duration) {
  effect_.sleep = duration;
  return *this;
}
Fault& Fault::Before(std::function<void()> action) {
  effect_.before = std::move(action);
  return *this;
}
Fault& Fault::TornRead(size_t keep) {
  effect_.torn_keep = keep;
  return *this;
}
Fault& Fault::FlipBit(uint64_t bit) {
  effect_.flip_bit = bit;
  return *this;
}
Fault& Fault::Repeat(int more) {
  times_left_ = more + 1;
  return *this;
}
Fault& Fault::Skip(int calls) {
  skip_left_ = calls;
  return *this;
}
Fault& Fault::For(std::string name_part) {
  name_part_ = std::move(name_part);
  return *this;
}

// Streams to the inner store's writer; a commit that is applied later keeps that writer alive.
class FaultStore::Writer : public ObjectWriter {
 public:
  Writer(FaultStore& store, std::string name, std::shared_ptr<ObjectWriter> inner,
         CallContext context)
      : store_(store),
        name_(std::move(name)),
        inner_(std::move(inner)),
        context_(std::move(context)) {}

  Status Append(std::span<const ByteView> pieces) override {
    if (!inner_) return Committed();
    Effect effect = store_.Begin(StoreMethod::kAppend, name_, context_);
    if (effect.instead) return *effect.instead;
    Status status;
    if (effect.flip_bit) {
      Bytes changed = Concatenate(pieces);
      FlipBitOf(changed, *effect.flip_bit);
      status = inner_->ObjectWriter::Append(changed);
    } else {
      status = inner_->Append(pieces);
    }
    if (effect.after && status.ok()) return Status(*effect.after).Retryable(false);
    return status;
  }

  Result<PutResult> Commit(const CallContext& context) override {
    if (!inner_) return Committed();
    Effect effect = store_.Begin(StoreMethod::kCommit, name_, context);
    if (effect.instead) return *effect.instead;
    std::shared_ptr<ObjectWriter> inner = std::exchange(inner_, nullptr);
    bytes_written_ = inner->bytes_written();
    const PutResult unknown = LostPut();
    if (effect.unknown_instead) return unknown;
    if (effect.late_calls) {
      store_.AddLatePut(*effect.late_calls,
                        [inner] { static_cast<void>(inner->Commit(CallContext{})); });
      return unknown;
    }
    Result<PutResult> put = inner->Commit(context);
    if (effect.after) return unknown;
    if (!put.ok() && put.status().retryable()) inner_ = std::move(inner);
    return put;
  }

  uint64_t bytes_written() const override {
    return inner_ ? inner_->bytes_written() : bytes_written_;
  }

 private:
  Status Committed() const {
    return Status(Code::kInternal, fmt::format("object '{}' was already committed", name_));
  }

  FaultStore& store_;
  const std::string name_;
  std::shared_ptr<ObjectWriter> inner_;
  const CallContext context_;
  uint64_t bytes_written_ = 0;
};

FaultStore::FaultStore(std::shared_ptr<Store> inner, Clock& clock)
    : ForwardingStore(std::move(inner)), clock_(clock) {}

Fault& FaultStore::On(StoreMethod method) {
  std::lock_guard lock(mutex_);
  planned_.push_back(Planned{method, Fault()});
  return planned_.back().fault;
}

void FaultStore::SetRandom(const RandomFaults& faults) {
  std::lock_guard lock(mutex_);
  random_ = faults;
  generator_.seed(faults.seed);
}

bool FaultStore::AllFired() const {
  return Unfired().empty();
}

std::string FaultStore::Unfired() const {
  std::lock_guard lock(mutex_);
  std::string missing;
  for (const Planned& planned : planned_) {
    if (planned.fault.times_left_ == 0) continue;
    missing += fmt::format("fault of {} for '{}': {} times more\n", NameOf(planned.method),
                           planned.fault.name_part_, planned.fault.times_left_);
  }
  if (!late_puts_.empty()) missing += fmt::format("late puts: {}\n", late_puts_.size());
  return missing;
}

uint64_t FaultStore::random_fired() const {
  std::lock_guard lock(mutex_);
  return random_fired_;
}

void FaultStore::AddLatePut(int calls, std::function<void()> apply) {
  std::lock_guard lock(mutex_);
  late_puts_.push_back(LatePut{calls, std::move(apply)});
}

void FaultStore::ApplyLatePuts() {
  std::vector<LatePut> due;
  {
    std::lock_guard lock(mutex_);
    due.swap(late_puts_);
  }
  for (LatePut& put : due) put.apply();
}

FaultStore::Effect FaultStore::Choose(StoreMethod method, const std::string& name) {
  for (Planned& planned : planned_) {
    Fault& fault = planned.fault;
    if (planned.method != method || fault.times_left_ == 0) continue;
    if (name.find(fault.name_part_) == std::string::npos) continue;
    if (fault.skip_left_ > 0) {
      --fault.skip_left_;
      return {};
    }
    --fault.times_left_;
    return fault.effect_;
  }
  return ChooseRandom(method);
}

FaultStore::Effect FaultStore::ChooseRandom(StoreMethod method) {
  auto hits = [this](double probability) {
    if (probability <= 0) return false;
    return std::uniform_real_distribution<double>(0, 1)(generator_) < probability;
  };
  auto below = [this](uint64_t bound) {
    return std::uniform_int_distribution<uint64_t>(0, bound - 1)(generator_);
  };
  Effect effect;
  bool removes = method == StoreMethod::kRemove;
  if (hits(random_.error_instead)) {
    effect.instead = Status(Code::kUnavailable, "random fault: not available").Retryable();
  } else if ((Writes(method) || removes) && hits(random_.reply_lost)) {
    effect.after = ReplyLost();
  } else if (Writes(method) && hits(random_.not_applied)) {
    effect.unknown_instead = true;
  } else if (Writes(method) && hits(random_.applied_later)) {
    effect.late_calls = 1 + static_cast<int>(below(kLateCallsMax));
  } else if (Reads(method) && hits(random_.flip_bit)) {
    effect.flip_bit = generator_();
  } else if (Reads(method) && hits(random_.torn)) {
    effect.torn_keep = static_cast<size_t>(below(4096));
  } else if (hits(random_.slow)) {
    effect.sleep = Millis(static_cast<int64_t>(
        below(static_cast<uint64_t>(std::max<int64_t>(random_.slow_max.count(), 1)))));
  } else {
    return effect;
  }
  ++random_fired_;
  return effect;
}

FaultStore::Effect FaultStore::Begin(StoreMethod method, const std::string& name,
                                     const CallContext& context) {
  Effect effect;
  std::vector<LatePut> due;
  {
    std::lock_guard lock(mutex_);
    std::vector<LatePut> not_yet;
    for (LatePut& put : late_puts_) {
      std::vector<LatePut>& where = --put.calls_left > 0 ? not_yet : due;
      where.push_back(std::move(put));
    }
    late_puts_ = std::move(not_yet);
    effect = Choose(method, name);
  }
  for (LatePut& put : due) put.apply();
  if (effect.sleep.count() > 0) clock_.Sleep(effect.sleep, context.stop);
  if (effect.before) effect.before();
  return effect;
}

template <typename Call>
auto FaultStore::Around(StoreMethod method, const std::string& name, const CallContext& context,
                        Call call) {
  Effect effect = Begin(method, name, context);
  using Return = decltype(call(effect));
  if (effect.instead) return Return(*effect.instead);
  Return result = call(effect);
  if (effect.after && result.ok()) return Return(*effect.after);
  return result;
}

Result<PutResult> FaultStore::PutIfAbsent(const std::string& name, std::span<const ByteView> pieces,
                                          const CallContext& context) {
  Effect effect = Begin(StoreMethod::kPutIfAbsent, name, context);
  const PutResult unknown = LostPut();
  if (effect.instead) return *effect.instead;
  if (effect.unknown_instead) return unknown;
  if (effect.late_calls) {
    AddLatePut(*effect.late_calls, [this, name, bytes = Concatenate(pieces)] {
      static_cast<void>(inner().PutIfAbsent(name, bytes, CallContext{}));
    });
    return unknown;
  }
  Bytes changed;
  ByteView changed_view;
  if (effect.flip_bit) {
    changed = Concatenate(pieces);
    FlipBitOf(changed, *effect.flip_bit);
    changed_view = changed;
    pieces = std::span<const ByteView>(&changed_view, 1);
  }
  Result<PutResult> put = inner().PutIfAbsent(name, pieces, context);
  if (effect.after) return unknown;
  return put;
}

Result<std::unique_ptr<ObjectWriter>> FaultStore::Create(const std::string& name,
                                                         const CallContext& context) {
  MB_ASSIGN_OR_RETURN(std::unique_ptr<ObjectWriter> writer,
                      Around(StoreMethod::kCreate, name, context, [&](const Effect& /*effect*/) {
                        return inner().Create(name, context);
                      }));
  return std::unique_ptr<ObjectWriter>(
      std::make_unique<Writer>(*this, name, std::move(writer), context));
}

Result<Bytes> FaultStore::Get(const std::string& name, size_t size_max,
                              const CallContext& context) {
  return Around(StoreMethod::kGet, name, context, [&](const Effect& effect) {
    Result<Bytes> bytes = inner().Get(name, size_max, context);
    if (!bytes.ok()) return bytes;
    if (effect.torn_keep) bytes->resize(std::min(bytes->size(), *effect.torn_keep));
    if (effect.flip_bit) FlipBitOf(*bytes, *effect.flip_bit);
    return bytes;
  });
}

Status FaultStore::GetRange(const std::string& name, uint64_t offset, MutableByteView out,
                            const CallContext& context) {
  return Around(StoreMethod::kGetRange, name, context, [&](const Effect& effect) {
    Status status = inner().GetRange(name, offset, out, context);
    if (!status.ok()) return status;
    if (effect.torn_keep) {
      std::ranges::fill(out.subspan(std::min(out.size(), *effect.torn_keep)), uint8_t{0});
    }
    if (effect.flip_bit) FlipBitOf(out, *effect.flip_bit);
    return status;
  });
}

Result<ObjectInfo> FaultStore::Stat(const std::string& name, const CallContext& context) {
  return Around(StoreMethod::kStat, name, context,
                [&](const Effect& /*effect*/) { return inner().Stat(name, context); });
}

Result<ListPage> FaultStore::List(const std::string& prefix, const std::string& start_after,
                                  size_t limit, const CallContext& context) {
  return Around(StoreMethod::kList, prefix, context, [&](const Effect& /*effect*/) {
    return inner().List(prefix, start_after, limit, context);
  });
}

Status FaultStore::Remove(const std::string& name, const CallContext& context) {
  return Around(StoreMethod::kRemove, name, context,
                [&](const Effect& /*effect*/) { return inner().Remove(name, context); });
}

Result<int64_t> FaultStore::NowMillis(const CallContext& context) {
  return Around(StoreMethod::kNowMillis, "", context,
                [&](const Effect& /*effect*/) { return inner().NowMillis(context); });
}

}  // namespace maxbrod::store
