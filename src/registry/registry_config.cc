#include "registry/registry_config.h"

#include <charconv>

#include "aws/uri.h"
#include "codec/hash.h"
#include "kafka/client_config.h"

namespace maxbrod::registry {
namespace {

using Properties = std::map<std::string, std::string>;

constexpr const char* kPrefix = "schema.registry.";

// With the prefix, else without it.
std::string ValueOf(const Properties& properties, const std::string& name) {
  for (const std::string& key : {kPrefix + name, name}) {
    auto found = properties.find(key);
    if (found != properties.end() && !found->second.empty()) return found->second;
  }
  return "";
}

std::string SslValue(const Properties& properties, const std::string& name) {
  auto found = properties.find(std::string(kPrefix) + "ssl." + name);
  return found == properties.end() ? "" : found->second;
}

std::string Basic(std::string_view user_info) {
  return "Basic " + Base64Encode(AsBytes(user_info));
}

// Takes "user:password@" out of a URL.
Status TakeUser(std::string* url, std::string* user_info) {
  const size_t scheme = url->find("://");
  if (scheme == std::string::npos) return Status::Ok();
  const size_t begin = scheme + 3;
  const size_t at = url->substr(0, url->find('/', begin)).rfind('@');
  if (at == std::string::npos || at < begin) return Status::Ok();
  auto decoded = aws::UriDecode(std::string_view(*url).substr(begin, at - begin));
  if (!decoded)
    return Status(Code::kInvalidArgument, "the registry's URL has a user that is not encoded well");
  *user_info = *decoded;
  url->erase(begin, at + 1 - begin);
  return Status::Ok();
}

Status ReadUrls(const std::string& text, RegistryConfig* config, std::string* user_info) {
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    std::string url = text.substr(begin, end - begin);
    begin = end + 1;
    url.erase(0, url.find_first_not_of(' '));
    url.erase(url.find_last_not_of(" /") + 1);
    if (url.empty()) continue;
    MB_RETURN_IF_ERROR(TakeUser(&url, user_info));
    MB_ASSIGN_OR_RETURN(aws::Uri uri, aws::ParseUri(url));
    if (!uri.query.empty()) return Status(Code::kInvalidArgument, "the registry's URL has a query");
    config->urls.push_back(std::move(url));
  }
  if (!config->urls.empty()) return Status::Ok();
  return Status(Code::kInvalidArgument, "no Schema Registry was given")
      .WithHint("http://host:8081, or schema.registry.url in the file of --schema-registry-config");
}

Result<std::string> InheritedUser(const Properties& properties) {
  std::vector<std::string> ignored;
  MB_ASSIGN_OR_RETURN(kafka::ClientConfig client,
                      kafka::ConfigFromProperties(properties, &ignored));
  if (client.sasl_username.empty()) {
    return Status(Code::kInvalidArgument,
                  "basic.auth.credentials.source is SASL_INHERIT, and the file has no "
                  "sasl.jaas.config with a user and password");
  }
  return client.sasl_username + ":" + client.sasl_password;
}

Status ReadAuthorization(const Properties& properties, const std::string& url_user,
                         RegistryConfig* config) {
  std::string bearer_source = ValueOf(properties, "bearer.auth.credentials.source");
  if (!bearer_source.empty() && bearer_source != "STATIC_TOKEN") {
    return Status(Code::kUnsupported,
                  "bearer.auth.credentials.source " + bearer_source + " is not known")
        .WithHint("STATIC_TOKEN with bearer.auth.token");
  }
  std::string token = ValueOf(properties, "bearer.auth.token");
  if (!token.empty()) {
    config->authorization = "Bearer " + token;
    return Status::Ok();
  }
  if (!bearer_source.empty()) return Status(Code::kInvalidArgument, "bearer.auth.token is missing");
  std::string source = ValueOf(properties, "basic.auth.credentials.source");
  std::string user_info = ValueOf(properties, "basic.auth.user.info");
  if (source == "SASL_INHERIT") {
    MB_ASSIGN_OR_RETURN(user_info, InheritedUser(properties));
  } else if (source == "URL" || (source.empty() && user_info.empty())) {
    user_info = url_user;
  } else if (!source.empty() && source != "USER_INFO") {
    return Status(Code::kUnsupported, "basic.auth.credentials.source " + source + " is not known")
        .WithHint("USER_INFO, URL or SASL_INHERIT");
  }
  if (!user_info.empty()) config->authorization = Basic(user_info);
  if (user_info.empty() && !source.empty())
    return Status(Code::kInvalidArgument, "basic.auth.credentials.source without a user");
  return Status::Ok();
}

Status ReadSsl(const Properties& properties, RegistryConfig* config) {
  const std::string prefix = std::string(kPrefix) + "ssl.";
  auto algorithm = properties.find(prefix + "endpoint.identification.algorithm");
  if (algorithm != properties.end() && algorithm->second.empty()) {
    return Status(Code::kUnsupported,
                  prefix +
                      "endpoint.identification.algorithm is empty: a registry's "
                      "certificate is always held against its name");
  }
  config->http.ca_file = SslValue(properties, "truststore.location");
  std::string type = SslValue(properties, "truststore.type");
  if (!config->http.ca_file.empty() && type != "PEM") {
    return Status(Code::kUnsupported, prefix + "truststore.type must be PEM")
        .WithHint("keytool -exportcert -rfc writes a JKS store's certificates as PEM");
  }
  config->http.client_certificate = SslValue(properties, "keystore.location");
  type = SslValue(properties, "keystore.type");
  if (!config->http.client_certificate.empty() && type != "PEM" && type != "PKCS12") {
    return Status(Code::kUnsupported, prefix + "keystore.type must be PEM or PKCS12");
  }
  config->http.client_certificate_is_pkcs12 = type == "PKCS12";
  config->http.client_key_password = SslValue(properties, "key.password");
  if (config->http.client_key_password.empty())
    config->http.client_key_password = SslValue(properties, "keystore.password");
  return Status::Ok();
}

Status ReadTimeout(const Properties& properties, const std::string& name, Millis* out) {
  std::string text = ValueOf(properties, name);
  if (text.empty()) return Status::Ok();
  int64_t ms = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
  constexpr int64_t kDay = 24LL * 3600 * 1000;
  if (error != std::errc() || end != text.data() + text.size() || ms < 1 || ms > kDay)
    return Status(Code::kInvalidArgument, name + " is not a number of milliseconds");
  *out = Millis(ms);
  return Status::Ok();
}

}  // namespace

Result<RegistryConfig> ReadRegistryConfig(const std::string& url, const Properties& properties) {
  RegistryConfig config;
  std::string url_user;
  MB_RETURN_IF_ERROR(ReadUrls(url.empty() ? ValueOf(properties, "url") : url, &config, &url_user));
  MB_RETURN_IF_ERROR(ReadAuthorization(properties, url_user, &config));
  MB_RETURN_IF_ERROR(ReadSsl(properties, &config));
  MB_RETURN_IF_ERROR(
      ReadTimeout(properties, "http.connect.timeout.ms", &config.http.connect_timeout));
  MB_RETURN_IF_ERROR(ReadTimeout(properties, "http.read.timeout.ms", &config.http.stall_timeout));
  return config;
}

}  // namespace maxbrod::registry
