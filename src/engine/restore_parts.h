// Which parts of a snapshot a restore brings back.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace maxbrod::engine {

// A value. The default is what a restore is for: topics, their data, and where the groups were.
struct RestoreParts {
  bool topics = true;  // created, with their configs
  bool data = true;    // without `topics`: into topics that are there, which keep their configs
  bool groups = true;  // without `data`: against the data that is there
  bool acls = false;
  bool quotas = false;
  bool users = false;    // of SCRAM
  bool configs = false;  // dynamic ones of groups and client metrics
  bool schemas = false;  // of a Schema Registry

  // Names, "all", or "metadata" for everything that is neither data nor a group's offset.
  // kInvalidArgument with a hint for unknown names, and where the parts make no sense together.
  static Result<RestoreParts> Parse(const std::vector<std::string>& names);
  bool metadata() const { return acls || quotas || users || configs || schemas; }
  std::string Text() const;  // "topics,data,groups"
  bool operator==(const RestoreParts&) const = default;
};

}  // namespace maxbrod::engine
