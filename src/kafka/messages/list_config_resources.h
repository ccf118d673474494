// ListConfigResources (API 74, KIP-1142): names of resources that have dynamic configs. Version 0
// is ListClientMetricsResources (KIP-714): client metrics subscriptions only.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct ListConfigResourcesResponse;

struct ListConfigResourcesRequest {
  using Response = ListConfigResourcesResponse;
  static constexpr ApiInfo kApi{"ListConfigResources", 74, 0, 1, 0};

  std::vector<int8_t> resource_types;  // empty: all

  bool operator==(const ListConfigResourcesRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &ListConfigResourcesRequest::resource_types, "resource_types", Since(1));
  }
};

struct ListConfigResourcesResponse {
  static constexpr ApiInfo kApi{"ListConfigResources", 74, 0, 1, 0};

  struct Resource {
    std::string resource_name;
    int8_t resource_type = 16;

    bool operator==(const Resource&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Resource::resource_name, "resource_name");
      v.Field(s, &Resource::resource_type, "resource_type", Since(1).Ignorable());
    }
  };

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::vector<Resource> config_resources;

  bool operator==(const ListConfigResourcesResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &ListConfigResourcesResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &ListConfigResourcesResponse::error_code, "error_code");
    v.Field(s, &ListConfigResourcesResponse::config_resources, "config_resources");
  }
};

}  // namespace maxbrod::kafka
