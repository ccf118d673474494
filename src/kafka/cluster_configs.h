// What DescribeConfigs and IncrementalAlterConfigs share for resources of all types. Included by
// cluster_*.cc and admin_*.cc only.
#pragma once

#include "kafka/cluster_named.h"
#include "kafka/messages/describe_configs.h"
#include "kafka/messages/incremental_alter_configs.h"

namespace maxbrod::kafka {

std::vector<ConfigValue> ConfigValuesFrom(const DescribeConfigsResponse::Resource& resource);
// All configs of each.
DescribeConfigsRequest DescribeConfigsOf(int8_t resource_type, const Names& names);
void AddAlteration(int8_t resource_type, const std::string& name,
                   const std::vector<ConfigChange>& changes,
                   IncrementalAlterConfigsRequest* request);

}  // namespace maxbrod::kafka
