// What all verbs share: global flags, how to reach a repository and a cluster, and how to end.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "aws/msk_cluster.h"
#include "base/limits.h"
#include "base/status.h"
#include "cli/key_flags.h"
#include "kafka/client_config.h"
#include "kafka/cluster.h"
#include "os/deadline.h"
#include "repo/repository.h"

namespace maxbrod::cli {

inline constexpr const char* kVersion = "0.1.0";
std::string ProgramName();  // "maxbrod 0.1.0"

// Lives as long as main().
struct Globals {
  bool json = false;
  bool quiet = false;
  std::string memory = "512MiB";
  std::stop_token stop;
  // Set by the verb that was chosen.
  std::function<Status()> action;

  CallContext context() const { return CallContext{Deadline::Never(), stop}; }
};

struct RepositoryFlags {
  std::string url;
  std::string repository_id;
  std::string expect_head;
  std::string as_of, as_of_dir;
  bool as_of_writes = false;
  KeyFlags keys;
  void Add(CLI::App* verb);
  // Whether the store's writers hold what they write in memory, counted in --memory.
  bool holds_writes() const { return url.starts_with("s3:"); }
  // Splits --memory: what is read from the repository ahead (where its requests cost), and the
  // rest.
  Status ShareMemory(const Globals& globals, size_t* read_ahead, size_t* rest) const;
  // Also compares the head with --expect-head, and with the one that this host has seen last.
  // `ask`: for a passphrase, on a terminal, where no key was given.
  Result<std::unique_ptr<repo::Repository>> Open(const Globals& globals, bool ask = true) const;
  // --as-of and --as-of-dir, for verbs that change nothing in the repository. With `writes` the
  // verb writes all the same, into a folder beside it.
  void AddAsOf(CLI::App* verb, bool writes = false);
  // What --repo and --as-of name, without keys.
  Result<std::unique_ptr<store::Store>> OpenBare(const Globals& globals) const;
  // The repository as it lies there, with its keys; for what must work without a head.
  Result<std::unique_ptr<store::Store>> OpenStore(const Globals& globals) const;
  // kConflict unless this is the id that --repo-id expects. `id` has 16 bytes.
  Status CheckId(const std::string& id, const std::string& at) const;
  // Notes the head for the next run on this host; after the last commit of a verb.
  void Remember(repo::Repository& repository) const;
  // The status, telling of --as-of where that may help.
  Status WithAsOfHint(Status status) const;

 private:
  Result<std::unique_ptr<repo::Repository>> OpenAndCompare(const Globals& globals, bool ask) const;
};

struct ClusterFlags {
  std::string bootstrap, command_config;
  std::string msk_cluster, msk_access = "private", msk_secret;
  // `required` false: the verb works without a cluster too.
  void Add(CLI::App* verb, bool required);
  bool given() const {
    return !bootstrap.empty() || !command_config.empty() || !msk_cluster.empty();
  }
  // `msk`, when not null, is filled with what is known of a cluster given by --msk-cluster.
  Result<std::unique_ptr<kafka::Cluster>> Connect(const Globals& globals,
                                                  aws::MskCluster* msk = nullptr) const;
  // What Connect connects with.
  Result<kafka::ClientConfig> Config(const CallContext& context, aws::MskCluster* msk) const;
};

// kNotFound, with a hint at the flag that named it.
Result<std::string> ReadTextFile(const std::string& path, const std::string& flag);

// "512MiB", "1.5GiB", "64k", "1000": bytes. Binary units.
Result<uint64_t> ParseBytes(const std::string& text);

// Prints the error with its hint (or one JSON object) and returns the exit code of
// docs/reference.md.
int Report(const Status& status, const Globals& globals);

}  // namespace maxbrod::cli
