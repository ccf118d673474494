// Names and bytes of the small objects that carry the log: config, commits. See
// docs/commit-protocol.md for what they mean and docs/format.md for how they are framed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "repo/format.pb.h"
#include "store/store.h"

namespace maxbrod::repo {

class Keyring;

inline constexpr char kConfigName[] = "config";
inline constexpr char kConfigCopyName[] = "config.copy";
inline constexpr char kLogPrefix[] = "log/";
inline constexpr char kCheckpointPrefix[] = "checkpoint/";
inline constexpr char kManifestPrefix[] = "manifest/";
inline constexpr char kSnapshotPrefix[] = "snapshot/";
inline constexpr char kOffsetMapPrefix[] = "offset-map/";
inline constexpr char kPackPrefix[] = "pack/";
inline constexpr char kSmallPackPrefix[] = "l0/";
inline constexpr char kKeyPrefix[] = "keys/";

// "log/0000000000000000/00000000000000000017".
std::string LogName(Sequence sequence);
// False when `name` is not the name of a log slot.
bool ParseLogName(const std::string& name, Sequence* sequence);
// "checkpoint/<10^20-1-sequence>-<first 16 hex of sha256>"; sorts newest first.
std::string CheckpointName(Sequence sequence, const std::string& sha256);
bool ParseCheckpointName(const std::string& name, Sequence* sequence, std::string* hash_prefix);
std::string ManifestName(const format::ObjectRef& ref);
std::string SnapshotObjectName(const format::ObjectRef& ref);
std::string OffsetMapName(const format::ObjectRef& ref);
// Hash and length of stored bytes, as references name them.
format::ObjectRef RefOf(ByteView stored);
// 32 bytes.
std::string Sha256String(ByteView bytes);
Result<Uuid> RandomUuid();

// kUnsupported, naming them, when `features` has one that this program lacks.
Status CheckFeatures(const std::string& what,
                     const google::protobuf::RepeatedPtrField<std::string>& features);

// A commit as stored.
struct Commit {
  std::vector<format::CommitRecord> records;  // the header first
  std::string sha256;                         // of the stored bytes, 32 bytes
  const format::CommitHeader& header() const { return records.front().header(); }
};

// The stored bytes of a commit (with a fresh salt), already decoded again to see that they hold.
// kInternal when a record is larger than 1 MiB or the whole larger than 64 MiB.
// Encrypted unless `keys` is null.
Result<Bytes> EncodeCommit(const std::vector<format::CommitRecord>& records,
                           const Keyring* keys = nullptr);
// kCorrupt; kUnsupported when it requires a feature that we lack. `name` is for messages, and what
// an encrypted commit is bound to.
Result<Commit> DecodeCommit(const std::string& name, ByteView stored,
                            const Keyring* keys = nullptr);
// kNotFound when the slot is empty. Checks that it is the commit of this slot and repository.
Result<Commit> ReadCommit(store::Store& store, Sequence sequence, const std::string& config_sha256,
                          const CallContext& context);

struct StoredConfig {
  format::Config config;
  std::string sha256;  // of the stored bytes
  Bytes stored;
};
Result<StoredConfig> DecodeConfig(const std::string& name, Bytes stored);
Result<Bytes> EncodeConfig(const format::Config& config);

// Splits a large action into several records that each fit an object's record.
std::vector<format::CommitRecord> SplitAddPacks(const format::AddPacks& add);
// One record of `kind` per thousand names; `kind` picks the field of repeated names.
enum class NamesKind : uint8_t { kCondemn, kDoom, kSwept, kReprieve };
std::vector<format::CommitRecord> SplitNames(NamesKind kind, const std::vector<std::string>& names,
                                             uint64_t gc_epoch);
std::vector<format::CommitRecord> SplitFolds(const std::vector<std::string>& pack_ids);

}  // namespace maxbrod::repo
