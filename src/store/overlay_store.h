// A store over another one that cannot be written: what is written goes to an upper store and is
// seen first; the lower one is never changed.
#pragma once

#include <memory>
#include <string>

#include "store/forwarding_store.h"

namespace maxbrod::store {

// A name that the lower store has is taken for the upper one as well. What lies in the lower store
// cannot be removed: kReadOnly. The clock and control() are the lower store's. Thread-safe as both
// are; the lower one must not change meanwhile.
class OverlayStore : public ForwardingStore {
 public:
  OverlayStore(std::shared_ptr<Store> upper, std::shared_ptr<Store> lower)
      : ForwardingStore(std::move(lower)), upper_(std::move(upper)) {}

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

 private:
  class Writer;

  const std::shared_ptr<Store> upper_;
};

}  // namespace maxbrod::store
