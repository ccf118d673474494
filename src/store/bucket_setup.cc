#include "store/bucket_setup.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "store/bucket_lifecycle.h"

namespace maxbrod::store {
namespace {

constexpr int kDaysMax = 36'500;
// S3 refuses transitions to these before.
constexpr int kInfrequentDaysMin = 30;
constexpr int kTriesMax = 6;
constexpr Millis kFirstWait{200};
constexpr std::string_view kColdClasses[] = {"STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING",
                                             "GLACIER_IR",  "GLACIER",    "DEEP_ARCHIVE"};

Status Wrong(std::string what, std::string hint) {
  return Status(Code::kInvalidArgument, std::move(what)).WithHint(std::move(hint));
}

// A setting was just changed, or the service is busy: S3 says so, and wants to be asked again.
template <typename Operation>
auto Persist(const CallContext& context, Operation operation) {
  for (int tries = 1;; ++tries) {
    auto result = operation();
    if (result.ok()) return result;
    Status status;
    if constexpr (std::is_same_v<decltype(result), Status>) {
      status = result;
    } else {
      status = result.status();
    }
    if (!status.retryable() || tries == kTriesMax ||
        !Clock::System().Sleep(kFirstWait * (1 << tries), context.stop)) {
      return result;
    }
  }
}

// Whether a setting's answer is one that a report can live with.
template <typename T>
Status Tolerable(const Result<T>& result) {
  Code code = result.status().code();
  if (code == Code::kPermission || code == Code::kUnsupported) return Status::Ok();
  return result.status();
}

std::string TextOf(aws::Versioning versioning) {
  switch (versioning) {
    case aws::Versioning::kEnabled:
      return "on";
    case aws::Versioning::kSuspended:
      return "suspended";
    default:
      return "off";
  }
}

std::string TextOf(const aws::PublicAccessBlock& block) {
  if (block.all()) return "blocked";
  int blocked = int{block.block_acls} + int{block.ignore_acls} + int{block.block_policy} +
                int{block.restrict_buckets};
  return blocked == 0 ? "not blocked" : fmt::format("{} of 4 blocks on", blocked);
}

std::string TextOf(const aws::BucketEncryption& encryption) {
  if (encryption.sse.empty()) return "none by default";
  if (encryption.kms_key_id.empty()) return encryption.sse;
  return fmt::format("{} with {}", encryption.sse, encryption.kms_key_id);
}

std::string TextOf(const aws::BucketObjectLock& lock) {
  if (!lock.enabled) return "off";
  if (lock.mode.empty()) return "on, no default retention";
  return fmt::format("on, {} for {} by default", lock.mode, DaysText(lock.days));
}

std::string_view NameOf(LockMode mode) {
  return mode == LockMode::kCompliance ? "COMPLIANCE" : "GOVERNANCE";
}

aws::BucketEncryption WantedEncryption(const BucketWishes& wishes) {
  if (wishes.sse.empty()) return {"AES256", "", false};
  // A bucket key spares most requests to KMS; aws:kms:dsse knows none.
  return {wishes.sse, wishes.kms_key_id, wishes.sse == "aws:kms"};
}

bool Satisfies(const aws::BucketEncryption& is, const BucketWishes& wishes) {
  if (wishes.sse.empty()) return !wishes.some_encryption || !is.sse.empty();
  return is.sse == wishes.sse && is.kms_key_id == wishes.kms_key_id;
}

bool Satisfies(const aws::BucketObjectLock& is, const BucketWishes& wishes) {
  if (wishes.lock == LockMode::kNone) return true;
  return is.enabled && is.mode == NameOf(wishes.lock) && is.days == wishes.lock_days;
}

constexpr std::string_view kNoSuchThing = "this endpoint has no such thing";

std::string ReasonOf(const Status& status) {
  return status.code() == Code::kUnsupported ? std::string(kNoSuchThing) : status.message();
}

// A finding about a setting, good unless `missing`; where it could not be read, that.
template <typename T>
BucketFinding Find(std::string setting, const Result<T>& state, bool missing, bool important,
                   std::string wanted, std::string why) {
  BucketFinding finding{std::move(setting), BucketGrade::kGood, important, "",
                        std::move(wanted),  std::move(why)};
  if (state.ok()) {
    finding.grade = missing ? BucketGrade::kMissing : BucketGrade::kGood;
    return finding;
  }
  bool unsupported = state.status().code() == Code::kUnsupported;
  finding.grade = unsupported ? BucketGrade::kUnsupported : BucketGrade::kUnknown;
  finding.is = ReasonOf(state.status());
  return finding;
}

template <typename T>
BucketFinding FindText(std::string setting, const Result<T>& state, bool missing, bool important,
                       std::string wanted, std::string why) {
  BucketFinding finding =
      Find(std::move(setting), state, missing, important, std::move(wanted), std::move(why));
  if (state.ok()) finding.is = TextOf(*state);
  return finding;
}

void JudgeLifecycle(const BucketState& state, const BucketWishes& wishes, const std::string& prefix,
                    std::vector<BucketFinding>* out) {
  const std::vector<aws::XmlElement> none;
  const auto& rules = state.lifecycle.ok() ? state.lifecycle->rules : none;
  for (RuleKind kind : kRuleKinds) {
    const std::optional<aws::LifecycleRule> wanted = WantedRule(kind, wishes, prefix);
    BucketFinding finding = Find(
        std::string(SettingOf(kind)), state.lifecycle, wanted && !IsCovered(kind, rules, *wanted),
        false, wanted ? DescribeRule(kind, *wanted) : "as you like", std::string(WhyOf(kind)));
    if (state.lifecycle.ok()) finding.is = DescribeRules(kind, rules, prefix);
    out->push_back(std::move(finding));
  }
  for (std::string& hazard : HazardsOf(rules, prefix)) {
    out->push_back({"lifecycle-rules", BucketGrade::kDanger, true, std::move(hazard),
                    "no such rule",
                    "what every run reads must stay readable, and nothing may vanish"});
  }
}

void PlanLifecycle(const BucketState& state, const BucketWishes& wishes, const std::string& prefix,
                   BucketPlan* plan) {
  bool asked =
      wishes.cold_days != 0 || wishes.old_versions_days != 0 || wishes.abort_uploads_days != 0;
  if (!asked) return;
  if (!state.lifecycle.ok()) {
    plan->impossible.push_back("lifecycle rules: " + ReasonOf(state.lifecycle.status()));
    return;
  }
  const auto& rules = state.lifecycle->rules;
  for (RuleKind kind : kRuleKinds) {
    const std::string setting(SettingOf(kind));
    const std::string from = DescribeRules(kind, rules, prefix);
    if (std::optional<aws::LifecycleRule> wanted = WantedRule(kind, wishes, prefix)) {
      if (IsCovered(kind, rules, *wanted)) continue;
      plan->changes.push_back(
          {BucketChange::Kind::kLifecycle, setting, from, DescribeRule(kind, *wanted)});
    } else if (WishOf(kind, wishes) == BucketWishes::kNever && HasOurRule(kind, rules, prefix)) {
      plan->changes.push_back({BucketChange::Kind::kLifecycle, setting, from, "our rule goes"});
    }
  }
  if (wishes.cold_days <= 0) return;
  if (IsArchive(wishes.cold_class)) {
    plan->warnings.push_back(fmt::format(
        "packs in {} must be thawed for hours before a restore, and 'verify' cannot read them",
        wishes.cold_class));
  }
  if (int days = DaysBilledOf(wishes.cold_class); days > 0) {
    plan->warnings.push_back(
        fmt::format("{} bills each pack for at least {} days, also when it is "
                    "removed sooner",
                    wishes.cold_class, days));
  }
}

void PlanObjectLock(const BucketState& state, const BucketWishes& wishes, const std::string& prefix,
                    BucketPlan* plan) {
  if (wishes.lock == LockMode::kNone) return;
  if (!state.object_lock.ok()) {
    plan->impossible.push_back("Object Lock: " + ReasonOf(state.object_lock.status()));
    return;
  }
  if (Satisfies(*state.object_lock, wishes)) return;
  bool versioned = state.versioning.ok() && *state.versioning == aws::Versioning::kEnabled;
  if (!versioned && !(wishes.versioning && state.versioning.ok())) {
    plan->impossible.push_back("Object Lock: it needs versioning (--versioning)");
    return;
  }
  plan->changes.push_back(
      {BucketChange::Kind::kObjectLock, "object-lock", TextOf(*state.object_lock),
       fmt::format("on, {} for {} by default", NameOf(wishes.lock), DaysText(wishes.lock_days))});
  if (!state.object_lock->enabled) {
    plan->warnings.push_back(
        "Object Lock cannot be switched off again, and versioning not suspended: ever");
  }
  plan->warnings.push_back(fmt::format(
      "every object written to the bucket from now on, also outside of '{}/', is kept and paid for "
      "{}, whoever deletes it{}",
      prefix, DaysText(wishes.lock_days),
      wishes.lock == LockMode::kCompliance
          ? "; in compliance mode nobody can shorten that, not the account's root either"
          : " without s3:BypassGovernanceRetention"));
}

}  // namespace

BucketWishes BucketWishes::Usual() {
  BucketWishes wishes;
  wishes.versioning = true;
  wishes.block_public_access = true;
  wishes.some_encryption = true;
  wishes.old_versions_days = 30;
  wishes.abort_uploads_days = 7;
  return wishes;
}

bool BucketWishes::any() const {
  return versioning || block_public_access || some_encryption || cold_days != 0 ||
         old_versions_days != 0 || abort_uploads_days != 0 || !sse.empty() ||
         lock != LockMode::kNone;
}

Status CheckWishes(const BucketWishes& wishes) {
  for (int days : {wishes.cold_days, wishes.old_versions_days, wishes.abort_uploads_days}) {
    if (days > kDaysMax) return Wrong("a rule of more than 100 years", "give fewer days");
  }
  const std::string& cold = wishes.cold_class;
  if (wishes.cold_days > 0) {
    bool known =
        std::find(std::begin(kColdClasses), std::end(kColdClasses), cold) != std::end(kColdClasses);
    if (!known) {
      return Wrong(fmt::format("'{}' is no storage class to move packs to", cold),
                   fmt::format("there are {}", fmt::join(kColdClasses, ", ")));
    }
    if (cold.ends_with("_IA") && wishes.cold_days < kInfrequentDaysMin) {
      return Wrong(fmt::format("S3 moves objects to {} after 30 days at the earliest", cold),
                   "give 30d or more");
    }
  } else if (!cold.empty()) {
    return Wrong("a cold class without a time", "say after how long: 30d");
  }
  if ((wishes.lock != LockMode::kNone) != (wishes.lock_days > 0)) {
    return Wrong("a default retention needs a mode and days", "give both, or none");
  }
  if (wishes.lock_days > kDaysMax) return Wrong("a retention of more than 100 years", "give fewer");
  if (!wishes.kms_key_id.empty() && !wishes.sse.starts_with("aws:kms")) {
    return Wrong("a KMS key is of use only with encryption by KMS", "add aws:kms");
  }
  return Status::Ok();
}

Result<BucketState> ReadBucketState(aws::S3Bucket& bucket, const CallContext& context) {
  BucketState state{
      Persist(context, [&] { return bucket.GetVersioning(context); }),
      Persist(context, [&] { return bucket.GetPublicAccessBlock(context); }),
      Persist(context, [&] { return bucket.GetEncryption(context); }),
      Persist(context, [&] { return bucket.GetLifecycle(context); }),
      Persist(context, [&] { return bucket.GetObjectLock(context); }),
      Persist(context, [&] { return bucket.GetRegion(context); }),
  };
  MB_RETURN_IF_ERROR(Tolerable(state.versioning));
  MB_RETURN_IF_ERROR(Tolerable(state.public_access));
  MB_RETURN_IF_ERROR(Tolerable(state.encryption));
  MB_RETURN_IF_ERROR(Tolerable(state.lifecycle));
  MB_RETURN_IF_ERROR(Tolerable(state.object_lock));
  MB_RETURN_IF_ERROR(Tolerable(state.region));
  return state;
}

std::vector<BucketFinding> JudgeBucket(const BucketState& state, const BucketWishes& wishes,
                                       const std::string& prefix) {
  bool versioned = state.versioning.ok() && *state.versioning == aws::Versioning::kEnabled;
  std::vector<BucketFinding> found;
  found.push_back(FindText("versioning", state.versioning, !versioned, true, "on",
                           "what is overwritten or deleted can be brought back"));
  found.push_back(FindText("public-access", state.public_access,
                           state.public_access.ok() && !state.public_access->all(), true, "blocked",
                           "no policy or ACL can open the bucket to the world by mistake"));
  bool encrypted = state.encryption.ok() && !state.encryption->sse.empty() &&
                   Satisfies(*state.encryption, wishes);
  found.push_back(FindText("encryption", state.encryption, !encrypted, false,
                           TextOf(WantedEncryption(wishes)),
                           "disks of the service hold nothing in the clear (maxbrod's own "
                           "encryption protects against who may read the bucket)"));
  JudgeLifecycle(state, wishes, prefix, &found);
  bool lock_wanted = wishes.lock != LockMode::kNone;
  found.push_back(FindText(
      "object-lock", state.object_lock,
      lock_wanted && state.object_lock.ok() && !Satisfies(*state.object_lock, wishes), false,
      lock_wanted ? fmt::format("{} for {}", NameOf(wishes.lock), DaysText(wishes.lock_days))
                  : "as you like",
      "objects that nobody can remove before their time; enabled when the bucket is made, "
      "or later once versioning is on; never disabled again"));
  return found;
}

BucketPlan PlanBucket(const BucketState& state, const BucketWishes& wishes,
                      const std::string& prefix) {
  using Kind = BucketChange::Kind;
  BucketPlan plan;
  auto plan_one = [&](Kind kind, const char* setting, bool wish, const auto& is, bool good,
                      const std::string& to) {
    if (!wish) return;
    if (!is.ok()) {
      plan.impossible.push_back(fmt::format("{}: {}", setting, ReasonOf(is.status())));
    } else if (!good) {
      plan.changes.push_back({kind, setting, TextOf(*is), to});
    }
  };
  plan_one(Kind::kPublicAccess, "public-access", wishes.block_public_access, state.public_access,
           state.public_access.ok() && state.public_access->all(), "blocked");
  plan_one(Kind::kEncryption, "encryption", wishes.some_encryption || !wishes.sse.empty(),
           state.encryption, state.encryption.ok() && Satisfies(*state.encryption, wishes),
           TextOf(WantedEncryption(wishes)));
  bool versioned = state.versioning.ok() && *state.versioning == aws::Versioning::kEnabled;
  plan_one(Kind::kVersioning, "versioning", wishes.versioning, state.versioning, versioned, "on");
  if (wishes.versioning && !versioned && state.versioning.ok()) {
    plan.warnings.push_back(
        "versioning cannot be switched off again, only suspended; it takes up to 15 minutes until "
        "it holds everywhere; old versions are paid for until a rule removes them");
  }
  PlanObjectLock(state, wishes, prefix, &plan);
  PlanLifecycle(state, wishes, prefix, &plan);
  return plan;
}

namespace {

Status MakeChange(aws::S3Bucket& bucket, BucketChange::Kind kind, const BucketWishes& wishes,
                  const std::string& prefix, const CallContext& context) {
  switch (kind) {
    case BucketChange::Kind::kPublicAccess:
      return bucket.PutPublicAccessBlock({true, true, true, true}, context);
    case BucketChange::Kind::kEncryption:
      return bucket.PutEncryption(WantedEncryption(wishes), context);
    case BucketChange::Kind::kVersioning:
      return bucket.EnableVersioning(context);
    case BucketChange::Kind::kObjectLock:
      return bucket.PutObjectLock({true, std::string(NameOf(wishes.lock)), wishes.lock_days},
                                  context);
    case BucketChange::Kind::kLifecycle: {
      MB_ASSIGN_OR_RETURN(aws::BucketLifecycle lifecycle, bucket.GetLifecycle(context));
      lifecycle.rules = MergeRules(lifecycle.rules, wishes, prefix);
      return bucket.PutLifecycle(lifecycle, context);
    }
  }
  return Status::Ok();
}

}  // namespace

Status ApplyBucketPlan(aws::S3Bucket& bucket, const BucketPlan& plan, const BucketWishes& wishes,
                       const std::string& prefix,
                       const std::function<void(const BucketChange&)>& done,
                       const CallContext& context) {
  bool lifecycle_done = false;
  for (const BucketChange& change : plan.changes) {
    // All rules are one document.
    if (change.kind != BucketChange::Kind::kLifecycle || !std::exchange(lifecycle_done, true)) {
      Status made = Persist(
          context, [&] { return MakeChange(bucket, change.kind, wishes, prefix, context); });
      if (!made.ok()) return made.WithContext(change.setting);
    }
    done(change);
  }
  return Status::Ok();
}

}  // namespace maxbrod::store
