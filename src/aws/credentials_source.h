// One place where credentials may be found. The chain (credentials_chain.h) asks one after another,
// and credentials_cache.h keeps what was found until it expires.
#pragma once

#include <optional>
#include <string>

#include "aws/credentials.h"
#include "aws/credentials_env.h"
#include "aws/http.h"
#include "base/clock.h"

namespace maxbrod::aws {

// What a source needs of the world. All must outlive it.
struct SourceNeeds {
  Environment* environment = nullptr;
  HttpClient* http = nullptr;
  HttpClient* local_http = nullptr;  // never through a proxy: IMDS and the container endpoint
  Clock* clock = nullptr;
};

// Not thread-safe: the cache calls from one thread at a time.
class CredentialsSource {
 public:
  virtual ~CredentialsSource() = default;
  // "environment variables"
  virtual std::string name() const = 0;
  // nullopt: nothing here says that this source is meant, and `why_not` tells what was looked for.
  // An error: it is meant, and failed; no other source is asked then, so that nobody works under
  // another name than the one that was configured. kAuthentication, kPermission: refused;
  // kInvalidArgument: badly configured; kUnavailable, kTimeout: retryable.
  virtual Result<std::optional<Credentials>> Fetch(const CallContext& context,
                                                   std::string* why_not) = 0;
};

// Credentials as the container endpoint, IMDS and credential_process write them: AccessKeyId,
// SecretAccessKey, Token or SessionToken, Expiration (RFC 3339). kProtocol, never with a value.
Result<Credentials> ParseCredentialsJson(std::string_view text, const std::string& what);

// Sends over `http` up to `tries` times while it fails in a way that may pass (retryable, 429,
// 5xx), each try with its own limit.
Result<HttpResponse> SendWithTries(HttpClient& http, Clock& clock, const HttpRequest& request,
                                   int tries, Millis limit, const CallContext& context);

}  // namespace maxbrod::aws
