#include "engine/schema_order.h"

#include <algorithm>
#include <vector>

#include "registry/registry_json.h"

namespace maxbrod::engine {
namespace {

struct Node {
  size_t waits_for = 0;
  std::vector<SchemaKey> referred_by;
};

}  // namespace

std::map<SchemaKey, size_t> SchemaLevels(
    const google::protobuf::RepeatedPtrField<format::RegistrySubject>& subjects) {
  std::map<SchemaKey, Node> nodes;
  for (const auto& subject : subjects) {
    for (const auto& version : subject.versions()) nodes[{subject.subject(), version.version()}];
  }
  for (const auto& subject : subjects) {
    for (const auto& version : subject.versions()) {
      SchemaKey key{subject.subject(), version.version()};
      for (const auto& reference : version.references()) {
        auto found = nodes.find(
            {registry::Qualified(reference.subject(), subject.subject()), reference.version()});
        if (found == nodes.end()) continue;
        found->second.referred_by.push_back(key);
        ++nodes[key].waits_for;
      }
    }
  }
  std::map<SchemaKey, size_t> levels;
  std::vector<SchemaKey> now;
  for (const auto& [key, node] : nodes) {
    if (node.waits_for == 0) now.push_back(key);
  }
  size_t level = 0;
  for (; !now.empty(); ++level) {
    std::vector<SchemaKey> next;
    for (const SchemaKey& key : now) {
      levels[key] = level;
      for (const SchemaKey& other : nodes[key].referred_by) {
        if (--nodes[other].waits_for == 0) next.push_back(other);
      }
    }
    now = std::move(next);
  }
  for (const auto& [key, node] : nodes) levels.try_emplace(key, level);
  return levels;
}

}  // namespace maxbrod::engine
