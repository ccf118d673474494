// Flags of everything that restores users, brokers' configs and schemas.
#pragma once

#include <string>

#include "cli/common.h"
#include "cli/registry_flags.h"
#include "engine/restore_metadata.h"

namespace maxbrod::cli {

struct MetadataFlags {
  std::string passwords, broker_configs;
  RegistryFlags registry;

  // The option of the passwords' file, for more checks.
  CLI::Option* Add(CLI::App* verb);
  // Null where no file was given. Errors are those of ScramPasswords::Read.
  Result<std::shared_ptr<const engine::ScramPasswords>> Passwords() const;
  engine::BrokerConfigs BrokerConfigs() const;
};

}  // namespace maxbrod::cli
