// An encrypted repository in memory, for tests that attack it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "repo/repository_testing.h"
#include "repo/unlock.h"
#include "store/mem_store.h"

namespace maxbrod::repo {

// 32 bytes, all of them `byte`.
SlotSecret TestKeyFile(uint8_t byte);
KeySource TestKeySource(uint8_t byte);

// Opens slots of its own; what it wraps is no secret. Knows how to fail.
class FakeKms final : public KeyWrapper {
 public:
  std::string provider() const override { return "fake"; }
  std::string key() const override { return key_; }
  Result<Bytes> Wrap(const std::string& key, const SecretBytes& secret,
                     const EncryptionContext& encryption_context,
                     const CallContext& context) override;
  Result<SecretBytes> Unwrap(const std::string& key, ByteView wrapped,
                             const EncryptionContext& encryption_context,
                             const CallContext& context) override;

  std::string key_ = "key-1";
  Status failure;  // of every call, if not OK
  EncryptionContext last;
  int unwraps = 0;
};

// A repository with a key file slot of `key` bytes: two commits of packs, a snapshot with
// manifests, an offset map, a checkpoint.
class EncryptedRepository {
 public:
  explicit EncryptedRepository(uint8_t key = 7);

  store::MemStore& raw() { return *raw_; }
  // The raw store, with the keys.
  Vault& vault() { return *vault_; }
  Result<std::unique_ptr<Repository>> Open(const KeySource& source);
  Result<std::unique_ptr<Repository>> Open() { return Open(TestKeySource(key_)); }
  std::vector<std::string> Names();
  // Those of one kind, e.g. "log/".
  std::vector<std::string> Names(const std::string& prefix);
  Bytes Get(const std::string& name);
  void Put(const std::string& name, Bytes bytes);
  // Reads all of an object with the keys, whatever its kind.
  Status Read(const std::string& name);
  // Opens and reads everything that is named, packs included.
  Status ReadAll();

  format::AddPacks packs;

 private:
  FakeClock clock_;
  const uint8_t key_;
  std::shared_ptr<store::MemStore> raw_ =
      std::make_shared<store::MemStore>(store::MemStoreOptions{&clock_});
  std::unique_ptr<Vault> vault_;
};

// Where the frames of an object begin, and where the last one ends. `sealed` tells the trailer.
std::vector<size_t> FrameBorders(ByteView object, bool pack);
// Makes the CRC32C of an object's header right, as an attacker would.
void FixHeader(Bytes* object);

}  // namespace maxbrod::repo
