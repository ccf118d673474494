// Credentials that a profile of the shared files describes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "aws/credentials_source.h"
#include "aws/profile.h"
#include "aws/sts.h"

namespace maxbrod::aws {

// Makes of the profile a chain of sources: role_arn with source_profile (which may itself be a
// role), credential_source or web_identity_token_file; keys; credential_process. SSO and MFA need a
// person and are refused with what to do instead. Each Fetch looks into the files, as keys with a
// token are renewed by others who write them there; while they cannot be read, what they said
// before holds.
class ProfileSource : public CredentialsSource {
 public:
  // `profile`: empty takes AWS_PROFILE or "default". `required`: the profile was named by the user,
  // so that its absence is an error. `region`: of STS where the profile has none; may be empty.
  ProfileSource(SourceNeeds needs, const std::string& profile, bool required, std::string region);
  std::string name() const override { return "profile '" + profile_ + "'"; }
  Result<std::optional<Credentials>> Fetch(const CallContext& context,
                                           std::string* why_not) override;

 private:
  using Made = Result<std::unique_ptr<CredentialsSource>>;
  // Fills `source_` from the files, or leaves it with a reason in `why_not`.
  Status Load(std::string* why_not);
  Made Make(const std::string& profile_name, std::vector<std::string>* visited) const;
  Made MakeRole(const Profile& profile, std::vector<std::string>* visited) const;
  Made MakeBase(const Profile& profile, std::vector<std::string>* visited) const;
  Made MakeKeys(const Profile& profile) const;
  Made MakeNamed(const Profile& profile, const std::string& source) const;

  SourceNeeds needs_;
  std::string profile_;
  bool required_;
  std::string region_;
  ProfileFiles files_;
  std::unique_ptr<CredentialsSource> source_;
};

// The JSON that a program writes to its standard output (credential_process, version 1).
class ProcessSource : public CredentialsSource {
 public:
  ProcessSource(SourceNeeds needs, std::string profile, std::string command)
      : needs_(needs), profile_(std::move(profile)), command_(std::move(command)) {}
  std::string name() const override { return "credential_process of profile '" + profile_ + "'"; }
  Result<std::optional<Credentials>> Fetch(const CallContext& context,
                                           std::string* why_not) override;

 private:
  SourceNeeds needs_;
  std::string profile_, command_;
};

}  // namespace maxbrod::aws
