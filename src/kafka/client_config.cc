#include "kafka/client_config.h"

#include <charconv>
#include <functional>

#include "kafka/jaas.h"
#include "kafka/oauthbearer.h"
#include "kafka/sasl.h"

namespace maxbrod::kafka {
namespace {

using Properties = std::map<std::string, std::string>;

constexpr uint16_t kDefaultPort = 9092;

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\f";
  size_t from = text.find_first_not_of(kBlanks);
  if (from == text.npos) return {};
  return text.substr(from, text.find_last_not_of(kBlanks) - from + 1);
}

Status Invalid(std::string_view key, const std::string& what) {
  return Status(Code::kInvalidArgument, std::string(key) + ": " + what);
}

template <typename T>
bool ParseNumber(std::string_view text, T* out) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

Result<HostPort> ParseServer(std::string_view entry) {
  auto bad = [&](const std::string& what) {
    return Status(Code::kInvalidArgument,
                  "bootstrap server \"" + std::string(entry) + "\": " + what)
        .WithHint("expected host:port[,host:port...], IPv6 addresses in brackets");
  };
  std::string_view rest = entry;
  if (size_t scheme = rest.find("://"); scheme != rest.npos) rest.remove_prefix(scheme + 3);
  HostPort out;
  std::string_view port;
  bool has_port = false;
  if (rest.starts_with('[')) {
    size_t close = rest.find(']');
    if (close == rest.npos) return bad("no closing bracket");
    out.host = std::string(rest.substr(1, close - 1));
    rest.remove_prefix(close + 1);
    has_port = rest.starts_with(':');
    if (!has_port && !rest.empty()) return bad("something other than :port after the bracket");
    if (has_port) port = rest.substr(1);
  } else {
    size_t colon = rest.find(':');
    if (colon != rest.npos && rest.find(':', colon + 1) != rest.npos) {
      return bad("an IPv6 address must stand in brackets");
    }
    has_port = colon != rest.npos;
    out.host = std::string(rest.substr(0, colon));
    if (has_port) port = rest.substr(colon + 1);
  }
  if (out.host.empty() || out.host.find_first_of(" \t/") != std::string::npos)
    return bad("no host name");
  out.port = kDefaultPort;
  if (has_port && (!ParseNumber(port, &out.port) || out.port == 0)) return bad("no such port");
  return out;
}

Status ParseSecurityProtocol(const std::string& value, SecurityProtocol* out) {
  static const std::map<std::string, SecurityProtocol> kNames = {
      {"PLAINTEXT", SecurityProtocol::kPlaintext},
      {"SSL", SecurityProtocol::kSsl},
      {"SASL_PLAINTEXT", SecurityProtocol::kSaslPlaintext},
      {"SASL_SSL", SecurityProtocol::kSaslSsl}};
  auto it = kNames.find(value);
  if (it == kNames.end()) {
    return Invalid("security.protocol", "there is no \"" + value + "\"")
        .WithHint("one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL");
  }
  *out = it->second;
  return Status::Ok();
}

Status UnsupportedMechanism(const std::string& key, const std::string& name) {
  return Status(Code::kUnsupported, key + ": SASL with " + name + " is not supported")
      .WithHint(
          "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER, AWS_MSK_IAM and TLS client "
          "certificates are; give maxbrod a user of one of these kinds");
}

Status ParseMechanism(const std::string& value, SaslMechanism* out) {
  static const std::map<std::string, SaslMechanism> kNames = {
      {"PLAIN", SaslMechanism::kPlain},
      {"SCRAM-SHA-256", SaslMechanism::kScramSha256},
      {"SCRAM-SHA-512", SaslMechanism::kScramSha512},
      {"OAUTHBEARER", SaslMechanism::kOAuthBearer},
      {"AWS_MSK_IAM", SaslMechanism::kAwsMskIam}};
  auto it = kNames.find(value);
  if (it == kNames.end()) return UnsupportedMechanism("sasl.mechanism", value);
  *out = it->second;
  return Status::Ok();
}

// Only login modules that end in a user name and a password.
Status ApplyJaas(const std::string& value, ClientConfig* config) {
  MB_ASSIGN_OR_RETURN(JaasModule module, ParseJaas(value));
  std::string_view name = module.login_module;
  if (!name.ends_with("PlainLoginModule") && !name.ends_with("ScramLoginModule")) {
    return UnsupportedMechanism("sasl.jaas.config", module.login_module);
  }
  for (const char* option : {"username", "password"}) {
    if (!module.options.contains(option)) {
      return Invalid("sasl.jaas.config", std::string("has no option ") + option);
    }
  }
  if (module.options["tokenauth"] == "true") {
    return UnsupportedMechanism("sasl.jaas.config", "delegation tokens (tokenauth)");
  }
  config->sasl_username = module.options["username"];
  config->sasl_password = module.options["password"];
  return Status::Ok();
}

std::string Property(const Properties& properties, const std::string& key) {
  auto it = properties.find(key);
  return it == properties.end() ? std::string() : std::string(Trim(it->second));
}

// Which of the ways to a token is meant: Java's classes are names to us.
Result<TokenKind> KindOfToken(const std::string& handler, bool has_endpoint) {
  if (handler.ends_with(".IAMOAuthBearerLoginCallbackHandler")) return TokenKind::kAwsIam;
  if (handler.ends_with(".OAuthBearerLoginCallbackHandler")) return TokenKind::kClientCredentials;
  if (handler.ends_with(".OAuthBearerUnsecuredLoginCallbackHandler")) return TokenKind::kUnsecured;
  if (handler.empty()) return has_endpoint ? TokenKind::kClientCredentials : TokenKind::kUnsecured;
  return Status(Code::kUnsupported,
                "sasl.login.callback.handler.class: there is nothing like " + handler + " here")
      .WithHint(
          "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler and "
          "software.amazon.msk.auth.iam.IAMOAuthBearerLoginCallbackHandler are understood");
}

// OAUTHBEARER and AWS_MSK_IAM. The login module carries options only.
Status ApplyTokenLogin(const Properties& properties, ClientConfig* config) {
  TokenLogin login;
  bool is_iam = config->sasl_mechanism == SaslMechanism::kAwsMskIam;
  std::string jaas = Property(properties, "sasl.jaas.config");
  if (!jaas.empty()) {
    MB_ASSIGN_OR_RETURN(JaasModule module, ParseJaas(jaas));
    std::string wanted = is_iam ? "IAMLoginModule" : "OAuthBearerLoginModule";
    if (!module.login_module.ends_with(wanted)) {
      return Invalid("sasl.jaas.config",
                     "for " + std::string(MechanismName(config->sasl_mechanism)) +
                         " the login module is " + wanted + ", not " + module.login_module);
    }
    login.options = std::move(module.options);
  }
  login.kind = TokenKind::kAwsIam;
  if (!is_iam) {
    login.endpoint_url = Property(properties, "sasl.oauthbearer.token.endpoint.url");
    std::string handler = Property(properties, "sasl.login.callback.handler.class");
    MB_ASSIGN_OR_RETURN(login.kind, KindOfToken(handler, !login.endpoint_url.empty()));
    // KIP-1139 moved them out of the login module.
    for (const auto& [key, option] :
         {std::pair{"sasl.oauthbearer.client.credentials.client.id", "clientId"},
          std::pair{"sasl.oauthbearer.client.credentials.client.secret", "clientSecret"},
          std::pair{"sasl.oauthbearer.scope", "scope"}}) {
      std::string value = Property(properties, key);
      if (!value.empty()) login.options[option] = value;
    }
  }
  if (login.kind == TokenKind::kClientCredentials && login.endpoint_url.empty()) {
    return Invalid("sasl.oauthbearer.token.endpoint.url", "is not set")
        .WithHint("the URL that hands out tokens for a client id and its secret");
  }
  if (login.kind == TokenKind::kUnsecured) {
    MB_ASSIGN_OR_RETURN(config->token_source, MakeUnsecuredTokens(login.options));
  }
  config->token_login = std::make_shared<const TokenLogin>(std::move(login));
  return Status::Ok();
}

Status ParseMillis(const std::string& key, const std::string& value, Millis* out) {
  int64_t number = 0;
  constexpr int64_t kDayMillis = 86'400'000;
  if (!ParseNumber(Trim(value), &number) || number <= 0 || number > kDayMillis) {
    return Invalid(key, "expected milliseconds between 1 and " + std::to_string(kDayMillis) +
                            ", not \"" + value + "\"");
  }
  *out = Millis(number);
  return Status::Ok();
}

Status ParseStoreType(const std::string& key, const std::string& value, std::string* out) {
  // "JKS" is accepted: Java reads PKCS12 under that name too, so the file's content decides
  // (tls_config.cc).
  if (value != "PEM" && value != "PKCS12" && value != "JKS") {
    return Status(Code::kUnsupported, key + ": stores of type " + value + " are not supported")
        .WithHint("PEM and PKCS12 are");
  }
  *out = value;
  return Status::Ok();
}

using Setter =
    std::function<Status(const std::string& key, const std::string& value, ClientConfig* config)>;

Setter Text(std::string SslConfig::* field) {
  return [field](const std::string&, const std::string& value, ClientConfig* config) {
    config->ssl.*field = value;
    return Status::Ok();
  };
}
Setter StoreType(std::string SslConfig::* field) {
  return [field](const std::string& key, const std::string& value, ClientConfig* config) {
    return ParseStoreType(key, value, &(config->ssl.*field));
  };
}
Setter Duration(Millis ClientConfig::* field) {
  return [field](const std::string& key, const std::string& value, ClientConfig* config) {
    return ParseMillis(key, value, &(config->*field));
  };
}

Status SetBootstrap(const std::string&, const std::string& value, ClientConfig* config) {
  MB_ASSIGN_OR_RETURN(config->bootstrap, ParseBootstrap(value));
  return Status::Ok();
}

Status SetHostnameCheck(const std::string& key, const std::string& value, ClientConfig* config) {
  if (!value.empty() && value != "https" && value != "HTTPS") {
    return Invalid(key, "expected https or nothing, not \"" + value + "\"");
  }
  config->ssl.verify_hostname = !value.empty();
  return Status::Ok();
}

const std::map<std::string, Setter>& Setters() {
  static const std::map<std::string, Setter> kSetters = {
      {"bootstrap.servers", SetBootstrap},
      {"client.id",
       [](const std::string&, const std::string& value, ClientConfig* config) {
         if (!value.empty()) config->client_id = value;
         return Status::Ok();
       }},
      {"client.rack",
       [](const std::string&, const std::string& value, ClientConfig* config) {
         config->rack = value;
         return Status::Ok();
       }},
      {"security.protocol",
       [](const std::string&, const std::string& value, ClientConfig* config) {
         return ParseSecurityProtocol(value, &config->security_protocol);
       }},
      {"ssl.truststore.location", Text(&SslConfig::truststore_location)},
      {"ssl.truststore.type", StoreType(&SslConfig::truststore_type)},
      {"ssl.truststore.password", Text(&SslConfig::truststore_password)},
      {"ssl.truststore.certificates", Text(&SslConfig::truststore_certificates)},
      {"ssl.keystore.location", Text(&SslConfig::keystore_location)},
      {"ssl.keystore.type", StoreType(&SslConfig::keystore_type)},
      {"ssl.keystore.password", Text(&SslConfig::keystore_password)},
      {"ssl.keystore.certificate.chain", Text(&SslConfig::keystore_certificate_chain)},
      {"ssl.keystore.key", Text(&SslConfig::keystore_key)},
      {"ssl.key.password", Text(&SslConfig::key_password)},
      {"ssl.endpoint.identification.algorithm", SetHostnameCheck},
      {"socket.connection.setup.timeout.ms", Duration(&ClientConfig::connect_timeout)},
      {"request.timeout.ms", Duration(&ClientConfig::request_timeout)},
      {"default.api.timeout.ms", Duration(&ClientConfig::api_timeout)},
      {"retry.backoff.ms", Duration(&ClientConfig::retry_backoff)},
      {"retry.backoff.max.ms", Duration(&ClientConfig::retry_backoff_max)},
  };
  return kSetters;
}

// Mechanism and credentials matter (and may be wrong) only where security.protocol asks for SASL.
Status ApplySasl(const Properties& properties, ClientConfig* config) {
  if (config->security_protocol != SecurityProtocol::kSaslPlaintext &&
      config->security_protocol != SecurityProtocol::kSaslSsl) {
    return Status::Ok();
  }
  auto mechanism = properties.find("sasl.mechanism");
  if (mechanism == properties.end()) {
    return Invalid("sasl.mechanism",
                   "is not set (a Java client takes GSSAPI then, which is not supported)")
        .WithHint(
            "set sasl.mechanism to PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or "
            "AWS_MSK_IAM");
  }
  MB_RETURN_IF_ERROR(ParseMechanism(std::string(Trim(mechanism->second)), &config->sasl_mechanism));
  if (UsesToken(config->sasl_mechanism)) return ApplyTokenLogin(properties, config);
  auto jaas = properties.find("sasl.jaas.config");
  if (jaas == properties.end()) {
    return Invalid("sasl.jaas.config", "is not set, but security.protocol asks for SASL")
        .WithHint(
            "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required "
            "username=\"...\" password=\"...\";");
  }
  return ApplyJaas(jaas->second, config);
}

// Those that only mean something together.
bool IsLoginProperty(const std::string& key) {
  return key == "sasl.mechanism" || key == "sasl.jaas.config" ||
         key == "sasl.login.callback.handler.class" ||
         key == "sasl.oauthbearer.token.endpoint.url" || key == "sasl.oauthbearer.scope" ||
         key == "sasl.oauthbearer.client.credentials.client.id" ||
         key == "sasl.oauthbearer.client.credentials.client.secret";
}

}  // namespace

