#include "repo/unlock.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "repo/commit_log.h"

namespace maxbrod::repo {
namespace {

using Header = format::KeySlotHeader;

constexpr size_t kSlotBytesMax = 64 * kKiB;
constexpr size_t kIdDigitsMin = 4;

Result<std::vector<std::string>> SlotNames(store::Store& store, const CallContext& context) {
  std::vector<std::string> names;
  std::string after;
  while (true) {
    MB_ASSIGN_OR_RETURN(store::ListPage page, store.List(kKeyPrefix, after, 1000, context));
    for (const store::ObjectInfo& object : page.objects) {
      after = object.name;
      Bytes id;
      std::string_view hex = std::string_view(object.name).substr(sizeof(kKeyPrefix) - 1);
      if (FromHex(hex, &id) && id.size() == 16) names.push_back(object.name);
    }
    if (names.size() > kKeySlotsMax) {
      return Status(Code::kUnsupported, fmt::format("more than {} key slots", kKeySlotsMax))
          .WithHint("remove those that nobody uses");
    }
    if (!page.truncated) return names;
  }
}

bool IdBegins(const KeySlotView& slot, const std::string& digits) {
  return slot.name.compare(sizeof(kKeyPrefix) - 1, digits.size(), digits) == 0;
}

std::string KindsText(const std::vector<KeySlotInfo>& slots) {
  std::set<std::string> kinds;
  for (const KeySlotInfo& slot : slots) {
    if (slot.problem.ok()) kinds.insert(SlotKindName(slot.view.header.kind()));
  }
  std::string out;
  for (const std::string& kind : kinds) out += (out.empty() ? "" : ", ") + kind;
  return out.empty() ? "none" : out;
}

bool HasSlotFor(const std::vector<KeySlotInfo>& slots, const KeyWrapper& kms) {
  return std::any_of(slots.begin(), slots.end(), [&](const KeySlotInfo& slot) {
    return slot.problem.ok() && slot.view.header.kind() == Header::KMS &&
           slot.view.header.kms().provider() == kms.provider();
  });
}

Status NothingGiven(const std::vector<KeySlotInfo>& slots) {
  return Status(Code::kAuthentication, "the repository is encrypted, and no key was given")
      .WithHint(
          "give --passphrase-file or --key-file (or set MAXBROD_PASSPHRASE_FILE); its slots: " +
          KindsText(slots));
}

Status DowngradeRefused() {
  return Status(Code::kConflict, "a key was given, but the repository is not encrypted")
      .WithHint(
          "is it the right one? Somebody may have replaced it by a plain one; without a key "
          "it opens as it is");
}

// Tries the secret on each slot of its kind. The most telling error wins: a slot that was changed
// before a secret that does not fit.
Result<std::shared_ptr<Keyring>> TrySlots(const std::vector<KeySlotInfo>& slots,
                                          const KeySource& source, const SlotSecret& secret,
                                          const CallContext& context) {
  Status worst;
  size_t tried = 0;
  for (const KeySlotInfo& slot : slots) {
    if (slot.problem.ok() && slot.view.header.kind() != secret.kind()) continue;
    if (secret.kms != nullptr && slot.problem.ok() &&
        slot.view.header.kms().provider() != secret.kms->provider()) {
      continue;
    }
    if (!IdBegins(slot.view, source.slot)) continue;
    MB_RETURN_IF_ERROR(context.Check());
    if (!slot.problem.ok()) {
      if (worst.ok() || worst.code() == Code::kAuthentication) worst = slot.problem;
      continue;
    }
    ++tried;
    auto ring = OpenKeySlot(slot.view, secret, context);
    if (ring.ok()) return ring;
    if (worst.ok() || worst.code() == Code::kAuthentication) worst = ring.status();
  }
  if (tried == 0 && worst.ok()) {
    return Status(Code::kAuthentication,
                  fmt::format("the repository has no {} slot{}", SlotKindName(secret.kind()),
                              source.slot.empty() ? "" : " of this id"))
        .WithHint("it has slots for: " + KindsText(slots));
  }
  if (worst.code() == Code::kAuthentication && secret.kind() == Header::PASSPHRASE) {
    return std::move(worst).WithHint(
        "passphrases are taken byte for byte, but for one line end at a file's end");
  }
  return worst;
}

Status StoreSlot(store::Store& store, const KeySlotObject& slot, const CallContext& context) {
  constexpr int kTries = 3;
  for (int i = 0; i < kTries; ++i) {
    MB_ASSIGN_OR_RETURN(store::PutResult put, store.PutIfAbsent(slot.name, slot.bytes, context));
    if (put.outcome == store::PutOutcome::kCreated ||
        put.outcome == store::PutOutcome::kExistsSame) {
      return Status::Ok();
    }
    if (put.outcome == store::PutOutcome::kExistsOther) {
      return Status(Code::kInternal, slot.name + ": another slot has this random name");
    }
  }
  return Status(Code::kUnavailable, slot.name + ": the store did not confirm that it was stored")
      .Retryable();
}

}  // namespace

Result<std::vector<KeySlotInfo>> ListKeySlots(store::Store& store, const std::string& repository_id,
                                              const CallContext& context) {
  MB_ASSIGN_OR_RETURN(std::vector<std::string> names, SlotNames(store, context));
  std::vector<KeySlotInfo> out;
  for (const std::string& name : names) {
    KeySlotInfo info;
    info.view.name = name;
    auto bytes = store.Get(name, kSlotBytesMax, context);
    auto view = bytes.ok() ? DecodeKeySlot(name, *bytes) : bytes.status();
    if (view.ok()) {
      // Left by an init that was killed, or brought from elsewhere: nothing of ours.
      if (view->header.repository_id() != repository_id) continue;
      info.view = std::move(*view);
    } else if (view.status().code() == Code::kNotFound) {
      continue;
    } else if (view.status().code() == Code::kCorrupt ||
               view.status().code() == Code::kUnsupported) {
      info.problem = view.status();
    } else {
      return view.status();
    }
    out.push_back(std::move(info));
  }
  return out;
}

Result<std::shared_ptr<Keyring>> Unlock(store::Store& store, const format::Config& config,
                                        const KeySource& source, const CallContext& context) {
  if (config.crypto() == format::CRYPTO_PLAIN) {
    if (source.given()) return DowngradeRefused();
    return std::shared_ptr<Keyring>();
  }
  MB_ASSIGN_OR_RETURN(auto slots, ListKeySlots(store, config.repository_id(), context));
  if (slots.empty()) {
    return Status(Code::kNotFound, "the repository is encrypted and has no key slot left")
        .WithHint("bring back an object from under keys/ (an older version, a copy)");
  }
  SlotSecret asked;
  const SlotSecret* secret = &source.secret;
  bool use_kms = !source.given() && source.kms != nullptr && HasSlotFor(slots, *source.kms);
  if (use_kms) {
    asked.kms = source.kms.get();
    secret = &asked;
  } else if (!source.given()) {
    if (!source.ask_passphrase) return NothingGiven(slots);
    MB_ASSIGN_OR_RETURN(asked.passphrase, source.ask_passphrase());
    if (asked.passphrase.empty()) return NothingGiven(slots);
    secret = &asked;
  }
  MB_ASSIGN_OR_RETURN(std::shared_ptr<Keyring> ring, TrySlots(slots, source, *secret, context));
  if (ring->full() && ring->KeyCheck() != config.key_check()) {
    return Status(Code::kCorrupt, "'config' does not belong to the keys in the slot")
        .WithHint("config or slots were replaced; put the original ones back");
  }
  return ring;
}

Result<std::string> AddKeySlot(store::Store& store, const Keyring& keys, const SlotSecret& secret,
                               const NewSlot& slot, const CallContext& context) {
  MB_ASSIGN_OR_RETURN(KeySlotObject object, MakeKeySlot(keys, secret, slot, context));
  MB_RETURN_IF_ERROR(StoreSlot(store, object, context));
  return object.name;
}

Result<std::string> RemoveKeySlot(store::Store& store, const Keyring& keys,
                                  const std::string& id_digits, const CallContext& context) {
  MB_ASSIGN_OR_RETURN(auto slots, ListKeySlots(store, keys.repository_id(), context));
  const KeySlotInfo* found = nullptr;
  size_t others = 0;
  for (const KeySlotInfo& slot : slots) {
    if (id_digits.size() >= kIdDigitsMin && IdBegins(slot.view, id_digits)) {
      if (found != nullptr) {
        return Status(Code::kInvalidArgument,
                      "'" + id_digits + "' is the beginning of several ids");
      }
      found = &slot;
    } else if (slot.problem.ok() && slot.view.header.data_key_id() == 0 &&
               IsGenuine(slot.view, keys)) {
      ++others;
    }
  }
  if (found == nullptr) {
    return Status(Code::kNotFound, "no key slot '" + id_digits + "'")
        .WithHint("give at least 4 digits of an id that 'maxbrod keys list' shows");
  }
  if (others == 0) {
    return Status(Code::kConflict, "this is the last slot that opens everything")
        .WithHint("add another one first: without any slot the data is lost");
  }
  MB_RETURN_IF_ERROR(store.Remove(found->view.name, context));
  return found->view.name;
}

}  // namespace maxbrod::repo
