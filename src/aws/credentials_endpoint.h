// Which region, and where its services are.
#pragma once

#include <string>

#include "aws/credentials_source.h"

namespace maxbrod::aws {

// AWS_REGION, AWS_DEFAULT_REGION, the profile's `region`, the instance's. kNotFound lists the
// places. `profile` is empty unless one was named. kInvalidArgument for what cannot be a region.
Result<std::string> ResolveRegion(const SourceNeeds& needs, const std::string& profile,
                                  const CallContext& context);

// "amazonaws.com", "amazonaws.com.cn", ...: what the names of a region's services end with.
std::string DnsSuffix(const std::string& region);

// "https://kms.eu-west-1.amazonaws.com", or what AWS_ENDPOINT_URL_<ID> (or else AWS_ENDPOINT_URL,
// or the profile's endpoint_url) says, unless AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is true. `id` is
// the service's name in variables ("KMS", "SECRETS_MANAGER"), `host_prefix` the one in host names.
// Never ends with a slash.
std::string ServiceEndpoint(Environment& environment, const std::string& id,
                            const std::string& host_prefix, const std::string& region,
                            const std::string& profile_endpoint = "");

// Letters, digits and dashes: it becomes part of a host name.
bool IsRegionName(const std::string& text);

}  // namespace maxbrod::aws
