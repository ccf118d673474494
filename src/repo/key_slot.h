// Key slots: objects keys/<32 hex>, each of which gives one holder (of a passphrase, of a key file,
// of a right in a KMS) the keys of the repository. Readable without a key. See docs/format.md, "Key
// slots".
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "codec/kdf.h"
#include "codec/secret.h"
#include "os/deadline.h"
#include "repo/format.pb.h"
#include "repo/keyring.h"

namespace maxbrod::repo {

// The door to a KMS. Implemented outside of this layer; thread-safe.
class KeyWrapper {
 public:
  virtual ~KeyWrapper() = default;
  using EncryptionContext = std::map<std::string, std::string>;
  // "aws": KeySlotHeader.kms.provider of the slots that it can open.
  virtual std::string provider() const = 0;
  // What a new slot wraps its secret with, e.g. an ARN; empty where none was named.
  virtual std::string key() const = 0;
  // Encrypts a few bytes with the KMS's key `key`; the context must be given again to Unwrap.
  virtual Result<Bytes> Wrap(const std::string& key, const SecretBytes& secret,
                             const EncryptionContext& encryption_context,
                             const CallContext& context) = 0;
  // kPermission (denied), kNotFound (no such key), kConflict (disabled), kCorrupt (not its own
  // work, or another encryption context), kUnavailable, ...
  virtual Result<SecretBytes> Unwrap(const std::string& key, ByteView wrapped,
                                     const EncryptionContext& encryption_context,
                                     const CallContext& context) = 0;
};

// Bounds of Argon2id: less protects nobody, more is an attack on who tries to open the slot.
inline constexpr uint32_t kArgon2MemoryKibMin = 64 * 1024;
inline constexpr uint32_t kArgon2MemoryKibMax = 2 * 1024 * 1024;
inline constexpr uint32_t kArgon2PassesMax = 64;
inline constexpr uint32_t kArgon2LanesMax = 64;
inline constexpr size_t kKeyFileBytes = 32;
inline constexpr size_t kPassphraseBytesMax = 64 * 1024;

// What opens a slot: one of these is set.
struct SlotSecret {
  SecretBytes passphrase;
  SecretBytes key_file;  // kKeyFileBytes
  KeyWrapper* kms = nullptr;
  format::KeySlotHeader::Kind kind() const;
};

// Of the slot that `init` makes for a key kept offline.
inline constexpr const char* kRecoveryLabel = "recovery";

struct NewSlot {
  std::string label;
  std::string program;
  int64_t created_ms = 0;
  Argon2Cost cost;          // of a passphrase
  bool epoch_only = false;  // meta key and the current epoch's data key, instead of everything
  // Only for tests and golden files.
  std::string fixed_id;        // 16 bytes
  std::string fixed_kdf_salt;  // 16 bytes
  Salt* fixed_salt = nullptr;  // of the object
};

struct KeySlotObject {
  std::string name;  // in the store
  Bytes bytes;
};
// The object of a new slot for these keys. kInvalidArgument for impossible costs, an empty
// passphrase, a key file of another length; kPermission when all keys shall go into it and `keys`
// has not all.
Result<KeySlotObject> MakeKeySlot(const Keyring& keys, const SlotSecret& secret,
                                  const NewSlot& slot, const CallContext& context);

// A slot as stored, its public part decoded; nothing is proven yet.
struct KeySlotView {
  std::string name;
  format::KeySlotHeader header;
  format::KeySlot slot;
};
// kCorrupt: damaged, or under another name than its own; kUnsupported: of a newer kind.
Result<KeySlotView> DecodeKeySlot(const std::string& name, ByteView bytes);

// The keys in the slot. kAuthentication: not what opens this slot (compared before anything is
// decrypted); kCorrupt: it is, but the slot was changed; kUnsupported: Argon2id costs beyond the
// bounds; what KeyWrapper says.
Result<std::shared_ptr<Keyring>> OpenKeySlot(const KeySlotView& slot, const SlotSecret& secret,
                                             const CallContext& context);
// Whether the slot is as it was written by somebody with the keys.
bool IsGenuine(const KeySlotView& slot, const Keyring& keys);

// "passphrase", "key file", "KMS".
const char* SlotKindName(format::KeySlotHeader::Kind kind);

}  // namespace maxbrod::repo
