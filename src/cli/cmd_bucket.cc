// maxbrod bucket check|setup|policy: the bucket that a repository lies in, or is to lie in.
#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/bucket_flags.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/iam_roles.h"
#include "store/open_store.h"
#include "store/s3_store_url.h"

namespace maxbrod::cli {
namespace {

// To look whether a repository is there must not make who has none wait for long.
constexpr Millis kLookLimit{10'000};

struct BucketFlags {
  std::string url;
  WishFlags wishes;
  Consent consent;
  // Of policy.
  std::string role, msk_cluster;
  std::vector<std::string> kms_keys;
  bool object_lock = false;
};

std::string_view NameOf(store::BucketGrade grade) {
  constexpr std::string_view kNames[] = {"good", "missing", "danger", "unknown", "unsupported"};
  return kNames[static_cast<size_t>(grade)];
}

void PrintFindings(const std::vector<store::BucketFinding>& findings) {
  Table table({"SETTING", "STATE", "IS", "WANTED"});
  for (const store::BucketFinding& finding : findings) {
    bool unknown = finding.grade == store::BucketGrade::kUnknown;
    table.Row({finding.setting, std::string(NameOf(finding.grade)),
               unknown ? "may not be read" : finding.is, finding.wanted});
  }
  table.Print(std::cout);
  for (const store::BucketFinding& finding : findings) {
    if (finding.grade == store::BucketGrade::kGood ||
        finding.grade == store::BucketGrade::kUnsupported) {
      continue;
    }
    std::cout << finding.setting << ": " << finding.why << "\n";
    if (finding.grade == store::BucketGrade::kUnknown) std::cout << "  " << finding.is << "\n";
  }
}

Status RunCheck(const BucketFlags& flags, const Globals& globals) {
  MB_ASSIGN_OR_RETURN(store::BucketWishes wishes, flags.wishes.Read());
  MB_ASSIGN_OR_RETURN(BucketPlace place, BucketPlace::Open(flags.url));
  aws::S3Bucket bucket(*place.client);
  MB_ASSIGN_OR_RETURN(store::BucketState state, store::ReadBucketState(bucket, globals.context()));
  const auto findings = store::JudgeBucket(state, wishes, place.prefix);
  std::vector<std::string> alarming;
  nlohmann::json settings = nlohmann::json::array();
  for (const store::BucketFinding& finding : findings) {
    if (finding.alarming()) alarming.push_back(finding.setting);
    settings.push_back({{"setting", finding.setting},
                        {"state", NameOf(finding.grade)},
                        {"important", finding.important},
                        {"is", finding.is},
                        {"wanted", finding.wanted},
                        {"why", finding.why}});
  }
  const std::string region = state.region.ok() ? *state.region : "";
  if (globals.json) {
    std::cout << nlohmann::json{{"ok", alarming.empty()},
                                {"bucket", bucket.name()},
                                {"region", region},
                                {"settings", std::move(settings)}}
                     .dump()
              << "\n";
  } else {
    std::cout << "bucket " << bucket.name() << (region.empty() ? "" : " in " + region) << "\n";
    PrintFindings(findings);
  }
  if (alarming.empty()) return Status::Ok();
  return Status(Code::kIncomplete, fmt::format("bucket '{}' is not safe yet: {}", bucket.name(),
                                               fmt::join(alarming, ", ")))
      .WithHint("'maxbrod bucket setup' shows what it would change, and does it with --yes");
}

Status RunSetup(const BucketFlags& flags, const Globals& globals) {
  MB_ASSIGN_OR_RETURN(store::BucketWishes wishes, flags.wishes.Read());
  MB_ASSIGN_OR_RETURN(BucketPlace place, BucketPlace::Open(flags.url));
  return SetUpBucket(place, wishes, flags.consent, globals);
}

// The KMS keys of a repository that is there already, and its id. kNotFound: there is none.
Status AddFromRepository(const std::string& url, const CallContext& context,
                         engine::PolicySubject* subject) {
  MB_ASSIGN_OR_RETURN(auto store, store::OpenStore(url));
  MB_ASSIGN_OR_RETURN(repo::StoredConfig config, repo::ReadConfig(*store, {}, context));
  const std::string& id = config.config.repository_id();
  MB_ASSIGN_OR_RETURN(auto slots, repo::ListKeySlots(*store, id, context));
  for (const repo::KeySlotInfo& slot : slots) {
    if (slot.problem.ok() && slot.view.header.has_kms()) {
      subject->slot_keys.push_back(slot.view.header.kms().key());
    }
  }
  subject->repository_id = ToHex(AsBytes(id));
  return Status::Ok();
}

Status RunPolicy(const BucketFlags& flags, const Globals& globals) {
  MB_ASSIGN_OR_RETURN(engine::Role role, engine::ParseRole(flags.role));
  engine::PolicySubject subject;
  subject.msk_cluster = flags.msk_cluster;
  subject.object_lock = flags.object_lock;
  if (!flags.url.empty()) {
    MB_ASSIGN_OR_RETURN(store::S3Location location, store::ParseS3Url(flags.url));
    subject.bucket = location.s3.bucket;
    subject.prefix = location.store.prefix;
    subject.region = location.s3.region;
    subject.sse_key = location.s3.kms_key_id;
    Status looked = AddFromRepository(flags.url, globals.context().Within(kLookLimit), &subject);
    if (!looked.ok() && looked.code() != Code::kNotFound && !globals.quiet) {
      std::cerr << "note: no KMS key of the repository is in the policy, for it could not be read ("
                << looked.message() << "); --kms-key names one\n";
    }
  }
  if (!flags.kms_keys.empty()) subject.slot_keys = flags.kms_keys;
  MB_ASSIGN_OR_RETURN(nlohmann::ordered_json policy, engine::PolicyOf(role, subject));
  std::cout << (globals.json ? policy.dump() : policy.dump(2)) << "\n";
  return Status::Ok();
}

using Action = Status (*)(const BucketFlags&, const Globals&);

CLI::App* Sub(CLI::App* bucket, const char* name, const char* what,
              const std::shared_ptr<BucketFlags>& flags, Globals& globals, Action action) {
  CLI::App* verb = bucket->add_subcommand(name, what);
  CLI::Option* repo = verb->add_option("--repo", flags->url, "Repository: s3://bucket/prefix?...")
                          ->envname("MAXBROD_REPO");
  if (action != RunPolicy) repo->required();
  verb->callback([flags, &globals, action] {
    globals.action = [flags, &globals, action] { return action(*flags, globals); };
  });
  return verb;
}

}  // namespace

void AddBucket(CLI::App& app, Globals& globals) {
  CLI::App* bucket = app.add_subcommand(
      "bucket", "The settings of a repository's bucket, and who needs what there");
  bucket->require_subcommand(1);
  auto checked = std::make_shared<BucketFlags>();
  checked->wishes.Add(Sub(bucket, "check", "Compare the bucket with what a repository needs",
                          checked, globals, RunCheck));
  auto made = std::make_shared<BucketFlags>();
  CLI::App* setup =
      Sub(bucket, "setup", "Change what is wanted, after showing it", made, globals, RunSetup);
  made->wishes.Add(setup);
  setup->add_flag("--dry-run", made->consent.dry_run, "Show what would be changed, and no more");
  setup->add_flag("--yes", made->consent.yes, "Do it without asking");
  auto policy = std::make_shared<BucketFlags>();
  CLI::App* print =
      Sub(bucket, "policy", "Print the least IAM policy of a role", policy, globals, RunPolicy);
  print->add_option("role", policy->role, "backup, restore, prune or setup")
      ->required()
      ->check(CLI::IsMember({"backup", "restore", "prune", "setup"}));
  print
      ->add_option("--kms-key", policy->kms_keys,
                   "KMS key of a key slot (default: those of the repository, if it is there)")
      ->delimiter(',');
  print->add_option("--msk-cluster", policy->msk_cluster,
                    "ARN of the MSK cluster, for its IAM actions");
  print->add_flag("--object-lock", policy->object_lock, "Objects get a retention of their own");
  bucket->footer(
      "Examples:\n"
      "  maxbrod bucket check --repo s3://backups/kafka\n"
      "  maxbrod bucket setup --repo s3://backups/kafka --dry-run\n"
      "  maxbrod bucket setup --repo s3://backups/kafka --cold-after 30d --cold-class "
      "DEEP_ARCHIVE\n"
      "  maxbrod bucket policy backup --repo s3://backups/kafka > backup.json");
}

}  // namespace maxbrod::cli
