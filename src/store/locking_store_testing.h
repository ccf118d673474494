// A store with locks in memory, as S3 has them: for tests of what may not be removed.
#pragma once

#include <fmt/format.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "store/forwarding_store.h"
#include "store/object_control.h"

namespace maxbrod::store {

// Objects created get `policy`; removing one under lock and shortening a lock are refused.
// Thread-safe but for the public fields.
class LockingStore : public ForwardingStore, private ObjectControl {
 public:
  LockingStore(std::shared_ptr<Store> inner, Clock& clock)
      : ForwardingStore(std::move(inner)), clock_(clock) {}

  using Store::PutIfAbsent;
  Result<PutResult> PutIfAbsent(const std::string& name, std::span<const ByteView> pieces,
                                const CallContext& context) override {
    MB_RETURN_IF_ERROR(Write());
    MB_ASSIGN_OR_RETURN(PutResult put, inner().PutIfAbsent(name, pieces, context));
    if (put.outcome == PutOutcome::kCreated) LockNew(name);
    return put;
  }
  Result<std::unique_ptr<ObjectWriter>> Create(const std::string& name,
                                               const CallContext& context) override {
    MB_RETURN_IF_ERROR(Write());
    MB_ASSIGN_OR_RETURN(auto writer, inner().Create(name, context));
    LockNew(name);
    return writer;
  }
  Status Remove(const std::string& name, const CallContext& context) override {
    MB_RETURN_IF_ERROR(Write());
    MB_ASSIGN_OR_RETURN(ObjectStanding standing, Standing(name, context));
    if (standing.legal_hold || standing.retain_until_ms > clock_.WallMillis()) {
      return Status(Code::kPermission, fmt::format("'{}' is under lock", name));
    }
    return inner().Remove(name, context);
  }
  Status RemoveMany(std::span<const std::string> names, const CallContext& context) override {
    ++removals_of_many;
    for (const std::string& name : names) {
      Status status = Remove(name, context);
      if (status.code() != Code::kNotFound) MB_RETURN_IF_ERROR(status);
    }
    return Status::Ok();
  }
  ObjectControl* control() override { return this; }

  Result<ObjectStanding> Standing(const std::string& name, const CallContext& context) override {
    MB_RETURN_IF_ERROR(inner().Stat(name, context).status());
    std::lock_guard lock(mutex_);
    ++looks;
    return standings_[name];
  }
  Status Thaw(const std::string&, int, ThawTier, const CallContext&) override {
    return Status(Code::kUnsupported, "nothing is cold here");
  }
  Status Retain(const std::string& name, LockMode mode, int64_t until_ms,
                const CallContext& context) override {
    MB_RETURN_IF_ERROR(inner().Stat(name, context).status());
    std::lock_guard lock(mutex_);
    ObjectStanding& standing = standings_[name];
    bool locked = standing.retain_until_ms > clock_.WallMillis();
    if (locked && (mode < standing.lock || until_ms < standing.retain_until_ms)) {
      return Status(Code::kPermission, fmt::format("the lock of '{}' would be weaker", name));
    }
    if (refuse_retain_after-- == 0) return Status(Code::kPermission, "denied");
    standing.lock = mode;
    standing.retain_until_ms = until_ms;
    ++retained;
    return Status::Ok();
  }
  LockPolicy lock_policy() const override { return policy; }

  void Hold(const std::string& name) {
    std::lock_guard lock(mutex_);
    standings_[name].legal_hold = true;
  }

  LockPolicy policy;
  int looks = 0, retained = 0, removals_of_many = 0;
  int writes_until_death = -1;   // from then on no write arrives, as if the process were killed
  int refuse_retain_after = -1;  // that many are let through; negative: all are

 private:
  Status Write() {
    if (writes_until_death < 0) return Status::Ok();
    if (writes_until_death == 0) return Status(Code::kReadOnly, "the process was killed");
    --writes_until_death;
    return Status::Ok();
  }
  void LockNew(const std::string& name) {
    std::lock_guard lock(mutex_);
    if (policy.mode == LockMode::kNone) return;
    standings_[name].lock = policy.mode;
    standings_[name].retain_until_ms = clock_.WallMillis() + policy.period_ms();
  }

  Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, ObjectStanding> standings_;
};

}  // namespace maxbrod::store
