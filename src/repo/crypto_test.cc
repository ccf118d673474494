// Attacks on an encrypted repository by somebody who may write to the store but has no key: each
// must be noticed, and none may crash a reader. The attacker knows the format and mends all
// checksums.
#include <gtest/gtest.h>

#include <set>

#include "codec/crc32c.h"
#include "codec/hash.h"
#include "repo/content_object.h"
#include "repo/crypto_testing.h"
#include "repo/pack_format.h"
#include "repo/receipt.h"

namespace maxbrod::repo {
namespace {

bool IsPack(const std::string& name) {
  return name.starts_with("pack/") || name.starts_with("l0/");
}

// Encrypted objects of every kind, one or more of each.
std::vector<std::string> SealedNames(EncryptedRepository& r) {
  std::vector<std::string> names;
  std::set<std::string> kinds;
  for (const std::string& name : r.Names()) {
    if (name.starts_with("config") || name.starts_with("keys/")) continue;
    kinds.insert(name.substr(0, name.find('/')));
    names.push_back(name);
  }
  EXPECT_EQ(kinds, (std::set<std::string>{"checkpoint", "l0", "log", "manifest", "offset-map",
                                          "snapshot"}));
  return names;
}

// One name of each kind.
std::vector<std::string> OneOfEach(EncryptedRepository& r) {
  std::vector<std::string> out;
  std::set<std::string> kinds;
  for (const std::string& name : SealedNames(r)) {
    if (kinds.insert(name.substr(0, name.find('/'))).second) out.push_back(name);
  }
  return out;
}

TEST(Crypto, ARepositoryComesBack) {
  EncryptedRepository r;
  Status status = r.ReadAll();
  EXPECT_TRUE(status.ok()) << status.ToString();
  for (const std::string& name : SealedNames(r)) {
    Status read = r.Read(name);
    EXPECT_TRUE(read.ok()) << read.ToString();
  }
}

TEST(Crypto, NothingLegibleIsStored) {
  EncryptedRepository r;
  for (const std::string& name : r.Names()) {
    std::string bytes = ToString(r.Get(name));
    for (const char* word : {"secret", "orders", "nightly", "xxxx"}) {
      EXPECT_EQ(bytes.find(word), std::string::npos) << word << " in " << name;
      EXPECT_EQ(name.find(word), std::string::npos) << name;
    }
  }
}

TEST(Crypto, NoTwoObjectsHaveOneSalt) {
  EncryptedRepository r;
  std::set<std::string> salts;
  size_t objects = 0;
  for (const std::string& name : r.Names()) {
    if (name == "config.copy") continue;  // the same bytes on purpose
    ++objects;
    salts.insert(ToString(HeaderSalt(r.Get(name))));
  }
  EXPECT_EQ(salts.size(), objects);
}

TEST(Crypto, EveryFlippedBitIsNoticed) {
  EncryptedRepository r;
  size_t flips = 0;
  for (const std::string& name : OneOfEach(r)) {
    const Bytes good = r.Get(name);
    for (size_t at = 0; at < good.size(); ++at) {
      Bytes bad = good;
      bad[at] ^= static_cast<uint8_t>(1u << (at % 8));
      if (at < kObjectHeaderBytes) FixHeader(&bad);
      if (at >= 76 && at < kObjectHeaderBytes) continue;  // the checksum that was just mended
      r.Put(name, bad);
      Status status = r.Read(name);
      EXPECT_FALSE(status.ok()) << name << " byte " << at;
      EXPECT_TRUE(status.code() == Code::kCorrupt || status.code() == Code::kUnsupported)
          << status.ToString();
      ++flips;
    }
    r.Put(name, good);
    ASSERT_TRUE(r.Read(name).ok());
  }
  EXPECT_GT(flips, 2000u);
}

// The trailer of a pack is plain; an attacker can make it say anything.
TEST(Crypto, AForgedPackTrailerIsNoticed) {
  EncryptedRepository r;
  std::string name = r.Names("l0/").front();
  const Bytes good = r.Get(name);
  size_t trailer = good.size() - kPackTrailerBytes;
  for (size_t at = 0; at < 16; ++at) {
    Bytes bad = good;
    bad[trailer + at] ^= 1;
    uint32_t crc = Crc32c(ByteView(good).subspan(12, 16));
    StoreBig<uint32_t>(bad.data() + trailer + 16,
                       Crc32cExtend(crc, ByteView(bad).subspan(trailer, 16)));
    r.Put(name, bad);
    EXPECT_FALSE(r.Read(name).ok()) << at;
  }
}

TEST(Crypto, TruncationAtEachFrameIsNoticed) {
  EncryptedRepository r;
  for (const std::string& name : OneOfEach(r)) {
    const Bytes good = r.Get(name);
    std::vector<size_t> borders = FrameBorders(good, IsPack(name));
    for (size_t i = 0; i + 1 < borders.size(); ++i) {
      Bytes cut(good.begin(), good.begin() + static_cast<ptrdiff_t>(borders[i]));
      r.Put(name, cut);
      EXPECT_FALSE(r.Read(name).ok()) << name << " after frame " << i;
      if (i == 0) continue;
      cut[borders[i - 1] + 10] |= kFrameLastOfObject;  // says that it is the last one
      r.Put(name, cut);
      EXPECT_FALSE(r.Read(name).ok()) << name << " after frame " << i << ", marked last";
    }
    Bytes longer = good;
    longer.insert(longer.end(), good.begin() + static_cast<ptrdiff_t>(borders[0]), good.end());
    r.Put(name, longer);
    EXPECT_FALSE(r.Read(name).ok()) << name << " with its frames twice";
    r.Put(name, good);
  }
}

TEST(Crypto, ReorderedFramesAreNoticed) {
  EncryptedRepository r;
  size_t swaps = 0;
  for (const std::string& name : SealedNames(r)) {
    const Bytes good = r.Get(name);
    std::vector<size_t> borders = FrameBorders(good, IsPack(name));
    for (size_t i = 0; i + 2 < borders.size(); ++i) {
      auto frame = [&](size_t n) {
        return ByteView(good).subspan(borders[n], borders[n + 1] - borders[n]);
      };
      Bytes bad(good.begin(), good.begin() + static_cast<ptrdiff_t>(borders[i]));
      Append(bad, frame(i + 1));
      Append(bad, frame(i));
      Append(bad, ByteView(good).subspan(borders[i + 2]));
      // Flags belong to places: leave them where they were.
      size_t second = borders[i] + frame(i + 1).size();
      bad[borders[i] + 10] = good[borders[i] + 10];
      bad[second + 10] = good[borders[i + 1] + 10];
      r.Put(name, bad);
      EXPECT_FALSE(r.Read(name).ok()) << name << " frames " << i << " and " << i + 1;
      ++swaps;
    }
    r.Put(name, good);
  }
  EXPECT_GT(swaps, 8u);
}

TEST(Crypto, FramesOfAnotherObjectAreNoticed) {
  EncryptedRepository r;
  std::vector<std::string> names = SealedNames(r);
  size_t replays = 0;
  for (const std::string& to : names) {
    const Bytes good = r.Get(to);
    std::vector<size_t> at = FrameBorders(good, IsPack(to));
    for (const std::string& from : names) {
      if (to == from || IsPack(to) != IsPack(from)) continue;
      Bytes other = r.Get(from);
      std::vector<size_t> theirs = FrameBorders(other, IsPack(from));
      Bytes bad(good.begin(), good.begin() + static_cast<ptrdiff_t>(at[0]));
      Append(bad, ByteView(other).subspan(theirs[0], theirs[1] - theirs[0]));
      bad[at[0] + 10] = good[at[0] + 10];
      Append(bad, ByteView(good).subspan(at[1]));
      r.Put(to, bad);
      EXPECT_FALSE(r.Read(to).ok()) << from << " in " << to;
      ++replays;
    }
    r.Put(to, good);
  }
  EXPECT_GT(replays, 20u);
}

// Two intact objects change places. (Names that are hashes are compared by who follows a
// reference.)
TEST(Crypto, SwappedObjectsAreNoticed) {
  for (const char* prefix : {"log/", "l0/"}) {
    EncryptedRepository r;
    std::vector<std::string> names = r.Names(prefix);
    ASSERT_GE(names.size(), 2u);
    for (size_t i = 0; i + 1 < names.size(); ++i) {
      Bytes a = r.Get(names[i]), b = r.Get(names[i + 1]);
      r.Put(names[i], b);
      r.Put(names[i + 1], a);
      EXPECT_FALSE(r.Read(names[i]).ok());
      EXPECT_FALSE(r.Read(names[i + 1]).ok());
      EXPECT_FALSE(r.ReadAll().ok());
      r.Put(names[i], a);
      r.Put(names[i + 1], b);
    }
    EXPECT_TRUE(r.ReadAll().ok());
  }
}

TEST(Crypto, ObjectsOfAnotherRepositoryAreNoticed) {
  EncryptedRepository r(7), other(8);
  for (const char* prefix :
       {"log/", "checkpoint/", "manifest/", "snapshot/", "offset-map/", "l0/"}) {
    std::string name = r.Names(prefix).front();
    const Bytes good = r.Get(name);
    r.Put(name, other.Get(other.Names(prefix).front()));
    Status status = r.Read(name);
    EXPECT_EQ(status.code(), Code::kCorrupt) << prefix << status.ToString();
    EXPECT_FALSE(r.ReadAll().ok()) << prefix;
    r.Put(name, good);
  }
  // Everything at once: the whole repository of somebody else, who has another key.
  auto opened = other.Open(TestKeySource(7));
  EXPECT_EQ(opened.status().code(), Code::kAuthentication) << opened.status().ToString();
}

// One master key in two repositories: the objects still do not fit.
TEST(Crypto, TheRepositoryIdIsPartOfEveryKey) {
  SecretBytes master{Bytes(32, 1)};
  auto a = Keyring::FromMaster(TestId(1), master.Clone());
  auto b = Keyring::FromMaster(TestId(2), master.Clone());
  EXPECT_NE(a->KeyCheck(), b->KeyCheck());
  format::CommitRecord record;
  record.mutable_header()->set_sequence(3);
  auto bytes = EncodeCommit({record}, a.get());
  ASSERT_TRUE(bytes.ok()) << bytes.status().ToString();
  EXPECT_TRUE(DecodeCommit(LogName(Sequence(3)), *bytes, a.get()).ok());
  EXPECT_EQ(DecodeCommit(LogName(Sequence(3)), *bytes, b.get()).status().code(), Code::kCorrupt);
  EXPECT_EQ(DecodeCommit(LogName(Sequence(4)), *bytes, a.get()).status().code(), Code::kCorrupt);
}

TEST(Crypto, AnOldCommitInPlaceOfTheNewestIsNoticed) {
  EncryptedRepository r;
  std::vector<std::string> log = r.Names("log/");
  const Bytes newest = r.Get(log.back());
  r.Put(log.back(), r.Get(log[log.size() - 2]));
  auto opened = r.Open();
  EXPECT_EQ(opened.status().code(), Code::kCorrupt) << opened.status().ToString();
  r.Put(log.back(), newest);
  EXPECT_TRUE(r.Open().ok());
}

// The newest commits cut off: nothing in the repository can tell, a receipt does.
TEST(Crypto, ACutLogIsNoticedAgainstAReceipt) {
  EncryptedRepository r;
  auto before = r.Open();
  ASSERT_TRUE(before.ok());
  Receipt receipt = (*before)->head();
  EXPECT_TRUE(CheckReceipt(**before, receipt, {}).ok());
  ASSERT_TRUE(r.raw().Remove(r.Names("log/").back(), {}).ok());
  auto after = r.Open();
  ASSERT_TRUE(after.ok()) << after.status().ToString();
  Status status = CheckReceipt(**after, receipt, {});
  EXPECT_EQ(status.code(), Code::kConflict) << status.ToString();
  // Another history of the same length.
  ASSERT_TRUE((*after)->CommitPacks(TestPack((*after)->store(), "secret-orders", 50, 2), {}).ok());
  EXPECT_EQ(CheckReceipt(**after, receipt, {}).code(), Code::kConflict);
  ASSERT_TRUE((*after)->CommitPacks(TestPack((*after)->store(), "secret-orders", 70, 2), {}).ok());
  EXPECT_EQ(CheckReceipt(**after, receipt, {}).code(), Code::kConflict);
  auto parsed = ParseReceipt(receipt.ToString());
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed, receipt);
  for (const char* bad : {"", "head=", "17", "17:", "17:00", "x:00", "head=1:zz"}) {
    EXPECT_EQ(ParseReceipt(bad).status().code(), Code::kInvalidArgument) << bad;
  }
}

TEST(Crypto, APlainObjectIsNotTaken) {
  EncryptedRepository r;
  std::string name = r.Names("log/").back();
  auto config = DecodeConfig("config", r.Get("config"));
  ASSERT_TRUE(config.ok());
  auto opened = r.Open();
  ASSERT_TRUE(opened.ok());
  // The attacker can write everything that is not secret.
  format::CommitRecord record;
  record.mutable_header()->set_sequence((*opened)->head().sequence.value());
  record.mutable_header()->set_config_sha256(config->sha256);
  auto plain = EncodeCommit({record});
  ASSERT_TRUE(plain.ok());
  r.Put(name, *plain);
  Status status = r.Read(name);
  EXPECT_EQ(status.code(), Code::kCorrupt);
  EXPECT_NE(status.message().find("not encrypted"), std::string::npos) << status.ToString();
  EXPECT_EQ(r.Open().status().code(), Code::kCorrupt);
}

TEST(Crypto, ACheckLooksAtTheOtherSlots) {
  EncryptedRepository r;
  auto name = AddKeySlot(r.raw(), r.vault().keys(), TestKeyFile(9), {}, {});
  ASSERT_TRUE(name.ok());
  EXPECT_TRUE(r.ReadAll().ok());
  Bytes bytes = r.Get(*name);
  bytes[bytes.size() - 10] ^= 1;
  r.Put(*name, bytes);
  Status status = r.ReadAll();
  EXPECT_EQ(status.code(), Code::kCorrupt);
  EXPECT_NE(status.message().find(*name), std::string::npos) << status.message();
  // Forged, its checksums mended: a slot of somebody else's keys under this repository's id.
  auto foreign = Keyring::FromMaster(r.vault().keys().repository_id(), SecretBytes::Random(32));
  ASSERT_TRUE(r.raw().Remove(*name, {}).ok());
  name = AddKeySlot(r.raw(), *foreign, TestKeyFile(9), {}, {});
  ASSERT_TRUE(name.ok());
  EXPECT_EQ(r.ReadAll().code(), Code::kCorrupt);
  // And it opens nothing.
  EXPECT_EQ(r.Open(TestKeySource(9)).status().code(), Code::kCorrupt);
}

TEST(Crypto, TheConfigCannotBeReplaced) {
  EncryptedRepository r;
  auto config = DecodeConfig("config", r.Get("config"));
  ASSERT_TRUE(config.ok());
  format::Config forged = config->config;
  forged.set_created_by("somebody else");
  auto bytes = EncodeConfig(forged);
  ASSERT_TRUE(bytes.ok());
  r.Put("config", *bytes);
  r.Put("config.copy", *bytes);
  EXPECT_EQ(r.Open().status().code(), Code::kCorrupt);
  // Downgraded: a key was given, so a plain repository is refused.
  forged.set_crypto(format::CRYPTO_PLAIN);
  forged.clear_key_check();
  bytes = EncodeConfig(forged);
  ASSERT_TRUE(bytes.ok());
  r.Put("config", *bytes);
  r.Put("config.copy", *bytes);
  Status status = r.Open().status();
  EXPECT_EQ(status.code(), Code::kConflict) << status.ToString();
}

TEST(Crypto, TheConfigOfAnotherRepositoryIsNamed) {
  EncryptedRepository r(7), other(7);
  r.Put("config", other.Get("config"));
  Status status = r.Open().status();
  EXPECT_EQ(status.code(), Code::kCorrupt) << status.ToString();
  EXPECT_NE(status.message().find("'config' is of repository"), std::string::npos)
      << status.ToString();
  EXPECT_FALSE(status.hint().empty());
}

TEST(Crypto, NothingPlainGetsThroughAVault) {
  EncryptedRepository r;
  store::Store& store = r.vault();
  Bytes plain(200, 'x');
  EXPECT_EQ(store.PutIfAbsent("manifest/00", plain, {}).status().code(), Code::kInternal);
  ObjectBuilder builder(ObjectType::kManifest);
  builder.Add(EncodePayload({}));
  EXPECT_EQ(store.PutIfAbsent("manifest/00", builder.Finish(), {}).status().code(),
            Code::kInternal);
  auto writer = store.Create("pack/00/00", {});
  ASSERT_TRUE(writer.ok());
  EXPECT_EQ((*writer)->Append(ByteView(plain)).code(), Code::kInternal);
}

TEST(Crypto, WithoutKeysNothingIsRead) {
  EncryptedRepository r;
  Status status = r.Open(KeySource()).status();
  EXPECT_EQ(status.code(), Code::kAuthentication) << status.ToString();
  EXPECT_NE(status.hint().find("--key-file"), std::string::npos);
  std::string name = r.Names("log/").front();
  auto commit = DecodeCommit(name, r.Get(name));
  EXPECT_EQ(commit.status().code(), Code::kUnsupported);
  auto entries = ReadPackIndex(r.raw(), r.packs.packs(0), {});
  EXPECT_EQ(entries.status().code(), Code::kUnsupported);
}

TEST(Crypto, EpochsPartTheData) {
  EncryptedRepository r;
  auto repository = r.Open();
  ASSERT_TRUE(repository.ok());
  ASSERT_TRUE((*repository)->CommitKeyEpoch("yearly", {}).ok());
  EXPECT_EQ((*repository)->keys()->data_key_id(), 3u);
  format::AddPacks packs = TestPack((*repository)->store(), "secret-orders", 60, 2);
  EXPECT_EQ(packs.packs(0).key_id(), 3u);
  ASSERT_TRUE((*repository)->CommitPacks(packs, {}).ok());
  EXPECT_TRUE(r.ReadAll().ok());

  // A host with this epoch only.
  SlotSecret secret = TestKeyFile(9);
  NewSlot slot;
  slot.epoch_only = true;
  auto added =
      AddKeySlot((*repository)->store(), *(*repository)->keys(), secret, slot, CallContext());
  ASSERT_TRUE(added.ok()) << added.status().ToString();
  auto limited = r.Open(TestKeySource(9));
  ASSERT_TRUE(limited.ok()) << limited.status().ToString();
  EXPECT_FALSE((*limited)->keys()->full());
  store::Store& store = (*limited)->store();
  EXPECT_TRUE(ReadPackIndex(store, packs.packs(0), {}).ok());
  EXPECT_EQ(ReadPackIndex(store, r.packs.packs(0), {}).status().code(), Code::kPermission);
  EXPECT_TRUE((*limited)->CommitPacks(TestPack(store, "secret-orders", 80, 1), {}).ok());
  EXPECT_EQ((*limited)->CommitKeyEpoch("", {}).status().code(), Code::kPermission);
  // After the next rotation it can write no more.
  ASSERT_TRUE((*repository)->CommitKeyEpoch("again", {}).ok());
  ASSERT_TRUE((*limited)->Refresh({}).ok());
  EXPECT_EQ(PackWriter::Create(store, {}, {}).status().code(), Code::kPermission);
  // The number survives in a checkpoint.
  ASSERT_TRUE((*repository)->log().WriteCheckpoint({}).ok());
  for (const std::string& name : r.Names("log/")) ASSERT_TRUE(r.raw().Remove(name, {}).ok());
  auto again = r.Open();
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ((*again)->keys()->data_key_id(), 4u);
}

}  // namespace
}  // namespace maxbrod::repo
