// maxbrod init: makes an empty repository.
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/bucket_flags.h"
#include "cli/kms_wrapper.h"
#include "cli/verbs.h"
#include "store/open_store.h"

namespace maxbrod::cli {
namespace {

struct InitFlags {
  RepositoryFlags repository;
  CostFlags cost;
  std::string encryption, kms_key, recovery_key_file;
  bool print_recovery_key = false;
  bool setup_bucket = false;
  Consent consent;
};

// The secrets live here while the repository is made.
struct InitSecrets {
  std::shared_ptr<repo::KeyWrapper> kms;
  repo::SlotSecret first;
  repo::SlotSecret recovery;
};

Status ReadFirst(const InitFlags& flags, const Globals& globals, InitSecrets* secrets) {
  const std::string& kind = flags.encryption;
  if (kind == "kms" || !flags.kms_key.empty()) {
    if (flags.kms_key.empty() || (!kind.empty() && kind != "kms")) {
      return Status(Code::kInvalidArgument, "--encryption kms and --kms-key belong together")
          .WithHint("name the key by ARN, id or alias");
    }
    MB_ASSIGN_OR_RETURN(secrets->kms, MakeKmsWrapper(flags.kms_key, globals.context()));
    secrets->first.kms = secrets->kms.get();
    return Status::Ok();
  }
  bool key_file = !flags.repository.keys.secret.key_file.empty();
  if (kind == "keyfile" || (kind.empty() && key_file)) {
    if (!key_file) {
      return Status(Code::kInvalidArgument, "--encryption keyfile needs --key-file")
          .WithHint("name a file; it is made when it does not exist");
    }
    MB_ASSIGN_OR_RETURN(secrets->first, ReadOrMakeSecret(flags.repository.keys.secret));
    return Status::Ok();
  }
  MB_ASSIGN_OR_RETURN(repo::KeySource source, flags.repository.keys.Read(globals));
  if (kind == "none") {
    if (!source.given()) return Status::Ok();
    return Status(Code::kInvalidArgument, "--encryption none, but a key was given")
        .WithHint("unset MAXBROD_PASSPHRASE and its like, or encrypt");
  }
  secrets->first = std::move(source.secret);
  if (kind.empty()) return Status::Ok();
  if (secrets->first.kind() == format::KeySlotHeader::KIND_UNKNOWN) {
    MB_ASSIGN_OR_RETURN(secrets->first.passphrase,
                        AskPassphrase("Passphrase of the new repository: ", true, globals));
  }
  if (secrets->first.kind() != format::KeySlotHeader::PASSPHRASE) {
    return Status(Code::kInvalidArgument, "--encryption passphrase, but a key file was given")
        .WithHint("give --passphrase-file, or --encryption keyfile");
  }
  return Status::Ok();
}

Result<repo::InitOptions> ToOptions(const InitFlags& flags, const Globals& globals,
                                    InitSecrets* secrets) {
  repo::InitOptions options{ProgramName(), {}};
  bool recovery = flags.print_recovery_key || !flags.recovery_key_file.empty();
  MB_RETURN_IF_ERROR(ReadFirst(flags, globals, secrets));
  if (secrets->first.kind() == format::KeySlotHeader::KIND_UNKNOWN) {
    if (!recovery) return options;
    return Status(Code::kInvalidArgument, "a recovery key is of no use without encryption")
        .WithHint("add --encryption passphrase or --encryption keyfile");
  }
  repo::InitOptions::Slot slot{&secrets->first, {}};
  slot.slot.label = "first";
  MB_ASSIGN_OR_RETURN(slot.slot.cost, flags.cost.Read());
  options.slots.push_back(slot);
  if (recovery) {
    secrets->recovery.key_file = SecretBytes::Random(repo::kKeyFileBytes);
    repo::InitOptions::Slot second{&secrets->recovery, {}};
    second.slot.label = repo::kRecoveryLabel;
    options.slots.push_back(second);
  }
  return options;
}

void Print(const InitFlags& flags, const std::string& id, const repo::InitOptions& options,
           const InitSecrets& secrets, const Globals& globals) {
  bool print_key = flags.print_recovery_key && !secrets.recovery.key_file.empty();
  std::string key = print_key ? ToHex(secrets.recovery.key_file.view()) : "";
  if (globals.json) {
    nlohmann::json out = {
        {"repository", flags.repository.url}, {"id", id}, {"encrypted", !options.slots.empty()}};
    if (print_key) out["recovery_key"] = key;
    std::cout << out.dump() << "\n";
    return;
  }
  std::cout << (options.slots.empty() ? "repository " : "encrypted repository ") << id
            << " made at " << flags.repository.url << "\n";
  if (print_key) {
    std::cout << "recovery key, shown this once; in a file it is a key file:\n" << key << "\n";
  }
  if (options.slots.size() == 1) {
    std::cerr << "hint: there is one way to the keys only; who loses it loses all data. "
                 "'maxbrod keys add' makes a second one\n";
  }
}

// Before the first object: so that a mistake there can be undone too.
Status PrepareBucket(const InitFlags& flags, const Globals& globals) {
  if (!flags.setup_bucket) return Status::Ok();
  MB_ASSIGN_OR_RETURN(BucketPlace place, BucketPlace::Open(flags.repository.url));
  return SetUpBucket(place, store::BucketWishes::Usual(), flags.consent, globals);
}

Status Run(const InitFlags& flags, const Globals& globals) {
  // What a bucket cannot have is no reason not to use it.
  Status prepared = PrepareBucket(flags, globals);
  if (!prepared.ok() && prepared.code() != Code::kIncomplete) return prepared;
  InitSecrets secrets;
  MB_ASSIGN_OR_RETURN(repo::InitOptions options, ToOptions(flags, globals, &secrets));
  store::OpenStoreOptions create;
  create.create = true;
  MB_ASSIGN_OR_RETURN(auto store, store::OpenStore(flags.repository.url, create));
  if (!flags.recovery_key_file.empty()) {
    // Before the repository: a slot whose key was never written is a slot that nobody can open.
    MB_RETURN_IF_ERROR(WriteKeyFile(flags.recovery_key_file, secrets.recovery.key_file));
  }
  Status made = repo::Repository::Init(*store, options, globals.context());
  if (!made.ok() && !flags.recovery_key_file.empty()) {
    return std::move(made).WithContext("the recovery key in '" + flags.recovery_key_file +
                                       "' belongs to nothing");
  }
  MB_RETURN_IF_ERROR(made);
  repo::KeySource source;
  source.secret = std::move(secrets.first);
  repo::OpenOptions open;
  open.program = ProgramName();
  open.keys = &source;
  MB_ASSIGN_OR_RETURN(auto repository,
                      repo::Repository::Open(std::move(store), open, globals.context()));
  flags.repository.Remember(*repository);
  std::string id = ToHex(AsBytes(repository->config().repository_id()));
  Print(flags, id, options, secrets, globals);
  return prepared;
}

}  // namespace

void AddInit(CLI::App& app, Globals& globals) {
  auto flags = std::make_shared<InitFlags>();
  CLI::App* verb = app.add_subcommand("init", "Make an empty repository");
  flags->repository.Add(verb);
  verb->add_option(
          "--encryption", flags->encryption,
          "none, passphrase, keyfile or kms (default: as the key that is given, else none)")
      ->check(CLI::IsMember({"none", "passphrase", "keyfile", "kms"}));
  verb->add_option("--kms-key", flags->kms_key, "AWS KMS key that opens it: ARN, id or alias");
  verb->add_option("--recovery-key-file", flags->recovery_key_file,
                   "Make a second slot and write its key to this new file");
  verb->add_flag("--print-recovery-key", flags->print_recovery_key,
                 "Make a second slot and print its key, once");
  verb->add_flag("--setup-bucket", flags->setup_bucket,
                 "First make of the bucket what a repository needs (as 'bucket setup' does)");
  verb->add_flag("--yes", flags->consent.yes, "Change the bucket without asking");
  flags->cost.Add(verb);
  verb->footer(
      "Examples:\n"
      "  maxbrod init --repo file:///backups/kafka\n"
      "  maxbrod init --repo s3://backups/kafka --setup-bucket --encryption kms --kms-key "
      "alias/backups\n"
      "  maxbrod init --repo file:///backups/kafka --encryption passphrase "
      "--recovery-key-file /media/usb/kafka.key");
  verb->callback(
      [flags, &globals] { globals.action = [flags, &globals] { return Run(*flags, globals); }; });
}

}  // namespace maxbrod::cli
