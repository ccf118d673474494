#include "repo/crypto_testing.h"

#include <sstream>

#include "codec/crc32c.h"
#include "repo/check.h"
#include "repo/dump.h"
#include "repo/offset_maps.h"
#include "repo/pack_format.h"

namespace maxbrod::repo {

SlotSecret TestKeyFile(uint8_t byte) {
  SlotSecret secret;
  secret.key_file = SecretBytes(Bytes(kKeyFileBytes, byte));
  return secret;
}

KeySource TestKeySource(uint8_t byte) {
  KeySource source;
  source.secret = TestKeyFile(byte);
  return source;
}

Result<Bytes> FakeKms::Wrap(const std::string& key, const SecretBytes& secret,
                            const EncryptionContext& encryption_context, const CallContext&) {
  MB_RETURN_IF_ERROR(failure);
  last = encryption_context;
  Bytes out;
  for (uint8_t b : secret.view()) out.push_back(b ^ 0x5a);
  Bytes text;
  Append(text, AsBytes(key));
  for (const auto& [name, value] : encryption_context) Append(text, AsBytes(name + "=" + value));
  Append(out, Sha256(text));
  return out;
}

Result<SecretBytes> FakeKms::Unwrap(const std::string& key, ByteView wrapped,
                                    const EncryptionContext& encryption_context,
                                    const CallContext& context) {
  ++unwraps;
  MB_RETURN_IF_ERROR(failure);
  if (wrapped.size() != 64) return Status(Code::kCorrupt, "not a wrapped key");
  SecretBytes secret(size_t{32});
  for (size_t i = 0; i < 32; ++i) secret.data()[i] = wrapped[i] ^ 0x5a;
  auto again = Wrap(key, secret, encryption_context, context);
  if (!again.ok() || !std::equal(wrapped.begin(), wrapped.end(), again->begin())) {
    return Status(Code::kCorrupt, "another encryption context");
  }
  return secret;
}

EncryptedRepository::EncryptedRepository(uint8_t key) : key_(key) {
  SlotSecret secret = TestKeyFile(key);
  InitOptions init{"test", {}};
  init.slots.push_back({&secret, {}});
  Status made = Repository::Init(*raw_, init, {});
  EXPECT_TRUE(made.ok()) << made.ToString();
  auto repository = Open();
  EXPECT_TRUE(repository.ok()) << repository.status().ToString();
  vault_ = std::make_unique<Vault>(raw_, static_cast<Vault&>((*repository)->store()).shared_keys());
  Repository& r = **repository;
  packs = TestPack(r.store(), "secret-orders", 0, 3);
  EXPECT_TRUE(r.CommitPacks(packs, {}).ok());
  EXPECT_TRUE(r.CommitPacks(TestPack(r.store(), "secret-orders", 30, 2), {}).ok());
  auto snapshot = r.CommitSnapshot(TestDraft("nightly", {{"secret-orders", 50}}), {}, {});
  EXPECT_TRUE(snapshot.ok()) << snapshot.status().ToString();
  PartitionOffsetMap map{"secret-orders", "secret-copy", 0, OffsetMap(0, 50, 7)};
  EXPECT_TRUE(map.map.Add(0, 7, 50).ok());
  auto maps = WriteOffsetMaps(r.store(), {map}, {});
  EXPECT_TRUE(maps.ok()) << maps.status().ToString();
  format::RestoreRecord restore;
  restore.set_restore_id(TestId(9));
  restore.set_snapshot_id(r.state()->snapshots.front().id());
  restore.set_state(format::RestoreRecord::CREATED);
  *restore.add_offset_maps() = maps->front();
  auto receipt = r.CommitRestore(restore, {});
  EXPECT_TRUE(receipt.ok()) << receipt.status().ToString();
  EXPECT_TRUE(r.log().WriteCheckpoint({}).ok());
  EXPECT_TRUE(r.CommitPacks(TestPack(r.store(), "secret-orders", 50, 1), {}).ok());
}

Result<std::unique_ptr<Repository>> EncryptedRepository::Open(const KeySource& source) {
  OpenOptions options;
  options.program = "test";
  options.clock = &clock_;
  options.seed = 1;
  options.keys = &source;
  return Repository::Open(std::make_unique<store::ForwardingStore>(raw_), options, {});
}

std::vector<std::string> EncryptedRepository::Names() {
  return Names("");
}

std::vector<std::string> EncryptedRepository::Names(const std::string& prefix) {
  std::vector<std::string> names;
  auto page = raw_->List(prefix, "", 1000, {});
  EXPECT_TRUE(page.ok());
  for (const auto& object : page->objects) names.push_back(object.name);
  return names;
}

Bytes EncryptedRepository::Get(const std::string& name) {
  auto bytes = raw_->Get(name, kSmallObjectBytesMax, {});
  EXPECT_TRUE(bytes.ok()) << bytes.status().ToString();
  return bytes.ok() ? *bytes : Bytes();
}

void EncryptedRepository::Put(const std::string& name, Bytes bytes) {
  ASSERT_TRUE(raw_->Overwrite(name, std::move(bytes))) << name;
}

Status EncryptedRepository::Read(const std::string& name) {
  std::ostringstream out;
  return DumpObject(*vault_, name, out, {.json = false, .batch_headers = true}, {});
}

Status EncryptedRepository::ReadAll() {
  MB_ASSIGN_OR_RETURN(auto repository, Open());
  MB_ASSIGN_OR_RETURN(CheckReport report,
                      CheckRepository(repository->log(), repository->index_cache(), {}));
  MB_RETURN_IF_ERROR(report.Outcome());
  for (const format::SnapshotRef& ref : repository->state()->snapshots) {
    MB_RETURN_IF_ERROR(ReadWhole(*repository, ref));
  }
  for (const format::LoosePack& loose : repository->state()->loose_packs) {
    MB_RETURN_IF_ERROR(ReadPackIndex(repository->store(), loose.pack(), {}).status());
  }
  return Status::Ok();
}

std::vector<size_t> FrameBorders(ByteView object, bool pack) {
  std::vector<size_t> borders = {kObjectHeaderBytes};
  size_t end = object.size() - (pack ? kPackTrailerBytes : 0);
  while (borders.back() < end) {
    size_t at = borders.back();
    borders.push_back(at + kFrameHeaderBytes + LoadBig<uint32_t>(object.data() + at + 4) +
                      kSealedTrailerBytes);
  }
  EXPECT_EQ(borders.back(), end);
  return borders;
}

void FixHeader(Bytes* object) {
  StoreBig<uint32_t>(object->data() + 76, Crc32c(ByteView(*object).first(76)));
}

}  // namespace maxbrod::repo
