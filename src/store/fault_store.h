// A store that goes wrong as told: each fault is planned in one line, by method.
//
//   faults.On(StoreMethod::kGet).ErrorInstead(Unavailable()).Repeat(2);
//   faults.On(StoreMethod::kPutIfAbsent).For("log/").ErrorAfter();     // applied, but the reply is
//   lost
//   ...
//   EXPECT_TRUE(faults.AllFired()) << faults.Unfired();
//
// For tests of this and the layers below, and for failure drills.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/forwarding_store.h"
#include "store/store_method.h"

namespace maxbrod::store {

// A planned fault. Plan before the calls begin: the setters are not thread-safe. Without any of the
// effects it only counts calls.
class Fault {
 public:
  // The call does not reach the store.
  Fault& ErrorInstead(Status status);
  // The call is applied, but its reply is lost: writes answer kUnknown, the others `status`
  // (kUnavailable, retryable, unless given; of Append never retryable, because its bytes were
  // taken).
  Fault& ErrorAfter();
  Fault& ErrorAfter(Status status);
  // PutIfAbsent and Commit: not applied, answers kUnknown.
  Fault& UnknownInstead();
  // PutIfAbsent and Commit: answers kUnknown, and is applied just before the `calls`-th later call
  // of any method, or by ApplyLatePuts.
  Fault& PutAppliedLater(int calls);
  // Sleeps by the clock, before anything else.
  Fault& SleepFor(Millis duration);
  // Runs before the call; may use the inner store ("another writer comes first").
  Fault& Before(std::function<void()> action);
  // Get and GetRange: only the first `keep` bytes are right and no error tells (Get: the rest is
  // cut off, GetRange: zeros).
  Fault& TornRead(size_t keep);
  // Get, GetRange, PutIfAbsent and Append: bit `bit` (modulo the length) of the bytes is changed
  // silently.
  Fault& FlipBit(uint64_t bit);

  // Fires that many times more.
  Fault& Repeat(int more);
  // Lets that many calls pass first.
  Fault& Skip(int calls);
  // Only for objects (or lists) whose name (or prefix) contains this.
  Fault& For(std::string name_part);

 private:
  friend class FaultStore;
  struct Effect {
    std::optional<Status> instead;
    std::optional<Status> after;
    bool unknown_instead = false;
    std::optional<int> late_calls;
    Millis sleep{0};
    std::function<void()> before;
    std::optional<size_t> torn_keep;
    std::optional<uint64_t> flip_bit;
  };
  Effect effect_;
  std::string name_part_;
  int times_left_ = 1;
  int skip_left_ = 0;
};

// Probabilities per call, each 0 to 1; the first that hits is taken.
struct RandomFaults {
  uint64_t seed = 1;
  double error_instead = 0;  // kUnavailable, retryable
  double reply_lost = 0;     // of PutIfAbsent, Commit, Remove: ErrorAfter
  double not_applied = 0;    // of PutIfAbsent, Commit: UnknownInstead
  double applied_later = 0;  // of PutIfAbsent, Commit: within the next 20 calls
  double slow = 0;           // sleeps up to `slow_max`
  Millis slow_max{1000};
  double flip_bit = 0;  // of Get, GetRange
  double torn = 0;      // of Get, GetRange
};

// Thread-safe, except for the planning.
class FaultStore : public ForwardingStore {
 public:
  explicit FaultStore(std::shared_ptr<Store> inner, Clock& clock = Clock::System());

  // Plans a fault. Of several that fit a call, the oldest that is not used up is in charge.
  Fault& On(StoreMethod method);
  // Random faults for calls that no planned one is in charge of. A default RandomFaults ends it.
  void SetRandom(const RandomFaults& faults);

  // Every planned fault fired as often as planned, and no put waits to be applied.
  bool AllFired() const;
  // What is missing for that, for messages.
  std::string Unfired() const;
  // Random faults fired so far.
  uint64_t random_fired() const;
  void ApplyLatePuts();

  using Store::PutIfAbsent;
  Result<PutResult> PutIfAbsent(const std::string& name, std::span<const ByteView> pieces,
                                const CallContext& context) override;
  Result<std::unique_ptr<ObjectWriter>> Create(const std::string& name,
                                               const CallContext& context) override;
  Result<Bytes> Get(const std::string& name, size_t size_max, const CallContext& context) override;
  Status GetRange(const std::string& name, uint64_t offset, MutableByteView out,
                  const CallContext& context) override;
  Result<ObjectInfo> Stat(const std::string& name, const CallContext& context) override;
  Result<ListPage> List(const std::string& prefix, const std::string& start_after, size_t limit,
                        const CallContext& context) override;
  Status Remove(const std::string& name, const CallContext& context) override;
  Result<int64_t> NowMillis(const CallContext& context) override;

 private:
  class Writer;
  using Effect = Fault::Effect;
  struct Planned {
    StoreMethod method;
    Fault fault;
  };
  struct LatePut {
    int calls_left = 0;
    std::function<void()> apply;
  };

  // Applies the late puts that are due, finds the fault for this call, and does what comes before
  // it.
  Effect Begin(StoreMethod method, const std::string& name, const CallContext& context);
  Effect Choose(StoreMethod method, const std::string& name);  // mutex_ is held
  Effect ChooseRandom(StoreMethod method);                     // mutex_ is held
  void AddLatePut(int calls, std::function<void()> apply);
  // Fits reads and lists: an error instead of or after the call.
  template <typename Call>
  auto Around(StoreMethod method, const std::string& name, const CallContext& context, Call call);

  Clock& clock_;
  mutable std::mutex mutex_;
  std::deque<Planned> planned_;  // references to its elements are handed out
  std::vector<LatePut> late_puts_;
  RandomFaults random_;
  std::mt19937_64 generator_;
  uint64_t random_fired_ = 0;
};

}  // namespace maxbrod::store
