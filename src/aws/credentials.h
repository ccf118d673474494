// Who we are to AWS, and where that comes from. Every signed request asks its provider.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/status.h"
#include "os/deadline.h"

namespace maxbrod::aws {

struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  // empty with long-lived keys
  int64_t expires_ms = 0;     // Unix epoch; 0: never
  std::string source{};       // for messages: "environment variables"; never a secret

  bool operator==(const Credentials&) const = default;
};

// Thread-safe. Get is called for every request, so it answers from memory while what is there has
// not nearly expired.
class CredentialsProvider {
 public:
  virtual ~CredentialsProvider() = default;
  // kNotFound: there are none; kAuthentication or kPermission: the place that hands them out
  // refused; kUnavailable, kTimeout (retryable): it was not to be reached.
  virtual Result<Credentials> Get(const CallContext& context) = 0;
  // A service said that it does not know these, or that they have expired: the next Get should not
  // answer them again from memory. Does nothing where there is nothing to be had anew.
  virtual void Refused(const Credentials& /*credentials*/) {}
};

// Always the same ones.
class StaticCredentials : public CredentialsProvider {
 public:
  explicit StaticCredentials(Credentials credentials) : credentials_(std::move(credentials)) {}
  Result<Credentials> Get(const CallContext& /*context*/) override { return credentials_; }

 private:
  const Credentials credentials_;
};

}  // namespace maxbrod::aws
