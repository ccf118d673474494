#include "aws/credentials_chain.h"

#include "aws/credentials_cache.h"
#include "aws/credentials_container.h"
#include "aws/credentials_profile.h"
#include "aws/credentials_static.h"
#include "aws/curl_http.h"
#include "aws/imds.h"
#include "aws/profile.h"
#include "aws/sts.h"

namespace maxbrod::aws {
namespace {

// For STS; asking the instance for it is not worth the time where there is none.
std::string StsRegion(const SourceNeeds& needs, const CredentialsOptions& options) {
  if (!options.sts_region.empty()) return options.sts_region;
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (auto value = needs.environment->Variable(name)) return *value;
  }
  auto files = ProfileFiles::Read(*needs.environment);
  if (!files.ok()) return {};  // whoever needs the profile says what is wrong with it
  const Profile* profile = files->Find(ProfileName(*needs.environment, options.profile));
  return profile == nullptr ? std::string() : profile->Get("region");
}

// Makes the sources when they are first needed, so that an environment of no use costs nothing.
class LazyChain : public CredentialsSource {
 public:
  LazyChain(const SourceNeeds& needs, const CredentialsOptions& options)
      : needs_(needs), options_(options) {}
  std::string name() const override { return "credentials"; }

  Result<std::optional<Credentials>> Fetch(const CallContext& context,
                                           std::string* why_not) override {
    if (source_ == nullptr) source_ = Make();
    return source_->Fetch(context, why_not);
  }

 private:
  std::unique_ptr<CredentialsSource> Make() const {
    std::string region = StsRegion(needs_, options_);
    std::unique_ptr<CredentialsSource> base = MakeBase(region);
    if (options_.role_arn.empty()) return base;
    RoleRequest role;
    role.role_arn = options_.role_arn;
    role.session_name = options_.role_session_name;
    role.external_id = options_.role_external_id;
    role.region = region;
    return std::make_unique<AssumeRoleSource>(
        needs_, std::move(role),
        std::make_shared<CachingCredentials>(std::move(base), *needs_.clock));
  }

  std::unique_ptr<CredentialsSource> MakeBase(const std::string& region) const {
    bool named = !options_.profile.empty();
    if (named) return std::make_unique<ProfileSource>(needs_, options_.profile, true, region);
    bool by_variable = needs_.environment->Variable("AWS_PROFILE").has_value();
    std::vector<std::unique_ptr<CredentialsSource>> sources;
    sources.push_back(std::make_unique<EnvironmentSource>(needs_));
    sources.push_back(std::make_unique<WebIdentitySource>(needs_, region));
    sources.push_back(std::make_unique<ProfileSource>(needs_, "", by_variable, region));
    sources.push_back(std::make_unique<ContainerSource>(needs_));
    sources.push_back(std::make_unique<ImdsSource>(needs_));
    return std::make_unique<ChainSource>(std::move(sources));
  }

  const SourceNeeds needs_;
  const CredentialsOptions options_;
  std::unique_ptr<CredentialsSource> source_;
};

}  // namespace

std::string ChainSource::name() const {
  return chosen_ == nullptr ? "credentials" : chosen_->name();
}

Result<std::optional<Credentials>> ChainSource::Fetch(const CallContext& context,
                                                      std::string* why_not) {
  if (chosen_ != nullptr) return chosen_->Fetch(context, why_not);
  std::string places;
  for (const auto& source : sources_) {
    MB_RETURN_IF_ERROR(context.Check());
    std::string why;
    auto fetched = source->Fetch(context, &why);
    if (!fetched.ok())
      return fetched.status().WithContext("AWS credentials from " + source->name());
    if (fetched->has_value()) {
      chosen_ = source.get();
      return fetched;
    }
    places += (places.empty() ? "" : "; ") + source->name() + ": " + why;
  }
  return Status(Code::kNotFound, "no AWS credentials were found. " + places)
      .WithHint(
          "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the "
          "machine a role");
}

std::shared_ptr<CredentialsProvider> MakeCredentials(const SourceNeeds& needs,
                                                     const CredentialsOptions& options) {
  return std::make_shared<CachingCredentials>(std::make_unique<LazyChain>(needs, options),
                                              *needs.clock);
}

const SourceNeeds& SystemNeeds() {
  static CurlHttpClient http([] {
    CurlHttpOptions options;
    // As AWS's own tools take it.
    options.ca_file = Environment::System().Variable("AWS_CA_BUNDLE").value_or("");
    return options;
  }());
  static CurlHttpClient local_http([] {
    CurlHttpOptions options;
    options.proxy = "";
    return options;
  }());
  static const SourceNeeds needs{&Environment::System(), &http, &local_http, &Clock::System()};
  return needs;
}

}  // namespace maxbrod::aws