Result<std::vector<HostPort>> ParseBootstrap(const std::string& text) {
  std::vector<HostPort> list;
  std::string_view rest = text;
  while (true) {
    size_t comma = rest.find(',');
    std::string_view entry = Trim(rest.substr(0, comma));
    if (!entry.empty()) {
      MB_ASSIGN_OR_RETURN(HostPort parsed, ParseServer(entry));
      list.push_back(std::move(parsed));
    }
    if (comma == rest.npos) break;
    rest.remove_prefix(comma + 1);
  }
  if (list.empty()) return Invalid("bootstrap.servers", "names no server");
  return list;
}

Result<ClientConfig> ConfigFromProperties(const Properties& properties,
                                          std::vector<std::string>* ignored) {
  ClientConfig config;
  for (const auto& [key, raw] : properties) {
    if (IsLoginProperty(key)) continue;
    auto setter = Setters().find(key);
    if (setter == Setters().end()) {
      if (ignored != nullptr) ignored->push_back(key);
      continue;
    }
    bool verbatim = key.ends_with("password");
    MB_RETURN_IF_ERROR(setter->second(key, verbatim ? raw : std::string(Trim(raw)), &config));
  }
  MB_RETURN_IF_ERROR(ApplySasl(properties, &config));
  return config;
}

}  // namespace maxbrod::kafka
