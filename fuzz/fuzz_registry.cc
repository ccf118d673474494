// A Schema Registry's answers and a file that says how to reach one. Nothing may crash; what is
// read has the form that a snapshot needs, and is the same schema when it is registered and read
// again.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "kafka/client_config.h"
#include "registry/registry_config.h"
#include "registry/registry_json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace maxbrod;
  const std::string text = ToString({data, size});
  (void)registry::ParseNames(text);
  (void)registry::ParseMode(text);
  (void)registry::ParseId(text);
  (void)registry::ParseError(text);
  auto versions = registry::ParseVersions(text);
  if (versions.ok()) {
    for (int32_t version : *versions) MB_CHECK(version > 0);
  }
  auto version = registry::ParseVersion(text);
  if (version.ok()) {
    MB_CHECK(version->version() > 0 && version->id() >= 0 && !version->schema_type().empty());
    auto again = registry::ParseVersion(registry::RegisterBody(*version));
    MB_CHECK(again.ok() && registry::SameSchema(*version, *again));
  }
  auto compatibility = registry::ParseCompatibility(text);
  if (compatibility.ok()) {
    auto body = registry::CompatibilityBody(*compatibility);
    MB_CHECK(body.ok());
    auto again = registry::ParseCompatibility(*body);
    MB_CHECK(again.ok() && *again == *compatibility);
  }
  auto properties = kafka::ParseProperties(text);
  if (properties.ok()) (void)registry::ReadRegistryConfig("", *properties);
  auto config = registry::ReadRegistryConfig(text, {});
  if (config.ok()) {
    for (const std::string& url : config->urls)
      MB_CHECK(url.find('@') == std::string::npos || url.find('@') > url.find('/', 8));
  }
  return 0;
}
