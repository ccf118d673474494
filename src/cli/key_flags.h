// Keys from the command line: files, variables, a prompt. No flag takes a secret itself.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "repo/unlock.h"

namespace maxbrod::cli {

struct Globals;

// How a secret for a slot was named. At most one of the two.
struct SecretFlags {
  std::string passphrase_file, key_file;
  bool given() const { return !passphrase_file.empty() || !key_file.empty(); }
};

struct KeyFlags {
  SecretFlags secret;
  std::string slot;
  void Add(CLI::App* verb);
  // What opens the repository: the flags, else the variables MAXBROD_PASSPHRASE,
  // MAXBROD_PASSPHRASE_FILE, MAXBROD_KEY_FILE, else (asked for only when needed) the terminal.
  Result<repo::KeySource> Read(const Globals& globals) const;
};

// What Argon2id may cost who guesses, and costs who opens.
struct CostFlags {
  std::string memory;
  uint32_t passes = 0;
  void Add(CLI::App* verb);
  Result<Argon2Cost> Read() const;
};

// The secret that the flags name. kInvalidArgument when both or none do; kNotFound, kPermission
// (others may read the file).
Result<repo::SlotSecret> ReadSecret(const SecretFlags& flags);
// The same; a key file that does not exist is made, with a fresh key and mode 0600.
Result<repo::SlotSecret> ReadOrMakeSecret(const SecretFlags& flags);
// One passphrase from the terminal, asked twice when it is new. kInvalidArgument when there is no
// terminal or the two differ.
Result<SecretBytes> AskPassphrase(const std::string& prompt, bool twice, const Globals& globals);
// Writes 64 hex digits to a new file of mode 0600, durably. kAlreadyExists.
Status WriteKeyFile(const std::string& path, const SecretBytes& key);

}  // namespace maxbrod::cli
