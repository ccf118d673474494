// A store together with the keys of the repository in it: the one way in which keys reach the
// functions of this layer, which all take a store anyway.
#pragma once

#include <memory>
#include <string>

#include "repo/keyring.h"
#include "store/forwarding_store.h"

namespace maxbrod::repo {

// Bytes pass through as they are; objects are sealed and opened by who makes and reads them
// (object.h, pack_writer.h), with the keys found here. As a safeguard the vault takes no object
// that is not sealed (kInternal), whatever way it comes: nothing of an encrypted repository can get
// into its store in the clear. Exempt: config and key slots, which are read without a key.
// Thread-safe.
class Vault final : public store::ForwardingStore {
 public:
  Vault(std::shared_ptr<store::Store> inner, std::shared_ptr<Keyring> keys)
      : ForwardingStore(std::move(inner)), keys_(std::move(keys)) {}

  using Store::PutIfAbsent;
  Result<store::PutResult> PutIfAbsent(const std::string& name, std::span<const ByteView> pieces,
                                       const CallContext& context) override;
  Result<std::unique_ptr<store::ObjectWriter>> Create(const std::string& name,
                                                      const CallContext& context) override;

  Keyring& keys() const { return *keys_; }
  const std::shared_ptr<Keyring>& shared_keys() const { return keys_; }

 private:
  const std::shared_ptr<Keyring> keys_;
};

// The keys of the repository in `store`; null where it is not a vault (a plain repository).
Keyring* KeysOf(const store::Store& store);
// A view of the repository in `store`, whose bytes come by way of `inner`: a decorator of `store`
// that knows nothing of keys.
std::shared_ptr<store::Store> WithKeysOf(const store::Store& store,
                                         std::shared_ptr<store::Store> inner);

}  // namespace maxbrod::repo
