// DescribeClientQuotas (API 48, KIP-546): quotas of users, client ids and addresses.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct DescribeClientQuotasResponse;

struct DescribeClientQuotasRequest {
  using Response = DescribeClientQuotasResponse;
  static constexpr ApiInfo kApi{"DescribeClientQuotas", 48, 0, 1, 1};

  struct Component {
    std::string entity_type;
    int8_t match_type = 0;  // 0 exact name, 1 default name, 2 any name
    std::optional<std::string> match;

    bool operator==(const Component&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Component::entity_type, "entity_type");
      v.Field(s, &Component::match_type, "match_type");
      v.Field(s, &Component::match, "match", Always().Nullable());
    }
  };

  std::vector<Component> components;  // all must match; empty: all quotas
  bool strict = false;                // no other entity types

  bool operator==(const DescribeClientQuotasRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DescribeClientQuotasRequest::components, "components");
    v.Field(s, &DescribeClientQuotasRequest::strict, "strict");
  }
};

struct DescribeClientQuotasResponse {
  static constexpr ApiInfo kApi{"DescribeClientQuotas", 48, 0, 1, 1};

  struct Entity {
    std::string entity_type;
    std::optional<std::string> entity_name;  // null: the type's default

    bool operator==(const Entity&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Entity::entity_type, "entity_type");
      v.Field(s, &Entity::entity_name, "entity_name", Always().Nullable());
    }
  };

  struct Value {
    std::string key;
    double value = 0;

    bool operator==(const Value&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Value::key, "key");
      v.Field(s, &Value::value, "value");
    }
  };

  struct Entry {
    std::vector<Entity> entity;
    std::vector<Value> values;

    bool operator==(const Entry&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Entry::entity, "entity");
      v.Field(s, &Entry::values, "values");
    }
  };

  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::optional<std::string> error_message;
  std::optional<std::vector<Entry>> entries;

  bool operator==(const DescribeClientQuotasResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &DescribeClientQuotasResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &DescribeClientQuotasResponse::error_code, "error_code");
    v.Field(s, &DescribeClientQuotasResponse::error_message, "error_message", Always().Nullable());
    v.Field(s, &DescribeClientQuotasResponse::entries, "entries", Always().Nullable());
  }
};

}  // namespace maxbrod::kafka
