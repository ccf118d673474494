#include "repo/key_slot.h"

#include <gtest/gtest.h>

#include "repo/commit_codec.h"
#include "repo/crypto_testing.h"

namespace maxbrod::repo {
namespace {

// The cheapest that is allowed: tests need no resistance.
constexpr Argon2Cost kCheap{1, kArgon2MemoryKibMin, 1};

SlotSecret Passphrase(std::string_view text) {
  SlotSecret secret;
  secret.passphrase = SecretBytes(AsBytes(text));
  return secret;
}

KeySource SourceOf(SlotSecret secret) {
  KeySource source;
  source.secret = std::move(secret);
  return source;
}

// Slots of a keyring, and what becomes of them.
class KeySlotTest : public ::testing::Test {
 protected:
  Result<KeySlotView> Make(const SlotSecret& secret, NewSlot slot = {}) {
    slot.cost = cost_;
    MB_ASSIGN_OR_RETURN(KeySlotObject object, MakeKeySlot(*keys_, secret, slot, {}));
    object_ = object;
    return DecodeKeySlot(object.name, object.bytes);
  }
  Code OpenCode(const KeySlotView& slot, const SlotSecret& secret) {
    auto ring = OpenKeySlot(slot, secret, {});
    if (!ring.ok()) return ring.status().code();
    EXPECT_TRUE((*ring)->meta().Equals(keys_->meta().view()));
    return Code::kOk;
  }
  // The slot with another header or body, its checksums right.
  Result<KeySlotView> Forge(const std::function<void(format::KeySlot*)>& change) {
    auto view = DecodeKeySlot(object_.name, object_.bytes);
    EXPECT_TRUE(view.ok());
    format::KeySlot slot = view->slot;
    change(&slot);
    ObjectBuilder builder(ObjectType::kKeySlot);
    EXPECT_TRUE(builder.Add(slot).ok());
    return DecodeKeySlot(object_.name, builder.Finish());
  }
  static void EditHeader(format::KeySlot* slot,
                         const std::function<void(format::KeySlotHeader*)>& change) {
    format::KeySlotHeader header;
    EXPECT_TRUE(header.ParseFromString(slot->header()));
    change(&header);
    slot->set_header(header.SerializeAsString());
  }

