#include "cli/registry_flags.h"

namespace maxbrod::cli {

void RegistryFlags::Add(CLI::App* verb, const std::string& what) {
  verb->add_option("--schema-registry", url, what + ": http://host:8081, several with commas");
  verb->add_option("--schema-registry-config", config,
                   "How it is reached, as Java clients are told: schema.registry.url, "
                   "basic.auth.user.info, bearer.auth.token, schema.registry.ssl.*, ...")
      ->type_name("FILE");
}

Result<std::shared_ptr<registry::Registry>> RegistryFlags::Open() const {
  if (!given()) return std::shared_ptr<registry::Registry>();
  std::map<std::string, std::string> properties;
  if (!config.empty()) {
    MB_ASSIGN_OR_RETURN(std::string text, ReadTextFile(config, "--schema-registry-config"));
    MB_ASSIGN_OR_RETURN(properties, kafka::ParseProperties(text));
  }
  MB_ASSIGN_OR_RETURN(registry::RegistryConfig read, registry::ReadRegistryConfig(url, properties));
  auto http = std::make_shared<aws::CurlHttpClient>(read.http);
  return std::make_shared<registry::Registry>(std::move(read), std::move(http), Clock::System());
}

}  // namespace maxbrod::cli
