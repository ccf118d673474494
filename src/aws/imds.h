// The metadata service of an EC2 instance, version 2 only (a token first): the instance's role and
// region. Version 1 is not asked: it answers to any server-side request forgery.
#pragma once

#include <string>

#include "aws/credentials_source.h"

namespace maxbrod::aws {

// Not thread-safe.
class ImdsClient {
 public:
  explicit ImdsClient(SourceNeeds needs) : needs_(needs) {}

  // Empty, or why it must not be asked (AWS_EC2_METADATA_DISABLED).
  std::string Disabled() const;
  // AWS_EC2_METADATA_SERVICE_ENDPOINT, else http://169.254.169.254, or the IPv6 address where
  // AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE says IPv6.
  std::string Endpoint() const;
  // The text behind "/latest/meta-data/...". kNotFound (404); kUnavailable or kTimeout when nobody
  // is there; kAuthentication, kProtocol otherwise. Each hop has a second
  // (AWS_METADATA_SERVICE_TIMEOUT) and one try (AWS_METADATA_SERVICE_NUM_ATTEMPTS).
  Result<std::string> Get(const std::string& path, const CallContext& context);

 private:
  Status FetchToken(const CallContext& context);
  Result<HttpResponse> Send(const HttpRequest& request, const CallContext& context);

  SourceNeeds needs_;
  std::string token_;
};

class ImdsSource : public CredentialsSource {
 public:
  explicit ImdsSource(SourceNeeds needs) : needs_(needs), client_(needs) {}
  std::string name() const override { return "EC2 instance metadata"; }
  Result<std::optional<Credentials>> Fetch(const CallContext& context,
                                           std::string* why_not) override;

 private:
  SourceNeeds needs_;
  ImdsClient client_;
  bool found_before_ = false;
};

}  // namespace maxbrod::aws
