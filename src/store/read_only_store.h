// A store that takes no writes: for restore, verify and every other verb that must not change a
// repository.
#pragma once

#include <memory>
#include <string>

#include "store/forwarding_store.h"

namespace maxbrod::store {

// Every write answers kReadOnly and does not reach the inner store. Thread-safe.
class ReadOnlyStore : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  using ForwardingStore::PutIfAbsent;

  Result<PutResult> PutIfAbsent(const std::string& name, std::span<const ByteView> pieces,
                                const CallContext& context) override;
  Result<std::unique_ptr<ObjectWriter>> Create(const std::string& name,
                                               const CallContext& context) override;
  Status Remove(const std::string& name, const CallContext& context) override;

 private:
  Status Refuse(const char* what, const std::string& name) const;
};

}  // namespace maxbrod::store
