#include "registry/registry_json.h"

#include <cctype>
#include <limits>
#include <nlohmann/json.hpp>

#include "aws/json_read.h"

namespace maxbrod::registry {
namespace {

using nlohmann::json;

constexpr size_t kMessageMax = 300;
// Values are compared and written by recursion: what nests deeper is taken for no JSON.
constexpr int kDepthMax = 500;
constexpr const char* kAvro = "AVRO";

bool TooDeep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kDepthMax) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

json Parse(std::string_view text) {
  if (TooDeep(text)) return json(json::value_t::discarded);
  return json::parse(text.begin(), text.end(), nullptr, false);
}

Status Malformed(const char* what) {
  return Status(Code::kProtocol, std::string("the registry's answer is not ") + what);
}

// Some registries say null for an empty one.
Result<json> ParseList(std::string_view text, const char* what) {
  json list = Parse(text);
  if (list.is_null()) return json::array();
  if (!list.is_array()) return Malformed(what);
  return list;
}

// A number from 0 to 2^31-1; -1 for anything else.
int32_t Number(const json& value) {
  if (!value.is_number_integer()) return -1;
  if (value.is_number_unsigned() &&
      value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int32_t>::max()))
    return -1;
  int64_t number = value.get<int64_t>();
  return number < 0 ? -1 : static_cast<int32_t>(number);
}

int32_t Number(const json& object, const char* key) {
  auto found = object.find(key);
  return found == object.end() ? -1 : Number(*found);
}

// What is in an object, as text; empty when nothing is.
std::string FieldsText(const json& object) {
  json kept = json::object();
  for (const auto& [name, value] : object.items()) {
    if (!value.is_null()) kept[name] = value;
  }
  return kept.empty() ? "" : aws::JsonDump(kept);
}

// The same of the object under `key`; empty when there is none, too.
std::string ObjectText(const json& object, const char* key) {
  auto found = object.find(key);
  return found == object.end() || !found->is_object() ? "" : FieldsText(*found);
}

void PutObject(const std::string& text, const char* key, json* out) {
  if (text.empty()) return;
  json value = Parse(text);
  if (value.is_object()) (*out)[key] = std::move(value);
}

std::string WithoutBlanks(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (std::isspace(static_cast<unsigned char>(c)) == 0) out += c;
  }
  return out;
}

bool SameText(const Version& a, const Version& b) {
  if (a.schema() == b.schema()) return true;
  if (a.schema_type() == "PROTOBUF") return WithoutBlanks(a.schema()) == WithoutBlanks(b.schema());
  return SameJson(a.schema(), b.schema());
}

bool SameReferences(const Version& a, const Version& b) {
  if (a.references_size() != b.references_size()) return false;
  for (int i = 0; i < a.references_size(); ++i) {
    const auto &left = a.references(i), &right = b.references(i);
    if (left.name() != right.name() || left.subject() != right.subject() ||
        left.version() != right.version())
      return false;
  }
  return true;
}

}  // namespace

Result<std::vector<std::string>> ParseNames(std::string_view text) {
  MB_ASSIGN_OR_RETURN(json list, ParseList(text, "a list of names"));
  std::vector<std::string> out;
  for (const json& name : list) {
    if (!name.is_string()) return Malformed("a list of names");
    out.push_back(name.get<std::string>());
  }
  return out;
}

Result<std::vector<int32_t>> ParseVersions(std::string_view text) {
  MB_ASSIGN_OR_RETURN(json list, ParseList(text, "a list of versions"));
  std::vector<int32_t> out;
  for (const json& value : list) {
    out.push_back(Number(value));
    if (out.back() < 1) return Malformed("a list of versions");
  }
  return out;
}

