// Any text as a client.properties, as sasl.jaas.config, as a server list and as PEM: no crash, and
// what is accepted is sound.
#include <cstdlib>
#include <string>

#include "kafka/client_config.h"
#include "kafka/jaas.h"
#include "kafka/pem.h"

using namespace maxbrod;         // NOLINT
using namespace maxbrod::kafka;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  auto properties = ParseProperties(text);
  if (properties.ok()) {
    if (properties->contains("")) std::abort();
    std::vector<std::string> ignored;
    auto config = ConfigFromProperties(*properties, &ignored);
    if (config.ok() && config->request_timeout <= Millis(0)) std::abort();
    if (config.ok() && ignored.size() > properties->size()) std::abort();
  }
  auto module = ParseJaas(text);
  if (module.ok() && module->login_module.empty()) std::abort();
  auto servers = ParseBootstrap(text);
  if (servers.ok()) {
    if (servers->empty()) std::abort();
    for (const HostPort& server : *servers) {
      if (server.host.empty() || server.port == 0) std::abort();
    }
  }
  std::string pem = NormalizePem(text);
  if (NormalizePem(pem) != pem) std::abort();
  return 0;
}
