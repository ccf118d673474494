// The keys of an encrypted repository, and the key of each of its objects. See docs/format.md,
// "Encryption".
//
//   master key -> meta key (id 1): log, checkpoints, manifests, snapshots, offset maps
//              -> data keys (ids 2, 3, ...: one per epoch): packs
//   class key + the object's salt, type, repository and name -> object key
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/status.h"
#include "codec/hash.h"
#include "codec/secret.h"
#include "repo/object.h"
#include "repo/object_cipher.h"

namespace maxbrod::repo {

inline constexpr size_t kMasterKeyBytes = 32;
inline constexpr uint32_t kMetaKeyId = 1;
inline constexpr uint32_t kFirstDataKeyId = 2;
// So many epochs are more than anybody needs; a larger number is damage.
inline constexpr uint32_t kDataKeyIdMax = 1 << 20;

// Thread-safe; the ciphers that it hands out are not.
class Keyring {
 public:
  // All keys: those of every epoch follow from the master key. `repository_id` has 16 bytes.
  static std::shared_ptr<Keyring> FromMaster(const std::string& repository_id, SecretBytes master);
  // The meta key and one epoch: what a host gets that may write backups but not read older ones.
  static std::shared_ptr<Keyring> FromEpoch(const std::string& repository_id, SecretBytes meta,
                                            uint32_t data_key_id, SecretBytes data);

  const std::string& repository_id() const { return repository_id_; }
  // Whether it holds the master key.
  bool full() const { return !master_.empty(); }
  const SecretBytes& master() const { return master_; }
  const SecretBytes& meta() const { return meta_; }
  // Config.key_check: proves the master key without telling it. Only of a full ring.
  std::string KeyCheck() const;
  // Of the bytes of a key slot (key_slot.h).
  Sha256Digest SlotMac(ByteView slot) const;
  // The key of an epoch; kPermission when this ring lacks it.
  Result<SecretBytes> DataKey(uint32_t key_id) const;

  // The epoch that new packs belong to: the highest that the log names.
  uint32_t data_key_id() const { return data_key_id_; }
  void RaiseDataKey(uint32_t key_id);

  // For a new object: its header, with this salt, and its key. The name is the one that it will
  // have (parts that are its own hash do not count). Never fails for what the meta key seals.
  Result<std::shared_ptr<ObjectCipher>> Seal(ObjectType type, const std::string& name,
                                             const Salt& salt) const;
  // For a stored one. kCorrupt when the header's commitment is not this repository's key's;
  // kPermission when the ring lacks the epoch.
  Result<std::shared_ptr<ObjectCipher>> Open(ObjectType type, const std::string& name,
                                             ByteView header) const;
  // For a pack whose reference tells key and salt, without looking at its header.
  Result<std::shared_ptr<ObjectCipher>> OpenPack(const std::string& name, uint32_t key_id,
                                                 const Salt& salt) const;

 private:
  Keyring(const std::string& repository_id, SecretBytes master, SecretBytes meta);
  Result<const SecretBytes*> ClassKeyOf(uint32_t key_id) const;
  Result<std::shared_ptr<ObjectCipher>> Make(ObjectType type, uint32_t key_id,
                                             const std::string& name, const Salt& salt) const;

  const std::string repository_id_;
  const SecretBytes master_;
  const SecretBytes meta_;
  std::atomic<uint32_t> data_key_id_{kFirstDataKeyId};
  mutable std::mutex mutex_;
  mutable std::map<uint32_t, SecretBytes> data_;  // by key id; filled as needed in a full ring
};

// The part of an object's name that its key is bound to: all of it but its own hash.
std::string BoundName(ObjectType type, const std::string& name);

}  // namespace maxbrod::repo
