#include "engine/doctor.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdlib>
#include <set>

#include "base/limits.h"
#include "os/file.h"
#include "store/open_store.h"

namespace maxbrod::engine {
namespace {

constexpr int64_t kSkewWarnMs = 60'000;
constexpr int64_t kSkewMaxMs = 300'000;  // repository.md: a log so far ahead is refused
constexpr int64_t kDayMs = 86'400'000;
constexpr uint64_t kFreeBytesMin = 64 * kMiB;  // removing needs room for its own commit
constexpr uint64_t kFreeBytesWarn = kGiB;
constexpr size_t kShownMax = 3;

std::string Kinds(const std::set<std::string>& kinds) {
  return fmt::format("{}", fmt::join(kinds, ", "));
}

CheckGrade GradeOf(const store::BucketFinding& finding, std::optional<Role> role) {
  switch (finding.grade) {
    case store::BucketGrade::kGood:
      return CheckGrade::kOk;
    case store::BucketGrade::kMissing:
      return finding.important ? CheckGrade::kFailure : CheckGrade::kWarning;
    case store::BucketGrade::kDanger:
      return CheckGrade::kFailure;
    case store::BucketGrade::kUnsupported:
      return CheckGrade::kNote;
    case store::BucketGrade::kUnknown:
      break;
  }
  if (!finding.important) return CheckGrade::kNote;
  if (!role) return CheckGrade::kWarning;
  return *role == Role::kSetup ? CheckGrade::kFailure : CheckGrade::kNote;
}

// What follows from an access for a role.
Check Judge(std::string_view action, const aws::TriedAccess& tried, std::optional<Role> role) {
  Check check{"rights", std::string(action), CheckGrade::kOk, "", ""};
  const std::string who(role ? NameOf(*role) : "");
  Need need = role ? NeedOf(*role, action) : Need::kNone;
  if (!role) {
    // Nobody can do without reading, and no role needs to destroy versions.
    if (action == "s3:GetObject" || action == "s3:ListBucket") need = Need::kMust;
    if (action == "s3:DeleteObjectVersion") need = Need::kMustNot;
  }
  switch (tried.access) {
    case aws::Access::kAllowed:
      check.what = "allowed";
      if (need != Need::kMustNot) break;
      check.grade = CheckGrade::kWarning;
      check.what = role ? fmt::format("allowed, and {} must not have it", who)
                        : "allowed, and no role needs it";
      check.advice = fmt::format(
          "take it away: who steals these credentials can destroy the "
          "repository; 'maxbrod bucket policy {}' prints the least policy",
          role ? who : "backup");
      break;
    case aws::Access::kDenied:
      check.what = "denied";
      if (need == Need::kMust) {
        check.grade = CheckGrade::kFailure;
        check.what = role ? fmt::format("denied, and {} needs it", who) : "denied, and needed";
        check.advice = fmt::format("grant it: 'maxbrod bucket policy {}' prints the least policy",
                                   role ? who : "backup");
      } else if (need == Need::kUseful) {
        check.grade = CheckGrade::kNote;
        check.what = fmt::format("denied; some features of {} need it", who);
      }
      break;
    case aws::Access::kUnsupported:
      check.what = "this endpoint has no such request";
      check.grade = CheckGrade::kNote;
      break;
    case aws::Access::kUnclear:
      check.what = fmt::format("not to be told ({})", tried.detail);
      check.grade = CheckGrade::kNote;
      break;
  }
  return check;
}

// Writing bytes over themselves, under the condition that nothing is there.
Result<Check> TryWriting(store::Store& store, ByteView config, std::optional<Role> role,
                         const CallContext& context) {
  constexpr std::string_view kAction = "s3:PutObject";
  if (config.empty()) {
    return Check{"rights", std::string(kAction), CheckGrade::kNote,
                 "not tried: there is no repository yet", ""};
  }
  Status status = store::ProbeExistingObject(store, repo::kConfigName, config, context);
  if (status.ok()) return Judge(kAction, {aws::Access::kAllowed}, role);
  if (status.code() == Code::kPermission) return Judge(kAction, {aws::Access::kDenied}, role);
  if (status.code() != Code::kUnsupported) return status;
  return Check{"rights", std::string(kAction), CheckGrade::kFailure, status.message(),
               status.hint()};
}

}  // namespace

std::string_view NameOf(CheckGrade grade) {
  constexpr std::string_view kNames[] = {"ok", "note", "warning", "failure"};
  return kNames[static_cast<size_t>(grade)];
}

Checks CheckKeys(store::Store& store, const format::Config& config, bool shared,
                 const CallContext& context) {
  if (config.crypto() == format::CRYPTO_PLAIN) {
    return {{"keys", "encryption", shared ? CheckGrade::kWarning : CheckGrade::kNote,
             shared ? "none: who may read the bucket reads all records"
                    : "none: who may read the folder reads all records",
             "encryption is chosen when a repository is made: maxbrod init --encryption"}};
  }
  auto slots = repo::ListKeySlots(store, config.repository_id(), context);
  if (!slots.ok()) {
    return {
        {"keys", "slots", CheckGrade::kFailure, slots.status().message(), slots.status().hint()}};
  }
  Checks checks = {{"keys", "encryption", CheckGrade::kOk, "AES-256-GCM, before bytes leave", ""}};
  std::set<std::string> kinds;
  size_t full = 0;
  for (const repo::KeySlotInfo& slot : *slots) {
    if (!slot.problem.ok()) {
      checks.push_back({"keys", slot.view.name, CheckGrade::kWarning, slot.problem.message(),
                        "remove this slot, and add another one"});
    } else if (slot.view.header.data_key_id() == 0) {
      // A recovery key lies apart from the key files that are in use.
      const bool recovery = slot.view.header.label() == repo::kRecoveryLabel;
      kinds.insert(recovery ? "recovery key" : repo::SlotKindName(slot.view.header.kind()));
      ++full;
    }
  }
  Check domains{"keys", "slots", CheckGrade::kOk,
                fmt::format("{} that open everything: {}", full, Kinds(kinds)), ""};
  if (kinds.size() < 2) {
    domains.grade = CheckGrade::kFailure;
    domains.what += full == 0 ? "none" : "; one loss may take them all";
    domains.advice =
        "add a slot of another kind (passphrase, key file, KMS), or a key file labelled "
        "'recovery', and keep it elsewhere: maxbrod keys add";
  }
  checks.push_back(std::move(domains));
  return checks;
}

Checks CheckBucketSettings(const std::vector<store::BucketFinding>& findings,
                           std::optional<Role> role) {
  Checks checks;
  for (const store::BucketFinding& finding : findings) {
    Check check{"bucket", finding.setting, GradeOf(finding, role), finding.is, ""};
    if (finding.grade == store::BucketGrade::kUnknown) {
      check.what = "may not be read";
      check.advice = finding.is;
    } else if (check.grade == CheckGrade::kWarning || check.grade == CheckGrade::kFailure) {
      check.advice = fmt::format("wanted: {}; {}", finding.wanted, finding.why);
    }
    checks.push_back(std::move(check));
  }
  return checks;
}

Result<Checks> CheckRights(aws::S3Bucket& bucket, store::Store& store, const std::string& prefix,
                           ByteView config, std::optional<Role> role, const CallContext& context) {
  using aws::BucketTry;
  const std::string folder = prefix.empty() ? "" : prefix + "/";
  std::array<uint8_t, 16> random;
  MB_RETURN_IF_ERROR(RandomBytes(random));
  const std::string absent = folder + "probe/" + ToHex(random);
  const std::string present = config.empty() ? absent : folder + repo::kConfigName;
  const std::pair<BucketTry, const std::string&> tries[] = {
      {BucketTry::kList, folder},          {BucketTry::kGet, present},
      {BucketTry::kAbortUpload, absent},   {BucketTry::kDelete, absent},
      {BucketTry::kDeleteVersion, absent}, {BucketTry::kRestore, present},
      {BucketTry::kGetVersion, present},   {BucketTry::kListVersions, folder},
      {BucketTry::kListUploads, folder},   {BucketTry::kGetRetention, present}};
  Checks checks;
  for (const auto& [what, key] : tries) {
    MB_ASSIGN_OR_RETURN(aws::TriedAccess tried, bucket.Try(what, key, context));
    checks.push_back(Judge(ActionOf(what), tried, role));
    // Reading comes before writing in the report.
    if (what != BucketTry::kGet) continue;
    MB_ASSIGN_OR_RETURN(Check writing, TryWriting(store, config, role, context));
    checks.push_back(std::move(writing));
  }
  return checks;
}

Checks CheckClock(store::Store& store, Clock& clock, const CallContext& context) {
  const int64_t before = clock.WallMillis();
  auto theirs = store.NowMillis(context);
  if (!theirs.ok()) {
    return {
        {"clock", "skew", CheckGrade::kWarning, theirs.status().message(), theirs.status().hint()}};
  }
  const int64_t ahead = (before + clock.WallMillis()) / 2 - *theirs;
  Check check{"clock", "skew", CheckGrade::kOk,
              fmt::format("this machine is {} s {} the store", std::llabs(ahead) / 1000,
                          ahead >= 0 ? "ahead of" : "behind"),
              ""};
  if (std::llabs(ahead) >= kSkewWarnMs) {
    check.grade = std::llabs(ahead) >= kSkewMaxMs ? CheckGrade::kFailure : CheckGrade::kWarning;
    check.advice = "set the clock right (NTP)";
  }
  return {check};
}

Checks CheckUploads(aws::S3Client& client, const std::string& prefix, Clock& clock,
                    const CallContext& context) {
  auto uploads = client.ListUploads(prefix.empty() ? "" : prefix + "/", context);
  if (!uploads.ok()) {
    return {{"uploads", "unfinished", CheckGrade::kNote, uploads.status().message(), ""}};
  }
  Check check{"uploads", "unfinished", CheckGrade::kOk, "none", ""};
  if (uploads->empty()) return {check};
  int64_t oldest = uploads->front().initiated_ms;
  for (const aws::S3Upload& upload : *uploads) oldest = std::min(oldest, upload.initiated_ms);
  const int64_t age = clock.WallMillis() - oldest;
  check.what = fmt::format("{}, the oldest from {} hours ago", uploads->size(), age / 3'600'000);
  check.grade = CheckGrade::kNote;
  if (age > kDayMs) {
    check.grade = CheckGrade::kWarning;
    check.advice =
        "killed runs left them, and they are paid for: maxbrod doctor --abort-uploads 1d, or a "
        "rule: maxbrod bucket setup --abort-uploads 7d";
  }
  return {check};
}

Checks CheckFolder(const std::string& path, bool encrypted) {
  Checks checks;
  struct stat info{};
  if (stat(path.c_str(), &info) == 0) {
    Check mode{"folder", "mode", CheckGrade::kOk,
               fmt::format("{:04o}", static_cast<unsigned>(info.st_mode & 07777)), ""};
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
      mode.grade = CheckGrade::kFailure;
      mode.what += ": others may write and remove";
      mode.advice = fmt::format("chmod go-rwx '{}'", path);
    } else if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
      mode.grade = encrypted ? CheckGrade::kNote : CheckGrade::kWarning;
      mode.what += ": others may read";
      mode.advice = fmt::format("chmod go-rwx '{}'", path);
    }
    checks.push_back(std::move(mode));
  }
  Result<uint64_t> free = FileSystem::Posix().FreeBytes(path);
  if (!free.ok()) {
    checks.push_back({"folder", "free-space", CheckGrade::kWarning, free.status().message(), ""});
    return checks;
  }
  Check space{"folder", "free-space", CheckGrade::kOk, fmt::format("{} MiB free", *free / kMiB),
              ""};
  if (*free < kFreeBytesWarn) {
    space.grade = *free < kFreeBytesMin ? CheckGrade::kFailure : CheckGrade::kWarning;
    space.advice = "make room: a backup that finds none ends with exit 13, and removing needs some";
  }
  checks.push_back(std::move(space));
  return checks;
}

