#include "cli/common.h"

#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "kafka/client_config.h"
#include "store/open_store.h"

namespace maxbrod::cli {
namespace {

Result<std::string> ReadTextFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return Status(Code::kNotFound, "cannot read '" + path + "'").WithHint("check --command-config");
  }
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

std::string ProgramName() {
  return std::string("maxbrod ") + kVersion;
}

void RepositoryFlags::Add(CLI::App* verb) {
  verb->add_option("--repo", url, "Repository, e.g. file:///backups/kafka")
      ->required()
      ->envname("MAXBROD_REPO");
  verb->add_option("--repo-id", repository_id,
                   "Refuse a repository with another id (32 hex digits)");
}

Result<std::unique_ptr<repo::Repository>> RepositoryFlags::Open(const Globals& globals) const {
  MB_ASSIGN_OR_RETURN(auto store, store::OpenStore(url));
  repo::OpenOptions options;
  options.program = ProgramName();
  options.expect_repository_id = repository_id;
  return repo::Repository::Open(std::move(store), options, globals.context());
}

void ClusterFlags::Add(CLI::App* verb, bool required) {
  auto* option =
      verb->add_option("--bootstrap-server", bootstrap, "Brokers to begin with: host:port,...")
          ->envname("MAXBROD_BOOTSTRAP_SERVER");
  verb->add_option("--command-config", command_config,
                   "A Java client's client.properties: security.protocol, sasl.*, ssl.*, ...");
  if (required)
    option->description("Brokers to begin with: host:port,... (or in --command-config)");
}

Result<std::unique_ptr<kafka::Cluster>> ClusterFlags::Connect(const Globals& globals) const {
  kafka::ClientConfig config;
  if (!command_config.empty()) {
    MB_ASSIGN_OR_RETURN(std::string text, ReadTextFile(command_config));
    MB_ASSIGN_OR_RETURN(auto properties, kafka::ParseProperties(text));
    std::vector<std::string> ignored;
    MB_ASSIGN_OR_RETURN(config, kafka::ConfigFromProperties(properties, &ignored));
  }
  if (!bootstrap.empty()) {
    MB_ASSIGN_OR_RETURN(config.bootstrap, kafka::ParseBootstrap(bootstrap));
  }
  if (config.bootstrap.empty()) {
    return Status(Code::kInvalidArgument, "no broker was given")
        .WithHint("add --bootstrap-server host:port");
  }
  CallContext context = globals.context().Within(config.api_timeout);
  return kafka::Cluster::Connect(config, context);
}

Result<uint64_t> ParseBytes(const std::string& text) {
  size_t used = 0;
  double number = -1;
  try {
    number = std::stod(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  std::string unit = text.substr(used);
  double factor = 0;
  if (unit.empty() || unit == "B") factor = 1;
  if (unit == "k" || unit == "K" || unit == "KiB") factor = static_cast<double>(kKiB);
  if (unit == "m" || unit == "M" || unit == "MiB") factor = static_cast<double>(kMiB);
  if (unit == "g" || unit == "G" || unit == "GiB") factor = static_cast<double>(kGiB);
  if (used == 0 || factor == 0 || number < 0 || !std::isfinite(number) || number * factor > 9e18) {
    return Status(Code::kInvalidArgument, "'" + text + "' is not a size")
        .WithHint("write e.g. 512MiB, 2GiB, 64k");
  }
  return static_cast<uint64_t>(number * factor);
}

int Report(const Status& status, const Globals& globals) {
  if (status.ok()) return 0;
  const CodeInfo& info = InfoOf(status.code());
  if (globals.json) {
    nlohmann::json error = {{"code", std::string(info.name)}, {"message", status.message()}};
    if (!status.hint().empty()) error["hint"] = status.hint();
    if (status.kafka_error() != 0) error["kafka_error"] = status.kafka_error();
    std::cout << nlohmann::json{{"error", error}}.dump() << std::endl;
  }
  std::fflush(stdout);
  std::cerr << "maxbrod: " << status.message() << "\n";
  if (!status.hint().empty()) std::cerr << "hint: " << status.hint() << "\n";
  return info.exit_code;
}

}  // namespace maxbrod::cli
