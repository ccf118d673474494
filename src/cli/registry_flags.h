// Flags that name a Schema Registry.
#pragma once

#include <memory>
#include <string>

#include "cli/common.h"
#include "registry/registry.h"

namespace maxbrod::cli {

struct RegistryFlags {
  std::string url, config;

  // `what` is done with it: "also keep the subjects of this Schema Registry".
  void Add(CLI::App* verb, const std::string& what);
  bool given() const { return !url.empty() || !config.empty(); }
  // Null where none was given; asks it nothing. Errors are those of ReadRegistryConfig.
  Result<std::shared_ptr<registry::Registry>> Open() const;
};

}  // namespace maxbrod::cli