Result<Version> ParseVersion(std::string_view text) {
  json object = Parse(text);
  if (!object.is_object()) return Malformed("a schema");
  Version out;
  out.set_version(Number(object, "version"));
  out.set_id(Number(object, "id"));
  auto schema = object.find("schema");
  if (out.version() < 1 || out.id() < 0 || schema == object.end() || !schema->is_string())
    return Malformed("a schema with its id and version");
  out.set_schema(schema->get<std::string>());
  std::string type = aws::JsonText(object, "schemaType");
  out.set_schema_type(type.empty() ? kAvro : type);
  auto references = object.find("references");
  if (references != object.end() && references->is_array()) {
    for (const json& reference : *references) {
      auto* to = out.add_references();
      to->set_name(aws::JsonText(reference, "name"));
      to->set_subject(aws::JsonText(reference, "subject"));
      to->set_version(reference.is_object() ? Number(reference, "version") : -1);
      if (to->subject().empty() || to->version() < 1)
        return Malformed("a schema with references to versions of subjects");
    }
  }
  out.set_metadata(ObjectText(object, "metadata"));
  out.set_rule_set(ObjectText(object, "ruleSet"));
  return out;
}

Result<std::string> ParseMode(std::string_view text) {
  json object = Parse(text);
  std::string mode = aws::JsonText(object, "mode");
  if (mode.empty()) return Malformed("a mode");
  return mode;
}

Result<Compatibility> ParseCompatibility(std::string_view text) {
  json object = Parse(text);
  if (!object.is_object()) return Malformed("a compatibility level");
  Compatibility out;
  // It answers with the one name and is set with the other.
  for (const char* key : {"compatibilityLevel", "compatibility"}) {
    if (out.level.empty()) out.level = aws::JsonText(object, key);
    object.erase(key);
  }
  out.settings = FieldsText(object);
  return out;
}

Result<int32_t> ParseId(std::string_view text) {
  json object = Parse(text);
  int32_t id = object.is_object() ? Number(object, "id") : -1;
  if (id < 0) return Malformed("the id of a schema");
  return id;
}

RegistryError ParseError(std::string_view text) {
  RegistryError out;
  json object = Parse(text);
  if (!object.is_object()) return out;
  out.code = std::max(Number(object, "error_code"), 0);
  for (char c : aws::JsonText(object, "message").substr(0, kMessageMax))
    out.message += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  return out;
}

std::string RegisterBody(const Version& version) {
  json body = {{"schema", version.schema()}, {"id", version.id()}, {"version", version.version()}};
  // Older ones know no types.
  if (version.schema_type() != kAvro) body["schemaType"] = version.schema_type();
  for (const auto& reference : version.references()) {
    body["references"].push_back({{"name", reference.name()},
                                  {"subject", reference.subject()},
                                  {"version", reference.version()}});
  }
  PutObject(version.metadata(), "metadata", &body);
  PutObject(version.rule_set(), "ruleSet", &body);
  return aws::JsonDump(body);
}

std::string ModeBody(const std::string& mode) {
  return aws::JsonDump({{"mode", mode}});
}

Result<std::string> CompatibilityBody(const Compatibility& compatibility) {
  json body = json::object();
  if (!compatibility.settings.empty()) {
    body = Parse(compatibility.settings);
    if (!body.is_object())
      return Status(Code::kCorrupt, "the snapshot's settings of a subject are no JSON object");
  }
  if (!compatibility.level.empty()) body["compatibility"] = compatibility.level;
  return aws::JsonDump(body);
}

bool SameJson(const std::string& a, const std::string& b) {
  if (a == b) return true;
  json left = Parse(a), right = Parse(b);
  return !left.is_discarded() && !right.is_discarded() && left == right;
}

bool SameSchema(const Version& a, const Version& b) {
  return a.schema_type() == b.schema_type() && SameReferences(a, b) &&
         SameJson(a.metadata(), b.metadata()) && SameJson(a.rule_set(), b.rule_set()) &&
         SameText(a, b);
}

std::string ContextOf(const std::string& subject) {
  if (!subject.starts_with(":.")) return "";
  const size_t end = subject.find(':', 1);
  // ":.:" is the default context, written out.
  if (end == std::string::npos || end == 2) return "";
  return subject.substr(0, end + 1);
}

std::string Qualified(const std::string& reference, const std::string& of_subject) {
  constexpr std::string_view kDefaultContext = ":.:";
  if (reference.starts_with(kDefaultContext)) return reference.substr(kDefaultContext.size());
  if (reference.starts_with(":.")) return reference;
  return ContextOf(of_subject) + reference;
}

}  // namespace maxbrod::registry
