// From what the user gave to the keys of a repository: finding the slot that opens, and adding and
// removing slots.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "repo/commit_codec.h"
#include "repo/key_slot.h"
#include "repo/vault.h"

namespace maxbrod::repo {

// So many slots are looked at; a repository cannot be given more.
inline constexpr size_t kKeySlotsMax = 256;

// What the user gave to open a repository with. Empty for a plain repository.
struct KeySource {
  SlotSecret secret;
  // Tried when `secret` is empty and the repository has a slot for it: no flag is needed then. May
  // be null.
  std::shared_ptr<KeyWrapper> kms;
  // Asked when the repository is encrypted and nothing else is there: a prompt on a terminal. May
  // be empty. An empty answer means that there is none.
  std::function<Result<SecretBytes>()> ask_passphrase;
  // Hex digits that the slot's id begins with; empty: any slot.
  std::string slot;
  bool given() const { return secret.kind() != format::KeySlotHeader::KIND_UNKNOWN; }
};

// A slot in the store; `problem` tells why it cannot be used.
struct KeySlotInfo {
  KeySlotView view;
  Status problem;
};
// All objects under keys/ that belong to this repository, in the order of their names.
Result<std::vector<KeySlotInfo>> ListKeySlots(store::Store& store, const std::string& repository_id,
                                              const CallContext& context);

// The keys of the repository with this config. kAuthentication: wrong passphrase, wrong key file,
// no slot for what was given, nothing given; kCorrupt: the slot was changed; kConflict: a key was
// given and the repository is plain. Null for a plain repository without a key.
Result<std::shared_ptr<Keyring>> Unlock(store::Store& store, const format::Config& config,
                                        const KeySource& source, const CallContext& context);

// Stores a new slot; returns its name. kAlreadyExists never happens (ids are random).
Result<std::string> AddKeySlot(store::Store& store, const Keyring& keys, const SlotSecret& secret,
                               const NewSlot& slot, const CallContext& context);
// Removes the slot whose id begins with these hex digits; returns its name. kConflict when no other
// genuine slot would open everything. Who knew the secret keeps whatever he copied: this is no
// revocation.
Result<std::string> RemoveKeySlot(store::Store& store, const Keyring& keys,
                                  const std::string& id_digits, const CallContext& context);

}  // namespace maxbrod::repo
