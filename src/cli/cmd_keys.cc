// maxbrod keys list|add|remove|rotate: the key slots of an encrypted repository.
#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/kms_wrapper.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "store/open_store.h"

namespace maxbrod::cli {
namespace {

constexpr size_t kIdDigitsShown = 8;

struct KeysFlags {
  RepositoryFlags repository;
  SecretFlags added;
  CostFlags cost;
  std::string label, id, reason, kms_key;
  bool new_passphrase = false;
  bool epoch_only = false;
};

// For what changes or judges slots the keys are needed; listing goes without.
Result<std::unique_ptr<repo::Repository>> OpenWithKeys(const KeysFlags& flags,
                                                       const Globals& globals) {
  MB_ASSIGN_OR_RETURN(auto repository, flags.repository.Open(globals));
  if (repository->keys() == nullptr) {
    return Status(Code::kUnsupported, "the repository is not encrypted: it has no keys")
        .WithHint("encryption is chosen by 'maxbrod init'");
  }
  return repository;
}

std::string IdOf(const repo::KeySlotView& slot) {
  return slot.name.substr(slot.name.rfind('/') + 1);
}

std::string Opens(const format::KeySlotHeader& header) {
  if (header.data_key_id() == 0) return "everything";
  return fmt::format("epoch {}", header.data_key_id());
}

std::string Detail(const format::KeySlotHeader& header) {
  if (header.has_argon2id()) {
    return fmt::format("Argon2id {} MiB, {} passes, {} lanes",
                       header.argon2id().memory_kib() / 1024, header.argon2id().passes(),
                       header.argon2id().lanes());
  }
  return header.has_kms() ? header.kms().provider() + " " + header.kms().key() : "";
}

// Slots are readable without a key; with one, whether they are genuine is told as well.
Status List(const KeysFlags& flags, const Globals& globals) {
  MB_ASSIGN_OR_RETURN(auto store, flags.repository.OpenBare(globals));
  MB_ASSIGN_OR_RETURN(repo::StoredConfig config, repo::ReadConfig(*store, {}, globals.context()));
  MB_RETURN_IF_ERROR(flags.repository.CheckId(config.config.repository_id(), store->Url()));
  if (config.config.crypto() == format::CRYPTO_PLAIN) {
    return Status(Code::kUnsupported, "the repository is not encrypted: it has no keys")
        .WithHint("encryption is chosen by 'maxbrod init'");
  }
  MB_ASSIGN_OR_RETURN(auto slots,
                      repo::ListKeySlots(*store, config.config.repository_id(), globals.context()));
  MB_ASSIGN_OR_RETURN(repo::KeySource source, flags.repository.keys.Read(globals));
  std::shared_ptr<repo::Keyring> keys;
  if (source.given()) {
    MB_ASSIGN_OR_RETURN(keys, repo::Unlock(*store, config.config, source, globals.context()));
  }
  Table table({"ID", "KIND", "OPENS", "LABEL", "MADE", "STATE", "DETAIL"});
  for (const repo::KeySlotInfo& slot : slots) {
    const format::KeySlotHeader& header = slot.view.header;
    std::string state = !slot.problem.ok()                  ? "damaged"
                        : keys == nullptr                   ? "-"
                        : repo::IsGenuine(slot.view, *keys) ? "genuine"
                                                            : "forged";
    if (globals.json) {
      std::cout << nlohmann::json{{"id", IdOf(slot.view)},
                                  {"kind", repo::SlotKindName(header.kind())},
                                  {"opens", Opens(header)},
                                  {"label", header.label()},
                                  {"created_ms", header.created_ms()},
                                  {"state", state},
                                  {"detail", Detail(header)}}
                       .dump()
                << "\n";
      continue;
    }
    table.Row({IdOf(slot.view).substr(0, kIdDigitsShown), repo::SlotKindName(header.kind()),
               Opens(header), header.label(), FormatTime(header.created_ms()), state,
               Detail(header)});
  }
  if (!globals.json) table.Print(std::cout);
  return Status::Ok();
}

void Tell(const char* field, const std::string& name, const std::string& text,
          const Globals& globals) {
  std::string id = name.substr(name.rfind('/') + 1);
  if (globals.json) {
    std::cout << nlohmann::json{{field, id}}.dump() << "\n";
  } else {
    std::cout << "key slot " << id << " " << text << "\n";
  }
}

Status Add(const KeysFlags& flags, const Globals& globals) {
  if (int{flags.new_passphrase} + int{flags.added.given()} + int{!flags.kms_key.empty()} != 1) {
    return Status(Code::kInvalidArgument, "what shall open the new slot?")
        .WithHint(
            "one of --new-passphrase (asks), --new-passphrase-file, --new-key-file, --new-kms-key");
  }
  MB_ASSIGN_OR_RETURN(auto repository, OpenWithKeys(flags, globals));
  repo::SlotSecret secret;
  std::shared_ptr<repo::KeyWrapper> kms;
  if (!flags.kms_key.empty()) {
    MB_ASSIGN_OR_RETURN(kms, MakeKmsWrapper(flags.kms_key, globals.context()));
    secret.kms = kms.get();
  } else if (flags.new_passphrase) {
    MB_ASSIGN_OR_RETURN(secret.passphrase, AskPassphrase("New passphrase: ", true, globals));
  } else {
    MB_ASSIGN_OR_RETURN(secret, ReadOrMakeSecret(flags.added));
  }
  repo::NewSlot slot;
  slot.label = flags.label;
  slot.program = ProgramName();
  slot.epoch_only = flags.epoch_only;
  MB_ASSIGN_OR_RETURN(slot.cost, flags.cost.Read());
  MB_ASSIGN_OR_RETURN(slot.created_ms, repository->store().NowMillis(globals.context()));
  MB_ASSIGN_OR_RETURN(std::string name, repo::AddKeySlot(repository->store(), *repository->keys(),
                                                         secret, slot, globals.context()));
  Tell("added", name, "added", globals);
  return Status::Ok();
}

Status Remove(const KeysFlags& flags, const Globals& globals) {
  MB_ASSIGN_OR_RETURN(auto repository, OpenWithKeys(flags, globals));
  MB_ASSIGN_OR_RETURN(
      std::string name,
      repo::RemoveKeySlot(repository->store(), *repository->keys(), flags.id, globals.context()));
  Tell("removed", name, "removed; who has used it may still know the repository's keys", globals);
  return Status::Ok();
}

Status Rotate(const KeysFlags& flags, const Globals& globals) {
  MB_ASSIGN_OR_RETURN(auto repository, flags.repository.Open(globals));
  MB_ASSIGN_OR_RETURN(repo::Receipt receipt,
                      repository->CommitKeyEpoch(flags.reason, globals.context()));
  flags.repository.Remember(*repository);
  uint32_t epoch = repository->keys()->data_key_id();
  if (globals.json) {
    std::cout << nlohmann::json{{"epoch", epoch}, {"head", receipt.ToString()}}.dump() << "\n";
  } else {
    std::cout << "new packs use the data key of epoch " << epoch << "\n"
              << receipt.ToString() << "\n";
  }
  return Status::Ok();
}

using Action = Status (*)(const KeysFlags&, const Globals&);

CLI::App* Sub(CLI::App* keys, const char* name, const char* what,
              const std::shared_ptr<KeysFlags>& flags, Globals& globals, Action action) {
  CLI::App* verb = keys->add_subcommand(name, what);
  flags->repository.Add(verb);
  verb->callback([flags, &globals, action] {
    globals.action = [flags, &globals, action] { return action(*flags, globals); };
  });
  return verb;
}

}  // namespace

void AddKeys(CLI::App& app, Globals& globals) {
  CLI::App* keys = app.add_subcommand("keys", "The key slots of an encrypted repository");
  keys->require_subcommand(1);
  auto flags = [] { return std::make_shared<KeysFlags>(); };
  auto listed = flags();
  CLI::App* list = Sub(keys, "list", "Show the slots; with a key, also whether they are genuine",
                       listed, globals, List);
  listed->repository.AddAsOf(list);
  auto added = flags();
  CLI::App* add = Sub(keys, "add", "Add a slot: another way to the same keys", added, globals, Add);
  add->add_flag("--new-passphrase", added->new_passphrase, "Ask for the new slot's passphrase");
  add->add_option("--new-passphrase-file", added->added.passphrase_file,
                  "File with the new slot's passphrase");
  add->add_option("--new-key-file", added->added.key_file,
                  "The new slot's key file; made when it does not exist");
  add->add_option("--new-kms-key", added->kms_key, "The new slot's AWS KMS key: ARN, id or alias");
  add->add_option("--label", added->label, "A name for people; not secret");
  add->add_flag("--epoch-only", added->epoch_only,
                "For a host that writes backups: no data of other key epochs");
  added->cost.Add(add);
  auto removed = flags();
  CLI::App* remove =
      Sub(keys, "remove", "Remove a slot; never the last one", removed, globals, Remove);
  remove->add_option("slot", removed->id, "Beginning of its id, at least 4 digits")->required();
  auto rotated = flags();
  CLI::App* rotate =
      Sub(keys, "rotate", "Begin a new epoch: new data gets another key", rotated, globals, Rotate);
  rotate->add_option("--reason", rotated->reason, "A remark kept in the log");
  keys->footer(
      "Examples:\n"
      "  maxbrod keys list --repo file:///backups/kafka\n"
      "  maxbrod keys add --repo file:///backups/kafka --key-file old.key --new-key-file new.key");
}

}  // namespace maxbrod::cli
