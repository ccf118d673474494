// A store with an archive, for tests: packs in memory that were moved to a cold class, thaws that
// take their time by a fake clock, copies that end.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/forwarding_store.h"
#include "store/mem_store.h"
#include "store/object_control.h"

namespace maxbrod::engine {

// Thread-safe.
class ArchiveStore : public store::ForwardingStore, private store::ObjectControl {
 public:
  ArchiveStore(std::shared_ptr<store::Store> inner, Clock& clock)
      : ForwardingStore(std::move(inner)), clock_(clock) {}

  // Moves the object into that class; STANDARD brings it back.
  void MoveTo(const std::string& name, const std::string& storage_class);
  // All below pack/.
  void MovePacksTo(const std::string& storage_class);
  // Ends the copy of a thawed object.
  void Freeze(const std::string& name);
  // How long thaws take that are asked for from now on.
  void set_thaw_time(Millis time) { thaw_time_ = time; }
  // The next thaws are answered with this; OK: they are done.
  void set_thaw_answer(Status answer) { thaw_answer_ = std::move(answer); }

  // "name days tier" of each request.
  std::vector<std::string> requests() const;
  size_t lists() const { return lists_; }
  size_t standings() const { return standings_; }
  size_t cold_reads() const { return cold_reads_; }  // refused ones

  Result<Bytes> Get(const std::string& name, size_t size_max, const CallContext& context) override;
  Status GetRange(const std::string& name, uint64_t offset, MutableByteView out,
                  const CallContext& context) override;
  Result<store::ListPage> List(const std::string& prefix, const std::string& start_after,
                               size_t limit, const CallContext& context) override;
  store::ObjectControl* control() override { return this; }

 private:
  struct Place {
    std::string storage_class;
    int64_t ready_ms = 0;  // 0: nothing was asked for
    int days = 0;
    int64_t until_ms = 0;
  };
  Result<store::ObjectStanding> Standing(const std::string& name,
                                         const CallContext& context) override;
  Status Thaw(const std::string& name, int days, store::ThawTier tier,
              const CallContext& context) override;
  Status Retain(const std::string& name, store::LockMode mode, int64_t until_ms,
                const CallContext& context) override;
  Status CheckReadable(const std::string& name);
  void Settle(Place* place);  // mutex_ is held

  Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Place> places_;
  std::vector<std::string> requests_;
  Millis thaw_time_{0};
  Status thaw_answer_;
  std::atomic<size_t> lists_{0}, standings_{0}, cold_reads_{0};
};

}  // namespace maxbrod::engine
