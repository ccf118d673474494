#include "cli/common.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "aws/credentials_chain.h"
#include "aws/credentials_oidc.h"
#include "aws/msk_token.h"
#include "aws/secrets.h"
#include "base/user_time.h"
#include "cli/seen_heads.h"
#include "kafka/client_config.h"
#include "kafka/oauthbearer.h"
#include "os/log.h"
#include "repo/receipt.h"
#include "store/file_store.h"
#include "store/open_store.h"
#include "store/overlay_store.h"
#include "store/read_only_store.h"
#include "store/s3_memory.h"

namespace maxbrod::cli {
namespace {

// Who we are to AWS where nothing in sasl.jaas.config says it.
std::shared_ptr<aws::CredentialsProvider> OwnCredentials() {
  return aws::MakeCredentials(aws::SystemNeeds());
}

// The token that OAUTHBEARER or AWS_MSK_IAM shows. `region` may be empty.
Status SetTokenSource(const std::string& region, kafka::ClientConfig* config) {
  if (config->token_login == nullptr || config->token_source != nullptr) return Status::Ok();
  const kafka::TokenLogin& login = *config->token_login;
  if (login.kind == kafka::TokenKind::kAwsIam) {
    MB_ASSIGN_OR_RETURN(
        config->token_source,
        aws::MakeMskTokens(aws::SystemNeeds(), config->sasl_mechanism, login.options, region));
  } else if (login.kind == kafka::TokenKind::kClientCredentials) {
    MB_ASSIGN_OR_RETURN(config->token_source,
                        aws::MakeClientCredentialsTokens(aws::SystemNeeds(), login));
  }
  return Status::Ok();
}

// SCRAM with a user of Secrets Manager.
Status SetUserOfSecret(const std::string& secret, const CallContext& context,
                       kafka::ClientConfig* config) {
  MB_ASSIGN_OR_RETURN(aws::UserSecret user,
                      aws::ReadUserSecret(aws::SystemNeeds(), OwnCredentials(), secret, context));
  if (config->security_protocol != kafka::SecurityProtocol::kSaslPlaintext)
    config->security_protocol = kafka::SecurityProtocol::kSaslSsl;
  config->sasl_mechanism = kafka::SaslMechanism::kScramSha512;  // the only one MSK has
  config->sasl_username = user.username;
  config->sasl_password = user.password;
  return Status::Ok();
}

// The variable stands for a cluster that is used mostly; a flag stands for this run.
Status RefuseTwoClusters(const std::string& bootstrap) {
  const char* variable = std::getenv("MAXBROD_BOOTSTRAP_SERVER");
  if (bootstrap.empty() || (variable != nullptr && bootstrap == variable)) return Status::Ok();
  return Status(Code::kInvalidArgument,
                "--bootstrap-server and --msk-cluster both name a cluster; give one of them");
}

void UseIam(kafka::ClientConfig* config) {
  config->security_protocol = kafka::SecurityProtocol::kSaslSsl;
  config->sasl_mechanism = kafka::SaslMechanism::kOAuthBearer;
  kafka::TokenLogin login;
  login.kind = kafka::TokenKind::kAwsIam;
  config->token_login = std::make_shared<const kafka::TokenLogin>(std::move(login));
}

}  // namespace

std::string ProgramName() {
  return std::string("maxbrod ") + kVersion;
}

void RepositoryFlags::Add(CLI::App* verb) {
  verb->add_option("--repo", url, "Repository, e.g. file:///backups/kafka")
      ->type_name("URL")
      ->required()
      ->envname("MAXBROD_REPO");
  verb->add_option("--repo-id", repository_id,
                   "Refuse a repository with another id (32 hex digits)");
  verb->add_option("--expect-head", expect_head,
                   "Refuse a repository that lacks this commit: seq:hash, as a run printed it");
  keys.Add(verb);
}

Status RepositoryFlags::CheckId(const std::string& id, const std::string& at) const {
  std::string hex = ToHex(AsBytes(id));
  if (repository_id.empty() || repository_id == hex) return Status::Ok();
  return Status(Code::kConflict, at + " is repository " + hex + ", not " + repository_id)
      .WithHint("the URL points to another repository than --repo-id expects");
}

void RepositoryFlags::AddAsOf(CLI::App* verb, bool writes) {
  as_of_writes = writes;
  verb->add_option("--as-of", as_of,
                   "Read the repository as it was then, from the versions that its bucket keeps, "
                   "e.g. 2026-11-20T10:00:00Z");
  verb->add_option(
      "--as-of-dir", as_of_dir,
      "Folder of what a restore with --as-of writes (default: below the state folder)");
}

Result<std::unique_ptr<store::Store>> RepositoryFlags::OpenBare(const Globals& globals) const {
  MB_ASSIGN_OR_RETURN(uint64_t total, ParseBytes(globals.memory));
  const store::S3Memory memory = store::ShareS3Memory(total);
  store::OpenStoreOptions options;
  options.s3_buffers = std::make_shared<ByteBudget>(memory.held());
  options.s3_part_bytes = memory.part_bytes;
  if (as_of.empty()) return store::OpenStore(url, options);
  MB_ASSIGN_OR_RETURN(int64_t time_ms, ParseUserTime(as_of));
  options.as_of_ms = std::max<int64_t>(time_ms, 1);  // 0 would mean now
  MB_ASSIGN_OR_RETURN(std::shared_ptr<store::Store> lower, store::OpenStore(url, options));
  // Tells what is wrong with the time, where something is.
  MB_RETURN_IF_ERROR(lower->List(repo::kConfigName, "", 1, globals.context()).status());
  MB_ASSIGN_OR_RETURN(repo::StoredConfig config, repo::ReadConfig(*lower, {}, globals.context()));
  std::filesystem::path folder = as_of_dir;
  if (folder.empty() && !StateFolder().empty()) {
    std::string time = FormatUserTime(options.as_of_ms);
    std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
    folder = StateFolder() / "as-of" / ToHex(AsBytes(config.config.repository_id())) / time;
  }
  if (folder.empty() && as_of_writes) {
    return Status(Code::kInvalidArgument, "there is no folder for what this run has to write")
        .WithHint("name one with --as-of-dir");
  }
  std::error_code ignored;
  if (as_of_writes || (!folder.empty() && std::filesystem::is_directory(folder, ignored))) {
    store::FileStoreOptions file;
    file.create_root = as_of_writes;
    MB_ASSIGN_OR_RETURN(std::shared_ptr<store::Store> upper,
                        store::FileStore::Open(std::filesystem::absolute(folder), file));
    lower = std::make_shared<store::OverlayStore>(std::move(upper), std::move(lower));
  }
  if (as_of_writes) {
    return std::unique_ptr<store::Store>(
        std::make_unique<store::ForwardingStore>(std::move(lower)));
  }
  return std::unique_ptr<store::Store>(std::make_unique<store::ReadOnlyStore>(std::move(lower)));
}

Result<std::unique_ptr<store::Store>> RepositoryFlags::OpenStore(const Globals& globals) const {
  MB_ASSIGN_OR_RETURN(auto store, OpenBare(globals));
  MB_ASSIGN_OR_RETURN(repo::KeySource source, keys.Read(globals));
  source.ask_passphrase = {};
  auto config = repo::ReadConfig(*store, {}, globals.context());
  if (!config.ok() && !source.given()) return store;
  MB_RETURN_IF_ERROR(config.status());
  auto ring = repo::Unlock(*store, config->config, source, globals.context());
  // What is public can be looked at without a key.
  if (ring.status().code() == Code::kAuthentication && !source.given()) return store;
  MB_RETURN_IF_ERROR(ring.status());
  if (*ring == nullptr) return store;
  return std::unique_ptr<store::Store>(
      new repo::Vault(std::shared_ptr<store::Store>(std::move(store)), std::move(*ring)));
}

void RepositoryFlags::Remember(repo::Repository& repository) const {
  if (as_of.empty()) RememberHead(repository);  // else it is older than what was seen, on purpose
}

// Damage in a bucket may be somebody's work, and undone by its versions.
Status RepositoryFlags::WithAsOfHint(Status status) const {
  const Code code = status.code();
  bool attack = code == Code::kCorrupt || code == Code::kConflict || code == Code::kNotFound;
  if (!attack || !as_of.empty() || !url.starts_with("s3:")) return status;
  std::string hint = status.hint();
  if (!hint.empty()) hint += "; ";
  return std::move(status).WithHint(
      hint +
      "if the bucket keeps versions, --as-of TIME reads the repository as it was before somebody "
      "deleted or overwrote it");
}

Status RepositoryFlags::ShareMemory(const Globals& globals, size_t* read_ahead,
                                    size_t* rest) const {
  MB_ASSIGN_OR_RETURN(uint64_t total, ParseBytes(globals.memory));
  *read_ahead = holds_writes() ? total / 2 : 0;
  *rest = total - *read_ahead;
  return Status::Ok();
}

Result<std::unique_ptr<repo::Repository>> RepositoryFlags::Open(const Globals& globals,
                                                                bool ask) const {
  Result<std::unique_ptr<repo::Repository>> opened = OpenAndCompare(globals, ask);
  if (!opened.ok()) return WithAsOfHint(opened.status());
  return opened;
}

Result<std::unique_ptr<repo::Repository>> RepositoryFlags::OpenAndCompare(const Globals& globals,
                                                                          bool ask) const {
  MB_ASSIGN_OR_RETURN(auto store, OpenBare(globals));
  repo::OpenOptions options;
  options.program = ProgramName();
  options.expect_repository_id = repository_id;
  MB_ASSIGN_OR_RETURN(repo::KeySource source, keys.Read(globals));
  if (!ask) source.ask_passphrase = {};
  options.keys = &source;
  options.warn = [](const std::string& text) { LogAt(LogLevel::kWarn, "{}", text); };
  MB_ASSIGN_OR_RETURN(auto repository,
                      repo::Repository::Open(std::move(store), options, globals.context()));
  if (!expect_head.empty()) {
    MB_ASSIGN_OR_RETURN(repo::Receipt receipt, repo::ParseReceipt(expect_head));
    MB_RETURN_IF_ERROR(repo::CheckReceipt(*repository, receipt, globals.context()));
  }
  if (!as_of.empty()) return repository;
  MB_RETURN_IF_ERROR(CheckSeenHead(*repository, globals.context()));
  RememberHead(*repository);
  return repository;
}

void ClusterFlags::Add(CLI::App* verb, bool required) {
  auto* option =
      verb->add_option("--bootstrap-server", bootstrap, "Brokers to begin with: host:port,...")
          ->envname("MAXBROD_BOOTSTRAP_SERVER");
  verb->add_option("--command-config", command_config,
                   "A Java client's client.properties: security.protocol, sasl.*, ssl.*, ...")
      ->type_name("FILE");
  verb->add_option("--msk-cluster", msk_cluster,
                   "ARN of an Amazon MSK cluster instead of --bootstrap-server; by IAM unless "
                   "--command-config or --msk-secret say otherwise");
  verb->add_option("--msk-access", msk_access,
                   "Which of its networks: private, public, vpc (multi-VPC connectivity) or ipv6")
      ->capture_default_str();
  verb->add_option("--msk-secret", msk_secret,
                   "Secret of AWS Secrets Manager with username and password, for SCRAM-SHA-512");
  if (required)
    option->description("Brokers to begin with: host:port,... (or in --command-config)");
}

Result<kafka::ClientConfig> ClusterFlags::Config(const CallContext& context,
                                                 aws::MskCluster* msk) const {
  kafka::ClientConfig config;
  if (!command_config.empty()) {
    MB_ASSIGN_OR_RETURN(std::string text, ReadTextFile(command_config, "--command-config"));
    MB_ASSIGN_OR_RETURN(auto properties, kafka::ParseProperties(text));
    std::vector<std::string> ignored;
    MB_ASSIGN_OR_RETURN(config, kafka::ConfigFromProperties(properties, &ignored));
  }
  if (!msk_cluster.empty()) MB_RETURN_IF_ERROR(RefuseTwoClusters(bootstrap));
  if (!bootstrap.empty()) {
    MB_ASSIGN_OR_RETURN(config.bootstrap, kafka::ParseBootstrap(bootstrap));
  }
  if (!msk_secret.empty()) MB_RETURN_IF_ERROR(SetUserOfSecret(msk_secret, context, &config));
  std::string region;
  if (!msk_cluster.empty()) {
    MB_ASSIGN_OR_RETURN(aws::MskAccess access, aws::ParseMskAccess(msk_access));
    if (command_config.empty() && msk_secret.empty()) UseIam(&config);
    MB_ASSIGN_OR_RETURN(
        *msk, aws::FindMskCluster(aws::SystemNeeds(), OwnCredentials(), msk_cluster, context));
    MB_ASSIGN_OR_RETURN(std::string brokers,
                        aws::ChooseBootstrap(*msk, aws::AuthOf(config), access));
    MB_ASSIGN_OR_RETURN(config.bootstrap, kafka::ParseBootstrap(brokers));
    region = msk->region;
  }
  MB_RETURN_IF_ERROR(SetTokenSource(region, &config));
  if (config.bootstrap.empty()) {
    return Status(Code::kInvalidArgument, "no broker was given")
        .WithHint("add --bootstrap-server host:port");
  }
  return config;
}

Result<std::unique_ptr<kafka::Cluster>> ClusterFlags::Connect(const Globals& globals,
                                                              aws::MskCluster* msk) const {
  constexpr Millis kAwsLimit{120'000};  // credentials, MSK's API, a secret: with all their tries
  aws::MskCluster unused;
  MB_ASSIGN_OR_RETURN(kafka::ClientConfig config,
                      Config(globals.context().Within(kAwsLimit), msk == nullptr ? &unused : msk));
  return kafka::Cluster::Connect(config, globals.context().Within(config.api_timeout));
}

Result<std::string> ReadTextFile(const std::string& path, const std::string& flag) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Status(Code::kNotFound, "cannot read '" + path + "'").WithHint("check " + flag);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
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
    constexpr auto kReplace = nlohmann::json::error_handler_t::replace;
    nlohmann::json error = {{"code", std::string(info.name)}, {"message", status.message()}};
    if (!status.hint().empty()) error["hint"] = status.hint();
    if (status.kafka_error() != 0) error["kafka_error"] = status.kafka_error();
    // A message may quote what is no UTF-8 (a path, an argument).
    std::cout << nlohmann::json{{"error", error}}.dump(-1, ' ', false, kReplace) << std::endl;
  }
  std::fflush(stdout);
  std::cerr << "maxbrod: " << status.message() << "\n";
  if (!status.hint().empty()) std::cerr << "hint: " << status.hint() << "\n";
  return info.exit_code;
}

}  // namespace maxbrod::cli
