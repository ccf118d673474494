#include "cli/bucket_flags.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "base/user_time.h"
#include "cli/output.h"
#include "store/s3_store_url.h"

namespace maxbrod::cli {
namespace {

constexpr int64_t kDayMs = 86'400'000;
constexpr int kPollMs = 200;

// "30d", or "off".
Result<int> ReadDays(const std::string& flag, const std::string& text) {
  if (text.empty()) return 0;
  if (text == "off") return store::BucketWishes::kNever;
  Result<int64_t> ms = ParseUserDuration(text);
  if (!ms.ok()) return ms.status().WithContext(flag);
  if (*ms < kDayMs || *ms % kDayMs != 0) {
    return Status(Code::kInvalidArgument, flag + " " + text + ": S3 counts in whole days")
        .WithHint("write e.g. 30d, or off");
  }
  return static_cast<int>(*ms / kDayMs);
}

nlohmann::json ToJson(const store::BucketPlan& plan, bool done) {
  nlohmann::json changes = nlohmann::json::array();
  for (const store::BucketChange& change : plan.changes) {
    changes.push_back({{"setting", change.setting}, {"from", change.from}, {"to", change.to}});
  }
  return {{"changes", std::move(changes)},
          {"warnings", plan.warnings},
          {"impossible", plan.impossible},
          {"done", done}};
}

void Show(const store::BucketPlan& plan, const std::string& bucket) {
  if (plan.changes.empty()) {
    std::cout << "bucket " << bucket << ": nothing to change\n";
  } else {
    std::cout << "bucket " << bucket << ", to be changed:\n";
    Table table({"SETTING", "IS", "WILL BE"});
    for (const store::BucketChange& change : plan.changes) {
      table.Row({change.setting, change.from, change.to});
    }
    table.Print(std::cout);
  }
  for (const std::string& warning : plan.warnings) std::cout << "warning: " << warning << "\n";
  for (const std::string& text : plan.impossible) std::cout << "not possible: " << text << "\n";
  std::cout.flush();
}

Status AskConsent(const Globals& globals) {
  Status unasked = Status(Code::kInvalidArgument, "nothing was changed")
                       .WithHint("add --yes to have it done, or --dry-run to only look");
  if (globals.json || isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) return unasked;
  std::cerr << "Do it? [y/N] " << std::flush;
  // The terminal is asked in turns, so that Ctrl-C ends the waiting.
  pollfd terminal{STDIN_FILENO, POLLIN, 0};
  while (poll(&terminal, 1, kPollMs) <= 0) MB_RETURN_IF_ERROR(globals.context().Check());
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "yes" ? Status::Ok() : unasked;
}

Status Impossible(const store::BucketPlan& plan) {
  if (plan.impossible.empty()) return Status::Ok();
  return Status(Code::kIncomplete, fmt::format("{} of the settings that are wanted cannot be had "
                                               "there",
                                               plan.impossible.size()))
      .WithHint(
          "the endpoint has no such thing, or this identity may not: 'maxbrod bucket policy "
          "setup' prints what it needs");
}

}  // namespace

void WishFlags::Add(CLI::App* verb) {
  verb->add_flag("--versioning", versioning, "Keep old versions of what is overwritten or deleted");
  verb->add_option("--cold-after", cold_after,
                   "Move packs, and only these, to a colder class after so long: 30d, or off");
  verb->add_option("--cold-class", cold_class,
                   "STANDARD_IA, ONEZONE_IA, INTELLIGENT_TIERING, GLACIER_IR, GLACIER, "
                   "DEEP_ARCHIVE")
      ->capture_default_str();
  verb->add_option("--old-versions", old_versions, "Remove old versions after so long, or off");
  verb->add_option("--abort-uploads", abort_uploads,
                   "End unfinished multipart uploads after so long, or off");
  verb->add_option("--sse", sse, "Encryption by default: AES256, aws:kms or aws:kms:dsse")
      ->check(CLI::IsMember({"AES256", "aws:kms", "aws:kms:dsse"}));
  verb->add_option("--kms-key-id", kms_key_id, "With aws:kms: the key's ARN; else AWS's own");
  verb->add_flag("--block-public-access", block_public_access, "All four blocks of public access");
  verb->add_option("--lock-mode", lock_mode,
                   "Object Lock: keep every new object of the bucket (governance, compliance)")
      ->check(CLI::IsMember({"governance", "compliance"}));
  verb->add_option("--lock-days", lock_days, "For so many days")->check(CLI::Range(1, 36500));
}

Result<store::BucketWishes> WishFlags::Read() const {
  store::BucketWishes wishes;
  wishes.versioning = versioning;
  wishes.block_public_access = block_public_access;
  MB_ASSIGN_OR_RETURN(wishes.cold_days, ReadDays("--cold-after", cold_after));
  if (wishes.cold_days > 0) wishes.cold_class = cold_class;
  MB_ASSIGN_OR_RETURN(wishes.old_versions_days, ReadDays("--old-versions", old_versions));
  MB_ASSIGN_OR_RETURN(wishes.abort_uploads_days, ReadDays("--abort-uploads", abort_uploads));
  wishes.sse = sse;
  wishes.kms_key_id = kms_key_id;
  if (!lock_mode.empty()) {
    wishes.lock =
        lock_mode == "compliance" ? store::LockMode::kCompliance : store::LockMode::kGovernance;
  }
  wishes.lock_days = lock_days;
  MB_RETURN_IF_ERROR(CheckWishes(wishes));
  return wishes.any() ? wishes : store::BucketWishes::Usual();
}

Result<BucketPlace> BucketPlace::Open(const std::string& url) {
  if (!url.starts_with("s3:")) {
    return Status(Code::kInvalidArgument, "only a repository in S3 lies in a bucket")
        .WithHint("for a folder, 'maxbrod doctor' says what is missing");
  }
  MB_ASSIGN_OR_RETURN(store::S3Location location, store::ParseS3Url(url));
  BucketPlace place;
  MB_ASSIGN_OR_RETURN(place.client, store::MakeS3Client(&location));
  place.prefix = location.store.prefix;
  return place;
}

Status SetUpBucket(const BucketPlace& place, const store::BucketWishes& wishes,
                   const Consent& consent, const Globals& globals) {
  aws::S3Bucket bucket(*place.client);
  MB_ASSIGN_OR_RETURN(store::BucketState state, store::ReadBucketState(bucket, globals.context()));
  const store::BucketPlan plan = store::PlanBucket(state, wishes, place.prefix);
  if (!globals.json) Show(plan, bucket.name());
  bool act = !consent.dry_run && !plan.changes.empty();
  Status consented = act && !consent.yes ? AskConsent(globals) : Status::Ok();
  Status made;
  if (act && consented.ok()) {
    made = store::ApplyBucketPlan(
        bucket, plan, wishes, place.prefix,
        [&](const store::BucketChange& change) {
          if (!globals.json) std::cout << "done: " << change.setting << std::endl;
        },
        globals.context());
  }
  if (globals.json) {
    bool done = act && consented.ok() && made.ok();
    std::cout << ToJson(plan, done).dump() << "\n";
  }
  MB_RETURN_IF_ERROR(consented);
  MB_RETURN_IF_ERROR(made);
  return Impossible(plan);
}

}  // namespace maxbrod::cli