Result<Checks> CheckCluster(kafka::Cluster& cluster, const CallContext& context) {
  MB_ASSIGN_OR_RETURN(auto metadata, cluster.Refresh(context));
  Checks checks = {{"cluster", "brokers", CheckGrade::kOk,
                    fmt::format("{} brokers, {} topics that we may see", metadata->brokers.size(),
                                metadata->topics.size()),
                    ""}};
  std::vector<std::string> leaderless, thin;
  for (const auto& [name, topic] : metadata->topics) {
    for (const kafka::PartitionMetadata& partition : topic.partitions) {
      const std::string shown = fmt::format("{}-{}", name, partition.partition);
      if (partition.leader == BrokerId{-1}) leaderless.push_back(shown);
      if (partition.isr.size() < partition.replicas.size()) thin.push_back(shown);
    }
  }
  auto report = [&](const char* name, const std::vector<std::string>& found, CheckGrade grade,
                    const char* advice) {
    if (found.empty()) {
      checks.push_back({"cluster", name, CheckGrade::kOk, "none", ""});
      return;
    }
    std::span<const std::string> shown(found.data(), std::min(found.size(), kShownMax));
    checks.push_back({"cluster", name, grade,
                      fmt::format("{}: {}{}", found.size(), fmt::join(shown, ", "),
                                  found.size() > kShownMax ? ", ..." : ""),
                      advice});
  };
  report("leaderless-partitions", leaderless, CheckGrade::kFailure,
         "a backup cannot read them: bring their brokers back");
  report("under-replicated-partitions", thin, CheckGrade::kWarning,
         "a broker is down or behind; the backup may soon be the only copy");
  return checks;
}

}  // namespace maxbrod::engine
