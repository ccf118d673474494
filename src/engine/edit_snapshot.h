// Changes what a snapshot is called and how it is described: name, description, tags. Its data, its
// id and its times stay.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "repo/repository.h"

namespace maxbrod::engine {

struct EditOptions {
  std::optional<std::string> name;
  std::optional<std::string> description;  // empty: none
  bool clear_tags = false;                 // before the others
  std::vector<std::string> remove_tags, add_tags;
  std::string reason;  // kept in the log
};

struct EditReport {
  format::SnapshotRef before, after;
  bool changed = false;  // false: it was so already, and nothing was committed
  repo::Receipt head;
};

// kNotFound: no such snapshot, or a tag to remove that it does not have. kAlreadyExists: the name
// is another's. kInvalidArgument: a name or tag that cannot be one, or nothing to change. Changes
// that others make meanwhile to the same snapshot stay, as far as they are not the same ones.
Result<EditReport> EditSnapshot(repo::Repository& repository, const std::string& name_or_id,
                                const EditOptions& options, const CallContext& context);

// kInvalidArgument unless `tag` has 1 to 100 characters, none of them a comma, a space or a control
// character.
Status CheckTag(const std::string& tag);

bool HasTag(const format::SnapshotRef& ref, const std::string& tag);
bool HasTags(const format::SnapshotRef& ref, const std::vector<std::string>& tags);  // all of them

}  // namespace maxbrod::engine
