// AlterClientQuotas (API 49, KIP-546): sets and removes quotas, each entity at once or not at all.
#pragma once

#include "kafka/messages/message.h"

namespace maxbrod::kafka {

struct AlterClientQuotasResponse;

struct AlterClientQuotasRequest {
  using Response = AlterClientQuotasResponse;
  static constexpr ApiInfo kApi{"AlterClientQuotas", 49, 0, 1, 1};

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

  struct Operation {
    std::string key;
    double value = 0;
    bool remove = false;

    bool operator==(const Operation&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Operation::key, "key");
      v.Field(s, &Operation::value, "value");
      v.Field(s, &Operation::remove, "remove");
    }
  };

  struct Entry {
    std::vector<Entity> entity;
    std::vector<Operation> ops;

    bool operator==(const Entry&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Entry::entity, "entity");
      v.Field(s, &Entry::ops, "ops");
    }
  };

  std::vector<Entry> entries;
  bool validate_only = false;

  bool operator==(const AlterClientQuotasRequest&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &AlterClientQuotasRequest::entries, "entries");
    v.Field(s, &AlterClientQuotasRequest::validate_only, "validate_only");
  }
};

struct AlterClientQuotasResponse {
  static constexpr ApiInfo kApi{"AlterClientQuotas", 49, 0, 1, 1};

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

  struct Entry {
    int16_t error_code = 0;
    std::optional<std::string> error_message;
    std::vector<Entity> entity;

    bool operator==(const Entry&) const = default;
    template <class V, class S>
    static void Visit(V& v, S& s) {
      v.Field(s, &Entry::error_code, "error_code");
      v.Field(s, &Entry::error_message, "error_message", Always().Nullable());
      v.Field(s, &Entry::entity, "entity");
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<Entry> entries;

  bool operator==(const AlterClientQuotasResponse&) const = default;
  template <class V, class S>
  static void Visit(V& v, S& s) {
    v.Field(s, &AlterClientQuotasResponse::throttle_time_ms, "throttle_time_ms");
    v.Field(s, &AlterClientQuotasResponse::entries, "entries");
  }
};

}  // namespace maxbrod::kafka
