#include "engine/config_rules.h"

#include <algorithm>
#include <map>

namespace maxbrod::engine {
namespace {

Status Broken(const std::string& text, const char* form) {
  return Status(Code::kInvalidArgument, "not a config: '" + text + "'")
      .WithHint(std::string(form) + ", for some topics TOPICS:" + form +
                " with a name, a glob or a /regular expression/");
}

bool IsConfigName(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  });
}

// Splits the topics off. Names of topics hold no colon; a regular expression may, and ends with
// the first slash that a colon follows.
Status SplitTopics(const std::string& text, ConfigRule* rule, std::string* rest) {
  size_t colon = text.find(':');
  if (!text.empty() && text[0] == '/') {
    colon = text.find("/:", 1);
    if (colon == std::string::npos) {
      return Status(Code::kInvalidArgument, "the regular expression in '" + text + "' has no end")
          .WithHint("/expression/:NAME=VALUE");
    }
    ++colon;
  }
  // A colon behind the equals sign belongs to the value.
  if (colon == std::string::npos || (text[0] != '/' && text.find('=') < colon)) {
    *rest = text;
    return Status::Ok();
  }
  MB_ASSIGN_OR_RETURN(NamePattern topics, NamePattern::Parse(text.substr(0, colon)));
  rule->topics = std::move(topics);
  *rest = text.substr(colon + 1);
  return Status::Ok();
}

}  // namespace

Status ConfigRules::AddOverride(const std::string& text) {
  ConfigRule rule;
  std::string rest;
  MB_RETURN_IF_ERROR(SplitTopics(text, &rule, &rest));
  const size_t equals = rest.find('=');
  if (equals == std::string::npos) return Broken(text, "NAME=VALUE");
  rule.name = rest.substr(0, equals);
  rule.value = rest.substr(equals + 1);
  if (!IsConfigName(rule.name)) return Broken(text, "NAME=VALUE");
  rules_.push_back(std::move(rule));
  return Status::Ok();
}

Status ConfigRules::AddLeftOut(const std::string& text) {
  ConfigRule rule;
  MB_RETURN_IF_ERROR(SplitTopics(text, &rule, &rule.name));
  if (!IsConfigName(rule.name)) return Broken(text, "NAME");
  rules_.push_back(std::move(rule));
  return Status::Ok();
}

const ConfigRule* ConfigRules::Find(const std::string& topic, const std::string& name) const {
  auto found = std::find_if(rules_.rbegin(), rules_.rend(), [&](const ConfigRule& rule) {
    return rule.name == name && (!rule.topics || rule.topics->Matches(topic));
  });
  return found == rules_.rend() ? nullptr : &*found;
}

std::vector<std::pair<std::string, std::string>> ConfigRules::SetOn(
    const std::string& topic) const {
  std::map<std::string, std::string> set;
  for (const ConfigRule& rule : rules_) {
    const ConfigRule* last = Find(topic, rule.name);
    if (last != nullptr && last->value) set[rule.name] = *last->value;
  }
  return {set.begin(), set.end()};
}

std::string ConfigRules::Text() const {
  std::string text;
  for (const ConfigRule& rule : rules_) {
    text += (rule.topics ? rule.topics->text() : std::string("*")) + ":" + rule.name +
            (rule.value ? "=" + *rule.value : " left out") + "\n";
  }
  return text;
}

}  // namespace maxbrod::engine
