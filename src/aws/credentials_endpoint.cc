#include "aws/credentials_endpoint.h"

#include <algorithm>
#include <cctype>

#include "aws/imds.h"
#include "aws/profile.h"

namespace maxbrod::aws {
namespace {

constexpr size_t kRegionBytesMax = 63;

struct Partition {
  std::string_view region_prefix, suffix;
};
// "Partitions" of AWS: groups of regions with names and identities of their own.
constexpr Partition kPartitions[] = {
    {"cn-", "amazonaws.com.cn"}, {"us-isob-", "sc2s.sgov.gov"},  {"us-isof-", "csp.hci.ic.gov"},
    {"us-iso-", "c2s.ic.gov"},   {"eu-isoe-", "cloud.adc-e.uk"}, {"eusc-", "amazonaws.eu"},
};

Result<std::string> Checked(std::string region, const std::string& from) {
  if (IsRegionName(region)) return region;
  return Status(Code::kInvalidArgument, from + ": '" + region + "' is not the name of a region");
}

}  // namespace

bool IsRegionName(const std::string& text) {
  return !text.empty() && text.size() <= kRegionBytesMax && text.front() != '-' &&
         text.back() != '-' && std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '-';
         });
}

Result<std::string> ResolveRegion(const SourceNeeds& needs, const std::string& profile,
                                  const CallContext& context) {
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    auto value = needs.environment->Variable(name);
    if (value) return Checked(*value, name);
  }
  MB_ASSIGN_OR_RETURN(ProfileFiles files, ProfileFiles::Read(*needs.environment));
  std::string name = ProfileName(*needs.environment, profile);
  const Profile* found = files.Find(name);
  if (found != nullptr && found->Has("region"))
    return Checked(found->Get("region"), "profile '" + name + "'");
  ImdsClient imds(needs);
  std::string why = imds.Disabled();
  if (why.empty()) {
    auto region = imds.Get("/latest/meta-data/placement/region", context);
    if (region.ok()) return Checked(*region, "instance metadata");
    MB_RETURN_IF_ERROR(context.Check());
    why = region.status().message();
  }
  return Status(Code::kNotFound,
                "no AWS region: AWS_REGION and AWS_DEFAULT_REGION are not set; profile '" + name +
                    "' in " + files.where() + " has no region; instance metadata: " + why)
      .WithHint("set AWS_REGION, e.g. eu-west-1");
}

std::string DnsSuffix(const std::string& region) {
  for (const Partition& partition : kPartitions) {
    if (region.starts_with(partition.region_prefix)) return std::string(partition.suffix);
  }
  return "amazonaws.com";
}

std::string ServiceEndpoint(Environment& environment, const std::string& id,
                            const std::string& host_prefix, const std::string& region,
                            const std::string& profile_endpoint) {
  std::string ignore = environment.Variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").value_or("");
  std::string url;
  if (ignore != "true") {
    url = environment.Variable("AWS_ENDPOINT_URL_" + id).value_or("");
    if (url.empty()) url = environment.Variable("AWS_ENDPOINT_URL").value_or("");
    if (url.empty()) url = profile_endpoint;
  }
  if (url.empty()) return "https://" + host_prefix + "." + region + "." + DnsSuffix(region);
  while (url.ends_with('/')) url.pop_back();
  return url;
}

}  // namespace maxbrod::aws
