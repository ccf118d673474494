// Any bytes as a key slot, and as an object of an encrypted repository: what somebody without the
// keys can put into the store.
#include <cstdlib>

#include "object_input.h"
#include "repo/key_slot.h"

using namespace maxbrod;  // NOLINT
using repo::ObjectType;

namespace {

const std::string kRepository(16, 'r');
const std::string kName = "log/0000000000000000/00000000000000000001";

const repo::Keyring& Keys() {
  static const auto keys =
      repo::Keyring::FromMaster(kRepository, SecretBytes(Bytes(repo::kMasterKeyBytes, 3)));
  return *keys;
}

std::vector<Bytes> Read(ByteView object, bool* ok) {
  std::vector<Bytes> records;
  auto add = [&](ByteView record) {
    records.emplace_back(record.begin(), record.end());
    return Status::Ok();
  };
  *ok = repo::ReadObject(ObjectType::kCommit, kName, object, add, &Keys()).ok();
  return records;
}

void Open(const std::string& name, ByteView object) {
  auto slot = repo::DecodeKeySlot(name, object);
  // Argon2id takes its time on purpose: only the other kinds are opened here.
  if (!slot.ok() || slot->header.kind() != format::KeySlotHeader::KEY_FILE) return;
  repo::SlotSecret secret;
  secret.key_file = SecretBytes(Bytes(repo::kKeyFileBytes, 7));
  (void)repo::OpenKeySlot(*slot, secret, {});
  (void)repo::IsGenuine(*slot, Keys());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteView input(data, size);
  bool ok = false;
  (void)Read(input, &ok);
  // Records with right tags around them.
  std::vector<Bytes> records = fuzz::SplitRecords(input);
  repo::ObjectBuilder builder(ObjectType::kCommit, &Keys(), kName, fuzz::FixedSalt());
  if (records.empty()) builder.Add(repo::EncodePayload({}));
  for (const Bytes& record : records) builder.Add(repo::EncodePayload(record));
  Bytes object = builder.Finish();
  std::vector<Bytes> back = Read(object, &ok);
  if (!ok || (!records.empty() && back != records)) std::abort();
  // A right header, and frames of anybody: none has a right tag.
  object.resize(repo::kObjectHeaderBytes);
  Append(object, input);
  (void)Read(object, &ok);
  if (ok) std::abort();

  const std::string id(16, 'i');
  const std::string name = "keys/" + ToHex(AsBytes(id));
  Open(name, input);
  Open(name, fuzz::Wrap(ObjectType::kKeySlot, {Bytes(data, data + size)}));
  // A sound slot around a header of anybody.
  format::KeySlotHeader header;
  if (!header.ParseFromArray(data, static_cast<int>(size))) return 0;
  header.set_slot_id(id);
  header.set_repository_id(kRepository);
  format::KeySlot slot;
  slot.set_header(header.SerializeAsString());
  slot.set_commitment(std::string(32, 'c'));
  slot.set_sealed(std::string(40, 's'));
  std::string text = slot.SerializeAsString();
  Open(name, fuzz::Wrap(ObjectType::kKeySlot, {Bytes(text.begin(), text.end())}));
  return 0;
}
