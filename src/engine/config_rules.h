// What the user says of restored topics' configs: set to something else, or left out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/selection.h"

namespace maxbrod::engine {

struct ConfigRule {
  std::optional<NamePattern> topics;  // by their name on the source; none: all
  std::string name;
  std::optional<std::string> value;  // none: the config is left out, the target's default applies
};

// A value. Later rules win.
class ConfigRules {
 public:
  // "[TOPICS:]NAME=VALUE", where TOPICS is a name, a glob or a /regular expression/.
  // kInvalidArgument with a hint.
  Status AddOverride(const std::string& text);
  // "[TOPICS:]NAME".
  Status AddLeftOut(const std::string& text);
  void Add(ConfigRule rule) { rules_.push_back(std::move(rule)); }
  // The last rule for this config of this topic; null: there is none.
  const ConfigRule* Find(const std::string& topic, const std::string& name) const;
  // Configs that rules set on this topic, by name.
  std::vector<std::pair<std::string, std::string>> SetOn(const std::string& topic) const;
  bool empty() const { return rules_.empty(); }
  std::string Text() const;  // all of it, for the restore's record

 private:
  std::vector<ConfigRule> rules_;
};

}  // namespace maxbrod::engine
