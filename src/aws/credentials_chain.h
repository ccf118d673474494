// Credentials as AWS's own SDKs find them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "aws/credentials_source.h"

namespace maxbrod::aws {

// What a user may ask for instead of the first that is found.
struct CredentialsOptions {
  std::string profile{};   // only this profile; empty: the whole chain
  std::string role_arn{};  // assumed with what was found; empty: none
  std::string role_session_name{}, role_external_id{};
  std::string sts_region{};  // empty: the region of variables and profile, else us-east-1
};

// Several sources, asked in their order; the first that applies is kept to. When none does:
// kNotFound with every place and why it did not apply.
class ChainSource : public CredentialsSource {
 public:
  explicit ChainSource(std::vector<std::unique_ptr<CredentialsSource>> sources)
      : sources_(std::move(sources)) {}
  std::string name() const override;
  Result<std::optional<Credentials>> Fetch(const CallContext& context,
                                           std::string* why_not) override;

 private:
  std::vector<std::unique_ptr<CredentialsSource>> sources_;
  CredentialsSource* chosen_ = nullptr;
};

// The chain, behind a cache: environment variables, web identity token, profile of the shared
// files, container endpoint, EC2 instance metadata. Nothing is read or asked before the first Get.
// The needs must outlive it.
std::shared_ptr<CredentialsProvider> MakeCredentials(const SourceNeeds& needs,
                                                     const CredentialsOptions& options = {});

// Everything the process has: its environment, clock, and HTTP clients, which live for the whole
// process.
const SourceNeeds& SystemNeeds();

}  // namespace maxbrod::aws