  std::shared_ptr<Keyring> keys_ = Keyring::FromMaster(TestId(1), SecretBytes(Bytes(32, 0x11)));
  Argon2Cost cost_ = kCheap;
  KeySlotObject object_;
};

TEST_F(KeySlotTest, APassphraseOpensItsSlot) {
  auto slot = Make(Passphrase("correct horse"));
  ASSERT_TRUE(slot.ok()) << slot.status().ToString();
  EXPECT_EQ(OpenCode(*slot, Passphrase("correct horse")), Code::kOk);
  Status wrong = OpenKeySlot(*slot, Passphrase("correct horsf"), {}).status();
  EXPECT_EQ(wrong.code(), Code::kAuthentication);
  EXPECT_NE(wrong.message().find("wrong passphrase"), std::string::npos);
  EXPECT_TRUE(IsGenuine(*slot, *keys_));
}

TEST_F(KeySlotTest, AKeyFileOpensItsSlot) {
  auto slot = Make(TestKeyFile(3));
  ASSERT_TRUE(slot.ok()) << slot.status().ToString();
  EXPECT_EQ(OpenCode(*slot, TestKeyFile(3)), Code::kOk);
  EXPECT_EQ(OpenCode(*slot, TestKeyFile(4)), Code::kAuthentication);
  SlotSecret shorter;
  shorter.key_file = SecretBytes(Bytes(31, 3));
  EXPECT_EQ(Make(shorter).status().code(), Code::kInvalidArgument);
}

TEST_F(KeySlotTest, AKmsOpensItsSlotAndItsErrorsComeThrough) {
  FakeKms kms;
  SlotSecret secret;
  secret.kms = &kms;
  auto slot = Make(secret);
  ASSERT_TRUE(slot.ok()) << slot.status().ToString();
  EXPECT_EQ(slot->header.kms().key(), "key-1");
  EXPECT_EQ(OpenCode(*slot, secret), Code::kOk);
  EXPECT_EQ(kms.last.at("maxbrod:repository"), ToHex(AsBytes(TestId(1))));
  EXPECT_EQ(kms.last.at("maxbrod:class"), "master");
  for (Code code : {Code::kPermission, Code::kNotFound, Code::kUnavailable}) {
    kms.failure = Status(code, "from the KMS");
    EXPECT_EQ(OpenCode(*slot, secret), code);
  }
  kms.failure = Status::Ok();
  // Of another repository: the encryption context does not fit.
  auto forged = Forge([](format::KeySlot* s) {
    EditHeader(s, [](format::KeySlotHeader* h) { h->set_repository_id(TestId(2)); });
  });
  ASSERT_TRUE(forged.ok());
  EXPECT_EQ(OpenCode(*forged, secret), Code::kCorrupt);
}

TEST_F(KeySlotTest, CostsHaveBounds) {
  for (Argon2Cost cost : {Argon2Cost{1, kArgon2MemoryKibMin - 1, 1}, Argon2Cost{0, 65536, 1},
                          Argon2Cost{1, kArgon2MemoryKibMax + 1, 1}, Argon2Cost{65, 65536, 1},
                          Argon2Cost{1, 65536, 0}, Argon2Cost{1, 65536, 65}}) {
    cost_ = cost;
    EXPECT_EQ(Make(Passphrase("p")).status().code(), Code::kInvalidArgument);
    cost_ = kCheap;
    ASSERT_TRUE(Make(Passphrase("p")).ok());
    auto forged = Forge([&](format::KeySlot* s) {
      EditHeader(s, [&](format::KeySlotHeader* h) {
        h->mutable_argon2id()->set_memory_kib(cost.memory_kib);
        h->mutable_argon2id()->set_passes(cost.passes);
        h->mutable_argon2id()->set_lanes(cost.lanes);
      });
    });
    ASSERT_TRUE(forged.ok());
    EXPECT_EQ(OpenCode(*forged, Passphrase("p")), Code::kUnsupported);
  }
  EXPECT_EQ(Make(SlotSecret()).status().code(), Code::kInvalidArgument);
}

TEST_F(KeySlotTest, AChangedSlotIsToldFromAWrongKey) {
  ASSERT_TRUE(Make(TestKeyFile(3)).ok());
  auto opened = [&](const std::function<void(format::KeySlot*)>& change) {
    auto forged = Forge(change);
    return forged.ok() ? OpenCode(*forged, TestKeyFile(3)) : forged.status().code();
  };
  EXPECT_EQ(opened([](format::KeySlot*) {}), Code::kOk);
  for (size_t at : {size_t{0}, size_t{5}, size_t{20}, size_t{40}}) {
    EXPECT_EQ(opened([&](format::KeySlot* s) { (*s->mutable_sealed())[at] ^= 1; }), Code::kCorrupt);
  }
  EXPECT_EQ(opened([](format::KeySlot* s) { (*s->mutable_mac())[3] ^= 1; }), Code::kCorrupt);
  EXPECT_EQ(opened([](format::KeySlot* s) {
              EditHeader(s, [](format::KeySlotHeader* h) { h->set_label("mine"); });
            }),
            Code::kCorrupt);
  EXPECT_EQ(opened([](format::KeySlot* s) {
              EditHeader(s, [](format::KeySlotHeader* h) { h->set_data_key_id(2); });
            }),
            Code::kCorrupt);
  EXPECT_EQ(opened([](format::KeySlot* s) {
              EditHeader(s, [](format::KeySlotHeader* h) { h->set_slot_id(TestId(5)); });
            }),
            Code::kCorrupt);
  // What a wrong key file gives, too.
  EXPECT_EQ(opened([](format::KeySlot* s) { (*s->mutable_commitment())[0] ^= 1; }),
            Code::kAuthentication);
  EXPECT_EQ(opened([](format::KeySlot* s) { s->mutable_commitment()->pop_back(); }),
            Code::kCorrupt);
  EXPECT_EQ(opened([](format::KeySlot* s) {
              EditHeader(s, [](format::KeySlotHeader* h) {
                h->set_kind(format::KeySlotHeader::KIND_UNKNOWN);
              });
            }),
            Code::kUnsupported);
  // A flipped bit without mended checksums is damage.
  for (size_t at = 0; at < object_.bytes.size(); ++at) {
    Bytes bad = object_.bytes;
    bad[at] ^= 0x10;
    EXPECT_FALSE(DecodeKeySlot(object_.name, bad).ok()) << at;
  }
}

// What the user sees, end to end.
class UnlockTest : public ::testing::Test {
 protected:
  Status OpenStatus(SlotSecret secret, const std::string& slot = "") {
    KeySource source = SourceOf(std::move(secret));
    source.slot = slot;
    return r_.Open(source).status();
  }
  std::string Add(const SlotSecret& secret) {
    NewSlot slot;
    slot.cost = kCheap;
    auto name = AddKeySlot(r_.raw(), r_.vault().keys(), secret, slot, {});
    EXPECT_TRUE(name.ok()) << name.status().ToString();
    return name.ok() ? *name : "";
  }
  std::string IdOf(const std::string& name) { return name.substr(5); }

