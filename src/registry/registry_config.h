// How to reach a Schema Registry: what Confluent's Java clients are told, in our types.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "aws/curl_http.h"
#include "base/status.h"

namespace maxbrod::registry {

struct RegistryConfig {
  std::vector<std::string> urls;  // without user and password; the first that answers is used
  std::string authorization;      // of the header of this name; secret; empty: none
  aws::CurlHttpOptions http;      // certificates and timeouts
};

// `url`: one or several with commas; empty: schema.registry.url of the properties. A user and
// password in it are used as basic.auth.credentials.source=URL has it, and kept out of `urls`.
//
// Of the properties (with and without the prefix "schema.registry."): basic.auth.credentials.source
// (URL, USER_INFO, SASL_INHERIT), basic.auth.user.info, bearer.auth.credentials.source
// (STATIC_TOKEN), bearer.auth.token, ssl.truststore.* (PEM files), ssl.keystore.* (PEM files and
// PKCS12), ssl.key.password, http.connect.timeout.ms, http.read.timeout.ms. ssl.* without the
// prefix are the brokers', and not read. Others are passed over.
// kInvalidArgument and kUnsupported name the property, never its value.
Result<RegistryConfig> ReadRegistryConfig(const std::string& url,
                                          const std::map<std::string, std::string>& properties);

}  // namespace maxbrod::registry
