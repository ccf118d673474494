#include "repo/commit_codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "codec/hash.h"
#include "repo/object.h"
#include "repo/vault.h"

namespace maxbrod::repo {
namespace {

constexpr size_t kSequenceDigits = 20;
constexpr size_t kDirectoryDigits = 16;  // 10^4 commits a directory
constexpr size_t kHashPrefixDigits = 16;
constexpr size_t kCommitBytesMax = kSmallObjectBytesMax;
// What one record may grow to before the next one is begun: half of the limit.
constexpr size_t kRecordBytesAim = kFramePlainBytesMax / 2;
constexpr size_t kNamesPerRecord = 1000;

// This program's features. Version 1 needs none beyond the format itself.
constexpr std::array<std::string_view, 0> kKnownFeatures{};

std::string Digits(Sequence sequence) {
  return fmt::format("{:020}", sequence.value());
}

// False unless `text` is 20 digits of a 64-bit number.
bool ParseDigits(std::string_view text, uint64_t* out) {
  if (text.size() != kSequenceDigits) return false;
  uint64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return false;
    auto digit = static_cast<uint64_t>(c - '0');
    if (value > (UINT64_MAX - digit) / 10) return false;
    value = value * 10 + digit;
  }
  *out = value;
  return true;
}

// 10^20 - 1 - n, digit by digit: the number itself does not fit 64 bits.
std::string NinesComplement(std::string digits) {
  for (char& c : digits) c = static_cast<char>('9' - (c - '0'));
  return digits;
}

}  // namespace

std::string LogName(Sequence sequence) {
  std::string digits = Digits(sequence);
  return kLogPrefix + digits.substr(0, kDirectoryDigits) + "/" + digits;
}

bool ParseLogName(const std::string& name, Sequence* sequence) {
  size_t slash = name.rfind('/');
  uint64_t value = 0;
  if (slash == std::string::npos ||
      !ParseDigits(std::string_view(name).substr(slash + 1), &value)) {
    return false;
  }
  *sequence = Sequence(value);
  return name == LogName(*sequence);
}

std::string CheckpointName(Sequence sequence, const std::string& sha256) {
  return kCheckpointPrefix + NinesComplement(Digits(sequence)) + "-" +
         ToHex(AsBytes(sha256)).substr(0, kHashPrefixDigits);
}

bool ParseCheckpointName(const std::string& name, Sequence* sequence, std::string* hash_prefix) {
  constexpr size_t kPrefix = sizeof(kCheckpointPrefix) - 1;
  if (name.size() != kPrefix + kSequenceDigits + 1 + kHashPrefixDigits ||
      name.compare(0, kPrefix, kCheckpointPrefix) != 0 || name[kPrefix + kSequenceDigits] != '-') {
    return false;
  }
  std::string digits = name.substr(kPrefix, kSequenceDigits);
  if (!std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return false;
  }
  uint64_t value = 0;
  if (!ParseDigits(NinesComplement(std::move(digits)), &value)) return false;
  *sequence = Sequence(value);
  *hash_prefix = name.substr(kPrefix + kSequenceDigits + 1);
  return true;
}

std::string ManifestName(const format::ObjectRef& ref) {
  return kManifestPrefix + ToHex(AsBytes(ref.sha256()));
}

std::string SnapshotObjectName(const format::ObjectRef& ref) {
  return kSnapshotPrefix + ToHex(AsBytes(ref.sha256()));
}

std::string OffsetMapName(const format::ObjectRef& ref) {
  return kOffsetMapPrefix + ToHex(AsBytes(ref.sha256()));
}

std::string Sha256String(ByteView bytes) {
  Sha256Digest digest = Sha256(bytes);
  return ToString(digest);
}

format::ObjectRef RefOf(ByteView stored) {
  format::ObjectRef ref;
  ref.set_sha256(Sha256String(stored));
  ref.set_length(stored.size());
  return ref;
}

Result<Uuid> RandomUuid() {
  std::array<uint8_t, 16> bytes{};
  MB_RETURN_IF_ERROR(RandomBytes(bytes));
  return Uuid(bytes);
}

Status CheckFeatures(const std::string& what,
                     const google::protobuf::RepeatedPtrField<std::string>& features) {
  for (const std::string& feature : features) {
    if (std::find(kKnownFeatures.begin(), kKnownFeatures.end(), feature) == kKnownFeatures.end()) {
      return Status(Code::kUnsupported, what + " requires the feature '" + feature + "'")
          .WithHint("a newer maxbrod wrote this repository: use that version or a later one");
    }
  }
  return Status::Ok();
}

Result<Bytes> EncodeCommit(const std::vector<format::CommitRecord>& records, const Keyring* keys) {
  MB_CHECK(!records.empty() && records.front().has_header());
  std::string name = LogName(Sequence(records.front().header().sequence()));
  ObjectBuilder builder(ObjectType::kCommit, keys, name);
  for (const format::CommitRecord& record : records) MB_RETURN_IF_ERROR(builder.Add(record));
  Bytes stored = builder.Finish();
  if (stored.size() > kCommitBytesMax) {
    return Status(Code::kInternal, fmt::format("a commit of {} bytes", stored.size()));
  }
  MB_ASSIGN_OR_RETURN(Commit again, DecodeCommit(name, stored, keys));
  if (again.records.size() != records.size()) {
    return Status(Code::kInternal, "a commit does not decode to what was encoded");
  }
  return stored;
}

