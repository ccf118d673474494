#include "repo/keyring.h"

#include <fmt/format.h>

#include <array>

#include "codec/kdf.h"

namespace maxbrod::repo {
namespace {

// What the keys are for; no two of these begin alike.
constexpr std::string_view kMetaInfo = "maxbrod meta v1";
constexpr std::string_view kDataInfo = "maxbrod data v1";
constexpr std::string_view kKeyCheckInfo = "maxbrod key check v1";
constexpr std::string_view kSlotMacInfo = "maxbrod slot mac v1";
constexpr std::string_view kCommitInfo = "maxbrod commit v1";
constexpr std::string_view kObjectInfo = "maxbrod object v1";

SecretBytes Derive(const SecretBytes& key, const std::string& repository_id,
                   std::string_view info) {
  ByteView pieces[] = {AsBytes(info)};
  return Hkdf(key.view(), AsBytes(repository_id), pieces, kMasterKeyBytes);
}

SecretBytes DeriveData(const SecretBytes& master, const std::string& repository_id,
                       uint32_t key_id) {
  uint8_t number[4];
  StoreBig<uint32_t>(number, key_id);
  ByteView pieces[] = {AsBytes(kDataInfo), number};
  return Hkdf(master.view(), AsBytes(repository_id), pieces, kMasterKeyBytes);
}

}  // namespace

std::string BoundName(ObjectType type, const std::string& name) {
  switch (type) {
    case ObjectType::kManifest:
      return "manifest/";
    case ObjectType::kSnapshot:
      return "snapshot/";
    case ObjectType::kOffsetMap:
      return "offset-map/";
    case ObjectType::kCheckpoint:
      return name.substr(0, name.find('-') + 1);
    default:
      return name;
  }
}

Keyring::Keyring(const std::string& repository_id, SecretBytes master, SecretBytes meta)
    : repository_id_(repository_id), master_(std::move(master)), meta_(std::move(meta)) {}

std::shared_ptr<Keyring> Keyring::FromMaster(const std::string& repository_id, SecretBytes master) {
  MB_CHECK(master.size() == kMasterKeyBytes && repository_id.size() == 16);
  SecretBytes meta = Derive(master, repository_id, kMetaInfo);
  return std::shared_ptr<Keyring>(new Keyring(repository_id, std::move(master), std::move(meta)));
}

std::shared_ptr<Keyring> Keyring::FromEpoch(const std::string& repository_id, SecretBytes meta,
                                            uint32_t data_key_id, SecretBytes data) {
  MB_CHECK(meta.size() == kMasterKeyBytes && data.size() == kMasterKeyBytes);
  auto ring = std::shared_ptr<Keyring>(new Keyring(repository_id, SecretBytes(), std::move(meta)));
  ring->data_.emplace(data_key_id, std::move(data));
  return ring;
}

std::string Keyring::KeyCheck() const {
  MB_CHECK(full());
  return ToString(Derive(master_, repository_id_, kKeyCheckInfo).view());
}

Sha256Digest Keyring::SlotMac(ByteView slot) const {
  return HmacSha256(Derive(meta_, repository_id_, kSlotMacInfo).view(), slot);
}

void Keyring::RaiseDataKey(uint32_t key_id) {
  uint32_t now = data_key_id_;
  while (key_id > now && !data_key_id_.compare_exchange_weak(now, key_id)) {
  }
}

Result<const SecretBytes*> Keyring::ClassKeyOf(uint32_t key_id) const {
  if (key_id == kMetaKeyId) return &meta_;
  if (key_id < kFirstDataKeyId || key_id > kDataKeyIdMax) {
    return Status(Code::kCorrupt, fmt::format("key id {} is none of this repository", key_id));
  }
  std::lock_guard lock(mutex_);
  auto it = data_.find(key_id);
  if (it == data_.end()) {
    if (!full()) {
      return Status(Code::kPermission,
                    fmt::format("the key given does not open the data of key epoch {}", key_id))
          .WithHint("use a slot that holds all keys; 'maxbrod keys list' tells which do");
    }
    it = data_.emplace(key_id, DeriveData(master_, repository_id_, key_id)).first;
  }
  return &it->second;  // never removed
}

Result<SecretBytes> Keyring::DataKey(uint32_t key_id) const {
  MB_ASSIGN_OR_RETURN(const SecretBytes* key, ClassKeyOf(key_id));
  return key->Clone();
}

Result<std::shared_ptr<ObjectCipher>> Keyring::Make(ObjectType type, uint32_t key_id,
                                                    const std::string& name,
                                                    const Salt& salt) const {
  MB_ASSIGN_OR_RETURN(const SecretBytes* key, ClassKeyOf(key_id));
  SecretBytes extracted = HkdfExtract(salt, key->view());
  std::array<uint8_t, 32> commitment{};
  ByteView commit[] = {AsBytes(kCommitInfo)};
  HkdfExpand(extracted, commit, commitment);
  uint8_t header[kObjectHeaderBytes];
  EncodeSealedHeader(type, key_id, salt, commitment, header);
  auto type_byte = static_cast<uint8_t>(type);
  std::string bound = BoundName(type, name);
  ByteView info[] = {AsBytes(kObjectInfo), ByteView(&type_byte, 1), AsBytes(repository_id_),
                     AsBytes(bound)};
  SecretBytes object_key(kAeadKeyBytes);
  HkdfExpand(extracted, info, object_key.data());
  return std::make_shared<ObjectCipher>(object_key.view(), header);
}

Result<std::shared_ptr<ObjectCipher>> Keyring::Seal(ObjectType type, const std::string& name,
                                                    const Salt& salt) const {
  uint32_t key_id = type == ObjectType::kPack ? data_key_id() : kMetaKeyId;
  return Make(type, key_id, name, salt);
}

Result<std::shared_ptr<ObjectCipher>> Keyring::Open(ObjectType type, const std::string& name,
                                                    ByteView header) const {
  MB_CHECK(header.size() >= kObjectHeaderBytes);
  uint32_t key_id = HeaderKeyId(header);
  bool meta = type != ObjectType::kPack;
  if (meta != (key_id == kMetaKeyId)) {
    return Status(Code::kCorrupt, fmt::format("{}: names key {}, which is not for a {}", name,
                                              key_id, ObjectTypeName(type)));
  }
  auto cipher = Make(type, key_id, name, HeaderSalt(header));
  if (!cipher.ok()) return cipher.status().WithContext(name);
  // The whole header follows from type, key id, salt and key: what differs is the commitment.
  if (!ConstantTimeEqual((*cipher)->header(), header.first(kObjectHeaderBytes))) {
    return Status(Code::kCorrupt, name + ": was not written with this repository's keys")
        .WithHint("the object was replaced by one of another repository");
  }
  return cipher;
}

Result<std::shared_ptr<ObjectCipher>> Keyring::OpenPack(const std::string& name, uint32_t key_id,
                                                        const Salt& salt) const {
  if (key_id < kFirstDataKeyId) {
    return Status(Code::kCorrupt, name + ": the reference to the pack names no data key");
  }
  auto cipher = Make(ObjectType::kPack, key_id, name, salt);
  if (!cipher.ok()) return cipher.status().WithContext(name);
  return cipher;
}

}  // namespace maxbrod::repo
