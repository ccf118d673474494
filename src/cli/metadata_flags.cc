#include "cli/metadata_flags.h"

#include "os/file.h"

namespace maxbrod::cli {
namespace {

constexpr const char* kEachBroker = "each";

}  // namespace

CLI::Option* MetadataFlags::Add(CLI::App* verb) {
  verb->add_flag("--broker-configs{default}", broker_configs,
                 "Also the cluster-wide dynamic broker configs; with =each those of each broker, "
                 "where the target has its id")
      ->check(CLI::IsMember({"default", kEachBroker}));
  registry.Add(verb, "Where schemas go, of snapshots that have them");
  return verb->add_option(
      "--scram-passwords", passwords,
      "File with lines user:password or user:SCRAM-SHA-256:password, for the users that are made; "
      "readable by its owner only");
}

Result<std::shared_ptr<const engine::ScramPasswords>> MetadataFlags::Passwords() const {
  if (passwords.empty()) return std::shared_ptr<const engine::ScramPasswords>();
  MB_ASSIGN_OR_RETURN(engine::ScramPasswords read,
                      engine::ScramPasswords::Read(FileSystem::Posix(), passwords));
  return std::make_shared<const engine::ScramPasswords>(std::move(read));
}

engine::BrokerConfigs MetadataFlags::BrokerConfigs() const {
  if (broker_configs.empty()) return engine::BrokerConfigs::kNone;
  return broker_configs == kEachBroker ? engine::BrokerConfigs::kEach
                                       : engine::BrokerConfigs::kDefault;
}

}  // namespace maxbrod::cli