Result<Commit> DecodeCommit(const std::string& name, ByteView stored, const Keyring* keys) {
  Commit commit;
  commit.sha256 = Sha256String(stored);
  auto add = [&](ByteView bytes) {
    format::CommitRecord record;
    if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return Status(Code::kCorrupt, name + ": a record that cannot be parsed");
    }
    commit.records.push_back(std::move(record));
    return Status::Ok();
  };
  MB_RETURN_IF_ERROR(ReadObject(ObjectType::kCommit, name, stored, add, keys));
  if (commit.records.empty() || !commit.records.front().has_header()) {
    return Status(Code::kCorrupt, name + ": no header");
  }
  MB_RETURN_IF_ERROR(CheckFeatures(name, commit.header().required_read_features()));
  return commit;
}

Result<Commit> ReadCommit(store::Store& store, Sequence sequence, const std::string& config_sha256,
                          const CallContext& context) {
  std::string name = LogName(sequence);
  MB_ASSIGN_OR_RETURN(Bytes stored, store.Get(name, kCommitBytesMax, context));
  MB_ASSIGN_OR_RETURN(Commit commit, DecodeCommit(name, stored, KeysOf(store)));
  if (commit.header().sequence() != sequence.value()) {
    return Status(Code::kCorrupt,
                  fmt::format("{}: holds commit {}", name, commit.header().sequence()));
  }
  if (commit.header().config_sha256() != config_sha256) {
    return Status(Code::kCorrupt, name + ": belongs to another 'config'")
        .WithHint(
            "the repository's 'config' was replaced, or the log was copied from elsewhere; "
            "put the original 'config' back");
  }
  return commit;
}

Result<Bytes> EncodeConfig(const format::Config& config) {
  ObjectBuilder builder(ObjectType::kConfig);
  MB_RETURN_IF_ERROR(builder.Add(config));
  return builder.Finish();
}

Result<StoredConfig> DecodeConfig(const std::string& name, Bytes stored) {
  StoredConfig out;
  size_t records = 0;
  MB_RETURN_IF_ERROR(ReadObject(ObjectType::kConfig, name, stored, [&](ByteView bytes) {
    ++records;
    if (!out.config.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return Status(Code::kCorrupt, name + ": cannot be parsed");
    }
    return Status::Ok();
  }));
  if (records != 1 || out.config.repository_id().size() != 16) {
    return Status(Code::kCorrupt, name + ": not one record with a repository id");
  }
  if (out.config.format_version() > kFormatVersion || out.config.format_version() == 0) {
    return Status(Code::kUnsupported,
                  fmt::format("repository format {}, this program knows up to {}",
                              out.config.format_version(), kFormatVersion))
        .WithHint("a newer maxbrod made this repository: use that version or a later one");
  }
  if (out.config.crypto() > format::CRYPTO_AES_256_GCM) {
    return Status(Code::kUnsupported,
                  fmt::format("the repository is encrypted in the unknown mode {}",
                              static_cast<int>(out.config.crypto())))
        .WithHint("a newer maxbrod made this repository: use that version or a later one");
  }
  size_t check = out.config.crypto() == format::CRYPTO_PLAIN ? 0 : 32;
  if (out.config.key_check().size() != check) {
    return Status(Code::kCorrupt, name + ": crypto mode and key check contradict each other");
  }
  MB_RETURN_IF_ERROR(CheckFeatures("the repository", out.config.required_read_features()));
  out.sha256 = Sha256String(stored);
  out.stored = std::move(stored);
  return out;
}

std::vector<format::CommitRecord> SplitAddPacks(const format::AddPacks& add) {
  std::vector<format::CommitRecord> out(1);
  size_t bytes = 0;
  auto room = [&](size_t more) {
    if (bytes + more > kRecordBytesAim && bytes > 0) {
      out.emplace_back();
      bytes = 0;
    }
    bytes += more;
    return out.back().mutable_add_packs();
  };
  out.back().mutable_add_packs();
  for (const format::PackRef& pack : add.packs()) {
    *room(pack.ByteSizeLong() + 8)->add_packs() = pack;
  }
  for (const format::TopicClaims& topic : add.topics()) {
    format::TopicClaims* open = nullptr;
    format::AddPacks* owner = nullptr;
    for (const format::RangeClaim& claim : topic.claims()) {
      format::AddPacks* now = room(claim.ByteSizeLong() + 8 + (open == nullptr ? 300 : 0));
      if (open == nullptr || now != owner) {
        open = now->add_topics();
        owner = now;
        open->set_topic_id(topic.topic_id());
        open->set_topic(topic.topic());
      }
      *open->add_claims() = claim;
    }
  }
  return out;
}

std::vector<format::CommitRecord> SplitNames(NamesKind kind, const std::vector<std::string>& names,
                                             uint64_t gc_epoch) {
  std::vector<format::CommitRecord> out;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i % kNamesPerRecord == 0) out.emplace_back();
    format::CommitRecord& record = out.back();
    switch (kind) {
      case NamesKind::kCondemn:
        record.mutable_condemn()->add_objects(names[i]);
        record.mutable_condemn()->set_gc_epoch(gc_epoch);
        break;
      case NamesKind::kDoom:
        record.mutable_doom()->add_objects(names[i]);
        break;
      case NamesKind::kSwept:
        record.mutable_swept()->add_objects(names[i]);
        break;
      case NamesKind::kReprieve:
        record.mutable_reprieve()->add_objects(names[i]);
        break;
    }
  }
  return out;
}

std::vector<format::CommitRecord> SplitFolds(const std::vector<std::string>& pack_ids) {
  constexpr size_t kIdsPerRecord = 20'000;
  std::vector<format::CommitRecord> out;
  for (size_t i = 0; i < pack_ids.size(); ++i) {
    if (i % kIdsPerRecord == 0) out.emplace_back();
    out.back().mutable_fold_packs()->add_pack_ids(pack_ids[i]);
  }
  return out;
}

}  // namespace maxbrod::repo
