#include "repo/key_slot.h"

#include <fmt/format.h>

#include <array>

#include "codec/aead.h"
#include "repo/commit_codec.h"
#include "repo/object.h"
#include "repo/state.h"

namespace maxbrod::repo {
namespace {

using Header = format::KeySlotHeader;

constexpr std::string_view kSlotInfo = "maxbrod slot v1";
constexpr size_t kKdfSaltBytes = 16;
constexpr size_t kKdfSaltBytesMax = 64;
constexpr size_t kCommitmentBytes = 32;
constexpr size_t kWrappedBytesMax = 16 * 1024;

Status Corrupt(std::string message) {
  return Status(Code::kCorrupt, std::move(message));
}

Status CheckCost(const Argon2Cost& cost, Code code) {
  if (cost.memory_kib >= kArgon2MemoryKibMin && cost.memory_kib <= kArgon2MemoryKibMax &&
      cost.passes >= 1 && cost.passes <= kArgon2PassesMax && cost.lanes >= 1 &&
      cost.lanes <= kArgon2LanesMax) {
    return Status::Ok();
  }
  return Status(code, fmt::format("Argon2id with {} KiB, {} passes, {} lanes is out of bounds",
                                  cost.memory_kib, cost.passes, cost.lanes))
      .WithHint("64 MiB to 2 GiB, 1 to 64 passes, 1 to 64 lanes are allowed");
}

// Key and commitment of a slot.
struct SlotKeys {
  SecretBytes key;
  std::array<uint8_t, kCommitmentBytes> commitment{};
};

SlotKeys DeriveSlotKeys(const SecretBytes& secret, const Header& header) {
  SecretBytes both(kAeadKeyBytes + kCommitmentBytes);
  std::string salt = header.repository_id() + header.slot_id();
  ByteView info[] = {AsBytes(kSlotInfo)};
  HkdfExpand(HkdfExtract(AsBytes(salt), secret.view()), info, both.data());
  SlotKeys out;
  out.key = SecretBytes(both.view().first(kAeadKeyBytes));
  std::memcpy(out.commitment.data(), both.view().data() + kAeadKeyBytes, kCommitmentBytes);
  return out;
}

KeyWrapper::EncryptionContext ContextOf(const Header& header) {
  return {{"maxbrod:repository", ToHex(AsBytes(header.repository_id()))},
          {"maxbrod:class", header.data_key_id() == 0 ? "master" : "epoch"},
          {"maxbrod:slot", ToHex(AsBytes(header.slot_id()))}};
}

Result<SecretBytes> SecretOf(const Header& header, const SlotSecret& given,
                             const CallContext& context) {
  switch (header.kind()) {
    case Header::PASSPHRASE: {
      const auto& a = header.argon2id();
      Argon2Cost cost{a.passes(), a.memory_kib(), a.lanes()};
      MB_RETURN_IF_ERROR(CheckCost(cost, Code::kUnsupported));
      return Argon2id(cost, given.passphrase.view(), AsBytes(a.salt()), kMasterKeyBytes);
    }
    case Header::KEY_FILE:
      return given.key_file.Clone();
    case Header::KMS:
      return given.kms->Unwrap(header.kms().key(), AsBytes(header.kms().wrapped()),
                               ContextOf(header), context);
    default:
      return Status(Code::kUnsupported, "a key slot of an unknown kind");
  }
}

Bytes SealSecret(const SlotKeys& keys, const std::string& header, const std::string& plain) {
  Aes256Gcm gcm(keys.key.view());
  Bytes out(plain.size());
  ByteView piece = AsBytes(plain);
  // One message per key: the nonce may be zero.
  AeadTag tag = gcm.Seal(AeadNonce{}, AsBytes(header), {&piece, 1}, out.data());
  Append(out, tag);
  return out;
}

std::string MacText(const format::KeySlot& slot) {
  return slot.header() + slot.commitment() + slot.sealed();
}

// The secret of a new slot; fills the parts of the header that belong to it.
Result<SecretBytes> NewSecret(const SlotSecret& given, const NewSlot& slot, Header* header,
                              const CallContext& context) {
  switch (given.kind()) {
    case Header::PASSPHRASE: {
      if (given.passphrase.size() > kPassphraseBytesMax) {
        return Status(Code::kInvalidArgument, "the passphrase is longer than 64 KiB");
      }
      MB_RETURN_IF_ERROR(CheckCost(slot.cost, Code::kInvalidArgument));
      auto* argon = header->mutable_argon2id();
      argon->set_passes(slot.cost.passes);
      argon->set_memory_kib(slot.cost.memory_kib);
      argon->set_lanes(slot.cost.lanes);
      argon->set_salt(slot.fixed_kdf_salt);
      if (argon->salt().empty()) {
        argon->set_salt(AsText(SecretBytes::Random(kKdfSaltBytes).view()).data(), kKdfSaltBytes);
      }
      break;
    }
    case Header::KEY_FILE:
      if (given.key_file.size() != kKeyFileBytes) {
        return Status(Code::kInvalidArgument, "a key file holds 32 bytes, or 64 hex digits");
      }
      break;
    case Header::KMS: {
      SecretBytes secret = SecretBytes::Random(kMasterKeyBytes);
      header->mutable_kms()->set_provider(given.kms->provider());
      header->mutable_kms()->set_key(given.kms->key());
      MB_ASSIGN_OR_RETURN(Bytes wrapped,
                          given.kms->Wrap(given.kms->key(), secret, ContextOf(*header), context));
      header->mutable_kms()->set_wrapped(wrapped.data(), wrapped.size());
      return secret;
    }
    default:
      return Status(Code::kInvalidArgument, "no passphrase, key file or KMS key was given");
  }
  return SecretOf(*header, given, context);
}

Status FillKeys(const Keyring& keys, bool epoch_only, Header* header,
                format::KeySlotSecret* secret) {
  auto set = [](const SecretBytes& from, std::string* to) { *to = ToString(from.view()); };
  if (!epoch_only) {
    if (!keys.full()) {
      return Status(Code::kPermission, "the key given opens one epoch only, not everything")
          .WithHint("use a slot that holds all keys; 'maxbrod keys list' tells which do");
    }
    set(keys.master(), secret->mutable_master());
    return Status::Ok();
  }
  header->set_data_key_id(keys.data_key_id());
  MB_ASSIGN_OR_RETURN(SecretBytes data, keys.DataKey(keys.data_key_id()));
  set(keys.meta(), secret->mutable_meta());
  set(data, secret->mutable_data_key());
  return Status::Ok();
}

void Wipe(std::string* text) {
  WipeSecret({reinterpret_cast<uint8_t*>(text->data()), text->size()});
}

Result<std::shared_ptr<Keyring>> RingOf(const KeySlotView& slot, format::KeySlotSecret* secret) {
  SecretBytes master(AsBytes(secret->master()));
  SecretBytes meta(AsBytes(secret->meta()));
  SecretBytes data(AsBytes(secret->data_key()));
  Wipe(secret->mutable_master());
  Wipe(secret->mutable_meta());
  Wipe(secret->mutable_data_key());
  const std::string& repository = slot.header.repository_id();
  uint32_t key_id = slot.header.data_key_id();
  if (key_id == 0 && master.size() == kMasterKeyBytes) {
    return Keyring::FromMaster(repository, std::move(master));
  }
  if (key_id >= kFirstDataKeyId && key_id <= kDataKeyIdMax && meta.size() == kMasterKeyBytes &&
      data.size() == kMasterKeyBytes) {
    return Keyring::FromEpoch(repository, std::move(meta), key_id, std::move(data));
  }
  return Corrupt(slot.name + ": holds no keys");
}

}  // namespace

const char* SlotKindName(Header::Kind kind) {
  switch (kind) {
    case Header::PASSPHRASE:
      return "passphrase";
    case Header::KEY_FILE:
      return "key file";
    case Header::KMS:
      return "KMS";
    default:
      return "unknown";
  }
}

Header::Kind SlotSecret::kind() const {
  if (kms != nullptr) return Header::KMS;
  if (!key_file.empty()) return Header::KEY_FILE;
  return passphrase.empty() ? Header::KIND_UNKNOWN : Header::PASSPHRASE;
}

Result<KeySlotObject> MakeKeySlot(const Keyring& keys, const SlotSecret& secret,
                                  const NewSlot& slot, const CallContext& context) {
  Header header;
  std::string id = slot.fixed_id;
  if (id.empty()) {
    MB_ASSIGN_OR_RETURN(Uuid random, RandomUuid());
    id = UuidToString(random);
  }
  header.set_slot_id(id);
  header.set_repository_id(keys.repository_id());
  header.set_kind(secret.kind());
  header.set_label(slot.label);
  header.set_created_ms(slot.created_ms);
  header.set_created_by(slot.program);
  format::KeySlotSecret inside;
  MB_RETURN_IF_ERROR(FillKeys(keys, slot.epoch_only, &header, &inside));
  MB_ASSIGN_OR_RETURN(SecretBytes raw, NewSecret(secret, slot, &header, context));
  SlotKeys slot_keys = DeriveSlotKeys(raw, header);
  std::string plain = inside.SerializeAsString();
  format::KeySlot object;
  object.set_header(header.SerializeAsString());
  object.set_commitment(slot_keys.commitment.data(), slot_keys.commitment.size());
  object.set_sealed(ToString(SealSecret(slot_keys, object.header(), plain)));
  object.set_mac(ToString(keys.SlotMac(AsBytes(MacText(object)))));
  Wipe(&plain);
  Wipe(inside.mutable_master());
  Wipe(inside.mutable_meta());
  Wipe(inside.mutable_data_key());
  KeySlotObject out;
  out.name = kKeyPrefix + ToHex(AsBytes(id));
  Salt salt = slot.fixed_salt != nullptr ? *slot.fixed_salt : FreshSalt();
  ObjectBuilder builder(ObjectType::kKeySlot, salt);
  MB_RETURN_IF_ERROR(builder.Add(object));
  out.bytes = builder.Finish();
  // What cannot be opened again is no slot.
  MB_ASSIGN_OR_RETURN(KeySlotView view, DecodeKeySlot(out.name, out.bytes));
  MB_RETURN_IF_ERROR(OpenKeySlot(view, secret, context).status());
  return out;
}

Result<KeySlotView> DecodeKeySlot(const std::string& name, ByteView bytes) {
  KeySlotView out;
  out.name = name;
  size_t records = 0;
  MB_RETURN_IF_ERROR(ReadObject(ObjectType::kKeySlot, name, bytes, [&](ByteView record) {
    ++records;
    if (!out.slot.ParseFromArray(record.data(), static_cast<int>(record.size())) ||
        !out.header.ParseFromString(out.slot.header())) {
      return Corrupt(name + ": cannot be parsed");
    }
    return Status::Ok();
  }));
  const Header& h = out.header;
  if (records != 1 || h.slot_id().size() != 16 || h.repository_id().size() != 16 ||
      out.slot.commitment().size() != kCommitmentBytes ||
      out.slot.sealed().size() < kAeadTagBytes) {
    return Corrupt(name + ": is no key slot");
  }
  if (name != kKeyPrefix + ToHex(AsBytes(h.slot_id()))) {
    return Corrupt(name + ": is the key slot of another name");
  }
  bool passphrase = h.kind() == Header::PASSPHRASE;
  if (passphrase && (h.argon2id().salt().size() < kKdfSaltBytes ||
                     h.argon2id().salt().size() > kKdfSaltBytesMax)) {
    return Corrupt(name + ": a passphrase slot without a salt");
  }
  if (h.kind() == Header::KMS && h.kms().wrapped().size() > kWrappedBytesMax) {
    return Corrupt(name + ": impossible length of a wrapped key");
  }
  if (!passphrase && h.kind() != Header::KEY_FILE && h.kind() != Header::KMS) {
    return Status(Code::kUnsupported, name + ": a key slot of an unknown kind")
        .WithHint("a newer maxbrod made it: use that version, or another slot");
  }
  return out;
}

Result<std::shared_ptr<Keyring>> OpenKeySlot(const KeySlotView& slot, const SlotSecret& secret,
                                             const CallContext& context) {
  MB_CHECK(secret.kind() == slot.header.kind());
  auto raw = SecretOf(slot.header, secret, context);
  if (!raw.ok()) return raw.status().WithContext(slot.name);
  SlotKeys keys = DeriveSlotKeys(*raw, slot.header);
  if (!ConstantTimeEqual(keys.commitment, AsBytes(slot.slot.commitment()))) {
    switch (slot.header.kind()) {
      case Header::PASSPHRASE:
        return Status(Code::kAuthentication, "wrong passphrase");
      case Header::KEY_FILE:
        return Status(Code::kAuthentication, "the key file is not this repository's");
      default:
        return Corrupt(slot.name + ": the KMS unwrapped another key than the slot was made with");
    }
  }
  ByteView sealed = AsBytes(slot.slot.sealed());
  sealed = sealed.first(sealed.size() - kAeadTagBytes);
  SecretBytes plain(sealed.size());
  Aes256Gcm gcm(keys.key.view());
  format::KeySlotSecret inside;
  if (!gcm.Open(AeadNonce{}, AsBytes(slot.slot.header()), sealed, sealed.data() + sealed.size(),
                plain.data().data()) ||
      !inside.ParseFromArray(plain.view().data(), static_cast<int>(plain.size()))) {
    return Corrupt(slot.name + ": the key slot was changed by somebody without the keys")
        .WithHint("use another slot, and remove this one with 'maxbrod keys remove'");
  }
  MB_ASSIGN_OR_RETURN(std::shared_ptr<Keyring> ring, RingOf(slot, &inside));
  if (!IsGenuine(slot, *ring)) {
    return Corrupt(slot.name + ": the key slot was changed by somebody without the keys");
  }
  return ring;
}

bool IsGenuine(const KeySlotView& slot, const Keyring& keys) {
  return ConstantTimeEqual(keys.SlotMac(AsBytes(MacText(slot.slot))), AsBytes(slot.slot.mac()));
}

}  // namespace maxbrod::repo