  EncryptedRepository r_{7};
};

TEST_F(UnlockTest, SeveralSlotsOpenOneRepository) {
  Add(Passphrase("one"));
  Add(Passphrase("two"));
  Add(TestKeyFile(9));
  for (const char* text : {"one", "two"}) EXPECT_TRUE(OpenStatus(Passphrase(text)).ok()) << text;
  EXPECT_TRUE(OpenStatus(TestKeyFile(9)).ok());
  EXPECT_TRUE(OpenStatus(TestKeyFile(7)).ok());
  EXPECT_EQ(OpenStatus(Passphrase("three")).code(), Code::kAuthentication);
  EXPECT_EQ(OpenStatus(TestKeyFile(8)).code(), Code::kAuthentication);
}

TEST_F(UnlockTest, NoSlotForWhatWasGiven) {
  Status status = OpenStatus(Passphrase("one"));
  EXPECT_EQ(status.code(), Code::kAuthentication);
  EXPECT_NE(status.message().find("no passphrase slot"), std::string::npos) << status.message();
  EXPECT_NE(status.hint().find("key file"), std::string::npos) << status.hint();
  EXPECT_EQ(OpenStatus(TestKeyFile(7), "ffffffff").code(), Code::kAuthentication);
}

TEST_F(UnlockTest, ThePromptIsTheLastResort) {
  Add(Passphrase("typed"));
  int asked = 0;
  KeySource source;
  source.ask_passphrase = [&]() -> Result<SecretBytes> {
    ++asked;
    return SecretBytes(AsBytes("typed"));
  };
  EXPECT_TRUE(r_.Open(source).ok());
  EXPECT_EQ(asked, 1);
  source.ask_passphrase = []() -> Result<SecretBytes> { return SecretBytes(); };
  EXPECT_EQ(r_.Open(source).status().code(), Code::kAuthentication);
}

TEST_F(UnlockTest, ALostSlotLosesNothingWhileAnotherIsLeft) {
  std::string first = r_.Names("keys/").front();
  std::string second = Add(TestKeyFile(9));
  auto remove = [&](const std::string& id) {
    return RemoveKeySlot(r_.raw(), r_.vault().keys(), id, {}).status().code();
  };
  EXPECT_EQ(remove("fff"), Code::kNotFound);
  EXPECT_EQ(remove(""), Code::kNotFound);
  EXPECT_EQ(remove(IdOf(first).substr(0, 8)), Code::kOk);
  EXPECT_EQ(OpenStatus(TestKeyFile(7)).code(), Code::kAuthentication);
  EXPECT_TRUE(OpenStatus(TestKeyFile(9)).ok());
  EXPECT_EQ(remove(IdOf(second)), Code::kConflict);
  EXPECT_TRUE(OpenStatus(TestKeyFile(9)).ok());
  // A slot that opens one epoch only, or one that was forged, does not count.
  NewSlot slot;
  slot.epoch_only = true;
  ASSERT_TRUE(AddKeySlot(r_.raw(), r_.vault().keys(), TestKeyFile(10), slot, {}).ok());
  EXPECT_EQ(remove(IdOf(second)), Code::kConflict);
}

TEST_F(UnlockTest, ATamperedSlotIsNamedAndOthersStillOpen) {
  std::string second = Add(TestKeyFile(9));
  Bytes bytes = r_.Get(second);
  bytes[bytes.size() - 30] ^= 1;
  r_.Put(second, bytes);
  Status status = OpenStatus(TestKeyFile(9));
  EXPECT_EQ(status.code(), Code::kCorrupt) << status.ToString();
  EXPECT_NE(status.message().find(second), std::string::npos);
  EXPECT_TRUE(OpenStatus(TestKeyFile(7)).ok());
  auto slots = ListKeySlots(r_.raw(), r_.vault().keys().repository_id(), {});
  ASSERT_TRUE(slots.ok());
  EXPECT_EQ(slots->size(), 2u);
}

TEST_F(UnlockTest, AKmsIsUsedWithoutBeingAskedFor) {
  auto owned = std::make_shared<FakeKms>();
  FakeKms& kms = *owned;
  KeySource source;
  source.kms = owned;
  EXPECT_EQ(r_.Open(source).status().code(), Code::kAuthentication);
  EXPECT_EQ(kms.unwraps, 0);
  SlotSecret secret;
  secret.kms = &kms;
  Add(secret);
  kms.unwraps = 0;
  EXPECT_TRUE(r_.Open(source).ok());
  EXPECT_EQ(kms.unwraps, 1) << "one Decrypt per process";
  kms.failure = Status(Code::kPermission, "no kms:Decrypt");
  EXPECT_EQ(r_.Open(source).status().code(), Code::kPermission);
  EXPECT_TRUE(OpenStatus(TestKeyFile(7)).ok());
}

TEST_F(UnlockTest, WithoutAnySlotTheErrorSaysSo) {
  for (const std::string& name : r_.Names("keys/")) ASSERT_TRUE(r_.raw().Remove(name, {}).ok());
  Status status = OpenStatus(TestKeyFile(7));
  EXPECT_EQ(status.code(), Code::kNotFound) << status.ToString();
}

TEST_F(UnlockTest, AKeyAndAPlainRepositoryIsRefused) {
  auto store = std::make_unique<store::MemStore>();
  ASSERT_TRUE(Repository::Init(*store, InitOptions{"test", {}}, {}).ok());
  KeySource source = TestKeySource(7);
  OpenOptions options;
  options.keys = &source;
  EXPECT_EQ(Repository::Open(std::move(store), options, {}).status().code(), Code::kConflict);
}

TEST_F(UnlockTest, SlotsOfAnotherRepositoryAreNotOurs) {
  EncryptedRepository other(9);
  std::string name = other.Names("keys/").front();
  ASSERT_TRUE(r_.raw().PutIfAbsent(name, other.Get(name), {}).ok());
  EXPECT_EQ(OpenStatus(TestKeyFile(9)).code(), Code::kAuthentication);
  EXPECT_TRUE(OpenStatus(TestKeyFile(7)).ok());
}

}  // namespace
}  // namespace maxbrod::repo
