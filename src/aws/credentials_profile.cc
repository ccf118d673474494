#include "aws/credentials_profile.h"

#include <algorithm>
#include <charconv>

#include "aws/credentials_cache.h"
#include "aws/credentials_container.h"
#include "aws/credentials_static.h"
#include "aws/imds.h"
#include "aws/json_read.h"

namespace maxbrod::aws {
namespace {

constexpr size_t kChainMax = 16;
constexpr Millis kProcessLimit{60'000};

Status Bad(const Profile& profile, const std::string& what) {
  return Status(Code::kInvalidArgument, "profile '" + profile.name + "': " + what);
}

// Keys in the profile itself; they do not expire.
class KeysSource : public CredentialsSource {
 public:
  explicit KeysSource(const Profile& profile)
      : credentials_{profile.Get("aws_access_key_id"), profile.Get("aws_secret_access_key"),
                     profile.Get("aws_session_token"), 0, "profile '" + profile.name + "'"} {}
  std::string name() const override { return credentials_.source; }
  Result<std::optional<Credentials>> Fetch(const CallContext&, std::string*) override {
    return std::optional<Credentials>(credentials_);
  }

 private:
  Credentials credentials_;
};

// What a profile says about a role.
Result<RoleRequest> RoleOf(const Profile& profile, const std::string& region) {
  RoleRequest role;
  role.role_arn = profile.Get("role_arn");
  role.session_name = profile.Get("role_session_name");
  role.external_id = profile.Get("external_id");
  role.region = profile.Has("region") ? profile.Get("region") : region;
  role.endpoint = profile.Get("endpoint_url");
  if (profile.Has("mfa_serial")) {
    return Status(Code::kUnsupported,
                  "profile '" + profile.name +
                      "': mfa_serial asks for a code that nobody is there to type")
        .WithHint(
            "use a role that does not ask for MFA, or run with credentials of "
            "'aws sts assume-role' in the environment");
  }
  const std::string& seconds = profile.Get("duration_seconds");
  if (!seconds.empty()) {
    const char* end = seconds.data() + seconds.size();
    auto parsed = std::from_chars(seconds.data(), end, role.duration_seconds);
    if (parsed.ec != std::errc() || parsed.ptr != end || role.duration_seconds < 900 ||
        role.duration_seconds > 43'200)
      return Bad(profile, "duration_seconds is not between 900 and 43200");
  }
  return role;
}

}  // namespace

ProfileSource::ProfileSource(SourceNeeds needs, const std::string& profile, bool required,
                             std::string region)
    : needs_(needs),
      profile_(ProfileName(*needs.environment, profile)),
      required_(required),
      region_(std::move(region)) {}

Status ProfileSource::Load(std::string* why_not) {
  MB_ASSIGN_OR_RETURN(ProfileFiles files, ProfileFiles::Read(*needs_.environment));
  if (source_ != nullptr && files == files_) return Status::Ok();
  std::swap(files, files_);
  std::vector<std::string> visited;
  Made made = std::unique_ptr<CredentialsSource>();
  if (files_.Find(profile_) == nullptr) {
    *why_not = "it is not in " + files_.where();
    if (required_) made = Status(Code::kNotFound, name() + ": " + *why_not);
  } else {
    made = Make(profile_, &visited);
    if (made.ok() && *made == nullptr) {
      *why_not = "it has neither keys nor role_arn nor credential_process";
      if (required_) made = Status(Code::kInvalidArgument, name() + ": " + *why_not);
    }
  }
  if (made.ok() && *made != nullptr) {
    source_ = std::move(*made);
  } else {
    std::swap(files, files_);
  }
  return made.status();
}

Result<std::optional<Credentials>> ProfileSource::Fetch(const CallContext& context,
                                                        std::string* why_not) {
  Status loaded = Load(why_not);
  if (source_ == nullptr) {
    MB_RETURN_IF_ERROR(loaded);
    return std::optional<Credentials>();
  }
  auto fetched = source_->Fetch(context, why_not);
  // It was configured: not to apply is a failure here.
  if (fetched.ok() && !fetched->has_value())
    return Status(Code::kNotFound, name() + ": " + source_->name() + ": " + *why_not);
  return fetched;
}

// Null: the profile says nothing about credentials.
ProfileSource::Made ProfileSource::Make(const std::string& profile_name,
                                        std::vector<std::string>* visited) const {
  const Profile* profile = files_.Find(profile_name);
  if (profile == nullptr) {
    return Status(Code::kNotFound, "profile '" + visited->back() + "': its source_profile '" +
                                       profile_name + "' is not in " + files_.where());
  }
  if (profile->Has("role_arn")) return MakeRole(*profile, visited);
  if (profile->Has("sso_session") || profile->Has("sso_start_url")) {
    return Status(Code::kUnsupported,
                  "profile '" + profile_name + "': signing in by SSO is not supported")
        .WithHint(
            "add to a profile: credential_process = aws configure export-credentials "
            "--profile " +
            profile_name + " --format process");
  }
  return MakeKeys(*profile);
}

ProfileSource::Made ProfileSource::MakeKeys(const Profile& profile) const {
  bool id = profile.Has("aws_access_key_id"), secret = profile.Has("aws_secret_access_key");
  if (id != secret)
    return Bad(profile, "of aws_access_key_id and aws_secret_access_key one is missing");
  if (id) return std::unique_ptr<CredentialsSource>(std::make_unique<KeysSource>(profile));
  if (profile.Has("credential_process")) {
    return std::unique_ptr<CredentialsSource>(
        std::make_unique<ProcessSource>(needs_, profile.name, profile.Get("credential_process")));
  }
  return std::unique_ptr<CredentialsSource>();
}

ProfileSource::Made ProfileSource::MakeRole(const Profile& profile,
                                            std::vector<std::string>* visited) const {
  if (std::find(visited->begin(), visited->end(), profile.name) != visited->end()) {
    std::string circle;
    for (const std::string& name : *visited) circle += name + " -> ";
    return Bad(profile, "source_profile goes round in a circle: " + circle + profile.name);
  }
  if (visited->size() >= kChainMax) return Bad(profile, "too many roles one behind the other");
  visited->push_back(profile.name);
  MB_ASSIGN_OR_RETURN(RoleRequest role, RoleOf(profile, region_));
  bool by_profile = profile.Has("source_profile"), by_source = profile.Has("credential_source");
  if (by_profile && by_source)
    return Bad(profile, "has both source_profile and credential_source; only one may be there");
  if (!by_profile && !by_source) {
    if (profile.Has("web_identity_token_file")) {
      return std::unique_ptr<CredentialsSource>(std::make_unique<WebIdentitySource>(
          needs_, std::move(role), profile.Get("web_identity_token_file")));
    }
    return Bad(profile,
               "has role_arn, but neither source_profile, credential_source nor "
               "web_identity_token_file");
  }
  MB_ASSIGN_OR_RETURN(auto base, by_source ? MakeNamed(profile, profile.Get("credential_source"))
                                           : MakeBase(profile, visited));
  if (base == nullptr) {
    return Bad(profile, "its source_profile '" + profile.Get("source_profile") +
                            "' has neither keys nor role_arn nor credential_process");
  }
  auto cached = std::make_shared<CachingCredentials>(std::move(base), *needs_.clock);
  return std::unique_ptr<CredentialsSource>(
      std::make_unique<AssumeRoleSource>(needs_, std::move(role), std::move(cached)));
}

// A profile may name itself: its own keys assume its role.
ProfileSource::Made ProfileSource::MakeBase(const Profile& profile,
                                            std::vector<std::string>* visited) const {
  const std::string& source = profile.Get("source_profile");
  return source == profile.name ? MakeKeys(profile) : Make(source, visited);
}

ProfileSource::Made ProfileSource::MakeNamed(const Profile& profile,
                                             const std::string& source) const {
  std::unique_ptr<CredentialsSource> made;
  if (source == "Environment") made = std::make_unique<EnvironmentSource>(needs_);
  if (source == "Ec2InstanceMetadata") made = std::make_unique<ImdsSource>(needs_);
  if (source == "EcsContainer") made = std::make_unique<ContainerSource>(needs_);
  if (made == nullptr) {
    return Bad(profile, "there is no credential_source '" + source + "'")
        .WithHint("one of Environment, Ec2InstanceMetadata, EcsContainer");
  }
  return made;
}

Result<std::optional<Credentials>> ProcessSource::Fetch(const CallContext& context,
                                                        std::string* /*why_not*/) {
  auto output = needs_.environment->Run(command_, context.Within(kProcessLimit));
  if (!output.ok()) return output.status().WithContext(name());
  std::string what = "the output of " + name();
  MB_ASSIGN_OR_RETURN(nlohmann::json json, ParseJsonObject(*output, what));
  if (json.value("Version", nlohmann::json()) != 1)
    return Status(Code::kProtocol, what + " is not of Version 1");
  MB_ASSIGN_OR_RETURN(Credentials credentials, ParseCredentialsJson(*output, what));
  credentials.source = name();
  return std::optional<Credentials>(std::move(credentials));
}

}  // namespace maxbrod::aws
