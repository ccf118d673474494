// What a store of S3's kind can do with an object beyond its bytes: tell where it lies, thaw it,
// keep it from being removed. Store::control() gives it; stores that have nothing of the kind (a
// folder, memory) have none.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/status.h"
#include "os/deadline.h"

namespace maxbrod::store {

// How fast an archived object is brought back (S3's names; prices and hours differ by class).
enum class ThawTier : uint8_t { kStandard, kBulk, kExpedited };

enum class LockMode : uint8_t {
  kNone,
  kGovernance,  // removable by who has s3:BypassGovernanceRetention
  kCompliance,  // by nobody before its time
};

// Where one object stands.
struct ObjectStanding {
  std::string storage_class;    // "STANDARD", "GLACIER", ...
  bool archived = false;        // reading it needs a thaw, or that one has ended
  bool thawing = false;         // a thaw is under way
  int64_t thawed_until_ms = 0;  // there is a readable copy until then; 0: none
  LockMode lock = LockMode::kNone;
  int64_t retain_until_ms = 0;  // 0: not retained
  bool legal_hold = false;
  bool readable() const { return !archived || thawed_until_ms > 0; }
};

// How long each new object is kept from being removed.
struct LockPolicy {
  LockMode mode = LockMode::kNone;
  int days = 0;
  int64_t period_ms() const { return int64_t{days} * 86'400'000; }
};

// Thread-safe; lives as long as its store. Errors are the store's (kNotFound, kPermission, ...).
class ObjectControl {
 public:
  virtual ~ObjectControl() = default;
  virtual Result<ObjectStanding> Standing(const std::string& name, const CallContext& context) = 0;
  // Asks for a readable copy for `days` from when it is there; 0 where the object itself is moved
  // out of its archive (INTELLIGENT_TIERING). OK also when a thaw is under way; on a thawed object
  // it sets the copy's end anew.
  virtual Status Thaw(const std::string& name, int days, ThawTier tier,
                      const CallContext& context) = 0;
  // Keeps the object from being removed until then. A retention is never shortened by it:
  // kPermission. kUnsupported where the bucket has no Object Lock.
  virtual Status Retain(const std::string& name, LockMode mode, int64_t until_ms,
                        const CallContext& context) = 0;
  // Removes many objects with few requests; OK also where there was none. After an error some may
  // be gone, and the same call may be made again. kUnsupported where that is no better than Remove.
  virtual Status RemoveMany(std::span<const std::string> /*names*/,
                            const CallContext& /*context*/) {
    return Status(Code::kUnsupported, "no removal of many objects at once");
  }
  // What the store gives the objects that it creates.
  virtual LockPolicy lock_policy() const { return {}; }
  // Ends unfinished uploads that began more than `age` ago, as killed processes leave them (they
  // cost storage, unseen); how many.
  virtual Result<uint64_t> AbortStaleUploads(Millis /*age*/, const CallContext& /*context*/) {
    return uint64_t{0};
  }
};

}  // namespace maxbrod::store
